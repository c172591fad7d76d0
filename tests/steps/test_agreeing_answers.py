"""Answers that agree: what is kept, which answer it is, and the pairs that come of it."""

from __future__ import annotations

from typing import Any

import pytest
from distilabel.models.llms.base import LLM

from distilabel_selfinstruct import AgreeingAnswers, DemoLLM, SelectPreferences
from distilabel_selfinstruct.text.agreement import agreeing, parse_agreement

ROW = {
    "instruction_id": "7", "instruction": "Where does the Po end?", "input": "",
    "output": "It ends in the Adriatic Sea.", "reject_reason": None, "model_name": "writer", "is_classification": False,
}  # fmt: skip
SAME = "The river Po ends in the Adriatic Sea."
OTHER = "Nobody has measured how wide the desert really becomes in summer."


class Answers(LLM):
    """Gives these answers, all of a request at once; None: the request failed. Judges in these words."""

    said: list[Any]
    verdict: str | None = None
    asked: list[Any] = []  # noqa: RUF012

    @property
    def model_name(self) -> str:
        return "sampler"

    def generate(self, inputs: list[Any], num_generations: int = 1) -> list[Any]:  # type: ignore[override]
        self.asked.extend((each, num_generations) for each in inputs)
        if "Which of the answers agree" in inputs[0][0]["content"]:
            return [{"generations": [self.verdict], "statistics": {}} for _ in inputs]
        failures = [None if each is not None else "timeout" for each in self.said]
        return [{"generations": self.said, "failure": failures, "statistics": {}} for _ in inputs]


def compared(*said: str | None, row: dict[str, Any] = ROW, verdict: str | None = None, **options: Any) -> Any:
    llm = Answers(said=list(said), verdict=verdict, asked=[])
    step = AgreeingAnswers(llm=llm, num_answers=len(said) + 1, **options)
    step.load()
    (made,) = next(step.process([dict(row)]))
    return made, llm


def test_most_agree() -> None:
    row, llm = compared(SAME, OTHER)
    assert (row["reject_reason"], row["output"], row["agreement"]) == (None, ROW["output"], 2 / 3)
    assert llm.asked == [([{"role": "user", "content": "Where does the Po end?"}], 2)]


def test_the_others_do_not_agree() -> None:
    row, _ = compared(OTHER, "I would ask a geographer about this first of all.")
    assert (row["stage"], row["reject_reason"], row["detail"]) == ("agreement", "no_agreement", "1 of 3 answers agree")
    assert row["agreement"] == 1 / 3


def test_half_is_not_most() -> None:
    row, _ = compared(SAME, OTHER, OTHER)
    assert (row["reject_reason"], row["agreement"]) == ("no_agreement", 0.5)


def test_the_majority_takes_the_place_of_the_first_answer() -> None:
    row, _ = compared(SAME, SAME, row=ROW | {"output": OTHER})
    assert (row["output"], row["model_name"], row["rejected_output"]) == (SAME, "sampler", OTHER)


def test_labels_agree_where_they_are_equal_but_for_case_and_signs() -> None:
    row, _ = compared("positive.", "Negative", row=ROW | {"output": "Positive", "is_classification": True})
    assert (row["output"], row["agreement"], row["rejected_output"]) == ("Positive", 2 / 3, "Negative")


def test_an_answer_that_is_none_agrees_with_nothing_and_makes_no_pair() -> None:
    row, _ = compared(SAME, "I'm sorry, but I can't help with that.")
    assert (row["agreement"], row["is_chosen"], row.get("rejected_output")) == (2 / 3, False, None)


def test_a_failed_request_decides_nothing() -> None:
    row, _ = compared(SAME, None)
    assert (row["stage"], row["reject_reason"], row["agreement"]) == ("agreement", "timeout", None)


def test_a_judge_says_which_agree() -> None:
    row, llm = compared(OTHER, SAME, verdict="1 and 3 name the sea.\nSame: 1, 3", agree_by="judge")
    assert (row["reject_reason"], row["agreement"], row["rejected_output"]) == (None, 2 / 3, OTHER)
    assert "<answer 2>\n" + OTHER in llm.asked[-1][0][0]["content"]


def test_a_judge_who_does_not_say() -> None:
    row, _ = compared(OTHER, SAME, verdict="Hard to tell.", agree_by="judge")
    assert (row["reject_reason"], row["detail"]) == ("unclear_agreement", "Hard to tell.")


def test_a_judge_is_not_asked_about_labels() -> None:
    row, llm = compared("yes", "no", row=ROW | {"output": "Yes", "is_classification": True}, agree_by="judge")
    assert (row["agreement"], len(llm.asked)) == (2 / 3, 1)


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        ("The answer is 41.", "The answer is 42.", False),
        ("The answer is 42.", "It is 42.", True),
        ("pmal", "Answer: pmal", True),
        ("川はポー川です。", "川はポー川です", True),
        ("A poem about the sea and the wind.", "Bread needs flour, water, salt and time.", False),
    ],
)
def test_open_answers_that_agree(one: str, other: str, agree: bool) -> None:
    assert len(agreeing([one, other], is_label=False)) == (2 if agree else 1)


@pytest.mark.parametrize(
    ("said", "places"),
    [
        ("Same: 1, 3", [0, 2]),
        ("**Same:** 2", [1]),
        ("same = 3 and 1", [0, 2]),
        ("Same: 1, 4", None),
        ("Same: none", None),
        ("1 and 3 agree.", None),
    ],
)
def test_what_a_judge_says(said: str, places: list[int] | None) -> None:
    assert parse_agreement(said, 3) == places


def test_pairs_of_what_was_kept() -> None:
    rows = [compared(SAME, OTHER)[0], compared(OTHER, "I would ask a geographer about this first of all.")[0]]
    select = SelectPreferences(score_column="agreement")
    (pair,) = next(select.process(rows))
    assert pair["prompt"] == [{"role": "user", "content": "Where does the Po end?"}]
    assert pair["chosen"] == [{"role": "assistant", "content": ROW["output"]}]
    assert pair["rejected"] == [{"role": "assistant", "content": OTHER}]
    assert (pair["score_chosen"], pair["score_rejected"]) == (2 / 3, 1 / 3)


def test_the_input_stands_below_the_instruction() -> None:
    _, llm = compared(SAME, row=ROW | {"input": "Italy"})
    assert llm.asked[0][0][0]["content"] == "Where does the Po end?\n\nItaly"


def test_the_demo_model_disagrees_with_itself() -> None:
    step = AgreeingAnswers(llm=DemoLLM(seed=3), num_answers=5)
    step.load()
    words = ["lamp", "river", "stone", "bread", "cloud", "chair", "tower", "honey"]
    rows = [ROW | {"instruction": "Spell the word backwards.", "input": word, "output": word[::-1]} for word in words]
    made = next(step.process(rows))
    assert {row["reject_reason"] for row in made} == {None, "no_agreement"}
    assert all((row["agreement"] > 0.5) == (row["reject_reason"] is None) for row in made)
