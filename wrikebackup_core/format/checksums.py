"""The lines of SHA256SUMS, as `sha256sum` of GNU coreutils writes and checks them.

A path that holds a backslash, a line feed or a carriage return is written with `\\\\`, `\\n` and `\\r`, and its line begins with a
backslash. Source: coreutils manual, "cksum output modes" and "md5sum invocation".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

__all__ = ["line", "read"]

_LINE = re.compile(rb"(\\?)([0-9a-fA-F]{64}) [ *]([^\n\r\0]+)\n?")
_ESCAPED = {"\\": "\\\\", "\n": "\\n", "\r": "\\r"}
_ESCAPE = re.compile(r"[\\\n\r]")
_UNESCAPE = re.compile(r"\\(.?)", re.DOTALL)
_PLAIN = {"\\": "\\", "n": "\n", "r": "\r"}


def line(sha256_hex: str, path: str) -> str:
    """One line with its newline; `path` is relative to the folder in which SHA256SUMS lies, with `/`."""
    escaped = _ESCAPE.sub(lambda found: _ESCAPED[found[0]], path)
    mark = "" if escaped == path else "\\"
    return f"{mark}{sha256_hex}  {escaped}\n"


def read(lines: Iterable[tuple[int, bytes]]) -> Iterator[tuple[str, str] | str]:
    """Of numbered lines, each with its newline: (hash in lower-case hex, path), and in place of one that is damaged what is wrong.

    The last line of a file that is whole ends as all others do.
    """
    for number, text in lines:
        found = _LINE.fullmatch(text)
        path = _path(found) if found else None
        if found is None or path is None:
            yield f"line {number} is not a hash and a path as sha256sum writes them"
        elif not text.endswith(b"\n"):
            yield f"line {number} breaks off"
        else:
            yield found[2].decode().lower(), path


def _path(found: re.Match[bytes]) -> str | None:
    try:
        path = found[3].decode()
    except UnicodeDecodeError:
        return None
    if not found[1]:
        return path
    if any(letter not in _PLAIN for letter in _UNESCAPE.findall(path)):
        return None
    return _UNESCAPE.sub(lambda escape: _PLAIN[escape[1]], path)
