"""A stranger's plugin, `examples/wrikebackup_hello`: built as a distribution, installed into a fresh environment, and used in a run."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

import pytest

from tests.hello.environments import installed, own_tests_pass, run

EXAMPLE = Path(__file__).parents[2] / "examples" / "wrikebackup_hello"
PROGRAM = "import sys; from wrikebackup_core.cli import main; sys.argv[0] = 'wrikebackup'; main()"


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a new environment with the example plugin in it."""
    return installed(EXAMPLE, tmp_path_factory.mktemp("hello"))


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    path = tmp_path / "hello.yaml"
    path.write_text(
        (EXAMPLE / "hello.yaml").read_text(encoding="utf-8") + "  - local: {path: ./copy}\n", encoding="utf-8"
    )
    return path


def test_the_plugin_is_listed_with_its_parts(environment: Path, tmp_path: Path) -> None:
    listed = run(environment, "-c", PROGRAM, "plugins", cwd=tmp_path).stdout
    (line,) = [line for line in listed.splitlines() if "wrikebackup-hello" in line or "wrikebackup_hello" in line]
    assert "1.0" in line
    assert "hello" in line


def test_its_own_tests_pass_where_it_is_installed(environment: Path) -> None:
    own_tests_pass(environment)


def test_a_run_with_all_three_parts_makes_a_complete_backup(environment: Path, profile: Path) -> None:
    here = profile.parent
    run(environment, "-c", PROGRAM, "backup", profile, cwd=here)
    (backup,) = (here / "copy" / "account-IEAAAEDY").glob("backup-*")
    manifest = json.loads((backup / "manifest.json").read_bytes())
    assert manifest["complete"] is True
    assert (backup / "README.txt").read_text(encoding="utf-8").startswith("Good morning!\n")

    with zipfile.ZipFile(backup / f"{backup.name}.zip") as archive:
        assert archive.testzip() is None
        tasks = json.loads(archive.read("tasks.json"))
    assert [task["title"] for task in tasks] == ["Write invitations", "Bake a cake", "Borrow chairs 🪑"]
    assert [comment["body"] for comment in tasks[1]["comments"]] == ["Apple or plum?"]
    (stored,) = (here / "copy" / "account-IEAAAEDY" / "attachments").iterdir()
    assert stored.name.startswith("IEAAAEDYIYAAAABJ-")
    assert stored.read_bytes() == (EXAMPLE / "src/wrikebackup_hello/account/files/IEAAAEDYIYAAAABJ").read_bytes()

    for line in (backup / "SHA256SUMS").read_text(encoding="utf-8").splitlines():
        digest, _, path = line.partition("  ")
        assert hashlib.sha256((backup / path).read_bytes()).hexdigest() == digest, path


DUMP = """
import hashlib, json, sys
from wrikebackup_hello.sink import HelloSink
sink = HelloSink(sys.argv[1])
print(json.dumps({entry.key: hashlib.sha256(sink.open(entry.key).read()).hexdigest() for entry in sink.list("")}))
"""


def test_both_sinks_hold_the_same_and_both_verify(environment: Path, profile: Path) -> None:
    here = profile.parent
    run(environment, "-c", PROGRAM, "backup", profile, cwd=here)
    in_the_file = json.loads(run(environment, "-c", DUMP, here / "hello.sqlite3", cwd=here).stdout)
    on_disk = {
        path.relative_to(here / "copy").as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (here / "copy").rglob("*")
        if path.is_file()
    }
    assert in_the_file == on_disk
    run(environment, "-c", PROGRAM, "verify", profile, cwd=here)


def test_an_unknown_option_of_the_plugin_is_a_mistake_of_the_profile(environment: Path, profile: Path) -> None:
    profile.write_text(profile.read_text(encoding="utf-8").replace("greeting", "greting"), encoding="utf-8")
    done = run(environment, "-c", PROGRAM, "backup", profile, cwd=profile.parent, check=False)
    assert done.returncode == 2
    assert "greting" in done.stderr
    assert "Traceback" not in done.stderr
