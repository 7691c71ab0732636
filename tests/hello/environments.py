"""Examples of plugins, built as distributions and installed into fresh environments.

A new environment sees the libraries of the one that runs the tests, and wrikebackup itself as it is installed there; the plugin is
nowhere but in the new one.
"""

from __future__ import annotations

import os
import shutil
import site
import subprocess
import sys
from pathlib import Path

__all__ = ["installed", "own_tests_pass", "run"]

_BUILD = "import sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])"


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


def installed(example: Path, place: Path) -> Path:
    """The interpreter of a new environment in that folder, with the example in it; a copy of the example's tests is beside."""
    shutil.copytree(example, place / "source", ignore=shutil.ignore_patterns("__pycache__", ".*"))
    (place / "wheels").mkdir()
    run(sys.executable, "-c", _BUILD, place / "wheels", cwd=place / "source")
    (wheel,) = (place / "wheels").glob(f"{example.name}-1.0-*.whl")

    run(sys.executable, "-m", "venv", place / "venv", cwd=place)
    python = place / "venv" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    own = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=place).stdout.strip())
    # addsitedir and not a bare path, so that an editable installation is found too.
    lines = [f"import site; site.addsitedir({folder!r})\n" for folder in site.getsitepackages()]
    (own / "libraries_of_the_tests.pth").write_text("".join(lines), encoding="utf-8")
    run(python, "-m", "pip", "install", "--no-deps", "--no-index", wheel, cwd=place)
    shutil.rmtree(place / "source" / "src")  # what is imported from here on is what was installed
    return python


def own_tests_pass(environment: Path) -> None:
    """Runs the tests that come with the example. Raises AssertionError where one fails or is skipped."""
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
