"""Texts that are part of another text: what ROUGE-L, which wants two texts of like length, does not see."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence


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
        self._last: dict[int, int] = {}  # by the hash of its first words: the last text that begins so
        self._before: array[int] = array("i")  # by position: the one before it that begins so; -1 for none

    def add(self, words: Sequence[str]) -> None:
        """Takes a text in; positions count from 0."""
        position, text = len(self._texts), _joined(words)
        self._texts.append(text)
        self._before.append(-1)
        if self._is_long(words, text):
            begin = hash(tuple(words[: self._least]))
            self._before[position] = self._last.get(begin, -1)
            self._last[begin] = position
            for word in set(words):
                self._with_word.setdefault(word, array("i")).append(position)

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
        begins = (words[at : at + self._least] for at in range(len(words) - self._least + 1))
        return min((at for begin in begins for at in self._beginning(begin) if self._texts[at] in text), default=None)

    def _beginning(self, words: Sequence[str]) -> Iterator[int]:
        """The texts that begin with these words, and any whose first words have the same hash."""
        at = self._last.get(hash(tuple(words)), -1)
        while at >= 0:
            yield at
            at = self._before[at]


def _joined(words: Sequence[str]) -> str:
    return f" {' '.join(words)} "
