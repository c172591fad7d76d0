"""Tokens and money: what requests have used, what it costs, and the limit of a run."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from typing import Any
from urllib.parse import urlsplit

CURRENCY = "USD"
"""Of published prices, and of a user's own where nothing else is said."""
_PROVIDERS = {  # what litellm calls a provider, and the table of prices
    "bedrock": "aws",
    "azure_ai": "azure",
    "gemini": "google",
    "vertex_ai": "google",
    "fireworks_ai": "fireworks",
    "together_ai": "together",
    "xai": "x-ai",
    "moonshot": "moonshotai",
    "cohere_chat": "cohere",
}
_AT_HOME = frozenset({"ollama", "ollama_chat", "hosted_vllm", "llamafile", "lm_studio", "vllm"})
"""What litellm calls servers of one's own."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one stage has asked for so far: requests, tokens, and the seconds they took one after the other."""

    requests: int = 0
    failures: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0
    cached_tokens: int = 0  # of the input, read from the server's cache
    reasoning_tokens: int = 0  # of the output, thoughts
    cost: float = 0.0  # as far as prices are known
    unpriced: int = 0  # requests of which they are not

    def __add__(self, other: Usage) -> Usage:
        return Usage(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(Usage)))

    def at(self, prices: Prices | None) -> Usage:
        """The same with what it costs at these prices; None where they are not known."""
        if prices is None:
            return replace(self, cost=0.0, unpriced=self.requests)
        return replace(self, cost=prices.of(self.input_tokens, self.output_tokens, self.cached_tokens), unpriced=0)

    @property
    def money(self) -> str:
        """What it costs, in words; empty where it costs nothing."""
        if not self.unpriced:
            return f"{self.cost:,.2f} {CURRENCY}" if self.cost else ""
        known = f"{self.cost:,.2f} {CURRENCY} and " if self.cost else ""
        return f"{known}a price unknown of {self.unpriced:,} requests" if known else "price unknown"


@dataclass(frozen=True, slots=True)
class Prices:
    """What a million tokens cost; input from the server's cache costs as much as other input, where nobody says.

    Thoughts cost as much as other output: that is how all providers count them.
    """

    input_per_million: float
    output_per_million: float
    currency: str = CURRENCY
    cached_per_million: float | None = None

    @classmethod
    def given(cls, input_price: float | None, output_price: float | None, cached_price: float | None) -> Prices | None:
        """The prices, if any was given; 0 is one too."""
        if input_price is None and output_price is None:
            return None
        return cls(input_price or 0.0, output_price or 0.0, cached_per_million=cached_price)

    def of(self, input_tokens: float, output_tokens: float, cached_tokens: float = 0) -> float:
        """What these tokens cost; the cached ones are among the input."""
        cached_price = self.input_per_million if self.cached_per_million is None else self.cached_per_million
        new_tokens = input_tokens - cached_tokens
        return (
            new_tokens * self.input_per_million + cached_tokens * cached_price + output_tokens * self.output_per_million
        ) / 1e6

    @property
    def is_free(self) -> bool:
        """Whether nothing costs anything."""
        return not (self.input_per_million or self.output_per_million or self.cached_per_million)


FREE = Prices(0.0, 0.0)


@cache
def published(
    model: str, address: str | None = None, provider: str | None = None, in_batches: bool = False
) -> Prices | None:
    """What a provider asks for a model's tokens, by the table that comes with genai-prices; None where it has none.

    The table is that of the installed package: nothing is fetched. Of prices that grow with the prompt it is the first.

    Args:
        model: as the provider calls it.
        address: of its endpoint, where the provider is known by that.
        provider: as litellm calls it.
        in_batches: whether requests go out in batches: half of it where the table has no price for that.
    """
    from genai_prices import Usage as Tokens
    from genai_prices import calc_price

    where: Any = {"price_context": {"processing": "batch"}} if in_batches else {}
    if provider is not None:
        where["provider_id"] = _PROVIDERS.get(provider, provider)
    elif address is not None:
        where["provider_api_url"] = address
    kinds = (
        Tokens(input_tokens=1000),
        Tokens(output_tokens=1000),
        Tokens(input_tokens=1000, cache_read_tokens=1000),
    )
    try:
        new, written, cached = (float(calc_price(each, model, **where).total_price) * 1000 for each in kinds)
    except (LookupError, ValueError, TypeError):  # a model or a provider that is not in it, or priced otherwise
        return None
    prices = Prices(new, written, cached_per_million=cached)
    if in_batches and prices == published(model, address, provider):
        return Prices(new / 2, written / 2, cached_per_million=cached / 2)
    return prices


def is_at_home(address: str | None) -> bool:
    """Whether an address is of this machine or this network, where tokens have no price."""
    host = urlsplit(address or "").hostname
    if not host:
        return False
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith((".local", ".internal", ".lan"))
    return found.is_private or found.is_loopback or found.is_link_local


def price_of(kind: str, model: str | None, address: str | None, in_batches: bool = False) -> Prices | None:
    """What tokens of a model cost, as far as anybody knows: nothing where it runs on machines of one's own.

    Args:
        kind: of the model, as in the option `--llm`.
        model: its name.
        address: of its endpoint.
        in_batches: whether requests go out in batches.
    """
    if kind in ("demo", "local", "vllm") or is_at_home(address):
        return FREE
    if not model or kind not in ("openai", "litellm"):
        return None
    if kind == "openai":
        return published(model, address or "https://api.openai.com/v1", in_batches=in_batches)
    provider, _, name = model.partition("/")
    if provider in _AT_HOME:
        return FREE
    return published(name or model, provider=provider if name else None, in_batches=in_batches)


