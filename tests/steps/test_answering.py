"""One answer an instruction, and what no dataset should hold."""

from __future__ import annotations

from typing import Any

import pytest

from distilabel_selfinstruct import AnswerInstructions, DemoLLM
from tests.steps.scripted_llm import ScriptedLLM

TASK = "Spell the word backwards.\n\nlamp"


def answered(llm: Any, *rows: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
    answers = AnswerInstructions(llm=llm, **options)
    answers.load()
    return next(answers.process(list(rows)))


def test_the_answer_becomes_the_output_of_an_instance() -> None:
    (row,) = answered(DemoLLM(noise=0), {"instruction_id": "000004", "instruction": TASK})
    known = {name: row[name] for name in ("instance_id", "input", "output", "reject_reason", "model_name")}
    assert known == {
        "instance_id": "000004-0", "input": "", "output": "pmal", "reject_reason": None, "model_name": "demo",
    }  # fmt: skip


def test_a_rejected_row_is_not_asked_about() -> None:
    llm = ScriptedLLM()
    (row,) = answered(llm, {"instruction": "Name a river.", "stage": "dedup", "reject_reason": "similar"})
    assert (row["stage"], row["reject_reason"], row["output"]) == ("dedup", "similar", None)


@pytest.mark.parametrize(
    ("completion", "reason", "output"),
    [
        ("", "empty_output", ""),
        ("<think>Which river?</think>\n\nThe Po", None, "The Po"),
        ("I'm sorry, but I can't help with that.", "refusal", "I'm sorry, but I can't help with that."),
        ("Go on. And on. " * 9, "repetition", ("Go on. And on. " * 9).strip()),
    ],
)
def test_what_is_rejected_keeps_its_text(completion: str, reason: str | None, output: str) -> None:
    llm = ScriptedLLM().answering(lambda prompt: completion)
    (row,) = answered(llm, {"instruction": "Name a river."})
    assert (row["reject_reason"], row["output"]) == (reason, output)


def test_other_columns_stand_in_the_question() -> None:
    llm = ScriptedLLM().answering(lambda prompt: prompt)
    (row,) = answered(
        llm, {"instruction": "Name the river.", "document": "The Po is long."},
        template="{{ document }}\n\n{{ instruction }}", columns=["document", "instruction"],
    )  # fmt: skip
    assert row["output"] == "The Po is long.\n\nName the river."
