"""A secret is planted wherever one can stand; then it stands in no file, no row, no log and on no screen."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from datasets import Dataset
from distilabel.steps import LoadDataFromDicts

from distilabel_selfinstruct import DurableLLM, IdentifyClassification, OpenAICompatibleLLM, Pipeline, secrets
from distilabel_selfinstruct.cli import main
from distilabel_selfinstruct.cli.parser import fail, say
from distilabel_selfinstruct.engine.logs import handlers_for, logging_to
from distilabel_selfinstruct.engine.worker import error_text
from distilabel_selfinstruct.errors import ConfigError, EndpointError, RunFolderError
from distilabel_selfinstruct.hub import HubError
from distilabel_selfinstruct.hub.contents import check_rows, publishable
from distilabel_selfinstruct.models.records import Records
from distilabel_selfinstruct.recipe import get_recipe
from distilabel_selfinstruct.recipes.self_instruct.config import SelfInstructConfig
from distilabel_selfinstruct.runs.config import read_config
from distilabel_selfinstruct.runs.run import Run
from tests.support.openai_server import Answer, Fault, OpenAIServer, garbage, status

CORE = "Qx7" + "mT2vL9" + "bR4kW8" + "zN3pY6"  # built, so that no scanner takes it for a real one
SECRET = "-".join(["sk", "test", CORE])
PASSWORD = "p4ss" + "/w0rd" + "+of=ada"
CLASS = "distilabel_selfinstruct.models.openai.OpenAICompatibleLLM"


RECIPE = get_recipe("self-instruct")


def config_of(options: dict[str, Any]) -> SelfInstructConfig:
    return read_config(options, {}, "config", SelfInstructConfig)


@pytest.fixture(autouse=True)
def nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test remembers its own secrets, and the user's own are none."""
    monkeypatch.setattr(secrets, "_remembered", set())
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def no_trace_in(text: str) -> bool:
    return not any(part in text for part in (CORE[:8], CORE[-8:], PASSWORD, quote(PASSWORD, safe=""), "w0rd"))


def everything_in(folder: Path) -> str:
    return "".join(path.read_bytes().decode("utf-8", "replace") for path in folder.rglob("*") if path.is_file())


class Built(Exception):
    """The pipeline was asked for."""


def build(run: Run[Any]) -> Pipeline:
    raise Built


PLACES: dict[str, dict[str, Any]] = {
    "api_key": {"api_key": SECRET},
    "a base URL with a password": {"base_url": f"http://ada:{quote(PASSWORD, safe='')}@h/v1"},
    "a base URL with a careless password": {"base_url": f"http://ada:{PASSWORD}@h/v1"},
    "a base URL with ?key=": {"base_url": f"http://h/v1?key={CORE}"},
    "a base URL with &subscription-key=": {"base_url": f"http://h/v1?api-version=1&subscription-key={CORE}"},
    "a base URL with a signature": {"base_url": f"http://h/v1?X-Amz-Credential=a&X-Amz-Signature={CORE}"},
    "generation_kwargs": {"generation_kwargs": {"extra_body": {"api_key": SECRET}}},
    "generation_kwargs, in camel case": {"generation_kwargs": {"extra_body": {"accessToken": CORE}}},
    "a header": {"generation_kwargs": {"extra_body": {"headers": {"Authorization": f"Bearer {CORE}"}}}},
    "a header as a pair": {"generation_kwargs": {"extra_body": {"headers": [["x-api-key", CORE]]}}},
    "a header by name and value": {"generation_kwargs": {"extra_body": {"h": [{"name": "X-Api-Key", "value": CORE}]}}},
    "a list of keys": {"generation_kwargs": {"extra_body": {"api_keys": [CORE, SECRET]}}},
    "credentials": {"generation_kwargs": {"extra_body": {"credentials": {"user": "ada", "is": [PASSWORD]}}}},
    "a text": {"generation_kwargs": {"extra_body": {"command": f"curl -H 'x-api-key: {CORE}' -u ada"}}},
    "JSON in a text": {"generation_kwargs": {"extra_body": {"as_text": json.dumps({"apiKey": CORE})}}},
    "an address in a text": {"generation_kwargs": {"extra_body": {"proxy": f"by http://ada:{CORE}@proxy:3128/"}}},
}


