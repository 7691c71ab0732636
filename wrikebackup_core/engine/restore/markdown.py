"""Texts of Wrike, which are HTML of a few kinds, as Markdown that is read as it stands and does nothing.

Written in one pass over the tags, whatever they are nested in: the text is hostile. Libraries for this build a tree and go through it by
recursion: docs/dependencies.md says which were looked at.
"""

from __future__ import annotations

import html
import re

__all__ = ["from_html", "line"]

_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]{0,15})([^<>]{0,4000})>|<!--[^<>]{0,4000}-->")
_ADDRESS = re.compile(r"""\b(?:href|src)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
_SAFE = ("http://", "https://", "mailto:")
_SPACE = re.compile(r"[ \t\r\n\f\v]+")
_SPECIAL = re.compile(r"[\\`*\[\]<]|(?<![^\W_])_|_(?![^\W_])")
_BEGINNING = re.compile(r"^(?:([#>+=-])|(\d{1,9})([.)])(?= |$))")
_CONTROLS = {code: " " for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}
_LINES = re.compile(r"\n{3,}")
_BLOCKS = frozenset(
    {"p", "div", "table", "section", "article", "header", "footer", "blockquote", "pre", "ul", "ol", "hr"}
)
_HEADINGS = {f"h{level}": "#" * min(level + 2, 6) + " " for level in range(1, 7)}  # below those of the page
_MARKS = {"b": "**", "strong": "**", "i": "*", "em": "*", "s": "~~", "del": "~~", "strike": "~~", "code": "`"}
_UNSEEN = frozenset({"script", "style", "head", "title", "template"})
_DEEPEST = 8  # lists in lists that are told apart


def line(text: str) -> str:
    """A title or name as a piece of one line."""
    return _escaped(_SPACE.sub(" ", _printable(text)).strip())


def from_html(text: str) -> str:
    """Paragraphs, lists, headings, emphasis and links; all other tags are left out, and their text stays. No newline at the end."""
    return _Writing().all(text)


def _printable(text: str) -> str:
    return text.translate(_CONTROLS)


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda found: "\\" + found[0], text)


class _Writing:
    def __init__(self) -> None:
        self._done: list[str] = []
        self._line: list[str] = []
        self._begin = ""
        self._lists: list[int] = []  # of each list around: the number of its next item, 0 where it has none
        self._quotes = self._unseen = 0
        self._as_is = False
        self._link = ""

    def all(self, text: str) -> str:
        at = 0
        for tag in _TAG.finditer(text):
            self._text(text[at : tag.start()])
            if tag[2]:
                self._tag(tag[2].lower(), tag[3], closes=bool(tag[1]))
            at = tag.end()
        self._text(text[at:])
        self._break()
        return _LINES.sub("\n\n", "\n".join(self._done)).strip("\n")

    def _text(self, text: str) -> None:
        if self._unseen or not text:
            return
        plain = _printable(html.unescape(text))
        if self._as_is:
            for number, piece in enumerate(plain.split("\n")):
                if number:
                    self._break()
                self._line.append(piece.replace("\t", "    "))
        else:
            self._line.append(_escaped(_SPACE.sub(" ", plain)))

    def _tag(self, name: str, rest: str, *, closes: bool) -> None:
        if name in _UNSEEN:
            self._unseen = max(0, self._unseen + (-1 if closes else 1))
        elif self._unseen:
            return
        elif name in _MARKS:
            self._line.append("" if self._as_is else _MARKS[name])
        elif name in ("a", "img"):
            self._address(name, rest, closes=closes)
        elif name in ("br", "tr"):
            self._break()
        elif name in ("td", "th"):
            self._line.append(" | " if not closes and "".join(self._line).strip() else "")
        elif name == "li":
            self._item(closes=closes)
        elif name in _HEADINGS:
            self._paragraph()
            self._begin = "" if closes else _HEADINGS[name]
        elif name in _BLOCKS:
            self._block(name, closes=closes)

    def _block(self, name: str, *, closes: bool) -> None:
        if self._lists and name in ("p", "div"):  # an item is one paragraph
            self._line.append(" ")
            return
        self._break()
        before = self._quotes
        if name == "blockquote":
            self._quotes = max(0, min(_DEEPEST, self._quotes + (-1 if closes else 1)))
        self._apart(min(before, self._quotes))
        if name == "pre":
            self._done.append("```")
            self._as_is = not closes
        elif name == "hr":
            self._done += ["---", ""]
        elif name in ("ul", "ol") and closes:
            self._lists[-1:] = []
        elif name in ("ul", "ol") and len(self._lists) < _DEEPEST:
            self._lists.append(int(name == "ol"))

    def _item(self, *, closes: bool) -> None:
        self._break()
        if closes:
            return
        number = self._lists[-1] if self._lists else 0
        self._begin = "    " * (len(self._lists) - 1) + (f"{number}. " if number else "- ")
        if number:
            self._lists[-1] += 1

    def _address(self, name: str, rest: str, *, closes: bool) -> None:
        found = _ADDRESS.search(rest)
        address = html.unescape(next(filter(None, found.groups()), "")) if found else ""
        good = address.lower().startswith(_SAFE) and not re.search(r"[\s<>()\\\x00-\x1f]", address) and not self._as_is
        if name == "img":
            self._line.append(f"[image](<{address}>)" if good else "" if closes else "(image)")
        elif closes:
            self._line.append(self._link)
            self._link = ""
        elif good and not self._link:
            self._line.append("[")
            self._link = f"](<{address}>)"

    def _paragraph(self) -> None:
        self._break()
        self._apart(self._quotes)

    def _apart(self, quotes: int) -> None:
        """An empty line, where the last one is none."""
        if self._done and self._done[-1].strip("> ") and not self._as_is:
            self._done.append(">" * quotes)

    def _break(self) -> None:
        """Ends a line."""
        text = "".join(self._line)
        self._line.clear()
        if self._as_is:
            self._done.append(text.replace("```", "` ` `"))
            return
        text = text.strip()
        if not text and not self._begin:
            return
        if not self._begin:
            text = _BEGINNING.sub(lambda found: f"\\{found[1]}" if found[1] else f"{found[2]}\\{found[3]}", text)
        quoted = "> " * self._quotes
        # Lines that follow each other stay lines: two blanks say so to Markdown, and nothing to people.
        if (
            self._done
            and self._done[-1].strip("> ")
            and not self._begin
            and not self._done[-1].startswith(("#", "```", "---"))
        ):
            self._done[-1] += "  "
        self._done.append(quoted + self._begin + text)
        self._begin = ""
