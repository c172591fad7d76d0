"""Texts that mean the same, by the cosine of their embeddings with those of earlier ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_DIGITS = 6  # of a cosine that are told
_SLACK = 1e-5  # by how much a cosine may be wrong that a machine has added up in an order of its own
_BLOCK = 256  # embeddings that are compared together


class Near(NamedTuple):
    """The earlier text that means most nearly the same: its place, and the cosine."""

    position: int
    score: float


class SemanticIndex:
    """Embeddings no two of which are too near to each other; each is compared with all, so what is found is exact.

    Args:
        threshold: the cosine above which two texts mean the same.
    """

    def __init__(self, threshold: float) -> None:
        if not 0 < threshold < 1:
            raise ValueError(f"threshold must be between 0 and 1, got {threshold!r}")
        self._threshold = threshold
        self._matrix: NDArray[np.float32] | None = None
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def admit_batch(self, vectors: Sequence[NDArray[np.float32]], whatever: bool = False) -> list[Near | None]:
        """For each the nearest earlier one, if that is too near; one that has none joins them.

        Args:
            vectors: embeddings, in their order.
            whatever: whether they join in any case.
        """
        import numpy as np

        found: list[Near | None] = []
        for start in range(0, len(vectors), _BLOCK):
            block = np.stack([_unit(vector) for vector in vectors[start : start + _BLOCK]])
            best = self._nearest(block)
            among = block @ block.T
            new: list[int] = []  # of the block, that have joined
            for at, near in enumerate(best):
                if new and (other := self._closest(block[at], block[new], among[at, new])).score > near.score:
                    near = Near(self._count + other.position, other.score)
                is_near = near.score > self._threshold
                found.append(near if is_near else None)
                if whatever or not is_near:
                    new.append(at)
            self._append(block[new])
        return found

    def _nearest(self, block: NDArray[np.float32]) -> list[Near]:
        """The nearest of those that are there already."""
        if not self._count:
            return [Near(-1, -1.0)] * len(block)
        assert self._matrix is not None
        there = self._matrix[: self._count]
        return [self._closest(vector, there, cosines) for vector, cosines in zip(block, block @ there.T)]

    def _closest(self, vector: NDArray[np.float32], others: NDArray[np.float32], cosines: NDArray[np.float32]) -> Near:
        """The first of the nearest; where it may be too near, cosines are added up exactly, so on any machine alike."""
        import numpy as np

        if (most := cosines.max()) <= self._threshold - _SLACK:
            return Near(-1, -1.0)
        close = np.flatnonzero(cosines >= most - _SLACK).tolist()
        exact = vector.astype(np.float64)
        scores = [round(math.fsum((exact * others[at]).tolist()), _DIGITS) for at in close]
        return Near(close[scores.index(max(scores))], max(scores))

    def _append(self, block: NDArray[np.float32]) -> None:
        import numpy as np

        if self._matrix is None:
            self._matrix = np.empty((1024, block.shape[1]), np.float32)
        while self._count + len(block) > len(self._matrix):
            self._matrix = np.concatenate([self._matrix, np.empty_like(self._matrix)])
        self._matrix[self._count : self._count + len(block)] = block
        self._count += len(block)


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of length 1; one of nothing, or of what is no number, is near to nothing."""
    import numpy as np

    length = float(np.linalg.norm(vector))
    return vector / np.float32(length) if 0 < length < math.inf else np.zeros_like(vector)
