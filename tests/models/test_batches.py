"""Requests in batches, against a server of the real protocols at which things go wrong."""

from __future__ import annotations

import json
import logging
import multiprocessing
import shlex
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from random import Random
from typing import Any

import pytest

from distilabel_selfinstruct import DurableLLM, OpenAICompatibleLLM, ProviderLLM
from distilabel_selfinstruct.errors import EndpointError
from distilabel_selfinstruct.models.batches import batcher
from distilabel_selfinstruct.models.batches.journal import batches_in, clear_batches, open_batches
from distilabel_selfinstruct.models.batches.openai import OpenAIBatches
from distilabel_selfinstruct.models.batches.protocol import Batching
from distilabel_selfinstruct.models.records import Records
from tests.conftest import ROOT
from tests.support.batch_server import BatchServer, expired, refused
from tests.support.waiting import wait_until

QUEUE = {
    "error": {"message": "Enqueued token limit reached for stub-model. Limit: 90,000 enqueued tokens.", "code": None}
}


def text_of(body: Any) -> str:
    """What the model says to a prompt."""
    return f"Answer to {body['messages'][-1]['content']}, number {body['choice']}."


def chat(number: int) -> Any:
    return [{"role": "user", "content": f"Question {number}"}]


def said(number: int) -> str:
    return f"Answer to Question {number}, number 0."


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batcher, "_QUIET", 0.1)
    monkeypatch.setattr(batcher, "_FIRST_LOOK", 0.02)


@pytest.fixture
def server() -> Iterator[BatchServer]:
    with BatchServer(answer=text_of) as server:
        yield server


@pytest.fixture
def load(server: BatchServer, tmp_path: Path) -> Iterator[Callable[..., DurableLLM]]:
    """A model whose requests go out in batches; what is left of it is ended as a killed process would be."""
    made: list[DurableLLM] = []

    def load(folder: str = "completions", outage: float = 5.0, **more: Any) -> DurableLLM:
        how = Batching("openai", str(tmp_path / "batches"), "answers", outage)
        llm = OpenAICompatibleLLM(model="stub-model", base_url=f"{server.url}/v1", batching=how)
        made.append(DurableLLM(llm=llm, folder=str(tmp_path / folder), stage="answers", **more))
        made[-1].load()
        return made[-1]

    yield load
    for llm in made:
        llm.unload()


def ask(llm: DurableLLM, *numbers: int, **more: Any) -> list[Any]:
    """The answer to each question, or the reason why there is none."""
    outputs: list[Any] = llm.generate_outputs(inputs=[chat(number) for number in numbers], **more)
    return [output["generations"][0] or output["failure"][0] for output in outputs]


