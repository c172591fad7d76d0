"""Evol-Instruct, as a user runs it: on the demo model, against an endpoint that goes wrong, and killed."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from datasets import load_from_disk

from distilabel_selfinstruct.data.instructions import read_instructions
from distilabel_selfinstruct.text.rouge import RougeLIndex
from tests.conftest import Script, ScriptRun, first_line, run_apart
from tests.support.answers import prompt_of
from tests.support.openai_server import Answer, Body, Fault, OpenAIServer, html, status
from tests.support.recipes import status_of

EVOLUTIONS = {"CONSTRAINTS", "DEEPENING", "CONCRETIZING", "INCREASED_REASONING_STEPS", "BREADTH"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> ScriptRun:
    return run_apart(tmp_path_factory.mktemp("evolve"), "--generations", 3, pipeline="evolve")


@pytest.fixture(scope="module")
def originals(seed_file: str) -> list[str]:
    return read_instructions(seed_file).texts


@pytest.mark.slow
class TestDemo:
    def test_each_original_is_evolved_in_each_generation(self, made: ScriptRun, originals: list[str]) -> None:
        stages = Counter(row["stage"] for row in made.rows("rejected"))
        tried = len(made.rows("instructions")) + stages["evolution"] + stages["dedup"]
        assert tried == 3 * len(originals)  # no lineage has ended, as no request has failed

    def test_each_generation_evolves_the_last_survivor_of_its_lineage(
        self, made: ScriptRun, originals: list[str]
    ) -> None:
        assert {row["generation"] for row in made.rows("instances")} == {1, 2, 3}
        rows = [row for config in ("instances", "rejected") for row in made.rows(config)]
        failed = {row["instruction_id"] for row in rows if row.get("stage") == "evolution"}
        pool = {f"{number:06d}": (f"{number:06d}", text) for number, text in enumerate(originals)}
        for row in sorted(rows, key=lambda row: row["generation"]):
            lineage = row["instruction_id"].partition("-")[0]
            assert (row["parent_id"], row["parent"]) == pool[lineage]
            if row["instruction_id"] not in failed:
                pool[lineage] = (row["instruction_id"], row["instruction"])
        assert {row["evolution"] for row in rows} == EVOLUTIONS

    def test_no_instruction_is_too_similar_to_an_original_or_another(
        self, made: ScriptRun, originals: list[str]
    ) -> None:
        index = RougeLIndex(0.9, "unicode")
        index.load(originals)
        evolved = [row["instruction"] for row in made.rows("instructions")]
        assert index.admit_batch(evolved) == [None] * len(evolved)
        assert not set(evolved) & set(originals)


# --- against an endpoint ---------------------------------------------------------------------------------------------

TASKS = (
    "Name the largest ocean.", "Sort the words by length.", "Explain why leaves turn red.", "Translate the greeting.",
    "Invent a riddle about a candle.", "Convert twelve miles to kilometres.",
)  # fmt: skip
EVOLVED = {
    "Name the largest ocean.": "#Rewritten Prompt#:\nName the largest ocean, and say how deep it is and who measured"
    " that.",
    "Sort the words by length.": "Sure! Here is the rewritten prompt:\n\nSort the words by length, longest first, and"
    " leave out those that rhyme.\n\nLet me know if you would like another version!",
    "Explain why leaves turn red.": "Explain the given prompt, and why leaves turn red.",
    "Translate the greeting.": "Kindly translate the greeting.",
    "Invent a riddle about a candle.": "I'm sorry, but I can't rewrite this prompt.",
}
ANSWERS = {
    "Name the largest ocean, and say how deep it is and who measured that.": "The Pacific; 11 km; HMS Challenger.",
    "Sort the words by length, longest first, and leave out those that rhyme.": "Sorry, there are no words here.",
}


def given_of(prompt: str) -> str | None:
    """The instruction that a prompt of distilabel's EvolInstruct shows."""
    found = re.search(r"Given Prompt#:\n(.+)\n#(?:Rewritten|Created) Prompt#:", prompt, re.DOTALL)
    return found[1] if found else None


def answer(body: Body) -> Answer:
    prompt = prompt_of(body)
    if (given := given_of(prompt)) is not None:
        return Answer(EVOLVED[given])
    if "First instruction:" in prompt:
        return Answer("**No.** Both ask for a translation." if "Kindly" in prompt else "Yes")
    return Answer(ANSWERS[prompt])


