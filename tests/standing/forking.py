"""In place of `subprocess.Popen`: a process of its own that runs the program, with the modules there already, which costs a third of what
starting it anew does.

It is forked from a server that has no threads, since locks of libfaketime's and of others would stay closed that a thread holds just then.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from tests.standing.known import MODULES
from wrikebackup_core.cli.program import run

__all__ = ["PRINTED", "Forked", "note_modules", "sleep"]

PRINTED = Path("printed")
_NOTING = f"""
import sys
from wrikebackup_core.cli.program import run
code = run(sys.argv[1:])
print("\\n".join(list(sys.modules)), file=open("{MODULES}", "a"))
sys.exit(code)
"""
_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload(["tests.standing.known"])
_one_at_a_time = threading.Lock()


class Forked:
    """`words` are the command line, the program first. What is printed goes to the end of the file `out`."""

    def __init__(self, words: Sequence[str], out: Path = PRINTED, **_how: bool) -> None:
        self.words = words[1:]
        self._process = _server.Process(target=_be, args=(self.words, out, os.environ["FAKETIME"]))
        with _one_at_a_time:  # it asks after all others as well
            self._process.start()

    def wait(self) -> int:
        multiprocessing.connection.wait([self._process.sentinel])
        with _one_at_a_time:
            self._process.join()
        assert self._process.exitcode is not None
        return self._process.exitcode

    def terminate(self) -> None:
        self._process.terminate()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """It was waited for."""


def _be(words: Sequence[str], out: Path, faketime: str) -> None:
    os.environ["FAKETIME"] = faketime
    vars(time)["sleep"] = sleep
    for number, path in enumerate((out, Path("complained")), 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), number)
    sys.exit(run(words))


def sleep(seconds: float) -> None:
    """libfaketime's way of `time.sleep` refuses whatever is asked of it, where it leaves the monotonic clock alone."""
    select.select([], [], [], seconds)


def note_modules(words: Sequence[str]) -> int:
    """Runs the program once as a new process, so that those that are forked have its modules."""
    return subprocess.run(
        [sys.executable, "-c", _NOTING, *words[1:]], check=False, stdout=subprocess.DEVNULL
    ).returncode
