"""What the tests of all recipes ask of their scripts and of the folders that they leave."""

from __future__ import annotations

import hashlib
import runpy
import warnings
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from datasets import load_from_disk

from distilabel_selfinstruct.cli import main
from distilabel_selfinstruct.data.folder import RunFolder
from distilabel_selfinstruct.errors import MissingExtraError
from distilabel_selfinstruct.recipe import Recipe, get_recipe
from tests.conftest import ROOT, ScriptRun, first_line, no_check, without_progress

TEXT, NUMBER, SCORE, FLAG = "string", "int64", "double", "bool"
COLUMNS = {
    "instances": {
        "instance_id": TEXT, "instruction_id": TEXT, "instruction": TEXT, "input": TEXT, "output": TEXT,
        "is_classification": FLAG, "round": NUMBER, "max_similarity": SCORE, "finish_reason": TEXT,
        "input_tokens": NUMBER, "output_tokens": NUMBER, "model_name": TEXT,
    },
    "instructions": {
        "instruction_id": TEXT, "instruction": TEXT, "is_classification": FLAG, "round": NUMBER,
        "shot_ids": "list<item: string>", "most_similar": "list<item: struct<id: string, score: double>>",
        "max_similarity": SCORE, "mean_similarity": SCORE, "model_name": TEXT,
    },
    "rejected": {
        "stage": TEXT, "reason": TEXT, "detail": TEXT, "instruction_id": TEXT, "instance_id": TEXT,
        "instruction": TEXT, "input": TEXT, "output": TEXT, "is_classification": FLAG, "round": NUMBER,
        "neighbour_id": TEXT, "neighbour": TEXT, "score": SCORE, "finish_reason": TEXT, "input_tokens": NUMBER,
        "output_tokens": NUMBER, "model_name": TEXT,
    },
    "seeds": {
        "id": TEXT, "name": TEXT, "instruction": TEXT,
        "instances": "list<item: struct<input: string, output: string>>", "is_classification": FLAG,
    },
    "sft": {"messages": "list<item: struct<role: string, content: string>>"},
}  # fmt: skip
"""The columns of the main recipe, with their types; others add their own."""


def check_ended_well(made: ScriptRun, pipeline: str = "self_instruct") -> None:
    """It succeeded, said no more than its first line on stderr, and wrote into its folder only."""
    assert (made.result.returncode, made.result.stderr) == (0, first_line("made", pipeline))
    assert "\x1b" not in made.result.stdout
    assert [path.name for path in made.cwd.iterdir()] == ["made"]
    assert list(made.home.rglob("*")) == []
    assert (made.folder / "report" / "index.html").exists()


def bytes_of(folder: Path) -> dict[str, str]:
    """The content of each file, by its path in the folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    assert files
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def types_of(folder: Path) -> dict[str, dict[str, str]]:
    """The types of the columns of each config; each must load, and have the split `train` alone."""
    loaded = {path.name: load_from_disk(str(path)) for path in (folder / "dataset").iterdir()}
    assert all(list(dataset) == ["train"] for dataset in loaded.values())
    return {
        config: {field.name: str(field.type) for field in dataset["train"].features.arrow_schema}
        for config, dataset in loaded.items()
    }


def rows_of(folder: Path, config: str) -> list[dict[str, Any]]:
    """The rows of a config."""
    rows: list[dict[str, Any]] = load_from_disk(str(folder / "dataset" / config))["train"].to_list()
    return rows


def script_of(pipeline: str) -> dict[str, Any]:
    """The names in a script."""
    return runpy.run_path(str(ROOT / "pipelines" / f"{pipeline}.py"))


def recipe_of(pipeline: str) -> Any:
    """The recipe of a script."""
    return get_recipe(pipeline.replace("_", "-"))


def status_of(pipeline: str, *options: object) -> int:
    """The exit status of a script that runs in this process; its workers are processes of their own."""
    script = script_of(pipeline)
    given = [str(option) for option in options] + no_check(pipeline, options)
    return main(script["RECIPE"], script["build"], script.get("finish"), given)


def pipeline_of(recipe: Recipe) -> str:
    """The name of its script, as tests give it."""
    return recipe.script.removesuffix(".py")


@dataclass(frozen=True)
class Made:
    """A run that has ended: what it said, and its folder, which is for reading only."""

    recipe: Recipe
    path: Path
    status: int
    out: str
    err: str

    @property
    def folder(self) -> RunFolder:
        return RunFolder(self.path)

    def rows(self, config: str) -> list[dict[str, Any]]:
        return rows_of(self.path, config)

    @property
    def reasons(self) -> set[tuple[str, str]]:
        return {(row["stage"], row["reason"]) for row in self.rows("rejected")}


def run_here(recipe: Recipe, path: Path, *options: object) -> Made:
    """A run in this process, which has imported all that it needs; without a report, which would take longer."""

    def without_report(*_: object, **__: object) -> None:
        raise MissingExtraError.of("A report", "report")

    with (
        pytest.MonkeyPatch.context() as patched,
        warnings.catch_warnings(),
        redirect_stdout(StringIO()) as out,
        redirect_stderr(StringIO()) as err,
    ):
        # distilabel reads all attributes of its tasks, those that are deprecated too.
        warnings.filterwarnings("ignore", "deprecated", DeprecationWarning)
        patched.setattr("distilabel_selfinstruct.report.write_report", without_report)
        status = status_of(pipeline_of(recipe), "--out", path, *options)
    return Made(recipe, path, status, out.getvalue(), without_progress(err.getvalue()))


def check_reasons(made: Made) -> None:
    """Every row that was thrown away has a reason that its recipe declares."""
    declared = {
        (stage["name"], reason["code"])
        for stage in made.folder.description()["recipe"]["stages"]
        for reason in stage["reasons"]
    }
    assert made.reasons <= declared


def check_again(made: Made, *options: object) -> None:
    """The same command asks nothing and changes nothing."""
    before = bytes_of(made.path)
    again = run_here(made.recipe, made.path, *options)
    assert (again.status, again.out, again.err) == (made.status, made.out, made.err)
    assert bytes_of(made.path) == before
