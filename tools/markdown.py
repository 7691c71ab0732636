"""Small pieces of Markdown."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence

GENERATED = "<!-- Written by `python -m tools.generate` from the code: change the code, not this page. -->\n"


def cell(text: str) -> str:
    """Text on one line that may stand in a table."""
    pieces = " ".join(text.split()).replace("|", "\\|").split("`")
    pieces[::2] = [piece.replace("<", "&lt;") for piece in pieces[::2]]  # outside code it would be HTML
    return "`".join(pieces)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cell(text) for text in line) + " |" for line in lines) + "\n"


def code(text: str, language: str = "text") -> str:
    return f"```{language}\n{text.rstrip()}\n```\n"


def docstring(thing: object) -> str:
    """A docstring as Markdown, without its indentation; empty where there is none."""
    return (inspect.getdoc(thing) or "").strip() + "\n" if inspect.getdoc(thing) else ""
