"""A model as judge of instances: the score, and what is rejected."""

from __future__ import annotations

from typing import Any

import pytest
from distilabel.models.llms.base import LLM

from distilabel_selfinstruct import DemoLLM, FilterByJudge
from tests.steps.scripted_llm import ScriptedLLM, text_of

ROW = {
    "instance_id": "000001-0", "instruction": "Translate the word into French.", "input": "sea", "output": "mer",
    "finish_reason": "stop", "input_tokens": 11, "output_tokens": 1, "model_name": "writer", "reject_reason": None,
}  # fmt: skip


class Judges(LLM):
    """Gives these judgements, one a generation; None: the request failed."""

    said: list[Any]
    asked: list[Any] = []  # noqa: RUF012

    @property
    def model_name(self) -> str:
        return "judge"

    def generate(self, inputs: list[Any], num_generations: int = 1) -> list[Any]:  # type: ignore[override]
        self.asked.extend(inputs)
        assert num_generations == len(self.said)
        failures = [None if each is not None else "timeout" for each in self.said]
        return [{"generations": self.said, "failure": failures, "statistics": {}} for _ in inputs]


def judged(*said: str | None, row: dict[str, Any] = ROW, **options: Any) -> dict[str, Any]:
    judge = FilterByJudge(llm=Judges(said=list(said)), num_generations=len(said), **options)
    judge.load()
    (result,) = next(judge.process([row]))
    return dict(result)


def test_the_score_is_the_mean_of_the_judgements() -> None:
    row = judged("Right.\nScore: 5", "**Score:** 4/5", "Score: 3")
    assert (row["judge_score"], row["judgements"], row["reject_reason"]) == (4.0, 3, None)


def test_unclear_judgements_do_not_count() -> None:
    row = judged("Score: 5", "It depends.", "Score: 9/10")
    assert (row["judge_score"], row["judgements"], row["reject_reason"]) == (5.0, 1, None)
    assert row["judge_words"] == ["Score: 5", "It depends.", "Score: 9/10"]


def test_a_row_without_a_clear_judgement() -> None:
    row = judged("It depends.", None)
    assert (row["stage"], row["reject_reason"], row["detail"]) == ("judgement", "unclear_judgement", "It depends.")
    assert (row["judge_score"], row["judgements"]) == (None, 0)


def test_a_failed_request_keeps_its_reason() -> None:
    row = judged(None, None)
    assert (row["stage"], row["reject_reason"], row["judge_score"]) == ("judgement", "timeout", None)


@pytest.mark.parametrize(("threshold", "reason"), [(3.0, None), (3.1, "low_score"), (None, None)])
def test_rows_under_the_threshold_are_marked(threshold: float | None, reason: str | None) -> None:
    row = judged("Score: 2", "Score: 4", threshold=threshold)
    assert (row["judge_score"], row["reject_reason"]) == (3.0, reason)


def test_a_low_score_is_told() -> None:
    row = judged("Score: 1", "Score: 2", "Score: 2")
    assert (row["stage"], row["detail"]) == ("judgement", "1.67 of 5, the mean of 3 judgements")


def test_model_and_tokens_stay_those_of_the_instance() -> None:
    row = judged("Score: 5")
    assert {name: row[name] for name in ROW} == ROW


def test_a_rejected_row_is_not_judged() -> None:
    row = judged("Score: 5", row=ROW | {"stage": "instances", "reject_reason": "duplicate"})
    assert (row["stage"], row["reject_reason"], row["judge_score"]) == ("instances", "duplicate", None)


def test_the_judge_sees_instruction_input_and_output() -> None:
    llm = ScriptedLLM().answering("Score: 5")
    judge = FilterByJudge(llm=llm)
    judge.load()
    next(judge.process([ROW, {"instruction": "Name a river.", "output": "The {{ Po }}"}]))
    first, second = map(text_of, llm._asked)
    assert "\n<request>\nTranslate the word into French.\n\nsea\n</request>\n\n<answer>\nmer\n</answer>\n" in first
    assert "\n<request>\nName a river.\n</request>\n\n<answer>\nThe {{ Po }}\n</answer>\n" in second
    assert first.endswith("\nScore: N")


def test_the_judge_sees_the_document_that_it_is_about() -> None:
    llm = ScriptedLLM().answering("Score: 5")
    judge = FilterByJudge(llm=llm)
    judge.load()
    next(judge.process([{**ROW, "title": "The sea", "document": "It is salty."}]))
    assert "about this passage:\n\n<passage>\nThe sea\n\nIt is salty.\n</passage>\n\n<request>" in text_of(
        llm._asked[0]
    )


def test_structured_wording_comes_with_the_schema_of_a_judgement() -> None:
    llm = ScriptedLLM().answering('{"justification": "Right.", "score": 4}')
    judge = FilterByJudge(llm=llm, wording="structured", num_generations=1)
    judge.load()
    (row,) = next(judge.process([ROW]))
    assert row["judge_score"] == 4.0
    assert llm._asked[0][1]["schema"]["required"] == ["justification", "score"]


@pytest.mark.parametrize(
    ("output", "score"),
    [
        ("pmal", 5.0),
        ("Sure! The answer is pmal.", 4.0),
        ("pm", 2.0),
        ("lamp", 1.0),
        ("", 0.0),
        ("I'm sorry, but I can't assist with this request.", 0.0),
    ],
)
def test_the_demo_model_compares_with_the_right_answer(output: str, score: float) -> None:
    judge = FilterByJudge(llm=DemoLLM(noise=0), threshold=None)
    judge.load()
    rows = next(judge.process([{"instruction": "Spell the word backwards.", "input": "lamp", "output": output}]))
    assert rows[0]["judge_score"] == score


def test_the_demo_model_looks_up_answers_about_a_document() -> None:
    judge = FilterByJudge(llm=DemoLLM(noise=0), threshold=None)
    judge.load()
    asked = {
        "instruction": 'Which word follows "is the largest" where Aorta is described?',
        "title": "Aorta",
        "document": "The aorta is the largest artery of the body.",
    }
    rows = next(judge.process([asked | {"output": output} for output in ("artery", "It is artery.", "vein")]))
    assert [row["judge_score"] for row in rows] == [5.0, 4.0, 1.0]
