"""Ctrl-C ends a run at once, whatever it waits for."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from tests.e2e.conftest import TOKEN, Place, Run, environment, program
from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.server import MockServer

_STALL = 90  # seconds; the test fails long before


@pytest.mark.skipif(sys.platform == "win32", reason="a console's Ctrl-C cannot be sent to one program alone")
@pytest.mark.parametrize(("path", "asked"), [("/tasks", "GET /tasks"), ("/download", "GET /attachments/{id}/download")])
def test_an_answer_that_never_comes_is_not_waited_for(place: Place, run: Run, path: str, asked: str) -> None:
    with MockServer(MockAccount(tasks=30, attachments=5), token=TOKEN) as server:
        server.faults.add(f"stall:path={path},seconds={_STALL}")
        place.write(server.base_url)
        process = subprocess.Popen(
            [program(), "backup", place.profile],
            env=environment(place),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            cwd=place.root,
        )
        while not server.requests.count(asked) and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        try:
            _, said = process.communicate(timeout=_STALL / 3)
        finally:
            process.kill()
        assert process.returncode == 130, said
        assert "wrikebackup: error: interrupted" in said
        server.faults.clear()
        assert run("backup", place.profile).returncode == 0
