"""Embeddings that are too near to earlier ones."""

from __future__ import annotations

import math

import numpy as np
import pytest

from distilabel_selfinstruct.text import semantic
from distilabel_selfinstruct.text.semantic import Near, SemanticIndex


def vectors(*given: tuple[float, ...]) -> list[np.ndarray]:
    return [np.array(each, np.float32) for each in given]


def test_the_first_stays_and_later_ones_are_compared_with_what_stayed() -> None:
    index = SemanticIndex(0.9)
    found = index.admit_batch(vectors((1, 0), (2, 0.2), (0, 1), (1, 1), (0.1, 5)))
    assert found == [None, Near(0, 0.995037), None, None, Near(1, 0.9998)]
    assert len(index) == 3
    assert index.admit_batch(vectors((3, 3), (0, -1))) == [Near(2, 1.0), None]


def test_references_join_in_any_case() -> None:
    index = SemanticIndex(0.9)
    index.admit_batch(vectors((1, 0), (1, 0.1)), whatever=True)
    assert len(index) == 2
    assert index.admit_batch(vectors((1, 0.2))) == [Near(1, 0.995228)]


def test_one_of_nothing_is_near_to_nothing() -> None:
    assert SemanticIndex(0.5).admit_batch(vectors((0, 0), (0, 0), (1, 0))) == [None, None, None]


def test_what_is_no_number_is_near_to_nothing() -> None:
    assert SemanticIndex(0.5).admit_batch(vectors((1, 0), (math.nan, 0), (1, 0))) == [None, None, Near(0, 1.0)]


def test_it_decides_alike_however_the_rows_come(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = list(np.random.default_rng(0).normal(size=(3000, 3)).astype(np.float32))
    whole = SemanticIndex(0.99).admit_batch(drawn)
    assert sum(near is None for near in whole) not in (0, 3000)
    singly = SemanticIndex(0.99)
    assert [singly.admit_batch([each])[0] for each in drawn] == whole
    monkeypatch.setattr(semantic, "_BLOCK", 7)
    assert SemanticIndex(0.99).admit_batch(drawn) == whole


@pytest.mark.parametrize("threshold", [0.0, 1.0, -0.5, float("nan")])
def test_a_threshold_that_is_none(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold must be between 0 and 1"):
        SemanticIndex(threshold)
