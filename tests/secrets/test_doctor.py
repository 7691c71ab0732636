"""The doctor says of each secret of a profile whether it can be had, and never what it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

PROGRAM = "import sys; from wrikebackup_core.cli import main; sys.argv[0] = 'wrikebackup'; main()"
PROFILE = """
source: {mock: {tasks: 20}}
sinks:
  - local: {path: ./copy}
  - url: {url: "memory://x", secrets: {password: "file:password", key: "env:KEY"}}
monitors:
  - apprise: {url: ["env:FIRST", "nowhere:x", "env:KEY"]}
  - healthchecks: {url: "env:PING"}
"""
VALUES = {"KEY": "hunter2-of-the-key", "FIRST": "json://hunter2-of-the-address@127.0.0.1:1"}


def doctor(folder: Path, *words: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PING"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words, "doctor", "profile.yaml"],
        cwd=folder,
        env={**environment, **VALUES, "HOME": str(folder), "XDG_STATE_HOME": str(folder / "state")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "hunter2" not in done.stdout + done.stderr
    return done.stdout


def test_each_reference_has_one_line(tmp_path: Path) -> None:
    (tmp_path / "profile.yaml").write_text(PROFILE)
    (tmp_path / "password").write_text("hunter2-of-the-file")
    (tmp_path / "password").chmod(0o600)
    checks = [check for check in json.loads(doctor(tmp_path, "--json"))["checks"] if check["part"] == "secrets"]
    assert [(check["name"], check["ok"], check["detail"]) for check in checks] == [
        ("url secrets.password", True, "file:password can be had"),
        ("url secrets.key", True, "env:KEY can be had"),
        ("apprise url", True, "env:FIRST can be had"),
        ("apprise url", False, "no plugin resolves secrets of the scheme nowhere:"),
        ("healthchecks url", False, "the environment variable PING is not set"),
    ]
    assert checks[-1]["hint"] == "export PING=… before the run"
    assert "ok        url secrets.key" in doctor(tmp_path)
