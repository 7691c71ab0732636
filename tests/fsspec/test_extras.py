"""A kind of store whose library is missing says which extra brings it, and does not disturb the others."""

from __future__ import annotations

import sys

import pytest

from wrikebackup_core import Context, MissingExtra
from wrikebackup_core.plugins import Plugins

NEEDED = {
    "s3": ("obstore", {"bucket": "acme"}),
    "gcs": ("google.auth", {"bucket": "acme"}),
    "sftp": ("asyncssh", {"host": "backup.example.com", "path": "wrike"}),
    "url": ("fsspec", {"url": "memory://wrike"}),
}


@pytest.mark.parametrize("kind", NEEDED)
def test_a_missing_library_is_answered_with_the_extra_that_brings_it(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    library, options = NEEDED[kind]
    for name in list(sys.modules):
        if name.split(".")[0] == library.split(".")[0] or name.startswith(f"wrikebackup_fsspec.{kind}"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    plugins = Plugins.load()
    with pytest.raises(MissingExtra) as caught:
        plugins.make_sink(kind, plugins.sinks[kind].options.model_validate(options), Context(secret=str))
    assert caught.value.hint == f'pip install "wrikebackup[{kind}]"'
