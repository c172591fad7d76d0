"""A model and a sampling a stage: how they are given, whose word counts, and what becomes of them in a run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from distilabel_selfinstruct.errors import ConfigError, RunFolderError
from distilabel_selfinstruct.models.ensemble import EnsembleLLM
from distilabel_selfinstruct.models.openai import OpenAICompatibleLLM
from distilabel_selfinstruct.presets import DEFAULT
from distilabel_selfinstruct.recipe import get_recipe
from distilabel_selfinstruct.recipes.self_instruct.config import SelfInstructConfig
from distilabel_selfinstruct.runs.config import read_config
from distilabel_selfinstruct.runs.run import Run
from distilabel_selfinstruct.runs.stages import StageOptions
from distilabel_selfinstruct.steps.asking import decoding_kwargs
from tests.support.answers import answer
from tests.support.openai_server import OpenAIServer
from tests.support.recipes import rows_of, run_here

RECIPE = get_recipe("self-instruct")


def config(*given: str, **options: Any) -> SelfInstructConfig:
    return read_config({"stage": list(given), **options}, {}, "my.yaml", SelfInstructConfig)


def make(folder: Path, *given: str, **options: Any) -> Run[SelfInstructConfig]:
    return Run(config(*given, out=str(folder / "run"), **options), RECIPE)


def said(*given: str, **options: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        config(*given, **options)
    return str(caught.value)


class TestHowTheyAreGiven:
    def test_on_the_command_line(self) -> None:
        given = ("instances.model=strong", "instances.max-tokens=2048", "identify.llm=local")
        stages = config(*given, llm="openai", model="cheap").stage
        assert {name: options.said for name, options in stages.items()} == {
            "instances": {"model": "strong", "max_tokens": 2048},
            "identify": {"llm": "local"},
        }

    def test_in_a_file(self) -> None:
        of_file = yaml.safe_load("stage: {all: {top-p: 0.9, stop: END}, bootstrap: {extra_body: {thinking: off}}}")
        stages = read_config({}, of_file, "my.yaml", SelfInstructConfig).stage
        assert {name: options.said for name, options in stages.items()} == {
            "all": {"top_p": 0.9, "stop": ["END"]},
            "bootstrap": {"extra_body": {"thinking": False}},
        }

    @pytest.mark.parametrize(
        ("given", "name", "value"),
        [
            ("bootstrap.stop=###", "stop", ["###"]),
            ('bootstrap.stop=["a,b", "=c"]', "stop", ["a,b", "=c"]),
            ('bootstrap.extra-body={"top_a": 0.2}', "extra_body", {"top_a": 0.2}),
            ("bootstrap.model=a=0.7,b/c:d=0.3", "model", {"a": 0.7, "b/c:d": 0.3}),
            ("bootstrap.model=org/name-1.5", "model", "org/name-1.5"),
            ("bootstrap.system_prompt=Be brief. a=b", "system_prompt", "Be brief. a=b"),
        ],
    )
    def test_a_value(self, given: str, name: str, value: Any) -> None:
        assert getattr(config(given, llm="openai", model="m").stage["bootstrap"], name) == value

    @pytest.mark.parametrize(
        ("given", "line"),
        [
            ("bootstrap", "--stage: expected STAGE.NAME=VALUE, such as instances.model=NAME or all.top-p=0.9, got"),
            ("bootstrap.=1", "--stage: expected STAGE.NAME=VALUE"),
            ("bootstrap.topp=1", "--stage bootstrap: there is no option 'topp' (did you mean top_p?); there are: "),
            ("bootstrap.top-p=2", "--stage bootstrap.top_p: Input should be less than or equal to 1, got '2'."),
            ("bootstrap.max-tokens=0", "--stage bootstrap.max_tokens: Input should be greater than 0, got '0'."),
            ("bootstrap.temperature=nan", "--stage bootstrap.temperature: Input should be a finite number, got 'nan'."),
            ("bootstrap.extra-body={", "--stage bootstrap.extra_body: expected JSON ("),
            ("bootstrap.model=a=0,b=1", "--stage bootstrap.model: expected shares greater than 0, got 'a=0,b=1'."),
            ("bootstrap.model=a=1,a=2", "--stage bootstrap.model: 'a' is given twice, got"),
            ("bootstrap.llm=gpt", "--stage bootstrap.llm: expected demo, local, openai, litellm, vllm, or a `class`"),
            ("bootstrap.llm=anthropic", "--stage bootstrap.llm: anthropic is a provider, and is asked through litellm:"
             " bootstrap.llm=litellm bootstrap.model=anthropic/NAME."),
            ("bootstrap.llm=openai", "--stage bootstrap.llm=openai needs --stage bootstrap.model=NAME."),
            ("bootstrap.model=gpt", "--stage bootstrap.model: the demo model has no name; add --stage"
             " bootstrap.llm=openai."),
        ],
    )  # fmt: skip
    def test_what_is_wrong(self, given: str, line: str) -> None:
        assert said(given).startswith(line)

    def test_what_is_given_twice(self) -> None:
        assert said("all.top-p=1", "all.top_p=0.5").startswith("--stage: all.top_p is given twice")

    def test_a_base_model_has_no_system_prompt(self) -> None:
        line = "--system-prompt: a base model continues a text, and has no chat to put it in."
        assert said(llm="openai", model="m", wording="base", system_prompt="Be brief.") == line
        assert said("bootstrap.system-prompt=x", llm="openai", model="m", wording="base") == line


class TestWhoseWordCounts:
    @pytest.mark.parametrize(
        ("stage", "most"), [("bootstrap", 100), ("classification", 300), ("output_first", 400), ("input_first", 500)]
    )
    def test_the_narrower_name(self, tmp_path: Path, stage: str, most: int) -> None:
        run = make(tmp_path, "input_first.max-tokens=500", "instances.max-tokens=400", "identify.max-tokens=300",
                   "all.max-tokens=100")  # fmt: skip
        assert run.llm(stage).generation_kwargs["max_new_tokens"] == most

    def test_options_of_their_own_are_the_wider_word(self, tmp_path: Path) -> None:
        run = make(tmp_path, "all.max-tokens=100", max_tokens={"all": 50, "bootstrap": 70})
        assert run.llm("bootstrap").generation_kwargs["max_new_tokens"] == 70
        assert run.llm("input_first").generation_kwargs["max_new_tokens"] == 100

    def test_a_stage_is_above_the_option_of_the_scripts(self, tmp_path: Path) -> None:
        run = make(tmp_path, "bootstrap.temperature=0.2", temperature=0.9)
        assert run.llm("bootstrap", temperature=0.9).generation_kwargs["temperature"] == 0.2
        assert run.llm("input_first", temperature=0.9).generation_kwargs["temperature"] == 0.9

    def test_a_name_goes_with_its_kind_of_model(self) -> None:
        run = StageOptions(llm="openai", model="cloud", base_url="https://a.example/v1", input_price=3.0)
        assert run.with_more(StageOptions(llm="local")).said == {"llm": "local"}
        other = run.with_more(StageOptions(model="small"))
        assert other.said == {"llm": "openai", "model": "small", "base_url": "https://a.example/v1"}

    def test_an_address_makes_it_an_endpoint(self) -> None:
        here = StageOptions(llm="demo").with_more(StageOptions(base_url="http://127.0.0.1:1/v1", model="m"))
        assert here.llm == "openai"

    def test_the_judge_may_be_told_either_way(self, tmp_path: Path) -> None:
        given = {"llm": "openai", "model": "m", "judge_threshold": 3.0}
        shortly = make(tmp_path, **given, judge_model="j", judge_base_url="http://127.0.0.1:1/v1")
        at_length = make(tmp_path, "judgement.model=j", "judgement.base-url=http://127.0.0.1:1/v1", **given)
        made = [run.llm("judgement").llm for run in (shortly, at_length)]
        assert [(llm.model_name, getattr(llm, "base_url", None)) for llm in made] == [
            ("j", "http://127.0.0.1:1/v1")
        ] * 2

    def test_stop_replaces_that_of_the_preset(self, tmp_path: Path) -> None:
        llm = make(tmp_path, "bootstrap.stop=###", llm="openai", model="m", wording="base").llm("bootstrap")
        assert decoding_kwargs(llm, DEFAULT.bootstrap, "base")["stop"] == ["###"]


class TestModels:
    def test_each_stage_has_its_own(self, tmp_path: Path) -> None:
        run = make(tmp_path, "instances.model=strong", "identify.llm=demo", llm="openai", model="cheap")
        names = {stage: run.llm(stage).model_name for stage in ("bootstrap", "classification", "input_first")}
        assert names == {"bootstrap": "cheap", "classification": "demo", "input_first": "strong"}

    def test_several_models_are_an_ensemble(self, tmp_path: Path) -> None:
        llm = make(tmp_path, "instances.model=a=0.7,b=0.3", llm="openai", model="m", seed=5).llm("output_first").llm
        assert isinstance(llm, EnsembleLLM)
        assert ([each.model_name for each in llm.llms], llm.shares, llm.seed) == (["a", "b"], [0.7, 0.3], 5)

    def test_parameters_that_a_model_does_not_have(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError) as caught:
            make(tmp_path, "all.min-p=0.1").llm("bootstrap")
        assert str(caught.value).startswith("--stage bootstrap.min_p: DemoLLM has no such parameter; it has: ")
        llm = make(tmp_path, "all.min-p=0.1", "all.top-k=40", llm="openai", model="m").llm("bootstrap")
        assert isinstance(llm.llm, OpenAICompatibleLLM)
        assert llm.generation_kwargs == {"min_p": 0.1, "top_k": 40}

    def test_a_stage_that_there_is_not(self, tmp_path: Path) -> None:
        made = run_here(RECIPE, tmp_path / "run", "--stage", "instancez.top-p=0.5")
        assert (made.status, made.out) == (1, "")
        assert made.err.splitlines()[-1] == (
            "Error: --stage: there is no stage 'instancez' (did you mean instances?); there are: bootstrap,"
            " classification, output_first, input_first, identify (classification), instances (output_first and"
            " input_first)."
        )


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer(answer=answer, models=None) as server:
        yield server


@pytest.mark.slow
class TestInARun:
    def test_each_row_says_its_model(self, tmp_path: Path, server: OpenAIServer) -> None:
        made = run_here(
            RECIPE, tmp_path / "run", "--num-instructions", 10, "--llm", "openai", "--model", "cheap",
            "--base-url", server.url, "--system-prompt", "You are careful.", "--stage", "instances.model=a=0.5,b=0.5",
            "instances.temperature=0.3", "identify.system-prompt=Answer yes or no.",
        )  # fmt: skip
        assert made.status == 0, made.err
        assert {row["model_name"] for row in made.rows("instructions")} == {"cheap"}
        assert {row["model_name"] for row in made.rows("instances")} == {"a", "b"}
        asked = [request.body for request in server.requests if request.body]
        systems = {(body["model"], body["messages"][0]["content"]) for body in asked if body.get("messages")}
        assert systems == {
            ("cheap", "You are careful."), ("a", "You are careful."), ("b", "You are careful."),
            ("cheap", "Answer yes or no."),
        }  # fmt: skip
        assert {body["temperature"] for body in asked if body["model"] in "ab"} == {0.3}
        described = json.loads((made.path / "recipe.json").read_text())["stages"]
        assert described["output_first"]["model"] == {"a": 0.5, "b": 0.5}
        assert yaml.safe_load((made.path / "config.yaml").read_text())["stage"]["instances"]["temperature"] == 0.3

    def test_the_same_run_draws_the_same_models(self, tmp_path: Path, server: OpenAIServer) -> None:
        drawn = []
        for name, concurrency in (("one", 1), ("two", 16)):
            made = run_here(
                RECIPE, tmp_path / name, "--num-instructions", 8, "--lag", 4, "--concurrency", concurrency,
                "--llm", "openai", "--base-url", server.url, "--model", "x", "--stage", "all.model=a=1,b=1,c=2",
            )  # fmt: skip
            drawn.append([(row["instance_id"], row["model_name"]) for row in made.rows("instances")])
        assert drawn[0] == drawn[1]
        assert len({model for _, model in drawn[0]}) > 1


@pytest.mark.slow
class TestAnotherModelInTheFolder:
    def test_it_is_a_choice(self, tmp_path: Path, server: OpenAIServer) -> None:
        with OpenAIServer(answer=answer, models=None) as other:

            def run(wanted: int, model: str, at: OpenAIServer, *more: str) -> Any:
                return run_here(
                    RECIPE, tmp_path / "run", "--num-instructions", wanted, "--llm", "openai", "--lag", 4,
                    "--model", model, "--base-url", at.url, *more,
                )  # fmt: skip

            assert run(8, "first", server).status == 0
            before = rows_of(tmp_path / "run", "instances")
            refused = run(16, "second", other)
            assert refused.err.splitlines()[-1] == (
                f"Error: {tmp_path}/run: holds a run with another config: model is 'first' there, 'second' here."
                " Nothing was changed. Choose another --out, or the same options, or go on with other models:"
                " --allow-model-change."
            )
            asked = len(server.requests)
            assert run(16, "second", other, "--allow-model-change").status == 0
            assert len(server.requests) == asked
            rows = rows_of(tmp_path / "run", "instances")
            assert rows[: len(before)] == before
            assert {row["model_name"] for row in rows} == {"first", "second"}
            assert run(20, "second", other).status == 0  # from now on it is the folder's model
            assert [row for row in rows_of(tmp_path / "run", "instances") if row["model_name"] == "first"] == before

    def test_another_address_of_the_same_model_simply_works(self, tmp_path: Path, server: OpenAIServer) -> None:
        with OpenAIServer(answer=answer, models=None) as other:
            for wanted, at in ((6, server), (10, other)):
                made = run_here(
                    RECIPE, tmp_path / "run", "--num-instructions", wanted, "--llm", "openai", "--model", "m",
                    "--base-url", at.url, "--stage", f"instances.base-url={at.url}", "instances.model=n",
                )  # fmt: skip
                assert made.status == 0, made.err

    def test_another_sampling_is_another_run(self, tmp_path: Path) -> None:
        made = run_here(RECIPE, tmp_path / "run", "--num-instructions", 4)
        assert made.status == 0
        with pytest.raises(
            RunFolderError, match=r"another config: stage is {} there, {'bootstrap': {'top_p': 0.5}} here"
        ):
            make(tmp_path, "bootstrap.top-p=0.5", num_instructions=4, allow_model_change=True)
