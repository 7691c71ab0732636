"""Sentences of stores and libraries as parts of ours."""

from __future__ import annotations

__all__ = ["lowered"]


def lowered(line: str) -> str:
    """Without the capital letter of a sentence's start; an abbreviation keeps its own."""
    return line[:1].lower() + line[1:] if line[1:2].islower() or line[1:2] == " " else line
