"""What the report measures of each row, once: verb and object, distance from the seed tasks, label, state of review."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from distilabel_selfinstruct.engine.progress import sign_of_life
from distilabel_selfinstruct.report.rows import Row
from distilabel_selfinstruct.report.similarity import SeedSimilarity
from distilabel_selfinstruct.report.verbs import VerbObject, VerbObjectParser
from distilabel_selfinstruct.review.records import QUESTIONS
from distilabel_selfinstruct.text.labels import folded_label

COSTLY = frozenset({"verb", "object", "nearest seed"})
"""The columns that take a minute for 52K instructions."""
_NOT_REVIEWED, _RIGHT, _WRONG = "not yet", "all right", "something wrong"


class Measures:
    """Computed when first asked for: verbs and distances of 52K instructions take about a minute.

    Args:
        instructions: the admitted ones.
        instances: of these.
        seeds: the instructions of the seed tasks.
        reviewed: an annotator's answer a row, where there is any.
    """

    def __init__(
        self,
        instructions: Sequence[str],
        instances: Sequence[Row] = (),
        seeds: Sequence[str] = (),
        reviewed: Sequence[Row] = (),
    ) -> None:
        self._instructions, self._instances = instructions, instances
        self._seeds, self._reviewed = seeds, reviewed

    @cached_property
    def pairs(self) -> list[VerbObject]:
        """Verb and object of each instruction.

        Raises:
            MissingExtraError: if the tagger is not installed.
        """
        parser = VerbObjectParser()
        return [parser.parse(text) for text in self._instructions]

    @cached_property
    def nearest(self) -> list[float]:
        """Of each instruction the maximum ROUGE-L F with the seed tasks; empty without seed tasks."""
        if not self._seeds:
            return []
        with sign_of_life(f"comparing instructions with {len(self._seeds):,} seed tasks"):
            return list(SeedSimilarity(self._seeds).scores(self._instructions))

    @cached_property
    def labels(self) -> list[str | None]:
        """Of each instance of a classification task its label, folded."""
        return [folded_label(row["output"]) if row.get("is_classification") else None for row in self._instances]

    @cached_property
    def reviews(self) -> list[str]:
        """Of each instance what annotators have said."""
        said: dict[str, bool] = {}
        for row in self._reviewed:
            is_right = all(row.get(question.name) for question in QUESTIONS)
            said[row["instance_id"]] = said.get(row["instance_id"], True) and is_right
        words = {True: _RIGHT, False: _WRONG, None: _NOT_REVIEWED}
        return [words[said.get(row.get("instance_id", ""))] for row in self._instances]

    def columns(self) -> Mapping[str, Mapping[str, Callable[[], Sequence[Any]]]]:
        """By config the columns that this adds to its rows."""
        instructions: dict[str, Callable[[], Sequence[Any]]] = {
            "verb": lambda: [pair.verb for pair in self.pairs],
            "object": lambda: [pair.object for pair in self.pairs],
        }
        if self._seeds:
            instructions["nearest seed"] = lambda: self.nearest
        instances: dict[str, Callable[[], Sequence[Any]]] = {}
        if any(row.get("is_classification") for row in self._instances):
            instances["label"] = lambda: self.labels
        if self._reviewed:
            instances["reviewed"] = lambda: self.reviews
        return {"instructions": instructions, "instances": instances}
