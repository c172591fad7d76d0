"""Texts that are part of another text: what ROUGE-L, which wants two texts of like length, does not see."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Sequence


class Containment:
    """A growing pool of texts, asked for one that holds all words of a text in a row, or that such a text holds.

    The shorter of the two must have some words: "Write a poem" is part of many tasks, and is none of them. Exact, and
    cheap: the texts that hold a text are among those with its rarest word, and one that a text holds is found by its
    first words.

    Args:
        least: words that the shorter text must have; two characters of a script without spaces are one. With 0 nothing
            is found.
    """

    def __init__(self, least: int) -> None:
        self._least = least
        self._texts: list[str] = []
        self._with_word: dict[str, array[int]] = {}
        self._by_begin: dict[tuple[str, ...], list[int]] = defaultdict(list)

    def add(self, words: Sequence[str]) -> None:
        """Takes a text in; positions count from 0."""
        position, text = len(self._texts), _joined(words)
        self._texts.append(text)
        if self._is_long(words, text):
            self._by_begin[tuple(words[: self._least])].append(position)
            for word in set(words):
                self._with_word.setdefault(word, array("l")).append(position)

    def find(self, words: Sequence[str]) -> int | None:
        """The first text that holds this one, or else that it holds."""
        text = _joined(words)
        if not self._is_long(words, text):
            return None
        return next((at for at in self._with_rarest(words) if text in self._texts[at]), self._held_by(words, text))

    def _is_long(self, words: Sequence[str], text: str) -> bool:
        if not 0 < self._least <= len(words):
            return False
        unspaced = 0 if text.isascii() else sum(len(word) == 1 and not word.isascii() for word in words)
        return len(words) - unspaced / 2 >= self._least

    def _with_rarest(self, words: Sequence[str]) -> Sequence[int]:
        try:
            return min([self._with_word[word] for word in words], key=len)
        except KeyError:
            return ()

    def _held_by(self, words: Sequence[str], text: str) -> int | None:
        least, by_begin = self._least, self._by_begin
        begins = [tuple(words[at : at + least]) for at in range(len(words) - least + 1)]
        held = [at for begin in begins if begin in by_begin for at in by_begin[begin] if self._texts[at] in text]
        return min(held, default=None)


def _joined(words: Sequence[str]) -> str:
    return f" {' '.join(words)} "
