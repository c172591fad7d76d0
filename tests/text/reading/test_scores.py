"""What judges write, and the score that is read from it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distilabel_selfinstruct.text.reading.scores import parse_score

CLEAR = [
    ("The answer is right and brief, so it earns every point.\nScore: 5", 5.0),
    ("score: 0", 0.0),
    ("It is related (1), but covers little.\n\n**Score:** 2/5", 2.0),
    ("**Score: 4**", 4.0),
    ("**Score**: 4", 4.0),
    ("### Total score: 4 out of 5", 4.0),
    ("Score: **3** / 5", 3.0),
    ("Score：4", 4.0),
    ("Score: 3.5", 3.5),
    ("Score: 3,5 / 5", 3.5),
    ("Score (0-5): 3", 3.0),
    ("Score: 1 + 1 + 1 + 0 + 0 = 3", 3.0),
    ("Score = 4.", 4.0),
    ("Score: [4]", 4.0),
    ("Score: <4>", 4.0),
    ("Score: $\\boxed{4}$", 4.0),
    ("Score:\n4", 4.0),
    ("Score: 4 points", 4.0),
    ("Score: 4 - clear, but it repeats the question.", 4.0),
    ("<score>4</score>", 4.0),
    ('{"justification": "Right, and to the point.", "score": 5}', 5.0),
    ('```json\n{"score": "2", "justification": "Half of it is missing."}\n```', 2.0),
    ("Relevance score: 1\nSubstance score: 1\nUsefulness score: 0\nTotal score: 2", 2.0),
    ("At first I thought Score: 2, but the sum is right after all.\nScore: 4", 4.0),
    ("I would give this answer a score of 3 out of 5.", 3.0),
    ("The final score is: 4", 4.0),
    ("The score is 4. With a better order it would still be a score of 4.", 4.0),
    ("<think>Maybe Score: 1? No.</think>It is complete.\r\nScore: 4\r\n", 4.0),
    ("Score: 4\n\nLet me know if you would like me to judge another answer!", 4.0),
    ("4 points.\nScore: 4\nN is the sum of the points from 0 to 5.", 4.0),
]
UNCLEAR = [
    "",
    "The answer is good.",
    "Score: N",
    "Score:",
    "Score: four",
    "Score: 6",
    "Score: 45",
    "Score: -1",
    "Score: 8/10",
    "Score: 4 out of 10",
    "Score: 80%",
    "Score: 3-4",
    "Score: 3 or 4",
    "Score: 3 to 4",
    "Score: 4\nOn second thoughts: Score: 7",
    "It deserves a score of 2 for its content and a score of 4 for its form.",
    "I'm sorry, but I can't judge this.",
    "<think>The first point: Score: 1",
]


@pytest.mark.parametrize(("completion", "score"), CLEAR)
def test_the_last_score_counts(completion: str, score: float) -> None:
    assert parse_score(completion) == score


@pytest.mark.parametrize("completion", UNCLEAR)
def test_unclear_or_out_of_range(completion: str) -> None:
    assert parse_score(completion) is None


def test_a_judgement_that_was_cut_has_not_come_to_its_end() -> None:
    assert parse_score("Relevance score: 1\nSubstance score: 1\nUseful", "length") is None


@given(st.text(alphabet="score:of 0123456789/*-+=<>(){}\n\"' ") | st.text())
def test_no_text_makes_it_raise(completion: str) -> None:
    score = parse_score(completion)
    assert score is None or 0 <= score <= 5
