"""How many of something, in words."""

from __future__ import annotations

__all__ = ["plural"]


def plural(number: int, one: str, many: str | None = None) -> str:
    """`1 file`, `2,000 files`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
