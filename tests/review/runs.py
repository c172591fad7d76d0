"""Small finished runs to review, and annotators who fill in files."""

from __future__ import annotations

import csv
import io
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
from datasets import Dataset, DatasetDict
from distilabel.distiset import Distiset

from distilabel_selfinstruct.data.dataset import features_of, save_dataset
from distilabel_selfinstruct.review.records import record_of
from distilabel_selfinstruct.steps.select import INSTANCE_COLUMNS

SEED_COLUMNS = ["id", "name", "instruction", "instances", "is_classification"]
SEA = {
    "id": "seed_task_0", "name": "sea", "instruction": "Write a short poem about the sea.",
    "instances": [{"input": "", "output": "Blue."}], "is_classification": False,
}  # fmt: skip

Row = dict[str, Any]
Fill = Callable[[dict[str, str]], None]


def instance(number: int, instruction: str, input: str, output: str, **more: Any) -> Row:
    """A row of the config `instances`."""
    return {
        "instance_id": f"{number:06}-00-0", "instruction_id": f"{number:06}-00", "instruction": instruction,
        "input": input, "output": output, "is_classification": False, "round": number, "max_similarity": 0.25,
        "finish_reason": "stop", "input_tokens": 10, "output_tokens": 5, "model_name": "demo", **more,
    }  # fmt: skip


CAPITAL = instance(1, "Name the capital of the country.", "France", "Paris")
SIGN = instance(2, "Is the number positive or negative?", "-7", "negative", is_classification=True)
JOKE = instance(3, "Tell me a joke.", "", "No.")
DOSE = instance(
    4, "How often may it be taken?", "", "Every six hours.",
    document_id="000000", title="Paracetamol", document="Take one tablet every six hours, <b>not more</b>.",
)  # fmt: skip


def make_run(folder: Path, rows: Iterable[Row], seeds: Iterable[Row] = (SEA,), recipe: str = "self-instruct") -> Path:
    """A run folder with this dataset; what a review left there stays."""
    folder.mkdir(exist_ok=True)
    (folder / "config.yaml").write_text(f"recipe: {recipe}\npreset: default\nseeds: []\n")
    rows = list(rows)
    columns = list(rows[0]) if rows else list(INSTANCE_COLUMNS)
    configs = {"instances": (columns, rows), "seeds": (SEED_COLUMNS, seeds)}
    distiset = {
        name: DatasetDict(
            {"train": Dataset(pa.Table.from_pylist(list(each), schema=features_of(columns).arrow_schema))}
        )
        for name, (columns, each) in configs.items()
    }
    save_dataset(Distiset(distiset), {name: columns for name, (columns, _) in configs.items()}, folder / "dataset")
    return folder


def dataset_of(rows: Iterable[Row], columns: list[str]) -> Dataset:
    return Dataset(pa.Table.from_pylist(list(rows), schema=features_of(columns).arrow_schema))


def record_id(row: Row) -> str:
    return record_of(row).id


def fill_in(file: Path, answers: Mapping[str, Mapping[str, str]], annotator: str | None = None) -> None:
    """An annotator opens a file in a spreadsheet, writes into cells of the rows of these records, and saves it."""
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig"), newline="")))
    for row in rows:
        row.update(answers.get(row["record_id"], {}))
        if annotator is not None:
            row["annotator"] = annotator
    with file.open("w", encoding="utf-8-sig", newline="") as out:
        writer = csv.DictWriter(out, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def verdicts(letters: str, **corrections: str) -> dict[str, str]:
    """Answers to the three questions as letters, such as "yyn"."""
    names = ("valid_task", "appropriate_input", "correct_output")
    return {**{name: {"y": "yes", "n": "no"}[letter] for name, letter in zip(names, letters)}, **corrections}


def bootstrap_prompts(run: Path) -> list[str]:
    """The prompts that a run has put to the model for new instructions."""
    [database] = (run / "completions").glob("bootstrap-*.sqlite")
    with closing(sqlite3.connect(database)) as connection:
        return [prompt for (prompt,) in connection.execute("SELECT prompt FROM requests")]
