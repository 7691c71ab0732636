"""The lines of SHA256SUMS, and the names of attachments in them."""

from __future__ import annotations

import posixpath
import unicodedata
from collections.abc import Iterator, Sequence
from operator import itemgetter

from wrikebackup_core.errors import FormatError
from wrikebackup_core.format import checksums

__all__ = ["check", "comparable", "names_in"]

_HASH = 64
_PLAIN = b"  ../attachments/"
_FOLDER = itemgetter(slice(_HASH, _HASH + len(_PLAIN)))  # of a line
_NAME = itemgetter(slice(_HASH + len(_PLAIN), None))


def check(lines: Sequence[bytes]) -> None:
    """That each, without its line feed, is as `sha256sum` writes it. Raises FormatError."""
    for _ in _paths(lines):
        pass


def names_in(text: bytes) -> list[bytes]:
    """Of the attachments that whole lines name, `comparable`, in their order: one of a line at the most. Raises FormatError."""
    end = text.find(b"\n", text.rfind(_PLAIN)) + 1 or len(text)  # a backup's own files are named behind them
    names = _at_a_glance(text[:end])
    return _line_by_line(text) if names is None else names + _line_by_line(text[end:])


def _at_a_glance(text: bytes) -> list[bytes] | None:
    """None where they are not all plain ones."""
    lines = text.removesuffix(b"\n").split(b"\n")
    if set(map(_FOLDER, lines)) != {_PLAIN}:
        return None
    names = list(map(_NAME, lines))
    together = b"\n".join(names)
    # Cut anew, they lie side by side in memory, other than parts of lines that are gone: quicker to look at.
    return together.split(b"\n") if _is_plain(together) and b"" not in names else None


def _line_by_line(text: bytes) -> list[bytes]:
    return [name for line in text.split(b"\n") for name in _at_a_glance(line) or map(_composed, _carefully(line))]


def _is_plain(text: bytes) -> bool:
    """Without what has a meaning of its own in a path, or in such a line."""
    return text.isascii() and not (b"/" in text or b"\\" in text or b"\r" in text or b"\0" in text)


def comparable(names: Sequence[str]) -> list[bytes]:
    """Names below `attachments/` as bytes, one for each, which are the same for the two ways in which Unicode writes one: some file
    systems take them apart.
    """
    together = "\0".join(names).encode(errors="surrogateescape")
    plain = together.isascii() and together.count(b"\0") == len(names) - 1  # a store's keys may hold anything
    return together.split(b"\0") if plain else list(map(_composed, names))


def _composed(name: str) -> bytes:
    return unicodedata.normalize("NFC", name).encode(errors="surrogateescape")


def _carefully(line: bytes) -> Iterator[str]:
    for written in _paths([line]):
        path = posixpath.normpath(f"backup/{written}")
        if path.startswith("..") or posixpath.isabs(written):
            raise FormatError(f"leads out of the account's folder: {written!r}")
        folder, _, name = path.partition("/")
        if folder == "attachments" and name:
            yield name


def _paths(lines: Sequence[bytes]) -> Iterator[str]:
    for found in checksums.read((number, line + b"\n") for number, line in enumerate(filter(None, lines), 1)):
        if isinstance(found, str):
            raise FormatError("is not made of hashes and paths")
        yield found[1]