class TestFiles:
    @pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
    def test_the_config_of_a_run(self, place: dict[str, Any], tmp_path: Path) -> None:
        options = {"out": str(tmp_path), "llm": {"class": CLASS, "arguments": {"model": "tiny", **place}}}
        with pytest.raises(Built):
            Run(config_of(options), RECIPE).execute(build)
        text = everything_in(tmp_path)
        assert no_trace_in(text)
        assert "***" in text
        assert yaml.safe_load(text)["llm"]["arguments"]["model"] == "tiny"

    @pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
    def test_the_pipeline_that_a_run_leaves(self, place: dict[str, Any], tmp_path: Path) -> None:
        with Pipeline("planted") as pipeline:
            load = LoadDataFromDicts(name="load", data=[{"instruction": "Name the capital of France."}])
            ask = IdentifyClassification(name="ask", llm=OpenAICompatibleLLM(model="tiny", **place))
            load >> ask
        pipeline.save(tmp_path / "pipeline.yaml", format="yaml")
        text = (tmp_path / "pipeline.yaml").read_text()
        assert no_trace_in(text)
        assert Pipeline.from_yaml(tmp_path / "pipeline.yaml").dag.get_step("ask")["step"].llm.model == "tiny"

    @pytest.mark.parametrize("name", ["base_url", "judge_base_url"])
    def test_the_options_of_a_run(self, name: str, tmp_path: Path) -> None:
        options = {
            "llm": "openai",
            "model": "m",
            "judge_threshold": 3.0,
            name: f"http://ada:{PASSWORD}@h/v1?key={CORE}",
        }
        with pytest.raises(Built):
            Run(config_of({"out": str(tmp_path), **options}), RECIPE).execute(build)
        assert no_trace_in(everything_in(tmp_path))
        assert yaml.safe_load((tmp_path / "config.yaml").read_text())[name] == "http://***@h/v1?key=***"

    def test_another_key_is_no_other_config_and_no_message_shows_it(self, tmp_path: Path) -> None:
        arguments = {"model": "m", "generation_kwargs": {"extra_body": {"api_key": SECRET}}}

        def run(**more: Any) -> Run[Any]:
            llm = {"class": CLASS, "arguments": {**arguments, **more}}
            return Run(config_of({"out": str(tmp_path), "llm": llm}), RECIPE)

        with pytest.raises(Built):
            run().execute(build)
        (tmp_path / "completions").mkdir()
        (tmp_path / "completions" / "bootstrap-1-a.sqlite").write_bytes(b"")
        run(generation_kwargs={"extra_body": {"api_key": "another" + CORE}})
        with pytest.raises(RunFolderError, match="another config") as caught:
            run(model="n")
        assert no_trace_in(str(caught.value))

    def test_what_is_published_of_a_config(self) -> None:
        said = publishable({"llm": {"arguments": PLACES}, "seeds": ["/home/ada/seeds.jsonl"], "max_tokens_total": 5})
        assert no_trace_in(str(said))
        assert (said["seeds"], said["max_tokens_total"]) == (["seeds.jsonl"], 5)


def repeats(said: str) -> dict[str, Callable[[], Fault | None]]:
    """Ways in which an endpoint that was asked for a completion repeats a key."""
    return {
        "200, not JSON": lambda: Fault("html"),
        "200, an error": lambda: garbage({"error": {"code": 402, "message": said}}),
        "200, something else": lambda: garbage({"request": {"headers": {"Authorization": f"Bearer {said}"}}}),
        "200, a refusal": lambda: garbage(
            {"choices": [{"finish_reason": "stop", "message": {"content": None, "refusal": f"Not with {said}"}}]}
        ),
        "400": lambda: status(400, f"Bad request with {said}"),
        "400, at the end of a long message": lambda: status(400, "x" * 280 + f" {said}"),
        "400, cut": lambda: status(400, f"Bad request with {said[:-5]}"),
        "400, in JSON": lambda: status(400, json.dumps({"x-api-key": said})),
        "400, in an address": lambda: status(400, f"http://h/?q={quote(said, safe='')}&key={quote(said, safe='')}"),
        "400, repr": lambda: status(400, f"headers { ({'authorization': f'Bearer {said}'.encode()})!r}"),
        "403": lambda: status(403, f"content filter: {said}"),
        "404": lambda: status(404, f"no route for {said}"),
        "422": lambda: status(422, f"{said}: extra fields"),
    }


GIVEN = {
    "plain": "{}",
    "with a line end": "{}\n",
    "in curly quotes": "“{}”",
    "in straight quotes": '"{}"',
}


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer(api_keys=[SECRET]) as server:
        yield server