class Faults:
    """Some requests fail once in passing; those about miles always."""

    def __init__(self) -> None:
        self.passing = [status(429, retry_after=0.1), status(500), html(), None]

    def __call__(self, body: Body) -> Fault | None:
        if "twelve miles" in prompt_of(body):
            return status(400, "no such thing")
        return self.passing.pop(0) if self.passing else None


def write_tasks(path: Path, *tasks: str) -> Path:
    path.write_text("".join(json.dumps({"task": task}) + "\n" for task in tasks))
    return path


@pytest.mark.slow
def test_faults_of_an_endpoint_and_formats_of_chat_models(script: Script, tmp_path: Path) -> None:
    source = write_tasks(tmp_path / "tasks.jsonl", TASKS[0], "", *TASKS[1:])
    options = (
        "--source", source, "--instruction-column", "task", "--generations", 1, "--out", tmp_path / "run",
    )  # fmt: skip
    with OpenAIServer(answer=answer, fault_rule=Faults()) as server:
        endpoint = ("--llm", "openai", "--model", "stub-model", "--base-url", server.url)
        result = script(*endpoint, *options, pipeline="evolve")
    assert (result.returncode, result.stderr) == (3, first_line(tmp_path / "run", "evolve", "stub-model"))
    assert "1 requests failed. Run the same command: it asks for those, and nothing else." in result.stdout

    folder = tmp_path / "run" / "dataset"
    instances = load_from_disk(str(folder / "instances"))["train"].to_list()
    assert [(row["instance_id"], row["instruction"], row["output"], row["parent"]) for row in instances] == [
        ("000000-1-0", "Name the largest ocean, and say how deep it is and who measured that.",
         "The Pacific; 11 km; HMS Challenger.", "Name the largest ocean."),
    ]  # fmt: skip
    rejected = load_from_disk(str(folder / "rejected"))["train"].to_list()
    assert [(row["instruction_id"], row["stage"], row["reason"], row["instruction"]) for row in rejected] == [
        ("000001-1", "answers", "refusal", "Sort the words by length, longest first, and leave out those that rhyme."),
        ("000002-1", "evolution", "copied_prompt", "Explain the given prompt, and why leaves turn red."),
        ("000003-1", "evolution", "no_gain", "Kindly translate the greeting."),
        ("000004-1", "evolution", "refusal", "I'm sorry, but I can't rewrite this prompt."),
        ("000005-1", "evolution", "bad_request", None),
        ("000006", "evolution", "empty_instruction", None),
    ]
    assert rejected[-1]["detail"] == "row 2 of the source"


# --- killed ----------------------------------------------------------------------------------------------------------

GENERATIONS = 2
THINGS = ("kettle", "bicycle", "lighthouse", "umbrella", "violin", "garden", "compass", "lantern")


def evolving_answer(body: Body) -> str:
    """A model whose evolutions fail now and then, a function of the prompt."""
    prompt = prompt_of(body)
    draw = Random(prompt)
    if (given := given_of(prompt)) is not None:
        if draw.random() < 0.2:
            return draw.choice((given, "I'm sorry, but I can't rewrite this.", f"Like the given prompt: {given}"))
        words = " ".join("".join(draw.sample("aeiourstnlmd", 6)) for _ in range(8))
        return f"#Rewritten Prompt#:\n{given} Mention {words}."
    if "First instruction:" in prompt:
        return "No" if draw.random() < 0.15 else "Yes"
    return f"A thing of {draw.randrange(1000)} kinds."


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer(answer=evolving_answer, latency=0.02) as server:
        yield server


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--source", "no.jsonl"], "Error: no.jsonl: there is no such file."),
        (["--source", "texts.csv"], "Error: texts.csv, row 1: which column has the instructions? Name it with"),
        (["--source", "texts.csv", "--instruction-column", "task"], "Error: texts.csv, row 1: there is no column"),
        (["--generations", "0"], "Error: --generations: Input should be greater than 0, got 0."),
        (["--similarity-threshold", "2"], "Error: --similarity-threshold: Input should be less than or equal to 1,"),
    ],
)
def test_mistakes_are_said_before_anything_is_written(
    options: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("texts.csv").write_text("words\nThe heart pumps blood.\n")
    assert status_of("evolve", *options) == 1
    *first, line = capsys.readouterr().err.splitlines(keepends=True)
    assert line.startswith(said)
    assert first == ([] if said.startswith("Error: --") else [first_line("runs/evolve", "evolve")])
    assert [path.name for path in tmp_path.iterdir()] == ["texts.csv"]
