"""Seed tasks out of any dataset: checked, each instruction once, and none too similar to another."""

from __future__ import annotations

import dataclasses
import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distilabel_selfinstruct.data.formats import Row
from distilabel_selfinstruct.data.seeds import SeedTask, seed_row
from distilabel_selfinstruct.data.sources import iter_source
from distilabel_selfinstruct.data.streams import stem_of
from distilabel_selfinstruct.data.tasks import Task, tasks_of
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.text.reading.answers import Instance
from distilabel_selfinstruct.text.rouge import RougeLIndex

_MOST_INSTANCES = 5  # of a seed task: prompts show one or a few


@dataclass(frozen=True, slots=True)
class Seeds:
    """What a source gives.

    Attributes:
        tasks: seed tasks; whether they are classification is False where nobody has said.
        said: the ids of those of which the source says it.
        lacking: rows without an instruction or an output.
        similar: instructions that are too similar to another.
        notes: what a user should know of what was not read.
    """

    tasks: list[SeedTask]
    said: set[str]
    lacking: int
    similar: int
    notes: list[str] = field(default_factory=list)

    def told(self, verdicts: Mapping[str, bool]) -> Seeds:
        """With what was found of the others; those that nothing was found of are as before."""
        tasks = [
            dataclasses.replace(task, is_classification=verdicts.get(task.id, task.is_classification))
            for task in self.tasks
        ]
        return dataclasses.replace(self, tasks=tasks, said=self.said | verdicts.keys())

    def only_said(self) -> Seeds:
        """Without those that nobody knows it of."""
        return dataclasses.replace(self, tasks=[task for task in self.tasks if task.id in self.said])

    @property
    def rows(self) -> list[Row]:
        """The lines of a seed file; `is_classification` is null where nobody has said."""
        return [seed_row(task) | ({} if task.id in self.said else {"is_classification": None}) for task in self.tasks]


def seeds_of(
    source: str,
    config: str | None = None,
    split: str = "train",
    most: int | None = None,
    seed: int = 0,
    threshold: float = 0.7,
    clear_of: Sequence[str] = (),
) -> Seeds:
    """The seed tasks of a source, in its order.

    Args:
        source: see `data.sources.read_source`.
        config: of the dataset; of a run its `instances` by default.
        split: of the dataset.
        most: how many are drawn at most; all of them by default.
        seed: of the draw.
        threshold: the ROUGE-L F with another instruction above which one is left out.
        clear_of: instructions of other seed tasks.

    Raises:
        ConfigError: if there is none, or the source cannot be read.
    """
    found: dict[str, dict[Instance, None]] = {}
    kinds: dict[str, bool] = {}
    lacking, notes = 0, list[str]()
    for number, row in enumerate(iter_source(source, config, split, notes=notes), 1):
        for task in tasks_of(row, f"{source}, row {number}"):
            lacking += not _take(task, row, found, kinds)
    if not found:
        raise ConfigError(f"{source}: no row has both an instruction and an output, so there are no seed tasks in it.")
    order = list(found)
    if most is not None:
        random.Random(seed).shuffle(order)
    index = RougeLIndex(threshold, "unicode")
    index.load(clear_of)
    new = [text for text, is_new in zip(order, index.add_batch(order)) if is_new]
    kept = set(new[:most])
    name = stem_of_source(source)
    tasks = [_seed_task(text, list(found[text]), kinds.get(text, False), name) for text in found if text in kept]
    said = {task.id for task in tasks if task.instruction in kinds}
    return Seeds(tasks, said, lacking, len(order) - len(new), notes)


def stem_of_source(source: str) -> str:
    """A short name of a source, for what is made of it."""
    return stem_of(Path(source.rstrip("/"))) or "source"


def _take(task: Task, row: Mapping[str, Any], found: dict[str, dict[Instance, None]], kinds: dict[str, bool]) -> bool:
    if not (task.instruction and task.output):
        return False
    instances = found.setdefault(task.told, {})
    if len(instances) < _MOST_INSTANCES:
        instances[Instance(task.input, task.output)] = None
    if isinstance(kind := row.get("is_classification"), bool):
        kinds.setdefault(task.told, kind)
    return True


def _seed_task(instruction: str, instances: Sequence[Instance], is_classification: bool, name: str) -> SeedTask:
    return SeedTask(
        id=f"{name}_{hashlib.sha256(instruction.encode()).hexdigest()[:12]}",
        instruction=instruction,
        instances=tuple(instances),
        is_classification=is_classification,
        name=name,
    )
