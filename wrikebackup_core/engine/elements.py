"""The elements of a JSON array, one at a time, out of a file that may be hostile.

Memory is bounded by what one element may be, and time grows with the length of the file, whatever is in it. Parsers that read JSON as a
stream do not promise that: they build an element of any size, and look at a long string anew with each piece of it.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import IO

__all__ = ["LONGEST", "elements", "pieces"]

LONGEST = 64 << 20
"""Bytes of one element at most. A task with all of its comments has some MB."""

_VALUES = 1_000_000  # in one element at most: decoded, each takes more memory than the bytes that it is written with
_DEPTH = 100
_READS = 16  # that make a piece
_READ = 4 << 10  # bytes; bzip2 and LZMA unpack all that they are handed at once: out of this much come some ten MB
_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_TO_COMMA = re.compile(rb'(?:[^"\[\]{},]++|' + _STRING + rb")*+", re.DOTALL)
_TO_BRACKET = re.compile(rb'(?:[^"\[\]{}]++|' + _STRING + rb")*+", re.DOTALL)
_TO_QUOTE = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_STRINGS = re.compile(_STRING, re.DOTALL)
_SPACE = b" \t\r\n"
_STEPS = {b"[": 1, b"{": 1, b"]": -1, b"}": -1}


def elements(file: IO[bytes]) -> Iterator[bytearray]:
    """The bytes of each; whether they are JSON is for whoever decodes them to find out.

    Raises ValueError where the file is not an array from end to end, or an element is more than the limits allow.
    """
    marks = _Marks(file)
    stream = iter(marks)
    plain, mark = next(((plain, mark) for plain, mark in stream if plain.strip(_SPACE) or mark), (b"", b""))
    if plain.strip(_SPACE) or mark != b"[":
        raise ValueError("not a JSON array")
    element, depth, number, nested = bytearray(), 1, 1, 0
    for plain, mark in stream:
        element += plain
        step = _STEPS.get(mark, 0)
        depth += step
        nested += step > 0
        if nested > _VALUES:  # ahead of its end, for each takes time
            raise _too_many(number)
        if len(element) > LONGEST:
            raise ValueError(f"record {number} is longer than {LONGEST >> 20} MiB")
        if depth > _DEPTH:
            raise ValueError(f"record {number} is nested more than {_DEPTH} deep")
        marks.commas = depth == 1
        if depth and mark != b",":
            element += mark
            continue
        _check(element, number)
        if depth or number > 1 or element.strip(_SPACE):
            yield element
        element, number, nested = bytearray(), number + 1, 0
        if not depth:
            break
    if depth or mark != b"]" or any(plain.strip(_SPACE) or mark for plain, mark in stream):
        raise ValueError("the JSON array does not end where the file does")


def pieces(file: IO[bytes]) -> Iterator[bytes]:
    """A member of a zip from start to end."""
    while piece := b"".join(file.read(_READ) for _ in range(_READS)):
        yield piece


def _check(element: bytearray, number: int) -> None:
    """Commas tell how many values there are; those in texts are left out where it matters."""
    if element.count(b",") > _VALUES and _STRINGS.sub(b"", element).count(b",") > _VALUES:
        raise _too_many(number)


def _too_many(number: int) -> ValueError:
    return ValueError(f"record {number} has more than {_VALUES:,} values")


class _Marks:
    """The file as pairs: a stretch of it, and the bracket or comma outside of strings that follows, `b""` where a piece ends."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.commas = True
        """Whether commas are looked for, as well as brackets."""

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        quoted, rest, utf8 = False, b"", codecs.getincrementaldecoder("utf-8")()
        for piece in pieces(self._file):
            try:
                utf8.decode(piece)
            except UnicodeDecodeError:
                raise ValueError("invalid bytes in UTF-8 text") from None
            data, begun, at, rest = rest + piece, 0, 0, b""
            while at < len(data):
                way = _TO_QUOTE if quoted else _TO_COMMA if self.commas else _TO_BRACKET
                at = way.match(data, at).end()  # type: ignore[union-attr] # each matches nothing too
                mark = data[at : at + 1]
                if mark == b"\\":  # what it makes of the next character is in the next piece
                    data, rest = data[:at], mark
                elif mark == b'"':
                    quoted, at = not quoted, at + 1
                elif mark:
                    yield data[begun:at], mark
                    begun = at = at + 1
            yield data[begun:], b""
