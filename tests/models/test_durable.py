"""DurableLLM: nothing is asked twice, each request fails alone, and nothing paid for is lost."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import pickle
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tenacity
from distilabel.models.llms.base import LLM, AsyncLLM
from distilabel.steps.tasks import TextGeneration
from pydantic import Field, PrivateAttr, SecretStr

from distilabel_selfinstruct.demo.model import DemoLLM
from distilabel_selfinstruct.errors import EndpointError, RequestFailed, RunFolderError
from distilabel_selfinstruct.models import durable
from distilabel_selfinstruct.models.durable import DurableLLM
from distilabel_selfinstruct.models.openai import OpenAICompatibleLLM
from distilabel_selfinstruct.models.records import Records, _Store, first_requests, request_key, usage_by_stage
from distilabel_selfinstruct.models.slots import RunStopped, SlotServer
from distilabel_selfinstruct.usage import Budget
from tests.support.openai_server import Body, Fault, OpenAIServer, garbage, html, status
from tests.support.waiting import LIMIT, wait_until

KEY = "sk-test-0123456789abcdef"


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Part of no run, and with waits that tests can bear."""
    for name in ("DISTILABEL_SELFINSTRUCT_SLOTS", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(durable, "_growing_wait", lambda state: 0.01)


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer(answer=lambda body: f"{body['prompt']} {body['choice']}") as server:
        yield server


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Callable[..., DurableLLM]]:
    """Wraps a model and loads it; unloads whatever the test leaves loaded."""
    loaded: list[DurableLLM] = []

    def load(llm: LLM | OpenAIServer, folder: Path = tmp_path, **attributes: Any) -> DurableLLM:
        if isinstance(llm, OpenAIServer):
            llm = OpenAICompatibleLLM(model="stub-model", base_url=llm.url, timeout=LIMIT)
        loaded.append(DurableLLM(llm=llm, folder=str(folder), **attributes))
        loaded[-1].load()
        return loaded[-1]

    yield load
    for llm in loaded:
        llm.unload()


def texts(llm: DurableLLM, *prompts: str, n: int = 1, **parameters: Any) -> list[list[Any]]:
    outputs = llm.generate_outputs(inputs=list(prompts), num_generations=n, **parameters)
    return [output["generations"] for output in outputs]


def failures(llm: DurableLLM, *prompts: str) -> list[str | None]:
    return [output["failure"][0] for output in llm.generate_outputs(inputs=list(prompts))]  # type: ignore[typeddict-item]


def prompts(server: OpenAIServer) -> list[str]:
    return [request.body["prompt"] for request in server.requests]


class Script(LLM):
    """A synchronous model: upper case, except for what its script says of a prompt."""

    script: dict[str, Any] = Field(default_factory=dict)
    _calls: list[list[str]] = PrivateAttr(default_factory=list)

    @property
    def model_name(self) -> str:
        return "script"

    def generate(self, inputs: list[Any], num_generations: int = 1, temperature: float = 1.0) -> list[Any]:
        self._calls.append(list(inputs))
        for prompt in inputs:
            if isinstance(said := self.script.get(prompt), Exception):
                raise said
        outputs = [
            {
                "generations": [self.script.get(prompt, f"{prompt.upper()} {n}") for n in range(num_generations)],
                "statistics": {
                    "input_tokens": [3, 0, 0][:num_generations],
                    "output_tokens": [1, 2, 3][:num_generations],
                },
            }
            for prompt in inputs
        ]
        return outputs[: self.script.get("most outputs", len(outputs))]


class Echo(AsyncLLM):
    """An asynchronous model: what it is asked, as JSON; once it may go on, where it waits."""

    waits: bool = False
    _go_on: threading.Event = PrivateAttr(default_factory=threading.Event)
    _asked: list[Any] = PrivateAttr(default_factory=list)

    @property
    def model_name(self) -> str:
        return "echo"

    async def agenerate(self, input: Any, num_generations: int = 1) -> Any:  # type: ignore[override]
        self._asked.append(input)
        while self.waits and not self._go_on.is_set():
            await asyncio.sleep(0.005)
        if input == [{"role": "user", "content": "no"}]:
            raise RequestFailed("it says no", "content_filter")
        return {"generations": [json.dumps(input)] * num_generations}


