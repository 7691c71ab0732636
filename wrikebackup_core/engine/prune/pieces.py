"""SHA256SUMS cut into pieces of whole lines, where its own content says so, and the names of attachments in each. What two of these
files have in common is cut alike.
"""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from wrikebackup_core.errors import FormatError
from wrikebackup_core.format import checksums

__all__ = ["check", "comparable", "cut", "names_in"]

_BEFORE = re.compile(rb"\n0[0-3]")  # every 64th line, by its hash
_LONGEST = 64 << 20  # bytes between two such lines
_PLAIN = b"  ../attachments/"
_AT = slice(64, 64 + len(_PLAIN))


def cut(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces, without the line feed behind each; the last has the file's own, or is empty. Raises FormatError."""
    rest = b""
    for chunk in chunks:
        buffer, at = rest + chunk, 0
        for match in _BEFORE.finditer(buffer):
            yield buffer[at : match.start()]
            at = match.start() + 1
        rest = buffer[at:]
        if len(rest) > _LONGEST:
            raise FormatError("is not made of hashes and paths")
    yield rest


def check(piece: bytes) -> None:
    """That each line is as `sha256sum` writes it. Raises FormatError."""
    for _ in _whole(piece.removesuffix(b"\n").split(b"\n")):
        pass


def names_in(piece: bytes) -> list[bytes]:
    """Of the attachments that its lines name, `comparable`. Raises FormatError."""
    lines = piece.removesuffix(b"\n").split(b"\n")
    names = [line[_AT.stop :] for line in lines if line[_AT] == _PLAIN]
    together = b"".join(names)
    if b"" in names or any(sign in together for sign in (b"/", b"\0", b"\\")):
        names = list(_carefully(lines))
    elif len(names) < len(lines):
        names += _carefully([line for line in lines if line[_AT] != _PLAIN])
    return names if piece.isascii() else [_composed(name.decode(errors="surrogateescape")) for name in names]


def comparable(names: Sequence[str]) -> list[bytes]:
    """Names below `attachments/` as bytes, one for each, which are the same for the two ways in which Unicode writes one: some file
    systems take them apart.
    """
    together = "\0".join(names).encode(errors="surrogateescape")
    plain = together.isascii() and together.count(b"\0") == len(names) - 1  # a store's keys may hold anything
    return together.split(b"\0") if plain else list(map(_composed, names))


def _composed(name: str) -> bytes:
    return unicodedata.normalize("NFC", name).encode(errors="surrogateescape")


def _carefully(lines: Sequence[bytes]) -> Iterator[bytes]:
    """Of lines that are no plain ones, one by one."""
    for written in _whole(lines):
        path = posixpath.normpath(f"backup/{written}")
        if path.startswith("..") or posixpath.isabs(written):
            raise FormatError(f"leads out of the account's folder: {written!r}")
        folder, _, name = path.partition("/")
        if folder == "attachments" and name:
            yield name.encode(errors="surrogateescape")


def _whole(lines: Sequence[bytes]) -> Iterator[str]:
    """The path of each."""
    for found in checksums.read((number, line + b"\n") for number, line in enumerate(filter(None, lines), 1)):
        if isinstance(found, str):
            raise FormatError("is not made of hashes and paths")
        yield found[1]
