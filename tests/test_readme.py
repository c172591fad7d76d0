"""The README says nothing that does not work."""

from __future__ import annotations

import argparse
import re
import shlex
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from distilabel_selfinstruct import load_seed_tasks
from distilabel_selfinstruct.cli.commands import COMMANDS, module_of
from distilabel_selfinstruct.cli.iterations.config import read_iterations
from distilabel_selfinstruct.cli.script import options
from distilabel_selfinstruct.presets import PRESETS
from distilabel_selfinstruct.recipe import DEFAULT, Recipe, recipes
from distilabel_selfinstruct.runs.config import read_config

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


FENCED = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    return [text for of_language, text in FENCED if of_language == language]


def commands(start: str) -> list[list[str]]:
    lines = [line for block in blocks("") for line in block.splitlines() if start in line]
    return [shlex.split(line[line.index(start) + len(start) :], comments=True) for line in lines]


@pytest.mark.slow
def test_the_wiring_runs_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("distilabel.constants.PIPELINES_CACHE_DIR", tmp_path)
    wiring = next(block for block in blocks("python") if "my-self-instruct" in block)
    namespace: dict[str, object] = {"__name__": "__main__"}
    exec(compile(wiring, "README.md", "exec"), namespace)
    distiset = namespace["distiset"]
    assert set(distiset) == {"instances", "rejected", "sft"}
    assert len({row["instruction_id"] for row in distiset["instances"]["train"]}) <= 20
    assert distiset["sft"]["train"][0]["messages"][0]["role"] == "user"


def test_all_other_python_is_valid() -> None:
    for block in blocks("python"):
        compile(block, "README.md", "exec")


RECIPES = recipes()


def runs() -> Iterator[tuple[Recipe, list[str]]]:
    """Every command that runs a recipe: the recipe, and its options."""
    for arguments in commands("self-instruct run"):
        name = arguments.pop(0) if arguments and not arguments[0].startswith("-") else DEFAULT
        yield RECIPES[name], arguments
    for recipe in RECIPES.values():
        yield from ((recipe, arguments) for arguments in commands(f"python pipelines/{recipe.script}"))


def test_every_command_that_runs_a_recipe_has_options_that_exist() -> None:
    for recipe, arguments in runs():
        given = vars(options(recipe).parse_args(arguments))
        read_config(given, {}, "", recipe.load_config())


def test_there_are_commands_of_several_recipes() -> None:
    counts = Counter(recipe.name for recipe, _ in runs())
    assert counts[DEFAULT] >= 3
    assert len(counts) >= 4


def test_the_table_of_recipes_names_every_script_with_its_method() -> None:
    rows = dict(re.findall(r"^\| `(\w+\.py)` \| .*?\((https://[^)]+)\)", README, re.MULTILINE))
    assert rows == {recipe.script: recipe.url for recipe in RECIPES.values()}
    assert sorted(rows) == sorted(path.name for path in (ROOT / "pipelines").glob("*.py"))


def test_every_other_command_has_options_that_exist() -> None:
    found = [arguments for arguments in commands("self-instruct") if arguments and arguments[0] != "run"]
    assert len(found) >= 5
    for arguments in found:
        module_of(arguments[0]).options().parse_args(arguments[1:])


def parsers_of(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield command
                yield from parsers_of(command)


def test_every_option_named_in_the_text_exists() -> None:
    of_scripts = (options(recipe) for recipe in RECIPES.values())
    of_commands = [module_of(name).options() for name in COMMANDS]
    parsers = [*of_scripts, *of_commands, *(each for parser in of_commands for each in parsers_of(parser))]
    known = "".join(parser.format_help() for parser in parsers)
    known += "".join(path.read_text(encoding="utf-8") for path in (ROOT / "benchmarks").glob("*.py"))
    named = set(re.findall(r"`(--[a-z-]+)", README))
    assert named
    assert {option for option in named if option not in known} == set()


def test_the_config_files_hold_options_that_exist() -> None:
    loops = [values for block in blocks("yaml") if "runs" in (values := yaml.safe_load(block))]
    assert [read_iterations(values, "README.md").iterations for values in loops] == [3]
    for values in map(yaml.safe_load, blocks("yaml")):
        if values not in loops:
            read_config({}, values, "README.md", RECIPES[DEFAULT].load_config())


def test_the_seed_tasks_are_a_seed_file(tmp_path: Path) -> None:
    path = tmp_path / "kitchen.jsonl"
    path.write_text(blocks("json")[0], encoding="utf-8")
    assert [task.is_classification for task in load_seed_tasks(path)] == [False, True]


def test_the_table_of_presets_names_all_of_them() -> None:
    header = next(line for line in README.splitlines() if line.startswith("| rule |"))
    assert set(re.findall(r"`(\w+)`", header)) == set(PRESETS)
