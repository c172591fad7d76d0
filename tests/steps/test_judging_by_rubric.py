"""A judge with a user's own criteria and scale, and one that judges conversations."""

from __future__ import annotations

from typing import Any

import pytest

from distilabel_selfinstruct import DemoLLM, FilterByJudge
from distilabel_selfinstruct.data.rubrics import Rubric
from distilabel_selfinstruct.errors import ConfigError
from tests.steps.test_judging import ROW, Judges

OWN = Rubric(criteria=["It names a source.", "It is short."], scale={1: "neither", 10: "both"})


def judged(*said: str, row: dict[str, Any] = ROW, **options: Any) -> tuple[dict[str, Any], Any]:
    llm = Judges(said=list(said), asked=[])
    judge = FilterByJudge(llm=llm, num_generations=len(said), **options)
    judge.load()
    (made,) = next(judge.process([row]))
    return made, llm.asked[0]


def test_the_question_shows_criteria_and_scale() -> None:
    _, asked = judged("Score: 7", rubric=OWN.text)
    text = asked[0]["content"]
    assert "- It names a source.\n- It is short.\n" in text
    assert "- 1: neither\n- 10: both\n" in text
    assert "<request>\nTranslate the word into French.\n\nsea\n</request>\n\n<answer>\nmer\n</answer>" in text
    assert text.endswith("N being the points from 1 to 10:\nScore: N")


def test_the_scale_is_that_of_the_rubric() -> None:
    row, _ = judged("Score: 7", "Score: 10/10", "Score: 0", "Score: 4/5", rubric=OWN.text, threshold=8)
    assert (row["judge_score"], row["judgements"], row["reject_reason"]) == (8.5, 2, None)
    row, _ = judged("Score: 7", rubric=OWN.text, threshold=8)
    assert (row["reject_reason"], row["detail"]) == ("low_score", "7.00 of 10, the mean of 1 judgements")


def test_a_threshold_above_all_points() -> None:
    judge = FilterByJudge(llm=DemoLLM(), threshold=6)
    with pytest.raises(ConfigError, match="threshold must be at most 5, got 6"):
        judge.load()


def test_structured() -> None:
    _, (chat, form) = judged('{"justification": "", "score": 7}', rubric=OWN.text, wording="structured")
    assert form["schema"]["required"] == ["justification", "score"]
    assert chat[0]["content"].endswith("and the points from 1 to 10.")


def test_of_a_conversation_the_last_answer_is_judged_below_what_was_said() -> None:
    chat = [
        {"role": "user", "content": "Translate the word into French.\n\nsea"},
        {"role": "assistant", "content": "mer"},
        {"role": "user", "content": "And lake?"},
        {"role": "assistant", "content": "lac"},
    ]
    _, asked = judged("Score: 5", row=ROW | {"messages": chat})
    before = "User: Translate the word into French.\n\nsea\n\nAssistant: mer\n\nUser: And lake?"
    assert f"<request>\n{before}\n</request>\n\n<answer>\nlac\n</answer>" in asked[0]["content"]


def test_the_demo_model_judges_by_the_scale() -> None:
    judge = FilterByJudge(llm=DemoLLM(noise=0), rubric=OWN.text, threshold=None)
    judge.load()
    right = {"instruction": "Spell the word backwards.", "input": "lamp", "output": "pmal"}
    rows = next(judge.process([right, right | {"output": "I'm sorry, but I can't help with that."}]))
    assert [row["judge_score"] for row in rows] == [10.0, 1.0]
