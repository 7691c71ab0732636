"""The hooks' documentation says what the code says."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from wrikebackup_core import hookspecs
from wrikebackup_core.plugins import Plugins

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "hooks.md").read_text(encoding="utf-8")
HEADINGS = re.findall(r"^## (.+)$", PAGE, re.MULTILINE)


def _hooks() -> dict[str, str]:
    """Name and documented signature of every hook."""
    hook = Plugins().manager.hook
    names = [name for name in vars(hookspecs) if not name.startswith("_") and hasattr(hook, name)]
    return {name: f"{name}({', '.join(inspect.signature(getattr(hookspecs, name)).parameters)})" for name in names}


def test_every_hook_has_a_heading_with_its_signature_in_the_order_of_the_code() -> None:
    assert list(_hooks().values()) == HEADINGS
    assert len(HEADINGS) >= 7


def test_every_hook_has_a_docstring() -> None:
    for name in _hooks():
        assert inspect.getdoc(getattr(hookspecs, name)), name


def test_hook_arguments_have_no_defaults() -> None:
    for name in _hooks():
        for parameter in inspect.signature(getattr(hookspecs, name)).parameters.values():
            assert parameter.default is parameter.empty, f"{name}({parameter.name})"
