"""An exact ROUGE-L filter over a growing pool of texts.

Self-Instruct admits an instruction when its ROUGE-L F score with every text of the pool is at most 0.7
(arXiv 2212.10560, section 2.2). Scoring every pair costs the authors' code some 20 hours for 52K instructions.
`bounds` says how `RougeLIndex` takes the same decisions in a second or a few.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any, Literal, get_args

from distilabel_selfinstruct.errors import MissingExtraError
from distilabel_selfinstruct.text.rouge.pool import Match, Pool, Similarities
from distilabel_selfinstruct.text.rouge.python_pool import PythonPool
from distilabel_selfinstruct.text.rouge.tokens import TOKENIZERS, TokenizerName

Implementation = Literal["auto", "python", "numba"]

# Seconds of CPU for texts that come ten at a time, a quarter of them duplicates. The first time numba has to compile:
#
#     texts                    1,000   5,000   20,000   40,000   80,000   100,000
#     Python                     0.1     0.4      2.6      5.8       19        34
#     numba, the first time       20      20       20       22                 26
#     numba, later               1.1     1.8      1.8      2.8        5         6
#
# So numba pays from about 15,000 texts on if it has compiled before, and from about 90,000 on if not. With
# `similarities` Python takes 3.5 seconds for a million pairs: as long as numba takes to compile after five million.
_NUMBA_PAYS_FROM = 50_000
_NUMBA_PAYS_AFTER_PAIRS = 5_000_000

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
        return [match is None for found in self._admitted(texts) for match in found]

    def admit(self, text: str) -> Match | None:
        """The text of the pool that `nearest` finds, or None, and then the new text has joined the pool."""
        return self.admit_batch([text])[0]

    def admit_batch(self, texts: Iterable[str]) -> list[Match | None]:
        """As `admit` for one text after the other, and faster."""
        return [match for found in self._admitted(texts) for match in found]

    def _admitted(self, texts: Iterable[str]) -> Iterator[list[Match | None]]:
        """What `admit` gives for each text, part by part."""
        texts = self._checked(texts)
        self._make_room_for(texts)
        asked = iter(texts)
        for found in self._pool.admit_all(self._batches(texts)):
            self.texts += [text for match, text in zip(found, asked) if match is None]
            yield found

    def load(self, texts: Iterable[str]) -> None:
        """Let texts join the pool unchecked, such as seeds, or the pool of an interrupted run."""
        texts = self._checked(texts)
        self._make_room_for(texts)
        for words in self._batches(texts):
            self._pool.load(words)
        self.texts += texts

    def nearest(self, text: str) -> Match | None:
        """The text of the pool with the highest score, if that is above the threshold; of equal ones the first."""
        return self.nearest_batch([text])[0]

    def nearest_batch(self, texts: Iterable[str]) -> list[Match | None]:
        """As `nearest` for each text, and faster."""
        batches = self._batches(self._checked(texts))
        return [match for found in self._pool.nearest_all(batches) for match in found]

    def similarities(self, text: str, k: int = 10) -> Similarities:
        """The k texts of the pool with the highest scores, of equal ones the first, and the mean over the pool.

        Scores every text of the pool, which is no longer a matter of microseconds. The mean of an empty pool is 0.
        """
        self._pairs_scored += len(self)
        if self._pairs_scored >= _NUMBA_PAYS_AFTER_PAIRS:
            self._change_to_numba()
        return self._pool.similarities(self._tokens(text), k)

    def _checked(self, texts: Iterable[str]) -> list[str]:
        """The texts, before any of them joins the pool.

        Raises:
            TypeError: if one is no string.
        """
        texts = list(texts)
        if (other := next((text for text in texts if not isinstance(text, str)), "")) != "":
            raise TypeError(f"texts must be strings, got {other!r}")
        return texts

    def _make_room_for(self, texts: Sequence[str]) -> None:
        if len(self) + len(texts) >= _NUMBA_PAYS_FROM:
            self._change_to_numba()

    def _batches(self, texts: Sequence[str]) -> Iterator[list[list[str]]]:
        """The words of the texts, part by part."""
        for start in range(0, len(texts), _BATCH):
            yield list(map(self._tokens, texts[start : start + _BATCH]))

    def _change_to_numba(self) -> None:
        if self.implementation == "python" or not isinstance(self._pool, PythonPool):
            return
        if (numba_pool := _numba_pool()) is not None:
            self._pool = numba_pool(self.threshold)
            for words in self._batches(self.texts):
                self._pool.load(words)
        elif self.implementation == "numba":
            raise MissingExtraError.of('RougeLIndex(implementation="numba")', "fast")
