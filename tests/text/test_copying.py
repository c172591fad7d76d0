"""Texts that are words of the prompt."""

from __future__ import annotations

import pytest

from distilabel_selfinstruct.recipes.self_instruct.prompting import PROMPTS
from distilabel_selfinstruct.text.copying import copies

FRAME = PROMPTS.frame("bootstrap", "chat", {}, shots=[], classification_only=False, new=8)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("We are collecting instructions for a language model, as varied as we can get them.", True),
        ("Each new one must be unlike those that we have, and must make sense.", True),
        ("Write one numbered instruction a line, please.", True),
        ("Write a poem about a language model.", False),
        ("List other subjects for a talk on subjects and verbs.", False),
        ("Sort", False),
        ("", False),
    ],
)
def test_half_of_the_words_in_a_row(text: str, expected: bool) -> None:
    assert copies(text, FRAME) is expected


def test_without_a_frame_nothing_is_copied() -> None:
    assert not copies("We are collecting instructions for a language model.", "")
