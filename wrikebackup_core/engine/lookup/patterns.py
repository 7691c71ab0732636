"""What is looked for, and a test of raw JSON that is quick, and passes over no line that may hold it.

A text may stand in a line in many guises: letters as `\\u0069`, as `&#105;` or `&fjlig;`, in capitals, or with tags between them. The
quick test looks for one run of plain letters and digits of the text, its anchor, and for anything that could disguise a part of one.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator, Sequence
from html.entities import html5

from wrikebackup_core.errors import UsageError

__all__ = ["Pattern", "plain"]

_TAG = re.compile(r"<[^<>]*>")
_APART = re.compile(r"</?(?:p|br|div|li|ul|ol|tr|td|th|table|h[1-6]|pre|blockquote|hr)\b", re.IGNORECASE)
_ANCHOR = re.compile(r"[0-9A-Za-z]+")
_INTACT = 4  # letters of an anchor that are looked for as they are: the tags between these are looked for one by one
_TAGS = rb"(?:<[^<>\n]*>)*"
_FOLDED = "\u0130\u0131\u017f\u212a"
"""What is no ASCII, and equals an ASCII letter where case does not count, or in normal form C."""

_PLAIN = frozenset("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" + _FOLDED)
_NAMES = sorted({name.removesuffix(";") for name, value in html5.items() if _PLAIN & set(value)})
_CODES = "|".join(sorted(str(ord(char)) for char in _PLAIN))
_DISGUISES = (
    re.compile(rb"\\u"),
    # as `html.unescape` reads them: leading zeros, no semicolon
    re.compile(rf"&(?:#[xX]|#0*(?:{_CODES})(?![0-9])|{'|'.join(_NAMES)})".encode()),
    re.compile(rb"&#?[0-9A-Za-z]*<"),  # tags go first, and may have cut an entity in two
    *(re.compile(re.escape(char.encode())) for char in _FOLDED),
)


def plain(text: str) -> str:
    """HTML as text: tags gone, entities resolved, white space as one blank."""
    if "<" in text:
        text = _TAG.sub(lambda tag: " " if _APART.match(tag[0]) else "", text)
    if "&" in text:
        text = html.unescape(text)
    return " ".join(text.split())


class Pattern:
    """A text to look for, or a regular expression."""

    def __init__(self, wanted: str, *, regex: bool = False, case: bool = False) -> None:
        """`case`: whether case counts. Raises UsageError for what cannot be looked for."""
        self._wanted = unicodedata.normalize("NFC", wanted)
        if not self._wanted.strip():
            raise UsageError("nothing to look for: the text is empty")
        source = self._wanted if regex else r"\s+".join(re.escape(word) for word in self._wanted.split())
        try:
            self._find = re.compile(source, 0 if case else re.IGNORECASE).search
        except re.error as error:
            raise UsageError(f"{wanted!r} is no regular expression: {error}") from None
        except (OverflowError, RecursionError):
            raise UsageError(f"{wanted!r} is too much for a regular expression") from None
        self._tests = [] if regex else _tests(self._wanted)

    def find(self, text: str) -> tuple[int, int] | None:
        """Where it stands first in a text that is in normal form C: from, to. None where it does not."""
        found = self._find(text)
        return found.span() if found else None

    def candidates(self, block: bytes) -> Iterator[bytes]:
        """Of the lines of JSON in a block, all that may have it, and few others."""
        if not self._tests:
            yield from block.removesuffix(b"\n").split(b"\n")
            return
        lowered, starts = block.lower(), set[int]()  # case is left to `find`
        for test in self._tests:
            starts |= _lines_with(test, lowered)
        for test in _DISGUISES:
            starts |= _lines_with(test, block)
        for start in sorted(starts):
            end = block.find(b"\n", start)
            yield block[start : end if end >= 0 else len(block)]


def _lines_with(test: re.Pattern[bytes], block: bytes) -> set[int]:
    """Where the lines begin in which it is found."""
    starts: set[int] = set()
    at = 0
    while found := test.search(block, at):
        starts.add(block.rfind(b"\n", 0, found.start()) + 1)
        at = block.find(b"\n", found.end())
        if at < 0:
            break
    return starts


def _tests(wanted: str) -> Sequence[re.Pattern[bytes]]:
    """The anchor as it is, and with tags in it: each test begins with a text that is quick to find. None where there is no anchor."""
    anchor = max(_ANCHOR.findall(wanted), key=len, default="").lower().encode()
    if not anchor:
        return []
    intact = min(_INTACT, len(anchor))
    letters = [re.escape(anchor[at : at + 1]) for at in range(len(anchor))]
    cut = [b"".join(letters[:at]) + rb"<[^<>\n]*>" + _TAGS + _TAGS.join(letters[at:]) for at in range(1, intact)]
    whole = b"".join(letters[:intact]) + b"".join(_TAGS + letter for letter in letters[intact:])
    return [re.compile(test) for test in (*cut, whole)]
