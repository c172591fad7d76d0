"""How near instructions are to the seed tasks: the maximum ROUGE-L F of each (paper, section 3.1 and figure 4)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from distilabel_selfinstruct.text.rouge import unicode_tokens
from distilabel_selfinstruct.text.rouge.python_pool import lcs_with

_FIRST, _MOST = 64, 4096  # seeds that are scored at once: to begin with, and later
_BITS = 64
_ROUNDING = 1e-9

_Numbers = NDArray[np.int64]


class SeedSimilarity:
    """Scores texts against seeds: exact, in milliseconds a text also with 75,000 seeds.

    An LCS is no longer than the common words, counted as a multiset, which an index of the words gives at once. Seeds
    are scored in the order of the bound that this sets on F, many at once, until none can be nearer.
    """

    def __init__(self, seeds: Sequence[str]) -> None:
        self._numbers: dict[str, int] = {}
        sequences = [self._numbered(unicode_tokens(seed)) for seed in seeds]
        self._lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int64)
        self._starts = np.concatenate(([0], np.cumsum(self._lengths)))
        self._words = np.array([number for sequence in sequences for number in sequence], dtype=np.int64)
        holders: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        for place, sequence in enumerate(sequences):
            for number, count in Counter(sequence).items():
                holders[number].append((place, count))
        self._holders = {number: np.array(held).T for number, held in holders.items()}  # seeds, and how often each

    def scores(self, texts: Iterable[str]) -> Iterator[float]:
        """For each text its highest ROUGE-L F with any seed; 0 where there are no seeds."""
        return map(self._highest, texts)

    def _highest(self, text: str) -> float:
        words = self._numbered(unicode_tokens(text))
        places, bounds = self._bounds(words)
        best, size = 0.0, _FIRST
        while len(places):
            is_next = np.zeros(len(places), dtype=bool)
            is_next[np.argpartition(-bounds, size)[:size] if len(places) > size else slice(None)] = True
            best = max(best, float(self._f_measures(words, places[is_next]).max()))
            is_left = ~is_next & (bounds >= best - _ROUNDING)
            places, bounds, size = places[is_left], bounds[is_left], min(size * 4, _MOST)
        return best

    def _bounds(self, words: Sequence[int]) -> tuple[_Numbers, NDArray[np.float64]]:
        """The seeds that share a word, and what F can be at most with each."""
        common = np.zeros(len(self._lengths), dtype=np.int64)
        for number, count in Counter(words).items():
            if (held := self._holders.get(number)) is not None:
                common[held[0]] += np.minimum(held[1], count)
        places = np.flatnonzero(common)
        return places, 2 * common[places] / (len(words) + self._lengths[places])

    def _f_measures(self, words: Sequence[int], places: _Numbers) -> NDArray[np.float64]:
        lcs = self._lcs(words, places) if len(words) <= _BITS else self._long_lcs(words, places)
        recall, precision = lcs / self._lengths[places], lcs / len(words)
        return 2 * precision * recall / np.where(lcs, precision + recall, 1.0)

    def _lcs(self, words: Sequence[int], places: _Numbers) -> _Numbers:
        """The lengths of the LCS with each seed: the bit-parallel algorithm of `lcs_with`, on all of them at once."""
        positions = np.zeros(len(self._numbers) + 1, dtype=np.uint64)  # the last stands for no word
        for place, number in enumerate(words):
            positions[number] |= np.uint64(1 << place)
        steps = np.arange(self._lengths[places].max())
        at = self._starts[places] + steps[:, None]
        is_word = steps[:, None] < self._lengths[places]
        seeds = np.where(is_word, self._words[np.minimum(at, len(self._words) - 1)], len(self._numbers))
        every = np.uint64((1 << len(words)) - 1)
        unmatched = np.full(len(places), every)
        for matches in positions[seeds]:
            matches &= unmatched
            unmatched = (unmatched + matches) | (unmatched - matches)
        left = np.unpackbits((unmatched & every).view(np.uint8).reshape(len(places), -1), axis=1)
        return len(words) - left.sum(axis=1, dtype=np.int64)

    def _long_lcs(self, words: Sequence[int], places: _Numbers) -> _Numbers:
        lcs = lcs_with(words)
        return np.array([lcs(self._words[self._starts[at] : self._starts[at + 1]].tolist()) for at in places])

    def _numbered(self, words: Iterable[str]) -> tuple[int, ...]:
        return tuple(self._numbers.setdefault(word, len(self._numbers)) for word in words)
