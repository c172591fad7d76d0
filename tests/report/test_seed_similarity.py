"""The maximum ROUGE-L of an instruction with the seeds."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

from distilabel_selfinstruct.report.similarity import SeedSimilarity
from distilabel_selfinstruct.text.rouge import RougeLIndex


def test_the_nearest_seed_counts() -> None:
    similarity = SeedSimilarity(["Write a song about the sea.", "Name three fish."])
    # six of six words; a common sequence of 5 in 6 and 6 words; of 1 in 4 and 3 words; none
    texts = ["Write a song about the sea.", "Write a poem about the sea.", "Name all my cats.", "Sing!"]
    assert list(similarity.scores(texts)) == pytest.approx([1.0, 5 / 6, 2 / 7, 0.0])


def test_without_seeds_all_are_zero() -> None:
    assert list(SeedSimilarity([]).scores(["Write a song."])) == [0.0]


def test_words_of_every_script_count() -> None:
    assert list(SeedSimilarity(["Напиши стих о море"]).scores(["Напиши стих о лесе"])) == [0.75]


def test_texts_of_all_lengths_score_as_with_every_pair() -> None:
    draw = Random(5)
    words = [f"word{number}" for number in range(70)]

    def text() -> str:
        return " ".join(
            draw.choice(words[: draw.choice([6, 20, 70])]) for _ in range(draw.choice([1, 3, 20, 64, 65, 130]))
        )

    seeds = [text() for _ in range(400)] + ["", "?"]
    texts = [text() for _ in range(60)] + ["", "?", "nothing shared"]
    every_pair = RougeLIndex(tokenizer="unicode", implementation="python")
    every_pair.load(seeds)
    expected = [every_pair.similarities(text, k=1).best[0].score for text in texts]
    assert list(SeedSimilarity(seeds).scores(texts)) == expected


def test_the_paper_user_oriented_instructions(official_data: Path) -> None:
    """0.34 on average, one text identical (it is there twice); scoring every pair gives the very same."""
    seeds, texts = (
        [json.loads(line)["instruction"] for line in (official_data / name).read_text(encoding="utf-8").splitlines()]
        for name in ("seed_tasks_official.jsonl", "user_oriented_instructions.jsonl")
    )
    scores = list(SeedSimilarity(seeds).scores(texts))
    every_pair = RougeLIndex(tokenizer="unicode", implementation="python")
    every_pair.load(seeds)
    assert scores == [every_pair.similarities(text, k=1).best[0].score for text in texts]
    assert sum(scores) / len(scores) == pytest.approx(0.3388, abs=5e-5)
    assert [text for text, score in zip(texts, scores) if score == 1] == ["Answer the following question."] * 2
