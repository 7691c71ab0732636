"""SHA256SUMS read one after the other, and the numbers of the attachments that each names. As each names nearly what the one before
did, only what differs is looked into.
"""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import IO

from wrikebackup_core.engine.pipe import Behind
from wrikebackup_core.engine.prune.differing import Lines, differing
from wrikebackup_core.engine.prune.lines import check, names_in, plain_name
from wrikebackup_core.engine.prune.numbering import Numbering, Walk, distinct, flag, length, merged, runs_of
from wrikebackup_core.errors import FormatError, SinkError
from wrikebackup_core.plurals import plural
from wrikebackup_core.stored import CHUNK

__all__ = ["Listed", "Reading"]


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
    """The one that was read last: its bytes again, and the numbers of what it names, none of them twice."""

    chunks: Callable[[], Iterator[bytes]]
    runs: array[int]


class Reading:
    """The names get their numbers from a numbering; `done` files were read to their end. For one thread at a time; to be closed."""

    def __init__(self, numbering: Numbering) -> None:
        self.numbering, self.done = numbering, 0
        self._before: _Before | None = None
        self._copy, self._spare = _Copy(), _Copy()

    def close(self) -> None:
        self._copy.close()
        self._spare.close()

    def read(self, listed: Listed) -> tuple[str, array[int]]:
        """The hash of a SHA256SUMS, and the numbers of what it names. Raises FormatError, SinkError."""
        found = self._read(listed)
        self.done += 1
        return found

    def _read(self, listed: Listed) -> tuple[str, array[int]]:
        before, self._before = self._before, None
        if listed.sha256 is None:
            return self._read_carefully(listed)
        digest = hashlib.sha256()
        chunks = _hashed(digest, self._spare.of(listed.chunks()) if listed.far else listed.chunks())
        met = len(self.numbering)
        runs, looked_into = self._numbers(before, chunks)
        if listed.sha256 != digest.hexdigest():
            raise FormatError("is not the SHA256SUMS that the manifest names")
        if before is not None and length(runs) != listed.total:
            return self._read(listed)  # the one before is not what it was
        all_new = looked_into == len(self.numbering) - met  # then none is there twice
        if all_new or distinct(runs):
            self._before = _Before(self._spare.chunks if listed.far else listed.chunks, runs)
            self._copy, self._spare = self._spare, self._copy
        return listed.sha256, runs

    def _numbers(self, before: _Before | None, chunks: Iterable[bytes]) -> tuple[array[int], int]:
        """And how many of them are not taken over from the one before, in which each is there once."""
        runs, looked_into, walk = array("I"), 0, Walk(before.runs if before else array("I"))
        for lines in differing(_again(before), chunks):
            found = self._known(lines, walk) if lines.known else None
            if found is None:
                numbers = self.numbering.numbers(names_in(lines.text))
                looked_into += len(numbers)
                found = runs_of(numbers)
            runs += found
        return merged(runs), looked_into

    def _known(self, lines: Lines, walk: Walk) -> array[int] | None:
        """Without a look at those between the first and the last; None where it cannot be told."""
        first, last = (self.numbering.number(plain_name(line)) for line in (lines.first, lines.last))
        return walk.between(first, last) if first is not None and last is not None else None

    def _read_carefully(self, listed: Listed) -> tuple[str, array[int]]:
        """Where no hash says it all: each line is to be one, the last to have its end, and no name to be missing."""
        digest, runs, ended = hashlib.sha256(), array("I"), True
        for lines in differing((), _hashed(digest, listed.chunks())):
            check(lines.all())
            runs += runs_of(self.numbering.numbers(names_in(lines.text)))
            ended = lines.ended
        if not ended:
            raise FormatError("breaks off")
        flags = bytearray()
        flag(flags, runs)
        if (count := sum(flags)) < listed.total:  # one that is there twice takes no other's place
            raise FormatError(
                f"names {plural(count, 'file')} in attachments/, of {listed.total:,} that the manifest counts"
            )
        return digest.hexdigest(), merged(runs)


def _again(before: _Before | None) -> Iterator[bytes]:
    """As much of it as there still is. That it cannot be read is nothing that is wrong with the file that is compared with it."""
    with contextlib.suppress(FormatError, SinkError):
        yield from before.chunks() if before else ()


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
