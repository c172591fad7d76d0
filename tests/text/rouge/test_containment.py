"""Texts that are part of another: found exactly as by looking at each of them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from distilabel_selfinstruct.text.rouge import Containment, unicode_tokens
from tests.support import official

SEED = "Two retired astronauts are opening a seaside café. Dream up five playful names for it."


def found(pool: list[str], text: str, least: int = 6) -> int | None:
    containment = Containment(least)
    for each in pool:
        containment.add(unicode_tokens(each))
    return containment.find(unicode_tokens(text))


@pytest.mark.parametrize(
    ("pool", "text", "expected"),
    [
        ([SEED], "Two retired astronauts are opening a seaside café.", 0),
        (["Sort.", "Write a poem about the sea"], "Now, write a poem about the sea and its fish.", 1),
        ([SEED], "Two retired astronauts are opening a café.", None),  # not in a row
        ([SEED], "Two retired astronauts are opening", None),  # five words
        (["Write a poem"], "Write a poem about the first snow in the mountains.", None),
        (["雪についての短い詩を書いてください"], "明日までに、雪についての短い詩を書いてくださいね", 0),
        (["翻译下面的句子"], "请先翻译下面的句子，再解释其中的语法", None),  # seven characters: fewer than six words
        ([], SEED, None),
    ],
)
def test_a_part_of_at_least_six_words(pool: list[str], text: str, expected: int | None) -> None:
    assert found(pool, text) == expected


def test_nothing_is_found_where_the_rule_is_off() -> None:
    assert found([SEED], SEED, least=0) is None


def test_as_exact_as_looking_at_every_text() -> None:
    choice = random.Random(0)
    texts = [[choice.choice("abcd") for _ in range(choice.randint(1, 9))] for _ in range(400)]
    containment, known = Containment(3), []
    for words in texts:
        text = f" {' '.join(words)} "
        holding = [at for at, other in enumerate(known) if len(words) >= 3 and text in other]
        held = [at for at, other in enumerate(known) if len(other.split()) >= 3 and other in text]
        assert containment.find(words) == next(iter([*holding, *held]), None)
        containment.add(words)
        known.append(text)


def test_the_recorded_run_of_davinci_has_no_such_texts(official_data: Path) -> None:
    pool = [row["instruction"] for row in official.rows(official_data, "seed_tasks_official.jsonl")]
    folder = official_data / "official_run_davinci"
    for row in official.rows(folder, "machine_generated_instructions.jsonl"):
        assert found(pool, row["instruction"]) is None
        pool.append(row["instruction"])
