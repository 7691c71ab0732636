"""The lines of SHA256SUMS, and the names of attachments in them."""

from __future__ import annotations

import posixpath
import unicodedata
from collections.abc import Iterator, Sequence

from wrikebackup_core.errors import FormatError
from wrikebackup_core.format import checksums

__all__ = ["check", "comparable", "names_in", "plain_name"]

_HASH = 64
_PLAIN = b"  ../attachments/"
_AT = slice(_HASH, _HASH + len(_PLAIN))
_BEHIND = slice(-_HASH - 1, -_HASH)  # a name, where the next hash follows: its line feed


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
    first, *others = text.removesuffix(b"\n").split(_PLAIN)
    if len(first) != _HASH or {part[_BEHIND] for part in others[:-1]} - {b"\n"}:
        return None
    names = [part[: _BEHIND.start] for part in others[:-1]] + others[-1:]
    together = b"\n".join(names)
    plain = _is_plain(together) and together.count(b"\n") == len(names) - 1 and b"" not in names
    if not plain or len(names) != text.count(b"\n"):
        return None
    return together.split(
        b"\n"
    )  # which lie side by side in memory, other than parts of what is cut: quicker to look at


def _line_by_line(text: bytes) -> list[bytes]:
    return [name for line in text.split(b"\n") for name in _name_in(line)]


def _name_in(line: bytes) -> list[bytes]:
    name = plain_name(line)
    return [name] if name and _is_plain(name) else [_composed(name) for name in _carefully(line)]


def plain_name(line: bytes) -> bytes:
    """What follows where nearly all lines name the folder: a name, as it is written. Empty where another follows."""
    return line[_AT.stop :] if line[_AT] == _PLAIN else b""


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
