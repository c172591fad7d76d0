"""`--show-config`: all options as they will be, and what each stage is asked with."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from distilabel_selfinstruct.recipe import get_recipe, recipes
from distilabel_selfinstruct.runs.config import read_config
from tests.support.recipes import run_here

KEY = "sk-proj-9f86d081884c7d659a2feaa0c55ad015"


def shown(folder: Path, *options: object, recipe: str = "self-instruct") -> str:
    made = run_here(get_recipe(recipe), folder, *options, "--show-config")
    assert (made.status, made.err) == (0, "")
    assert not folder.exists()
    return made.out


def test_what_each_stage_is_asked_with(tmp_path: Path) -> None:
    out = shown(
        tmp_path / "run", "--llm", "openai", "--model", "gpt-5-mini", "--system-prompt", "Be brief.",
        "--stage", "instances.model=gpt-4o=0.7,gpt-4o-mini=0.3", "identify.llm=demo", "identify.max-tokens=99",
    )  # fmt: skip
    assert out.partition("# stage bootstrap")[2].splitlines()[:7] == [
        ": openai, gpt-5-mini",
        "#   temperature 1.0, top_p 0.95, frequency_penalty 0.0, presence_penalty 0.0, max_new_tokens 1024,"
        " end_early true",
        '#   system prompt "Be brief."',
        "#   gpt-5-mini: 0.25 USD a million tokens in, 0.025 of a cache, 2 out",
        "# stage classification: demo, demo",
        "#   temperature 0.0, top_p 1.0, frequency_penalty 0.0, presence_penalty 0.0, max_new_tokens 99",
        '#   system prompt "Be brief."',
    ]
    assert "# stage output_first: openai, gpt-4o (0.7), gpt-4o-mini (0.3)\n" in out
    assert "#   gpt-4o-mini: 0.15 USD a million tokens in, 0.075 of a cache, 0.6 out\n" in out


def test_it_can_be_a_config_file(tmp_path: Path) -> None:
    kind = get_recipe("self-instruct").load_config()
    given = ("--stage", "instances.top-p=0.5", "--num-instructions", 7, "--seed", 3)
    values = yaml.safe_load(shown(tmp_path / "run", *given))
    config = read_config({}, values, "mine.yaml", kind)
    assert (config.num_instructions, config.seed, config.stage["instances"].top_p) == (7, 3, 0.5)


def test_secrets_are_masked(tmp_path: Path) -> None:
    address = f"https://user:{KEY}@gateway.example.org/v1?api-key={KEY}"
    given = ("--llm", "openai", "--model", "m", "--base-url", address, "--stage", f"instances.base-url={address}")
    out = shown(tmp_path / "run", *given, "instances.model=n", 'bootstrap.extra-body={"api_key": "' + KEY + '"}')
    assert KEY not in out
    assert "gateway.example.org" in out
    assert "n: price unknown" in out


@pytest.mark.parametrize("name", [name for name, recipe in recipes().items() if recipe.script])
def test_every_recipe_shows_its_stages(tmp_path: Path, name: str) -> None:
    if name not in ("self-instruct", "alpaca", "topics", "evolve", "preferences", "domain", "magpie"):
        pytest.skip("a recipe of another package")
    assert "# stage " in shown(tmp_path / "run", recipe=name)
