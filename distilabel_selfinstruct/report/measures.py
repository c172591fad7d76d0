"""What the report measures of instructions, once: verb and object, and the distance from the seed tasks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

from distilabel_selfinstruct.engine.progress import sign_of_life
from distilabel_selfinstruct.report.similarity import SeedSimilarity
from distilabel_selfinstruct.report.verbs import VerbObject, VerbObjectParser

_MOST = 100_000  # instructions that are measured; of more of them a part, each as far from the next


class Measures:
    """Computed when first asked for: those of 52K instructions take about a minute, and of more a part is measured.

    Args:
        instructions: gives their texts.
        seeds: gives those of the seed tasks.
    """

    def __init__(
        self, instructions: Callable[[], Sequence[str]], seeds: Callable[[], Sequence[str]] = lambda: ()
    ) -> None:
        self._instructions, self._seeds = instructions, seeds

    @cached_property
    def is_whole(self) -> bool:
        """Whether every instruction is measured."""
        return self._step == 1

    @property
    def notes(self) -> list[str]:
        """That a part was measured, where it was."""
        if self.is_whole:
            return []
        return [
            f"Verbs, objects and the distance from the seed tasks are those of one in {self._step} instructions:"
            f" {len(self._measured()):,} of {len(self._instructions()):,}."
        ]

    @cached_property
    def _step(self) -> int:
        return max(1, -(-len(self._instructions()) // _MOST))

    def _measured(self) -> Sequence[str]:
        return self._instructions()[:: self._step]

    @cached_property
    def pairs(self) -> list[VerbObject]:
        """Verb and object of each instruction.

        Raises:
            MissingExtraError: if the tagger is not installed.
        """
        parser = VerbObjectParser()
        return [parser.parse(text) for text in self._measured()]

    @cached_property
    def nearest(self) -> list[float]:
        """Of each instruction the maximum ROUGE-L F with the seed tasks; empty without seed tasks."""
        if not (seeds := self._seeds()):
            return []
        with sign_of_life(f"comparing instructions with {len(seeds):,} seed tasks"):
            return list(SeedSimilarity(seeds).scores(self._measured()))