@dataclass(frozen=True, slots=True)
class PriceList:
    """What the models of a run cost, by stage and model; None where that is not known.

    Without a name of its own stand the stage that is any other, and the model that is any other.
    """

    by_stage: Mapping[str, Mapping[str, Prices | None]] = field(default_factory=dict)

    @classmethod
    def of_record(cls, record: Mapping[str, Mapping[str, Mapping[str, Any] | None]]) -> PriceList:
        """The prices that a run folder recorded.

        Raises:
            ValueError: if something is of another kind.
        """
        from pydantic import TypeAdapter

        return cls(TypeAdapter(dict[str, dict[str, Prices | None]]).validate_python(record))

    def record(self) -> dict[str, Any]:
        """What a run folder keeps of it."""
        return asdict(self)["by_stage"]

    def of(self, stage: str, model: str) -> Prices | None:
        """The price of a model in a stage; of one that is not asked there any more, that of any other stage."""
        every = self.by_stage.values()
        here, anywhere = self.by_stage.get(stage, {}), next((prices for prices in every if model in prices), {})
        for prices, name in ((here, model), (anywhere, model), (here, ""), (self.by_stage.get("", {}), "")):
            if name in prices:
                return prices[name]
        return None

    def dearest(self, stage: str) -> Prices:
        """What a token of a stage may cost at most; nothing where nobody knows."""
        here = self.by_stage.get(stage) or self.by_stage.get("", {})
        known = [prices for prices in here.values() if prices is not None]
        return max(known, key=lambda each: each.input_per_million + each.output_per_million, default=FREE)

    def priced(self, usage: Mapping[tuple[str, str], Usage]) -> dict[str, Usage]:
        """What each stage has used, with what it costs; given by stage and model."""
        found: dict[str, Usage] = {}
        for (stage, model), used in usage.items():
            at_price = used.at(self.of(stage, model)) if self.by_stage else used
            found[stage] = found.get(stage, Usage()) + at_price
        return found

    @property
    def unknown(self) -> list[str]:
        """The models whose prices are not known."""
        every = (pair for prices in self.by_stage.values() for pair in prices.items())
        return list(dict.fromkeys(model for model, prices in every if prices is None))

    @property
    def is_free(self) -> bool:
        """Whether all that is known costs nothing."""
        return all(each is None or each.is_free for prices in self.by_stage.values() for each in prices.values())


@dataclass
class Budget:
    """Limits of a run. `spent` counts what earlier sessions have used.

    `owed_input`, `owed_output` and `owed_cost` are what a request which is owed is likely to take; where nobody knows
    yet, it is what requests have taken on average.
    """

    max_tokens: int | None = None
    max_cost: float | None = None
    prices: PriceList = field(default_factory=PriceList)
    spent_requests: int = 0
    spent_input: int = 0
    spent_output: int = 0
    spent_cost: float = 0.0
    owed_input: float | None = None
    owed_output: float | None = None
    owed_cost: float | None = None

    @property
    def is_limited(self) -> bool:
        return self.max_tokens is not None or self.max_cost is not None

    def spend(self, stage: str, model: str, used: Usage) -> None:
        """Counts what a request has used."""
        self.spent_requests += used.requests
        self.spent_input += used.input_tokens
        self.spent_output += used.output_tokens
        self.spent_cost += used.at(self.prices.of(stage, model)).cost

    def is_used_up(self, owed: int = 1) -> bool:
        """Whether nothing is left when so many requests have been made that are owed, or one more."""
        tokens, cost = self._owed(owed)
        return self.spent_tokens + tokens >= self._most_tokens or self.spent_cost + cost >= self._most_cost

    def has_room(self, tokens: float, cost: float = 0.0, owed: int = 0) -> bool:
        """Whether so many more tokens can be spent, and so much money for them, and besides them what is owed."""
        owed_tokens, owed_cost = self._owed(owed)
        return (
            self.spent_tokens + owed_tokens + tokens <= self._most_tokens
            and self.spent_cost + owed_cost + cost <= self._most_cost
        )

    @property
    def share_spent(self) -> float:
        """Of the limit that is nearest, from 0 to 1."""
        return min(1.0, max(self.spent_tokens / self._most_tokens, self.spent_cost / self._most_cost))

    @property
    def spent_tokens(self) -> int:
        """In and out."""
        return self.spent_input + self.spent_output

    @property
    def _most_tokens(self) -> float:
        return math.inf if self.max_tokens is None else self.max_tokens

    @property
    def _most_cost(self) -> float:
        return math.inf if self.max_cost is None else self.max_cost

    def _owed(self, requests: int) -> tuple[float, float]:
        """Tokens and money of so many requests."""
        before = self.spent_requests or math.inf
        input_each = self.spent_input / before if self.owed_input is None else self.owed_input
        output_each = self.spent_output / before if self.owed_output is None else self.owed_output
        cost_each = self.spent_cost / before if self.owed_cost is None else self.owed_cost
        return requests * (input_each + output_each), requests * cost_each
