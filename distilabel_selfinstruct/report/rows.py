"""What a report is made from: the rows of a run folder, or those of any dataset of instructions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from distilabel_selfinstruct.data.folder import RunFolder
from distilabel_selfinstruct.data.sources import EVERY_SPLIT, iter_source
from distilabel_selfinstruct.data.streams import stem_of
from distilabel_selfinstruct.data.tasks import tasks_of
from distilabel_selfinstruct.errors import ConfigError, RunFolderError
from distilabel_selfinstruct.recipe import Recipe
from distilabel_selfinstruct.runs.verdicts import verdicts_of

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict

Row: TypeAlias = Mapping[str, Any]
Rows: TypeAlias = "Iterable[Row] | Dataset | DatasetDict | str | Path"

_EXPECTED = "instruction, input and output, or messages"
_COLUMNS = {
    "instructions": ("instruction_id", "instruction", "is_classification", "round", "model_name"),
    "instances": (
        "instance_id",
        "instruction_id",
        "instruction",
        "input",
        "output",
        "is_classification",
        "round",
        "turns",
    ),
    "rejected": (
        "stage",
        "reason",
        "detail",
        "instruction_id",
        "instance_id",
        "instruction",
        "input",
        "output",
        "round",
        "neighbour",
        "score",
        "topic",
    ),
    "seeds": ("instruction", "is_classification"),
    "preferences": ("instruction_id",),
    "topics": ("topic_id",),
}


@dataclass(frozen=True, slots=True)
class ReportRows:
    """The rows a report is made from.

    Attributes:
        name: what the report calls the dataset.
        instructions: admitted instructions; those without any instance are among them.
        instances: the dataset.
        rejected: rejected rows with stage and reason.
        seeds: the instructions of the seed tasks.
        recipe: that the run followed; None for a dataset that is no run's.
        pairs: preference pairs, where the recipe makes them.
        topics: topics, where the recipe makes them.
        turns: turns of conversations after the first ones.
        seed_verdicts: whether each seed task is classification whose form does not tell.
        notes: what a user should know of what was read.
    """

    name: str
    instructions: Sequence[Row]
    instances: Sequence[Row]
    rejected: Sequence[Row] = ()
    seeds: Sequence[str] = field(default=())
    recipe: Recipe | None = None
    pairs: int = 0
    topics: int = 0
    turns: int = 0
    seed_verdicts: Sequence[bool | None] = ()
    notes: Sequence[str] = ()


def read_run(path: str | PathLike[str]) -> ReportRows:
    """The rows of a finished run.

    Raises:
        RunFolderError: if the folder holds no dataset, or is damaged.
    """
    folder = RunFolder(path)
    if not folder.has_dataset:
        raise RunFolderError(f"{path}: there is no dataset in this folder; finish the run first.")
    rows = {config: folder.rows(config, columns) for config, columns in _COLUMNS.items()}
    return ReportRows(
        name=folder.name,
        instructions=rows["instructions"],
        instances=rows["instances"],
        rejected=rows["rejected"],
        seeds=[row["instruction"] for row in rows["seeds"]],
        recipe=folder.recipe(),
        pairs=len(rows["preferences"]),
        topics=len(rows["topics"]),
        turns=sum(row["turns"] - 1 for row in rows["instances"] if row.get("turns")),
        seed_verdicts=verdicts_of(rows["seeds"]),
    )


def read_rows(rows: Rows, name: str | None = None, seeds: Sequence[str] = ()) -> ReportRows:
    """The rows of any dataset of instructions, by the columns that well-known datasets have.

    Rows without an instruction, or without an output that is a text, are counted in the notes.

    Args:
        rows: rows, a `Dataset`, a `DatasetDict` (all its splits), or a source, see `data.sources.read_source`.
        name: what the report calls the dataset; by default the file's name.
        seeds: instructions to compare with.

    Raises:
        ConfigError: names what is missing and where.
    """
    is_source, notes = isinstance(rows, (str, Path)), list[str]()
    where = str(rows) if is_source else "the rows"
    given = list(_load(rows, notes))
    found = [row for number, row in enumerate(given, 1) for row in _instances(row, f"{where}, row {number}")]
    instances = [row for row in found if row["instruction"] and row["output"]]
    if is_source and not given:
        raise ConfigError(f"{where}: there are no rows in it.")
    if given and not instances:
        missing = "instruction" if not any(row["instruction"] for row in found) else "output"
        raise ConfigError(f"{where}: no row has a text for the {missing}; expected columns such as {_EXPECTED}.")
    if lacking := len(found) - len(instances):
        notes.append(f"{lacking:,} rows without an instruction or an output were left out.")
    distinct = {row["instruction"]: row for row in instances}
    return ReportRows(
        name=name or (stem_of(Path(where)) if is_source else "dataset"),
        instructions=list(distinct.values()),
        instances=instances,
        seeds=seeds,
        notes=notes,
    )


def _load(rows: Rows, notes: list[str]) -> Iterable[Row]:
    from datasets import DatasetDict

    if isinstance(rows, DatasetDict):
        return (row for split in rows.values() for row in split)
    if isinstance(rows, (str, Path)):
        return iter_source(str(rows), split=EVERY_SPLIT, notes=notes)
    return rows


def _instances(row: Any, where: str) -> list[dict[str, Any]]:
    """A row an instance, with `instruction`, `input` and `output`, which are empty where there is none."""
    if not isinstance(row, Mapping):
        raise ConfigError(f"{where}: expected an object with columns such as {_EXPECTED}.")
    return [
        {**row, "instruction": task.told, "input": task.input, "output": task.output}
        for task in tasks_of(dict(row), where)
    ]
