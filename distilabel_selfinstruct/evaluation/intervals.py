"""How sure a score is: 95 % intervals by a bootstrap over tasks, and whether one model is better than another.

Instances of one task are alike, so whole tasks are drawn, and not instances (Efron and Tibshirani 1993, chapter 6:
percentiles). Two models that answered the same questions are compared by their difference in each: most of what makes
a question hard is hard for both, and goes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_RESAMPLES = 2000
_AT_ONCE = 4_000_000  # draws in memory
_Z, _Z_OF_POWER = 1.959963984540054, 0.8416212335729143  # of a 95 % interval, and of a chance of 80 % to see it
_Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean in points of 100, with its 95 % interval; None where one task alone leaves it open."""

    value: float
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        return f"{self.value:.2f}" if self.low is None else f"{self.value:.2f} (95% interval {self.range})"

    @property
    def range(self) -> str:
        """The interval alone."""
        return "unknown" if self.low is None else f"{self.low:.2f} to {self.high:.2f}"


@dataclass(frozen=True, slots=True)
class Difference:
    """How much more points one model has than another, question by question.

    Attributes:
        first: name of the one.
        second: name of the other: above 0 it is the better one.
        metric: in words.
        estimate: the mean difference.
        tasks: that both have answered.
        needed: tasks that would likely tell a difference as large as this one; None where there is none.
        wins: questions in which `second` scores higher.
        losses: questions in which it scores lower.
        ties: questions in which both score the same.
    """

    first: str
    second: str
    metric: str
    estimate: Estimate
    tasks: int
    needed: int | None
    wins: int
    losses: int
    ties: int

    @property
    def verdict(self) -> str:
        """`better` or `worse`, of `second`, or `unknown`."""
        low, high = self.estimate.low, self.estimate.high
        if low is None or high is None:
            return "unknown"
        return "better" if low > 0 else "worse" if high < 0 else "unknown"

    @property
    def sentence(self) -> str:
        """What it comes to, in words."""
        if self.verdict != "unknown":
            return (
                f"{self.second} is {self.verdict} than {self.first}: {self.estimate.value:+.2f} points of {self.metric}"
                f" (95% interval {self.estimate.range}) over {_tasks(self.tasks)}."
            )
        begin = f"Whether {self.second} is better than {self.first} cannot be told with {_tasks(self.tasks)}"
        if not self.wins and not self.losses:
            return f"{begin}: they score the same in each question ({self.metric})."
        said = f"{begin}: {self.estimate.value:+.2f} points of {self.metric}"
        if self.estimate.low is not None:
            said += f", 95% interval {self.estimate.range}"
        more = f"; about {_rounded(self.needed):,} tasks would tell a difference of this size" if self.needed else ""
        return f"{said}{more}."


def _tasks(count: int) -> str:
    return f"{count:,} task" + ("" if count == 1 else "s")


def _rounded(count: int) -> int:
    """Up to two digits that are not 0: more would pretend to know."""
    unit = 10 ** max(0, len(str(count)) - 2)
    return -(-count // unit) * unit


def estimates(values: Sequence[Sequence[float]], tasks: Sequence[str]) -> list[Estimate]:
    """The mean of each row of values, from 0 to 1, as points of 100.

    Args:
        values: a row a metric, a value a question.
        tasks: the task of each question.
    """
    means, drawn = _bootstrap(values, tasks)
    if drawn is None:
        return [Estimate(round(float(mean), 4)) for mean in means]
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    return [Estimate(*(round(float(number), 4) for number in each)) for each in zip(means, low, high)]


def difference(
    first: str, second: str, metric: str, values: tuple[Sequence[float], Sequence[float]], tasks: Sequence[str]
) -> Difference:
    """The paired difference of two models.

    Args:
        first: name of the one.
        second: name of the other.
        metric: in words.
        values: of the one and of the other, from 0 to 1, question by question.
        tasks: the task of each question.
    """
    more = np.asarray(values[1], dtype=float) - np.asarray(values[0], dtype=float)
    (estimate,) = estimates([more.tolist()], tasks)
    _, drawn = _bootstrap([more.tolist()], tasks)
    count, mean = len(set(tasks)), 100 * float(more.mean())
    needed = None
    if drawn is not None and mean and (spread := float(drawn.std())):
        needed = max(count + 1, math.ceil(count * ((_Z + _Z_OF_POWER) * spread / mean) ** 2))
    wins, losses = int((more > 0).sum()), int((more < 0).sum())
    return Difference(first, second, metric, estimate, count, needed, wins, losses, len(more) - wins - losses)


def _bootstrap(values: Sequence[Sequence[float]], tasks: Sequence[str]) -> tuple[_Numbers, _Numbers | None]:
    """The mean of each row in points of 100, and those of tasks drawn with replacement, a row a draw."""
    names = {name: place for place, name in enumerate(dict.fromkeys(tasks))}
    of_task = np.array([names[task] for task in tasks], dtype=np.int64)
    sums = np.array([np.bincount(of_task, weights=row, minlength=len(names)) for row in values]).T  # task, metric
    sizes = np.bincount(of_task, minlength=len(names)).astype(float)
    means = 100 * sums.sum(axis=0) / sizes.sum()
    if len(names) < 2:
        return means, None
    choice = np.random.default_rng(0)
    draws = max(1, _AT_ONCE // len(names))
    parts = []
    for start in range(0, _RESAMPLES, draws):
        shape = (min(draws, _RESAMPLES - start), len(names))
        counts = choice.multinomial(len(names), np.full(len(names), 1 / len(names)), size=shape[0]).astype(float)
        parts.append(100 * (counts @ sums) / (counts @ sizes)[:, np.newaxis])
    return means, np.concatenate(parts)
