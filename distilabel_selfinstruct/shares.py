"""Shares, with the interval that so few of anything leave open."""

from __future__ import annotations

import math
from dataclasses import dataclass

_Z = 1.959963984540054  # of a 95 % interval


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many, with its 95 % interval (Wilson, 1927): sound for small numbers and near 0 and 1 too."""

    right: int
    of: int

    def __str__(self) -> str:
        if self.value is None or self.interval is None:
            return "unknown"
        return "{:.0%} (95% interval {:.0%} to {:.0%})".format(self.value, *self.interval)

    @property
    def value(self) -> float | None:
        return self.right / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float] | None:
        if not self.of:
            return None
        share, squared = self.right / self.of, _Z * _Z / self.of
        middle = (share + squared / 2) / (1 + squared)
        reach = _Z / (1 + squared) * math.sqrt(share * (1 - share) / self.of + squared / (4 * self.of))
        return max(0.0, middle - reach), min(1.0, middle + reach)