class TestRecorded:
    def test_an_answered_request_is_never_sent_again(
        self, server: OpenAIServer, load: Callable[..., DurableLLM]
    ) -> None:
        assert texts(load(server), "a", "b") == [["a 0"], ["b 0"]]
        assert texts(load(server), "b", "a", "c") == [["b 0"], ["a 0"], ["c 0"]]
        assert Counter(prompts(server)) == {"a": 1, "b": 1, "c": 1}

    def test_the_same_prompt_again_gets_its_next_sample(self, load: Callable[..., DurableLLM]) -> None:
        counter = iter(range(100))
        with OpenAIServer(answer=lambda body: str(next(counter))) as server:
            llm = load(server)
            first = [texts(llm, "a")[0][0] for _ in range(3)]
            again = load(server)
            assert first == ["0", "1", "2"]
            assert [texts(again, "a")[0][0] for _ in range(4)] == ["0", "1", "2", "3"]
            assert len(server.requests) == 4

    def test_other_parameters_are_another_request(self, server: OpenAIServer, load: Callable[..., DurableLLM]) -> None:
        llm = load(server)
        texts(llm, "a", temperature=0.5)
        texts(llm, "a", temperature=0.6)
        texts(load(server), "a", temperature=0.5)
        assert [request.body["temperature"] for request in server.requests] == [0.5, 0.6]

    def test_n_samples_are_recorded_one_by_one(self, server: OpenAIServer, load: Callable[..., DurableLLM]) -> None:
        assert texts(load(server), "a", n=2) == [["a 0", "a 1"]]
        llm = load(server)
        assert texts(llm, "a", n=3) == [["a 0", "a 1", "a 0"]]
        assert [request.body.get("n") for request in server.requests] == [2, None]

    def test_tokens_and_finish_reasons_are_those_of_each_completion(
        self, server: OpenAIServer, load: Callable[..., DurableLLM]
    ) -> None:
        for _ in range(2):  # from the endpoint, then from the records
            (output,) = load(server).generate_outputs(
                inputs=["one two three four"], num_generations=3, max_new_tokens=4
            )
            assert output == {
                "generations": ["one two three four"] * 3,
                "statistics": {"input_tokens": [4, 0, 0], "output_tokens": [4, 4, 4], "cached_tokens": [0, 0, 0]},
                "reasoning": [None] * 3,
                "finish_reason": ["length"] * 3,
                "failure": [None] * 3,
                "failure_detail": [None] * 3,
                "model": ["stub-model"] * 3,
            }
        assert len(server.requests) == 1

    def test_an_answer_is_on_disk_before_it_is_used(
        self, server: OpenAIServer, load: Callable[..., DurableLLM], tmp_path: Path
    ) -> None:
        llm = load(server, stage="s")
        (record,) = llm.submit("a").result(timeout=LIMIT)
        earlier = Records(tmp_path, "s")
        assert earlier.find(record.key, 0).completion == "a 0"  # type: ignore[union-attr]
        earlier.close()

    def test_it_can_be_pickled_before_it_is_loaded(self, server: OpenAIServer, tmp_path: Path) -> None:
        model = OpenAICompatibleLLM(model="stub-model", base_url=server.url)
        llm = pickle.loads(pickle.dumps(DurableLLM(llm=model, folder=str(tmp_path))))
        llm.load()
        assert texts(llm, "a") == [["a 0"]]
        llm.unload()

    def test_it_can_be_loaded_again(self, server: OpenAIServer, load: Callable[..., DurableLLM]) -> None:
        llm = load(server)
        texts(llm, "a")
        llm.unload()
        llm.load()
        assert texts(llm, "b") == [["b 0"]]

    def test_two_in_one_process_are_of_two_stages(self, server: OpenAIServer, load: Callable[..., DurableLLM]) -> None:
        one, other = load(server, stage="one"), load(server, stage="other")
        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(lambda llm: texts(llm, "a", "b"), [one, other])) == [[["a 0"], ["b 0"]]] * 2
        assert Counter(prompts(server)) == {"a": 2, "b": 2}

    def test_several_threads_may_ask_at_once(self, server: OpenAIServer, load: Callable[..., DurableLLM]) -> None:
        llm = load(server, concurrency=3)
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda number: texts(llm, f"p{number}"), range(40)))
        assert answers == [[[f"p{number} 0"]] for number in range(40)]
        assert server.max_in_flight <= 3

    def test_it_stands_between_a_task_and_a_model(self, server: OpenAIServer, tmp_path: Path) -> None:
        server.answer = lambda body: "Paris."
        model = OpenAICompatibleLLM(model="stub-model", base_url=server.url)
        task = TextGeneration(llm=DurableLLM(llm=model, folder=str(tmp_path), generation_kwargs={"max_new_tokens": 7}))
        task.load()
        (row,) = next(task.process([{"instruction": "Name the capital of France."}]))
        task.unload()
        assert (row["generation"], row["model_name"]) == ("Paris.", "stub-model")
        assert server.requests[0].body["max_tokens"] == 7

    def test_a_model_that_counts_is_told_how_often_it_was_asked(self, load: Callable[..., DurableLLM]) -> None:
        prompt = "Spell the word backwards.\n\nlamp"
        (whole,) = texts(load(DemoLLM(), stage="whole"), prompt, n=6)
        llm = load(DemoLLM(), stage="one by one")
        assert texts(llm, prompt, prompt) == [[whole[0]], [whole[1]]]
        assert texts(llm, prompt, n=2) == [whole[2:4]]
        assert texts(load(DemoLLM(), stage="one by one"), prompt, n=6) == [whole]
        assert len(set(whole)) > 2


