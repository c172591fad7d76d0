"""What a report is made from: the rows of a run folder, or those of any dataset of instructions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from distilabel_selfinstruct.data.folder import RunFolder
from distilabel_selfinstruct.errors import ConfigError, RunFolderError
from distilabel_selfinstruct.recipe import Recipe

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict

Row: TypeAlias = Mapping[str, Any]
Rows: TypeAlias = "Iterable[Row] | Dataset | DatasetDict | str | Path"

_COLUMNS = {
    "instructions": ("instruction_id", "instruction", "is_classification", "round", "model_name"),
    "instances": ("instance_id", "instruction_id", "instruction", "input", "output", "is_classification", "round"),
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
        seed_verdicts: whether each seed task is classification.
    """

    name: str
    instructions: Sequence[Row]
    instances: Sequence[Row]
    rejected: Sequence[Row] = ()
    seeds: Sequence[str] = field(default=())
    recipe: Recipe | None = None
    pairs: int = 0
    topics: int = 0
    seed_verdicts: Sequence[bool | None] = ()


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
        seed_verdicts=[row.get("is_classification") for row in rows["seeds"]],
    )


def read_rows(rows: Rows, name: str | None = None, seeds: Sequence[str] = ()) -> ReportRows:
    """The rows of any dataset with the columns instruction, input and output (and is_classification, if there is one).

    Args:
        rows: rows, a `Dataset`, a `DatasetDict` (all its splits), or a path: a file of JSON lines, a JSON array, or a
            folder that `save_to_disk` wrote.
        name: what the report calls the dataset; by default the file's name.
        seeds: instructions to compare with.

    Raises:
        ConfigError: names what is missing and where.
    """
    where = str(rows) if isinstance(rows, (str, Path)) else "the rows"
    instances = [_checked(row, where, number) for number, row in enumerate(_load(rows), 1)]
    distinct = {row["instruction"]: row for row in instances}
    return ReportRows(
        name=name or (Path(where).stem if isinstance(rows, (str, Path)) else "dataset"),
        instructions=list(distinct.values()),
        instances=instances,
        seeds=seeds,
    )


def _load(rows: Rows) -> Iterable[Row]:
    from datasets import DatasetDict, load_from_disk

    if isinstance(rows, DatasetDict):
        return (row for split in rows.values() for row in split)
    if not isinstance(rows, (str, Path)):
        return rows
    path = Path(rows)
    if path.is_dir():
        try:
            return _load(load_from_disk(str(path)))
        except FileNotFoundError:
            raise ConfigError(f"{path}: not a dataset folder; expected what save_to_disk wrote.") from None
    return _load_json(path)


def _load_json(path: Path) -> list[Row]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not UTF-8 text; expected a file of JSON lines or a JSON array.") from None
    if text.lstrip().startswith("["):
        rows: list[Row] = _parsed(text, str(path))
        return rows
    lines = enumerate(text.split("\n"), 1)
    return [_parsed(line, f"{path}, line {number}") for number, line in lines if line.strip()]


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{where}: not JSON ({error.msg}, column {error.colno}).") from None


def _checked(row: Any, where: str, number: int) -> Row:
    if not isinstance(row, Mapping):
        raise ConfigError(f"{where}, row {number}: expected an object with instruction, input and output.")
    for column in ("instruction", "output"):
        if not isinstance(row.get(column), str):
            raise ConfigError(
                f"{where}, row {number}: no text in column {column!r}; expected the columns instruction, input, output."
            )
    return {**row, "input": row.get("input") or ""}
