"""Which attachments backups name: for a thousand backups of a million attachments, of which each names nearly what the one before did.

SHA256SUMS is cut into pieces where its own content says so (`pieces.py`): two of them have all pieces in common but those around
what has changed, and only a piece that was not met before is looked into. What each
backup names is remembered on this host, by the hash of its SHA256SUMS that its manifest tells, and need not be read again.

A name is kept as 64 bits. Two names may share them, and then one attachment stays that nobody needs; none is ever taken for another.
"""

from __future__ import annotations

import contextlib
import hashlib
import posixpath
import sqlite3
import unicodedata
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from wrikebackup_core.engine.prune.pieces import Cutting, finer, key_of
from wrikebackup_core.engine.scratch import scratch
from wrikebackup_core.errors import FormatError
from wrikebackup_core.format import checksums

__all__ = ["Listed", "Names", "digests"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS pieces (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, names BLOB NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS sums (sha256 TEXT PRIMARY KEY, pieces BLOB NOT NULL) WITHOUT ROWID;
"""
_PATIENCE = 2.0  # seconds; another plan may be at it
_SET = ord("1")
_PLAIN = b"  ../attachments/"
_AT = slice(64, 64 + len(_PLAIN))


@dataclass(frozen=True, slots=True)
class Listed:
    """One backup's SHA256SUMS: its hash and how many attachments it names at least, as the manifest says, and its bytes from the start."""

    uid: str
    sha256: str | None
    total: int
    chunks: Callable[[], Iterator[bytes]]


def digests(names: Sequence[bytes]) -> array[int]:
    """64 bits for each name in `attachments/`, the same for the two ways in which Unicode writes one."""
    if not all(map(bytes.isascii, names)):
        names = [name if name.isascii() else _composed(name) for name in names]
    crc, adler = zlib.crc32, zlib.adler32
    return array("Q", [crc(name) << 32 | adler(name) for name in names])


def _composed(name: bytes) -> bytes:
    """Some file systems take names apart."""
    text = name.decode(errors="surrogateescape")
    return unicodedata.normalize("NFC", text).encode(errors="surrogateescape")


class _Corrupt(Exception):
    """What is remembered cannot be relied on."""


class Names:
    """What is remembered of one account in one sink, in a file. A context manager; one thread at a time."""

    def __init__(self, path: Path) -> None:
        """A file that cannot be used is done without."""
        self._path = path
        self._db = self._opened() or scratch(_SCHEMA)
        self._version: int | None = None
        self._forget_met()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._db.close()

    def _opened(self) -> sqlite3.Connection | None:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._path.touch(mode=0o600)
            db = sqlite3.connect(self._path, timeout=_PATIENCE, isolation_level=None)
        except (OSError, sqlite3.Error):
            return None
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.executescript(_SCHEMA)
        except sqlite3.Error as error:
            db.close()
            self._discard(error)
            return None
        return db

    def _discard(self, error: Exception) -> None:
        """Away with a file that is damaged; one that somebody else is writing to is not."""
        if not isinstance(error, sqlite3.OperationalError):
            for tail in ("", "-wal", "-shm"):
                with contextlib.suppress(OSError):
                    self._path.with_name(self._path.name + tail).unlink(missing_ok=True)

    def _forget_met(self) -> None:
        self._coarse: dict[bytes, array[int]] = {}
        self._fine: dict[bytes, int] | None = None
        self._last = 0
        self._cutting = Cutting()

    def needed(self, backups: Sequence[Listed]) -> tuple[set[int], dict[str, FormatError]]:
        """`digests` of all that the backups name, and by uid what is wrong with a SHA256SUMS that is not as it should be.

        Raises SinkError.
        """
        try:
            return self._needed(backups)
        except (_Corrupt, sqlite3.Error) as error:
            self._db.close()
            self._discard(error)
            self._db = scratch(_SCHEMA)
            self._forget_met()
            return self._needed(backups)

    def _needed(self, backups: Sequence[Listed]) -> tuple[set[int], dict[str, FormatError]]:
        bits, damaged = 0, dict[str, FormatError]()
        for one in backups:
            sha256 = one.sha256
            if sha256 is None or not self._knows(sha256):
                try:
                    sha256 = self._learn(one)
                except FormatError as error:
                    damaged[one.uid] = error
                    continue
            bits |= self._bits(sha256)
        return self._named(bits), damaged

    def _knows(self, sha256: str) -> bool:
        return self._db.execute("SELECT 1 FROM sums WHERE sha256 = ?", (sha256,)).fetchone() is not None

    def _bits(self, sha256: str) -> int:
        """The numbers of its pieces, as the bits of one number."""
        (stored,) = self._db.execute("SELECT pieces FROM sums WHERE sha256 = ?", (sha256,)).fetchone()
        try:
            return int.from_bytes(zlib.decompress(stored), "little")
        except zlib.error as error:
            raise _Corrupt from error

    def _named(self, bits: int) -> set[int]:
        flags, found, met = bits.to_bytes(bits.bit_length() // 8 + 1, "little"), set[int](), 0
        few = array("Q")
        for number, names, crc in self._db.execute("SELECT id, names, crc FROM pieces"):
            if number >> 3 < len(flags) and flags[number >> 3] >> (number & 7) & 1:
                if zlib.crc32(names) != crc:
                    raise _Corrupt
                met += 1
                few.frombytes(names)
                if len(few) > 10_000:
                    found.update(few)
                    del few[:]
        found.update(few)
        if met != bits.bit_count():
            raise _Corrupt
        return found

    def forget_all_but(self, sums: Iterable[str]) -> None:
        """What no backup has any more. Never raises: it is remembered for longer then."""
        with contextlib.suppress(sqlite3.Error, _Corrupt):
            kept = {sha256 for sha256 in sums if self._knows(sha256)}
            bits = 0
            for sha256 in kept:
                bits |= self._bits(sha256)
            self._db.execute("BEGIN IMMEDIATE")
            gone = [sha256 for (sha256,) in self._db.execute("SELECT sha256 FROM sums") if sha256 not in kept]
            self._db.executemany("DELETE FROM sums WHERE sha256 = ?", [(sha256,) for sha256 in gone])
            if gone:
                unused = [(id_,) for (id_,) in self._db.execute("SELECT id FROM pieces") if not bits >> id_ & 1]
                self._db.executemany("DELETE FROM pieces WHERE id = ?", unused)
            self._db.execute("COMMIT")
            self._forget_met()

    # Reading one

    def _learn(self, listed: Listed) -> str:
        """Takes down what a SHA256SUMS names, and gives its hash. Raises FormatError, SinkError."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._notice_others()
            sha256 = self._read(listed)
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            self._forget_met()
            raise
        self._db.execute("COMMIT")
        return sha256

    def _notice_others(self) -> None:
        """Another plan may have written to the file since: what it took down has numbers too."""
        (version,) = self._db.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            self._version = version
            self._forget_met()

    def _read(self, listed: Listed) -> str:
        digest, numbers, count = hashlib.sha256(), array("Q"), 0
        for key, piece in self._cutting.large(_hashed(digest, listed.chunks())):
            met = self._coarse.get(key)
            if met is None:
                met = self._coarse[key] = self._numbers(finer(piece))
            numbers += met
            if listed.sha256 is None:  # else the hash says it all
                count += piece.count(_PLAIN)
        sha256 = digest.hexdigest()
        if listed.sha256 not in (None, sha256):
            raise FormatError("is not the SHA256SUMS that the manifest names")
        if listed.sha256 is None and count < listed.total:
            raise FormatError(f"names {count:,} files in attachments/, of {listed.total:,} that the manifest counts")
        row = (sha256, zlib.compress(_as_bits(numbers), 1))
        self._db.execute("INSERT OR REPLACE INTO sums VALUES (?, ?)", row)
        return sha256

    def _numbers(self, pieces: Sequence[bytes]) -> array[int]:
        """Of pieces; they are looked into the first time."""
        if self._fine is None:
            self._fine = dict(self._db.execute("SELECT digest, id FROM pieces"))
            self._last = max(self._fine.values(), default=0)
        keys = list(map(key_of, pieces))
        if new := {key: piece for key, piece in zip(keys, pieces, strict=True) if key not in self._fine}:
            rows = [
                (number, key, names, zlib.crc32(names))
                for number, (key, names) in enumerate(zip(new, _digests_of(new.values()), strict=True), self._last + 1)
            ]
            self._db.executemany("INSERT INTO pieces (id, digest, names, crc) VALUES (?, ?, ?, ?)", rows)
            self._fine.update((key, number) for number, key, *_ in rows)
            self._last += len(rows)
        return array("Q", [self._fine[key] for key in keys])


def _digests_of(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The digests of the names in each piece. Raises FormatError."""
    named = list(map(_names, pieces))
    found, start = digests([name for names in named for name in names]), 0
    for names in named:
        yield found[start : start + len(names)].tobytes()
        start += len(names)


def _as_bits(numbers: array[int]) -> bytes:
    """A number whose bits they are, the smallest first."""
    flags = bytearray(b"0") * (max(numbers, default=0) + 1)
    for number in numbers:
        flags[number] = _SET
    return int(flags[::-1], 2).to_bytes(len(flags) // 8 + 1, "little")


def _hashed(digest: hashlib._Hash, chunks: Iterable[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        digest.update(chunk)
        yield chunk


def _names(piece: bytes) -> list[bytes]:
    """Of the attachments that the lines name. Raises FormatError."""
    lines = piece.removesuffix(b"\n").split(b"\n")
    if {line[_AT] for line in lines} == {_PLAIN}:
        names = [line[_AT.stop :] for line in lines]
        joined = b"".join(names)
        if b"/" not in joined and b"\0" not in joined and b"\\" not in joined and b"" not in names:
            return names
    return list(_carefully(lines))


def _carefully(lines: Sequence[bytes]) -> Iterator[bytes]:
    """Line by line, as not all of them are plain ones."""
    for found in checksums.read((number, line + b"\n") for number, line in enumerate(filter(None, lines), 1)):
        if isinstance(found, str):
            raise FormatError("is not made of hashes and paths")
        path = posixpath.normpath(f"backup/{found[1]}")
        if path.startswith("..") or posixpath.isabs(found[1]):
            raise FormatError(f"leads out of the account's folder: {found[1]!r}")
        folder, _, name = path.partition("/")
        if folder == "attachments" and name:
            yield name.encode()
