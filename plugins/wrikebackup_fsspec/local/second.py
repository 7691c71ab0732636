"""A second process that lists a large folder and asks the system for sizes of the files in it. A million of them take Python seconds, and
of its threads each would wait for the others.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from array import array
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

from wrikebackup_fsspec.local import second_main

__all__ = ["Second"]

_Batch = tuple[bytes, bytes]
_PIPE = 1 << 20  # bytes
_NUMBER = 8  # bytes
_AHEAD = 2  # questions for names, which come behind those for sizes that were asked before


class Second:
    """For one folder. A context manager; whoever leaves it early does not wait for what is not answered yet."""

    def __init__(self, folder: str) -> None:
        """It begins to list the folder. Raises OSError where there can be no such process, RuntimeError where no thread to hear it."""
        if os.stat not in os.supports_dir_fd or not sys.executable:
            raise OSError("no second process, or it cannot ask for files from within their folder")
        try:
            self._process = _started(_PIPE)
        except PermissionError:  # more than this user may have
            self._process = _started(-1)
        self._reading = ThreadPoolExecutor(1, "second")
        self._ask(os.fsencode(folder))
        try:
            self._reading.submit(int)  # a thread, as long as whoever asks can do without
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        self._process.kill()  # it only reads
        self._reading.shutdown(cancel_futures=True)
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                assert pipe is not None
                pipe.close()
        self._process.wait()

    def names(self, meanwhile: Callable[[], bool]) -> Iterator[tuple[Sequence[str], Sequence[str]]]:
        """Names of files in the folder, and of the folders in it, many together. Where they have to be waited for, something else is done
        as long as there is something to do. Raises OSError where it cannot be listed, or the process is gone.
        """
        coming = deque(self._names() for _ in range(_AHEAD))
        while any(batch := _when_done(coming.popleft(), meanwhile)):
            coming.append(self._names())
            yield _split(batch[0]), _split(batch[1])

    def sizes(self, names: Sequence[str]) -> Future[Sequence[int]]:
        """Asks for them: -1 for a file whose size it does not know."""
        self._ask(os.fsencode("\0".join(names)))
        return self._reading.submit(self._read_sizes, len(names))

    def _names(self) -> Future[_Batch]:
        self._ask(b"")
        return self._reading.submit(self._read_names)

    def _ask(self, question: bytes) -> None:
        """What is asked of a process that is gone has no answer."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.write(array("q", [len(question)]).tobytes() + question)
            self._process.stdin.flush()

    # In a thread, one behind the other, so that each question gets its own answer

    def _read_names(self) -> _Batch:
        files, folders = array("q", self._answer(2 * _NUMBER))
        if files < 0:
            raise OSError("the folder cannot be listed")
        return self._answer(files), self._answer(folders)

    def _read_sizes(self, count: int) -> Sequence[int]:
        try:
            return array("q", self._answer(count * _NUMBER))
        except OSError:
            return [-1] * count

    def _answer(self, size: int) -> bytes:
        assert self._process.stdout is not None
        data = self._process.stdout.read(size)
        if len(data) < size:
            raise OSError("the process that lists it is gone")
        return data


def _when_done(coming: Future[_Batch], meanwhile: Callable[[], bool]) -> _Batch:
    while not coming.done() and meanwhile():
        pass
    return coming.result()


def _started(pipe: int) -> subprocess.Popen[bytes]:
    """With pipes that hold so many bytes, -1 for as many as the system likes. Raises OSError."""
    return subprocess.Popen(
        [sys.executable, "-I", "-S", second_main.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        pipesize=pipe,
        start_new_session=True,  # Ctrl-C is for this process, which then ends the other
    )


def _split(names: bytes) -> list[str]:
    return os.fsdecode(names).split("\0") if names else []
