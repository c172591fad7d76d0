"""Which stages go out in batches, with which model, at which price: how it is said, and what becomes of it in a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct.cli.script import options
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.models.batches.protocol import Batching
from distilabel_selfinstruct.recipe import get_recipe
from distilabel_selfinstruct.recipes.self_instruct.config import SelfInstructConfig
from distilabel_selfinstruct.runs.config import read_config
from distilabel_selfinstruct.runs.run import Run
from distilabel_selfinstruct.usage import FREE, Prices, price_of
from tests.support.recipes import script_of

RECIPE = get_recipe("self-instruct")
STAGES = ("bootstrap", "classification", "output_first", "input_first", "judgement")
OPENAI = {"llm": "openai", "model": "gpt-4o-mini"}


def make(folder: Path, **given: Any) -> Run[SelfInstructConfig]:
    return Run(read_config({"out": str(folder / "run"), **given}, {}, "my.yaml", SelfInstructConfig), RECIPE)


def said(**given: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        read_config(given, {}, "my.yaml", SelfInstructConfig)
    return str(caught.value)


class TestWhichStages:
    def test_by_default_none(self, tmp_path: Path) -> None:
        assert not any(map(make(tmp_path, **OPENAI).asks_in_batches, STAGES))

    def test_all_but_the_loop(self, tmp_path: Path) -> None:
        run = make(tmp_path, **OPENAI, batch="stages")
        assert [stage for stage in STAGES if run.asks_in_batches(stage)] == [*STAGES[1:]]

    def test_the_loop_too(self, tmp_path: Path) -> None:
        assert all(map(make(tmp_path, **OPENAI, batch="all").asks_in_batches, STAGES))

    def test_stages_one_by_one(self, tmp_path: Path) -> None:
        run = make(tmp_path, **OPENAI, batch="stages", stage=["bootstrap.batch=true", "instances.batch=false"])
        assert [stage for stage in STAGES if run.asks_in_batches(stage)] == ["bootstrap", "classification", "judgement"]

    def test_on_the_command_line(self) -> None:
        parser = options(RECIPE, "prog")
        assert parser.parse_args(["--batch"]).batch == "stages"
        assert parser.parse_args(["--batch", "all"]).batch == "all"

    def test_the_model_of_a_stage_knows_of_it(self, tmp_path: Path) -> None:
        run = make(tmp_path, **OPENAI, batch="stages", outage=5.0)
        batched: Any = run.llm("classification").llm
        assert batched.batching == Batching("openai", str(tmp_path / "run" / "batches"), "classification", 5.0)
        single: Any = run.llm("bootstrap").llm
        assert single.batching is None

    def test_a_model_of_anthropics_and_vllm(self, tmp_path: Path) -> None:
        anthropic: Any = make(tmp_path, llm="litellm", model="anthropic/claude-x", batch="stages")
        assert anthropic.llm("classification").llm.batching.protocol == "anthropic"
        command = "vllm run-batch -i {input} -o {output} --model {model}"
        vllm: Any = make(tmp_path, llm="vllm", model="Qwen/Qwen3-8B", batch="stages", batch_command=command)
        assert vllm.llm("classification").llm.batching.command == command
        assert type(vllm.llm("bootstrap").llm).__name__ == "VLLM"


class TestWhatDoesNotGoTogether:
    def test_a_model_that_takes_no_batches(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError) as caught:
            make(tmp_path, batch="stages").llm("classification")
        assert str(caught.value) == (
            "--batch: the stage classification has --llm demo, which takes no batches; those that do: --llm openai,"
            " --llm litellm --model anthropic/NAME, --llm vllm. Choose one, or add --stage classification.batch=false."
        )

    def test_a_provider_that_takes_no_batches(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="has --llm litellm --model gemini/x, which takes no batches"):
            make(tmp_path, llm="litellm", model="gemini/x", batch="stages").llm("classification")

    def test_replicas_of_a_step(self, tmp_path: Path) -> None:
        run = make(tmp_path, **OPENAI, batch="stages", replicas={"identify": 2})
        with pytest.raises(ConfigError, match="--replicas identify: a batch has all rows of its stage; leave it out"):
            run.built(script_of("self_instruct")["build"])

    def test_a_preview(self) -> None:
        assert said(**OPENAI, batch="stages", preview=2) == (
            "--preview shows at once what a batch takes hours for: leave --batch out."
        )

    def test_all_stages_at_once(self) -> None:
        assert said(**OPENAI, batch="stages", stage_by_stage=False) == (
            "--batch: a batch has all rows of a stage; leave --no-stage-by-stage out."
        )

    def test_a_command_without_batches_of_vllm(self) -> None:
        assert said(**OPENAI, batch="stages", batch_command="x {input} {output}") == (
            "--batch-command is for --llm vllm --batch: add them, or leave it out."
        )

    def test_a_command_that_names_no_files(self) -> None:
        given = {"llm": "vllm", "model": "x", "batch": "stages"}
        assert "expected a command with {input} and {output}" in said(**given, batch_command="vllm run-batch")
        assert "expected a command with {input}, {output} and {model}" in said(**given, batch_command="x {in}")


class TestPrices:
    def test_that_of_batches_where_the_table_has_one(self) -> None:
        assert price_of("litellm", "anthropic/claude-fable-5", None) == Prices(10.0, 50.0, cached_per_million=1.0)
        assert price_of("litellm", "anthropic/claude-fable-5", None, in_batches=True) == Prices(
            5.0, 25.0, cached_per_million=0.5
        )

    def test_half_of_it_where_the_table_has_none(self) -> None:
        single = price_of("litellm", "mistral/mistral-tiny", None)
        halved = price_of("litellm", "mistral/mistral-tiny", None, in_batches=True)
        assert single is not None
        assert halved is not None
        assert halved.input_per_million == single.input_per_million / 2
        assert halved.output_per_million == single.output_per_million / 2

    def test_of_single_stages(self, tmp_path: Path) -> None:
        run = make(tmp_path, **OPENAI, batch="stages")
        assert run.prices_of("bootstrap") == {"gpt-4o-mini": Prices(0.15, 0.6, cached_per_million=0.075)}
        (batched,) = run.prices_of("classification").values()
        assert batched is not None
        assert (batched.input_per_million, batched.output_per_million) == (0.075, 0.3)

    def test_the_users_own_win(self, tmp_path: Path) -> None:
        run = make(tmp_path, **OPENAI, batch="stages", input_price=3.0, output_price=6.0)
        assert run.prices_of("classification") == {"gpt-4o-mini": Prices(3.0, 6.0)}

    def test_vllm_costs_nothing(self) -> None:
        assert price_of("vllm", "Qwen/Qwen3-8B", None, in_batches=True) == FREE
