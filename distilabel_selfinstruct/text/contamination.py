"""Texts that an evaluation set has already: by words in a row, and by exact ROUGE-L.

The rules are those of open recipes, on words of any script in lower case:

- a text that shares 13 words in a row with an evaluation text (GPT-3, arXiv 2005.14165, appendix C);
- a text whose shared runs of 8 words cover more than half of an evaluation text (Tülu 3, arXiv 2411.15124, section 3.2;
  OpenThoughts and open-r1 count runs of 8 words too, where one alone is enough);
- a text whose ROUGE-L F with an evaluation text is above 0.7, which also finds short texts and changed words
  (Self-Instruct, arXiv 2212.10560, section 2.2).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from distilabel_selfinstruct.text.rouge import RougeLIndex, unicode_tokens

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LONG_RUN, SHORT_RUN, COVERED = 13, 8, 0.5
ROUGE_L = 0.7

_BATCH = 20_000  # texts whose words are held in memory together


class Overlap(NamedTuple):
    """Why a text is not clear.

    Attributes:
        reason: `ngram_overlap` or `similar_to_evaluation`.
        position: of the evaluation text.
        score: the share of its words that shared runs of 8 words cover, or the ROUGE-L F.
        detail: the rule, in words.
    """

    reason: str
    position: int
    score: float
    detail: str


class ContaminationIndex:
    """Evaluation texts, and which of other texts they have already.

    A million texts of 20 words against 100,000 take under a minute on one core with the extra `fast`
    (`benchmarks/contamination.py`).

    Args:
        texts: of evaluation sets.
        threshold: the ROUGE-L F above which a text is too similar; None: it is not computed.
    """

    def __init__(self, texts: Sequence[str], threshold: float | None = ROUGE_L) -> None:
        import numpy as np

        self.texts = list(texts)
        words = [unicode_tokens(text) for text in self.texts]
        self._vocabulary = {word: at for at, word in enumerate(dict.fromkeys(w for each in words for w in each), 1)}
        self._numbers = np.array([self._vocabulary[word] for each in words for word in each], dtype=np.uint32)
        self._starts = np.cumsum([0, *map(len, words)])
        self._runs = {size: _Runs(self._numbers, self._starts, size) for size in (SHORT_RUN, LONG_RUN)}
        self._rouge: RougeLIndex | None = None
        if threshold is not None and self.texts:
            self._rouge = RougeLIndex(threshold, "unicode")
            self._rouge.load(self.texts)

    def __len__(self) -> int:
        return len(self.texts)

    def overlaps(self, texts: Sequence[str]) -> list[Overlap | None]:
        """For each text the evaluation text that it overlaps with most, or None where it is clear of all."""
        found: list[Overlap | None] = []
        for start in range(0, len(texts), _BATCH):
            batch = texts[start : start + _BATCH]
            overlaps = dict(self._by_runs(batch)) if self.texts else {}
            overlaps |= self._by_rouge({at: text for at, text in enumerate(batch) if at not in overlaps})
            found += [overlaps.get(at) for at in range(len(batch))]
        return found

    def _by_rouge(self, texts: Mapping[int, str]) -> dict[int, Overlap]:
        """The texts that are too similar, by their places."""
        if self._rouge is None:
            return {}
        matches = zip(texts, self._rouge.nearest_batch(texts.values()))
        return {
            at: Overlap("similar_to_evaluation", match.position, match.score, "ROUGE-L F with an evaluation text")
            for at, match in matches
            if match is not None
        }

    def _by_runs(self, texts: Sequence[str]) -> Iterator[tuple[int, Overlap]]:
        """The texts that share runs of words, by their places."""
        import numpy as np

        known = self._vocabulary.get
        words = [[known(word, 0) for word in unicode_tokens(text)] for text in texts]
        numbers = np.array([number for each in words for number in each], dtype=np.uint32)
        starts = np.cumsum([0, *map(len, words)])
        places, keys = self._runs[SHORT_RUN].shared(numbers, starts)
        owners = np.searchsorted(starts, places, side="right") - 1
        for owner, keys_of_one in zip(*_grouped(owners, keys)):
            text = numbers[starts[owner] : starts[owner + 1]]
            if (overlap := self._overlap(text, keys_of_one)) is not None:
                yield int(owner), overlap

    def _overlap(self, text: NDArray[np.uint32], keys: NDArray[np.int64]) -> Overlap | None:
        """What one text with shared runs of 8 words overlaps with."""
        import numpy as np

        runs = self._runs[SHORT_RUN]
        covered = np.unique((runs.positions_of(keys)[:, None] + np.arange(SHORT_RUN)).ravel())
        references, counts = np.unique(np.searchsorted(self._starts, covered, side="right") - 1, return_counts=True)
        shares = counts / (self._starts[references + 1] - self._starts[references])
        best = int(np.argmax(shares))
        if shares[best] > COVERED:
            detail = f"runs of {SHORT_RUN} words cover {shares[best]:.0%} of an evaluation text"
            return Overlap("ngram_overlap", int(references[best]), float(shares[best]), detail)
        long_runs = self._runs[LONG_RUN]
        _, long_keys = long_runs.shared(text, np.array([0, len(text)]))
        if not len(long_keys):
            return None
        sharing = np.unique(np.searchsorted(self._starts, long_runs.positions_of(long_keys), side="right") - 1)
        among = np.flatnonzero(np.isin(references, sharing))
        best = int(among[np.argmax(shares[among])])
        detail = f"{LONG_RUN} words in a row of an evaluation text"
        return Overlap("ngram_overlap", int(references[best]), float(shares[best]), detail)


class _Runs:
    """The runs of so many words of some texts, by their hash; what is found is compared word by word."""

    def __init__(self, numbers: NDArray[np.uint32], starts: NDArray[np.int64], size: int) -> None:
        import numpy as np

        self._size, self._numbers = size, numbers
        places, hashes = _hashed(numbers, starts, size)
        order = np.argsort(hashes, kind="stable")
        self._places = places[order]
        self._hashes, self._first = np.unique(hashes[order], return_index=True)
        self._ends = np.append(self._first[1:], len(order))

    def shared(
        self, numbers: NDArray[np.uint32], starts: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where other texts have one of the runs, and which; 0 among their numbers is a word of no run."""
        import numpy as np

        places, hashes = _hashed(numbers, starts, self._size)
        if not (len(places) and len(self._hashes)):
            return places[:0], places[:0]
        keys = np.minimum(np.searchsorted(self._hashes, hashes), len(self._hashes) - 1)
        hits = np.flatnonzero(self._hashes[keys] == hashes)
        places, keys = places[hits], keys[hits]
        ahead = np.arange(self._size)
        theirs = self._numbers[self._places[self._first[keys]][:, None] + ahead]
        same = (numbers[places[:, None] + ahead] == theirs).all(axis=1)  # two runs may have one hash
        return places[same], keys[same]

    def positions_of(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where the runs stand among the numbers of the texts."""
        import numpy as np

        return np.concatenate([self._places[self._first[key] : self._ends[key]] for key in np.unique(keys)])


def _hashed(
    numbers: NDArray[np.uint32], starts: NDArray[np.int64], size: int
) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """The places of runs that stay within a text and have no 0 in them, and their hashes."""
    import numpy as np

    count = len(numbers) - size + 1
    if count <= 0:
        return np.zeros(0, np.int64), np.zeros(0, np.uint64)
    unknown = np.concatenate([[0], np.cumsum(numbers == 0)])
    owners = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    whole = (unknown[size:] == unknown[:-size]) & (owners[size - 1 :] == owners[:count])
    places = np.flatnonzero(whole)
    hashes = np.zeros(len(places), np.uint64)
    for ahead in range(size):
        hashes = hashes * np.uint64(0x9E3779B97F4A7C15) + _mixed(numbers[places + ahead])
    return places, hashes


def _mixed(numbers: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """Numbers spread over 64 bits (the finaliser of splitmix64)."""
    import numpy as np

    mixed = numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def _grouped(owners: NDArray[np.int64], keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], list[NDArray[np.int64]]]:
    """Each owner once, with its keys; equal owners follow each other."""
    import numpy as np

    each, first = np.unique(owners, return_index=True)
    return each, np.split(keys, first[1:]) if len(each) else []
