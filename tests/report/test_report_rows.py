"""Where a report gets its rows from."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from datasets import Dataset, DatasetDict

from distilabel_selfinstruct.errors import ConfigError, RunFolderError
from distilabel_selfinstruct.recipe import get_recipe
from distilabel_selfinstruct.report.rows import read_rows, read_run
from tests.report.run_rows import INSTANCES, INSTRUCTIONS, write_run

ROWS = [
    {"instruction": "Name a sea.", "input": "", "output": "The Baltic."},
    {"instruction": "Name a sea.", "input": "In Asia.", "output": "The Aral Sea."},
]


def test_a_run_folder(run_folder: Path) -> None:
    rows = read_run(run_folder)
    assert rows.name == "run"
    assert [row["instruction"] for row in rows.instructions] == [row["instruction"] for row in INSTRUCTIONS]
    assert len(rows.instances) == 5
    assert len(rows.rejected) == 6
    assert rows.seeds == ["Write a song about the sea."]
    assert rows.recipe == get_recipe("self-instruct")


def test_a_run_with_nothing_rejected(tmp_path: Path) -> None:
    run_folder = write_run(tmp_path / "run", instructions=INSTRUCTIONS, instances=INSTANCES)
    assert read_run(run_folder).rejected == []


def test_a_folder_that_is_no_finished_run(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="there is no dataset in this folder; finish the run first"):
        read_run(tmp_path)


def test_json_lines_a_json_array_and_datasets_give_the_same_rows(tmp_path: Path) -> None:
    lines, array, saved = tmp_path / "lines.jsonl", tmp_path / "array.json", tmp_path / "saved"
    lines.write_text("\n".join(map(json.dumps, ROWS)) + "\n", encoding="utf-8")
    array.write_text(json.dumps(ROWS), encoding="utf-8")
    dataset = Dataset.from_list(ROWS)
    dataset.save_to_disk(str(saved))
    for source in (ROWS, lines, str(array), saved, dataset, DatasetDict({"train": dataset})):
        rows = read_rows(source)
        assert list(rows.instances) == ROWS
        assert [row["instruction"] for row in rows.instructions] == ["Name a sea."]
        assert (rows.recipe, list(rows.rejected)) == (None, [])


def test_the_name_is_that_of_the_file_unless_one_is_given(tmp_path: Path) -> None:
    path = tmp_path / "alpaca_data.json"
    path.write_text(json.dumps(ROWS), encoding="utf-8")
    assert (read_rows(path).name, read_rows(path, name="Alpaca").name) == ("alpaca_data", "Alpaca")


def test_a_missing_input_is_an_empty_one() -> None:
    assert read_rows([{"instruction": "Sing.", "output": "La.", "input": None}]).instances[0]["input"] == ""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"instruction": "Sing.", "input": ""}', "rows.jsonl: no row has a text for the output; expected columns"),
        ('{"instruction": "", "output": "La."}', "rows.jsonl: no row has a text for the instruction; expected columns"),
        ('{"instruction": "Sing.", "output": "La."}\n{"output": "La."}', "row 2: which column has the instructions?"),
        ('["Sing."]', "line 1: expected a JSON object"),
        ('{"instruction": "Sing."\n', "line 1: not JSON"),
    ],
)
def test_rows_that_cannot_be_used_are_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=re.escape(message)):
        read_rows(path)


def test_a_path_that_leads_nowhere(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        read_rows(tmp_path / "none.jsonl")
    with pytest.raises(ConfigError, match="there is no dataset here"):
        read_rows(tmp_path)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"instruction": "Name a river.", "context": "France", "response": "Loire"},
         ("Name a river.", "France", "Loire")),
        ({"question": "2 + 2?", "answer": 4}, ("2 + 2?", "", "4")),
        ({"question": "Who?", "context": "Ada.", "answers": {"text": ["Ada"], "answer_start": [0]}},
         ("Who?", "Ada.", "Ada")),
        ({"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Yo"}]}, ("Hi", "", "Yo")),
        ({"prompt": "Hi", "chosen": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yo"}]},
         ("Hi", "", "Yo")),
        ({"system": "Be brief.", "question": "Why?", "response": "So."}, ("Be brief.\n\nWhy?", "", "So.")),
    ],
)  # fmt: skip
def test_the_columns_of_well_known_datasets(row: dict[str, object], expected: tuple[str, str, str]) -> None:
    (instance,) = read_rows([row]).instances
    assert (instance["instruction"], instance["input"], instance["output"]) == expected


def test_a_seed_task_is_an_instance_for_each_of_its_own() -> None:
    instances = [{"input": "3, 1", "output": "1, 3"}, {"input": "4, 2", "output": "2, 4"}]
    rows = read_rows([{"instruction": "Sort them.", "instances": instances}])
    assert [(row["input"], row["output"]) for row in rows.instances] == [("3, 1", "1, 3"), ("4, 2", "2, 4")]


def test_rows_without_an_output_are_left_out_and_counted() -> None:
    rows = read_rows([*ROWS, {"instruction": "Sing.", "output": None}, {"instruction": "", "output": "La."}])
    assert list(rows.instances) == ROWS
    assert rows.notes == ["2 rows without an instruction or an output were left out."]
