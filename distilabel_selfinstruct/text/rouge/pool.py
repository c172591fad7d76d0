"""What a pool of texts is asked, and what it answers; both implementations keep to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Match:
    """A text of the pool and its ROUGE-L F score with the text that was asked about."""

    position: int
    score: float

    def is_nearer_than(self, other: Match | None) -> bool:
        """The higher score is nearer; of equal scores the text that came first."""
        return other is None or (self.score, -self.position) > (other.score, -other.position)


class Similarities(NamedTuple):
    """The texts of the pool most similar to a text, best first, and its mean score over the whole pool."""

    best: list[Match]
    mean: float


class Pool(Protocol):
    """What both implementations offer. Positions count the admitted texts from 0."""

    def __init__(self, threshold: float) -> None: ...

    def admit_all(self, batches: Iterable[Sequence[list[str]]]) -> Iterator[list[Match | None]]:
        """For each text, one after the other: the nearest over the threshold, or None and the text joins the pool."""

    def load(self, texts: Sequence[list[str]]) -> None:
        """Let texts join the pool unchecked."""

    def nearest_all(self, batches: Iterable[Sequence[list[str]]]) -> Iterator[list[Match | None]]:
        """For each text the nearest over the threshold; none joins the pool."""

    def similarities(self, words: list[str], k: int) -> Similarities:
        """The k best of the pool, and the mean."""


def mean_score(scores: Sequence[float] | NDArray[np.float64]) -> float:
    """numpy's mean, as in the authors' code: it sums pairwise, so its last bits differ from a plain sum's."""
    import numpy

    return float(numpy.mean(scores)) if len(scores) else 0.0
