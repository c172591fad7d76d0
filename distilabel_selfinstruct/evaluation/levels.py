"""The four levels by which people judged the answers to the paper's 252 tasks, and how far two raters agree.

Self-Instruct (arXiv 2212.10560), section 4.4 and appendix: two of its authors rated 64 answers; Cohen's kappa of the
four levels was 0.57, Spearman's correlation 0.81.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from distilabel_selfinstruct.evaluation.intervals import Difference, Estimate
from distilabel_selfinstruct.shares import Share
from distilabel_selfinstruct.usage import Usage

LEVELS = {
    "A": "valid and satisfying",
    "B": "acceptable, with minor errors",
    "C": "responds to the instruction, with significant errors",
    "D": "irrelevant or invalid",
}
PAPER_KAPPA, PAPER_SPEARMAN = 0.57, 0.81


@dataclass(frozen=True, slots=True)
class Rated:
    """The answers of one model by level.

    Attributes:
        model: its name.
        by: who has rated them: `people`, or the name of a judge.
        counts: answers at each level.
        without: answers that got no level.
    """

    model: str
    by: str
    counts: Mapping[str, int]
    without: int = 0

    @property
    def acceptable(self) -> Share:
        """How many are at level A or B."""
        return Share(self.counts["A"] + self.counts["B"], sum(self.counts.values()))


@dataclass(frozen=True, slots=True)
class Scored:
    """The answers of one model by the points of a rubric.

    Attributes:
        model: its name.
        by: the name of the judge.
        answers: that got points.
        most: points that there are.
        mean: of the points, with its interval.
    """

    model: str
    by: str
    answers: int
    most: int
    mean: Estimate


@dataclass(frozen=True, slots=True)
class Judged:
    """What a judge has said.

    Attributes:
        rated: the levels of each model.
        scored: the points of each model, by a user's own rubric.
        preferred: of pairs, how often either is better, as a difference of points of 100.
        unclear: questions without a verdict.
        failed: requests that came to nothing.
        agreement: of the judge with people, over the answers that both have rated.
        usage: what judging these evaluations has taken, over all sessions.
    """

    rated: Sequence[Rated] = ()
    scored: Sequence[Scored] = ()
    preferred: Difference | None = None
    unclear: int = 0
    failed: int = 0
    agreement: RaterAgreement | None = None
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, slots=True)
class RaterAgreement:
    """How far raters agree, over the answers that two of them have rated; the mean over the pairs of raters.

    Attributes:
        answers: with two raters at least.
        kappa: Cohen's, of the four levels; None where it is not defined.
        spearman: their correlation in order; None where it is not defined.
    """

    answers: int
    kappa: float | None
    spearman: float | None

    def __str__(self) -> str:
        kappa, spearman = ("not defined" if value is None else f"{value:.2f}" for value in (self.kappa, self.spearman))
        return (
            f"agree with a kappa of {kappa} and a Spearman correlation of {spearman}, over {self.answers:,}"
            f" answers (in the paper {PAPER_KAPPA} and {PAPER_SPEARMAN})"
        )


def counted(levels: Sequence[str | None]) -> dict[str, int]:
    """How many are at each level."""
    return {level: sum(each == level for each in levels) for level in LEVELS}


def median_level(levels: Sequence[str]) -> str:
    """The level in the middle of several; between two the worse one."""
    return sorted(levels)[len(levels) // 2]


def agreement_of(ratings: Mapping[str, Mapping[str, str]]) -> RaterAgreement | None:
    """How far raters agree.

    Args:
        ratings: the levels by rater, each by answer.

    Returns:
        None where no two have rated the same answer.
    """
    pairs = [
        ([ratings[one][name] for name in shared], [ratings[other][name] for name in shared])
        for one, other in combinations(sorted(ratings), 2)
        if (shared := sorted(ratings[one].keys() & ratings[other].keys()))
    ]
    if not pairs:
        return None
    several = {name for one, other in combinations(ratings, 2) for name in ratings[one].keys() & ratings[other].keys()}
    kappas = [kappa for one, other in pairs if (kappa := cohens_kappa(one, other)) is not None]
    spearmans = [rho for one, other in pairs if (rho := spearman(one, other)) is not None]
    return RaterAgreement(len(several), _mean(kappas), _mean(spearmans))


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def cohens_kappa(one: Sequence[str], other: Sequence[str]) -> float | None:
    """Cohen's kappa (1960) of two raters: 1 is perfect, 0 is chance; None where neither ever says anything else."""
    table = np.array([[sum(pair == (a, b) for pair in zip(one, other)) for b in LEVELS] for a in LEVELS], dtype=float)
    total = table.sum()
    observed, chance = table.trace() / total, float(table.sum(axis=0) @ table.sum(axis=1)) / total**2
    return None if chance == 1 else float((observed - chance) / (1 - chance))


def spearman(one: Sequence[str], other: Sequence[str]) -> float | None:
    """Spearman's correlation of two raters' levels or points; None where one of them says the same of all."""
    from scipy.stats import spearmanr

    if len(set(one)) < 2 or len(set(other)) < 2:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ranks = [list(map(_rank, levels)) for levels in (one, other)]
        return float(spearmanr(*ranks).statistic)


def _rank(given: str) -> float:
    """The best first: a level, or points."""
    return list(LEVELS).index(given) if given in LEVELS else -float(given)
