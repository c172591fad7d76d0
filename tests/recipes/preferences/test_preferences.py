"""`pipelines/preferences.py`: responses, judgements and pairs, on the demo model and over HTTP."""

from __future__ import annotations

import json
import signal
from collections import Counter
from pathlib import Path

import pytest
from datasets import load_from_disk

from distilabel_selfinstruct.data.seeds import load_seed_tasks
from tests.conftest import Script, ScriptRun, run_apart
from tests.support.answers import prompt_of
from tests.support.commands import Command, hold_from, stored
from tests.support.openai_server import TRUNCATED, Body, Fault, OpenAIServer, html, status
from tests.support.recipes import bytes_of

pytestmark = pytest.mark.slow

SCORES = {"The Po": 5, "The Rhine": 4, "Any river.": 1}
QUESTIONS = {
    "Name a river.": ["The Po", "The Rhine", "Any river."],
    "Name a lake.": ["The Po", "The Po", "The Po"],
    "Name a sea.": ["The Rhine", "I'm sorry, but I can't help with that.", ""],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> ScriptRun:
    """Pairs for the project's seed tasks; the folder is for reading only."""
    return run_apart(tmp_path_factory.mktemp("preferences"), pipeline="preferences")


class TestDemoRun:
    def test_it_counts_the_pairs_and_says_that_nobody_knows_its_judge(self, made: ScriptRun) -> None:
        pairs, instances = len(made.rows("preferences")), len(made.rows("instances"))
        assert made.result.stdout.startswith(f"{pairs} preferences; {instances:,} instances; 303 instructions\n")
        judge = "The judge demo (3 judgements, chat, temperature 0.7, prompts version 1)"
        assert f"note: {judge} was never compared with people." in made.result.stdout

    def test_every_config_loads_with_its_columns(self, made: ScriptRun) -> None:
        loaded = {path.name: load_from_disk(str(path))["train"] for path in (made.folder / "dataset").iterdir()}
        assert sorted(loaded) == ["instances", "instructions", "preferences", "rejected", "sft"]
        types = {field.name: str(field.type) for field in loaded["preferences"].features.arrow_schema}
        chat = "list<item: struct<role: string, content: string>>"
        assert types == {
            "instruction_id": "string", "prompt": chat, "chosen": chat, "rejected": chat, "score_chosen": "double",
            "score_rejected": "double", "model_name": "string",
        }  # fmt: skip
        assert {"judge_score", "judgements", "is_chosen"} <= set(loaded["instances"].column_names)

    def test_the_counts_add_up(self, made: ScriptRun) -> None:
        rejected = Counter(row["stage"] for row in made.rows("rejected"))
        instructions, instances, pairs = (made.rows(each) for each in ("instructions", "instances", "preferences"))
        assert len(instances) + rejected["responses"] + rejected["judgement"] == 4 * len(instructions)
        assert len(pairs) + rejected["preferences"] == len(instructions) == 303
        assert len(pairs) == sum(row["is_chosen"] for row in instances) == len(made.rows("sft"))

    def test_the_better_response_has_the_higher_score(self, made: ScriptRun, seed_file: str) -> None:
        pairs = made.rows("preferences")
        assert all(row["score_chosen"] > row["score_rejected"] for row in pairs)
        right = {task.instruction: task.instances[0].output for task in load_seed_tasks(seed_file)}
        chosen = [(right[row["prompt"][0]["content"].split("\n\n")[0]], row["chosen"][0]["content"]) for row in pairs
                  if row["prompt"][0]["content"].split("\n\n")[0] in right]  # fmt: skip
        assert sum(answer in said for answer, said in chosen) > 0.9 * len(chosen) > 200


def answer(body: Body) -> str:
    """A model that knows three rivers, and a judge who does not always keep to the form."""
    asked = str(body["messages"][-1]["content"])
    if "<answer>" not in asked:
        return QUESTIONS[asked][body["choice"] % 3]
    given = asked.partition("<answer>\n")[2].partition("\n</answer>")[0]
    forms = ("It is to the point.\n\n**Score:** {}/5", "Score: {} out of 5", "I cannot put this into a number.")
    return forms[body["choice"] % 3].format(SCORES.get(given, 0))


def fault(body: Body) -> Fault | None:
    """One question is refused for good."""
    return status(400, "no weather") if "weather" in str(body["messages"]) else None


class TestOverHTTP:
    @pytest.fixture
    def questions(self, tmp_path: Path) -> Path:
        rows = [{"instruction": text} for text in (None, *QUESTIONS, "", "Tell me the weather.")]
        (tmp_path / "questions.json").write_text(json.dumps(rows))
        return tmp_path / "questions.json"

    def test_responses_judgements_and_pairs(self, questions: Path, script: Script, tmp_path: Path) -> None:
        faults = [status(429, retry_after=0.1), status(500), html(), TRUNCATED, None, status(503)]
        with OpenAIServer(answer=answer, faults=faults, fault_rule=fault) as server:
            result = script(
                "--llm", "openai", "--model", "stub-model", "--base-url", server.url, "--source", questions,
                "--num-responses", 3, "--judgements", 3, "--out", tmp_path / "run", pipeline="preferences",
            )  # fmt: skip
        assert result.returncode == 3, result.stderr
        run = ScriptRun(result, tmp_path, tmp_path, tmp_path / "run")
        assert [(row["prompt"][0]["content"], row["chosen"][0]["content"], row["rejected"][0]["content"],
                 row["score_chosen"], row["score_rejected"]) for row in run.rows("preferences")] == [
            ("Name a river.", "The Po", "Any river.", 5.0, 1.0),
        ]  # fmt: skip
        assert {row["judgements"] for row in run.rows("instances")} == {2}
        assert Counter((row["stage"], row["reason"]) for row in run.rows("rejected")) == {
            ("responses", "duplicate"): 2, ("responses", "empty_output"): 1, ("responses", "bad_request"): 3,
            ("responses", "refusal"): 1, ("responses", "empty_instruction"): 2,
            ("preferences", "too_few_responses"): 3,
        }  # fmt: skip
        assert {request.body["temperature"] for request in server.requests} == {0.7}

    def test_killed_and_started_again_it_makes_the_same_and_asks_for_the_rest(
        self, questions: Path, script: Script, tmp_path: Path
    ) -> None:
        options = ["--llm", "openai", "--model", "stub-model", "--source", questions, "--concurrency", 2]
        with OpenAIServer(answer=answer, fault_rule=fault) as server:
            whole = script(*options, "--base-url", server.url, "--out", tmp_path / "whole", pipeline="preferences")
            assert whole.returncode == 3, whole.stderr
        with OpenAIServer(answer=answer, fault_rule=fault) as server:
            with Command(server.url, tmp_path / "run", *map(str, options), pipeline="preferences") as killed:
                hold_from(server, 8)
                killed.send(signal.SIGKILL, to_group=True)
                assert killed.wait().status == -signal.SIGKILL
            assert not (tmp_path / "run" / "dataset").exists()
            kept, before = stored(tmp_path / "run"), len(server.requests)
            assert kept
            server.release()
            again = script(*options, "--base-url", server.url, "--out", tmp_path / "run", pipeline="preferences")
            assert again.returncode == 3, again.stderr
            assert kept.isdisjoint(prompt_of(request.body) for request in server.requests[before:])
        assert bytes_of(tmp_path / "run" / "dataset") == bytes_of(tmp_path / "whole" / "dataset")

    def test_a_threshold_would_take_the_worse_responses_away(self, script: Script, tmp_path: Path) -> None:
        result = script("--judge-threshold", 3, "--out", tmp_path / "run", pipeline="preferences")
        said = "Error: --judge-threshold: a pair needs its worse response; leave it out.\n"
        assert (result.returncode, result.stderr) == (1, said)
        assert not (tmp_path / "run").exists()
