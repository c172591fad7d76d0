"""Money in a run: each stage at the price of its model, kept in the folder, and a limit that nobody can keep."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from distilabel_selfinstruct.cli import self_instruct
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.recipe import get_recipe
from distilabel_selfinstruct.recipes.self_instruct.config import SelfInstructConfig
from distilabel_selfinstruct.runs.config import read_config
from distilabel_selfinstruct.runs.run import Run
from distilabel_selfinstruct.usage import FREE, Prices
from tests.support.recipes import Made, run_here

RECIPE = get_recipe("self-instruct")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A run whose instances cost ten times what the rest does."""
    return run_here(
        RECIPE, tmp_path_factory.mktemp("priced") / "run", "--num-instructions", 12, "--input-price", 1,
        "--output-price", 2, "--stage", "instances.input-price=10", "instances.output-price=20",
    )  # fmt: skip


def test_each_stage_costs_what_its_model_does(made: Made) -> None:
    assert made.status == 0, made.err
    usage = made.folder.summary().usage
    for stage, factor in (("bootstrap", 1), ("classification", 1), ("output_first", 10), ("input_first", 10)):
        used = usage[stage]
        assert used.cost == pytest.approx(factor * (used.input_tokens + 2 * used.output_tokens) / 1e6)
    cost = sum(used.cost for used in usage.values())
    assert made.folder.summary().cost == pytest.approx(cost)
    assert f"cost {cost:,.2f} USD" in made.out


def test_the_folder_knows_the_prices(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    assert made.folder.prices().of("output_first", "demo") == Prices(10.0, 20.0)
    assert self_instruct(["forecast", str(made.path), "--num-instructions", "1200"]) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "money" in line)
    assert "USD" in line


def test_own_prices_of_the_command_win(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    self_instruct(
        ["forecast", str(made.path), "--num-instructions", "1200", "--input-price", "0", "--output-price", "0"]
    )
    assert "money" not in capsys.readouterr().out


def test_a_run_that_goes_on_says_what_it_will_take(made: Made) -> None:
    again = run_here(
        RECIPE, made.path, "--num-instructions", 16, "--input-price", 1, "--output-price", 2, "--stage",
        "instances.input-price=10", "instances.output-price=20",
    )  # fmt: skip
    assert again.status == 0
    assert "16 instructions will take, judged by" in again.err
    assert " USD " in again.err


class TestWhatIsNotKnown:
    @pytest.mark.parametrize(
        ("options", "line"),
        [
            ({"llm": "demo"}, "--max-cost needs --input-price and --output-price, money per million tokens."),
            ({"llm": "openai", "model": "mine"}, "--max-cost needs --input-price and --output-price, money per million"
             " tokens: nobody has published what mine costs."),
            ({"llm": "openai", "model": "gpt-4o", "base_url": "http://127.0.0.1:1/v1"},
             "--max-cost needs --input-price and --output-price, money per million tokens."),
        ],
    )  # fmt: skip
    def test_a_limit_of_money_needs_a_price(self, options: dict[str, str], line: str) -> None:
        with pytest.raises(ConfigError) as caught:
            read_config({"max_cost": 1.0, **options}, {}, "", SelfInstructConfig)
        assert str(caught.value) == line

    def test_of_one_stage_too(self, tmp_path: Path) -> None:
        run = run_here(
            RECIPE, tmp_path / "run", "--llm", "openai", "--model", "gpt-4o", "--no-check", "--max-cost", 1, "--stage",
            "instances.model=mine",
        )  # fmt: skip
        assert run.err.splitlines()[-1] == (
            "Error: --max-cost: nobody has published what mine of the stage output_first costs; give --input-price and"
            " --output-price, money per million tokens."
        )

    def test_published_prices_are_enough(self, tmp_path: Path) -> None:
        given = {
            "max_cost": 1.0,
            "llm": "litellm",
            "model": "anthropic/claude-sonnet-4-5",
            "out": str(tmp_path / "run"),
        }
        run = Run(read_config(given, {}, "", SelfInstructConfig), RECIPE)
        assert run.prices_of("bootstrap") == {
            "anthropic/claude-sonnet-4-5": Prices(3.0, 15.0, "USD", pytest.approx(0.3))
        }

    def test_the_demo_model_is_free(self, tmp_path: Path) -> None:
        run = Run(read_config({"out": str(tmp_path / "run")}, {}, "", SelfInstructConfig), RECIPE)
        assert run.prices_of("bootstrap") == {"": FREE}


def test_what_is_recorded(made: Made) -> None:
    described = json.loads((made.path / "recipe.json").read_text())
    assert described["prices"]["bootstrap"][""] == {
        "input_per_million": 1.0, "output_per_million": 2.0, "currency": "USD", "cached_per_million": None,
    }  # fmt: skip
    assert described["stages"]["bootstrap"] == {"llm": "demo"}
