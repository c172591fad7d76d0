"""The rows of a run that goes on, in files that are whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from datasets import load_dataset

from distilabel_selfinstruct.data import growing
from distilabel_selfinstruct.data.growing import GrowingRows

COLUMNS = {"instances": ["instruction", "round"], "sft": ["messages"]}


def rows(*numbers: int) -> list[dict[str, Any]]:
    return [{"instruction": f"Say {number}.", "round": None, "more": 1} for number in numbers]


def there(folder: Path, config: str = "instances") -> list[list[str]]:
    return [pq.read_table(path)["instruction"].to_pylist() for path in sorted(folder.glob(f"{config}-*.parquet"))]


def test_files_are_whole_and_the_last_one_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing, "_PAUSE", 0.0)
    monkeypatch.setattr(growing, "_SHARE", 0)
    shown = GrowingRows(tmp_path / "data", COLUMNS, size=3)
    shown.add("instances", rows(0, 1))
    assert there(tmp_path / "data") == [["Say 0.", "Say 1."]]
    shown.add("instances", rows(2, 3))
    shown.add("rejected", rows(9))
    assert there(tmp_path / "data") == [["Say 0.", "Say 1.", "Say 2."], ["Say 3."]]
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == [
        "instances-00000.parquet", "instances-00001.parquet",
    ]  # fmt: skip
    types = pq.read_schema(tmp_path / "data" / "instances-00000.parquet")
    assert [str(field.type) for field in types] == ["string", "int64"]


def test_what_fills_no_file_is_not_written_with_each_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing, "_PAUSE", 1e9)
    shown = GrowingRows(tmp_path / "data", COLUMNS, size=3)
    shown.add("instances", rows(0))
    shown.add("instances", rows(1))
    assert [len(each) for each in there(tmp_path / "data")] == [1]
    shown.add("instances", rows(2, 3, 4, 5, 6))
    assert [len(each) for each in there(tmp_path / "data")] == [3, 3]


def test_it_tells_of_whole_files_as_often_as_one_of_the_main_config_is_whole(tmp_path: Path) -> None:
    told: list[dict[str, list[str]]] = []
    shown = GrowingRows(
        tmp_path / "data", COLUMNS, size=2,
        whole=lambda files: told.append({name: [path.name for path in of_it] for name, of_it in files.items()}),
    )  # fmt: skip
    shown.add("sft", [{"messages": [{"role": "user", "content": "La.", "thinking": None}]}] * 3)
    shown.add("instances", rows(0, 1, 2, 3, 4))
    first = {"instances": ["instances-00000.parquet"], "sft": ["sft-00000.parquet"]}
    assert told == [first, first | {"instances": ["instances-00000.parquet", "instances-00001.parquet"]}]


def test_it_loads_with_datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing, "_PAUSE", 0.0)
    monkeypatch.setattr(growing, "_SHARE", 0)
    shown = GrowingRows(tmp_path / "data", COLUMNS, size=2)
    shown.add("instances", rows(0, 1, 2))
    files = str(tmp_path / "data" / "instances-*.parquet")
    loaded = load_dataset("parquet", data_files=files, split="train", cache_dir=str(tmp_path / "cache"))
    assert loaded["instruction"] == ["Say 0.", "Say 1.", "Say 2."]


def test_what_was_there_before_is_gone(tmp_path: Path) -> None:
    GrowingRows(tmp_path / "data", COLUMNS, size=1).add("instances", rows(0, 1))
    GrowingRows(tmp_path / "data", COLUMNS, size=1)
    assert there(tmp_path / "data") == []
