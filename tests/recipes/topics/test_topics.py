"""The recipe topics as a user starts it: on the demo model, against an endpoint that goes wrong, stopped, killed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.recipes.topics.kinds import DEFAULT_QUOTAS
from distilabel_selfinstruct.runs.config import read_config
from tests.conftest import Script, ScriptRun, run_apart
from tests.support.answers import an_instruction, prompt_of
from tests.support.commands import Command, Ended
from tests.support.openai_server import CUT, EMPTY, TRUNCATED, Answer, Body, OpenAIServer, html, status
from tests.support.recipes import COLUMNS, bytes_of, recipe_of, rows_of, status_of, types_of

TOPIC = {"topic": "string", "kind": "string"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> ScriptRun:
    """`python pipelines/topics.py`; its folder is for reading only."""
    return run_apart(tmp_path_factory.mktemp("topics"), pipeline="topics")


@pytest.mark.slow
class TestDemo:
    def test_every_config_loads_with_its_columns_and_types(self, made: ScriptRun) -> None:
        assert types_of(made.folder) == {
            "instances": COLUMNS["instances"] | TOPIC,
            "instructions": COLUMNS["instructions"] | TOPIC,
            "rejected": COLUMNS["rejected"] | TOPIC,
            "sft": COLUMNS["sft"],
            "topics": {"topic_id": "string", "topic": "string", "round": "int64", "model_name": "string"},
        }

    def test_each_kind_has_exactly_its_quota(self, made: ScriptRun) -> None:
        assert Counter(row["kind"] for row in made.rows("instructions")) == DEFAULT_QUOTAS

    def test_every_instruction_is_about_one_of_the_topics(self, made: ScriptRun) -> None:
        topics = {row["topic"] for row in made.rows("topics")}
        assert len(topics) == 30
        for config in ("instances", "instructions"):
            assert {row["topic"] for row in made.rows(config)} <= topics

    def test_multiple_choice_questions_hold_their_options_and_the_answer_is_one_of_them(self, made: ScriptRun) -> None:
        questions = [row for row in made.rows("instances") if row["kind"] == "multiple_choice"]
        assert questions
        for row in questions:
            options = row["instruction"].split("\n")[-4:]
            assert [option[:3] for option in options] == ["A) ", "B) ", "C) ", "D) "]
            assert row["output"] in options


def answer(body: Body) -> Answer:
    """What a chat model says to each of the questions, with its habits and its faults."""
    prompt = prompt_of(body)
    draw = Random(f"{body['choice']} {prompt}")
    if "marked A) to D)" in prompt or "have to do with this topic" in prompt:
        return _instructions(draw, with_options="marked A) to D)" in prompt)
    if " topics from " in prompt:
        if draw.random() < 0.2:
            return Answer("I'm sorry, but I can't help with that.")
        names = [an_instruction(draw).split(" ", 1)[1].rstrip(".?:") for _ in range(20)]
        return Answer("Here are 20 topics:\n\n" + "\n".join(f"{at}. **{name}**" for at, name in enumerate(names, 1)))
    return Answer("As an AI language model, I can't do that." if draw.random() < 0.2 else "An answer.")


def _instructions(draw: Random, with_options: bool) -> Answer:
    if draw.random() < 0.1:
        return Answer("I cannot assist with that.")
    texts = [an_instruction(draw) for _ in range(5)]
    if with_options:
        texts = [f"{text}\nA) yes\nB) no\nC) both\nD) neither\n\n**Answer: B**" for text in texts[:4]] + texts[4:]
    text = "\n\n".join(f"{at}. {text}" for at, text in enumerate(texts, 1))
    if draw.random() < 0.35:
        return Answer(text[: len(text) - 9], finish_reason="length")
    return Answer(f"Sure! Here are 5 instructions:\n\n{text}\n\nLet me know if you need more instructions!")


FAULTS = [
    status(429, retry_after=0.1), status(500), None, html(), *[None] * 5, EMPTY, *[None] * 5, TRUNCATED, *[None] * 5,
    CUT, html(503),
]  # fmt: skip


@pytest.mark.slow
def test_a_budget_is_not_spent_on_instructions_alone(script: Script, tmp_path: Path) -> None:
    budget = 30_000
    result = script(
        "--quotas", "general=400,coding=200", "--max-tokens-total", budget, "--out", tmp_path / "run", pipeline="topics"
    )
    assert result.returncode == 3, result.stderr
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["ended"] == "budget"
    assert 0.3 * budget < spent(tmp_path / "run") < 1.3 * budget
    assert summary["rejected"]["answers"].get("budget", 0) < 0.2 * summary["admitted"]
    assert summary["instances"] > 0.5 * summary["admitted"] > 0


OPTIONS = ("--num-topics", "25", "--quotas", "general=12", "trivia=6", "multiple_choice=6", "--lag", "4")


def spent(folder: Path) -> int:
    """Tokens, in and out."""
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    return sum(usage["input_tokens"] + usage["output_tokens"] for usage in summary["usage"].values())


def answered(server: OpenAIServer) -> Counter[str]:
    """How often each prompt was answered."""
    return Counter(prompt_of(request.body) for request in server.requests if request.completed)


@dataclass
class Whole:
    folder: Path

    def rows(self, config: str) -> list[dict[str, Any]]:
        return rows_of(self.folder, config)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """A run against an endpoint that goes wrong now and then."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    with OpenAIServer(answer=answer, faults=FAULTS) as server:
        ended = Command(server.url, folder, *OPTIONS, pipeline="topics").wait()
        assert (ended.status, ended.err) == (0, ended.first_line)
    return Whole(folder)


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer(answer=answer, latency=0.05) as server:
        yield server


