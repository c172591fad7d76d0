"""Tokens and money: what requests have used, what it costs, and the limit of a run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Usage:
    """What one stage has asked for so far: requests, tokens, and the seconds they took one after the other."""

    requests: int = 0
    failures: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.requests + other.requests,
            self.failures + other.failures,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.seconds + other.seconds,
        )


@dataclass(frozen=True, slots=True)
class Prices:
    """What a million tokens cost."""

    input_per_million: float
    output_per_million: float
    currency: str = "USD"

    def of(self, input_tokens: float, output_tokens: float) -> float:
        """What these tokens cost."""
        return (input_tokens * self.input_per_million + output_tokens * self.output_per_million) / 1e6


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

    def is_used_up(self, owed: int = 0) -> bool:
        """Whether nothing is left when so many requests have been made that are owed."""
        requests = max(1, self.spent_requests)
        input_each = self.spent_input / requests if self.owed_input is None else self.owed_input
        output_each = self.spent_output / requests if self.owed_output is None else self.owed_output
        tokens_in, tokens_out = self.spent_input + owed * input_each, self.spent_output + owed * output_each
        if self.max_tokens is not None and tokens_in + tokens_out >= self.max_tokens:
            return True
        return self.max_cost is not None and self._price(tokens_in, tokens_out) >= self.max_cost

    def cost(self) -> float:
        return self._price(self.spent_input, self.spent_output)

    def _price(self, input_tokens: float, output_tokens: float) -> float:
        return (input_tokens * self.input_price + output_tokens * self.output_price) / 1e6
