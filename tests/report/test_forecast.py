"""What a run will take, from its first rounds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.recipe import get_recipe
from distilabel_selfinstruct.report import Round, forecast, forecast_text
from distilabel_selfinstruct.usage import Prices, Usage

RECIPE = get_recipe("self-instruct")
USAGE = {
    "bootstrap": Usage(requests=30, input_tokens=30_000, output_tokens=6_000, seconds=60),
    "classification": Usage(requests=60, input_tokens=60_000, output_tokens=60, seconds=30),
    "instances": Usage(requests=60, input_tokens=90_000, output_tokens=12_000, seconds=150),
}


def rounds(*admitted: int) -> list[Round]:
    return [
        Round(number, prompts=10, candidates=80, admitted=each, similar=80 - each, instances=2 * each)
        for number, each in enumerate(admitted)
    ]


def test_equal_rounds_leave_no_doubt() -> None:
    """60 instructions took 150 requests: 600 take ten times that."""
    seen = forecast(rounds(20, 20, 20), USAGE, 600, RECIPE, prices=Prices(2.0, 10.0), concurrency=8)
    assert (seen.requests.low, seen.requests.expected, seen.requests.high) == pytest.approx((1500, 1500, 1500))
    assert seen.rounds.expected == pytest.approx(30)
    assert seen.instances.expected == pytest.approx(1200)
    assert seen.input_tokens.expected == pytest.approx(1_800_000)
    assert seen.output_tokens.expected == pytest.approx(180_600)
    assert seen.seconds.expected == pytest.approx(300)
    assert seen.money is not None
    assert seen.money.expected == pytest.approx(1.8 * 2 + 0.1806 * 10)


def test_uneven_rounds_give_a_range_that_only_the_bootstrap_widens() -> None:
    """30, 20 or 10 admitted of 10 prompts: 600 take 200 to 600 bootstrap requests, and 1200 others whatever happens."""
    requests = forecast(rounds(30, 20, 10), USAGE, 600, RECIPE).requests
    assert requests.expected == pytest.approx(1500)
    assert 1200 + 200 <= requests.low < 1500 < requests.high <= 1200 + 600


def test_naming_topics_costs_what_it_has_cost() -> None:
    usage = {
        "topics": Usage(requests=6, input_tokens=600, output_tokens=300, seconds=6),
        "instructions": Usage(requests=30, input_tokens=30_000, output_tokens=6_000, seconds=60),
        "answers": Usage(requests=60, input_tokens=6_000, output_tokens=12_000, seconds=150),
    }
    seen = forecast(rounds(20, 20, 20), usage, 600, get_recipe("topics"))
    assert seen.requests.expected == pytest.approx(6 + 300 + 600)
    assert seen.output_tokens.expected == pytest.approx(300 + 60_000 + 120_000)


def test_the_same_rounds_give_the_same_range() -> None:
    assert forecast(rounds(30, 20, 10), USAGE, 600, RECIPE) == forecast(rounds(30, 20, 10), USAGE, 600, RECIPE)


def test_a_barren_round_among_others_widens_the_range() -> None:
    requests = forecast(rounds(30, 30, 0), USAGE, 600, RECIPE).requests
    assert requests.expected == pytest.approx(1500)
    assert requests.high > 1700


def test_one_round_is_enough_for_a_forecast() -> None:
    assert forecast(rounds(60), USAGE, 120, RECIPE).requests.expected == pytest.approx(300)


@pytest.mark.parametrize("barren", [rounds(0, 0, 0), []])
def test_without_an_admitted_instruction_there_is_none(barren: list[Round]) -> None:
    with pytest.raises(ConfigError, match="No forecast is possible: the pilot rounds have admitted no instruction"):
        forecast(barren, USAGE, 600, RECIPE)


def test_the_text_for_a_terminal() -> None:
    seen = forecast(rounds(20, 20, 20), USAGE, 600, RECIPE, prices=Prices(2.0, 10.0, "EUR"))
    assert forecast_text(seen).splitlines()[:7] == [
        "600 instructions will take, judged by 3 rounds:",
        "  requests                  1,500   (1,500 to 1,500)",
        "  input tokens          1,800,000   (1,800,000 to 1,800,000)",
        "  output tokens           180,600   (180,600 to 180,600)",
        "  money                  5.41 EUR   (5.41 EUR to 5.41 EUR)",
        "  time                     40 min   (40 min to 40 min)",
        "  instances                 1,200   (1,200 to 1,200)",
    ]


def test_each_stage_has_its_own_price() -> None:
    usage = {stage: replace(used, cost=cost) for (stage, used), cost in zip(USAGE.items(), (0.3, 0.06, 0.9))}
    seen = forecast(rounds(20, 20, 20), usage, 600, RECIPE)
    assert seen.money is not None
    assert seen.money.expected == pytest.approx(10 * (0.3 + 0.06 + 0.9))
    assert seen.currency == "USD"


def test_where_a_price_is_unknown_the_forecast_says_so() -> None:
    usage = {
        **USAGE,
        "instances": replace(USAGE["instances"], unpriced=60),
        "bootstrap": replace(USAGE["bootstrap"], cost=1),
    }
    seen = forecast(rounds(20, 20, 20), usage, 600, RECIPE)
    assert seen.money is None
    assert "  money             price unknown\n" in forecast_text(seen)


def test_without_prices_there_is_no_line_on_money() -> None:
    assert "money" not in forecast_text(forecast(rounds(20), USAGE, 600, RECIPE))
