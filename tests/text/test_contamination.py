"""Which texts an evaluation set has already: the three rules, each against what it says, pair by pair."""

from __future__ import annotations

import random

import pytest

from distilabel_selfinstruct.text.contamination import COVERED, LONG_RUN, ROUGE_L, SHORT_RUN, ContaminationIndex
from distilabel_selfinstruct.text.rouge import RougeLIndex, unicode_tokens

SUM = "A baker sells forty loaves on Monday and twice as many on Tuesday, so how many loaves does she sell in all?"
STORY = "Write a story about a lighthouse keeper who finds a letter in a bottle after a long and heavy storm at sea."


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (SUM, "ngram_overlap"),
        (SUM.upper().replace(",", " -"), "ngram_overlap"),
        (f"Here is a task. {SUM} Think first.", "ngram_overlap"),
        (
            "Explain: a baker sells forty loaves on Monday and twice as many on Tuesday. Is that likely?",
            "ngram_overlap",
        ),
        (SUM.replace("baker", "smith").replace("loaves", "nails"), "similar_to_evaluation"),
        ("A baker sells bread on Monday. How much does she sell in all?", None),
        ("Name the capital of France.", None),
        ("", None),
    ],
)
def test_what_is_not_clear(text: str, reason: str | None) -> None:
    (found,) = ContaminationIndex([STORY, SUM]).overlaps([text])
    assert (found and found.reason) == reason
    if found:
        assert found.position == 1
        assert found.score > 0.5


def test_a_run_of_eight_words_alone_is_what_many_texts_have() -> None:
    index = ContaminationIndex([f"{SUM} {STORY}"], threshold=None)
    assert index.overlaps(["Tell me of a lighthouse keeper who finds a letter in a bottle."]) == [None]
    (found,) = index.overlaps(["A lighthouse keeper who finds a letter in a bottle after a long day."])
    assert found is not None
    assert found.detail == "13 words in a row of an evaluation text"


def test_short_texts_are_compared_whole() -> None:
    index = ContaminationIndex(["Name three primes."])
    assert [found and found.reason for found in index.overlaps(["Name three primes!", "Name three rivers."])] == [
        "similar_to_evaluation", None,
    ]  # fmt: skip


def test_scripts_without_spaces() -> None:
    index = ContaminationIndex(["皮肤是人体最大的器官，它由三层组成，保护身体。"], threshold=None)
    assert index.overlaps(["问题：皮肤是人体最大的器官，它由三层组成。对吗？"])[0] is not None


def test_without_evaluation_texts_all_is_clear() -> None:
    assert ContaminationIndex([]).overlaps([SUM, ""]) == [None, None]
    assert ContaminationIndex(["?", ""]).overlaps([SUM, "?"]) == [None, None]


def runs(words: list[str], size: int) -> set[tuple[str, ...]]:
    return {tuple(words[at : at + size]) for at in range(len(words) - size + 1)}


def by_hand(text: str, reference: str) -> bool:
    """The rules as they are written, one pair of texts."""
    words, theirs = unicode_tokens(text), unicode_tokens(reference)
    if runs(words, LONG_RUN) & runs(theirs, LONG_RUN):
        return True
    shared = runs(words, SHORT_RUN)
    covered = {
        at + ahead
        for at in range(len(theirs) - SHORT_RUN + 1)
        if tuple(theirs[at : at + SHORT_RUN]) in shared
        for ahead in range(SHORT_RUN)
    }
    if len(covered) > COVERED * len(theirs):
        return True
    index = RougeLIndex(ROUGE_L, "unicode")
    index.load([reference])
    return index.nearest(text) is not None


@pytest.mark.parametrize("seed", range(4))
def test_the_same_as_pair_by_pair(seed: int) -> None:
    rng = random.Random(seed)

    def text(parts: list[str]) -> str:
        """Few words in pieces that come again and again: runs of all lengths are shared."""
        return " ".join(rng.choice(parts) for _ in range(rng.randint(1, 7)))

    parts = [" ".join(rng.choices(["a", "b", "c", "d", "e", "f", "g", "h"], k=rng.randint(1, 6))) for _ in range(12)]
    references = [text(parts) for _ in range(25)]
    texts = [text([*parts, "x y", "z"]) for _ in range(80)]
    found = ContaminationIndex(references).overlaps(texts)
    expected = [any(by_hand(each, reference) for reference in references) for each in texts]
    assert [each is not None for each in found] == expected
    assert 10 < sum(expected) < 75
    assert all(by_hand(each, references[why.position]) for each, why in zip(texts, found) if why)
