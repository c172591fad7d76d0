"""The README is short, and its tables and the guides' say what the package declares; commands: test_pages.py."""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from distilabel_selfinstruct import load_seed_tasks
from distilabel_selfinstruct.cli.commands import COMMANDS, module_of
from distilabel_selfinstruct.cli.script import options
from distilabel_selfinstruct.presets import PRESETS
from distilabel_selfinstruct.recipe import DEFAULT
from tests.conftest import ROOT
from tests.support.pages import RECIPES, blocks_of, pages, recipe_run, words_of

README = (ROOT / "README.md").read_text(encoding="utf-8")


def guide(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def test_it_is_read_in_five_minutes() -> None:
    assert len(README.splitlines()) <= 200


def test_there_are_commands_of_several_recipes() -> None:
    lines = [words for block in blocks_of(README) for line in block.commands for words in words_of(line)]
    counts = Counter(found[0].name for words in lines if (found := recipe_run(words)))
    assert counts[DEFAULT] >= 3
    assert len(counts) >= 4


def test_every_command_of_the_help_is_shown_somewhere() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in pages())
    assert [name for name in COMMANDS if f"self-instruct {name}" not in text] == []


def test_the_table_of_recipes_names_every_script_with_its_method() -> None:
    rows = dict(re.findall(r"^\| `(\w+\.py)` \| .*?\((https://[^)]+)\)", README, re.MULTILINE))
    assert rows == {recipe.script: recipe.url for recipe in RECIPES.values()}
    assert sorted(rows) == sorted(path.name for path in (ROOT / "pipelines").glob("*.py"))


def test_the_papers_index_names_the_source_of_every_recipe() -> None:
    assert [recipe.name for recipe in RECIPES.values() if recipe.url not in guide("papers.md")] == []


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
    known += "--node-ip-address --version"  # of `ray start`, of the command itself
    for path in pages():
        named = set(re.findall(r"`(--[a-z-]+)", path.read_text(encoding="utf-8")))
        assert {option for option in named if option not in known} == set(), path


def test_the_seed_tasks_of_the_guide_are_a_seed_file(tmp_path: Path) -> None:
    [tasks] = [block.text for block in blocks_of(guide("guide/seeds.md")) if block.file == "kitchen.jsonl"]
    path = tmp_path / "kitchen.jsonl"
    path.write_text(tasks, encoding="utf-8")
    assert [task.is_classification for task in load_seed_tasks(path)] == [False, True]


def test_the_table_of_presets_names_all_of_them() -> None:
    header = next(line for line in guide("recipes/self-instruct.md").splitlines() if line.startswith("| rule |"))
    assert set(re.findall(r"`(\w+)`", header)) == set(PRESETS)
