"""What the documentation shows can be run."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from wrikebackup_core import profile
from wrikebackup_core.plugins import Plugins

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "examples").glob("*.md"))]
SKIP = "# doc-test: skip"


def _blocks(language: str) -> Iterator[tuple[str, str]]:
    """(where, text) of each block of a language, in pages and in what is indented below lists."""
    for page in PAGES:
        for found in re.finditer(
            rf"^( *)```{language}\b[^\n]*\n(.*?)^\1```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
        ):
            indent = len(found[1])
            text = "\n".join(line[indent:] for line in found[2].splitlines()) + "\n"
            if "--8<--" not in text:
                number = page.read_text(encoding="utf-8")[: found.start()].count("\n") + 1
                yield f"{page.relative_to(ROOT)}:{number}", text


PROFILES = [
    *((where, text) for where, text in _blocks("yaml") if "\nsinks:" in text and SKIP not in text),
    *(
        (str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"))
        for path in sorted((ROOT / "examples").glob("*.yaml"))
        if path.name != "compose.yaml"
    ),
]


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    return Plugins.load()


@pytest.mark.parametrize(("where", "text"), PROFILES, ids=[where for where, _ in PROFILES])
def test_a_profile_in_the_documentation_is_valid(where: str, text: str, plugins: Plugins, tmp_path: Path) -> None:
    path = tmp_path / "profile.yaml"
    path.write_text(text, encoding="utf-8")
    profile.load(path, plugins)


@pytest.mark.parametrize(("where", "text"), list(_blocks("python")), ids=[where for where, _ in _blocks("python")])
def test_python_in_the_documentation_is_python(where: str, text: str) -> None:
    ast.parse(text, filename=where)


def _titled(page: str) -> dict[str, str]:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return dict(re.findall(r'^```\w+ title="([^"]+)"\n(.*?)^```', text, re.DOTALL | re.MULTILINE))


def test_the_plugin_of_the_guide_keeps_the_contract(tmp_path: Path) -> None:
    """The guide's files, laid out as it says, pass the tests that it says to inherit."""
    files = _titled("how-to/write-a-plugin.md")
    for name, body in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(body, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT), str(ROOT / "plugins")])}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\d+ passed", done.stdout)


def test_the_plugin_of_the_guide_registers_and_its_profile_is_valid(tmp_path: Path) -> None:
    files = _titled("how-to/write-a-plugin.md")
    module: dict[str, Any] = {"__name__": "wrikebackup_shout"}
    exec(compile(files["wrikebackup_shout/__init__.py"], "wrikebackup_shout", "exec"), module)
    plugins = Plugins.load()
    plugins.add("shout", SimpleNamespace(register_transforms=module["register_transforms"]))
    [text] = [text for where, text in _blocks("yaml") if SKIP in text and "shout" in text]
    path = tmp_path / "shout.yaml"
    path.write_text(text, encoding="utf-8")
    profile.load(path, plugins)


def test_the_python_of_the_reading_guide_reads_a_backup(tmp_path: Path) -> None:
    """A backup of the quickstart's account, then the guide's program in the same folder: a line for each task."""
    quickstart = ROOT / "examples" / "quickstart.yaml"
    (tmp_path / "quickstart.yaml").write_text(quickstart.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "read.py").write_text(_reading_program(), encoding="utf-8")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "plugins")]),
        "PYTHONIOENCODING": "utf-8",
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("-c", "from wrikebackup_core.cli import main; main()", "backup", "quickstart.yaml")
    lines = run("read.py").splitlines()
    assert sum("attachments" in line for line in lines) > 3
    assert len(lines) > 100


def _reading_program() -> str:
    [text] = [text for where, text in _blocks("python") if where.startswith("docs/how-to/read-a-backup.md")]
    return text


def test_every_message_of_the_troubleshooting_guide_is_one_that_the_program_has() -> None:
    page = (ROOT / "docs" / "how-to" / "troubleshooting.md").read_text(encoding="utf-8")
    headings = re.findall(r"^### `(.+)`$", page, re.MULTILINE)
    sources = [*(ROOT / "wrikebackup_core").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")]
    code = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    assert len(headings) > 5
    assert [heading for heading in headings if heading not in code] == []
