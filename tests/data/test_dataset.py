"""The dataset on disk: fixed columns and types, the same bytes for the same rows, whole or not at all."""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from datasets import Dataset, DatasetDict, load_from_disk
from datasets.table import InMemoryTable
from distilabel.distiset import Distiset

from distilabel_selfinstruct.data.dataset import StoredRows, load_dataset, save_dataset
from distilabel_selfinstruct.errors import RunFolderError

ROWS = [
    {"instruction": "Sort.", "round": 0, "max_similarity": 0.25, "is_classification": False, "shot_ids": ["a", "b"],
     "most_similar": [{"id": "a", "score": 0.25}]},
    {"instruction": None, "round": 1, "max_similarity": None, "is_classification": None, "shot_ids": [],
     "most_similar": []},
]  # fmt: skip
COLUMNS = list(ROWS[0])


def distiset(**configs: list[dict[str, Any]]) -> Distiset:
    return Distiset({name: DatasetDict({"train": Dataset.from_list(rows)}) for name, rows in configs.items()})


def saved(folder: Path, config: str = "instructions") -> Dataset:
    return load_from_disk(str(folder / config))["train"]


def digest(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    save_dataset(distiset(instructions=ROWS), {"instructions": COLUMNS}, tmp_path / "dataset")
    assert saved(tmp_path / "dataset").to_list() == ROWS


def test_only_the_columns_of_the_config_in_their_order(tmp_path: Path) -> None:
    save_dataset(distiset(instructions=ROWS), {"instructions": ["round", "instruction"]}, tmp_path / "dataset")
    assert saved(tmp_path / "dataset").column_names == ["round", "instruction"]


@pytest.mark.parametrize("rows", [ROWS, ROWS[1:]], ids=["with values", "with nothing but nulls"])
def test_types_do_not_depend_on_the_rows(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    save_dataset(distiset(instructions=rows), {"instructions": COLUMNS}, tmp_path / "dataset")
    assert [str(field.type) for field in saved(tmp_path / "dataset").features.arrow_schema] == [
        "string", "int64", "double", "bool", "list<item: string>", "list<item: struct<id: string, score: double>>",
    ]  # fmt: skip


def test_a_config_without_rows_loads_with_its_columns(tmp_path: Path) -> None:
    save_dataset(
        distiset(instructions=ROWS), {"instructions": COLUMNS, "rejected": ["reason", "score"]}, tmp_path / "dataset"
    )
    rejected = saved(tmp_path / "dataset", "rejected")
    assert (len(rejected), rejected.column_names) == (0, ["reason", "score"])
    assert [str(field.type) for field in rejected.features.arrow_schema] == ["string", "double"]


def test_equal_rows_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        columns = {"instructions": COLUMNS, "rejected": ["reason"]}
        save_dataset(distiset(instructions=ROWS), columns, tmp_path / name)
    assert digest(tmp_path / "one") == digest(tmp_path / "two")
    save_dataset(distiset(instructions=ROWS[:1]), {"instructions": COLUMNS, "rejected": ["reason"]}, tmp_path / "two")
    assert digest(tmp_path / "one") != digest(tmp_path / "two")


def test_what_was_there_is_replaced(tmp_path: Path) -> None:
    save_dataset(
        distiset(instructions=ROWS, more=ROWS), {"instructions": COLUMNS, "more": COLUMNS}, tmp_path / "dataset"
    )
    save_dataset(distiset(instructions=ROWS[:1]), {"instructions": COLUMNS}, tmp_path / "dataset")
    assert [path.name for path in tmp_path.iterdir()] == ["dataset"]
    assert [path.name for path in (tmp_path / "dataset").iterdir()] == ["instructions"]
    assert len(saved(tmp_path / "dataset")) == 1


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    save_dataset(distiset(instructions=ROWS), {"instructions": COLUMNS}, tmp_path / "dataset")
    before = digest(tmp_path / "dataset")
    with pytest.raises(KeyError, match="nothing"):
        save_dataset(distiset(instructions=ROWS[:1]), {"instructions": ["nothing"]}, tmp_path / "dataset")
    assert digest(tmp_path / "dataset") == before


def test_load_dataset(tmp_path: Path) -> None:
    columns = {"instructions": COLUMNS, "rejected": ["reason"]}
    save_dataset(distiset(instructions=ROWS), columns, tmp_path / "dataset")
    loaded = load_dataset(tmp_path / "dataset")
    assert {name: len(config["train"]) for name, config in loaded.items()} == {"instructions": 2, "rejected": 0}


def test_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError) as caught:
        load_dataset(tmp_path / "dataset")
    assert str(caught.value) == f"{tmp_path / 'dataset'}: there is no dataset; run the pipeline to its end first."


def test_bytes_do_not_depend_on_the_parts_that_rows_came_in(tmp_path: Path) -> None:
    rows = [{"instruction": f"Name {at} rivers.", "round": at} for at in range(7000)]
    for name, sizes in (("once", [7000]), ("parts", [1, 999, 4100, 1900])):
        ends = list(itertools.accumulate(sizes))
        parts = [pa.Table.from_pylist(rows[end - size : end]) for size, end in zip(sizes, ends)]
        whole = Dataset(InMemoryTable(pa.concat_tables(parts)))
        save_dataset(
            Distiset({"instructions": DatasetDict({"train": whole})}),
            {"instructions": ["instruction", "round"]},
            tmp_path / name,
        )
    assert digest(tmp_path / "once") == digest(tmp_path / "parts")
    assert saved(tmp_path / "parts").to_list() == rows


def test_stored_rows_are_those_of_the_table() -> None:
    rows = [{"at": at, "text": None if at % 3 else f"{at}"} for at in range(6000)]
    stored = StoredRows(pa.concat_tables([pa.Table.from_pylist(rows[:4999]), pa.Table.from_pylist(rows[4999:])]))
    assert len(stored) == 6000
    assert list(stored) == rows
    assert (stored[0], stored[-1], stored[4998:5001]) == (rows[0], rows[-1], rows[4998:5001])
    with pytest.raises(IndexError):
        stored[6000]


def test_there_may_be_no_stored_rows() -> None:
    stored = StoredRows(pa.table({"at": pa.array([], pa.int64())}))
    assert (len(stored), list(stored), stored[:3]) == (0, [], [])
