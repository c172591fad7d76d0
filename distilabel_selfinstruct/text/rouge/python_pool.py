"""The pool in plain Python, apart from numpy's mean."""

from __future__ import annotations

from array import array
from bisect import bisect
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from functools import reduce
from heapq import nlargest
from itertools import chain
from operator import xor
from typing import NamedTuple

from distilabel_selfinstruct.text.rouge.bounds import RequiredLcs, f_measure, prefix_length
from distilabel_selfinstruct.text.rouge.pool import Match, Similarities, mean_score
from distilabel_selfinstruct.text.rouge.vocabulary import Vocabulary


class _Encoded(NamedTuple):
    sequence: tuple[int, ...]
    rare_first: tuple[int, ...]
    signature: int


# More than rounding ever moves a reach. The few texts that pass because of it meet the other filters.
_ROUNDING = 0.001


class _Postings:
    """The texts with an element in their prefix, in the order of their reach.

    An element at place j of n words leaves at most n - j common words, and t (m + n) / 2 are required with a text of m
    words. So n - j - t n / 2, the reach, must be t m / 2 at least: half of the positional filter is one look into a
    sorted list.
    """

    __slots__ = ("_positions", "_reaches")

    def __init__(self) -> None:
        self._reaches = array("d")
        self._positions = array("l")

    def add(self, position: int, reach: float) -> None:
        place = bisect(self._reaches, reach)
        self._reaches.insert(place, reach)
        self._positions.insert(place, position)

    def reaching(self, least: float) -> array[int]:
        return self._positions[bisect(self._reaches, least - _ROUNDING) :]


class PythonPool:
    """The pool in plain Python."""

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._vocabulary = Vocabulary()
        self._bits: list[int] = []  # of each element: the bit that it flips in a signature
        # Of each text. Tuples of numbers, unlike lists, do not burden the garbage collector: a third of the time.
        self._sequences: list[tuple[int, ...]] = []
        self._rare_first: list[tuple[int, ...]] = []
        self._lengths: list[int] = []
        self._signatures: list[int] = []
        self._index: dict[int, _Postings] = defaultdict(_Postings)  # by element
        self._reorder_at = 256
        self._required: dict[int, RequiredLcs] = {}
        self._prefix_lengths: dict[int, int] = {}

    def admit_all(self, batches: Iterable[Sequence[list[str]]]) -> Iterator[list[Match | None]]:
        return ([self._admit(self._encode(words)) for words in texts] for texts in batches)

    def load(self, texts: Sequence[list[str]]) -> None:
        for words in texts:
            self._insert(self._encode(words))

    def nearest_all(self, batches: Iterable[Sequence[list[str]]]) -> Iterator[list[Match | None]]:
        return ([self._nearest(self._encode(words)) for words in texts] for texts in batches)

    def neighbours(self, words: list[str]) -> list[Match]:
        """All texts of the pool over the threshold, in their order."""
        return sorted(self._scored(self._encode(words)), key=lambda match: match.position)

    def similarities(self, words: list[str], k: int) -> Similarities:
        lcs = lcs_with(self._encode(words).sequence)
        scores = [f_measure(lcs(sequence), len(words), len(sequence)) for sequence in self._sequences]
        best = nlargest(k, range(len(scores)), key=scores.__getitem__)
        return Similarities([Match(position, scores[position]) for position in best], mean_score(scores))

    def _admit(self, text: _Encoded) -> Match | None:
        match = self._nearest(text)
        if match is None:
            self._insert(text)
        return match

    def _encode(self, words: list[str]) -> _Encoded:
        sequence, rare_first = self._vocabulary.encode(words)
        for element in range(len(self._bits), len(self._vocabulary)):
            self._bits.append(1 << (element * 0x9E3779B97F4A7C15 >> 57 & 127))
        return _Encoded(tuple(sequence), tuple(rare_first), reduce(xor, map(self._bits.__getitem__, rare_first), 0))

    def _nearest(self, text: _Encoded) -> Match | None:
        best = None
        for match in self._scored(text):
            if match.is_nearer_than(best):
                best = match
        return best

    def _scored(self, text: _Encoded) -> Iterator[Match]:
        """The texts over the threshold."""
        if not (candidates := self._candidates(text)):
            return
        words = len(text.sequence)
        lcs = lcs_with(text.sequence)
        for position in candidates:
            score = f_measure(lcs(self._sequences[position]), words, self._lengths[position])
            if score > self._threshold:
                yield Match(position, score)

    def _candidates(self, text: _Encoded) -> set[int]:
        """The texts that no filter rules out."""
        words, signature = len(text.sequence), text.signature
        if words not in self._required:
            self._required[words] = RequiredLcs(words, self._threshold)
        required, lengths, signatures = self._required[words], self._lengths, self._signatures
        found: set[int] = set()
        for place, element in enumerate(self._prefix(text.rare_first)):
            if postings := self._index.get(element):
                left = words - place
                found.update(
                    [
                        position
                        for position in postings.reaching(self._threshold * words / 2)
                        if (least := required[lengths[position]]) <= left  # length filter, positional filter
                        and (signatures[position] ^ signature).bit_count() <= words + lengths[position] - 2 * least
                    ]
                )
        return found

    def _prefix(self, rare_first: tuple[int, ...]) -> tuple[int, ...]:
        words = len(rare_first)
        if words not in self._prefix_lengths:
            self._prefix_lengths[words] = prefix_length(words, self._threshold)
        return rare_first[: self._prefix_lengths[words]]

    def _insert(self, text: _Encoded) -> None:
        self._sequences.append(text.sequence)
        self._rare_first.append(text.rare_first)
        self._lengths.append(len(text.sequence))
        self._signatures.append(text.signature)
        self._add_to_index(len(self._sequences) - 1)
        if len(self._sequences) >= self._reorder_at:
            self._reorder_at *= 4
            self._reorder()

    def _add_to_index(self, position: int) -> None:
        words = self._lengths[position]
        for place, element in enumerate(self._prefix(self._rare_first[position])):
            self._index[element].add(position, words - place - self._threshold * words / 2)

    def _reorder(self) -> None:
        frequency = Counter(chain.from_iterable(self._rare_first))
        self._vocabulary.order_by(frequency[element] for element in range(len(self._vocabulary)))
        self._index.clear()
        for position, elements in enumerate(self._rare_first):
            self._rare_first[position] = tuple(self._vocabulary.rare_first(elements))
            self._add_to_index(position)


def lcs_with(sequence: Sequence[Hashable]) -> Callable[[Iterable[Hashable]], int]:
    """A function that gives the length of the LCS with `sequence`.

    The bit-parallel algorithm: bit i stands for word i, and is 0 where an LCS so far has gained a word.
    """
    positions: dict[Hashable, int] = {}
    for place, number in enumerate(sequence):
        positions[number] = positions.get(number, 0) | 1 << place
    every = (1 << len(sequence)) - 1

    def lcs(other: Iterable[Hashable]) -> int:
        unmatched = every
        for number in other:
            if number in positions:
                matches = positions[number] & unmatched
                unmatched = unmatched + matches | unmatched - matches
        return len(sequence) - (unmatched & every).bit_count()

    return lcs
