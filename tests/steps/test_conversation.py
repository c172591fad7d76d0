"""Conversations: the model as user and as assistant, and what cuts a turn."""

from __future__ import annotations

from typing import Any

import pytest

from distilabel_selfinstruct import ContinueConversation, DemoLLM
from distilabel_selfinstruct.errors import ConfigError
from tests.steps.scripted_llm import ScriptedLLM

ROW = {"instance_id": "7-0", "instruction_id": "7", "instruction": "Name a river.", "input": "", "output": "The Po."}
USER = "Below is a conversation"


def talk(*said: str, row: dict[str, Any] = ROW, turns: int = 3, **options: Any) -> tuple[list[dict[str, Any]], Any]:
    """What comes of a row where the model says this, one after the other."""
    words = iter(said)
    llm = ScriptedLLM().answering(lambda prompt: next(words))
    more = ContinueConversation(llm=llm, num_turns=turns, **options)
    more.load()
    return next(more.process([row])), llm


def test_the_model_plays_the_user_and_answers() -> None:
    (row,), _ = talk("How long is it?", "652 km.", "Which towns lie on it?", "Turin and Piacenza.")
    assert row["messages"] == [
        {"role": "user", "content": "Name a river."},
        {"role": "assistant", "content": "The Po."},
        {"role": "user", "content": "How long is it?"},
        {"role": "assistant", "content": "652 km."},
        {"role": "user", "content": "Which towns lie on it?"},
        {"role": "assistant", "content": "Turin and Piacenza."},
    ]
    assert (row["turns"], row["reject_reason"], row["output"]) == (3, None, "The Po.")


def test_the_user_is_asked_for_with_the_conversation_and_the_answer_as_a_chat() -> None:
    _, llm = talk("How long is it?", "652 km.", turns=2)
    asked, answered = llm._asked
    assert "User: Name a river.\n\nAssistant: The Po.\n</conversation>" in asked[0]["content"]
    assert [message["content"] for message in answered] == ["Name a river.", "The Po.", "How long is it?"]


def test_the_passage_is_shown_to_user_and_assistant() -> None:
    row = ROW | {"document": "The Po is long.", "title": "Po", "input": "Italy"}
    template = {"template": "{{ document }}|{{ instruction }}", "columns": ["document", "instruction"]}
    (made,), llm = talk("How long is it?", "652 km.", row=row, turns=2, **template)
    asked, answered = llm._asked
    assert "<passage>\nPo\n\nThe Po is long.\n</passage>" in asked[0]["content"]
    assert answered[0]["content"] == "The Po is long.|Name a river.\n\nItaly"
    assert made["messages"][0]["content"] == "Name a river.\n\nItaly"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("", "empty_turn"),
        ("END", "goodbye"),
        ("[END].", "goodbye"),
        ("Thank you, that is all I need.", "goodbye"),
        ("Vielen Dank!", "goodbye"),
        ("Name a river", "repeated_turn"),
        ("I'm sorry, but I can't help with that.", "refusal"),
        ("Go on. And on. " * 9, "repetition"),
    ],
)
def test_a_turn_of_the_user_that_is_cut(said: str, reason: str) -> None:
    (row, cut), _ = talk(said)
    assert (row["turns"], len(row["messages"]), row["reject_reason"]) == (1, 2, None)
    assert (cut["stage"], cut["reject_reason"], cut["detail"]) == ("turns", reason, "turn 2")
    assert (cut["instruction"], cut["instance_id"], cut["output"]) == (said.strip() or None, "7-0", None)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("The Po.", "repeated_turn"),
        ("", "empty_output"),
        ("I'm sorry, but I can't help with that.", "refusal"),
        ("How long is it?", "repeated_turn"),
    ],
)
def test_an_answer_that_is_cut_goes_with_what_was_asked(answer: str, reason: str) -> None:
    (row, cut), _ = talk("How long is it?", answer)
    assert [message["content"] for message in row["messages"]] == ["Name a river.", "The Po."]
    assert (cut["reject_reason"], cut["instruction"], cut["output"]) == (reason, "How long is it?", answer)


def test_the_turns_before_stay() -> None:
    (row, cut), _ = talk("How long is it?", "652 km.", "Thanks!")
    assert (row["turns"], cut["detail"], cut["instruction"]) == (2, "turn 3", "Thanks!")


@pytest.mark.parametrize("said", ["User: How long is it?", '"How long is it?"', "**User:** How long is it?"])
def test_what_models_write_around_a_turn(said: str) -> None:
    (row,), _ = talk(said, "652 km.", turns=2)
    assert row["messages"][2]["content"] == "How long is it?"


def test_thanks_with_a_question_go_on() -> None:
    (row,), _ = talk("Thanks! And how long is it?", "652 km.", turns=2)
    assert row["turns"] == 2


def test_a_rejected_row_is_passed_on() -> None:
    rejected = {"instruction": "Name a river.", "output": None, "stage": "answers", "reject_reason": "refusal"}
    (row,), llm = talk(row=rejected)
    assert (row["messages"], row["reject_reason"], llm._asked) == (None, "refusal", [])


def test_with_a_pre_query_template_the_model_goes_on_as_the_user() -> None:
    (row,), llm = talk("How long is it?<|im_end|>\n<|im_start|>assistant\nLong.", "652 km.", turns=2,
                       pre_query_template="qwen2")  # fmt: skip
    assert llm._asked[0] == (
        "<|im_start|>user\nName a river.<|im_end|>\n<|im_start|>assistant\nThe Po.<|im_end|>\n<|im_start|>user\n"
    )
    assert row["messages"][2]["content"] == "How long is it?"


def test_a_template_whose_turns_nobody_knows() -> None:
    more = ContinueConversation(llm=DemoLLM(), pre_query_template="[INST] ")
    with pytest.raises(ConfigError, match=r"--pre-query-template: how a turn ends is known of ChatML"):
        more.load()


def test_the_demo_model_plays_both() -> None:
    more = ContinueConversation(llm=DemoLLM(noise=0), num_turns=2)
    more.load()
    (row,) = next(more.process([ROW]))
    assert row["turns"] == 2
