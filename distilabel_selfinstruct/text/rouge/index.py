"""An exact ROUGE-L filter over a growing pool of texts.

Self-Instruct admits an instruction when its ROUGE-L F score with every text of the pool is at most 0.7
(arXiv 2212.10560, section 2.2). Scoring every pair costs the authors' code some 20 hours for 52K instructions.
`RougeLIndex` takes the same decisions, float for float, by leaving out the pairs that cannot pass the threshold:

- F is 2 L / (m + n) for texts of m and n words with a longest common subsequence (LCS) of L words, so a threshold
  on F is a least L for every (m, n): `required_lcs`.
- Length filter: L is at most the shorter length, so much shorter and much longer partners are out (Gravano et al., VLDB
  2001).
- Prefix filter: an LCS of L words needs L common words, counted as a multiset. Order the words of each text by one
  global order, rare words first: if all common words lay outside the first m - L + 1 words, fewer than L would be left.
  So only texts that share a word of their short rare prefix are looked at, and an inverted index over the prefixes
  finds them (Chaudhuri et al., ICDE 2006; Bayardo et al., WWW 2007).
- Positional filter: a first common word at place i of the prefix leaves at most m - i common words
  (Xiao et al., PPJoin, WWW 2008).
- Bitmap filter: each text has a signature of some bits, one of them flipped by each word. Two signatures differ in no
  more bits than the texts differ in words (Sandes et al., Bitmap filter, 2020).
- The few pairs left get their LCS from the bit-parallel algorithm, the words of one text as the bits of an integer
  (Crochemore et al., 2001; Hyyrö, 2004).

The pool here is plain Python, apart from numpy's mean; `rouge_numba` holds the same pool, compiled.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from bisect import bisect
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, reduce
from heapq import nlargest
from itertools import chain
from operator import xor
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, get_args

from distilabel_selfinstruct.errors import MissingExtraError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Tokenizer = Callable[[str], list[str]]
TokenizerName = Literal["rouge", "unicode"]
Implementation = Literal["auto", "python", "numba"]

_ROUGE_WORD = re.compile(r"[a-z0-9]+")


def rouge_tokens(text: str) -> list[str]:
    """The words of rouge_score's tokenizer without stemming: runs of ASCII letters and digits, in lower case.

    A text without any has no words, and scores 0 with everything.
    """
    return _ROUGE_WORD.findall(text.lower())


def unicode_tokens(text: str) -> list[str]:
    """The words of any script, compatibility forms unified (NFKC) and case folded.

    A word is a run of letters and digits with their combining marks. Where a script does not put spaces between words
    (Chinese, Japanese kana, Thai, Lao, Khmer, Burmese and others), each character with its marks is a word of its own.
    ASCII text has the same words as with `rouge_tokens`.
    """
    if text.isascii():
        return rouge_tokens(text)
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    words: list[str] = _unicode_word().findall(_JOINERS.sub("", folded))
    return words


TOKENIZERS: dict[TokenizerName, Tokenizer] = {"rouge": rouge_tokens, "unicode": unicode_tokens}

# Soft hyphen, Arabic tatweel, zero-width joiners and the byte order mark: they shape a word and are no part of it.
_JOINERS = re.compile("[\u00ad\u0640\u200c\u200d\u2060\ufeff]")

# Tibetan is not among them: it divides its syllables.
_UNSPACED_SCRIPTS = (
    "Han",
    "Hiragana",
    "Katakana",
    "Bopomofo",
    "Yi",
    "Thai",
    "Lao",
    "Khmer",
    "Myanmar",
    "Tai_Le",
    "New_Tai_Lue",
    "Tai_Tham",
    "Tai_Viet",
    "Balinese",
    "Javanese",
)


@cache
def _unicode_word() -> Any:
    import regex  # here, as only text that is not ASCII needs it

    unspaced = "".join(rf"\p{{Script_Extensions={script}}}" for script in _UNSPACED_SCRIPTS)
    return regex.compile(
        rf"""(?=[\p{{L}}\p{{N}}])
             (?: [{unspaced}] \p{{M}}*
               | [[\p{{L}}\p{{N}}\p{{M}}]--[{unspaced}]]+ )""",
        regex.VERSION1 | regex.VERBOSE,
    )


def f_measure(lcs: int, words: int, other_words: int) -> float:
    """ROUGE-L F of two texts, by the very operations of rouge_score, so that the floats are the same.

    The order of the two texts does not matter: doubling is exact and float multiplication is commutative.
    """
    if not lcs:
        return 0.0
    precision, recall = lcs / other_words, lcs / words
    return 2 * precision * recall / (precision + recall)


def required_lcs(words: int, other_words: int, threshold: float) -> int | None:
    """The least LCS with which two texts of these lengths exceed the threshold; None where none does.

    F is near 2 L / (m + n), which gives the place to start; the last bits are decided by the float itself.
    """
    least = max(1, int(threshold * (words + other_words) / 2) - 1)
    for lcs in range(least, min(words, other_words) + 1):
        if f_measure(lcs, words, other_words) > threshold:
            return lcs
    return None


def prefix_length(words: int, threshold: float) -> int:
    """How many of its rarest words a text must be looked up under, whatever the length of its partner.

    The required LCS grows with the partner's length, so the shortest partner that can pass the threshold decides.
    """
    shortest = max(1, int(words * threshold / (2 - threshold)) - 1)
    for other_words in range(shortest, words + 1):
        if (least := required_lcs(words, other_words, threshold)) is not None:
            return words - least + 1
    return 0


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


class _Numbers(dict[object, int]):
    """A number for each name, given at first sight."""

    def __missing__(self, name: object) -> int:
        number = self[name] = len(self)
        return number


class Vocabulary:
    """The words of the pool as numbers, and the global order of the prefix filter.

    The second, third ... occurrence of a word within a text is an element of its own: rarer than the word, it makes the
    prefixes more telling, and the multiset of a text's words is a set of elements.
    """

    def __init__(self) -> None:
        self._numbers = _Numbers()
        self._ranks: list[int] = []

    def __len__(self) -> int:
        return len(self._numbers)

    def encode(self, words: list[str]) -> tuple[list[int], list[int]]:
        """The numbers of the words in order, and the elements of the text in rare-first order."""
        numbers = self._numbers
        sequence = [numbers[word] for word in words]
        elements = sequence if len(set(sequence)) == len(sequence) else self._elements(sequence)
        # Not seen at the last count: rarer than all.
        self._ranks.extend(range(-1 - len(self._ranks), -1 - len(numbers), -1))
        return sequence, self.rare_first(elements)

    def rare_first(self, elements: Iterable[int]) -> list[int]:
        return sorted(elements, key=self._ranks.__getitem__)

    def order_by(self, frequencies: Iterable[int]) -> None:
        """Order the elements anew, by how many texts have each. Any order is exact; this one is fast."""
        self._ranks = [frequency << 32 | element for element, frequency in enumerate(frequencies)]

    def _elements(self, sequence: list[int]) -> list[int]:
        seen: dict[int, int] = {}
        elements = []
        for number in sequence:
            nth = seen.get(number, 0)
            seen[number] = nth + 1
            elements.append(self._numbers[number, nth] if nth else number)
        return elements


class Pool(Protocol):
    """What both implementations offer. Positions count the admitted texts from 0."""

    def __init__(self, threshold: float) -> None: ...

    def admit_all(self, texts: Sequence[list[str]]) -> list[Match | None]:
        """For each text, one after the other: the nearest over the threshold, or None and the text joins the pool."""

    def load(self, texts: Sequence[list[str]]) -> None:
        """Let texts join the pool unchecked."""

    def nearest(self, words: list[str]) -> Match | None:
        """The nearest text over the threshold."""

    def similarities(self, words: list[str], k: int) -> Similarities:
        """The k best of the pool, and the mean."""


class _Encoded(NamedTuple):
    sequence: tuple[int, ...]
    rare_first: tuple[int, ...]
    signature: int


class _RequiredLcs(dict[int, int]):
    """`required_lcs` of texts of one length by the length of the other; one more than they have where none suffices."""

    def __init__(self, words: int, threshold: float) -> None:
        self._words, self._threshold = words, threshold

    def __missing__(self, other_words: int) -> int:
        least = self[other_words] = required_lcs(self._words, other_words, self._threshold) or self._words + 1
        return least


# More than the floats of a reach are ever off. It lets texts pass that the other filters stop.
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
        self._required: dict[int, _RequiredLcs] = {}
        self._prefix_lengths: dict[int, int] = {}

    def admit_all(self, texts: Sequence[list[str]]) -> list[Match | None]:
        return [self._admit(self._encode(words)) for words in texts]

    def load(self, texts: Sequence[list[str]]) -> None:
        for words in texts:
            self._insert(self._encode(words))

    def nearest(self, words: list[str]) -> Match | None:
        return self._nearest(self._encode(words))

    def similarities(self, words: list[str], k: int) -> Similarities:
        lcs_with = _lcs_with(self._encode(words).sequence)
        scores = [f_measure(lcs_with(sequence), len(words), len(sequence)) for sequence in self._sequences]
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
        candidates = self._candidates(text)
        if not candidates:
            return None
        words = len(text.sequence)
        lcs_with = _lcs_with(text.sequence)
        best = None
        for position in candidates:
            score = f_measure(lcs_with(self._sequences[position]), words, self._lengths[position])
            if score > self._threshold and (match := Match(position, score)).is_nearer_than(best):
                best = match
        return best

    def _candidates(self, text: _Encoded) -> set[int]:
        """The texts that no filter rules out."""
        words, signature = len(text.sequence), text.signature
        if words not in self._required:
            self._required[words] = _RequiredLcs(words, self._threshold)
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


def _lcs_with(sequence: Sequence[int]) -> Callable[[Iterable[int]], int]:
    """A function that gives the length of the LCS with `sequence`.

    The bit-parallel algorithm: bit i stands for word i, and is 0 where an LCS so far has gained a word.
    """
    positions: dict[int, int] = {}
    for place, number in enumerate(sequence):
        positions[number] = positions.get(number, 0) | 1 << place
    every = (1 << len(sequence)) - 1

    def lcs(other: Iterable[int]) -> int:
        unmatched = every
        for number in other:
            if number in positions:
                matches = positions[number] & unmatched
                unmatched = unmatched + matches | unmatched - matches
        return len(sequence) - (unmatched & every).bit_count()

    return lcs


def mean_score(scores: Sequence[float] | NDArray[np.float64]) -> float:
    """numpy's mean, as in the authors' code: it sums pairwise, so its last bits differ from a plain sum's."""
    import numpy

    return float(numpy.mean(scores)) if len(scores) else 0.0


