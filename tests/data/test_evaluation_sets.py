"""What evaluation sets ask, from files and datasets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset, DatasetDict

from distilabel_selfinstruct.data.evaluation_sets import read_evaluation_texts
from distilabel_selfinstruct.errors import ConfigError


def texts_of(tmp_path: Path, *rows: dict[str, Any]) -> list[str]:
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    return read_evaluation_texts([str(tmp_path / "rows.json")])


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"question": "How many are left?", "answer": "Twelve of them are."}, ["How many are left?"]),
        ({"instruction": "Sort these numbers.", "input": "3, 1, and 2"},
         ["Sort these numbers.", "3, 1, and 2", "Sort these numbers.\n\n3, 1, and 2"]),
        ({"prompt": ["Write a short poem.", "Now make it rhyme."]}, ["Write a short poem.", "Now make it rhyme."]),
        ({"turns": ["Write a short poem."]}, ["Write a short poem."]),
        ({"messages": [{"role": "user", "content": "Who wrote the Faust?"}, {"role": "assistant", "content": "He"}]},
         ["Who wrote the Faust?"]),
        ({"ctx": "A man sits down and", "endings": ["eats it all up", "no"]}, ["A man sits down and"]),
        ({"question": "首都在哪里？"}, ["首都在哪里？"]),
    ],
)  # fmt: skip
def test_what_a_row_asks(row: dict[str, Any], expected: list[str], tmp_path: Path) -> None:
    assert texts_of(tmp_path, row) == expected


def test_each_text_once_and_no_labels(tmp_path: Path) -> None:
    rows = [{"question": "How many are left?"}, {"question": "How many are left?"}, {"question": "Yes or"}]
    assert texts_of(tmp_path, *rows) == ["How many are left?"]


def test_a_text_a_line_and_all_splits_of_a_saved_dataset(tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text("Name a long river.\n\nName a deep lake.\n")
    splits = {name: Dataset.from_list([{"question": f"What is {name} for?"}]) for name in ("train", "test")}
    DatasetDict(splits).save_to_disk(str(tmp_path / "saved"))
    assert read_evaluation_texts([str(tmp_path / "lines.txt"), str(tmp_path / "saved")]) == [
        "Name a long river.", "Name a deep lake.", "What is train for?", "What is test for?",
    ]  # fmt: skip


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^--keep-clear-of .*rows.json: no text of 3 words or more is in it"):
        texts_of(tmp_path, {"label": 1})
    with pytest.raises(ConfigError, match=r"^--keep-clear-of: .*none.jsonl: there is no such file"):
        read_evaluation_texts([str(tmp_path / "none.jsonl")])
