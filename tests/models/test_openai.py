"""OpenAICompatibleLLM over real HTTP, against the stub server and its faults."""

from __future__ import annotations

import asyncio
import logging
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import aiohttp
import pytest

from distilabel_selfinstruct.errors import ConfigError, EndpointError, RequestFailed
from distilabel_selfinstruct.models.connection import StatusError
from distilabel_selfinstruct.models.faults import explain
from distilabel_selfinstruct.models.openai import OpenAICompatibleLLM
from tests.support.openai_server import (
    CUT,
    EMPTY,
    HANG,
    TRUNCATED,
    Answer,
    Body,
    Fault,
    OpenAIServer,
    garbage,
    html,
    status,
)

# distilabel imports its own deprecated module when something is dumped.
pytestmark = pytest.mark.filterwarnings("ignore:Importing from 'distilabel.llms' is deprecated:DeprecationWarning")

CHAT = [{"role": "user", "content": "Name three primary colours."}]
SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "string"}},
    "required": ["answer"],
    "additionalProperties": False,
}


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer() as server:
        yield server


def ask(server: OpenAIServer, input: Any = CHAT, options: dict[str, Any] | None = None, **attributes: Any) -> Any:
    """One call of a fresh LLM, from load to unload."""
    llm = OpenAICompatibleLLM(model="stub-model", base_url=server.url, **attributes)
    llm.load()
    try:
        return llm.generate(inputs=[input], **(options or {}))[0]
    finally:
        llm.unload()


def counts(output: Any) -> tuple[list[int], list[int]]:
    return output["statistics"]["input_tokens"], output["statistics"]["output_tokens"]


def load_error(**attributes: Any) -> str:
    llm = OpenAICompatibleLLM(**{"model": "stub-model", **attributes})
    with pytest.raises(EndpointError) as caught:
        llm.load()
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    return str(caught.value)


