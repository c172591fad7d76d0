"""The recipe alpaca as a user starts it: on the demo model, and against an endpoint that goes wrong."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from datasets import load_dataset, load_from_disk

from tests.conftest import Script, ScriptRun, first_line, run_apart
from tests.support.answers import an_instruction, prompt_of
from tests.support.openai_server import CUT, EMPTY, TRUNCATED, Answer, Body, Fault, OpenAIServer, html, status
from tests.support.recipes import COLUMNS, types_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> ScriptRun:
    """`python pipelines/alpaca.py`; its folder is for reading only."""
    return run_apart(tmp_path_factory.mktemp("alpaca"), pipeline="alpaca")


class TestDemo:
    def test_every_config_loads_with_the_columns_of_the_main_recipe(self, made: ScriptRun) -> None:
        assert types_of(made.folder) == COLUMNS

    def test_a_rejected_task_keeps_its_instance(self, made: ScriptRun) -> None:
        similar = [row for row in made.rows("rejected") if row["reason"] in ("similar", "surplus")]
        assert similar
        assert all(row["output"] for row in similar)

    def test_similarities_are_kept_as_alpaca_keeps_them(self, made: ScriptRun) -> None:
        for row in made.rows("instructions"):
            assert len(row["most_similar"]) == 10
            assert row["mean_similarity"] < row["max_similarity"] <= 0.7

    def test_alpaca_data_is_the_dataset_in_three_fields(self, made: ScriptRun) -> None:
        path = made.folder / "alpaca_data.json"
        fields = [
            {name: row[name] for name in ("instruction", "input", "output")} for row in made.rows("instances")
        ]  # fmt: skip
        assert json.loads(path.read_text(encoding="utf-8")) == fields
        assert path.read_text(encoding="utf-8").startswith('[\n    {\n        "instruction": ')
        assert f"note: {len(fields)} tasks in Alpaca's own format: {path}" in made.result.stdout

    def test_alpaca_data_loads_as_a_dataset(self, made: ScriptRun, tmp_path: Path) -> None:
        files = str(made.folder / "alpaca_data.json")
        loaded = load_dataset("json", data_files=files, split="train", cache_dir=str(tmp_path))
        assert loaded.column_names == ["instruction", "input", "output"]
        assert len(loaded) == len(made.rows("instances"))


def reasons(folder: Path) -> Counter[str]:
    return Counter(load_from_disk(str(folder / "dataset" / "rejected"))["train"]["reason"])


def answer(body: Body) -> Answer:
    """17 tasks in the forms that chat models give them, with their faults."""
    draw = Random(f"{body['choice']} {prompt_of(body)}")
    tasks = [_task(number, draw) for number in range(4, 21)]
    form = draw.randrange(5)
    if form == 0:
        return Answer("I'm sorry, but I can't continue this list.")
    if form == 1:
        text = "\n\n".join(tasks).replace("\n4. I", "\nI")
        return Answer(f"Sure! Here are 17 more tasks:\n\n{text}\n\nLet me know if you would like more tasks!")
    if form == 2:
        return Answer("```\n" + "\n###\n".join(tasks) + "\n```")
    if form == 3:
        whole = "\n###\n".join(tasks)
        return Answer(whole[: whole.rindex("Output")], finish_reason="length")
    return Answer("\n###\n".join(tasks))


def _task(number: int, draw: Random) -> str:
    fields = [("Instruction", an_instruction(draw)), ("Input", draw.choice(("<noinput>", "None", "a letter"))),
              ("Output", "An answer.")]  # fmt: skip
    if draw.random() < 0.08:
        del fields[draw.randrange(3)]
    return "\n".join(f"{number}. {name}: {text}" for name, text in fields)


def refused_request(body: Body) -> Fault | None:
    """A prompt in five is never answered."""
    return status(400, "no") if Random(prompt_of(body)).random() < 0.2 else None


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    faults = [status(429, retry_after=0.1), status(500), html(), None, EMPTY, TRUNCATED, CUT, None, html(503)]
    with OpenAIServer(answer=answer, faults=faults, fault_rule=refused_request) as server:
        yield server


def test_an_endpoint_that_goes_wrong(server: OpenAIServer, script: Script, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    command = ("--llm", "openai", "--model", "stub-model", "--base-url", server.url, "--num-instructions", 60,
               "--lag", 6, "--seed", 3, "--out", folder)  # fmt: skip
    result = script(*command, pipeline="alpaca")
    assert (result.returncode, result.stderr) == (0, first_line(folder, "alpaca", "stub-model")), result.stdout
    assert result.stdout.startswith("60 of 60 instructions admitted")
    found = reasons(folder)
    # A prompt that was given up is so for good: asking it again would change all that follows.
    assert set(found) == {"missing_field", "truncated", "similar", "surplus", "refusal", "bad_request"}
    data = json.loads((folder / "alpaca_data.json").read_text(encoding="utf-8"))
    assert len(data) == 60
    assert {task["input"] for task in data} == {"", "a letter"}
    assert {task["output"] for task in data} == {"An answer."}
    asked = len(server.requests)
    assert script(*command, pipeline="alpaca").stdout == result.stdout
    assert len(server.requests) == asked


def test_a_pilot_of_raw_completions(script: Script, tmp_path: Path) -> None:
    command = ("--base", "--num-instructions", 400, "--lag", 4, "--pilot-rounds", 2, "--out", tmp_path / "run")
    pilot = script(*command, pipeline="alpaca")
    assert pilot.returncode == 3, pilot.stderr
    assert "400 instructions will take, judged by 2 rounds:" in pilot.stdout
    assert reasons(tmp_path / "run")["truncated"] > 0  # also those that a stop sequence has cut within a number
