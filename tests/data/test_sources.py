"""Rows that a recipe starts from, wherever they lie."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset, DatasetDict

from distilabel_selfinstruct.data.instructions import read_instructions
from distilabel_selfinstruct.data.sources import read_lines, read_source
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.steps.load import LoadInstructions
from tests.support.recipes import Made

ROWS = [{"instruction": "Name a river.", "output": "The Po"}, {"instruction": "Name a lake.", "output": "Lake Como"}]


def write(path: Path) -> str:
    if path.suffix == ".json":
        path.write_text(json.dumps(ROWS), encoding="utf-8")
    elif path.suffix == ".csv":
        path.write_text("instruction,output\nName a river.,The Po\nName a lake.,Lake Como\n", encoding="utf-8")
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    else:
        DatasetDict({"train": Dataset.from_list(ROWS)}).save_to_disk(str(path))
    return str(path)


class TestWhereRowsLie:
    @pytest.mark.parametrize("name", ["rows.jsonl", "rows.json", "rows.csv", "saved"])
    def test_files_and_saved_datasets(self, name: str, tmp_path: Path) -> None:
        assert read_source(write(tmp_path / name)) == ROWS

    @pytest.mark.slow
    def test_a_run_gives_its_instances_or_another_config(self, small_run: Made) -> None:
        folder = str(small_run.path)
        assert read_source(folder) == small_run.rows("instances")
        assert read_source(folder, "instructions") == small_run.rows("instructions")

    @pytest.mark.parametrize("name", ["skin.txt", "skin.md"])
    def test_a_text_file_is_a_row(self, name: str, tmp_path: Path) -> None:
        (tmp_path / name).write_text("\ufeffThe skin is an organ.\nIt is large.\n", encoding="utf-8")
        assert read_source(str(tmp_path / name)) == [{"title": "skin", "text": "The skin is an organ.\nIt is large.\n"}]

    def test_a_folder_of_text_files_is_a_row_each_in_the_order_of_their_names(self, tmp_path: Path) -> None:
        (tmp_path / "organs").mkdir()
        for name in ("organs/skin.md", "heart.txt", "notes.pdf", ".hidden.txt"):
            (tmp_path / name).write_text(f"About {name}.")
        assert read_source(str(tmp_path)) == [
            {"title": "heart", "text": "About heart.txt."}, {"title": "skin", "text": "About organs/skin.md."},
        ]  # fmt: skip

    def test_a_folder_of_texts_is_no_run_because_of_its_config(self, tmp_path: Path) -> None:
        (tmp_path / "config.yaml").write_text("title: Handbook\n")
        (tmp_path / "heart.md").write_text("The heart beats.")
        assert read_source(str(tmp_path)) == [{"title": "heart", "text": "The heart beats."}]

    def test_lines(self, tmp_path: Path) -> None:
        (tmp_path / "principles").write_text("Ask as a patient.\n\n  Ask as a nurse.  \n")
        assert read_lines(tmp_path / "principles") == ["Ask as a patient.", "Ask as a nurse."]

    @pytest.mark.parametrize(("text", "said"), [("\n \n", "is empty."), (None, "there is no such file.")])
    def test_no_lines(self, text: str | None, said: str, tmp_path: Path) -> None:
        if text is not None:
            (tmp_path / "principles").write_text(text)
        with pytest.raises(ConfigError) as caught:
            read_lines(tmp_path / "principles")
        assert str(caught.value) == f"{tmp_path / 'principles'}: {said}"

    @pytest.mark.parametrize(
        ("name", "text", "said"),
        [
            ("no.jsonl", None, "no.jsonl: there is no such file."),
            (
                "a.odt",
                "A river.",
                "a.odt: cannot be read; its name must end in .jsonl, .ndjson, .json, .csv, .tsv, .parquet, .arrow,",
            ),
            (
                "rows.jsonl",
                '{"a": 1}\n{"a"\n',
                "rows.jsonl, line 2: not JSON (Expecting ':' delimiter: line 1",
            ),
            ("rows.jsonl", "[1]\n", "rows.jsonl, line 1: expected a JSON object."),
            ("rows.json", '[{"a": 1}, 2]', "rows.json, row 2: expected a JSON object."),
            ("rows.json", '[{"a": 1},\n {"a" 2}]', "rows.json, line 2: not JSON (Expecting ':' delimiter)."),
            ("rows.json", '[{"a": 1},\n {"a": 2}', "rows.json, line 2: not JSON ("),
            ("rows.json", '{"a": 1}\n{"a"\n', "rows.json, line 2: not JSON (Expecting ':' delimiter: line 1"),
            (
                "rows.csv",
                "instruction,output\nName a lake.,Como\nName a river, and a lake.,The Po\n",
                "rows.csv, line 3: number of fields 3, and 2 in the first line; a text with a comma stands in quotes.",
            ),
            (
                "rows.csv",
                'instruction,output\n"Name a\nlake.",Como\n\nName a river.\n',
                "rows.csv, line 5: number of fields 1, and 2 in the first line; a text with a comma stands in quotes.",
            ),
            (
                "rows.csv",
                'text,title\n"The heart.","Heart"\n"The skin.,Skin\nThe liver.,Liver\n',
                "rows.csv, line 3: is no CSV (unexpected end of data); a quote inside a text in quotes is",
            ),
            ("folder", None, "folder: there is no such file or folder, and it is no NAMESPACE/NAME of the Hub."),
        ],
    )
    def test_what_cannot_be_read(
        self, name: str, text: str | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        if text is not None:
            Path(name).write_text(text)
        with pytest.raises(ConfigError) as caught:
            read_source(name)
        assert str(caught.value).startswith(said)

    @pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl"])
    def test_the_line_that_is_not_utf_8(self, name: str, tmp_path: Path) -> None:
        line = "text\n" if name.endswith("csv") else '{"text": "a"}\n'
        (tmp_path / name).write_bytes(line.encode() * 5000 + "Café\n".encode("latin-1"))
        with pytest.raises(ConfigError) as caught:
            read_source(str(tmp_path / name))
        assert str(caught.value) == f"{tmp_path / name}, line 5001: is not UTF-8 text; save it as UTF-8."

    def test_a_cell_may_be_long_and_the_limit_of_others_stays(self, tmp_path: Path) -> None:
        limit, text = csv.field_size_limit(), "The heart pumps blood. " * 10_000
        (tmp_path / "rows.csv").write_text(f'title,text\nHeart,"{text}"\n')
        assert read_source(str(tmp_path / "rows.csv")) == [{"title": "Heart", "text": text}]
        (tmp_path / "rows.csv").write_text("title,text\nHeart\n")
        with pytest.raises(ConfigError):
            read_source(str(tmp_path / "rows.csv"))
        assert csv.field_size_limit() == limit

    def test_a_folder_of_data_files(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
        rows = [{"instruction": "Name a river."}, {"instruction": "Name a lake."}]
        Dataset.from_list(rows).to_parquet(tmp_path / "folder" / "train.parquet")
        assert read_source(str(tmp_path / "folder")) == rows
        assert read_source(str(tmp_path / "folder"), limit=1) == rows[:1]
        with pytest.raises(ConfigError, match=r"folder: cannot be read as a dataset \(.*test"):
            read_source(str(tmp_path / "folder"), split="test")

    def test_a_clone_of_a_dataset_is_its_data_and_not_its_readme(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
        Dataset.from_list([{"text": "Blood flows."}]).to_parquet(tmp_path / "clone" / "data" / "train.parquet")
        (tmp_path / "clone" / "README.md").write_text("# Hearts")
        assert read_source(str(tmp_path / "clone")) == [{"text": "Blood flows."}]
        (tmp_path / "clone" / "heart.md").write_text("It beats.")
        assert {"title": "heart", "text": "It beats."} in read_source(str(tmp_path / "clone"))

    def test_a_run_that_is_not_finished(self, tmp_path: Path) -> None:
        (tmp_path / "completions").mkdir()
        (tmp_path / "config.yaml").write_text("recipe: topics\n")
        (tmp_path / "pool.jsonl").write_text('{"id": "1", "instruction": "Name a river."}\n')
        with pytest.raises(ConfigError, match="dataset/instances: there is no dataset here; expected a finished run"):
            read_source(str(tmp_path))

    def test_a_damaged_dataset(self, tmp_path: Path) -> None:
        (tmp_path / "state.json").write_text("{")
        with pytest.raises(ConfigError, match=f"^{tmp_path}: is a damaged dataset"):
            read_source(str(tmp_path))

    def test_a_folder_without_a_dataset(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="there is no dataset here; expected a finished run"):
            read_source(str(tmp_path))

    def test_a_split_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="there is no split 'test'; there are: train"):
            read_source(write(tmp_path / "saved"), split="test")


class TestLimit:
    @pytest.mark.parametrize("name", ["rows.jsonl", "rows.json", "rows.csv", "saved"])
    def test_no_more_rows_than_are_wanted(self, name: str, tmp_path: Path) -> None:
        source = write(tmp_path / name)
        assert read_source(source, limit=1) == ROWS[:1]
        assert read_source(source, limit=5) == ROWS

    @pytest.mark.parametrize("name", ["rows.jsonl", "rows.csv"])
    def test_a_file_is_not_read_further(self, name: str, tmp_path: Path) -> None:
        path = Path(write(tmp_path / name))
        path.write_text(path.read_text() + '"broken\n')
        assert read_source(str(path), limit=2) == ROWS

    def test_no_more_files_of_a_folder_are_read(self, tmp_path: Path) -> None:
        (tmp_path / "heart.txt").write_text("The heart beats.")
        (tmp_path / "skin.txt").write_bytes(b"\xff")
        assert read_source(str(tmp_path), limit=1) == [{"title": "heart", "text": "The heart beats."}]

    def test_of_a_saved_dataset_no_more_rows_and_columns_are_loaded(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source, loaded = write(tmp_path / "saved"), []

        def to_list(dataset: Dataset) -> list[dict[str, Any]]:
            loaded.append(dataset)
            return list(dataset)

        monkeypatch.setattr(Dataset, "to_list", to_list)
        (row,) = read_source(source, limit=1, columns=["instruction", "title"])
        assert [(len(dataset), dataset.column_names) for dataset in loaded] == [(1, ["instruction"])]
        assert row == {"instruction": "Name a river.", "output": None}


SYSTEM = {"role": "system", "content": "Answer in French."}
ASKED = {"role": "user", "content": "Name a river."}
ANSWERED = {"role": "assistant", "content": "The Po."}


def instructions(tmp_path: Path, *rows: Any, **options: Any) -> list[str]:
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    return read_instructions(str(tmp_path / "rows.json"), **options).texts


class TestInstructions:
    def test_an_input_stands_below_its_instruction_and_each_comes_once(self, tmp_path: Path) -> None:
        rows = [
            {"instruction": "Sort the numbers.", "input": "3, 1"},
            {"instruction": "Sort the numbers.", "input": "3, 1"},
            {"instruction": "Name a river.", "input": ""},
        ]
        assert instructions(tmp_path, *rows) == ["Sort the numbers.\n\n3, 1", "Name a river."]

    @pytest.mark.parametrize(
        ("belonging", "text"),
        [
            ({"context": "The Po is long."}, "Name a river.\n\nThe Po is long."),
            ({"input": "In Italy.", "context": "The Po is long."}, "Name a river.\n\nIn Italy.\n\nThe Po is long."),
            ({"system": "Answer in French."}, "Answer in French.\n\nName a river."),
            ({"system_prompt": " ", "context": None}, "Name a river."),
        ],
    )
    def test_other_columns_that_belong_to_an_instruction(
        self, belonging: dict[str, Any], text: str, tmp_path: Path
    ) -> None:
        assert instructions(tmp_path, {"instruction": "Name a river.", **belonging}) == [text]

    def test_of_a_seed_task_the_first_instance_counts(self, tmp_path: Path) -> None:
        instances = [{"input": "3, 1", "output": "1, 3"}, {"input": "4, 2", "output": "2, 4"}]
        assert instructions(tmp_path, {"instruction": "Sort them.", "instances": instances}) == ["Sort them.\n\n3, 1"]

    @pytest.mark.parametrize(
        "row",
        [
            {"prompt": "Name a river."},
            {"prompt": [ASKED], "chosen": [ANSWERED], "rejected": [ANSWERED]},
            {"messages": [ASKED, ANSWERED, {"role": "user", "content": "And a lake?"}]},
            {"messages": None, "instruction": "Name a river."},
            {"conversations": [{"from": "human", "value": "Name a river."}, {"from": "gpt", "value": "The Po."}]},
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "Name a river.", "image": None}]}]},
        ],
    )
    def test_columns_that_are_looked_for(self, row: dict[str, Any], tmp_path: Path) -> None:
        assert instructions(tmp_path, row) == ["Name a river."]

    @pytest.mark.parametrize(
        "row",
        [
            {"messages": [SYSTEM, ASKED]},
            {"messages": [SYSTEM | {"role": "developer"}, ASKED]},
            {"conversations": [{"from": "system", "value": "Answer in French."},
                               {"from": "user", "value": "Name a river."}]},
            {"conversations": [{"from": "human", "value": "Name a river."}], "system": "Answer in French."},
        ],
    )  # fmt: skip
    def test_what_the_system_says_stands_above(self, row: dict[str, Any], tmp_path: Path) -> None:
        assert instructions(tmp_path, row) == ["Answer in French.\n\nName a river."]

    @pytest.mark.parametrize(
        "row",
        [
            {"question": "Name a river.", "instruction": "other"},
            {"question": [ASKED]},
            {"question": "Name a", "context": "river."},
        ],
    )
    def test_a_column_that_is_named(self, row: dict[str, Any], tmp_path: Path) -> None:
        (text,) = instructions(tmp_path, row, column="question")
        assert " ".join(text.split()) == "Name a river."

    def test_a_named_column_does_not_stand_below_itself(self, tmp_path: Path) -> None:
        assert instructions(tmp_path, {"input": "Name a river."}, column="input") == ["Name a river."]

    def test_a_text_column_may_be_called_messages_if_it_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "rows.csv").write_text("messages\nName a river.\n")
        assert read_instructions(str(tmp_path / "rows.csv"), column="messages").texts == ["Name a river."]

    def test_a_text_file_has_one_a_line(self, tmp_path: Path) -> None:
        (tmp_path / "rows.txt").write_text("Name a river.\n\n Name a lake. \nName a sea.\n")
        source = str(tmp_path / "rows.txt")
        assert read_instructions(source, max_instructions=2).texts == ["Name a river.", "Name a lake."]

    def test_a_folder_of_text_files_has_one_a_file_if_its_column_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "river.md").write_text("Name a river.\nAnd a lake.\n")
        assert read_instructions(str(tmp_path), column="text").texts == ["Name a river.\nAnd a lake."]

    def test_rows_without_an_instruction_are_counted(self, tmp_path: Path) -> None:
        rows = [
            {"instruction": " "}, {"instruction": "Name a river."}, {"instruction": None}, {"messages": []},
            {"messages": [SYSTEM, ANSWERED]}, {"messages": [SYSTEM, ASKED | {"content": None}]},
            {"instruction": None, "input": "3, 1", "system": "Answer in French."},
        ]  # fmt: skip
        (tmp_path / "rows.json").write_text(json.dumps(rows))
        assert read_instructions(str(tmp_path / "rows.json")) == (["Name a river."], [1, 3, 4, 5, 6, 7])

    @pytest.mark.parametrize(
        ("rows", "said"),
        [
            ([], ": there are no instructions in it."),
            ([{"instruction": ""}, {"instruction": None}], ": there are no instructions in it."),
            ([{"text": "a"}], ", row 1: which column has the instructions? Name it with --instruction-column; there"
             " are: text."),
            ([{"instruction": 5}], ", row 1, column 'instruction': expected a text, found '5'."),
            ([{"instruction": "a", "input": [3, 1]}], ", row 1, column 'input': expected a text that belongs to"
             " the instruction, found '[3, 1]'; write it as a text, or give the column another name."),
            ([{"instruction": "a", "instances": ["x"]}], ", row 1, column 'instances': expected objects with input and"
             " output, found 'x'."),
            ([{"messages": "hi"}], ", row 1, column 'messages': expected a list of messages, found 'hi'; a column of"
             " texts is named with --instruction-column."),
            ([{"messages": ["hi"]}], ", row 1, column 'messages': expected messages with role and content, or from and"
             " value, found 'hi'."),
            ([{"messages": [{"content": "hi"}]}], ", row 1, column 'messages': expected messages with role and content,"
             " or from and value, found \"{'content': 'hi'}\"."),
            ([{"messages": [ASKED | {"content": [{"type": "image", "text": None}]}]}], ": there are no instructions in"
             " it."),
        ],
    )  # fmt: skip
    def test_what_is_no_instruction(self, rows: list[dict[str, object]], said: str, tmp_path: Path) -> None:
        with pytest.raises(ConfigError) as caught:
            instructions(tmp_path, *rows)
        assert str(caught.value) == f"{tmp_path / 'rows.json'}{said}"

    def test_a_named_column_that_is_not_there(self, tmp_path: Path) -> None:
        source = write(tmp_path / "saved")
        with pytest.raises(ConfigError) as caught:
            read_instructions(source, column="question")
        said = "there is no column 'question'; there are: instruction, output."
        assert str(caught.value) == f"{source}, row 1: {said}"

    def test_no_more_than_are_wanted(self, tmp_path: Path) -> None:
        assert read_instructions(write(tmp_path / "rows.jsonl"), max_instructions=1).texts == ["Name a river."]

    def test_the_rejected_rows_of_a_run_are_a_source(self, small_run: Made) -> None:
        rejected = small_run.rows("rejected")
        assert rejected
        texts, empty = read_instructions(str(small_run.path), "rejected")
        assert len(empty) == sum(not row["instruction"] for row in rejected)
        assert all(any(text.startswith(row["instruction"]) for text in texts) for row in rejected if row["instruction"])

    def test_the_step_yields_rows_with_every_column(self, tmp_path: Path) -> None:
        load = LoadInstructions(source=write(tmp_path / "rows.jsonl"), batch_size=1)
        load.load()
        batches = list(load.process())
        assert [is_last for _, is_last in batches] == [False, True]
        row = batches[1][0][0]
        assert (row["instruction_id"], row["instruction"]) == ("000001", "Name a lake.")
        assert list(row) == list(load.outputs)

    def test_the_step_rejects_rows_without_an_instruction_at_the_end(self, tmp_path: Path) -> None:
        (tmp_path / "rows.csv").write_text('question\nName a river.\n""\nName a lake.\n')
        load = LoadInstructions(source=str(tmp_path / "rows.csv"), instruction_column="question", stage="responses")
        load.load()
        ((rows, _),) = list(load.process())
        columns = ("instruction_id", "instruction", "stage", "reject_reason", "detail")
        assert [tuple(row[column] for column in columns) for row in rows] == [
            ("000000", "Name a river.", None, None, None),
            ("000001", "Name a lake.", None, None, None),
            ("000002", None, "responses", "empty_instruction", "row 2 of the source"),
        ]
