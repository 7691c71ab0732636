"""The program of `second.py`. It imports nothing that takes time to load, and is run as a file.

A question is eight bytes that hold the number of its bytes, then these. The first one is a folder, and has no answer. An empty one asks
for more of the names in it: the answer is two such numbers, and so many bytes with names of files, and of folders; both are 0 at the end,
and the first is -1 where the folder cannot be listed. All others are names in the folder: the answer is eight bytes for each, its size,
or -1 where that cannot be told. Names that stand together have zero bytes between them. As long as nobody asks, the folder is listed.
"""

import itertools
import os
import select
from array import array
from collections import deque
from collections.abc import Iterator

_IN, _OUT = 0, 1
_TOGETHER = 10_000
_NUMBER = 8  # bytes


def main() -> None:
    folder = _question()
    assert folder is not None
    answers, over, descriptor = deque[bytes](), False, -1
    listing = _answers(folder)
    while True:
        if not over and not select.select([_IN], [], [], 0)[0]:
            answer = next(listing, None)
            over = answer is None
            answers += [answer] if answer is not None else []
            continue
        question = _question()
        if question is None:
            return
        if question:
            descriptor = os.open(folder, os.O_RDONLY) if descriptor < 0 else descriptor
            _write(array("q", [_size(descriptor, name) for name in question.split(b"\0")]).tobytes())
        else:
            _write(answers.popleft() if answers else next(listing, _numbers(0, 0)))


def _answers(folder: bytes) -> Iterator[bytes]:
    try:
        with os.scandir(folder) as found:
            while some := list(itertools.islice(found, _TOGETHER)):
                files = b"\0".join([entry.name for entry in some if entry.is_file(follow_symlinks=False)])
                folders = b"\0".join([entry.name for entry in some if entry.is_dir(follow_symlinks=False)])
                if files or folders:
                    yield _numbers(len(files), len(folders)) + files + folders
    except OSError:
        yield _numbers(-1, 0)


def _size(folder: int, name: bytes) -> int:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False).st_size
    except OSError:
        return -1


def _question() -> bytes | None:
    """None where there are no more. Not by a buffer: whether there is one could not be told then."""
    number = array("q", _read(_NUMBER))
    return _read(number[0]) if number else None


def _read(size: int) -> bytes:
    """Less where there is no more."""
    pieces = []
    while size > 0 and (piece := os.read(_IN, size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces) if size == 0 else b""


def _write(answer: bytes) -> None:
    rest = memoryview(answer)
    while rest:
        rest = rest[os.write(_OUT, rest) :]


def _numbers(*numbers: int) -> bytes:
    return array("q", numbers).tobytes()


if __name__ == "__main__":
    main()
