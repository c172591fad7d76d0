"""Tokens and money: what models cost, as published or as a user says, and what is not known."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from distilabel_selfinstruct.usage import FREE, PriceList, Prices, Usage, is_at_home, price_of, published


class TestPublishedPrices:
    def test_it_is_known_without_a_network(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def no_network(*_: Any, **__: Any) -> None:
            raise AssertionError("something was fetched")

        monkeypatch.setattr(socket, "getaddrinfo", no_network)
        published.cache_clear()
        assert published("gpt-4o-mini", provider="openai") == Prices(0.15, 0.6, "USD", pytest.approx(0.075))

    @pytest.mark.parametrize(
        ("kind", "model", "address"),
        [
            ("openai", "gpt-4o", None),
            ("openai", "gpt-4o", "https://api.openai.com/v1"),
            ("litellm", "openai/gpt-4o", None),
            ("litellm", "azure/gpt-4o", None),
        ],
    )
    def test_one_price_by_several_ways(self, kind: str, model: str, address: str | None) -> None:
        assert price_of(kind, model, address) == Prices(2.5, 10.0, "USD", pytest.approx(1.25))

    @pytest.mark.parametrize(
        ("model", "input_price", "output_price"),
        [
            ("anthropic/claude-sonnet-4-5", 3.0, 15.0),
            ("gemini/gemini-2.5-flash", 0.3, 2.5),
            ("bedrock/anthropic.claude-3-5-sonnet-20241022-v2:0", 3.0, 15.0),
            ("openrouter/anthropic/claude-sonnet-4", 3.0, 15.0),
        ],
    )
    def test_providers_as_litellm_calls_them(self, model: str, input_price: float, output_price: float) -> None:
        prices = price_of("litellm", model, None)
        assert prices is not None
        assert (prices.input_per_million, prices.output_per_million) == pytest.approx((input_price, output_price))

    @pytest.mark.parametrize(
        ("kind", "model", "address"),
        [
            ("openai", "my-model", None),
            ("openai", "gpt-4o", "https://gateway.example.org/v1"),  # who knows what that one asks for it
            ("litellm", "anthropic/no-such-model", None),
            ("litellm", "nobody/knows", None),
        ],
    )
    def test_what_is_not_known(self, kind: str, model: str, address: str | None) -> None:
        assert price_of(kind, model, address) is None

    @pytest.mark.parametrize(
        ("kind", "model", "address"),
        [
            ("demo", None, None),
            ("local", None, None),
            ("vllm", "gpt-4o", None),
            ("openai", "gpt-4o", "http://127.0.0.1:8000/v1"),
            ("litellm", "ollama/llama3", None),
        ],
    )
    def test_what_runs_at_home_costs_nothing(self, kind: str, model: str | None, address: str | None) -> None:
        assert price_of(kind, model, address) == FREE

    @pytest.mark.parametrize(
        ("address", "at_home"),
        [
            ("http://localhost:1/v1", True), ("http://10.0.0.9:8000/v1", True), ("http://[::1]/v1", True),
            ("http://gpu-box:8000/v1", True), ("http://llm.internal/v1", True), ("https://api.openai.com/v1", False),
            ("http://8.8.8.8/v1", False), (None, False), ("", False),
        ],
    )  # fmt: skip
    def test_what_is_at_home(self, address: str | None, at_home: bool) -> None:
        assert is_at_home(address) is at_home


class TestPriceList:
    LIST = PriceList({
        "bootstrap": {"cheap": Prices(1.0, 2.0)},
        "instances": {"dear": Prices(10.0, 20.0, cached_per_million=5.0), "strange": None},
        "": {"": Prices(3.0, 3.0)},
    })  # fmt: skip

    def test_each_stage_has_its_own(self) -> None:
        used = {
            ("bootstrap", "cheap"): Usage(1, 0, 1_000_000, 500_000),
            ("instances", "dear"): Usage(2, 0, 1_000_000, 0, cached_tokens=500_000),
        }
        priced = self.LIST.priced(used)
        assert {stage: usage.cost for stage, usage in priced.items()} == {"bootstrap": 2.0, "instances": 7.5}
        assert self.LIST.dearest("instances") == Prices(10.0, 20.0, cached_per_million=5.0)

    def test_a_model_that_a_stage_does_not_ask_any_more(self) -> None:
        assert self.LIST.of("check", "dear") == self.LIST.by_stage["instances"]["dear"]
        assert self.LIST.of("check", "another") == Prices(3.0, 3.0)

    def test_what_is_not_known_is_counted(self) -> None:
        priced = self.LIST.priced(
            {("instances", "strange"): Usage(4, 1, 10, 10), ("instances", "dear"): Usage(1, 0, 0, 1)}
        )
        assert priced["instances"].unpriced == 4
        assert self.LIST.unknown == ["strange"]

    def test_a_record(self) -> None:
        assert PriceList.of_record(self.LIST.record()) == self.LIST

    def test_without_prices_nothing_is_said_of_money(self) -> None:
        (used,) = PriceList().priced({("a", "m"): Usage(1, 0, 5, 5)}).values()
        assert used == Usage(1, 0, 5, 5)


@pytest.mark.parametrize(
    ("used", "words"),
    [
        (Usage(3), ""),
        (Usage(3, cost=1.5), "1.50 USD"),
        (Usage(3, unpriced=3), "price unknown"),
        (Usage(3, cost=1.5, unpriced=2), "1.50 USD and a price unknown of 2 requests"),
    ],
)
def test_money_in_words(used: Usage, words: str) -> None:
    assert used.money == words
