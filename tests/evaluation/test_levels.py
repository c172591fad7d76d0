"""The paper's four levels: what a judge's answer comes to, and how far raters agree."""

from __future__ import annotations

import pytest
from scipy.stats import spearmanr

from distilabel_selfinstruct.evaluation.levels import Rated, agreement_of, cohens_kappa, counted, median_level, spearman
from distilabel_selfinstruct.evaluation.verdicts import parse_better, parse_level


@pytest.mark.parametrize(
    ("completion", "level"),
    [
        ("It is right and complete.\nLevel: A", "A"),
        ("**Level:** B", "B"),
        ("Level: A would be too much.\nLevel: **C**", "C"),
        ('{"justification": "Off the point.", "level": "D"}', "D"),
        ("level is B", "B"),
        ("Level：A", "A"),
        ("This level is a good one.", None),
        ("Level: E", None),
        ("Level: A/B", None),
        ("A", None),
        ("", None),
    ],
)
def test_the_level_of_a_completion(completion: str, level: str | None) -> None:
    assert parse_level(completion) == level


def test_a_completion_that_was_cut_says_nothing() -> None:
    assert parse_level("Level: A", "length") is None
    assert parse_better("Better: 1", "length") is None


@pytest.mark.parametrize(
    ("completion", "better"),
    [
        ("The first is wrong.\nBetter: 2", "2"),
        ("Better: answer 1", "1"),
        ("**Better: tie**", "tie"),
        ('{"justification": "-", "better": "neither"}', "tie"),
        ("Better: Answer_2.", "2"),
        ("Better: 12", None),
        ("I like the second.", None),
    ],
)
def test_the_better_of_two(completion: str, better: str | None) -> None:
    assert parse_better(completion) == better


def test_kappa_of_four_levels() -> None:
    """By hand: 6 of 10 agree; by chance (3·2 + 3·4 + 2·3 + 2·1) / 100 = 0.26; (0.6 - 0.26) / 0.74."""
    one, other = "AAABBBCCDD", "AABBBBCCCD"
    agreeing = sum(a == b for a, b in zip(one, other)) / 10
    chance = sum(one.count(level) * other.count(level) for level in "ABCD") / 100
    assert cohens_kappa(one, other) == pytest.approx((agreeing - chance) / (1 - chance))
    assert cohens_kappa("ABCD", "ABCD") == 1
    assert cohens_kappa("AAAA", "AAAA") is None


def test_spearman_is_scipys() -> None:
    one, other = "AABBCCDD", "ABABCDCD"
    expected = spearmanr([0, 0, 1, 1, 2, 2, 3, 3], [0, 1, 0, 1, 2, 3, 2, 3]).statistic
    assert spearman(one, other) == pytest.approx(expected)
    assert spearman("AAAA", "ABCD") is None


def test_agreement_is_about_what_two_have_rated() -> None:
    ratings = {"anna": dict(zip("pqrs", "ABCD")), "ben": dict(zip("pqrt", "ABDD")), "cem": {"u": "A"}}
    found = agreement_of(ratings)
    assert found is not None
    assert found.answers == 3
    assert found.kappa == pytest.approx(cohens_kappa("ABC", "ABD"))
    assert "over 3 answers (in the paper 0.57 and 0.81)" in str(found)
    assert agreement_of({"anna": {"p": "A"}, "cem": {"u": "A"}}) is None


def test_counts_and_shares() -> None:
    rated = Rated("tuned", "people", counted(["A", "B", "D", None]), without=1)
    assert rated.counts == {"A": 1, "B": 1, "C": 0, "D": 1}
    assert (rated.acceptable.right, rated.acceptable.of) == (2, 3)
    assert [median_level(list(levels)) for levels in ("A", "AB", "ABD", "DA")] == ["A", "B", "B", "D"]
