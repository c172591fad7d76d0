"""Conversations as texts, as tasks, and as a model has them inside."""

from __future__ import annotations

import pytest

from distilabel_selfinstruct.text.conversations import (
    exchanges,
    last_exchange,
    raw_chat,
    says_goodbye,
    turn_end,
    with_first,
)

CHAT = [
    {"role": "user", "content": "Name a river.\n\nItaly"},
    {"role": "assistant", "content": "The Po."},
    {"role": "user", "content": "How long?"},
    {"role": "assistant", "content": "652 km."},
]
ROW = {"instruction": "Name a river.", "input": "Italy", "output": "The Po.", "messages": CHAT}
BEFORE = "User: Name a river.\n\nItaly\n\nAssistant: The Po.\n\nUser: How long?"


def test_each_answer_is_a_task_below_what_was_said() -> None:
    assert exchanges(ROW) == [("Name a river.", "Italy", "The Po."), (BEFORE, "", "652 km.")]
    assert last_exchange(ROW) == (BEFORE, "", "652 km.")


def test_an_instance_is_one_task() -> None:
    assert exchanges({"instruction": "Name a river.", "output": "The Po."}) == [("Name a river.", "", "The Po.")]


def test_a_correction_of_the_first_turn() -> None:
    corrected = with_first(CHAT, "Name a lake.", "Garda.")
    assert [message["content"] for message in corrected] == ["Name a lake.", "Garda.", "How long?", "652 km."]


@pytest.mark.parametrize(
    ("begin", "raw"),
    [
        (
            "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n",
            "<|start_header_id|>user<|end_header_id|>\n\nHi?<|eot_id|><|start_header_id|>assistant<|end_header_id|>"
            "\n\nHo.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n",
        ),
        (
            "<start_of_turn>user\n",
            "<start_of_turn>user\nHi?<end_of_turn>\n<start_of_turn>model\nHo.<end_of_turn>\n<start_of_turn>user\n",
        ),
        (
            "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n",
            "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi?<|im_end|>\n<|im_start|>assistant\nHo."
            "<|im_end|>\n<|im_start|>user\n",
        ),
    ],
)
def test_a_chat_as_the_model_has_it_inside(begin: str, raw: str) -> None:
    assert raw_chat([{"role": "user", "content": "Hi?"}, {"role": "assistant", "content": "Ho."}], begin) == raw


def test_a_template_that_nobody_knows() -> None:
    assert turn_end("[INST] ") is None
    with pytest.raises(ValueError, match="how a turn ends"):
        raw_chat(CHAT, "[INST] ")


@pytest.mark.parametrize(
    "text",
    ["Thank you, that helps a lot!", "Goodbye.", "That's all I need.", "No, nothing else.", "Danke, das war alles.",
     "Gracias por la ayuda.", "Merci beaucoup !", "谢谢！", "ありがとうございました。",
     "Thanks for that. Have a great day!"],
)  # fmt: skip
def test_a_goodbye(text: str) -> None:
    assert says_goodbye(text)


@pytest.mark.parametrize(
    "text",
    ["Thanks! Can you also translate it?", "How do I say goodbye in French?", "I have three apples.",
     "That is helpful, but what about prices?", "Vielen Dank! Kannst du es kürzen?",
     "Thanks. Now write the second verse."],
)  # fmt: skip
def test_what_goes_on(text: str) -> None:
    assert not says_goodbye(text)
