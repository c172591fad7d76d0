"""A look at a run before it is made."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from distilabel_selfinstruct.cli import preview
from distilabel_selfinstruct.cli.preview import _request, _row
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.recipe import get_recipe, recipes
from distilabel_selfinstruct.runs.config import read_config
from tests.support.recipes import pipeline_of, status_of

STAGES = {
    "alpaca": ["bootstrap"],
    "domain": ["queries", "answers"],
    "evolve": ["evolution_1", "judgement_1", "evolution_2", "judgement_2", "answers"],
    "magpie": ["magpie", "answers"],
    "preferences": ["responses", "judgement"],
    "self-instruct": ["bootstrap", "classification", "output_first", "input_first"],
    "topics": ["topics", "instructions", "answers"],
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
@pytest.mark.parametrize("name", recipes())
def test_every_recipe_shows_its_prompts_and_rows_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "80")
    generations = ["--generations", 2] if name == "evolve" else []
    assert status_of(pipeline_of(get_recipe(name)), "--preview", 1, *generations) == 0
    shown = capsys.readouterr().out
    titles = [line.rstrip("-").strip("- ") for line in shown.splitlines() if line.startswith("---")]
    asked = [title.partition(":")[0].removeprefix("stage ") for title in titles if title.startswith("stage")]
    assert asked == STAGES[name]
    assert [title for title in titles if title.startswith("row")] == [f"row 1 of {get_recipe(name).main_config}"]
    assert "1 of 1 rows shown" in shown
    assert "Nothing was written." in shown
    assert max(map(len, shown.replace(", ", "\n").splitlines())) <= 80
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_nobody_who_looks_waits_for_an_endpoint_that_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(preview, "_OUTAGE", 0.5)
    asked = ["--llm", "openai", "--model", "m", "--base-url", "http://127.0.0.1:9/v1"]
    assert status_of(pipeline_of(get_recipe("self-instruct")), "--preview", 1, *asked) == 1
    said = capsys.readouterr().err
    assert "http://127.0.0.1:9/v1 cannot be reached" in said
    assert list(tmp_path.iterdir()) == []


def test_a_chat_with_a_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    prompt = '[[{"role": "user", "content": "Name a river that flows through at least four countries of Europe."}], {}]'
    assert _request("topics", prompt, '{"temperature": 0.7}').splitlines() == [
        "--- stage topics: the first prompt, messages ---------------",
        "decoding: temperature 0.7",
        "schema: {}",
        "user:",
        "    Name a river that flows through at least four countries",
        "    of Europe.",
    ]


@pytest.mark.parametrize("prompt", ["A list of tasks:\n1. Name a river.\n2.", "[1, 2]", '"a text"', "{"])
def test_a_raw_text_is_shown_as_it_is(prompt: str) -> None:
    title, _, _, *lines = _request("bootstrap", prompt, "{}").splitlines()
    assert "raw text" in title
    assert "\n".join(line[4:] for line in lines) == prompt


def test_a_row_by_its_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    row = {"instruction": "Name a river.", "input": "", "output": "The Danube.\nIt is long.", "round": 0, "score": None}
    assert _row("instances", 1, row).splitlines() == [
        "--- row 1 of instances -----------------",
        "instruction: Name a river.",
        "output:",
        "    The Danube.",
        "    It is long.",
        "round: 0",
    ]


def test_on_a_cluster_there_is_none() -> None:
    with pytest.raises(ConfigError, match="--preview is made on this machine: leave --ray out"):
        read_config({"preview": 2, "ray": "auto"}, {}, "", get_recipe("self-instruct").load_config())
