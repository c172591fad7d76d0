"""How sure a score is, and what is said of two models."""

from __future__ import annotations

import numpy as np
import pytest

from distilabel_selfinstruct.evaluation.intervals import Difference, Estimate, difference, estimates


def compared(first: list[float], second: list[float], tasks: list[str] | None = None) -> Difference:
    names = tasks or [str(at) for at in range(len(first))]
    return difference("base", "tuned", "ROUGE-L", (first, second), names)


def test_the_interval_of_many_independent_tasks_is_that_of_the_normal_distribution() -> None:
    values = np.random.default_rng(1).binomial(1, 0.3, 400).astype(float).tolist()
    (found,) = estimates([values], [str(at) for at in range(400)])
    mean, reach = 100 * np.mean(values), 196 * np.std(values) / 20
    assert found.value == pytest.approx(mean)
    assert (found.low, found.high) == pytest.approx((mean - reach, mean + reach), abs=0.6)


def test_instances_of_one_task_count_together() -> None:
    """Ten tasks, each with twenty instances that are all right or all wrong, are ten observations and not 200."""
    values = [float(task % 2) for task in range(10) for _ in range(20)]
    by_task = [str(task) for task in range(10) for _ in range(20)]
    (clustered,) = estimates([values], by_task)
    (single,) = estimates([values], [str(at) for at in range(200)])
    assert clustered.low is not None
    assert single.low is not None
    assert clustered.value == single.value == 50
    assert (50 - clustered.low) / (50 - single.low) == pytest.approx(20**0.5, rel=0.15)


def test_the_intervals_cover_as_often_as_they_say() -> None:
    choice, covered = np.random.default_rng(2), 0
    for _ in range(100):
        values = choice.binomial(1, 0.4, 120).astype(float).tolist()
        (found,) = estimates([values], [str(at) for at in range(120)])
        covered += (found.low or 0) <= 40 <= (found.high or 0)
    assert 0.88 <= covered / 100 <= 0.99


def test_one_task_leaves_it_open() -> None:
    assert estimates([[1.0, 0.0]], ["only", "only"]) == [Estimate(50.0)]
    assert Estimate(50.0).range == "unknown"
    said = compared([0.0, 0.0], [1.0, 1.0], ["only", "only"])
    assert said.sentence == "Whether tuned is better than base cannot be told with 1 task: +100.00 points of ROUGE-L."


def test_the_same_every_time() -> None:
    values, tasks = [[0.1, 0.9, 0.4, 0.3]], list("abcd")
    assert estimates(values, tasks) == estimates(values, tasks)


def test_better_and_worse_are_said_the_other_way_round() -> None:
    first, second = [0.1, 0.2, 0.3, 0.1] * 25, [0.3, 0.4, 0.4, 0.3] * 25
    better, worse = compared(first, second), compared(second, first)
    assert (better.verdict, worse.verdict) == ("better", "worse")
    assert better.sentence.startswith("tuned is better than base: +17.50 points of ROUGE-L (95% interval ")
    assert better.sentence.endswith(" over 100 tasks.")
    assert worse.sentence.startswith("tuned is worse than base: -17.50 points")
    assert (better.wins, better.losses, better.ties) == (100, 0, 0)


def test_what_is_hard_for_both_does_not_count_against_the_difference() -> None:
    """Unpaired, a hundredth more is nothing beside the spread of the questions; paired, it is sure."""
    hard = np.random.default_rng(3).random(200) * 0.9
    assert compared(hard.tolist(), (hard + 0.01).tolist()).verdict == "better"


def test_how_many_tasks_would_tell() -> None:
    choice = np.random.default_rng(6)
    first = choice.random(100)
    second = first + choice.normal(0.01, 0.3, 100)
    said = compared(first.tolist(), second.tolist())
    assert said.verdict == "unknown"
    assert said.needed is not None
    assert said.needed > 100
    spread, mean = float(np.std(second - first)), float(np.mean(second - first))
    assert said.needed == pytest.approx(((1.96 + 0.84) * spread / mean) ** 2, rel=0.1)
    assert f"cannot be told with 100 tasks: {100 * mean:+.2f} points" in said.sentence
    rounded = -(-said.needed // 10 ** (len(str(said.needed)) - 2)) * 10 ** (len(str(said.needed)) - 2)
    assert f"; about {rounded:,} tasks would tell a difference of this size." in said.sentence


def test_the_same_answers() -> None:
    said = compared([0.5, 0.25], [0.5, 0.25])
    assert (said.verdict, said.needed, said.ties) == ("unknown", None, 2)
    assert said.sentence == (
        "Whether tuned is better than base cannot be told with 2 tasks: they score the same in each question (ROUGE-L)."
    )
