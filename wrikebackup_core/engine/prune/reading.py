"""SHA256SUMS read one after the other, and the numbers of the attachments that each names. As each names nearly what the one before
did, only what differs is looked into.
"""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import IO

from wrikebackup_core.engine.pipe import Ahead, Behind
from wrikebackup_core.engine.prune.differing import Lines, differing
from wrikebackup_core.engine.prune.flags import Flags
from wrikebackup_core.engine.prune.lines import check, names_in
from wrikebackup_core.engine.prune.numbering import Numbering
from wrikebackup_core.errors import FormatError, SinkError
from wrikebackup_core.plurals import plural
from wrikebackup_core.stored import CHUNK

__all__ = ["Listed", "Reading"]

_FEW = 2_000  # names, which it is not worth while to compare
_TOGETHER = 256 << 10  # bytes of lines


@dataclass(frozen=True, slots=True)
class Listed:
    """One backup's SHA256SUMS: its hash and how many attachments it names, as the manifest says, and its bytes from the start, which can
    be had again. `far` is where that takes longer than from a file of this host."""

    uid: str
    sha256: str | None
    total: int
    chunks: Callable[[], Iterator[bytes]]
    far: bool = False


@dataclass(frozen=True, slots=True)
class _Before:
    """The one that was read last: its hash, its bytes again, and the numbers of what it names, none of them twice."""

    sha256: str
    chunks: Callable[[], Iterator[bytes]]
    numbers: Flags


class Reading:
    """The names get their numbers from a numbering. For one thread at a time; to be closed."""

    def __init__(self, numbering: Numbering) -> None:
        self.numbering = numbering
        self._before: _Before | None = None
        self._copy, self._spare = _Copy(), _Copy()

    def close(self) -> None:
        self._copy.close()
        self._spare.close()

    @property
    def last(self) -> str | None:
        """The hash of the one that the next is compared with."""
        return self._before.sha256 if self._before else None

    def begin_with(self, listed: Listed, numbers: Flags) -> None:
        """Compares the next one with a SHA256SUMS that was read long ago, and named what has these numbers, if that is at hand and still
        the same.
        """
        self._before = None
        if listed.sha256 is None or listed.far or listed.total < _FEW or len(numbers) != listed.total:
            return
        before, digest = _Before(listed.sha256, listed.chunks, numbers), hashlib.sha256()
        for chunk in _again(before):
            digest.update(chunk)
        if digest.hexdigest() == listed.sha256:
            self._before = before

    def read(self, listed: Listed) -> tuple[str, Flags]:
        """The hash of a SHA256SUMS, and the numbers of what it names. Raises FormatError, SinkError."""
        before, self._before = self._before, None
        if listed.sha256 is None:
            return self._read_carefully(listed)
        digest = hashlib.sha256()
        chunks = _ahead(listed.chunks()) if listed.total >= _FEW else listed.chunks()
        chunks = _hashed(digest, self._spare.of(chunks) if listed.far else chunks)
        numbers = self._numbers(before, chunks)
        if listed.sha256 != digest.hexdigest():
            raise FormatError("is not the SHA256SUMS that the manifest names")
        if len(numbers) == listed.total >= _FEW:
            self._before = _Before(listed.sha256, self._spare.chunks if listed.far else listed.chunks, numbers)
            self._copy, self._spare = self._spare, self._copy
        elif before is not None:
            return self.read(listed)  # the one before is not what it was
        return listed.sha256, numbers

    def _numbers(self, before: _Before | None, chunks: Iterable[bytes]) -> Flags:
        """Those of the one before, without what only that names, and with what it does not."""
        numbers, new = before.numbers.copy() if before else Flags(), list[Sequence[int]]()
        for lines in _together(differing(_ahead(_again(before)) if before else (), chunks)):
            if lines.new:
                new.append(self.numbering.numbers(names_in(lines.text)))
                continue
            with contextlib.suppress(FormatError):  # then it is not what it was, which is noticed by their number
                numbers.discard(self.numbering.numbers(names_in(lines.text)))
        for some in new:  # a name whose hash is another is in both
            numbers.add(some)
        return numbers

    def _read_carefully(self, listed: Listed) -> tuple[str, Flags]:
        """Where no hash says it all: each line is to be one, the last to have its end, and no name to be missing."""
        digest, numbers, ended = hashlib.sha256(), Flags(), True
        for text, _ in differing((), _hashed(digest, listed.chunks())):
            check(text.removesuffix(b"\n").split(b"\n"))
            numbers.add(self.numbering.numbers(names_in(text)))
            ended = text.endswith(b"\n")
        if not ended:
            raise FormatError("breaks off")
        if (count := len(numbers)) < listed.total:  # one that is there twice takes no other's place
            raise FormatError(
                f"names {plural(count, 'file')} in attachments/, of {listed.total:,} that the manifest counts"
            )
        return digest.hexdigest(), numbers


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


def _again(before: _Before) -> Iterator[bytes]:
    """As much of it as there still is. That it cannot be read is nothing that is wrong with the file that is compared with it."""
    with contextlib.suppress(FormatError, SinkError):
        yield from before.chunks()


def _ahead(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Read in a thread of their own: to read two files takes as long as to compare them, and lets other threads run."""
    ahead = Ahead(chunks)
    try:
        yield from iter(ahead.next, b"")
    finally:
        ahead.stop()


class _Copy:
    """Of what passes by, in a temporary file. Where there is no room for it, it is empty."""

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None

    def close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                file.close()

    def of(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        self.close()
        with contextlib.suppress(OSError):
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed by `close`
        for chunk in chunks:
            self._write(chunk)
            yield chunk

    def _write(self, chunk: bytes) -> None:
        try:
            if self._file is not None and self._file.write(chunk) < len(chunk):
                self.close()
        except OSError:
            self.close()

    def chunks(self) -> Iterator[bytes]:
        with contextlib.suppress(OSError):
            if self._file is not None:
                self._file.seek(0)
                yield from iter(partial(self._file.read, CHUNK), b"")


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
