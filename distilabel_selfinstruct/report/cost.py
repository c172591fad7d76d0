"""What a dataset cost: money from tokens."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from distilabel_selfinstruct.llms.records import Usage


@dataclass(frozen=True, slots=True)
class Prices:
    """What a million tokens cost."""

    input_per_million: float
    output_per_million: float
    currency: str = "USD"

    def of(self, input_tokens: float, output_tokens: float) -> float:
        """What these tokens cost."""
        return (input_tokens * self.input_per_million + output_tokens * self.output_per_million) / 1e6


def total_usage(usages: Iterable[Usage]) -> Usage:
    """The sum."""
    total = Usage()
    for usage in usages:
        total = Usage(
            total.requests + usage.requests,
            total.failures + usage.failures,
            total.input_tokens + usage.input_tokens,
            total.output_tokens + usage.output_tokens,
            total.seconds + usage.seconds,
        )
    return total
