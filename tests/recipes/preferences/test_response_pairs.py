"""Responses to an instruction, and the pair that their scores make."""

from __future__ import annotations

from typing import Any

import pytest

from distilabel_selfinstruct import DemoLLM, FormatForTraining, GenerateResponses, PairResponses, SelectPreferences
from distilabel_selfinstruct.errors import ConfigError
from tests.steps.test_judging import Judges

INSTRUCTION = {"instruction_id": "000007", "instruction": "Name a river.", "reject_reason": None, "model_name": None}


def responses(*said: str | None, reasons: list[str] | None = None, row: dict[str, Any] = INSTRUCTION) -> list[Any]:
    class Writer(Judges):
        def generate(self, inputs: list[Any], num_generations: int = 1) -> list[Any]:  # type: ignore[override]
            outputs = super().generate(inputs, num_generations)
            return [output | {"finish_reason": reasons or ["stop"] * len(said)} for output in outputs]

    step = GenerateResponses(llm=Writer(said=list(said)), num_generations=len(said))
    step.load()
    return list(next(step.process([row])))


def response(output: str, score: float | None, reason: str | None = None, number: int = 7) -> dict[str, Any]:
    return {
        "instruction_id": f"{number:06d}", "instruction": "Name a river.", "output": output, "judge_score": score,
        "stage": reason and "judgement", "reject_reason": reason, "detail": None, "model_name": "writer",
    }  # fmt: skip


def paired(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    step = PairResponses(name="pairs")
    step.load()
    return list(next(step.process(list(rows))))


# --- responses -------------------------------------------------------------------------------------------------------


def test_one_row_a_response() -> None:
    rows = responses("The Po", "<think>Hm.</think>The Rhine")
    assert [(row["instance_id"], row["input"], row["output"], row["reject_reason"]) for row in rows] == [
        ("000007-0", "", "The Po", None),
        ("000007-1", "", "The Rhine", None),
    ]
    assert {row["model_name"] for row in rows} == {"judge"}
    assert len({tuple(row) for row in rows}) == 1


def test_what_cannot_be_judged_is_rejected_and_keeps_its_text() -> None:
    rows = responses("The Po", "", "The Po", "The Rh", None, reasons=["stop", "stop", "stop", "length", "stop"])
    assert [(row["output"], row["reject_reason"]) for row in rows] == [
        ("The Po", None), ("", "empty_output"), ("The Po", "duplicate"), ("The Rh", "truncated"), (None, "timeout"),
    ]  # fmt: skip
    assert rows[-1]["instance_id"] is None


def test_a_response_that_loops_is_not_judged() -> None:
    assert responses("The Po flows on and on. " * 5)[0]["reject_reason"] == "repetition"


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        ("I'm sorry, but I can't help with that.", "refusal"),
        ("Hello! How can I help you today?", "greeting"),
        (INSTRUCTION["instruction"], "repeats_question"),
    ],
)
def test_a_response_that_answers_nothing_is_not_judged(response: str, reason: str) -> None:
    assert responses(response)[0]["reject_reason"] == reason


def test_a_rejected_row_is_passed_on() -> None:
    rejected = INSTRUCTION | {"stage": "dedup", "reject_reason": "similar"}
    assert [(row["stage"], row["reject_reason"]) for row in responses("x", "y", row=rejected)] == [("dedup", "similar")]


def test_the_demo_model_answers_differently_each_time() -> None:
    step = GenerateResponses(llm=DemoLLM(), num_generations=8)
    step.load()
    rows = next(step.process([INSTRUCTION | {"instruction": "Spell the word backwards.\n\nlamp"}]))
    outputs = {row["output"] for row in rows}
    assert "pmal" in outputs
    assert len(outputs) > 3


# --- pairs -----------------------------------------------------------------------------------------------------------


def test_best_and_worst_make_the_pair() -> None:
    rows = paired(response("so-so", 3.0), response("best", 4.5), response("worst", 1.0), response("good", 4.0))
    assert [row["is_chosen"] for row in rows] == [False, True, False, False]
    assert (rows[1]["rejected_output"], rows[1]["rejected_score"]) == ("worst", 1.0)


def test_of_equally_good_ones_the_first_counts() -> None:
    rows = paired(response("a", 2.0), response("b", 4.0), response("c", 4.0), response("d", 2.0))
    assert [(row["is_chosen"], row["rejected_output"]) for row in rows[:2]] == [(False, None), (True, "a")]
    assert [row["is_chosen"] for row in rows[2:]] == [False, False]


def test_a_tie_is_no_pair() -> None:
    rows = paired(response("a", 4.0), response("b", 4.0))
    assert [row["is_chosen"] for row in rows] == [False, False, None]
    tie = rows[-1]
    assert (tie["instruction_id"], tie["instruction"], tie["stage"], tie["reject_reason"], tie["detail"]) == (
        "000007", "Name a river.", "preferences", "tie", "2 responses with 4.00 points each",
    )  # fmt: skip
    assert tie["output"] is None
    assert tie.keys() == rows[0].keys()


def test_rejected_responses_make_no_pair() -> None:
    rows = paired(response("a", 5.0), response("b", None, "unclear_judgement"), response("c", None, "timeout"))
    assert [row["is_chosen"] for row in rows] == [False, None, None, None]
    assert (rows[1]["stage"], rows[1]["reject_reason"]) == ("judgement", "unclear_judgement")
    assert (rows[-1]["reject_reason"], rows[-1]["detail"]) == ("too_few_responses", "1 of 3 can be compared")


def test_a_row_without_an_instruction_stays_the_one_it_is() -> None:
    empty = INSTRUCTION | {"instruction": None, "output": None, "judge_score": None}
    (row,) = paired(empty | {"stage": "responses", "reject_reason": "empty_instruction", "detail": "row 2"})
    assert (row["reject_reason"], row["is_chosen"], row["rejected_output"]) == ("empty_instruction", None, None)


def test_each_instruction_has_its_own() -> None:
    rows = paired(response("a", 1.0), response("b", 2.0), response("c", 5.0, number=8), response("d", 4.0, number=8))
    assert [(row["output"], row["rejected_output"]) for row in rows if row["is_chosen"]] == [("b", "a"), ("c", "d")]


def test_responses_that_come_in_two_batches_are_an_error() -> None:
    step = PairResponses(name="pairs")
    step.load()
    next(step.process([response("a", 1.0)]))
    with pytest.raises(ConfigError, match="pairs: the responses to 000007 came in two batches"):
        next(step.process([response("b", 2.0)]))


def test_the_pair_as_trainers_take_it() -> None:
    leaf = SelectPreferences(name="preferences")
    rows = next(leaf.process(paired(response("The Po", 4.5), response("A lake", 1.0))))
    assert rows == [
        {
            "instruction_id": "000007",
            "prompt": [{"role": "user", "content": "Name a river."}],
            "chosen": [{"role": "assistant", "content": "The Po"}],
            "rejected": [{"role": "assistant", "content": "A lake"}],
            "score_chosen": 4.5,
            "score_rejected": 1.0,
            "model_name": "writer",
        }
    ]


def test_chosen_responses_alone_become_training_data() -> None:
    sft = FormatForTraining(training_format="alpaca", flag="is_chosen")
    sft.load()
    rows = [row | {"instance_id": row["output"], "input": ""} for row in paired(response("a", 1.0), response("b", 2.0))]
    assert next(sft.process(rows)) == [{"instruction": "Name a river.", "input": "", "output": "b"}]
