"""Topics at the boundary of each rule, and questions with options."""

from __future__ import annotations

import pytest

from distilabel_selfinstruct.recipes.topics.rules import check_topic, has_options


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("Bird song", None),
        ("1984", "punctuation"),
        ("---", "punctuation"),
        ("Jazz", None),
        ("日本の城", None),
        ("The wings of the first aeroplanes", None),
        ("What the first aeroplanes were made of", "too_long"),
        ("Let me know if you want more", "chatter"),
        ("I'm sorry, but I can't name another one.", "refusal"),
    ],
)
def test_a_topic_is_a_short_name(topic: str, reason: str | None) -> None:
    assert check_topic(topic) == reason


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Which bird sings?\nA) Wren\nB) Stone", True),
        ("Which bird sings? (A) wren (B) stone", True),
        ("Which bird sings?\nA. Wren\nB. Stone", True),
        ("**A)** Wren\n**B)** Stone", True),
        ("Which bird sings?", False),
        ("Which bird sings?\nA) Wren", False),
        ("Is vitamin A or B scarce? Ask M.A. or the B.B.C. about it.", False),
    ],
)
def test_a_question_with_options_names_two_at_least(question: str, expected: bool) -> None:
    assert has_options(question) is expected
