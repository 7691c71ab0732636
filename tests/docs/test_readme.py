"""The README's two lines, and the promise that continuous integration runs the very same one."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if "venv" in line
]


def test_one_line_installs_and_runs_the_quickstart() -> None:
    [line] = [command for command in COMMANDS if "nox" not in command]
    assert line == (
        "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/wrikebackup backup examples/quickstart.yaml"
    )
    assert (ROOT / "examples" / "quickstart.yaml").is_file()


def test_continuous_integration_runs_the_test_line_of_the_readme() -> None:
    [line] = [command for command in COMMANDS if "nox" in command]
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    commands = [text for text in script.splitlines() if not text.lstrip().startswith("#")]
    assert commands[-1] == line


def test_the_script_of_continuous_integration_fails_with_what_it_runs() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert script.startswith("#!/usr/bin/env bash\n")
    assert "set -euo pipefail" in script


def test_the_changelog_has_an_entry_for_this_version() -> None:
    from wrikebackup_core import __version__

    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"\n## [{__version__}]" in changelog


def test_links_of_the_files_beside_the_readme_lead_somewhere() -> None:
    for page in ROOT.glob("*.md"):
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text):
            assert (ROOT / target).exists(), f"{page.name}: {target}"
