"""A second process that asks the system for sizes of files. A million of them take Python seconds, and of its threads each would wait
for the others.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from array import array
from collections.abc import Sequence
from typing import Self

from wrikebackup_fsspec.local import second_main

__all__ = ["Second"]

_WORTH = 5_000  # files that it might have been asked for, before it is started
_TOGETHER = 100  # files that are worth a question


class Second:
    """Starts the process once there are many files. Where there can be none, whoever asks is told so. A context manager."""

    def __init__(self) -> None:
        self._asked = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._fails = os.stat not in os.supports_dir_fd

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._process is not None:
            for pipe in (self._process.stdin, self._process.stdout):
                with contextlib.suppress(OSError):
                    assert pipe is not None
                    pipe.close()
            self._process.wait()  # it has nothing to read any more
            self._process = None

    def ask(self, folder: str, names: Sequence[str]) -> bool:
        """Whether an answer is to be waited for: before that, nothing else is asked."""
        self._asked += len(names)
        if self._fails or len(names) < _TOGETHER or self._asked < _WORTH:
            return False
        question = os.fsencode("\0".join((folder, *names, "")))
        try:
            self._process = self._process or _started()
            assert self._process.stdin is not None
            self._process.stdin.write(b"%d\n" % len(question) + question)
            self._process.stdin.flush()
        except OSError:
            self._fails = True
        return not self._fails

    def answer(self, count: int) -> list[int]:
        """The sizes of so many files that were asked for, -1 for one whose size it does not know."""
        sizes = array("q")
        assert self._process is not None
        assert self._process.stdout is not None
        data = self._process.stdout.read(count * sizes.itemsize)
        if len(data) < count * sizes.itemsize:
            self._fails = True  # it is gone
            return [-1] * count
        sizes.frombytes(data)
        return sizes.tolist()


def _started() -> subprocess.Popen[bytes]:
    """Raises OSError."""
    return subprocess.Popen(
        [sys.executable, "-I", "-S", second_main.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for this process, which then leaves it nothing to read
    )
