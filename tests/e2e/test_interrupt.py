"""Ctrl-C ends a run at once, whatever it waits for."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time

import pytest

from tests.e2e.conftest import TOKEN, Place, Run, environment, program
from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.server import MockServer
from wrikebackup_mock.service import Plan

_STALL = 90  # seconds; the test fails long before


@pytest.mark.skipif(sys.platform == "win32", reason="a console's Ctrl-C cannot be sent to one program alone")
@pytest.mark.parametrize("path", ["/tasks$", "/tasks/[^/]+/comments", "/download"])
def test_an_answer_that_never_comes_is_not_waited_for(place: Place, run: Run, path: str) -> None:
    """Not in a list, not where comments are read task by task, and not in a download."""
    plan = Plan(forbidden=frozenset({"account_comments"}))
    with MockServer(MockAccount(tasks=30, attachments=5), token=TOKEN, plan=plan) as server:
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
        while not server.faults.fired("stall") and process.poll() is None:
            time.sleep(0.02)
        try:
            said = _interrupted(process)
        finally:
            process.kill()
        assert process.returncode == 130, said
        assert "wrikebackup: error: interrupted" in said
        server.faults.clear()
        assert run("backup", place.profile).returncode == 0


def _interrupted(process: subprocess.Popen[str]) -> str:
    """Ctrl-C, and again where Python did not hear it: a signal just before a thread is joined waits for the end of that thread."""
    for _ in range(3):
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=_STALL / 9)[1]
    pytest.fail("the program still runs")
