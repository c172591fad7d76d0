"""Rows that a recipe starts from, wherever they lie."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from datasets import Dataset, DatasetDict

from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.sources import read_lines, read_source
from distilabel_selfinstruct.steps.loading import LoadInstructions, read_instructions
from tests.conftest import ScriptRun

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

    def test_a_run_gives_its_instances_or_another_config(self, demo_run: ScriptRun) -> None:
        folder = str(demo_run.folder)
        assert read_source(folder) == demo_run.rows("instances")
        assert read_source(folder, "instructions") == demo_run.rows("instructions")

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
                "a.odt: cannot be read; its name must end in .jsonl, .json, .csv, .txt, .md.",
            ),
            (
                "rows.jsonl",
                '{"a": 1}\n{"a"\n',
                "rows.jsonl, line 2: not JSON (Expecting ':' delimiter: line 1",
            ),
            ("rows.jsonl", "[1]\n", "rows.jsonl, line 1: expected a JSON object."),
            ("rows.json", '{"a": 1}', "rows.json: expected a JSON array of objects."),
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

    def test_a_folder_without_a_dataset(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="there is no dataset here; expected a finished run"):
            read_source(str(tmp_path))

    def test_a_split_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="there is no split 'test'; there are: train"):
            read_source(write(tmp_path / "saved"), split="test")


class TestInstructions:
    def test_an_input_stands_below_its_instruction_and_each_comes_once(self, tmp_path: Path) -> None:
        rows = [
            {"instruction": "Sort the numbers.", "input": "3, 1"},
            {"instruction": "Sort the numbers.", "input": "3, 1"},
            {"instruction": "Name a river.", "input": ""},
        ]
        (tmp_path / "rows.json").write_text(json.dumps(rows))
        assert read_instructions(str(tmp_path / "rows.json")) == ["Sort the numbers.\n\n3, 1", "Name a river."]

    def test_of_a_seed_task_the_first_instance_counts(self, tmp_path: Path) -> None:
        instances = [{"input": "3, 1", "output": "1, 3"}, {"input": "4, 2", "output": "2, 4"}]
        (tmp_path / "rows.json").write_text(json.dumps([{"instruction": "Sort them.", "instances": instances}]))
        assert read_instructions(str(tmp_path / "rows.json")) == ["Sort them.\n\n3, 1"]

    @pytest.mark.parametrize(
        "row", [{"prompt": "Name a river."}, {"messages": [{"role": "user", "content": "Name a river."}]}]
    )
    def test_other_columns(self, row: dict[str, object], tmp_path: Path) -> None:
        (tmp_path / "rows.json").write_text(json.dumps([row]))
        assert read_instructions(str(tmp_path / "rows.json")) == ["Name a river."]

    @pytest.mark.parametrize(
        ("rows", "said"),
        [
            ([], ": there are no instructions in it."),
            ([{"text": "a"}], ", row 1: there is no column 'instruction'; there are: text."),
            ([{"instruction": None}], ", row 1, column 'instruction': expected a text, found nothing."),
            ([{"instruction": 5}], ", row 1, column 'instruction': expected a text, found '5'."),
        ],
    )
    def test_what_is_no_instruction(self, rows: list[dict[str, object]], said: str, tmp_path: Path) -> None:
        path = tmp_path / "rows.json"
        path.write_text(json.dumps(rows))
        with pytest.raises(ConfigError) as caught:
            read_instructions(str(path))
        assert str(caught.value) == f"{path}{said}"

    def test_no_more_than_are_wanted(self, tmp_path: Path) -> None:
        assert read_instructions(write(tmp_path / "rows.jsonl"), max_instructions=1) == ["Name a river."]

    def test_the_step_yields_rows_with_every_column(self, tmp_path: Path) -> None:
        load = LoadInstructions(source=write(tmp_path / "rows.jsonl"), batch_size=1)
        load.load()
        batches = list(load.process())
        assert [is_last for _, is_last in batches] == [False, True]
        row = batches[1][0][0]
        assert (row["instruction_id"], row["instruction"]) == ("000001", "Name a lake.")
        assert list(row) == list(load.outputs)
