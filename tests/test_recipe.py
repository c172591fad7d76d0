"""Recipes: how they are found, also those of other packages, and what a run folder keeps of them."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from distilabel_selfinstruct.data.columns import COLUMNS, columns_of
from distilabel_selfinstruct.data.dataset import features_of
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.recipe import ENTRY_POINTS, Column, Recipe, get_recipe, recipes
from distilabel_selfinstruct.runs.config import RunConfig

OWN = list(recipes())
every_recipe = pytest.mark.parametrize("recipe", [pytest.param(each, id=name) for name, each in recipes().items()])

OTHER = """
from distilabel_selfinstruct.recipe import Column, Reason, Recipe, Stage

RECIPE = Recipe(
    name="{name}",
    title="Moods",
    url="https://example.org",
    makes="moods",
    stages=(Stage("moods", "Moods", "candidate", (Reason("gloomy", "too gloomy"),)),),
    how=("**Moods.** The model says how it is.",),
    citation="",
    columns={{"mood": Column("how it is")}},
)
"""


def install(monkeypatch: pytest.MonkeyPatch, folder: Path, **modules: str) -> None:
    """Another package with an entry point for each of these modules."""
    points = []
    for name, code in modules.items():
        (folder / f"recipes_of_others_{name}.py").write_text(code)
        points.append(metadata.EntryPoint(name, f"recipes_of_others_{name}:RECIPE", ENTRY_POINTS))
    monkeypatch.syspath_prepend(folder)

    def entry_points(**selected: Any) -> list[metadata.EntryPoint]:
        return points if selected == {"group": ENTRY_POINTS} else []

    monkeypatch.setattr(metadata, "entry_points", entry_points)


# --- found by name ---------------------------------------------------------------------------------------------------


def test_self_instruct_comes_first_and_the_others_by_name() -> None:
    assert OWN == ["self-instruct", "alpaca", "domain", "evolve", "magpie", "preferences", "topics"]


@every_recipe
def test_a_recipe_is_found_by_its_name(recipe: Recipe) -> None:
    assert get_recipe(recipe.name) is recipe
    assert recipes()[recipe.name] is recipe


@pytest.mark.parametrize(("name", "close"), [("", ""), ("moods", ""), ("Evolve", "evolve"), ("topic", "topics")])
def test_an_unknown_name_is_answered_with_those_there_are(name: str, close: str) -> None:
    meant = f" (did you mean {close}?)" if close else ""
    with pytest.raises(ConfigError) as caught:
        get_recipe(name)
    assert str(caught.value) == f"There is no recipe {name!r}{meant}; there are: {', '.join(OWN)}."


# --- of other packages -----------------------------------------------------------------------------------------------


def test_another_package_brings_a_recipe(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(monkeypatch, tmp_path, moods=OTHER.format(name="moods"))
    assert list(recipes()) == [*OWN, "moods"]
    assert get_recipe("moods").title == "Moods"


def test_another_package_takes_no_name_away(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(monkeypatch, tmp_path, evolve=OTHER.format(name="evolve"))
    assert list(recipes()) == OWN
    assert get_recipe("evolve").title == "Evol-Instruct (WizardLM)"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            "raise ValueError('one\\n  two')",
            "The recipe 'broken' (recipes_of_others_broken:RECIPE) cannot be loaded (ValueError: one two). Mend or"
            " uninstall its package.",
        ),
        (
            "import no_such_module",
            "The recipe 'broken' (recipes_of_others_broken:RECIPE) cannot be loaded (ModuleNotFoundError: No module"
            " named 'no_such_module'). Mend or uninstall its package.",
        ),
        (
            "",
            "The recipe 'broken' (recipes_of_others_broken:RECIPE) cannot be loaded (AttributeError: module"
            " 'recipes_of_others_broken' has no attribute 'RECIPE'). Mend or uninstall its package.",
        ),
        (
            "RECIPE = 'moods'",
            "The entry point 'broken' (recipes_of_others_broken:RECIPE) is no Recipe; its package must be mended.",
        ),
    ],
)
def test_a_broken_one_is_one_clear_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str, said: str) -> None:
    monkeypatch.delitem(sys.modules, "recipes_of_others_broken", raising=False)
    install(monkeypatch, tmp_path, broken=code)
    with pytest.raises(ConfigError) as caught:
        recipes()
    assert str(caught.value) == said
    assert get_recipe("evolve").name == "evolve"  # nobody else suffers


# --- recorded --------------------------------------------------------------------------------------------------------


@every_recipe
def test_a_recipe_is_read_back_as_it_was_recorded(recipe: Recipe) -> None:
    back = Recipe.of_record(json.loads(json.dumps(recipe.record())))
    assert back == replace(recipe, config="", script="", demo=None, check=None)


def test_what_a_later_version_adds_is_passed_over() -> None:
    record = get_recipe("evolve").record()
    stages = [{**stage, "colour": "blue"} for stage in record["stages"]]
    assert Recipe.of_record({**record, "stages": stages, "colour": "blue"}) == Recipe.of_record(record)


def test_a_record_names_no_code() -> None:
    record = get_recipe("evolve").record()
    assert not {"config", "script", "demo"} & record.keys()
    given = Recipe.of_record({**record, "config": "os:system", "script": "/tmp/x.py", "demo": "os"})
    assert (given.config, given.script, given.demo) == ("", "", None)


@pytest.mark.parametrize(
    "change",
    [
        {"name": None},
        {"stages": "evolution"},
        {"stages": [{"name": "evolution"}]},
        {"stages": [["evolution"]]},
        {"stages": [{"name": "evolution", "title": "Evolution", "judges": "weather", "reasons": []}]},
        {"columns": ["generation"]},
        {"columns": {"generation": "number"}},
        {"columns": {"generation": {"meaning": "how often", "type": "colour"}}},
        {"how": "so"},
        {"prompts_version": "first"},
    ],
)
def test_a_record_of_something_else_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Recipe.of_record({**get_recipe("evolve").record(), **change})


def test_a_record_with_something_missing_is_refused() -> None:
    record = get_recipe("evolve").record()
    for name in ("name", "title", "url", "makes", "stages", "how", "citation"):
        with pytest.raises(ValueError):
            Recipe.of_record({key: value for key, value in record.items() if key != name})


# --- what each recipe declares ---------------------------------------------------------------------------------------


@every_recipe
def test_stages_and_the_reasons_of_each_are_unique(recipe: Recipe) -> None:
    assert not _repeated(stage.name for stage in recipe.stages)
    for stage in recipe.stages:
        assert not _repeated(reason.code for reason in stage.reasons), stage.name


@every_recipe
def test_a_reason_means_the_same_in_all_stages(recipe: Recipe) -> None:
    meanings = {(reason.code, reason.meaning) for stage in recipe.stages for reason in stage.reasons}
    assert not _repeated(code for code, _ in meanings)
    for code, meaning in meanings:
        assert recipe.meaning_of(code) == meaning
    assert recipe.meaning_of("content_filter") == "request failed: content filter"


@every_recipe
def test_a_column_has_a_type_that_the_dataset_knows(recipe: Recipe) -> None:
    known = columns_of(recipe)
    assert len(features_of(known, known)) == len(known)
    assert not recipe.columns.keys() & COLUMNS.keys()  # each is described once


def test_the_dataset_knows_every_type() -> None:
    for kind in get_args(get_type_hints(Column)["type"]):
        features_of(["mood"], {"mood": Column("how it is", kind)})


@every_recipe
def test_config_and_script_are_there(recipe: Recipe) -> None:
    assert issubclass(recipe.load_config(), RunConfig)
    assert recipe.script_path().is_file()


def test_a_script_that_is_not_there_is_told() -> None:
    with pytest.raises(ConfigError, match=r"^The recipe 'evolve' has no script 'no.py': install its package again\.$"):
        replace(get_recipe("evolve"), script="no.py").script_path()


def test_stages_are_asked_for_by_what_they_do() -> None:
    topics = get_recipe("topics")
    assert topics.stages_that_ask("rounds") == ("instructions",)
    assert topics.stages_that_ask("before", "rounds") == ("topics", "instructions")
    made = {what: topics.maker_of(what) for what in ("topic", "candidate", "instance", "pair")}
    assert {what: stage and stage.name for what, stage in made.items()} == {
        "topic": "topics",
        "candidate": "instructions",
        "instance": "answers",
        "pair": None,
    }


def _repeated(values: Any) -> list[str]:
    return [value for value, count in Counter(values).items() if count > 1]