class TestOneBatch:
    def test_all_requests_go_out_together_as_a_file(self, server: BatchServer, load: Callable[..., DurableLLM]) -> None:
        assert ask(load(), *range(30), max_new_tokens=7) == [said(number) for number in range(30)]
        (batch,) = server.batches
        row = batch.rows[4]
        assert row == {
            "custom_id": row["custom_id"], "method": "POST", "url": "/v1/chat/completions",
            "body": {"model": "stub-model", "messages": chat(4), "max_tokens": 7},
        }  # fmt: skip
        assert server.singles == []

    def test_shuffled_results_are_matched_by_their_names(
        self, server: BatchServer, load: Callable[..., DurableLLM]
    ) -> None:
        server.changes = [lambda rows: Random(1).sample(rows, len(rows))]
        assert ask(load(), *range(30)) == [said(number) for number in range(30)]

    def test_tokens_and_samples_are_those_of_single_requests(
        self, server: BatchServer, load: Callable[..., DurableLLM]
    ) -> None:
        (output,) = load().generate_outputs(inputs=[chat(1)], num_generations=2)
        assert output["generations"] == [
            "Answer to Question 1, number 0.", "Answer to Question 1, number 1.",
        ]  # fmt: skip
        assert output["statistics"]["output_tokens"] == [6, 6]

    def test_a_text_may_hold_whatever_others_take_for_the_end_of_a_line(
        self, server: BatchServer, load: Callable[..., DurableLLM]
    ) -> None:
        server.stub.answer = lambda body: "one\u2028two\x85three\x0bfour"
        assert ask(load(), 1) == ["one\u2028two\x85three\x0bfour"]

    def test_a_prompt_that_comes_twice_is_asked_twice(
        self, server: BatchServer, load: Callable[..., DurableLLM]
    ) -> None:
        ask(load(), 1, 1)
        assert len(set(server.asked)) == 2

    def test_files_hold_no_more_than_the_protocol_allows(
        self, server: BatchServer, load: Callable[..., DurableLLM], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(OpenAIBatches, "most_requests", 4)
        assert ask(load(), *range(10)) == [said(number) for number in range(10)]
        assert sorted(len(batch.rows) for batch in server.batches) == [2, 4, 4]
        monkeypatch.setattr(OpenAIBatches, "most_requests", 50_000)
        monkeypatch.setattr(OpenAIBatches, "most_bytes", 400)  # a line has about 175
        ask(load("other"), *range(10, 15))
        assert sorted(len(batch.rows) for batch in server.batches[3:]) == [1, 2, 2]

    def test_a_parameter_that_is_refused_is_left_out_of_the_next_one(
        self, server: BatchServer, load: Callable[..., DurableLLM]
    ) -> None:
        words = "Unsupported parameter: 'temperature' is not supported with this model."
        server.changes = [lambda rows: [refused(row, 400, words) for row in rows]]
        assert ask(load(), 1, 2, 3, 4, temperature=0.5) == [said(number) for number in (1, 2, 3, 4)]
        first, second = ([row["body"].get("temperature") for row in batch.rows] for batch in server.batches)
        assert (first, second) == ([0.5] * 4, [None] * 4)


class TestWhatIsMissing:
    def test_rows_that_are_lost_are_asked_again(self, server: BatchServer, load: Callable[..., DurableLLM]) -> None:
        server.changes = [lambda rows: rows[5:]]
        assert ask(load(), *range(12)) == [said(number) for number in range(12)]
        assert [len(batch.rows) for batch in server.batches] == [12, 5]

    def test_what_expired_is_asked_again(self, server: BatchServer, load: Callable[..., DurableLLM]) -> None:
        server.ends = ["expired"]
        server.changes = [lambda rows: [*rows[:4], *map(expired, rows[4:])]]
        assert ask(load(), *range(10)) == [said(number) for number in range(10)]
        assert [len(batch.rows) for batch in server.batches] == [10, 6]

    def test_a_file_of_errors_alone(self, server: BatchServer, load: Callable[..., DurableLLM]) -> None:
        server.ends = ["expired"]
        server.changes = [lambda rows: [expired(row) for row in rows]]
        assert ask(load(), 1, 2) == [said(1), said(2)]

    def test_no_file_at_all(self, server: BatchServer, load: Callable[..., DurableLLM]) -> None:
        server.ends = ["expired"]
        server.changes = [lambda rows: []]
        assert ask(load(), 1, 2) == [said(1), said(2)]

    def test_what_expires_three_times_is_given_up_and_asked_again_by_the_next_run(
        self, server: BatchServer, load: Callable[..., DurableLLM], tmp_path: Path
    ) -> None:
        server.changes = [lambda rows: [rows[0], expired(rows[1])], *[lambda rows: list(map(expired, rows))] * 2]
        assert ask(load(), 1, 2) == [said(1), "timeout"]
        assert [len(batch.rows) for batch in server.batches] == [2, 1, 1]
        clear_batches(tmp_path / "batches", is_whole=False)
        assert ask(load(), 1, 2) == [said(1), said(2)]
        assert len(server.batches[3].rows) == 1

    def test_a_file_that_was_cut_on_its_way_is_fetched_again(
        self, server: BatchServer, load: Callable[..., DurableLLM]
    ) -> None:
        server.texts = [lambda text: text[: len(text) // 2]]
        assert ask(load(), *range(10)) == [said(number) for number in range(10)]
        assert len(server.batches) == 1

    def test_rows_of_a_file_that_stays_cut_are_asked_again(
        self, server: BatchServer, load: Callable[..., DurableLLM]
    ) -> None:
        server.texts = [lambda text: "\n".join([*text.split("\n")[:4], '{"id": "batch_req", "custo'])] * 2
        assert ask(load(), *range(10)) == [said(number) for number in range(10)]
        assert [len(batch.rows) for batch in server.batches] == [10, 6]

    def test_duplicates_and_unknown_names_are_passed_over(
        self, server: BatchServer, load: Callable[..., DurableLLM], caplog: pytest.LogCaptureFixture
    ) -> None:
        stranger = {"custom_id": "somebody-else", "response": {"status_code": 200, "body": {}}, "error": None}
        server.changes = [lambda rows: [*rows, refused(rows[0]), expired(rows[1]), rows[2], stranger]]
        with caplog.at_level(logging.WARNING, "distilabel.llm.batches"):
            assert ask(load(), 1, 2, 3) == [said(1), said(2), said(3)]
        assert "Batch batch_0: 1 of its results are of requests that were not in it." in caplog.text
        assert len(server.batches) == 1

    def test_a_refused_request_costs_its_own_row(self, server: BatchServer, load: Callable[..., DurableLLM]) -> None:
        server.changes = [lambda rows: [refused(row) if at in (0, 1, 2, 7) else row for at, row in enumerate(rows)]]
        answers = ask(load(), *range(10))
        assert [number for number in range(10) if answers[number] == "bad_request"] == [0, 1, 2, 7]
        assert len(server.batches) == 1

    def test_a_prompt_that_is_too_long_has_its_reason(
        self, server: BatchServer, load: Callable[..., DurableLLM]
    ) -> None:
        words = "This model's maximum context length is 128000 tokens."
        server.changes = [lambda rows: [refused(rows[0], 400, words), *rows[1:]]]
        assert ask(load(), 1, 2) == ["context_length", said(2)]

    def test_what_refuses_every_request_ends_the_run(
        self, server: BatchServer, load: Callable[..., DurableLLM]
    ) -> None:
        server.changes = [lambda rows: [refused(row) for row in rows]]
        with pytest.raises(EndpointError, match="Every request so far was refused: no such thing"):
            ask(load(), *range(5))

    def test_a_batch_that_somebody_cancelled_is_not_asked_again(
        self, server: BatchServer, load: Callable[..., DurableLLM]
    ) -> None:
        error = {"code": "batch_cancelled", "message": "This request was cancelled."}
        server.ends = ["cancelled"]
        server.changes = [lambda rows: [rows[0], {**rows[1], "response": None, "error": error}]]
        assert ask(load(), 1, 2) == [said(1), "unavailable"]
        assert len(server.batches) == 1


class TestTheServer:
    def test_a_file_that_it_refuses_ends_the_run_with_its_own_sentence(
        self, server: BatchServer, load: Callable[..., DurableLLM], tmp_path: Path
    ) -> None:
        server.ends = ["failed"]
        server.errors = [
            {"code": "invalid_json_line", "message": "This line is not parseable as valid JSON.", "line": 2}
        ]
        with pytest.raises(
            EndpointError, match=r"The batch batch_0 .* not parseable as valid JSON \(line 2 of the file\)"
        ):
            ask(load(), 1, 2)
        assert ask(load(), 1, 2) == [said(1), said(2)]  # it is nobody's any longer
        assert len(server.batches) == 2

    def test_a_server_without_batches_is_told(
        self, server: BatchServer, load: Callable[..., DurableLLM], tmp_path: Path
    ) -> None:
        server.missing = {"/v1/files"}
        with pytest.raises(EndpointError, match=r"takes no batches \(POST /files: 404\): leave --batch out"):
            ask(load(), 1)

    def test_a_full_queue_is_waited_for(self, server: BatchServer, load: Callable[..., DurableLLM]) -> None:
        server.refusals = [(429, QUEUE, False)]
        assert ask(load(), 1, 2) == [said(1), said(2)]
        assert len(server.batches) == 1

    def test_a_batch_that_is_larger_than_the_queue_is_halved(
        self, server: BatchServer, load: Callable[..., DurableLLM], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(batcher, "_FEWEST", 2)
        code = "token_limit_exceeded"
        server.ends, server.errors = ["failed", "failed"], [{"code": code, "message": QUEUE["error"]["message"]}]
        assert ask(load(), *range(10)) == [said(number) for number in range(10)]
        assert [len(batch.rows) for batch in server.batches] == [10, 5, 2, 3, 5]

    def test_an_account_without_money_ends_the_run(self, server: BatchServer, load: Callable[..., DurableLLM]) -> None:
        words = "You exceeded your current quota, please check your plan and billing details."
        server.refusals = [(429, {"error": {"message": words, "code": "insufficient_quota"}}, False)]
        with pytest.raises(EndpointError, match="quota is used up"):
            ask(load(), 1, 2)

    def test_an_outage_while_it_is_waited_for_costs_nothing(
        self, server: BatchServer, load: Callable[..., DurableLLM]
    ) -> None:
        server.troubles = [503, 500]
        assert ask(load(), 1, 2) == [said(1), said(2)]
        assert len(server.batches) == 1

    def test_an_outage_that_lasts_leaves_the_batch_to_the_next_run(
        self, server: BatchServer, load: Callable[..., DurableLLM], tmp_path: Path
    ) -> None:
        server.troubles = [503] * 1000
        assert ask(load(outage=0.1), 1, 2) == ["unavailable", "unavailable"]
        server.troubles = []
        assert ask(load(), 1, 2) == [said(1), said(2)]
        assert len(server.batches) == 1

    def test_one_that_never_ends_is_given_up_an_hour_after_its_time(
        self, server: BatchServer, load: Callable[..., DurableLLM], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.ends = ["never"]
        monkeypatch.setattr(batcher, "WINDOW", 0.1)
        monkeypatch.setattr(batcher, "GRACE", 0.1)
        assert ask(load(), 1, 2) == ["unavailable", "unavailable"]
        server.batches[0].end = "completed"
        assert ask(load(), 1, 2) == [said(1), said(2)]
        assert len(server.batches) == 1

    def test_an_id_that_it_does_not_know_any_more_is_for_the_user_to_judge(
        self, server: BatchServer, load: Callable[..., DurableLLM], tmp_path: Path
    ) -> None:
        server.is_held = True
        killed_when(load, lambda: server.batches and server.batches[0].looks, 1)
        server.batches.clear()
        with pytest.raises(EndpointError, match=r"No batch found .* remove .*: what it asked for is then asked for"):
            ask(load(), 1)


def killed_when(load: Callable[..., DurableLLM], holds: Callable[[], Any], *numbers: int) -> None:
    """Asks in a process of its own, and kills it as soon as the condition holds."""
    asking = multiprocessing.get_context("fork").Process(target=lambda: ask(load(), *numbers), daemon=True)
    asking.start()
    wait_until(holds)
    asking.kill()
    asking.join()


class TestKilled:
    """The test of whole processes is in `test_batch_runs`; here is each moment of a batch."""

    def ask_on(self, server: BatchServer, load: Callable[..., DurableLLM]) -> None:
        server.is_held = False
        assert ask(load(), 1, 2) == [said(1), said(2)]
        assert len(server.batches) == 1

    def test_while_it_is_waited_for(self, server: BatchServer, load: Callable[..., DurableLLM]) -> None:
        server.is_held = True
        killed_when(load, lambda: server.batches and server.batches[0].looks > 1, 1, 2)
        self.ask_on(server, load)

    @pytest.mark.slow
    def test_at_any_moment(self, server: BatchServer, load: Callable[..., DurableLLM]) -> None:
        draw = Random(0)
        server.changes = [lambda rows: [*map(expired, rows[:7]), *rows[9:]]]
        for _ in range(12):
            asking = multiprocessing.get_context("fork").Process(target=lambda: ask(load(), *range(20)), daemon=True)
            asking.start()
            asking.join(draw.uniform(0.1, 1.5))
            asking.kill()
            asking.join()
        assert ask(load(), *range(20)) == [said(number) for number in range(20)]
        assert len(set(server.asked)) == len(server.asked)
        assert [len(batch.rows) for batch in server.batches] == [20, 9]

    def test_before_its_id_was_noted(
        self, server: BatchServer, load: Callable[..., DurableLLM], tmp_path: Path
    ) -> None:
        server.is_held = True
        killed_when(load, lambda: server.batches and server.batches[0].looks, 1, 2)
        (path,) = (tmp_path / "batches").glob("*.json")
        path.write_text(json.dumps(json.loads(path.read_text()) | {"id": None}))
        self.ask_on(server, load)

    def test_the_server_made_it_and_its_answer_was_lost(
        self, server: BatchServer, load: Callable[..., DurableLLM]
    ) -> None:
        server.refusals = [(502, "<html><title>Bad gateway</title></html>", True)]
        self.ask_on(server, load)

    def test_before_it_was_handed_over(
        self, server: BatchServer, load: Callable[..., DurableLLM], tmp_path: Path
    ) -> None:
        server.is_held = True
        killed_when(load, lambda: server.batches, 1, 2)
        (path,) = (tmp_path / "batches").glob("*.json")
        path.write_text(json.dumps(json.loads(path.read_text()) | {"id": None, "is_begun": False}))
        server.batches.clear()
        self.ask_on(server, load)

    def test_after_its_results_were_fetched(
        self, server: BatchServer, load: Callable[..., DurableLLM], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(Records, "store", lambda *_: Future())  # never done
            killed_when(load, lambda: list((tmp_path / "batches").glob("*.out.jsonl")), 1, 2)
        self.ask_on(server, load)

    def test_while_what_was_missing_is_asked_again(self, server: BatchServer, load: Callable[..., DurableLLM]) -> None:
        server.changes = [lambda rows: [rows[0], expired(rows[1])]]
        server.ends = ["completed", "never"]
        killed_when(load, lambda: len(server.batches) == 2 and server.batches[1].looks, 1, 2)
        server.batches[1].end = "completed"
        assert ask(load(), 1, 2) == [said(1), said(2)]
        assert [len(batch.rows) for batch in server.batches] == [2, 1]

    def test_what_goes_on_is_told_with_the_way_to_cancel_it(
        self, server: BatchServer, load: Callable[..., DurableLLM], tmp_path: Path
    ) -> None:
        server.is_held = True
        killed_when(load, lambda: server.batches and server.batches[0].looks, 1, 2)
        assert open_batches(tmp_path / "batches") == (
            f"\nThe batch batch_0 (2 requests of answers) goes on; to cancel it: curl -X POST {server.url}/v1/batches/"
            'batch_0/cancel --oauth2-bearer "$OPENAI_API_KEY"'
        )

    def test_nothing_is_left_of_a_whole_run(
        self, server: BatchServer, load: Callable[..., DurableLLM], tmp_path: Path
    ) -> None:
        ask(load(), 1, 2)
        assert [has_ended for _, has_ended in batches_in(tmp_path / "batches")] == [True]
        clear_batches(tmp_path / "batches", is_whole=True)
        assert not (tmp_path / "batches").exists()


ANTHROPIC = "anthropic/claude-sonnet-4-5"


class TestAnthropic:
    @pytest.fixture
    def load(self, server: BatchServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-api03-5rJq1w8mZbT0yK2d")
        monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # it would fetch its table when it is imported
        made: list[DurableLLM] = []

        def load(folder: str = "completions", is_batched: bool = True) -> DurableLLM:
            how = Batching("anthropic", str(tmp_path / "batches"), "answers") if is_batched else None
            llm = ProviderLLM(model=ANTHROPIC, base_url=server.url, batching=how)
            made.append(DurableLLM(llm=llm, folder=str(tmp_path / folder), stage="answers"))
            made[-1].load()
            return made[-1]

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pytest.importorskip("litellm", reason="needs the extra litellm")
            yield load
            for llm in made:
                llm.unload()

    def test_a_request_is_what_it_would_be_by_itself(self, server: BatchServer, load: Any) -> None:
        sampling = {"temperature": 0.5, "stop": ["END"], "max_new_tokens": 20}
        assert ask(load(), 1, 2, **sampling) == ask(load("other", is_batched=False), 1, 2, **sampling)
        (batch,) = server.batches
        assert sorted(map(str, (row["params"] for row in batch.rows))) == sorted(map(str, server.singles))
        assert server.headers[0]["x-api-key"] == "sk-ant-api03-5rJq1w8mZbT0yK2d"
        assert server.headers[0]["anthropic-version"] == "2023-06-01"
        assert "authorization" not in server.headers[0]

    def test_samples_are_in_one_batch(self, server: BatchServer, load: Any) -> None:
        (output,) = load().generate_outputs(inputs=[chat(1)], num_generations=3)
        assert output["generations"] == [said(1)] * 3
        assert [len(batch.rows) for batch in server.batches] == [3]

    def test_each_type_of_result(self, server: BatchServer, load: Any) -> None:
        def of_all_types(rows: list[Any]) -> list[Any]:
            wrong = {"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long"}}
            # requests come in any order
            by_question = sorted(rows, key=lambda row: str(row["result"]["message"]["content"]))
            results = [
                by_question[0]["result"],
                {"type": "expired"},
                {"type": "errored", "error": wrong},
                {"type": "canceled"},
            ]
            return [{**row, "result": result} for row, result in reversed(list(zip(by_question, results)))]

        server.changes = [of_all_types]
        assert ask(load(), 1, 2, 3, 4) == [said(1), said(2), "context_length", "unavailable"]
        assert [len(batch.rows) for batch in server.batches] == [4, 1]

    def test_one_whose_id_was_not_noted_is_found_by_its_size_and_time(
        self, server: BatchServer, load: Any, tmp_path: Path
    ) -> None:
        server.is_held = True
        killed_when(load, lambda: server.batches, 1, 2)
        (path,) = (tmp_path / "batches").glob("*.json")
        path.write_text(json.dumps(json.loads(path.read_text()) | {"id": None}))
        server.is_held = False
        assert ask(load(), 1, 2) == [said(1), said(2)]
        assert len(server.batches) == 1

    def test_somebody_elses_batch_of_that_size_is_found_out(
        self, server: BatchServer, load: Any, tmp_path: Path
    ) -> None:
        server.is_held = True
        killed_when(load, lambda: server.batches, 1, 2)
        (path,) = (tmp_path / "batches").glob("*.json")
        path.write_text(json.dumps(json.loads(path.read_text()) | {"id": None}))
        server.batches[0].results = [
            {"custom_id": f"other-{at}", "result": row["result"]} for at, row in enumerate(server.batches[0].results)
        ]
        server.is_held = False
        assert ask(load(), 1, 2) == [said(1), said(2)]
        assert len(server.batches) == 2


class TestFiles:
    """vLLM's batches; a stand-in writes what `vllm run-batch` does, line by line, in the order of the requests."""

    @pytest.fixture
    def load(self, tmp_path: Path) -> Iterator[Any]:
        made: list[DurableLLM] = []

        def load(command: str | None) -> DurableLLM:
            how = Batching("file", str(tmp_path / "batches"), "answers", command=command)
            llm = OpenAICompatibleLLM(
                model="Qwen/Qwen3-8B", base_url="http://127.0.0.1/v1", check_endpoint=False, batching=how
            )
            made.append(DurableLLM(llm=llm, folder=str(tmp_path / "completions"), stage="answers"))
            made[-1].load()
            return made[-1]

        yield load
        for llm in made:
            llm.unload()

    def test_a_command_of_the_user_makes_the_results(self, load: Any, tmp_path: Path) -> None:
        assert ask(load(f"{VLLM} -i {{input}} -o {{output}} --model {{model}}"), 1, 2) == [
            "Qwen/Qwen3-8B on Question 1", "Qwen/Qwen3-8B on Question 2",
        ]  # fmt: skip

    def test_errors_in_vllms_form_have_their_reasons(self, load: Any) -> None:
        command = f"{VLLM} -i {{input}} -o {{output}} --model {{model}} --refuse 'Question 2'"
        assert ask(load(command), 1, 2) == ["Qwen/Qwen3-8B on Question 1", "context_length"]

    def test_a_command_that_fails_ends_the_run_with_its_last_line(self, load: Any) -> None:
        with pytest.raises(
            EndpointError, match=r"--batch-command: it failed \(exit status 7\): no GPU. The command was"
        ):
            ask(load("echo {input} {output}; echo no GPU; exit 7"), 1)

    def test_one_that_dies_in_the_middle_costs_what_it_has_not_made(self, load: Any, tmp_path: Path) -> None:
        mark = tmp_path / "mark"
        command = f"{VLLM} -i {{input}} -o {{output}} --model {{model}} --die-once {mark}"
        assert ask(load(command), 1, 2) == ["Qwen/Qwen3-8B on Question 1", "Qwen/Qwen3-8B on Question 2"]

    def test_a_command_outlives_a_kill_and_is_not_started_twice(self, load: Any, tmp_path: Path) -> None:
        gate, starts = tmp_path / "gate", tmp_path / "starts"
        command = f"{VLLM} -i {{input}} -o {{output}} --model {{model}} --wait {gate} --count {starts}"
        killed_when(lambda: load(command), starts.exists, 1, 2)
        gate.touch()
        assert ask(load(command), 1, 2) == ["Qwen/Qwen3-8B on Question 1", "Qwen/Qwen3-8B on Question 2"]
        assert starts.read_text() == "started\n"

    def test_without_a_command_the_file_waits_for_the_user(self, load: Any, tmp_path: Path) -> None:
        def run() -> None:
            (given,) = wait_for(lambda: list((tmp_path / "batches").glob("*.in.jsonl")))
            results = str(given).replace(".in.", ".results.")
            subprocess.run(["sh", "-c", f"{VLLM} -i {given} -o {results} --model Qwen/Qwen3-8B"], check=True)

        llm, user = load(None), threading.Thread(target=run)
        said: list[Any] = []
        llm.llm.batcher.tell = lambda told: said.extend(told.values())
        user.start()
        assert ask(llm, 1, 2) == ["Qwen/Qwen3-8B on Question 1", "Qwen/Qwen3-8B on Question 2"]
        user.join()
        folder = tmp_path / "batches"
        (name,) = {path.name.partition(".")[0] for path in folder.iterdir()}
        assert said[1][1:] == [
            f"waits for you to run: vllm run-batch -i {folder}/{name}.in.jsonl -o {folder}/{name}.results.jsonl --model"
            " Qwen/Qwen3-8B", 0, 2,
        ]  # fmt: skip


def wait_for(found: Callable[[], Any]) -> Any:
    wait_until(found)
    return found()


VLLM = f"{shlex.quote(sys.executable)} {shlex.quote(str(ROOT / 'tests' / 'support' / 'vllm_run_batch.py'))}"