class TestEndpoints:
    @pytest.mark.parametrize("how", repeats(""))
    def test_what_one_repeats_is_in_no_row_and_no_record(
        self, how: str, server: OpenAIServer, tmp_path: Path, caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        monkeypatch.setattr("distilabel_selfinstruct.models.durable._growing_wait", lambda state: 0.0)
        server.fault_rule = lambda body: repeats(SECRET)[how]()
        llm = DurableLLM(
            llm=OpenAICompatibleLLM(model="stub-model", base_url=server.url, api_key=SECRET),
            folder=str(tmp_path),
            outage=0.0,
        )
        llm.load()
        try:
            (output,) = llm.generate_outputs(inputs=["a"])
            detail = output["failure_detail"][0]  # type: ignore[typeddict-item]
        except EndpointError as error:  # of what refuses every request
            detail = str(error)
        finally:
            llm.unload()
        assert no_trace_in(detail)
        assert detail.isprintable()
        assert no_trace_in(everything_in(tmp_path))
        assert no_trace_in(caplog.text)

    @pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
    def test_a_completion_that_holds_the_key(self, given: str, server: OpenAIServer, tmp_path: Path) -> None:
        server.answer = lambda body: Answer(f"You sent Authorization: Bearer {SECRET}, and an example: sk-123...")
        llm = DurableLLM(
            llm=OpenAICompatibleLLM(model="stub-model", base_url=server.url, api_key=given.format(SECRET)),
            folder=str(tmp_path),
        )  # fmt: skip
        llm.load()
        (output,) = llm.generate_outputs(inputs=["a"])
        llm.unload()
        assert output["generations"] == ["You sent Authorization: Bearer ***, and an example: sk-123..."]
        assert {request.key for request in server.requests} == {SECRET}
        assert no_trace_in(everything_in(tmp_path))

    def test_the_parameters_of_a_request(self, server: OpenAIServer, tmp_path: Path) -> None:
        model = OpenAICompatibleLLM(model="stub-model", base_url=server.url, api_key=SECRET)
        for key in (CORE, f"another{CORE}"):  # it may change: what was answered stays answered
            llm = DurableLLM(llm=model, folder=str(tmp_path), stage="asked")
            llm.load()
            (output,) = llm.generate_outputs(inputs=["a"], extra_body={"upstream_api_key": key})
            llm.unload()
            assert output["generations"][0]
        assert [request.body["upstream_api_key"] for request in server.requests] == [CORE]
        assert no_trace_in(everything_in(tmp_path))
        assert Records(tmp_path, "asked")._known

    @pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
    @pytest.mark.parametrize(
        "fault",
        [
            status(401, f"Incorrect API key provided: {SECRET}. You can find yours"),
            status(401, f"Incorrect API key provided: {SECRET[:-4]}"),
            status(403, json.dumps({"headers": {"x-api-key": SECRET}})),
            status(500, repr({"authorization": f"Bearer {SECRET}\n"})),
            garbage({"data": [{"id": f"model-of-{SECRET}"}, {"id": SECRET}]}),
            garbage([{"id": SECRET}]),
        ],
        ids=["401", "401, cut", "403", "500", "model list", "bare model list"],
    )
    def test_a_list_of_models_that_repeats_it(self, given: str, fault: Fault, caplog: pytest.LogCaptureFixture) -> None:
        with OpenAIServer(models_fault=fault) as server, caplog.at_level(logging.DEBUG):
            llm = OpenAICompatibleLLM(model="stub-model", base_url=server.url, api_key=given.format(SECRET))
            with pytest.raises(EndpointError) as caught:
                llm.load()
        assert no_trace_in(str(caught.value))
        assert "***" in str(caught.value)
        assert no_trace_in(caplog.text)

    def test_a_key_with_a_line_end_works(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It comes from the environment, as a shell or a file of variables leaves it there."""
        monkeypatch.setenv("OPENAI_API_KEY", f"{SECRET}\n")
        with OpenAIServer(api_keys=[SECRET]) as server:
            llm = OpenAICompatibleLLM(model="stub-model", base_url=server.url)
            llm.load()
            llm.unload()

    def test_an_address_with_a_password_is_shown_without(self) -> None:
        llm = OpenAICompatibleLLM(model="m", base_url=f"http://ada:{quote(PASSWORD, safe='')}@127.0.0.1:9/v1")
        with pytest.raises(EndpointError, match=r"^The endpoint http://\*\*\*@127\.0\.0\.1:9/v1 cannot be reached"):
            llm.load()

    @pytest.mark.parametrize(
        "key", [f"{SECRET}\n{SECRET}", f"{SECRET}”x", f"{SECRET}密", f"{SECRET}\x1b[0m", f"a\x00{SECRET}"]
    )
    def test_a_key_that_no_header_can_hold(self, key: str) -> None:
        with pytest.raises(ConfigError) as caught:
            OpenAICompatibleLLM(model="m", api_key=key)
        said = str(caught.value)
        assert said.startswith("The key of the endpoint (OPENAI_API_KEY or api_key): character ")
        assert no_trace_in(said)
        assert "\n" not in said

    @pytest.mark.parametrize("empty", ["", " ", "\n", '""'])
    def test_an_empty_variable_is_one_that_is_not_set(self, empty: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", empty)
        monkeypatch.setenv("OPENAI_BASE_URL", "")
        llm = OpenAICompatibleLLM(model="m")
        assert (llm.api_key, llm.base_url) == (None, "https://api.openai.com/v1")


class TestScreenAndLog:
    @pytest.mark.parametrize("arguments", [["--api-key", SECRET], [f"--api-key={CORE}"], ["--hf-token", CORE],
                                           ["--num-instructions", SECRET], [SECRET]])  # fmt: skip
    def test_options_that_do_not_exist(self, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            main(RECIPE, build, arguments=arguments)
        assert no_trace_in(capsys.readouterr().err)

    @pytest.mark.parametrize(
        "text",
        [f"llm: {{klass: a.B, api_key: {CORE}}}", f"api_key: {SECRET}", f"llm: openai\nmodel: m\n  api_key: '{CORE}'\n",
         f"model: [m\napi_key: {SECRET}", f"seed: {SECRET}"],
    )  # fmt: skip
    def test_config_files_that_cannot_be_used(
        self, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "my.yaml").write_text(text)
        assert (
            main(RECIPE, build, arguments=["--config", str(tmp_path / "my.yaml"), "--out", str(tmp_path / "run")]) == 1
        )
        said = capsys.readouterr().err
        assert said.startswith("Error: ")
        assert said.count("\n") == 1
        assert no_trace_in(said)

    def test_what_iserror_text(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert fail(OSError(f"\x1b[31mno way with Bearer {CORE}\x1b[0m")) == 1
        say(f"note: the server says api_key={CORE}\x07", 5)
        assert capsys.readouterr() == ("note: the server says api_key=***\n5\n", "no way with Bearer ***\n")

    @pytest.mark.parametrize("error", [ValueError(f"with {SECRET}"), EndpointError(f"with x-api-key: {CORE}\x1b[0m")])
    def test_what_a_step_says_that_failed(self, error: Exception) -> None:
        assert error_text(error).endswith("***")
        assert no_trace_in(error_text(error))

    def test_the_log_of_a_run(self, tmp_path: Path) -> None:
        with logging_to(tmp_path / "run.log", False, None):
            logging.getLogger("openai").warning("Refused: %s", {"api_key": CORE})
            try:
                raise OSError(f"Illegal header value {f'Bearer {SECRET}'.encode()!r}")
            except OSError:
                logging.getLogger("distilabel").exception("A step failed\x1b[2J")
        text = (tmp_path / "run.log").read_text()
        assert no_trace_in(text)
        assert "Refused: {'api_key': '***'}" in text
        assert "OSError: Illegal header value b'Bearer ***'" in text
        assert "\x1b" not in text

    def test_the_log_on_screen(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        with logging_to(tmp_path / "run.log", True, None):
            logging.getLogger("httpx").warning("GET http://h/v1?key=%s", CORE)
        assert "GET http://h/v1?key=***" in capsys.readouterr().err
        assert len(handlers_for(tmp_path / "other.log", True)) == 2


class TestHub:
    def test_rows_that_hold_a_secret_are_not_published(self) -> None:
        secrets.remember(SECRET)
        rows = [{"instruction": "Name a prime.", "output": "7"}] * 600
        check_rows("instances", Dataset.from_list(rows))
        said = r"^instances, row 551, column 'output': holds a key, token or password of this machine\. Nothing was upl"
        with pytest.raises(HubError, match=said) as caught:
            check_rows(
                "instances", Dataset.from_list([*rows[:550], {"instruction": "a", "output": f"It is {SECRET}."}])
            )
        assert no_trace_in(str(caught.value))

    def test_rows_that_hold_an_example_are(self) -> None:
        check_rows("instances", Dataset.from_list([{"instruction": f"Why is api_key='{CORE}' bad?", "turns": ["a"]}]))

    @pytest.mark.parametrize("rows", [[], [{"messages": [{"role": "user", "content": "Hi"}]}]])
    def test_rows_of_any_form(self, rows: list[dict[str, Any]]) -> None:
        check_rows("sft", Dataset.from_list(rows))
