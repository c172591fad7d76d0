"""Providers by their names, through litellm: what is sent to each, how its answers and its errors are read."""

from __future__ import annotations

import logging
import pickle
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct import DurableLLM, ProviderLLM
from distilabel_selfinstruct.errors import ConfigError, EndpointError, RequestFailed
from distilabel_selfinstruct.models.faults import explain
from distilabel_selfinstruct.recipe import get_recipe
from distilabel_selfinstruct.recipes.self_instruct.config import SelfInstructConfig
from distilabel_selfinstruct.runs.models import make_model
from tests.conftest import ROOT
from tests.support.answers import answer, prompt_of
from tests.support.commands import CONCURRENCY, Command, hold_from, stored
from tests.support.openai_server import CUT, EMPTY, RESET, TRUNCATED, Fault, OpenAIServer, garbage, html, status
from tests.support.providers import (
    ProviderServer,
    Said,
    anthropic,
    anthropic_error,
    gemini,
    gemini_error,
    ollama,
    openai,
    openai_error,
)
from tests.support.recipes import rows_of, run_here

KEYS = {
    "ANTHROPIC_API_KEY": "sk-ant-api03-5rJq1w8mZbT0yK2d",
    "GEMINI_API_KEY": "AIzaSyB7tq5rJq1w8mZbT0yK2dF9xQ",
    "AZURE_API_KEY": "9f86d081884c7d659a2feaa0c55ad015",
    "OPENROUTER_API_KEY": "sk-or-v1-5rJq1w8mZbT0yK2d",
    "MISTRAL_API_KEY": "mK8vQz1nR4tYw7pLx2cHb5sD",
}
ANTHROPIC, GEMINI, AZURE, OLLAMA, OPENROUTER = (
    "anthropic/claude-sonnet-4-5",
    "gemini/gemini-2.5-flash",
    "azure/dep",
    "ollama/llama3",
    "openrouter/meta-llama/llama-3.3-70b-instruct",
)
CHAT: Any = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Is 7 prime?"}]


@pytest.fixture(scope="module", autouse=True)
def _litellm() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("litellm", reason="needs the extra litellm")


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AZURE_API_VERSION", "2024-10-21")


@pytest.fixture
def server() -> Iterator[ProviderServer]:
    with ProviderServer() as server:
        yield server


@pytest.fixture
def load(server: ProviderServer) -> Iterator[Callable[..., ProviderLLM]]:
    made = []

    def loaded(model: str, **given: Any) -> ProviderLLM:
        made.append(ProviderLLM(model=model, base_url=server.url, **given))
        made[-1].load()
        return made[-1]

    yield loaded
    for llm in made:
        llm.unload()


def ask(llm: ProviderLLM, **parameters: Any) -> Any:
    (output,) = llm.generate_outputs(inputs=[CHAT], **{"max_new_tokens": 20, **parameters})
    return output


def failure(llm: ProviderLLM) -> RequestFailed | EndpointError:
    with pytest.raises(Exception) as caught:
        ask(llm)
    return explain(caught.value)


SAMPLING = {"temperature": 0.5, "top_p": 0.9, "presence_penalty": 1.0, "stop": ["END"], "top_k": 5}