class TestAsSent:
    def test_magpies_prompt_is_the_beginning_of_a_users_turn(
        self, load: Callable[..., DurableLLM], tmp_path: Path
    ) -> None:
        with OpenAIServer(answer=lambda body: "Name a river.") as server:
            llm = OpenAICompatibleLLM(
                model="stub-model", base_url=server.url, use_magpie_template=True, magpie_pre_query_template="llama3"
            )
            load(llm).generate_outputs(inputs=[[]])
        assert first_requests(tmp_path)["completions"][0] == server.requests[-1].body["prompt"]
        assert server.requests[-1].body["prompt"] == "<|start_header_id|>user<|end_header_id|>\n\n"

    def test_what_was_recorded_of_it_before_is_found(self, load: Callable[..., DurableLLM], tmp_path: Path) -> None:
        """Its key is that of the empty chat, which stood in the records."""
        llm = DemoLLM(use_magpie_template=True, magpie_pre_query_template="qwen2")
        load(llm).generate_outputs(inputs=[[]], max_new_tokens=64)
        [path] = tmp_path.glob("*.sqlite")
        with contextlib.closing(sqlite3.connect(path)) as connection:
            [[key, prompt, parameters]] = connection.execute(
                "SELECT key, r.prompt, r.parameters FROM completions JOIN requests AS r"
            )
        assert prompt == "<|im_start|>user\n"
        assert key == request_key("demo", "[]", parameters)

    def test_a_prompt_that_is_asked_again_gets_another_seed(
        self, server: OpenAIServer, load: Callable[..., DurableLLM]
    ) -> None:
        llm = load(server)
        for _ in range(3):
            llm.generate_outputs(inputs=["Name a river."], seed=7)
        assert [request.body["seed"] for request in server.requests if request.body] == [7, 8, 9]

    def test_so_does_each_sample_of_a_model_that_gives_one_a_request(self, load: Callable[..., DurableLLM]) -> None:
        seeds: list[int] = []

        class OneAtATime(Echo):
            async def agenerate(self, input: Any, seed: int | None = None) -> Any:  # type: ignore[override]
                seeds.append(seed or 0)
                return {"generations": ["The Danube."], "statistics": {"input_tokens": [3], "output_tokens": [3]}}

        load(OneAtATime()).generate_outputs(inputs=["Name a river."], num_generations=3, seed=7)
        assert sorted(seeds) == [7, 8, 9]

    def test_the_context_is_the_one_given_or_else_the_models_own(self, load: Callable[..., DurableLLM]) -> None:
        with OpenAIServer(says={"max_model_len": 4096}) as server:
            assert load(server).window == 4096
            assert load(server, context=2048).window == 2048
        assert load(DemoLLM()).window is None