# The start of numba takes a second, and some seconds the first time, to compile. It is won back from a pool of this
# size on, or once so many pairs have been scored for `similarities`: Python has then taken about as long.
_NUMBA_PAYS_FROM = 20_000
_NUMBA_PAYS_AFTER_PAIRS = 1_000_000

_BATCH = 1_000


@cache
def _numba_pool() -> type[Pool] | None:
    try:
        from distilabel_selfinstruct.text.rouge.numba_pool import NumbaPool
    except ImportError:
        return None
    return NumbaPool


class RougeLIndex:
    """A pool of texts that knows, exactly as rouge_score would, whether a new text is too similar to one of them.

    Args:
        threshold: a text is a duplicate when its ROUGE-L F score with a text of the pool is above this.
        tokenizer: `rouge` is rouge_score's own, with which text without ASCII letters and digits has no words and is
            never a duplicate; `unicode` knows the words of every script.
        implementation: `python`, `numba` (the extra `fast`), or `auto`: numba, where installed, as soon as the pool is
            large enough for its start to pay. They differ in nothing but speed.

    Attributes:
        texts: the pool. It is the whole state: `load` restores it in a new index.
    """

    def __init__(
        self, threshold: float = 0.7, tokenizer: TokenizerName = "rouge", implementation: Implementation = "auto"
    ) -> None:
        if not 0 <= threshold <= 1:
            raise ValueError(f"threshold must be from 0 to 1, got {threshold!r}")
        if tokenizer not in TOKENIZERS:
            raise ValueError(f"tokenizer must be one of {', '.join(TOKENIZERS)}, got {tokenizer!r}")
        if implementation not in get_args(Implementation):
            raise ValueError(
                f"implementation must be one of {', '.join(get_args(Implementation))}, got {implementation!r}"
            )
        self.threshold = threshold
        self.tokenizer: TokenizerName = tokenizer
        self.implementation: Implementation = implementation
        self.texts: list[str] = []
        self._tokens = TOKENIZERS[tokenizer]
        self._pool: Pool = PythonPool(threshold)
        self._pairs_scored = 0
        if implementation == "numba":
            self._change_to_numba()

    def __len__(self) -> int:
        return len(self.texts)

    def __getstate__(self) -> dict[str, Any]:
        return {
            "threshold": self.threshold,
            "tokenizer": self.tokenizer,
            "implementation": self.implementation,
            "texts": self.texts,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        RougeLIndex.__init__(self, state["threshold"], state["tokenizer"], state["implementation"])
        self.load(state["texts"])

    def add(self, text: str) -> bool:
        """Admit a text to the pool unless it is a duplicate; whether it was admitted."""
        return self.admit(text) is None

    def add_batch(self, texts: Iterable[str]) -> list[bool]:
        """As `add` for one text after the other, and faster."""
        return [match is None for match in self.admit_batch(texts)]

    def admit(self, text: str) -> Match | None:
        """The text of the pool that `nearest` finds, or None, and then the new text has joined the pool."""
        return self.admit_batch([text])[0]

    def admit_batch(self, texts: Iterable[str]) -> list[Match | None]:
        """As `admit` for one text after the other, and faster."""
        matches: list[Match | None] = []
        for batch, words in self._batches(texts):
            found = self._pool.admit_all(words)
            self.texts += [text for text, match in zip(batch, found, strict=True) if match is None]
            matches += found
        return matches

    def load(self, texts: Iterable[str]) -> None:
        """Let texts join the pool unchecked, such as seeds, or the pool of an interrupted run."""
        for batch, words in self._batches(texts):
            self._pool.load(words)
            self.texts += batch

    def nearest(self, text: str) -> Match | None:
        """The text of the pool with the highest score, if that is above the threshold; of equal ones the first."""
        return self._pool.nearest(self._tokens(text))

    def similarities(self, text: str, k: int = 10) -> Similarities:
        """The k texts of the pool with the highest scores, of equal ones the first, and the mean over the pool.

        Scores every text of the pool, which is no longer a matter of microseconds. The mean of an empty pool is 0.
        """
        self._pairs_scored += len(self)
        if self._pairs_scored >= _NUMBA_PAYS_AFTER_PAIRS:
            self._change_to_numba()
        return self._pool.similarities(self._tokens(text), k)

    def _batches(self, texts: Iterable[str]) -> Iterator[tuple[list[str], list[list[str]]]]:
        """Parts of the texts, with their words: a text that has none to give (not a string) raises before its part."""
        texts = list(texts)
        if len(self) + len(texts) >= _NUMBA_PAYS_FROM:
            self._change_to_numba()
        for start in range(0, len(texts), _BATCH):
            batch = texts[start : start + _BATCH]
            yield batch, [self._tokens(text) for text in batch]

    def _change_to_numba(self) -> None:
        if self.implementation == "python" or not isinstance(self._pool, PythonPool):
            return
        if (numba_pool := _numba_pool()) is not None:
            self._pool = numba_pool(self.threshold)
            for start in range(0, len(self), _BATCH):
                self._pool.load([self._tokens(text) for text in self.texts[start : start + _BATCH]])
        elif self.implementation == "numba":
            raise MissingExtraError.of('RougeLIndex(implementation="numba")', "fast")