class TestRequest:
    def test_a_chat_goes_to_chat_completions(self, server: OpenAIServer) -> None:
        ask(server, CHAT)
        assert server.requests[0].path == "/v1/chat/completions"
        assert server.requests[0].body["messages"] == CHAT

    def test_a_string_goes_to_completions(self, server: OpenAIServer) -> None:
        ask(server, "Come up with a series of tasks:\n1.")
        assert server.requests[0].path == "/v1/completions"
        assert server.requests[0].body["prompt"] == "Come up with a series of tasks:\n1."

    def test_an_empty_chat_is_magpies_template_as_a_raw_completion(self, server: OpenAIServer) -> None:
        for input in ([], CHAT):
            ask(server, input, magpie_pre_query_template="llama3", use_magpie_template=True)
        raw, chat = (request for request in server.requests if request.body)
        # Servers put the mark of a text's beginning before every raw prompt themselves.
        assert raw.body["prompt"] == "<|start_header_id|>user<|end_header_id|>\n\n"
        assert (raw.path, chat.path) == ("/v1/completions", "/v1/chat/completions")

    def test_parameters_left_alone_are_not_sent(self, server: OpenAIServer) -> None:
        ask(server)
        assert set(server.requests[0].body) == {"model", "messages", "max_tokens"}

    @pytest.mark.parametrize("input", [CHAT, "1."], ids=["chat", "raw"])
    def test_every_parameter_given_is_sent(self, server: OpenAIServer, input: Any) -> None:
        options = {
            "temperature": 0.7,
            "top_p": 0.5,
            "frequency_penalty": 0.5,
            "presence_penalty": 2.0,
            "stop": ["\n\n", "16.", "17.", "18.", "19."],
            "seed": 7,
            "response_format": {"type": "json_object"},
        }
        ask(server, input, {**options, "max_new_tokens": 99, "extra_body": {"min_p": 0.1}})
        body = server.requests[0].body
        assert {name: body[name] for name in options} == options
        assert (body["max_tokens"], body["min_p"]) == (99, 0.1)

    def test_values_that_mean_nothing_are_not_sent(self, server: OpenAIServer) -> None:
        ask(server, options={"temperature": 0.0, "top_p": 1.0, "frequency_penalty": 0.0, "presence_penalty": 0})
        assert set(server.requests[0].body) == {"model", "messages", "max_tokens", "temperature"}

    def test_a_raw_completion_ends_before_its_stop_sequence(self) -> None:
        with OpenAIServer(answer=lambda body: " Sort a list.\n16. Never shown") as server:
            output = ask(server, "15.", {"stop": ["\n16."]})
        assert output["generations"] == [" Sort a list."]
        assert output["finish_reason"] == ["stop"]

    def test_openai_itself_gets_four_stop_sequences(self) -> None:
        stop = ["a", "b", "c", "d", "e"]
        openai_llm = OpenAICompatibleLLM(model="gpt", base_url="https://api.openai.com/v1")
        assert openai_llm._sent_stop(stop) == ["a", "b", "c", "d"]
        assert OpenAICompatibleLLM(model="m", base_url="https://example.org/v1")._sent_stop(stop) == stop

    def test_a_stop_sequence_that_a_server_does_not_heed_is_cut_here(self) -> None:
        reply = {
            "choices": [{"text": "Sort a list.\n16. More\n\n", "finish_reason": "length"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 7},
        }
        with OpenAIServer(faults=[garbage(reply)]) as server:
            output = ask(server, "15.", {"stop": ["\n\n", "\n16."]})
        assert output == {
            "generations": ["Sort a list."],
            "finish_reason": ["stop"],
            "statistics": {"input_tokens": [1], "output_tokens": [7], "cached_tokens": [0], "reasoning_tokens": [0]},
            "reasoning": [None],
        }


class TestEndOfAChat:
    """Where our prompts' form goes on with the next task, a chat ends, but no thought does."""

    NEXT_TASK: ClassVar[Any] = {"chat_stop": ["\nTask:"]}
    THINKING = "<think>\nTask: a capital. Lima?</think>Output: Lima"

    @staticmethod
    def stops(server: OpenAIServer) -> list[list[str] | None]:
        return [request.body.get("stop") for request in server.requests if request.body]

    def test_a_chat_ends_at_the_next_task(self) -> None:
        with OpenAIServer(answer=lambda body: "Output: Lima\nTask: Name another.\nOutput: Quito") as server:
            output = ask(server, options=self.NEXT_TASK)
        assert (output["generations"], output["finish_reason"]) == (["Output: Lima"], ["stop"])
        assert self.stops(server) == [["\nTask:"]]

    def test_a_raw_prompt_has_its_own_stop_sequences(self, server: OpenAIServer) -> None:
        ask(server, "1.", {"stop": ["\n\n"], **self.NEXT_TASK})
        assert self.stops(server) == [["\n\n"]]

    @pytest.mark.parametrize("begin", ["<think>\n", "<think>\nWell.\n"])
    def test_a_thought_that_it_ended_is_asked_for_again_without_it(self, begin: str) -> None:
        with OpenAIServer(answer=lambda body: self.THINKING.replace("<think>\n", begin)) as server:
            output = ask(server, options={"stop": ["Quito"], **self.NEXT_TASK})
        assert output["generations"] == ["Output: Lima"]
        assert output["reasoning"][0].endswith("Task: a capital. Lima?")
        assert self.stops(server) == [["Quito", "\nTask:"], ["Quito"]]

    def test_who_has_shown_thoughts_is_not_sent_it_in_the_stages_that_follow(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        memory = str(tmp_path / "learned.json")
        with OpenAIServer(answer=lambda body: self.THINKING) as server:
            ask(server, memory=memory)
            output = ask(server, options=self.NEXT_TASK, memory=memory)
        assert output["generations"] == ["Output: Lima"]
        assert self.stops(server) == [None, None]
        assert set(server.requests[-1].body) == {"model", "messages", "max_tokens"}
        assert not caplog.records

    def test_thoughts_alone_stay_a_failure(self) -> None:
        with OpenAIServer(answer=lambda body: "<think>\nLima?") as server, pytest.raises(RequestFailed) as caught:
            ask(server, options=self.NEXT_TASK)
        assert caught.value.reason == "reasoning_only"
        assert self.stops(server) == [["\nTask:"], None]

    def test_an_empty_answer_is_no_thought(self, tmp_path: Path) -> None:
        memory = str(tmp_path / "learned.json")
        with OpenAIServer(answer=lambda body: "" if len(self.stops(server)) < 3 else "Lima") as server:
            output = ask(server, options=self.NEXT_TASK, memory=memory)
            ask(server, options=self.NEXT_TASK, memory=memory)
        assert output["generations"] == [""]
        assert self.stops(server) == [["\nTask:"], None, ["\nTask:"]]

    def test_an_answer_cut_before_it_began_is_not_asked_for_again(self) -> None:
        with OpenAIServer(answer=lambda body: Answer(None, "length")) as server:
            assert ask(server, options=self.NEXT_TASK)["finish_reason"] == ["length"]
        assert self.stops(server) == [["\nTask:"]]

    def test_where_a_server_refuses_it_the_answer_is_cut_here(self) -> None:
        def refuse(body: Body) -> Fault | None:
            return status(400, "Unsupported parameter: 'stop'", param="stop") if "stop" in body else None

        with OpenAIServer(answer=lambda body: "Output: Lima\nTask: More", fault_rule=refuse) as server:
            assert ask(server, options=self.NEXT_TASK)["generations"] == ["Output: Lima"]
        assert self.stops(server) == [["\nTask:"], None]


class TestCompletions:
    def test_a_cut_completion_says_length(self) -> None:
        with OpenAIServer(answer=lambda body: "one two three four") as server:
            output = ask(server, options={"max_new_tokens": 2})
        assert output == {
            "generations": ["one two"],
            "statistics": {"input_tokens": [4], "output_tokens": [2], "cached_tokens": [0], "reasoning_tokens": [0]},
            "finish_reason": ["length"],
            "reasoning": [None],
        }

    def test_the_prompt_counts_once_and_output_tokens_sum_up(self) -> None:
        answers = ["a", "a b c d", "a b"]
        with OpenAIServer(answer=lambda body: answers[body["choice"]]) as server:
            output = ask(server, options={"num_generations": 3})
        assert output["generations"] == answers
        assert counts(output) == ([4, 0, 0], [1, 4, 2])
        assert [request.body["n"] for request in server.requests] == [3]

    def test_where_a_server_ignores_n_the_missing_ones_are_asked_for(self) -> None:
        with OpenAIServer(answer=lambda body: f"seed {body['seed']}", honours_n=False) as server:
            output = ask(server, options={"num_generations": 3, "seed": 10})
        assert output["generations"] == ["seed 10", "seed 11", "seed 12"]
        assert counts(output) == ([4, 4, 4], [2, 2, 2])
        assert [request.body.get("n") for request in server.requests] == [3, 2, None]
        assert server.max_in_flight == 1

    def test_empty_completions_are_completions(self, caplog: pytest.LogCaptureFixture) -> None:
        with OpenAIServer(answer=lambda body: "") as server:
            output = ask(server, options={"num_generations": 2})
        assert output["generations"] == ["", ""]
        assert output["statistics"]["output_tokens"] == [0, 0]
        assert not caplog.records

    @pytest.mark.parametrize("answer", [Answer(None), Answer("Half an ans", "content_filter")])
    def test_a_refusal_is_a_content_filter(self, answer: Answer) -> None:
        with OpenAIServer(answer=lambda body: answer) as server, pytest.raises(RequestFailed) as caught:
            ask(server)
        assert (caught.value.reason, caught.value.retryable) == ("content_filter", False)

    def test_a_model_cut_while_it_reasons_gives_an_empty_cut_completion(self) -> None:
        with OpenAIServer(answer=lambda body: Answer(None, "length")) as server:
            output = ask(server)
        assert (output["generations"], output["finish_reason"]) == ([""], ["length"])

    def test_finish_reasons_of_other_servers_are_translated(self) -> None:
        with OpenAIServer(answer=lambda body: Answer("Red", "eos_token")) as server:
            assert ask(server)["finish_reason"] == ["stop"]

    def test_missing_token_counts_are_told_once(self, caplog: pytest.LogCaptureFixture) -> None:
        reply = garbage({"choices": [{"text": "Red", "finish_reason": "stop"}]})
        with OpenAIServer(fault_rule=lambda body: reply) as server:
            output = ask(server, "1.", {"num_generations": 2})
        assert counts(output) == ([0, 0], [0, 0])
        assert [record.message for record in caplog.records if record.levelno == logging.WARNING] == [
            f"{server.url} reports no token counts: no budget can include it"
        ]


class TestFaults:
    @pytest.mark.parametrize(
        ("fault", "kind"),
        [
            (html(), "service"),
            (EMPTY, "service"),
            (TRUNCATED, "service"),
            (garbage([]), "request"),
            (garbage({"choices": []}), "request"),
            (garbage({"choices": None}), "request"),
            (garbage({"choices": [None]}), "request"),
        ],
        ids=["html", "empty", "truncated", "list", "no choices", "null choices", "null choice"],
    )
    def test_an_answer_nobody_can_use(self, fault: Fault, kind: str) -> None:
        with OpenAIServer(faults=[fault]) as server, pytest.raises(RequestFailed) as caught:
            ask(server)
        assert (caught.value.reason, caught.value.retryable) == ("invalid_response", True)
        assert caught.value.kind == kind
        assert len(server.requests) == 1

    @pytest.mark.parametrize(
        ("fault", "code"),
        [
            (status(429, retry_after=7), 429),
            (status(400), 400),
            (status(500), 500),
            (html(503), 503),
        ],
        ids=["429", "400", "500", "503 html"],
    )
    def test_other_statuses_pass_after_one_attempt(self, fault: Fault, code: int) -> None:
        with OpenAIServer(faults=[fault]) as server, pytest.raises(StatusError) as caught:
            ask(server)
        assert (caught.value.status_code, len(server.requests)) == (code, 1)
        assert caught.value.headers.get("retry-after") == ("7" if code == 429 else None)

    def test_a_cut_connection_passes_after_one_attempt(self) -> None:
        with OpenAIServer(faults=[CUT]) as server, pytest.raises(aiohttp.ClientError) as caught:
            ask(server)
        assert (explain(caught.value).reason, len(server.requests)) == ("server_error", 1)

    def test_a_hanging_request_times_out(self) -> None:
        with OpenAIServer(faults=[HANG]) as server, pytest.raises(RequestFailed) as caught:
            ask(server, timeout=0.2)
        assert (caught.value.reason, caught.value.kind, caught.value.retryable) == ("timeout", "service", True)
        assert str(caught.value) == "no whole answer within 0.2 s"

    def test_an_endpoint_that_goes_away_and_comes_back(self, server: OpenAIServer) -> None:
        llm = OpenAICompatibleLLM(model="stub-model", base_url=server.url)
        llm.load()
        server.outage()
        with pytest.raises(aiohttp.ClientConnectorError):
            llm.generate(inputs=[CHAT])
        server.recover()
        assert llm.generate(inputs=[CHAT])[0]["finish_reason"] == ["stop"]
        llm.unload()


class TestRefusedParameters:
    def test_max_tokens_gets_its_new_name(self, caplog: pytest.LogCaptureFixture) -> None:
        server = OpenAIServer(
            fault_rule=lambda body: (
                status(
                    400,
                    "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' "
                    "instead.",
                    code="unsupported_parameter",
                    param="max_tokens",
                )
                if "max_tokens" in body
                else None
            )
        )
        with server:
            ask_twice(server, {"max_new_tokens": 5})
        assert [(r.body.get("max_tokens"), r.body.get("max_completion_tokens")) for r in server.requests] == [
            (5, None),
            (None, 5),
            (None, 5),
        ]
        assert not caplog.records

    def test_a_temperature_that_a_model_refuses_is_left_out_with_one_warning(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        server = OpenAIServer(
            fault_rule=lambda body: (
                status(
                    400,
                    "Unsupported value: 'temperature' does not support 0.7 with this model.",
                    code="unsupported_value",
                    param="temperature",
                )
                if "temperature" in body
                else None
            )
        )
        with server:
            ask_twice(server, {"temperature": 0.7, "top_p": 0.5})
        assert [r.body.get("temperature") for r in server.requests] == [0.7, None, None]
        assert [r.body.get("top_p") for r in server.requests] == [0.5, 0.5, 0.5]
        assert len(caplog.records) == 1
        assert caplog.records[0].message.startswith(
            "stub-model refuses `temperature`, which is left out from now on (Unsupported value: "
        )

    def test_an_invalid_value_is_an_error(self) -> None:
        rejected = status(400, "temperature must be below 2", code="invalid_value", param="temperature")
        with (
            OpenAIServer(fault_rule=lambda body: rejected) as server,
            pytest.raises(StatusError, match="400"),
        ):
            ask(server, options={"temperature": 3.0})
        assert len(server.requests) == 1

    def test_a_parameter_that_a_request_needs_is_an_error(self) -> None:
        rejected = status(400, "no model here", code="unsupported_parameter", param="model")
        with (
            OpenAIServer(fault_rule=lambda body: rejected) as server,
            pytest.raises(StatusError, match="400"),
        ):
            ask(server)
        assert len(server.requests) == 1

    def test_a_parameter_that_was_not_sent_is_an_error(self) -> None:
        rejected = status(400, "no temperature here", code="unsupported_parameter", param="temperature")
        with OpenAIServer(faults=[rejected] * 3) as server, pytest.raises(StatusError, match="400"):
            ask(server)
        assert len(server.requests) == 1

    def test_a_prompt_too_long_for_vllm_does_not_rename_max_tokens(self) -> None:
        too_long = status(
            400,
            "'max_tokens' or 'max_completion_tokens' is too large: 128. This model's maximum "
            "context length is 2048 tokens and your request has 2000 input tokens",
        )
        with OpenAIServer(faults=[too_long]) as server, pytest.raises(StatusError, match="400"):
            ask(server)
        assert len(server.requests) == 1

    def test_what_fails_without_the_parameter_too_is_not_held_against_it(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        def too_long(body: Body) -> Fault | None:
            return status(400, "guided decoding failed") if len(body["messages"]) > 1 else None

        with OpenAIServer(fault_rule=too_long) as server:
            llm = OpenAICompatibleLLM(model="stub-model", base_url=server.url)
            llm.load()
            with pytest.raises(StatusError, match="400"):
                llm.generate(inputs=[(CHAT * 2, {"schema": SCHEMA})])
            llm.generate(inputs=[(CHAT, {"schema": SCHEMA})])
            llm.unload()
        assert [form(request.body) for request in server.requests] == [
            "json_schema",
            "json_object",
            None,
            "json_schema",
        ]
        assert not caplog.records

    def test_requests_in_flight_meanwhile_are_sent_again_too(self, caplog: pytest.LogCaptureFixture) -> None:
        rejected = status(400, "no top_p here", code="unsupported_parameter", param="top_p")
        with OpenAIServer(fault_rule=lambda body: rejected if "top_p" in body else None, latency=0.05) as server:
            llm = OpenAICompatibleLLM(model="stub-model", base_url=server.url)
            llm.load()
            outputs = llm.generate(inputs=[CHAT] * 8, top_p=0.5)
            llm.unload()
        assert [output["finish_reason"] for output in outputs] == [["stop"]] * 8
        assert len(caplog.records) == 1


def form(body: dict[str, Any]) -> str | None:
    return body.get("response_format", {}).get("type")


def ask_twice(server: OpenAIServer, options: dict[str, Any]) -> None:
    llm = OpenAICompatibleLLM(model="stub-model", base_url=server.url)
    llm.load()
    for _ in range(2):
        llm.generate(inputs=[CHAT], **options)
    llm.unload()


class TestStructuredOutput:
    def test_a_schema_that_comes_with_a_chat_is_sent_as_response_format(self, server: OpenAIServer) -> None:
        ask(server, (CHAT, {"format": "json", "schema": SCHEMA}))
        assert server.requests[0].body["response_format"] == {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True},
        }

    @pytest.mark.parametrize("code", [400, 422])
    def test_a_server_that_refuses_schemas_is_asked_without_from_then_on(
        self, caplog: pytest.LogCaptureFixture, code: int
    ) -> None:
        def refuse(body: Body) -> Fault | None:
            return status(code, "response_format json_schema is not supported") if "response_format" in body else None

        with OpenAIServer(fault_rule=refuse) as server:
            llm = OpenAICompatibleLLM(model="stub-model", base_url=server.url)
            llm.load()
            for _ in range(2):
                assert llm.generate(inputs=[(CHAT, {"schema": SCHEMA})])[0]["finish_reason"] == ["stop"]
            llm.unload()
        assert [form(request.body) for request in server.requests] == ["json_schema", "json_object", None, None]
        assert len(caplog.records) == 1
        assert "refuses `response_format`" in caplog.records[0].message

    def test_only_json_schemas(self, server: OpenAIServer) -> None:
        with pytest.raises(ConfigError, match="JSON schemas"):
            ask(server, (CHAT, {"format": "regex", "schema": "[0-9]+"}))


class TestWindow:
    """The tokens that a model's context holds, as endpoints say it in their lists of models."""

    @pytest.mark.parametrize(
        ("says", "window"),
        [
            ({"max_model_len": 32768}, 32768),  # vLLM
            ({"context_length": 131072}, 131072),  # OpenRouter
            ({"context_window": 8192}, 8192),  # Groq
            ({"max_context_length": 16384}, 16384),  # Mistral
            ({"meta": {"n_ctx_train": 8192, "n_ctx": 2048}}, 2048),  # llama.cpp, of each slot
            ({"meta": {"n_ctx_train": 8192}}, None),  # what it was trained for is not what it was started with
            ({"context_length": "much"}, None),
            ({"context_length": 0, "meta": None}, None),
            ({"max_model_len": True}, None),
            ({}, None),
        ],
    )
    def test_it_is_read_from_the_list(self, says: dict[str, Any], window: int | None) -> None:
        with OpenAIServer(says=says) as server:
            llm = OpenAICompatibleLLM(model="stub-model", base_url=server.url)
            assert llm.window is None
            llm.load()
            llm.unload()
        assert llm.window == window

    def test_of_the_only_model_under_another_name(self) -> None:
        with OpenAIServer(models=["/models/tiny.Q4.gguf"], says={"max_model_len": 4096}) as server:
            llm = OpenAICompatibleLLM(model="tiny.Q4", base_url=server.url)
            llm.load()
            llm.unload()
        assert llm.window == 4096

    def test_of_several_models_that_of_the_one_asked_for(self) -> None:
        listing = {"data": [{"id": "small", "max_model_len": 2048}, {"id": "large", "max_model_len": 65536}]}
        with OpenAIServer(models=["small", "large"], models_fault=garbage(listing)) as server:
            llm = OpenAICompatibleLLM(model="large", base_url=server.url)
            llm.load()
            llm.unload()
        assert llm.window == 65536

    @pytest.mark.parametrize("props", [{"default_generation_settings": {"n_ctx": 3072}}, {"error": "no"}, None])
    def test_an_older_llama_cpp_says_it_beside_openais_routes(self, props: Any) -> None:
        with OpenAIServer(says={"owned_by": "llamacpp", "meta": {"n_ctx_train": 8192}}, props=props) as server:
            llm = OpenAICompatibleLLM(model="stub-model", base_url=server.url)
            llm.load()
            llm.unload()
        assert llm.window == (3072 if props and "error" not in props else None)


class TestLoad:
    def test_a_missing_model_names_those_offered(self) -> None:
        with OpenAIServer(models=["qwen3-8b", "llama-3.1-8b"]) as server:
            message = load_error(model="llama-3.1-70b", base_url=server.url)
        assert message == (
            f"The endpoint {server.url} does not offer the model llama-3.1-70b. It offers 2, the "
            "nearest first: llama-3.1-8b, qwen3-8b."
        )

    def test_of_many_models_the_nearest_twenty_are_named(self) -> None:
        with OpenAIServer(models=[f"other-{i}" for i in range(300)] + ["stub-model-2"]) as server:
            message = load_error(base_url=server.url)
        assert "It offers 301, the nearest first: stub-model-2, " in message
        assert message.count("other-") == 19

    @pytest.mark.parametrize(
        ("asked", "offered"),
        [
            ("llama3", ["llama3:latest", "qwen"]),
            ("tiny.Q4", ["/models/tiny.Q4.gguf"]),
            ("meta-llama/Llama-3.1-8B", ["Llama-3.1-8B"]),
            ("tgi", ["meta-llama/Llama-3.1-8B"]),
            ("meta-llama/Llama-3.1-8B:fastest", ["qwen", "meta-llama/Llama-3.1-8B"]),
        ],
        ids=["ollama", "llama.cpp", "prefix", "tgi", "router"],
    )
    def test_other_names_of_the_same_model(self, asked: str, offered: list[str]) -> None:
        with OpenAIServer(models=offered) as server:
            llm = OpenAICompatibleLLM(model=asked, base_url=server.url)
            llm.load()
            llm.unload()

    def test_one_model_of_another_name_is_not_it(self) -> None:
        with OpenAIServer(models=["/models/other.gguf"]) as server:
            assert "does not offer the model tiny" in load_error(model="tiny", base_url=server.url)

    def test_a_server_without_a_model_list_passes(self) -> None:
        with OpenAIServer(models=None) as server:
            assert ask(server)["finish_reason"] == ["stop"]

    def test_a_server_that_limits_the_rate_passes(self) -> None:
        with OpenAIServer(models_fault=status(429)) as server:
            assert ask(server)["finish_reason"] == ["stop"]

    @pytest.mark.parametrize("fault", [html(), EMPTY, TRUNCATED, garbage("hello")])
    def test_a_web_page(self, fault: Fault) -> None:
        with OpenAIServer(models_fault=fault) as server:
            message = load_error(base_url=server.url)
        assert "does not answer with a list of models" in message

    def test_a_server_that_fails(self) -> None:
        with OpenAIServer(models_fault=status(503, "loading")) as server:
            message = load_error(base_url=server.url)
        assert "cannot list its models" in message
        assert "loading" in message

    def test_nobody_there(self) -> None:
        with OpenAIServer() as server:
            server.outage()
            message = load_error(base_url=server.url)
        assert message.startswith(f"The endpoint {server.url} cannot be reached: ")
        assert "refused" in message
        assert "Model asked for: stub-model." in message

    def test_a_refused_key(self) -> None:
        with OpenAIServer(api_keys=["right"]) as server:
            message = load_error(base_url=server.url, api_key="wrong-key")
            missing = load_error(base_url=server.url)
            assert ask(server, api_key="right")["finish_reason"] == ["stop"]
        assert message.startswith(f"The endpoint {server.url} refuses the key: Error code: 401")
        assert "wrong-key" not in message
        assert missing.startswith(f"The endpoint {server.url} wants a key: ")
        assert "OPENAI_API_KEY" in missing

    def test_a_key_that_a_server_repeats_is_not_shown(self) -> None:
        with OpenAIServer(models_fault=status(401, "Incorrect API key: secret-1")) as server:
            assert "Incorrect API key: ***" in load_error(base_url=server.url, api_key="secret-1")

    def test_the_check_can_be_left_out(self) -> None:
        with OpenAIServer(models_fault=status(403, "the key may not list models")) as server:
            assert "refuses the key" in load_error(base_url=server.url, api_key="key")
            assert ask(server, api_key="key", check_endpoint=False)["finish_reason"] == ["stop"]


class TestKey:
    def test_it_comes_from_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", "right")
        with OpenAIServer(api_keys=["right"]) as server:
            assert ask(server)["finish_reason"] == ["stop"]

    def test_no_output_shows_it(self, caplog: pytest.LogCaptureFixture) -> None:
        with OpenAIServer() as server, caplog.at_level(logging.DEBUG):
            llm = OpenAICompatibleLLM(model="stub-model", base_url=server.url, api_key="secret-1")
            llm.load()
            llm.generate(inputs=[CHAT])
            shown = [
                repr(llm),
                str(llm),
                str(llm.dump()),
                llm.model_dump_json(),
                caplog.text,
                str(llm.get_runtime_parameters_info()),
            ]
            llm.unload()
        assert not [text for text in shown if "secret-1" in text]
        assert "api_key" not in llm.model_dump()  # a wrapper's dump and a step's signature are made of it

    def test_a_dumped_llm_comes_back_without_it(self) -> None:
        llm = OpenAICompatibleLLM(model="m", base_url="http://localhost:1/v1", api_key="secret-1", timeout=5)
        again = OpenAICompatibleLLM.from_dict(llm.dump())
        assert (again.model, again.base_url, again.timeout, again.api_key) == ("m", "http://localhost:1/v1", 5, None)

    def test_a_child_process_gets_it(self) -> None:
        llm = pickle.loads(pickle.dumps(OpenAICompatibleLLM(model="m", api_key="secret-1")))
        assert llm.api_key.get_secret_value() == "secret-1"


class TestLife:
    def test_load_again_after_unload(self, server: OpenAIServer) -> None:
        llm = OpenAICompatibleLLM(model="stub-model", base_url=server.url)
        for _ in range(2):
            llm.load()
            llm.generate(inputs=[CHAT])
            llm.unload()
            pickle.dumps(llm.dump())

    def test_in_a_loop_of_the_caller(self, server: OpenAIServer) -> None:
        async def use() -> Any:
            llm = OpenAICompatibleLLM(model="stub-model", base_url=server.url)
            llm.load()
            output = await llm.agenerate(input=CHAT)
            await llm.aclose()
            llm.unload()
            return output

        assert asyncio.run(use())["finish_reason"] == ["stop"]

    def test_no_generation_parameter_is_required(self) -> None:
        names = OpenAICompatibleLLM(model="m").runtime_parameters_names
        assert names["generation_kwargs"] == dict.fromkeys(
            [
                "max_new_tokens",
                "temperature",
                "top_p",
                "frequency_penalty",
                "presence_penalty",
                "repetition_penalty",
                "top_k",
                "min_p",
                "stop",
                "chat_stop",
                "seed",
                "response_format",
                "extra_body",
                "end_early",
                "chat_form",
                "likelihood",
            ],
            True,
        )
        assert [names[name] for name in ("base_url", "api_key", "timeout", "check_endpoint")] == [True] * 4

    def test_http_libraries_are_quiet(self, server: OpenAIServer, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.INFO):
            ask(server)
        assert not caplog.records
