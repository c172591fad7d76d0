"""An evaluation from its config to its scores: what is asked, kept, asked again, and said."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct.cli import self_instruct
from distilabel_selfinstruct.errors import ConfigError, EndpointError, RunFolderError
from distilabel_selfinstruct.evaluation import EvaluationFolder, evaluate
from tests.conftest import ROOT
from tests.evaluation.evaluations import CAPITALS, capitals, config, predicted, write_rows
from tests.support.openai_server import OpenAIServer, OpenAIServerProcess, status
from tests.support.waiting import LIMIT, wait_until


def knows(body: Mapping[str, Any]) -> str:
    """An answer to a chat or a raw prompt: the capital, of Kenya in a sentence, of Egypt a wrong one."""
    asked = body["messages"][-1]["content"] if "messages" in body else body["prompt"]
    country = next(name for name in CAPITALS if name in asked)
    return {"Kenya": "It is Nairobi.", "Egypt": "Giza"}.get(country, CAPITALS[country])


def endpoint(server: OpenAIServer | OpenAIServerProcess, **options: Any) -> dict[str, Any]:
    return {"llm": "openai", "model": "stub-model", "base_url": server.url, **options}


class TestAModelAnswers:
    def test_the_question_of_a_chat_and_greedy_decoding(self, tmp_path: Path) -> None:
        with OpenAIServer(answer=knows) as server:
            scores = evaluate(config(tmp_path, "out", **endpoint(server)))
            bodies = [request.body for request in server.requests if "completions" in request.path]
        assert {body["messages"][0]["content"] for body in bodies} == {
            f"Name the capital of {country}." for country in CAPITALS
        }
        assert {(len(body["messages"]), body["temperature"], body["max_tokens"]) for body in bodies} == {(1, 0.0, 1024)}
        assert scores.scores["exact_match"].value == 60
        assert scores.scores["rouge_l"].value == 70  # three right, one of three words in "It is Nairobi.": F 0.5
        assert (scores.model, scores.benchmark, scores.wording) == ("stub-model", "rows", "chat")
        assert (scores.questions, scores.tasks, scores.answered, scores.is_whole) == (5, 5, 5, True)
        assert scores.usage.requests == 5
        assert EvaluationFolder(tmp_path / "out").scores() == scores

    def test_the_text_of_a_base_model_ends_where_the_next_question_begins(self, tmp_path: Path) -> None:
        with OpenAIServer(answer=lambda body: f" {knows(body)}\nInput: France\nOutput: Paris") as server:
            rows = [{"instruction": "Name the capital.", "input": "Peru", "output": "Lima"}]
            tasks = str(write_rows(tmp_path / "rows.jsonl", rows))
            evaluate(config(tmp_path, "out", tasks=tasks, wording="base", max_tokens=9, **endpoint(server)))
            (body,) = [request.body for request in server.requests if "completions" in request.path]
        assert body["prompt"] == "Name the capital.\n\nInput: Peru\nOutput:"
        assert (body["max_tokens"], body["temperature"]) == (9, 0.0)
        (said,) = EvaluationFolder(tmp_path / "out").predictions()
        assert (said.response, said.scores) == (" Lima", {"rouge_l": 1.0, "exact_match": 1.0})

    def test_a_base_prompt_without_an_input(self, tmp_path: Path) -> None:
        with OpenAIServer(answer=knows) as server:
            evaluate(config(tmp_path, "out", wording="base", **endpoint(server)))
            prompts = {request.body["prompt"] for request in server.requests if "completions" in request.path}
        assert "Name the capital of Peru.\n\nOutput:" in prompts

    def test_a_question_that_comes_twice_is_asked_once(self, tmp_path: Path) -> None:
        row = {"instruction": "Name the capital of Peru.", "output": "Lima"}
        tasks = str(write_rows(tmp_path / "rows.jsonl", [row, row | {"output": "Cusco"}]))
        with OpenAIServer(answer=knows) as server:
            scores = evaluate(config(tmp_path, "out", tasks=tasks, **endpoint(server)))
            assert len([request for request in server.requests if "completions" in request.path]) == 1
        assert (scores.questions, scores.tasks, scores.scores["exact_match"].value) == (2, 1, 50)

    def test_the_demo_model_says_that_it_is_one(self, tmp_path: Path) -> None:
        rows = [{"instruction": "Name the capital of Peru.", "output": "Lima"}]
        scores = evaluate(config(tmp_path, "out", tasks=str(write_rows(tmp_path / "rows.jsonl", rows)), llm="demo"))
        assert scores.answered == 1
        assert any("demo model answers only tasks that it makes up itself" in note for note in scores.notes)

    def test_what_it_cost(self, tmp_path: Path) -> None:
        with OpenAIServer(answer=knows) as server:
            scores = evaluate(config(tmp_path, "out", output_price=1e6, **endpoint(server)))
        assert scores.cost == pytest.approx(scores.usage.output_tokens)
        assert scores.cost > 0


class TestAgain:
    def test_the_same_command_asks_nothing(self, tmp_path: Path) -> None:
        with OpenAIServer(answer=knows) as server:
            first = evaluate(config(tmp_path, "out", **endpoint(server)))
            asked = len(server.requests)
            again = evaluate(config(tmp_path, "out", **endpoint(server)))
            assert len([each for each in server.requests[asked:] if "completions" in each.path]) == 0
        assert again == first

    def test_what_failed_is_asked_again_and_scores_nothing_until_then(self, tmp_path: Path) -> None:
        fault = status(400, "refused by the content filter", code="content_filter")
        with OpenAIServer(answer=knows, faults=[None, fault]) as server:
            given = endpoint(server, concurrency=1)
            first = evaluate(config(tmp_path, "out", **given))
            assert (first.failed, first.is_whole) == ({"content_filter": 1}, False)
            assert first.answered == 4
            assert "1 of 5 requests failed (1 content_filter) and score 0" in first.reasons[0]
            asked = len(server.requests)
            second = evaluate(config(tmp_path, "out", **given))
            assert len([each for each in server.requests[asked:] if "completions" in each.path]) == 1
        assert (second.failed, second.answered) == ({}, 5)
        assert second.scores["rouge_l"].value > first.scores["rouge_l"].value

    def test_a_budget_ends_it_and_a_larger_one_goes_on(self, tmp_path: Path) -> None:
        with OpenAIServer(answer=knows) as server:
            given = endpoint(server, concurrency=1, max_tokens=5)
            first = evaluate(config(tmp_path, "out", max_tokens_total=20, **given))
            assert first.failed.keys() == {"budget"}
            assert 0 < first.answered < 5
            assert "were not asked" in first.reasons[0]
            assert "run the same command again to go on" in first.reasons[0]
            assert evaluate(config(tmp_path, "out", max_tokens_total=2000, **given)).is_whole
            assert len([each for each in server.requests if "completions" in each.path]) == 5

    @pytest.mark.slow
    def test_killed_in_the_middle(self, tmp_path: Path) -> None:
        def completions() -> int:
            return len(list((tmp_path / "out" / "completions").glob("*.sqlite*")))

        with OpenAIServerProcess(answer="tests.evaluation.test_evaluating:knows", latency=0.5) as server:
            words = [
                "evaluate",
                "--benchmark",
                "rows",
                "--tasks",
                str(capitals(tmp_path)),
                "--out",
                str(tmp_path / "out"),
            ]
            words += ["--llm", "openai", "--model", "stub-model", "--base-url", server.url, "--concurrency", "1"]
            command = [sys.executable, "-m", "distilabel_selfinstruct", *words]
            process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
            wait_until(lambda: len([each for each in server.requests if each.completed]) >= 2)
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=LIMIT)
            assert completions()
            assert not (tmp_path / "out" / "scores.json").exists()
            assert subprocess.run(command, cwd=ROOT, timeout=LIMIT, capture_output=True).returncode == 0
            assert len([each for each in server.requests if each.completed and "completions" in each.path]) <= 6
        assert EvaluationFolder(tmp_path / "out").scores().answered == 5


class TestWhatGoesWrong:
    def test_a_model_that_answers_nothing_scores_0_and_says_why(self, tmp_path: Path) -> None:
        scores = predicted(tmp_path, "silent", {})
        assert {each.value for each in scores.scores.values()} == {0.0}
        assert scores.reasons == [
            "The model has answered nothing: that is why it scores 0.",
            "5 of 5 answers are empty and score 0.",
        ]

    def test_nobody_there(self, tmp_path: Path) -> None:
        given = {"llm": "openai", "model": "m", "base_url": "http://127.0.0.1:9/v1", "outage": 0}
        with pytest.raises(EndpointError, match="cannot be reached"):
            evaluate(config(tmp_path, "out", **given))
        with pytest.raises(RunFolderError, match="holds no evaluation that has ended"):
            EvaluationFolder.open(tmp_path / "out")

    def test_another_model_in_the_same_folder(self, tmp_path: Path) -> None:
        predicted(tmp_path, "one", CAPITALS)
        with pytest.raises(RunFolderError, match="holds another evaluation: llm is None there, 'demo' here"):
            evaluate(config(tmp_path, "one", llm="demo"))

    def test_an_option_that_came_later_was_at_its_default(self, tmp_path: Path) -> None:
        predicted(tmp_path, "one", CAPITALS)
        file = tmp_path / "one" / "config.yaml"
        lines = file.read_text().splitlines(keepends=True)
        file.write_text("".join(line for line in lines if not line.startswith(("wording", "max_tokens:"))))
        assert predicted(tmp_path, "one", CAPITALS).answered == 5

    def test_other_questions_of_the_same_names(self, tmp_path: Path) -> None:
        predicted(tmp_path, "one", CAPITALS)
        other = write_rows(tmp_path / "other.jsonl", [{"id": "Peru", "instruction": "Sing.", "output": "la"}])
        with pytest.raises(RunFolderError, match="holds answers to other questions of the same names, such as 'Peru'"):
            predicted(tmp_path, "one", CAPITALS, tasks=str(other))

    def test_a_folder_of_something_else(self, tmp_path: Path) -> None:
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "novel.txt").write_text("Once")
        with pytest.raises(RunFolderError, match="is no folder of an evaluation, and not empty"):
            predicted(tmp_path, "mine", CAPITALS)
        with pytest.raises(RunFolderError, match="is a file; choose another --out"):
            predicted(tmp_path, "capitals.jsonl", CAPITALS)

    def test_scores_that_are_damaged(self, tmp_path: Path) -> None:
        predicted(tmp_path, "one", CAPITALS)
        (tmp_path / "one" / "scores.json").write_text('{"model": 7}')
        with pytest.raises(RunFolderError, match=r"scores\.json: is damaged; delete it and run the same command again"):
            EvaluationFolder.open(tmp_path / "one").scores()

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({}, "evaluate needs a model (--llm NAME), or what one has answered (--predictions FILE)."),
            (
                {"llm": "demo", "predictions": "x.jsonl"},
                "evaluate needs a model (--llm NAME), or what one has answered",
            ),
            ({"llm": "openai"}, "--llm openai needs --model, the name of the model."),
            ({"llm": "demo", "tasks": None}, "--benchmark rows needs --tasks PATH: see --help for what it takes."),
            ({"llm": "demo", "limit": 0}, "--limit: Input should be greater than 0, got 0."),
            ({"llm": "demo", "max_cost": 1.0}, "--max-cost needs --input-price and --output-price"),
            ({"predictions": "x", "benchmark": "lm-eval:sums"}, "--predictions: lm-eval:sums asks a model itself"),
        ],
    )
    def test_options_that_make_no_sense(self, tmp_path: Path, options: dict[str, Any], said: str) -> None:
        with pytest.raises(ConfigError) as error:
            config(tmp_path, "out", **options)
        assert str(error.value).startswith(said)


class TestTheCommand:
    def test_known_answers_of_the_paper(
        self, official_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        said = official_data / "human_eval_predictions" / "davinci-self-instruct.jsonl"
        tasks = official_data / "user_oriented_instructions.jsonl"
        words = ["--benchmark", "user-oriented", "--tasks", str(tasks), "--predictions", str(said)]
        assert self_instruct(["evaluate", *words, "--out", str(tmp_path / "out")]) == 0
        shown = capsys.readouterr().out
        assert "davinci-self-instruct on user-oriented: 252 questions\nROUGE-L: 28.13 (95% interval " in shown
        assert f"evaluation: {tmp_path / 'out'}\n" in shown

    def test_json(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        said = write_rows(tmp_path / "said.jsonl", [{"id": name, "response": "Lima"} for name in CAPITALS])
        words = ["--benchmark", "rows", "--tasks", str(capitals(tmp_path)), "--predictions", str(said), "--json"]
        assert self_instruct(["evaluate", *words, "--out", str(tmp_path / "out")]) == 0
        record = json.loads(capsys.readouterr().out)
        assert record["scores"]["exact_match"]["value"] == 20
        assert (record["questions"], record["model"]) == (5, "said")

    def test_status_3_where_a_request_failed(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        with OpenAIServer(answer=knows, faults=[None, status(400, "no", code="content_filter")]) as server:
            words = ["--llm", "openai", "--model", "stub-model", "--base-url", server.url, "--concurrency", "1"]
            words += ["--benchmark", "rows", "--tasks", str(capitals(tmp_path)), "--out", str(tmp_path / "out")]
            assert self_instruct(["evaluate", *words]) == 3
        assert "1 of 5 requests failed (1 content_filter) and score 0" in capsys.readouterr().out


def test_a_path_of_this_machine_is_no_name_of_a_model(tmp_path: Path) -> None:
    (tmp_path / "trained").mkdir()
    scores = predicted(tmp_path, "out", CAPITALS)
    assert scores.model == "out"
    file = write_rows(tmp_path / "x.jsonl", [{"id": name, "response": ""} for name in CAPITALS])
    named = evaluate(config(tmp_path, "named", predictions=str(file), model=str(tmp_path / "trained")))
    assert named.model == "trained"
    assert os.sep not in named.model
