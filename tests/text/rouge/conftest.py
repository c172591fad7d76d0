"""Corpora with the score of every pair, and both implementations."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from tests.text.rouge.pairs import (
    OTHER_SCRIPTS,
    Corpus,
    boundary_texts,
    edited_long_texts,
    rapidfuzz_matrix,
    read_json_lines,
    rouge_score_matrix,
    similar_texts,
    word_soups,
)


@pytest.fixture(params=["python", "numba"])
def implementation(request: pytest.FixtureRequest) -> Any:
    if request.param == "numba":
        pytest.importorskip("numba")
    return request.param


@pytest.fixture(scope="session")
def real(official_data: Path) -> Corpus:
    """Every fifth of all real texts."""
    texts = real_texts(official_data)[::5]
    return Corpus(texts, rouge_score_matrix(texts))


@pytest.fixture(scope="session")
def all_real(official_data: Path) -> Corpus:
    texts = real_texts(official_data)
    return Corpus(texts, rouge_score_matrix(texts))


def real_texts(official_data: Path) -> list[str]:
    """The instructions of the official seeds, of the 252 expert-written tasks and of two recorded runs."""
    files = [
        "seed_tasks_official.jsonl",
        "user_oriented_instructions.jsonl",
        "official_run_davinci/machine_generated_instructions.jsonl",
        "official_run_davinci003/machine_generated_instructions.jsonl",
    ]
    return [row["instruction"] for file in files for row in read_json_lines(official_data / file)]


@pytest.fixture(scope="session")
def hard() -> Corpus:
    texts = [*boundary_texts(), *word_soups(150, random.Random(1)), *edited_long_texts(), *OTHER_SCRIPTS]
    return Corpus(texts, rouge_score_matrix(texts))


@pytest.fixture(scope="session")
def stream() -> Corpus:
    texts = similar_texts(3000)
    return Corpus(texts, rapidfuzz_matrix(texts))