class TestWhatIsSent:
    def test_to_anthropic(self, server: ProviderServer, load: Callable[..., ProviderLLM]) -> None:
        ask(load(ANTHROPIC), **SAMPLING)
        (asked,) = server.asked
        assert (asked.path, asked.headers["x-api-key"]) == ("/v1/messages", KEYS["ANTHROPIC_API_KEY"])
        assert asked.body == {
            "model": "claude-sonnet-4-5", "max_tokens": 20, "temperature": 0.5, "top_p": 0.9, "top_k": 5,
            "stop_sequences": ["END"], "system": [{"type": "text", "text": "Be brief."}],
            "messages": [{"role": "user", "content": [{"type": "text", "text": "Is 7 prime?"}]}],
        }  # fmt: skip

    def test_to_gemini(self, server: ProviderServer, load: Callable[..., ProviderLLM]) -> None:
        ask(load(GEMINI), **SAMPLING)
        (asked,) = server.asked
        assert asked.path == "/models/gemini-2.5-flash:generateContent"
        assert asked.body["generationConfig"] == {
            "temperature": 0.5, "top_p": 0.9, "top_k": 5, "stop_sequences": ["END"], "max_output_tokens": 20,
            "presence_penalty": 1.0,
        }  # fmt: skip
        assert asked.body["contents"] == [{"role": "user", "parts": [{"text": "Is 7 prime?"}]}]

    def test_to_azure(self, server: ProviderServer, load: Callable[..., ProviderLLM]) -> None:
        ask(load(AZURE), **SAMPLING)
        (asked,) = server.asked
        assert (asked.path, asked.query) == ("/openai/deployments/dep/chat/completions", "api-version=2024-10-21")
        assert asked.body["messages"] == CHAT
        assert (asked.body["temperature"], asked.body["stop"], asked.body["max_tokens"]) == (0.5, ["END"], 20)

    def test_to_ollama_as_messages(self, server: ProviderServer, load: Callable[..., ProviderLLM]) -> None:
        ask(load(OLLAMA), **SAMPLING)
        (asked,) = server.asked
        assert asked.path == "/api/chat"
        assert [message["content"] for message in asked.body["messages"]] == ["Be brief.", "Is 7 prime?"]
        assert asked.body["options"] == {
            "temperature": 0.5, "top_p": 0.9, "stop": ["END"], "num_predict": 20, "top_k": 5
        }  # fmt: skip

    def test_a_key_of_its_own(self, server: ProviderServer, load: Callable[..., ProviderLLM]) -> None:
        ask(load("mistral/mistral-large-latest", api_key="another-key-4711"))
        assert server.asked[0].headers["authorization"] == "Bearer another-key-4711"

    def test_what_a_provider_does_not_have_is_left_out_and_said_once(
        self, server: ProviderServer, load: Callable[..., ProviderLLM], caplog: pytest.LogCaptureFixture
    ) -> None:
        llm = load(ANTHROPIC)
        with caplog.at_level(logging.WARNING):
            for _ in range(2):
                ask(llm, presence_penalty=1.0, seed=3)
        assert [record.getMessage() for record in caplog.records] == [
            f"{ANTHROPIC}: the provider has no `presence_penalty`, which is left out",
            f"{ANTHROPIC}: the provider has no `seed`, which is left out",
        ]
        assert all({"presence_penalty", "seed"} & {*asked.body} == set() for asked in server.asked)

    def test_what_a_model_refuses_is_learned(self, server: ProviderServer, load: Callable[..., ProviderLLM]) -> None:
        said = "`temperature` and `top_p` cannot both be specified for this model. Please use only one."
        server.says = [anthropic_error(400, "invalid_request_error", said)]
        llm = load(ANTHROPIC)
        for _ in range(2):
            assert ask(llm, temperature=0.5, top_p=0.9)["generations"] == ["Yes"]
        assert [("top_p" in asked.body, asked.body["temperature"]) for asked in server.asked] == [
            (True, 0.5), (False, 0.5), (False, 0.5),
        ]  # fmt: skip
        assert llm.learned == {"top_p": "leave out"}

    def test_several_completions_are_asked_for_one_by_one(
        self, server: ProviderServer, load: Callable[..., ProviderLLM]
    ) -> None:
        assert ask(load(ANTHROPIC), num_generations=3)["generations"] == ["Yes"] * 3
        assert len(server.asked) == 3

    def test_a_text_to_be_continued_is_refused(self, load: Callable[..., ProviderLLM]) -> None:
        with pytest.raises(ConfigError, match="answers messages: a text to be continued needs --llm openai"):
            load(ANTHROPIC).generate_outputs(inputs=["Once upon"])

    def test_a_schema(self, server: ProviderServer, load: Callable[..., ProviderLLM]) -> None:
        schema = {"type": "object", "properties": {"yes": {"type": "boolean"}}, "required": ["yes"]}
        server.says = [gemini('{"yes": true}')]
        structured: Any = (CHAT, {"format": "json", "schema": schema})
        (output,) = load(GEMINI).generate_outputs(inputs=[structured], max_new_tokens=20)
        assert output["generations"] == ['{"yes": true}']
        assert server.asked[0].body["generationConfig"]["response_mime_type"] == "application/json"


