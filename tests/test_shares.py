"""Shares and their intervals: Wilson's, from Newcombe, Statistics in Medicine 17 (1998), table I."""

from __future__ import annotations

import pytest

from distilabel_selfinstruct.shares import Share


@pytest.mark.parametrize(
    ("right", "of", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_is_wilsons(right: int, of: int, low: float, high: float) -> None:
    assert Share(right, of).interval == pytest.approx((low, high), abs=0.00005)


def test_a_share_of_nothing_has_no_value() -> None:
    assert (Share(0, 0).value, Share(0, 0).interval) == (None, None)


def test_a_share_in_words() -> None:
    assert str(Share(39, 40)) == "98% (95% interval 87% to 100%)"
    assert str(Share(0, 0)) == "unknown"
