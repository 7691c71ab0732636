"""A part of the attachments instead of all, for stores that bill what is read from them."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Drawn", "Sampling"]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How many attachments are to be read: a share of them in percent, or a number. The same seed draws the same ones again."""

    amount: float
    percent: bool
    seed: int

    def size(self, total: int) -> int:
        """How many of `total`: at least one, if there is one."""
        if not self.percent:
            return int(min(total, self.amount))
        return min(total, math.ceil(total * self.amount / 100))


@dataclass(frozen=True, slots=True)
class Drawn:
    """How many attachments were read of how many that are there, and the seed that draws these again."""

    read: int
    of: int
    seed: int