class TestWhatComesBack:
    @pytest.mark.parametrize(
        ("model", "said", "reasoning", "counts"),
        [
            (ANTHROPIC, anthropic(thought="It has two divisors."), "It has two divisors.", (14, 4)),
            (GEMINI, gemini(thought="It has two divisors."), "It has two divisors.", (10, 4)),
            (AZURE, openai(thought="It has two divisors."), "It has two divisors.", (10, 4)),
            (OLLAMA, ollama(thought="It has two divisors."), "It has two divisors.", (10, 0)),
        ],
    )
    def test_text_thoughts_and_tokens(
        self, server: ProviderServer, load: Callable[..., ProviderLLM], model: str, said: Said, reasoning: str,
        counts: tuple[int, int],
    ) -> None:  # fmt: skip
        server.says = [said]
        output = ask(load(model))
        assert (output["generations"], output["reasoning"]) == (["Yes"], [reasoning])
        statistics = output["statistics"]
        assert (statistics["input_tokens"], statistics["cached_tokens"]) == ([counts[0]], [counts[1]])

    def test_thoughts_are_part_of_what_is_written(
        self, server: ProviderServer, load: Callable[..., ProviderLLM]
    ) -> None:
        statistics = ask(load(GEMINI))["statistics"]
        assert (statistics["output_tokens"], statistics["reasoning_tokens"]) == ([10], [7])

    @pytest.mark.parametrize(
        ("model", "said"),
        [
            (ANTHROPIC, anthropic("Ye", ending="max_tokens")), (GEMINI, gemini("Ye", ending="MAX_TOKENS")),
            (AZURE, openai("Ye", ending="length")), (OLLAMA, ollama("Ye", ending="length")),
        ],
    )  # fmt: skip
    def test_an_answer_that_was_cut(
        self, server: ProviderServer, load: Callable[..., ProviderLLM], model: str, said: Said
    ) -> None:
        server.says = [said]
        output = ask(load(model))
        assert (output["generations"], output["finish_reason"]) == (["Ye"], ["length"])

    def test_the_context_is_that_of_the_table(self, load: Callable[..., ProviderLLM]) -> None:
        assert load(ANTHROPIC).window == 200_000
        assert load("mistral/no-such-model").window is None


REFUSED = "The response was filtered due to the prompt triggering Azure OpenAI's content management policy."
BLOCKED = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 9, "totalTokenCount": 9}}
DELAY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "11s"}
QUOTA = {"violations": [{"quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"}]}


