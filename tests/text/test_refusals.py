"""Answers that refuse, and answers that only sound so."""

from __future__ import annotations

import pytest

from distilabel_selfinstruct.text.refusals import is_refusal


@pytest.mark.parametrize(
    "answer",
    [
        "I'm sorry, but I can't assist with that request.",
        "I’m sorry, I cannot provide medical advice.",
        "Sorry, I can't do that.",
        "Unfortunately, I am unable to browse the web.",
        "As an AI language model, I don't have feelings.",
        "I cannot help with that.",
        "I'm not able to write that story.",
        "**I apologize, but I cannot generate this.**",
        "I'm very sorry, but as an AI I have no access to files.",
    ],
)
def test_a_refusal(answer: str) -> None:
    assert is_refusal(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "I'm sorry for the late reply; the order left this morning.",
        "Sorry, we are closed on Sundays.",
        "Sorrow is a feeling.",
        "I can't wait to see you at the party!",
        "As an airline, we follow the rules.",
        "Unfortunately, the train is late.",
        "He said: I cannot help it.",
        "",
    ],
)
def test_no_refusal(answer: str) -> None:
    assert not is_refusal(answer)
