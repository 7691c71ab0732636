"""How many of something, in words."""

from __future__ import annotations

__all__ = ["of_kind", "plural", "singular"]


def plural(number: int, one: str, many: str | None = None) -> str:
    """`1 file`, `2,000 files`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def of_kind(number: int, kind: str) -> str:
    """`1 task`, `2,000 tasks`: so many records of a kind, whose name is a plural."""
    return plural(number, singular(kind), kind)


def singular(kind: str) -> str:
    """`task` for `tasks`, `dependency` for `dependencies`."""
    return f"{kind[:-3]}y" if kind.endswith("ies") else kind.removesuffix("s")
