"""A stranger's plugin, `examples/wrikebackup_hello`: built as a distribution, installed into a fresh environment, and used in a run.

The new environment sees the libraries of the one that runs the tests, and wrikebackup itself as it is installed there; the plugin is
nowhere but in the new one.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import site
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "wrikebackup_hello"
BUILD = "import sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])"
PROGRAM = "import sys; from wrikebackup_core.cli import main; sys.argv[0] = 'wrikebackup'; main()"


def run(*command: str | Path, cwd: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Runs a program that knows of nothing but the environment it belongs to, with a home of its own."""
    keep = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "TEMP", "TMPDIR") if name in os.environ}
    done = subprocess.run(
        [*map(str, command)],
        cwd=cwd,
        env={**keep, "HOME": str(cwd), "USERPROFILE": str(cwd), "LOCALAPPDATA": str(cwd), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert not check or done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a new environment with the example plugin in it."""
    place = tmp_path_factory.mktemp("hello")
    shutil.copytree(EXAMPLE, place / "source", ignore=shutil.ignore_patterns("__pycache__", ".*"))
    (place / "wheels").mkdir()
    run(sys.executable, "-c", BUILD, place / "wheels", cwd=place / "source")
    (wheel,) = (place / "wheels").glob("wrikebackup_hello-1.0-*.whl")

    run(sys.executable, "-m", "venv", place / "venv", cwd=place)
    python = place / "venv" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    own = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=place).stdout.strip())
    # addsitedir and not a bare path, so that an editable installation is found too.
    lines = [f"import site; site.addsitedir({folder!r})\n" for folder in site.getsitepackages()]
    (own / "libraries_of_the_tests.pth").write_text("".join(lines), encoding="utf-8")
    run(python, "-m", "pip", "install", "--no-deps", "--no-index", wheel, cwd=place)
    shutil.rmtree(place / "source" / "src")  # what is imported from here on is what was installed
    return python


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
    tests = environment.parents[2] / "source" / "tests"
    done = run(
        environment,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        os.devnull,
        "--rootdir",
        tests,
        tests,
        cwd=tests,
    )
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout


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
