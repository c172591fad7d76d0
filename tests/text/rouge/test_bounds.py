"""What a threshold demands of two texts."""

from __future__ import annotations

import pytest

from distilabel_selfinstruct.text.rouge.bounds import f_measure, required_lcs


@pytest.mark.parametrize("threshold", [0.0, 0.1, 1 / 3, 0.5, 2 / 3, 0.7, 0.9, 1.0])
def test_the_required_lcs_is_the_least_above_the_threshold(threshold: float) -> None:
    for words in range(1, 40):
        for other_words in range(1, 40):
            above = [
                lcs for lcs in range(1, min(words, other_words) + 1) if f_measure(lcs, words, other_words) > threshold
            ]
            assert required_lcs(words, other_words, threshold) == (above[0] if above else None)
