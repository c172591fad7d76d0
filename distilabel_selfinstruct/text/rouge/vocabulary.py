"""The words of a pool as numbers, and their order."""

from __future__ import annotations

from collections.abc import Iterable


class NumberOf(dict[object, int]):
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
        self._numbers = NumberOf()
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
        """The elements of a text in the global order."""
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
