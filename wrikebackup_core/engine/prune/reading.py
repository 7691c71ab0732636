"""SHA256SUMS read one after the other, and the numbers of the attachments that each names. As each names nearly what the one before
did, only what differs is looked into.
"""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import IO

from wrikebackup_core.engine.pipe import Behind
from wrikebackup_core.engine.prune.differing import Lines, differing
from wrikebackup_core.engine.prune.flags import Flags
from wrikebackup_core.engine.prune.lines import check, names_in
from wrikebackup_core.engine.prune.numbering import Numbering
from wrikebackup_core.errors import FormatError, SinkError
from wrikebackup_core.plurals import plural
from wrikebackup_core.stored import CHUNK, hash_of

__all__ = ["Contents", "Listed", "Reading"]

_FEW = 2_000  # names, which it is not worth while to compare
_ROOM = 104 << 20  # bytes of a copy: of a million attachments nearly all
_TOGETHER = 256 << 10  # bytes of lines


@dataclass(frozen=True, slots=True)
class Listed:
    """One backup's SHA256SUMS: its hash and how many attachments it names, as the manifest says, and its bytes from the start, which can
    be had again. `far` is where that takes longer than to look at each line of another."""

    uid: str
    sha256: str | None
    total: int
    chunks: Callable[[], Iterator[bytes]]
    far: bool = False


@dataclass(frozen=True, slots=True)
class Contents:
    """The hash of a SHA256SUMS, the numbers of what it names, and in how many lines."""

    sha256: str
    numbers: Flags
    lines: int


@dataclass(frozen=True, slots=True)
class _Before:
    """The one that was read last, in which each line names something else."""

    found: Contents
    copy: _Copy


class Reading:
    """The names get their numbers from a numbering. For one thread at a time; to be closed."""

    def __init__(self, numbering: Numbering) -> None:
        self.numbering = numbering
        self._before: _Before | None = None

    def close(self) -> None:
        before, self._before = self._before, None
        if before is not None:
            before.copy.close()

    @property
    def last(self) -> str | None:
        """The hash of the one that the next is compared with."""
        return self._before.found.sha256 if self._before else None

    def begin_with(self, listed: Listed, found: Contents) -> None:
        """Compares the next one with a SHA256SUMS that was read by an earlier plan, if that is at hand and still the same."""
        self.close()
        if listed.far or not _is_comparable(found):
            return
        copy, sha256 = _Copy(), ""
        with contextlib.suppress(FormatError, SinkError):  # nothing that is wrong with the next one
            sha256 = hash_of(copy.of(listed.chunks()))
        if sha256 == found.sha256:
            self._end_with(found, copy)
        else:
            copy.close()

    def read(self, listed: Listed) -> Contents:
        """Raises FormatError, SinkError."""
        if listed.sha256 is None:
            self.close()
            return self._read_carefully(listed)
        before, self._before, copy = self._before, None, _Copy()
        try:
            found = self._found(listed, listed.sha256, before, copy)
        except _LostError:
            copy.close()
            found = self._found(listed, listed.sha256, None, copy)
        except BaseException:
            copy.close()
            raise
        finally:
            if before is not None:
                before.copy.close()
        self._end_with(found, copy)
        return found

    def _end_with(self, found: Contents, copy: _Copy) -> None:
        if copy.whole and _is_comparable(found):
            self._before = _Before(found, copy)
        else:
            copy.close()

    def _found(self, listed: Listed, sha256: str, before: _Before | None, copy: _Copy) -> Contents:
        digest = hashlib.sha256()
        numbers, lines = self._numbers(before, _hashed(digest, copy.of(listed.chunks())))
        if digest.hexdigest() != sha256:
            raise FormatError("is not the SHA256SUMS that the manifest names")
        return Contents(sha256, numbers, lines)

    def _numbers(self, before: _Before | None, chunks: Iterable[bytes]) -> tuple[Flags, int]:
        """Those of the one before, without what only that names, and with what it does not; and the lines."""
        numbers, lines = (before.found.numbers.copy(), before.found.lines) if before else (Flags(), 0)
        new = list[Sequence[int]]()
        for text, is_new in _together(differing(before.copy.chunks() if before else (), chunks)):
            some = self.numbering.numbers(names_in(text))
            if is_new:
                new.append(some)
                lines += len(some)
            else:
                numbers.discard(some)
                lines -= len(some)
        for some in new:  # behind all that go: a name whose line is another is among both
            numbers.add(some)
        return numbers, lines

    def _read_carefully(self, listed: Listed) -> Contents:
        """Where no hash says it all: each line is to be one, the last to have its end, and no name to be missing."""
        digest, numbers, lines, ended = hashlib.sha256(), Flags(), 0, True
        for text, _ in differing((), _hashed(digest, listed.chunks())):
            check(text.removesuffix(b"\n").split(b"\n"))
            some = self.numbering.numbers(names_in(text))
            numbers.add(some)
            lines += len(some)
            ended = text.endswith(b"\n")
        if not ended:
            raise FormatError("breaks off")
        if (count := len(numbers)) < listed.total:  # one that is there twice takes no other's place
            raise FormatError(
                f"names {plural(count, 'file')} in attachments/, of {listed.total:,} that the manifest counts"
            )
        return Contents(digest.hexdigest(), numbers, lines)


def _is_comparable(found: Contents) -> bool:
    """Whether what it names is known line by line, and is much."""
    return len(found.numbers) == found.lines >= _FEW


def _together(every: Iterable[Lines]) -> Iterator[Lines]:
    """Many of a file at once."""
    texts: dict[bool, list[bytes]] = {False: [], True: []}
    sizes = {False: 0, True: 0}
    for text, new in every:
        texts[new].append(text)
        sizes[new] += len(text)
        if sizes[new] >= _TOGETHER:
            yield Lines(b"".join(texts[new]), new)
            texts[new], sizes[new] = [], 0
    yield from (Lines(b"".join(some), new) for new, some in texts.items() if some)


class _LostError(Exception):
    """What was copied cannot be had back."""


class _Copy:
    """Of what passes by: in memory as far as there is room, the rest in a temporary file. It can be had once."""

    def __init__(self) -> None:
        self.whole = True
        self._pieces, self._size = deque[bytes](), 0
        self._file: IO[bytes] | None = None

    def close(self) -> None:
        self.whole = False
        self._pieces.clear()
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                file.close()

    def of(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            if self.whole:
                self._keep(chunk)
            yield chunk

    def _keep(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size <= _ROOM:
            self._pieces.append(chunk)
            return
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed by `close`
            if self._file.write(chunk) == len(chunk):
                return
        except OSError:
            pass
        self.close()

    def chunks(self) -> Iterator[bytes]:
        """Raises _LostError."""
        while self._pieces:
            yield self._pieces.popleft()
        try:
            if self._file is not None:
                self._file.seek(0)
                yield from iter(partial(self._file.read, CHUNK), b"")
        except OSError as error:
            raise _LostError from error


def _hashed(digest: hashlib._Hash, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The chunks; when they have been gone through to the end, the digest is of all."""
    behind = Behind(digest.update)
    try:
        for chunk in chunks:
            behind.put(chunk)
            yield chunk
        behind.finish()
    finally:
        behind.stop()