class TestFailing:
    def test_each_request_fails_alone(self, server: OpenAIServer, load: Callable[..., DurableLLM]) -> None:
        server.fault_rule = lambda body: status(400, "too hot") if body["prompt"] == "b" else None
        outputs = load(server).generate_outputs(inputs=["a", "b", "c"])
        assert [output["generations"] for output in outputs] == [["a 0"], [None], ["c 0"]]
        assert outputs[1]["failure"] == ["bad_request"]  # type: ignore[typeddict-item]
        assert "too hot" in outputs[1]["failure_detail"][0]  # type: ignore[typeddict-item]
        assert Counter(prompts(server)) == {"a": 1, "b": 1, "c": 1}

    @pytest.mark.parametrize(("keeps", "asked"), [(False, 2), (True, 1)])
    def test_a_request_given_up_is_asked_again_by_the_next_run_unless_it_is_to_stay_so(
        self, server: OpenAIServer, load: Callable[..., DurableLLM], keeps: bool, asked: int
    ) -> None:
        server.faults = [None, status(400)]
        llm = load(server, keeps_failures=keeps)
        assert [failures(llm, prompt) for prompt in "zay"] == [[None], ["bad_request"], [None]]
        for _ in range(2):
            assert failures(load(server, keeps_failures=keeps), "a") == ([None] if asked == 2 else ["bad_request"])
            assert prompts(server).count("a") == asked

    @pytest.mark.parametrize(
        "fault",
        [status(429), status(500), status(503), html(), html(502), Fault("cut")],
        ids=lambda f: f"{f.kind} {f.status}",
    )
    def test_what_may_pass_is_tried_again(
        self, server: OpenAIServer, load: Callable[..., DurableLLM], fault: Fault
    ) -> None:
        server.faults = [fault, fault]
        assert texts(load(server), "a") == [["a 0"]]
        assert len(server.requests) == 3

    def test_answers_without_use_are_asked_for_three_times_while_others_are_of_use(
        self, server: OpenAIServer, load: Callable[..., DurableLLM]
    ) -> None:
        useless = garbage({"choices": [{"message": {"content": 7}}]})
        server.fault_rule = lambda body: useless if body["prompt"] == "a" else None
        llm = load(server, keeps_failures=True)
        assert failures(llm, "a", "b") == ["invalid_response", None]
        assert failures(llm, "c") == [None]
        assert failures(load(server, keeps_failures=True), "a") == ["invalid_response"]
        assert prompts(server).count("a") == 3

    def test_retry_after_is_waited_for(
        self, server: OpenAIServer, load: Callable[..., DurableLLM], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(durable.random, "random", lambda: 0.0)
        server.faults = [status(429, retry_after=0.5)]
        assert texts(load(server), "a") == [["a 0"]]
        refused, answered = server.requests
        assert answered.started - refused.started >= 0.5

    def test_growing_waits_have_a_limit_and_differ(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.undo()

        def waits(attempt: int) -> list[float]:
            state = durable.RetryCallState(None, None, (), {})  # type: ignore[arg-type]
            state.attempt_number = attempt
            return [durable._wait(state) for _ in range(50)]

        assert all(0 < wait <= 2 for wait in waits(1))
        assert all(30 <= wait <= 31 for wait in waits(20))
        assert len(set(waits(20))) > 40

    def test_a_request_that_waited_long_for_a_slot_is_still_tried_again(
        self, server: OpenAIServer, load: Callable[..., DurableLLM], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = 0.0

        def slow(body: Body) -> str:
            nonlocal now
            now += 700.0
            return str(body["prompt"])

        for module in (durable, tenacity):
            monkeypatch.setattr(module, "time", SimpleNamespace(time=time.time, monotonic=lambda: now))
        server.answer = slow
        server.faults = [None, status(503)]
        assert texts(load(server, concurrency=1, outage=600.0), "a", "b") == [["a"], ["b"]]

    def test_a_request_that_always_breaks_the_server_is_given_up(
        self, server: OpenAIServer, load: Callable[..., DurableLLM]
    ) -> None:
        server.fault_rule = lambda body: status(500) if body["prompt"] == "b" else None
        assert failures(load(server, outage=0.2), "a", "b", "c") == [None, "server_error", None]

    def test_an_endpoint_that_is_gone_stops_the_asking_and_costs_nothing(
        self, server: OpenAIServer, load: Callable[..., DurableLLM], tmp_path: Path
    ) -> None:
        llm = load(server, outage=0.2, keeps_failures=True)
        assert failures(llm, "a") == [None]
        server.outage()
        assert failures(llm, "b", "c") == ["unavailable", "unavailable"]
        with pytest.raises(RunStopped, match="unavailable"):
            llm.submit("d").result(timeout=LIMIT)
        assert usage_by_stage(tmp_path)["completions"].requests == 1
        assert llm.trouble.startswith("the endpoint could not be reached: ")

    def test_an_endpoint_that_asks_to_wait_longer_than_the_outage_is_not_waited_for(
        self, server: OpenAIServer, load: Callable[..., DurableLLM], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(durable, "_LONGEST_WAIT", 43_200.0)
        server.fault_rule = lambda body: status(429, "12 hours", retry_after=43_200)
        llm = load(server, outage=0.2, concurrency=1)
        asked = [llm.submit(prompt) for prompt in "abc"]
        for future in asked:
            with pytest.raises(RunStopped, match="unavailable"):
                future.result(timeout=LIMIT)

    def test_an_outage_ends_with_the_first_answer(self, server: OpenAIServer, load: Callable[..., DurableLLM]) -> None:
        llm = load(server)
        server.outage()
        asked = [llm.submit(prompt) for prompt in "abc"]
        wait_until(lambda: len(llm._failing) == 3)
        assert llm.trouble.startswith("the endpoint could not be reached: ")
        server.recover()
        assert [future.result(timeout=LIMIT)[0].completion for future in asked] == ["a 0", "b 0", "c 0"]
        assert (llm._failing, llm.trouble) == ({}, "")

    def test_a_key_that_is_refused_later_is_an_error(
        self, server: OpenAIServer, load: Callable[..., DurableLLM]
    ) -> None:
        llm = load(server)
        server.api_keys = {"another"}
        with pytest.raises(EndpointError, match="refuses the key"):
            texts(llm, "a")

    def test_no_message_repeats_a_key(self, server: OpenAIServer, load: Callable[..., DurableLLM]) -> None:
        server.fault_rule = lambda body: status(400, f"Not with {KEY}.")
        model = OpenAICompatibleLLM(model="stub-model", base_url=server.url, api_key=SecretStr(KEY))
        (output,) = load(model).generate_outputs(inputs=["a"])
        assert output["failure_detail"][0].endswith("Not with ***.")  # type: ignore[typeddict-item]

    def test_a_model_that_cannot_be_loaded_is_an_error_without_its_key(self, tmp_path: Path) -> None:
        class Broken(Script):
            api_key: SecretStr = SecretStr(KEY)

            def load(self) -> None:
                raise OSError(f"no such weights, with {self.api_key.get_secret_value()}")

        llm = DurableLLM(llm=Broken(), folder=str(tmp_path))
        with pytest.raises(
            EndpointError, match=r"The model 'script' could not be loaded: no such weights, with \*\*\*"
        ):
            llm.load()

    def test_an_endpoint_that_lacks_the_model_is_found_before_any_work(
        self, server: OpenAIServer, tmp_path: Path
    ) -> None:
        llm = DurableLLM(llm=OpenAICompatibleLLM(model="another", base_url=server.url), folder=str(tmp_path))
        with pytest.raises(EndpointError, match=r"does not offer the model another\. It offers 1, .*: stub-model"):
            llm.load()

    def test_damaged_records_are_found_before_any_work(self, load: Callable[..., DurableLLM], tmp_path: Path) -> None:
        (tmp_path / "s-1-1.sqlite").write_text("no database, " * 50)
        with pytest.raises(RunFolderError, match=r"s-1-1\.sqlite"):
            load(Script(), stage="s")


class Faulty(AsyncLLM):
    """An asynchronous model that answers, or does what is given for a prompt: raises it, returns it, or waits."""

    says: dict[str, Any] = Field(default_factory=dict)
    _asked: list[str] = PrivateAttr(default_factory=list)

    @property
    def model_name(self) -> str:
        return "faulty"

    async def agenerate(self, input: Any, num_generations: int = 1) -> Any:  # type: ignore[override]
        self._asked.append(input)
        said = self.says.get(input, self.says.get("else"))
        if isinstance(said, BaseException):
            raise said
        if said == "wait":
            await asyncio.sleep(2 * LIMIT)
        if said == "wait and ignore":
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(2 * LIMIT)
            await asyncio.sleep(0.01)
        return said if isinstance(said, dict) else {"generations": [f"{input}!"] * num_generations}


def refused(message: str = "no such parameter") -> RequestFailed:
    return RequestFailed(f"400: {message}", "bad_request", kind="setup")


SERVICE = {
    "500": RequestFailed("500", "server_error", retryable=True),
    "429": RequestFailed("429", "rate_limited", retryable=True, retry_after=0.01),
    "timeout": RequestFailed("slow", "timeout", retryable=True),
    "a page": RequestFailed("no JSON", "invalid_response", retryable=True, kind="service"),
    "cut": ConnectionResetError("cut"),
    "nobody there": ConnectionRefusedError("refused"),
    "broken off": RequestFailed("broken off", "server_error", retryable=True),
    "gateway": RequestFailed("404: a web page", "not_found", retryable=True, kind="service"),
}


class TestWhoseFault:
    """Only a failure of the request itself is a result."""

    @pytest.mark.parametrize("fault", SERVICE.values(), ids=SERVICE)
    def test_a_failure_of_the_service_is_no_answer_of_a_loops_prompt(
        self, load: Callable[..., DurableLLM], tmp_path: Path, fault: Exception
    ) -> None:
        llm = load(Faulty(says={"b": fault}), keeps_failures=True, outage=0.05)
        assert texts(llm, "a") == [["a!"]]
        with pytest.raises(RunStopped, match="unavailable"):
            llm.submit("b").result(timeout=LIMIT)
        assert texts(load(Faulty(), keeps_failures=True), "a", "b") == [["a!"], ["b!"]]
        assert usage_by_stage(tmp_path)["completions"].failures == 0

    @pytest.mark.parametrize("fault", [SERVICE["timeout"], SERVICE["a page"], SERVICE["500"]], ids=str)
    def test_it_costs_another_stage_a_row_until_the_next_run(
        self, load: Callable[..., DurableLLM], fault: Exception
    ) -> None:
        llm = load(Faulty(says={"b": fault}), outage=2)
        asked = llm.submit("b")
        while not asked.done():
            llm.submit(f"a{len(llm.llm._asked)}").result(timeout=LIMIT)  # type: ignore[attr-defined]
        assert asked.result()[0].reason is not None
        assert not asked.result()[0].is_final
        assert texts(load(Faulty()), "b") == [["b!"]]

    @pytest.mark.parametrize(
        "fault",
        [
            RequestFailed("too long", "context_length"),
            RequestFailed("flagged", "content_filter"),
            refused(),
            RequestFailed("all of it came as thoughts", "reasoning_only"),
            ValueError("cannot say b"),
            {"generations": [None]},
        ],
        ids=str,
    )
    def test_one_of_the_request_stays_while_others_are_answered(
        self, load: Callable[..., DurableLLM], fault: Any
    ) -> None:
        llm = load(Faulty(says={"b": fault}), keeps_failures=True)
        assert texts(llm, "a") == [["a!"]]
        (reason,) = failures(llm, "b")
        assert texts(llm, "c") == [["c!"]]
        again = load(model := Faulty(), keeps_failures=True)
        assert failures(again, "a", "b", "d") == [None, reason, None]
        assert model._asked == ["d"]

    def test_what_refuses_all_from_some_moment_on_ends_the_run_and_leaves_nothing_behind(
        self, load: Callable[..., DurableLLM]
    ) -> None:
        prompts = [str(number) for number in range(30)]
        llm = load(Faulty(says={"else": refused(), "a": "a!"}), keeps_failures=True)
        assert failures(llm, "a") == [None]
        with pytest.raises(EndpointError, match="Request after request was refused: no such parameter"):
            failures(llm, *prompts)
        llm.unload()
        assert failures(load(Faulty(), keeps_failures=True), *prompts) == [None] * 30

    def test_what_comes_empty_is_no_sign_that_others_get_through(self, load: Callable[..., DurableLLM]) -> None:
        empty = {"generations": [""], "finish_reason": ["length"]}
        llm = load(Faulty(says={"a": empty, "else": refused()}), keeps_failures=True)
        assert failures(llm, "a") == [None]
        with pytest.raises(EndpointError, match="Every request so far was refused"):
            failures(llm, *"bcd")
        llm.unload()
        assert failures(load(Faulty(), keeps_failures=True), *"bcd") == [None] * 3

    def test_answers_of_which_none_is_of_any_use_end_the_run(self, load: Callable[..., DurableLLM]) -> None:
        useless = RequestFailed("a message without content", "invalid_response", retryable=True)
        llm = load(Faulty(says={"else": useless}), keeps_failures=True)
        with pytest.raises(EndpointError, match="Every request so far failed: a message without content"):
            failures(llm, *"abc")
        llm.unload()
        assert texts(load(Faulty(), keeps_failures=True), *"abc") == [["a!"], ["b!"], ["c!"]]

    def test_an_answer_of_no_use_is_tried_again_and_then_of_the_request(self, load: Callable[..., DurableLLM]) -> None:
        useless = RequestFailed("a message without content", "invalid_response", retryable=True)
        llm = load(model := Faulty(says={"b": useless}), keeps_failures=True)
        assert failures(llm, "a") + failures(llm, "b") + failures(llm, "c") == [None, "invalid_response", None]
        assert model._asked == ["a", "b", "b", "b", "c"]
        assert failures(load(Faulty(), keeps_failures=True), "b") == ["invalid_response"]

    @pytest.mark.parametrize(
        "fault",
        [
            refused("`temperature` and `top_p` cannot both be specified"),
            RequestFailed("all of it came as thoughts", "reasoning_only"),
            RequestFailed("422: extra inputs", "bad_request", kind="setup"),
            TypeError("agenerate() got an unexpected keyword argument"),
            RequestFailed("404: a web page", "not_found", retryable=True, kind="setup"),
            {"generations": [None]},
        ],
        ids=str,
    )
    def test_what_refuses_the_first_three_requests_alike_ends_the_run(
        self, load: Callable[..., DurableLLM], tmp_path: Path, fault: Any
    ) -> None:
        llm = load(Faulty(says={"else": fault}), keeps_failures=True)
        with pytest.raises(
            EndpointError, match=r"^Every request so far was refused: .*\. .*Run the same command again"
        ):
            texts(llm, *"abcdefgh")
        llm.unload()
        assert texts(load(Faulty(), keeps_failures=True), *"abcdefgh") == [[f"{prompt}!"] for prompt in "abcdefgh"]

    def test_the_same_request_three_times_is_one(self, load: Callable[..., DurableLLM]) -> None:
        llm = load(Faulty(says={"a": refused()}))
        assert failures(llm, "a", "a", "a", "a", "b") == ["bad_request"] * 4 + [None]

    def test_a_refusal_before_the_first_answer_is_of_the_request_once_there_is_one(
        self, load: Callable[..., DurableLLM]
    ) -> None:
        llm = load(Faulty(says={"a": refused(), "b": refused()}), keeps_failures=True)
        assert failures(llm, "a", "b") == ["bad_request", "bad_request"]
        llm.unload()
        llm = load(Faulty(says={"a": refused()}), keeps_failures=True)
        assert [failures(llm, "a"), failures(llm, "c")] == [["bad_request"], [None]]
        again = load(model := Faulty(), keeps_failures=True)
        assert failures(again, "a", "b", "c") == ["bad_request", None, None]
        assert model._asked == ["b"]

    def test_an_answer_to_what_was_asked_before_a_refusal_says_nothing_about_it(
        self, load: Callable[..., DurableLLM]
    ) -> None:
        class Slow(Faulty):
            async def agenerate(self, input: Any, num_generations: int = 1) -> Any:  # type: ignore[override]
                if input == "slow":
                    while "refused" not in self._asked:
                        await asyncio.sleep(0.005)
                    await asyncio.sleep(0.05)
                return await super().agenerate(input, num_generations)

        llm = load(Slow(says={"refused": refused()}), keeps_failures=True)
        assert failures(llm, "slow", "refused") == [None, "bad_request"]
        llm.unload()
        assert texts(load(Faulty(), keeps_failures=True), "slow", "refused") == [["slow!"], ["refused!"]]

    def test_attempts_count_that_failed_for_the_same_reason(self, load: Callable[..., DurableLLM]) -> None:
        class Recovering(Faulty):
            _faults: list[RequestFailed] = PrivateAttr(
                default_factory=lambda: [
                    *[RequestFailed("429", "rate_limited", retryable=True, retry_after=0) for _ in range(3)],
                    RequestFailed("a tool was called", "invalid_response", retryable=True),
                ]
            )

            async def agenerate(self, input: Any, num_generations: int = 1) -> Any:  # type: ignore[override]
                if input == "b" and self._faults:
                    raise self._faults.pop(0)
                return await super().agenerate(input, num_generations)

        llm = load(Recovering(), keeps_failures=True)
        asked = llm.submit("b")
        while not asked.done():
            llm.submit(f"a{len(llm.llm._asked)}").result(timeout=LIMIT)  # type: ignore[attr-defined]
        assert asked.result()[0].completion == "b!"

    def test_it_is_counted_over_all_stages(self, load: Callable[..., DurableLLM]) -> None:
        with SlotServer(concurrency=4):
            one, other = [load(Faulty(says={"else": refused()}), stage=stage) for stage in ("one", "other")]
            assert failures(one, "a", "b") == ["bad_request", "bad_request"]
            with pytest.raises(EndpointError, match="Every request so far was refused"):
                failures(other, "c")
            for llm in (one, other):
                llm.unload()

    def test_an_answer_in_one_stage_counts_in_all(self, load: Callable[..., DurableLLM]) -> None:
        with SlotServer(concurrency=4):
            one, other = load(Faulty(), stage="one"), load(Faulty(says={"else": refused()}), stage="other")
            assert failures(one, "a") == [None]
            assert failures(other, *"bcdefg") == ["bad_request"] * 6
            for llm in (one, other):
                llm.unload()

    def test_a_synchronous_model_too(self, load: Callable[..., DurableLLM]) -> None:
        llm = load(Script(script={prompt: ValueError("no such argument") for prompt in "abcd"}), concurrency=1)
        with pytest.raises(EndpointError, match=r"refused: no such argument\."):
            texts(llm, *"abcd")

    def test_a_synchronous_model_that_is_out_of_reach_stops_a_loop(self, load: Callable[..., DurableLLM]) -> None:
        llm = load(Script(script={"b": ConnectionRefusedError("gone")}), keeps_failures=True)
        assert failures(llm, "a", "b") == [None, "unavailable"]
        assert texts(load(Script(), keeps_failures=True), "a", "b") == [["A 0"], ["B 0"]]


class TestNothingHangs:
    """Nobody waits for what cannot come."""

    @pytest.mark.parametrize("how", ["wait", "wait and ignore"])
    def test_an_attempt_has_an_end_with_any_asynchronous_model(self, load: Callable[..., DurableLLM], how: str) -> None:
        llm = load(Faulty(says={"b": how}), timeout=0.05, outage=0.2)
        assert failures(llm, "a", "b") == [None, "timeout"]

    @pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), MemoryError(), RecursionError()], ids=repr)
    def test_whatever_the_model_raises_fails_one_request(
        self, load: Callable[..., DurableLLM], error: BaseException
    ) -> None:
        llm = load(Faulty(says={"b": error}))
        assert failures(llm, "a") == [None]
        assert failures(llm, "b", "c") == ["model_error", None]

    def test_a_completion_that_cannot_be_stored_is_an_error_and_the_next_goes_on(
        self, load: Callable[..., DurableLLM], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        llm = load(Faulty())
        with monkeypatch.context() as patched:
            patched.setattr(_Store, "_insert", lambda self, record: 1 // 0)
            with pytest.raises(RunFolderError, match="could not be stored"):
                llm.submit("a").result(timeout=LIMIT)
        assert texts(llm, "b") == [["b!"]]

    def test_a_loop_that_ends_leaves_nobody_waiting(self, load: Callable[..., DurableLLM]) -> None:
        llm = load(Faulty(says={"b": "wait"}))
        asked = llm.submit("b")
        wait_until(lambda: llm.llm._asked)  # type: ignore[attr-defined]
        llm._loop.call_soon_threadsafe(llm._loop.stop)
        with pytest.raises(RunStopped, match="failed"):
            asked.result(timeout=LIMIT)
        llm._thread.join(timeout=LIMIT)
        with pytest.raises(RunFolderError, match="that asks the model has died"):
            llm.generate_outputs(inputs=["c"])
        llm._has_left.clear()
        llm._thread = threading.Thread(target=llm._run_loop)  # for unloading
        llm._thread.start()
        for task in asyncio.all_tasks(llm._loop):
            llm._loop.call_soon_threadsafe(task.cancel)


LONE, PAIR = "\ud83d", "\ud83d\ude00"  # half an emoji, and one in two halves


class TestOddAnswers:
    """What a model says is kept as well as a file can keep it, the first time and every other time."""

    @pytest.mark.parametrize(
        ("output", "kept"),
        [
            ({"generations": [f"Hi {LONE}"]}, {"generations": ["Hi \ufffd"]}),
            ({"generations": [f"Hi {PAIR}"]}, {"generations": ["Hi \U0001f600"]}),
            ({"generations": ["a\x00b"]}, {"generations": ["a\x00b"]}),
            ({"finish_reason": [{"type": "stop"}]}, {"finish_reason": ['{"type": "stop"}']}),
            ({"finish_reason": [LONE]}, {"finish_reason": ["\ufffd"]}),
            ({"finish_reason": "stop"}, {"finish_reason": [None]}),
            ({"reasoning": [f"Hm {LONE}"]}, {"reasoning": ["Hm \ufffd"]}),
        ],
        ids=str,
    )
    def test_texts(self, load: Callable[..., DurableLLM], output: Any, kept: Any) -> None:
        for _ in range(2):
            (found,) = load(Faulty(says={"a": {"generations": ["yes"], **output}})).generate_outputs(inputs=["a"])
            assert {name: found[name] for name in kept} == kept  # type: ignore[literal-required]

    @pytest.mark.parametrize(
        ("given", "kept"), [("12", 12), (math.nan, 0), (2**70, 2**63 - 1), (-5, 0), (None, 0), ("many", 0), (7.9, 7)]
    )
    def test_counts(self, load: Callable[..., DurableLLM], given: Any, kept: int) -> None:
        statistics = {"input_tokens": [given], "output_tokens": [given], "cached_tokens": [given]}
        for _ in range(2):
            model = Faulty(says={"a": {"generations": ["yes"], "statistics": statistics}})
            (output,) = load(model).generate_outputs(inputs=["a"])
            assert output["statistics"] == {name: [kept] for name in statistics}

    @pytest.mark.parametrize(
        "prompt", [f"Say {LONE}.", [{"role": "user", "content": f"Say {LONE}."}]], ids=["raw", "chat"]
    )
    def test_half_a_character_in_a_prompt_is_not_sent(self, load: Callable[..., DurableLLM], prompt: Any) -> None:
        model = Echo()
        for _ in range(2):
            (output,) = load(model).generate_outputs(inputs=[prompt])
            assert "Say \ufffd." in str(json.loads(output["generations"][0] or ""))
        assert len(model._asked) == 1


class TestSynchronous:
    def test_prompts_go_in_chunks(self, load: Callable[..., DurableLLM]) -> None:
        model = Script()
        assert texts(load(model, concurrency=2), "a", "b", "c") == [["A 0"], ["B 0"], ["C 0"]]
        assert model._calls == [["a", "b"], ["c"]]
        assert texts(load(Script(), concurrency=2), "a", "d") == [["A 0"], ["D 0"]]

    def test_a_chunk_that_fails_is_split_until_the_culprit_is_alone(self, load: Callable[..., DurableLLM]) -> None:
        model = Script(script={"f": ValueError("cannot say f")})
        llm = load(model, concurrency=8)
        outputs = llm.generate_outputs(inputs=list("abcdefgh"))
        assert [output["failure"][0] for output in outputs] == [None] * 5 + ["model_error"] + [None] * 2  # type: ignore[typeddict-item]
        assert outputs[5]["failure_detail"] == ["cannot say f"]  # type: ignore[typeddict-item]
        assert model._calls == [list("abcdefgh"), list("abcd"), list("efgh"), list("ef"), ["e"], ["f"], list("gh")]

    def test_outputs_that_are_too_few_are_a_failure_and_not_shifted(self, load: Callable[..., DurableLLM]) -> None:
        model = Script(script={"most outputs": 1})
        assert texts(load(model, concurrency=4), *"abcd") == [["A 0"], ["B 0"], ["C 0"], ["D 0"]]
        assert failures(load(Script(script={"most outputs": 0})), "e") == ["invalid_response"]

    def test_a_completion_that_is_none_has_a_reason(self, load: Callable[..., DurableLLM]) -> None:
        assert failures(load(Script(script={"a": None})), "a", "b") == ["no_completion", None]

    def test_n_samples(self, load: Callable[..., DurableLLM]) -> None:
        assert texts(load(Script()), "a", n=2) == [["A 0", "A 1"]]
        (output,) = load(Script()).generate_outputs(inputs=["a"], num_generations=3)
        assert output["generations"] == ["A 0", "A 1", "A 0"]
        assert output["statistics"] == {"input_tokens": [3, 0, 3], "output_tokens": [1, 2, 1], "cached_tokens": [0] * 3}

    def test_what_was_answered_before_the_model_was_lost_is_stored(
        self, load: Callable[..., DurableLLM], tmp_path: Path
    ) -> None:
        model = Script(script={"d": EndpointError("the model is gone")})
        with pytest.raises(EndpointError, match="the model is gone"):
            texts(load(model, concurrency=4), *"abcd")
        assert usage_by_stage(tmp_path)["completions"].requests == 3


class TestInARun:
    """With the slots of a run, as in its workers."""

    def test_slots_and_budget_are_the_runs(self, server: OpenAIServer, load: Callable[..., DurableLLM]) -> None:
        with SlotServer(concurrency=2, budget=Budget(max_tokens=20)) as slots:
            llm = load(server, stage="s", concurrency=99)
            found = failures(llm, *(f"prompt number {number}" for number in range(30)))  # of 3 and 4 tokens each
            llm.unload()
        assert server.max_in_flight <= 2
        assert found.count("budget") == 30 - len(server.requests)
        assert len(server.requests) == 2
        assert slots.spent["s"].requests == len(server.requests)

    def test_a_synchronous_model_keeps_to_the_budget_too(self, load: Callable[..., DurableLLM]) -> None:
        with SlotServer(concurrency=2, budget=Budget(max_tokens=8)):
            llm = load(Script(), concurrency=1)
            assert failures(llm, *"abcd") == [None, None, "budget", "budget"]
            llm.unload()

    def test_failures_and_progress_reach_the_main_process(
        self, server: OpenAIServer, load: Callable[..., DurableLLM]
    ) -> None:
        server.faults = [status(400)]
        with SlotServer(concurrency=2) as slots:
            llm = load(server, stage="s")
            failures(llm, "a")
            llm.report(admitted=7)
            wait_until(lambda: slots.events.get("s") == {"failures": {"bad_request": 1}, "admitted": 7})
            llm.unload()

    def test_the_run_is_busy_until_the_answer_is_on_disk(
        self, server: OpenAIServer, load: Callable[..., DurableLLM], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        disk = threading.Event()
        store = Records.store

        def slow(self: Records, records: Any) -> Any:
            return _after(disk, lambda: store(self, records))

        with SlotServer(concurrency=2) as slots:
            llm = load(server)
            monkeypatch.setattr(Records, "store", slow)
            asked = llm.submit("a")
            wait_until(lambda: slots.spent and not slots.in_flight and server.requests)
            assert slots.is_busy
            slots.stop("interrupted")
            assert slots.is_busy
            disk.set()
            wait_until(lambda: not slots.is_busy)
            assert asked.result(timeout=LIMIT)[0].completion == "a 0"
            llm.unload()

    def test_unloading_waits_for_sent_requests_and_drops_the_others(
        self, load: Callable[..., DurableLLM], tmp_path: Path
    ) -> None:
        model = Echo(waits=True)
        with SlotServer(concurrency=2):
            llm = load(model, stage="s")
            asked = [llm.submit(prompt) for prompt in "abcd"]
            wait_until(lambda: len(model._asked) == 2)
            unloading = threading.Thread(target=llm.unload)
            unloading.start()
            wait_until(lambda: llm._is_ending)
            model._go_on.set()
            unloading.join()
        assert model._asked == ["a", "b"]
        assert usage_by_stage(tmp_path)["s"].requests == 2
        assert [future.cancelled() for future in asked] == [False, False, True, True]

    def test_unloading_does_not_wait_for_a_request_that_is_to_be_tried_again(
        self, server: OpenAIServer, load: Callable[..., DurableLLM], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(durable, "_growing_wait", lambda state: 600.0)
        server.fault_rule = lambda body: status(503)
        llm = load(server)
        asked = llm.submit("a")
        wait_until(lambda: llm._failing)
        llm.unload()
        assert asked.cancelled()


def _after(event: threading.Event, work: Callable[[], Any]) -> Any:
    """A future of a future."""
    pool = ThreadPoolExecutor(1)

    def run() -> None:
        event.wait(LIMIT)
        work().result(timeout=LIMIT)

    future = pool.submit(run)
    pool.shutdown(wait=False)
    return future


def test_any_asynchronous_model_of_distilabel(load: Callable[..., DurableLLM]) -> None:
    chat = [{"role": "user", "content": "hello"}]
    outputs = load(Echo()).generate_outputs(inputs=[chat, [{"role": "user", "content": "no"}]], num_generations=2)
    assert outputs[0]["generations"] == [json.dumps(chat)] * 2
    assert outputs[0]["statistics"] == {name: [0, 0] for name in ("input_tokens", "output_tokens", "cached_tokens")}
    assert outputs[1]["failure"] == ["content_filter"] * 2
