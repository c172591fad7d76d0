"""The README says nothing that does not work."""

from __future__ import annotations

import argparse
import re
import runpy
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from distilabel_selfinstruct import load_seed_tasks
from distilabel_selfinstruct.__main__ import options as command_options
from distilabel_selfinstruct.cli.main import options
from distilabel_selfinstruct.presets import PRESETS
from distilabel_selfinstruct.recipe import RECIPES
from distilabel_selfinstruct.runs.config import RunConfig, SelfInstructConfig, read_config

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


FENCED = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    return [text for of_language, text in FENCED if of_language == language]


def commands(start: str) -> list[list[str]]:
    lines = [line for block in blocks("") for line in block.splitlines() if start in line]
    return [shlex.split(line[line.index(start) + len(start) :], comments=True) for line in lines]


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


SCRIPTS = sorted((ROOT / "pipelines").glob("*.py"))


def config_of(script: Path) -> type[RunConfig]:
    """The config that a pipeline script is run with: its own, or that of the main one."""
    names = runpy.run_path(str(script))
    own = [each for each in names.values() if isinstance(each, type) and issubclass(each, RunConfig)]
    return next((each for each in own if each.__module__ == "<run_path>"), SelfInstructConfig)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_every_command_of_a_pipeline_has_options_that_exist(script: Path) -> None:
    for arguments in commands(f"python pipelines/{script.name}"):
        given = vars(options(None, config_of(script)).parse_args(arguments))
        read_config({name: value for name, value in given.items() if name != "config"}, kind=config_of(script))


def test_there_are_commands_of_several_pipelines() -> None:
    counts = {script.stem: len(commands(f"python pipelines/{script.name}")) for script in SCRIPTS}
    assert counts["self_instruct"] >= 3
    assert sum(count > 0 for count in counts.values()) >= 4


def test_the_table_of_recipes_names_every_script_with_its_method() -> None:
    rows = dict(re.findall(r"^\| `(\w+)\.py` \| .*?\((https://[^)]+)\)", README, re.MULTILINE))
    assert rows == {recipe.name.replace("-", "_"): recipe.url for recipe in RECIPES.values()}
    assert sorted(rows) == [script.stem for script in SCRIPTS]


def test_every_other_command_has_options_that_exist() -> None:
    found = commands("python -m distilabel_selfinstruct")
    assert found
    for arguments in found:
        command_options().parse_args(arguments)


def parsers_of(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield command
                yield from parsers_of(command)


def test_every_option_named_in_the_text_exists() -> None:
    of_scripts = (options(None, config_of(script)) for script in SCRIPTS)
    known = "".join(parser.format_help() for parser in (*of_scripts, *parsers_of(command_options())))
    known += "".join(path.read_text(encoding="utf-8") for path in (ROOT / "benchmarks").glob("*.py"))
    named = set(re.findall(r"`(--[a-z-]+)", README))
    assert named
    assert {option for option in named if option not in known} == set()


def test_the_config_file_holds_options_that_exist() -> None:
    for block in blocks("yaml"):
        read_config(yaml.safe_load(block))


def test_the_seed_tasks_are_a_seed_file(tmp_path: Path) -> None:
    path = tmp_path / "kitchen.jsonl"
    path.write_text(blocks("json")[0], encoding="utf-8")
    assert [task.is_classification for task in load_seed_tasks(path)] == [False, True]


def test_the_table_of_presets_names_all_of_them() -> None:
    header = next(line for line in README.splitlines() if line.startswith("| rule |"))
    assert set(re.findall(r"`(\w+)`", header)) == set(PRESETS)
