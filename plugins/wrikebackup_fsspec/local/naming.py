"""The names of the files below a folder, of which there may be a million, and the sizes of only those that somebody asks for: to ask for
all takes many times as long.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial

from wrikebackup_core import Named, SinkError
from wrikebackup_fsspec.batches import batches
from wrikebackup_fsspec.keys import FOREIGN
from wrikebackup_fsspec.local import tree
from wrikebackup_fsspec.local.faults import failed
from wrikebackup_fsspec.local.second import Second

__all__ = ["names_below"]

_LARGE = 5_000  # files and folders in a folder that are worth a second process
_FEW = 100  # files that it is not worth while to ask it for
_PIECE = 1_500  # files that it is asked for together: they take it some milliseconds
_AHEAD = 3  # pieces, so that it has the next one when it is done


@contextlib.contextmanager
def names_below(root: str, prefix: str, passed_over: list[str]) -> Iterator[Iterator[Named]]:
    """Names from that folder on, many together, and what asks for the sizes of some. A large folder is listed from the start on."""
    path, large = tree.path_of(root, prefix), None
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError, RuntimeError):  # there is no such folder, process, or thread to talk to it
            if _is_large(path):
                large = _Large(stack, path)
        yield _below(root, prefix, passed_over, large)


def _is_large(path: str) -> bool:
    """Raises OSError."""
    with os.scandir(path) as found:
        return next(itertools.islice(found, _LARGE - 1, None), None) is not None


@dataclass(slots=True)
class _Piece:
    """Some files of which somebody wants the sizes."""

    names: Sequence[str]
    sizes: Sequence[int] | None = None


class _Large:
    """A folder that a second process lists, which then does as many pieces as it can: whoever has none to wait for does the next one."""

    def __init__(self, stack: contextlib.ExitStack, path: str) -> None:
        """Raises OSError, RuntimeError."""
        self.path, self._folder = path, os.open(path, os.O_RDONLY)
        stack.callback(self._close)
        self._wanted, self._asked = deque[_Piece](), deque[tuple[_Piece, Future[Sequence[int]]]]()
        self.second = stack.enter_context(Second(path))

    def _close(self) -> None:
        folder, self._folder = self._folder, -1
        os.close(folder)

    def sizes(self, names: Sequence[str], places: Sequence[int]) -> Iterator[int]:
        asked = [names[at] for at in places]
        if len(asked) < _FEW:
            return iter(self._sizes_of(asked))
        pieces = list(map(_Piece, batches(asked, _PIECE)))
        self._wanted += pieces
        self._ask()
        return self._sizes(pieces)

    def _sizes(self, pieces: Sequence[_Piece]) -> Iterator[int]:
        for piece in pieces:
            while piece.sizes is None and self.go_on():
                pass
            if piece.sizes is None:  # it was asked for, and the other process is busy
                piece.sizes = self._sizes_of(piece.names)
            yield from piece.sizes

    def go_on(self) -> bool:
        """Has one piece more from the other process if it is done there, or does one that is not asked for. Whether there was one."""
        if self._asked and self._asked[0][1].done():
            piece, answer = self._asked.popleft()
            piece.sizes = self._checked(piece.names, answer.result())
        elif self._wanted:
            piece = self._wanted.popleft()
            piece.sizes = self._sizes_of(piece.names)
        else:
            return False
        self._ask()
        return True

    def _ask(self) -> None:
        while self._wanted and len(self._asked) < _AHEAD:
            piece = self._wanted.popleft()
            self._asked.append((piece, self.second.sizes(piece.names)))

    def _checked(self, names: Sequence[str], sizes: Sequence[int]) -> Sequence[int]:
        if min(sizes) >= 0:
            return sizes
        return [self._size(name) if size < 0 else size for name, size in zip(names, sizes, strict=True)]

    def _sizes_of(self, names: Sequence[str]) -> Sequence[int]:
        try:
            return [os.stat(name, dir_fd=self._folder, follow_symlinks=False).st_size for name in names]
        except OSError:
            return [self._size(name) for name in names]

    def _size(self, name: str) -> int:
        try:
            return os.stat(name, dir_fd=self._folder, follow_symlinks=False).st_size
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise failed("list", os.path.join(self.path, name), error) from error


def _below(root: str, prefix: str, passed_over: list[str], large: _Large | None) -> Iterator[Named]:
    folders = [prefix]
    if large is not None:
        folders = yield from _in_large(large, prefix, passed_over)
    strip = len(prefix) + 1 if prefix else 0
    for below, files in tree.files_in(root, folders, passed_over):
        folder, names = below[strip:], [entry.name for entry in files]
        yield [folder + name for name in names] if folder else names, partial(_sizes, root, below, files)


def _sizes(root: str, below: str, files: Sequence[os.DirEntry[str]], places: Sequence[int]) -> list[int]:
    return [tree.size_of(root, below, files[at]) or 0 for at in places]


def _in_large(large: _Large, prefix: str, passed_over: list[str]) -> Generator[Named, None, list[str]]:
    """Returns the folders in it; itself, where it has to be listed in another way."""
    below, inside, begun = f"{prefix}/" if prefix else "", list[str](), False
    try:
        for files, folders in large.second.names(meanwhile=large.go_on):
            begun = True
            inside += [
                below + name for name in tree.fitting(folders, below, passed_over) if prefix or name not in FOREIGN
            ]
            names = tree.fitting(files, below, passed_over)
            yield names, partial(large.sizes, names)
    except OSError as error:
        if begun:
            raise SinkError(f"cannot list {large.path} to its end: {error}", hint="try again") from error
        return [prefix]
    return inside
