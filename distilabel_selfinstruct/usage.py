"""Tokens and money: what requests have used, what it costs, and the limit of a run."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Usage:
    """What one stage has asked for so far: requests, tokens, and the seconds they took one after the other."""

    requests: int = 0
    failures: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0
    cached_tokens: int = 0  # of the input, read from the server's cache

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.requests + other.requests,
            self.failures + other.failures,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.seconds + other.seconds,
            self.cached_tokens + other.cached_tokens,
        )


@dataclass(frozen=True, slots=True)
class Prices:
    """What a million tokens cost; input from the server's cache costs as much as other input, where nobody says."""

    input_per_million: float
    output_per_million: float
    currency: str = "USD"
    cached_per_million: float | None = None

    @classmethod
    def given(cls, input_price: float, output_price: float, cached_price: float | None) -> Prices | None:
        """The prices, if any was given."""
        if not (input_price or output_price):
            return None
        return cls(input_price, output_price, cached_per_million=cached_price)

    def of(self, input_tokens: float, output_tokens: float, cached_tokens: float = 0) -> float:
        """What these tokens cost; the cached ones are among the input."""
        cached_price = self.input_per_million if self.cached_per_million is None else self.cached_per_million
        new_tokens = input_tokens - cached_tokens
        return (
            new_tokens * self.input_per_million + cached_tokens * cached_price + output_tokens * self.output_per_million
        ) / 1e6


@dataclass
class Budget:
    """Limits of a run; prices are money per million tokens. `spent` counts what earlier sessions have used.

    `owed_input` and `owed_output` are the tokens that a request which is owed is likely to take; where nobody knows
    yet, it is what requests have taken on average.
    """

    max_tokens: int | None = None
    max_cost: float | None = None
    input_price: float = 0.0
    output_price: float = 0.0
    spent_requests: int = 0
    spent_input: int = 0
    spent_output: int = 0
    owed_input: float | None = None
    owed_output: float | None = None
    cached_price: float | None = None
    spent_cached: int = 0

    @property
    def is_limited(self) -> bool:
        return self.max_tokens is not None or self.max_cost is not None

    def is_used_up(self, owed: int = 1) -> bool:
        """Whether nothing is left when so many requests have been made that are owed, or one more."""
        used_tokens, used_cost = self._used(*self._owed(owed))
        return used_tokens >= self._most_tokens or used_cost >= self._most_cost

    def has_room(self, input_tokens: float, output_tokens: float, owed: int = 0) -> bool:
        """Whether so many more tokens can be spent, and besides them what is owed."""
        owed_in, owed_out = self._owed(owed)
        used_tokens, used_cost = self._used(input_tokens + owed_in, output_tokens + owed_out)
        return used_tokens <= self._most_tokens and used_cost <= self._most_cost

    def cost(self) -> float:
        return self._used(0, 0)[1]

    @property
    def _most_tokens(self) -> float:
        return math.inf if self.max_tokens is None else self.max_tokens

    @property
    def _most_cost(self) -> float:
        return math.inf if self.max_cost is None else self.max_cost

    def _owed(self, requests: int) -> tuple[float, float]:
        before = self.spent_requests or math.inf
        input_each = self.spent_input / before if self.owed_input is None else self.owed_input
        output_each = self.spent_output / before if self.owed_output is None else self.owed_output
        return requests * input_each, requests * output_each

    def _used(self, more_in: float, more_out: float) -> tuple[float, float]:
        """Tokens and money when so many tokens more have been spent."""
        tokens_in, tokens_out = self.spent_input + more_in, self.spent_output + more_out
        prices = Prices(self.input_price, self.output_price, cached_per_million=self.cached_price)
        return tokens_in + tokens_out, prices.of(tokens_in, tokens_out, self.spent_cached)
