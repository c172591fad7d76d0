"""What a run will take, from its first rounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.recipe import Recipe
from distilabel_selfinstruct.report.rounds import Round
from distilabel_selfinstruct.report.wording import duration, number_of
from distilabel_selfinstruct.usage import CURRENCY, Prices, Usage

_DRAWS = 2000
_RANGE = (5, 95)  # percentiles


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number that is not known yet: what is expected, and the middle nine tenths of the draws."""

    expected: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the whole run will take, its pilot rounds included.

    Attributes:
        instructions: how many are asked for.
        pilot_rounds: how many rounds it was made from.
        rounds: rounds of the loop.
        instances: rows of the dataset.
        requests: to the model, in all stages.
        input_tokens: of all stages.
        output_tokens: of all stages.
        seconds: of the model's time, divided by the requests that run at once.
        money: None without prices, or where one is unknown.
        currency: of the money.
        is_price_unknown: whether there is no money because nobody knows a price.
    """

    instructions: int
    pilot_rounds: int
    rounds: Estimate
    instances: Estimate
    requests: Estimate
    input_tokens: Estimate
    output_tokens: Estimate
    seconds: Estimate
    money: Estimate | None
    currency: str | None
    is_price_unknown: bool = False


def forecast(
    rounds: Sequence[Round],
    usage: Mapping[str, Usage],
    num_instructions: int,
    recipe: Recipe,
    *,
    concurrency: float = 1,
    prices: Prices | None = None,
) -> Forecast:
    """What `num_instructions` will take, if acceptance stays what it was in the rounds given.

    The cost of one prompt of the loop, and of the later stages for one admitted instruction, is taken from the pilot;
    naming topics costs what it has cost. How many prompts an admitted instruction takes differs from round to round:
    the rounds are drawn anew, with replacement, 2000 times, and the range is that of the middle nine tenths of the
    draws (a percentile bootstrap). It says nothing of what the pilot cannot show: acceptance falls as the pool grows,
    so a long run leans to the upper end and beyond.

    Args:
        rounds: the pilot rounds.
        usage: what they took, by stage.
        num_instructions: instructions asked for.
        recipe: of the pilot.
        concurrency: requests that run at once.
        prices: of tokens, instead of what their usage says that they cost.

    Raises:
        ConfigError: if the rounds have admitted nothing.
    """
    usage = {stage: each.at(prices) if prices else each for stage, each in usage.items()}
    is_price_unknown = any(each.unpriced for each in usage.values())
    is_priced = any(each.cost for each in usage.values()) and not is_price_unknown
    admitted = np.array([each.admitted for each in rounds], dtype=float)
    if not admitted.sum():
        raise ConfigError("No forecast is possible: the pilot rounds have admitted no instruction.")
    prompts = np.array([each.prompts for each in rounds], dtype=float)
    instances = np.array([each.instances for each in rounds], dtype=float)
    draws = _draws(len(rounds))
    drawn = admitted[draws].sum(axis=1) > 0  # a draw of barren rounds only would never end

    def ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Of the pilot, and of each draw."""
        return above.sum() / below.sum(), above[draws].sum(axis=1)[drawn] / below[draws].sum(axis=1)[drawn]

    def scaled(values: tuple[float, NDArray[np.float64]], factor: float, offset: float = 0.0) -> Estimate:
        expected, of_draws = values
        low, high = np.percentile(of_draws, _RANGE)
        return Estimate(*(float(offset + factor * value) for value in (expected, low, high)))

    prompts_each = ratio(prompts, admitted)
    loops, before = recipe.stages_that_ask("rounds"), recipe.stages_that_ask("before")
    later = usage.keys() - {*loops, *before}

    def whole(of_usage: Callable[[Usage], float]) -> Estimate:
        """The loop grows with the prompts, the later stages with the instructions."""
        spent = {stage: of_usage(each) for stage, each in usage.items()}
        return scaled(
            prompts_each,
            factor=num_instructions * sum(spent.get(stage, 0.0) for stage in loops) / prompts.sum(),
            offset=num_instructions * sum(spent[stage] for stage in later) / admitted.sum()
            + sum(spent.get(stage, 0.0) for stage in before),
        )

    return Forecast(
        instructions=num_instructions,
        pilot_rounds=len(rounds),
        rounds=scaled(ratio(np.ones_like(admitted), admitted), num_instructions),
        instances=scaled(ratio(instances, admitted), num_instructions),
        requests=whole(lambda each: each.requests),
        input_tokens=whole(lambda each: each.input_tokens),
        output_tokens=whole(lambda each: each.output_tokens),
        seconds=whole(lambda each: each.seconds / concurrency),
        money=whole(lambda each: each.cost) if is_priced else None,
        currency=(prices.currency if prices else CURRENCY) if is_priced else None,
        is_price_unknown=is_price_unknown,
    )


def _draws(rounds: int) -> NDArray[np.int64]:
    """Which rounds each draw takes; always the same draws."""
    return np.random.default_rng(0).integers(rounds, size=(_DRAWS, rounds))


def forecast_text(forecast: Forecast) -> str:
    """The forecast for a terminal."""
    lines = [
        ("requests", forecast.requests, "{:,.0f}"),
        ("input tokens", forecast.input_tokens, "{:,.0f}"),
        ("output tokens", forecast.output_tokens, "{:,.0f}"),
        ("money", forecast.money, "{:,.2f} " + (forecast.currency or "")),
        ("time", forecast.seconds, None),
        ("instances", forecast.instances, "{:,.0f}"),
    ]
    text = [f"{forecast.instructions:,} instructions will take, judged by {number_of(forecast.pilot_rounds, 'round')}:"]
    for name, estimate, pattern in lines:
        if estimate is not None:
            expected, low, high = (
                pattern.format(value).strip() if pattern else duration(value)
                for value in (estimate.expected, estimate.low, estimate.high)
            )
            text.append(f"  {name:<14} {expected:>16}   ({low} to {high})")
        elif forecast.is_price_unknown:
            text.append(f"  {name:<14} {'price unknown':>16}")
    text.append("The range is what nine of ten draws from these rounds give. Acceptance falls as the pool grows,")
    text.append("so a long run leans to the upper end and beyond.")
    return "\n".join(text)