class TestErrors:
    @pytest.mark.parametrize(
        ("model", "said", "reason", "kind", "wait"),
        [
            (ANTHROPIC, anthropic_error(429, "rate_limit_error", "Too many requests.", {"retry-after": "7"}),
             "rate_limited", "service", 7.0),
            (ANTHROPIC, anthropic_error(529, "overloaded_error", "Overloaded"), "server_error", "service", None),
            (ANTHROPIC, anthropic_error(500, "api_error", "Internal server error"), "server_error", "service", None),
            (ANTHROPIC, anthropic_error(400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000"
                                        " maximum"), "context_length", "request", None),
            (ANTHROPIC, anthropic("", ending="refusal"), "content_filter", "request", None),
            (ANTHROPIC, Said(502, "<html><title>Bad Gateway</title></html>"), "server_error", "service", None),
            (ANTHROPIC, Said(200, "<html><title>Welcome</title></html>"), "invalid_response", "service", None),
            (GEMINI, gemini_error(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.", QUOTA, DELAY),
             "rate_limited", "service", 11.0),
            (GEMINI, gemini_error(503, "UNAVAILABLE", "The model is overloaded."), "server_error", "service", None),
            (GEMINI, gemini_error(400, "INVALID_ARGUMENT", "The input token count (2000000) exceeds the maximum number"
                                  " of tokens allowed (1048576)."), "context_length", "request", None),
            (GEMINI, Said(200, BLOCKED), "content_filter", "request", None),
            (GEMINI, gemini(None, ending="SAFETY"), "content_filter", "request", None),
            (AZURE, openai_error(429, "429", "Requests have exceeded call rate limit. Please retry after 3 seconds.",
                                 {"retry-after": "3", "retry-after-ms": "2500"}), "rate_limited", "service", 2.5),
            (AZURE, openai_error(400, "content_filter", REFUSED), "content_filter", "request", None),
            (AZURE, openai_error(400, "context_length_exceeded", "This model's maximum context length is 128000"
                                 " tokens."), "context_length", "request", None),
            (OLLAMA, Said(500, {"error": "llama runner process has terminated"}), "server_error", "service", None),
            # an error that comes with status 200
            (ANTHROPIC, anthropic_error(200, "overloaded_error", "Overloaded"), "server_error", "service", None),
            (GEMINI, gemini_error(200, "UNAVAILABLE", "The model is overloaded."), "server_error", "service", None),
            (AZURE, Said(200, {"error": "Model m is currently loading"}), "server_error", "service", None),
            (OLLAMA, Said(200, {"error": "Too many requests"}), "rate_limited", "service", None),
            (OPENROUTER, openai_error(200, "429", "Too many requests"), "rate_limited", "service", None),
            (OPENROUTER, Said(200, {"error": "Too many requests", "code": "x"}), "rate_limited", "service", None),
            # the status that it had, and what it said beside its sentence
            (AZURE, openai_error(504, "504", "Upstream took too long."), "server_error", "service", None),
            (OPENROUTER, Said(422, {"detail": [{"loc": ["body", "user"], "msg": "Field required"}]}), "bad_request",
             "setup", None),
            # an answer that was broken off
            (AZURE, openai("The Po", ending="error"), "server_error", "service", None),
            (OPENROUTER, openai("The Po", ending="network_error"), "server_error", "service", None),
        ],
    )  # fmt: skip
    def test_of_a_request_and_of_the_service(
        self, server: ProviderServer, load: Callable[..., ProviderLLM], model: str, said: Said, reason: str, kind: str,
        wait: float | None,
    ) -> None:  # fmt: skip
        server.fault = said
        failed = failure(load(model))
        assert isinstance(failed, RequestFailed)
        assert (failed.reason, failed.kind, failed.retry_after) == (reason, kind, wait)
        assert len(server.asked) == 1  # one attempt: who asks again is whoever wraps it

    @pytest.mark.parametrize(
        ("model", "said", "line"),
        [
            (ANTHROPIC, anthropic_error(401, "authentication_error", "invalid x-api-key"),
             "The endpoint refuses the key (401): invalid x-api-key. Set another key (ANTHROPIC_API_KEY). "),
            (ANTHROPIC, anthropic_error(404, "not_found_error", "model: claude-x"),
             "The endpoint does not have the model (404): model: claude-x. Check the model's name. "),
            (ANTHROPIC, anthropic_error(400, "invalid_request_error", "Your credit balance is too low."),
             "The account's balance is used up (400): Your credit balance is too low. Fill it up. "),
            (GEMINI, gemini_error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
             "The endpoint refuses the key (400): API key not valid. Please pass a valid API key. Set another key"
             " (GEMINI_API_KEY). "),
            (AZURE, openai_error(404, "DeploymentNotFound", "The API deployment for this resource does not exist."),
             "The endpoint does not have the model (404): The API deployment for this resource does not exist. Check"),
            (OLLAMA, Said(404, {"error": "model 'llama3' not found"}),
             "The endpoint does not have the model (404): model 'llama3' not found. Check the model's name. "),
        ],
    )  # fmt: skip
    def test_of_everything(
        self, server: ProviderServer, load: Callable[..., ProviderLLM], model: str, said: Said, line: str
    ) -> None:
        server.fault = said
        failed = failure(load(model))
        assert isinstance(failed, EndpointError)
        assert str(failed).startswith(line)

    def test_an_endpoint_that_is_not_there(self) -> None:
        llm = ProviderLLM(model=ANTHROPIC, base_url="http://127.0.0.1:1")
        llm.load()
        failed = failure(llm)
        llm.unload()
        assert isinstance(failed, RequestFailed)
        assert (failed.reason, failed.kind) == ("unavailable", "service")
        assert str(failed) == "the endpoint could not be reached: All connection attempts failed"

    def test_a_key_that_is_repeated_is_not_shown(
        self, server: ProviderServer, load: Callable[..., ProviderLLM]
    ) -> None:
        key = KEYS["ANTHROPIC_API_KEY"]
        server.fault = anthropic_error(400, "invalid_request_error", f"no such thing with {key}")
        said = str(failure(load(ANTHROPIC)))
        assert said.startswith("400: no such thing with ")
        assert key not in said

    def test_a_provider_without_a_key(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("ANTHROPIC_API_KEY")
        with pytest.raises(EndpointError) as caught:
            ProviderLLM(model=ANTHROPIC).load()
        assert str(caught.value) == "The provider anthropic needs a key: set ANTHROPIC_API_KEY."

    @pytest.mark.parametrize("model", ["claude", "antropic/claude"])
    def test_a_model_without_a_provider(self, model: str) -> None:
        with pytest.raises(EndpointError) as caught:
            ProviderLLM(model=model).load()
        assert str(caught.value) == (
            f"litellm knows no provider of the model {model!r}: write --model PROVIDER/NAME, such as anthropic/claude."
        )

    def test_it_is_loaded_before_workers_are_forked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loaded: list[str] = []
        monkeypatch.setattr("distilabel_selfinstruct.models.providers.quiet_litellm", lambda: loaded.append("litellm"))
        make_model(SelfInstructConfig(llm="litellm", model=ANTHROPIC))
        assert loaded == ["litellm"]

    def test_its_key_comes_along_to_another_machine(
        self, server: ProviderServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sent = pickle.dumps(ProviderLLM(model=ANTHROPIC, base_url=server.url))
        monkeypatch.delenv("ANTHROPIC_API_KEY")
        llm = pickle.loads(sent)
        llm.load()
        ask(llm)
        llm.unload()
        assert server.asked[0].headers["x-api-key"] == KEYS["ANTHROPIC_API_KEY"]

    def test_its_key_is_part_of_no_dump(self) -> None:
        llm = ProviderLLM(model=ANTHROPIC, api_key="another-key-4711")  # type: ignore[arg-type]
        assert all(key not in f"{llm!r} {llm.dump()}" for key in ("4711", KEYS["ANTHROPIC_API_KEY"]))


@pytest.mark.slow
def test_nothing_is_said_or_fetched_when_it_is_loaded(tmp_path: Path) -> None:
    program = """
import socket
def refuse(*_, **__): raise SystemExit("something was fetched")
socket.getaddrinfo = socket.create_connection = refuse
from distilabel_selfinstruct import ProviderLLM
ProviderLLM(model="anthropic/claude-sonnet-4-5").load()
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


@pytest.mark.slow
def test_a_run(server: ProviderServer, tmp_path: Path) -> None:
    def said(body: dict[str, Any]) -> str:
        text = "".join(part["text"] for part in body["messages"][-1]["content"])
        return answer({"messages": [{"role": "user", "content": text}], "choice": 0})

    server.answer = said
    server.says = [anthropic_error(529, "overloaded_error", "Overloaded")]
    options = ("--num-instructions", 6, "--llm", "litellm", "--model", ANTHROPIC, "--base-url", server.url, "--lag", 2)
    made = run_here(get_recipe("self-instruct"), tmp_path / "run", *options, "--concurrency", 4)
    assert made.status == 0, made.err
    assert {row["model_name"] for row in made.rows("instances")} == {ANTHROPIC}
    asked = len(server.asked)
    again = run_here(get_recipe("self-instruct"), tmp_path / "run", *options)
    assert (again.status, len(server.asked)) == (0, asked)
    text = "".join(path.read_text() for path in made.path.rglob("*") if path.suffix in (".json", ".yaml", ".log"))
    assert KEYS["ANTHROPIC_API_KEY"] not in text


@pytest.mark.slow
def test_completions_are_kept(server: ProviderServer, tmp_path: Path) -> None:
    for _ in range(2):
        llm = DurableLLM(llm=ProviderLLM(model=GEMINI, base_url=server.url), folder=str(tmp_path), stage="answers")
        llm.load()
        (output,) = llm.generate_outputs(inputs=[CHAT], max_new_tokens=20)
        llm.unload()
        assert (output["generations"], output["failure"]) == (["Yes"], [None])  # type: ignore[typeddict-item]
    assert len(server.asked) == 1


HEALED = {
    "reset": RESET, "cut": CUT, "no body": EMPTY, "half a body": TRUNCATED, "a page": html(),
    "a page with 502": html(502),
    "an empty list": garbage([]), "an empty object": garbage({}), "no choices": garbage({"choices": None}),
    "an error with 200": garbage({"error": {"message": "overloaded, try later", "code": 503}}),
    "429": status(429, retry_after=0.1), "503": status(503),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("fault", HEALED.values(), ids=HEALED)
def test_what_heals_costs_nothing(fault: Fault, tmp_path: Path) -> None:
    with OpenAIServer(answer=lambda body: "Yes", faults=[None, fault]) as server:
        model = ProviderLLM(model="hosted_vllm/stub-model", base_url=server.url, api_key="no-key-4711")  # type: ignore[arg-type]
        llm = DurableLLM(llm=model, folder=str(tmp_path), stage="answers", outage=20)
        llm.load()
        outputs = [llm.generate_outputs(inputs=[[{"role": "user", "content": text}]])[0] for text in ("one", "two")]
        llm.unload()
    assert [(output["generations"], output["failure"]) for output in outputs] == [(["Yes"], [None])] * 2  # type: ignore[typeddict-item]
    assert len(server.requests) == 3


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on_to_the_dataset_of_one_that_was_not(tmp_path: Path) -> None:
    recipe, size = get_recipe("self-instruct"), ("--num-instructions", 24, "--lag", 3)
    with OpenAIServer(answer=answer) as server:

        def start(folder: Path) -> Command:
            return Command(server.url, folder, "--llm", "litellm", "--model", "openai/stub-model")

        at = ("--llm", "openai", "--model", "stub-model", "--base-url", server.url, "--concurrency", CONCURRENCY)
        whole = run_here(recipe, tmp_path / "whole", *size, *at)
        before = len(server.requests)
        with start(tmp_path / "run") as command:
            hold_from(server, before + 12)
            command.send(signal.SIGKILL, to_group=True)
            assert command.wait().status == -signal.SIGKILL
        kept = stored(tmp_path / "run")
        number = len(server.requests)
        server.release()
        assert start(tmp_path / "run").wait().status == 0
    assert kept
    assert not kept & {prompt_of(request.body) for request in server.requests[number:]}
    assert rows_of(tmp_path / "run", "instances") == [
        {**row, "model_name": "openai/stub-model"} for row in whole.rows("instances")
    ]
