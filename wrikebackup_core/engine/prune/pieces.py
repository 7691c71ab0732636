"""SHA256SUMS cut into pieces of whole lines, where its own content says so, and the names of attachments in each. What two of these
files have in common is cut alike.
"""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise

from wrikebackup_core.errors import FormatError
from wrikebackup_core.format import checksums

__all__ = ["check", "comparable", "cut", "names_in"]

_BEFORE = re.compile(rb"\n(?=0)")  # every 16th line, by its hash
_LONGEST = 64 << 20  # bytes between two such lines
_PLAIN = b"  ../attachments/"
_AT = slice(64, 64 + len(_PLAIN))


def cut(chunks: Iterable[bytes]) -> Iterator[list[bytes]]:
    """The pieces, some together, without the line feed behind each; the last has the file's own, or is empty. Raises FormatError."""
    rest = b""
    for chunk in chunks:
        pieces = _BEFORE.split(rest + chunk)
        rest = pieces.pop()
        yield pieces
        if len(rest) > _LONGEST:
            raise FormatError("is not made of hashes and paths")
    yield [rest]


def check(piece: bytes) -> None:
    """That each line is as `sha256sum` writes it. Raises FormatError."""
    for _ in _whole(piece.removesuffix(b"\n").split(b"\n")):
        pass


def names_in(pieces: Sequence[bytes]) -> list[list[bytes]]:
    """Of the attachments that the lines of each name, `comparable`. Raises FormatError."""
    lines = b"\n".join(pieces).split(b"\n")
    names = [line[_AT.stop :] for line in lines if line[_AT] == _PLAIN]
    if len(names) < len(lines) or not _plain(names):
        return list(map(_names_in, pieces))
    at = list(accumulate([piece.count(b"\n") + 1 for piece in pieces], initial=0))
    return [names[start:stop] for start, stop in pairwise(at)]


def _plain(names: Sequence[bytes]) -> bool:
    together = b"".join(names)
    return together.isascii() and b"" not in names and not any(sign in together for sign in (b"/", b"\0", b"\\"))


def _names_in(piece: bytes) -> list[bytes]:
    lines = piece.removesuffix(b"\n").split(b"\n")
    plain = [line for line in lines if line[_AT] == _PLAIN]
    names = [line[_AT.stop :] for line in plain]
    if not _plain(names):
        return [_composed(name) for name in _carefully(lines)]
    others = [line for line in lines if line[_AT] != _PLAIN]
    return names + [_composed(name) for name in _carefully(others)]


def comparable(names: Sequence[str]) -> list[bytes]:
    """Names below `attachments/` as bytes, one for each, which are the same for the two ways in which Unicode writes one: some file
    systems take them apart.
    """
    together = "\0".join(names).encode(errors="surrogateescape")
    plain = together.isascii() and together.count(b"\0") == len(names) - 1  # a store's keys may hold anything
    return together.split(b"\0") if plain else list(map(_composed, names))


def _composed(name: str) -> bytes:
    return unicodedata.normalize("NFC", name).encode(errors="surrogateescape")


def _carefully(lines: Sequence[bytes]) -> Iterator[str]:
    """Of lines that are no plain ones, one by one."""
    for written in _whole(lines):
        path = posixpath.normpath(f"backup/{written}")
        if path.startswith("..") or posixpath.isabs(written):
            raise FormatError(f"leads out of the account's folder: {written!r}")
        folder, _, name = path.partition("/")
        if folder == "attachments" and name:
            yield name


def _whole(lines: Sequence[bytes]) -> Iterator[str]:
    """The path of each."""
    for found in checksums.read((number, line + b"\n") for number, line in enumerate(filter(None, lines), 1)):
        if isinstance(found, str):
            raise FormatError("is not made of hashes and paths")
        yield found[1]