@pytest.mark.slow
class TestEndpoint:
    def test_faults_that_pass_cost_nothing(self, whole: Whole) -> None:
        assert Counter(row["kind"] for row in whole.rows("instructions")) == {
            "general": 12, "trivia": 6, "multiple_choice": 6,
        }  # fmt: skip
        assert len(whole.rows("topics")) == 25
        assert {row["output"] for row in whole.rows("instances")} == {"An answer."}

    def test_what_the_model_gets_wrong_is_told(self, whole: Whole) -> None:
        reasons = {(row["stage"], row["reason"]) for row in whole.rows("rejected")}
        assert {("topics", "similar"), ("instructions", "similar"), ("instructions", "no_options"),
                ("instructions", "truncated"), ("answers", "refusal")} <= reasons  # fmt: skip

    def test_answers_below_questions_are_left_out(self, whole: Whole) -> None:
        questions = [row["instruction"] for row in whole.rows("instructions") if row["kind"] == "multiple_choice"]
        assert len(questions) == 6
        assert all(text.endswith("\nA) yes\nB) no\nC) both\nD) neither") for text in questions)

    def test_a_budget_stops_it_and_a_larger_one_goes_on(
        self, whole: Whole, server: OpenAIServer, tmp_path: Path
    ) -> None:
        def run(budget: int) -> Ended:
            options = (*OPTIONS, "--max-tokens-total", str(budget))
            return Command(server.url, tmp_path / "run", *options, pipeline="topics").wait()

        budget = spent(whole.folder) // 2
        stopped = run(budget)
        assert (stopped.status, stopped.err) == (3, stopped.first_line)
        while "It stopped because it kept of the budget what answers were likely to take" in stopped.out:
            before = spent(tmp_path / "run")
            stopped = run(budget)  # as that line says
            assert stopped.status == 3
            assert spent(tmp_path / "run") > before or "the budget is used up" in stopped.out
        assert "It stopped because the budget is used up. Run the same command with a larger one" in stopped.out
        assert 0.5 * budget < spent(tmp_path / "run") < 2 * budget
        resumed = run(100 * budget)
        assert resumed.status == 0, resumed.out
        assert bytes_of(tmp_path / "run" / "dataset") == bytes_of(whole.folder / "dataset")
        assert max(answered(server).values()) == 1  # over both sessions no prompt is paid for twice

    def test_a_model_that_only_refuses_ends_with_status_3(self, tmp_path: Path) -> None:
        with OpenAIServer(answer=lambda body: "I'm sorry, but I can't help with that.") as server:
            ended = Command(server.url, tmp_path / "run", *OPTIONS, "--patience", "2", pipeline="topics").wait()
        assert (ended.status, ended.err) == (3, ended.first_line)
        assert ended.out.splitlines()[:2] == [
            "0 of 24 instructions admitted from 0 candidates in 0 prompts; 0 instances; 0 topics",
            "rejected in topics: 8 refusal",
        ]
        assert "It stopped because the model refuses" in ended.out
        assert "Asking it more often does not help: in another folder (--out) take another model." in ended.out


class TestOptions:
    def read(self, **given: Any) -> Any:
        return read_config(given, {}, "", recipe_of("topics").load_config())

    def test_quotas_are_read_from_words_and_from_a_file(self) -> None:
        expected = {"general": 40, "trivia": 2}
        assert self.read(quotas=["general=40", "trivia=2"]).quotas == expected
        assert self.read(quotas=expected).quotas == expected
        assert self.read(quotas=["general=40,trivia=2"]).quotas == expected
        assert self.read(quotas=expected).wanted == 42
        assert self.read().wanted == 100

    @pytest.mark.parametrize(
        ("quotas", "message"),
        [
            (["poetry=3"], "--quotas: Input should be 'general', 'reasoning', 'coding', 'writing', 'trivia', 'roleplay'"
             " or 'multiple_choice', got 'poetry'."),
            (["generl=3"], "--quotas: Input should be 'general', 'reasoning', 'coding', 'writing', 'trivia', 'roleplay'"
             " or 'multiple_choice', got 'generl' (did you mean general?)."),
            (["general=0"], "--quotas: Input should be greater than 0, got '0'."),
            (["general"], "--quotas: expected NAME=N,..., got ['general']."),
            (["general=3,general=4"], "--quotas: 'general' is given twice, got ['general=3,general=4']."),
            ([], "--quotas: Dictionary should have at least 1 item after validation, not 0, got {}."),
        ],
    )  # fmt: skip
    def test_quotas_that_make_no_sense(self, quotas: list[str], message: str) -> None:
        with pytest.raises(ConfigError) as caught:
            self.read(quotas=quotas)
        assert str(caught.value) == message

    def test_an_error_comes_before_anything_is_written(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert status_of("topics", "--quotas", "poetry=3", "--out", tmp_path / "run") == 1
        assert capsys.readouterr().err.startswith("Error: --quotas: Input should be 'general', ")
        assert not (tmp_path / "run").exists()
