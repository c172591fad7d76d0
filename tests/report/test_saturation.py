"""Rounds of the bootstrap, and whether more of them pay."""

from __future__ import annotations

import pytest

from distilabel_selfinstruct.report.rounds import Round, merge_rounds, rounds_of, saturation_sentence
from tests.report.run_rows import INSTANCES, INSTRUCTIONS, REJECTED


def a_round(number: int, admitted: int, candidates: int = 100) -> Round:
    return Round(number, 10, candidates, admitted, similar=candidates - admitted, instances=0)


def test_rounds_are_counted_from_the_rows() -> None:
    """Surplus candidates and refused requests are no candidates; a request is a prompt all the same."""
    assert rounds_of(INSTRUCTIONS, INSTANCES, REJECTED, ["bootstrap"]) == [
        Round(number=0, prompts=2, candidates=4, admitted=3, similar=1, instances=4),
        Round(number=1, prompts=3, candidates=3, admitted=2, similar=0, instances=1),
    ]


def test_acceptance_is_of_all_candidates_novelty_of_the_well_formed() -> None:
    each = Round(number=0, prompts=1, candidates=8, admitted=3, similar=1, instances=0)
    assert (each.acceptance, each.novelty) == (3 / 8, 3 / 4)


def test_a_round_without_candidates_has_neither() -> None:
    each = Round(number=0, prompts=1, candidates=0, admitted=0, similar=0, instances=0)
    assert (each.acceptance, each.novelty) == (None, None)


def test_neighbouring_rounds_are_merged() -> None:
    assert [(each.number, each.admitted) for each in merge_rounds([a_round(n, n) for n in range(5)], most=2)] == [
        (2, 0 + 1 + 2), (4, 3 + 4),
    ]  # fmt: skip
    assert merge_rounds([], most=2) == []


@pytest.mark.parametrize(
    ("admitted", "candidates", "sentence"),
    [
        ([80, 80], 100, "Too few rounds (2) to say whether more of them pay."),
        ([80, 80, 80, 78], 100,
         "More rounds pay: the last quarter of them admitted 78% (95% interval 69% to 85%) of the candidates, the first"
         " 80% (95% interval 71% to 87%)."),
        ([80, 70, 50, 40], 100,
         "More rounds still pay, but less and less: the last quarter of them admitted 40% (95% interval 31% to 50%) of"
         " the candidates, the first 80% (95% interval 71% to 87%)."),
        ([80, 40, 10, 4], 100,
         "More rounds hardly pay: the last quarter of them admitted 4% (95% interval 2% to 10%) of the candidates, the"
         " first 80% (95% interval 71% to 87%); other seeds or another model would bring more."),
    ],
)  # fmt: skip
def test_one_sentence_says_whether_more_rounds_pay(admitted: list[int], candidates: int, sentence: str) -> None:
    rounds = [a_round(number, each, candidates) for number, each in enumerate(admitted)]
    assert saturation_sentence(rounds) == sentence


@pytest.mark.parametrize(("admitted", "candidates"), [([3, 3, 2, 0], 4), ([4, 4, 4, 1], 8)])
def test_a_verdict_that_the_intervals_do_not_bear_is_none(admitted: list[int], candidates: int) -> None:
    rounds = [a_round(number, each, candidates) for number, each in enumerate(admitted)]
    assert saturation_sentence(rounds).startswith("Too few candidates to say whether more rounds pay: ")


def test_rounds_without_candidates_say_nothing() -> None:
    rounds = [a_round(number, 0, 0) for number in range(4)]
    assert saturation_sentence(rounds) == "Too few candidates to say whether more rounds pay."
