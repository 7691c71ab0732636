"""The program of `second.py`. It imports nothing that takes time to load, and is run as a file.

A question is eight bytes that hold the number of its bytes, then these. The first one is a folder, and has no answer. An empty one asks
for more of the names in it: the answer is two such numbers, and so many bytes with names of files, and of folders; both are 0 at the end,
and the first is -1 where the folder cannot be listed. All others are names in the folder: the answer is eight bytes for each, its size,
or -1 where that cannot be told. Names that stand together have zero bytes between them. As long as nobody asks, the folder is listed.
"""

import bisect
import itertools
import os
import select
from array import array
from collections import deque
from collections.abc import Iterator

_IN, _OUT = 0, 1
_TOGETHER = 10_000
_RANGES = 250
_ENOUGH = 200_000  # names, of which ten thousand lie near each other
_NUMBER = 8  # bytes


def main() -> None:
    folder = _question()
    assert folder is not None
    listing, descriptor = _Listing(folder), -1
    while True:
        if not listing.over:
            listing.go_on()  # so that there are always more names than are asked for
            if not select.select([_IN], [], [], 0)[0]:
                continue
        question = _question()
        if question is None:
            return
        if question:
            descriptor = os.open(folder, os.O_RDONLY) if descriptor < 0 else descriptor
            _write(array("q", [_size(descriptor, name) for name in question.split(b"\0")]).tobytes())
        else:
            _write(listing.answer())


class _Listing:
    """Files whose names lie near each other are told of together, as far as it has come: that makes it quick to look for them among many
    others.
    """

    def __init__(self, folder: bytes) -> None:
        self.over = False
        self._folder = folder
        self._found: Iterator[os.DirEntry[bytes]] | None = None
        self._files, self._folders = _Ranges(), list[bytes]()
        self._answers = deque[bytes]()

    def go_on(self) -> None:
        try:
            self._found = os.scandir(self._folder) if self._found is None else self._found
            some = list(itertools.islice(self._found, _TOGETHER))
            self.over = not some
            files = [entry.name for entry in some if entry.is_file(follow_symlinks=False)]
            if len(files) < len(some):
                self._folders += [entry.name for entry in some if entry.is_dir(follow_symlinks=False)]
            self._files.add(files)
        except OSError:
            self.over = True
            self._take()
            self._answers.append(_numbers(-1, 0))

    def answer(self) -> bytes:
        """The next one."""
        if not self._answers:
            while len(self._files) < _ENOUGH and not self.over:
                self.go_on()
            self._take()
        return self._answers.popleft() if self._answers else _numbers(0, 0)

    def _take(self) -> None:
        if self._folders:
            self._answers.append(_answer(b"", b"\0".join(self._folders)))
            self._folders = []
        self._answers += (_answer(names, b"") for names in self._files.taken())


class _Ranges:
    """Names, each put with those that lie between the same two of the first ones: a folder has them in no order, or in that in which
    they came.
    """

    def __init__(self) -> None:
        self._ends = list[bytes]()
        self._ranges = list[list[bytes]]()  # of names with zero bytes between them
        self._counts = list[int]()

    def __len__(self) -> int:
        return sum(self._counts)

    def add(self, names: list[bytes]) -> None:
        names.sort()
        if names and not self._ranges:
            self._ends = names[:: len(names) // _RANGES + 1][1:]
            self._ranges = [[] for _ in range(len(self._ends) + 1)]
            self._counts = [0] * len(self._ranges)
        start = 0
        for at, end in enumerate([*self._ends, None]):
            stop = len(names) if end is None else bisect.bisect_left(names, end, start)
            if start < stop:
                self._ranges[at].append(b"\0".join(names[start:stop]))
                self._counts[at] += stop - start
            start = stop

    def taken(self) -> Iterator[bytes]:
        """All names, many together."""
        together, count = list[bytes](), 0
        for at, range_ in enumerate(self._ranges):
            together += range_
            count += self._counts[at]
            range_.clear()
            self._counts[at] = 0
            if count >= _TOGETHER:
                yield from _cut(b"\0".join(together)) if count > 2 * _TOGETHER else [b"\0".join(together)]
                together, count = [], 0
        if together:
            yield b"\0".join(together)


def _cut(text: bytes) -> Iterator[bytes]:
    """Names that are too many: they came behind most of the first ones."""
    names = sorted(text.split(b"\0"))
    yield from (b"\0".join(names[at : at + _TOGETHER]) for at in range(0, len(names), _TOGETHER))


def _answer(files: bytes, folders: bytes) -> bytes:
    return _numbers(len(files), len(folders)) + files + folders


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
