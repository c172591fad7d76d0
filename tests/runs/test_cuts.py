"""How much of a stage was cut, and the option that gives it more room."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct.engine.pipelines import Pipeline
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.models.records import Record, Records
from distilabel_selfinstruct.presets import DEFAULT
from distilabel_selfinstruct.recipe import get_recipe
from distilabel_selfinstruct.recipes.self_instruct.config import SelfInstructConfig
from distilabel_selfinstruct.runs.config import read_config
from distilabel_selfinstruct.runs.cuts import Cuts, cut_notes, cuts_by_stage
from distilabel_selfinstruct.runs.run import Run
from distilabel_selfinstruct.steps.asking import decoding_kwargs

RECIPE = get_recipe("self-instruct")
MODEL = "distilabel_selfinstruct.demo.model.DemoLLM"


def make(folder: Path, **options: Any) -> Run:
    return Run(read_config({"out": str(folder), **options}, {}, "", SelfInstructConfig), RECIPE)


def record(number: int, finish_reason: str | None, tokens: int, reason: str | None = None) -> Record:
    completion = None if reason else "text"
    return Record(bytes([number]), 0, "p", "{}", completion, finish_reason, reason, None, 5, tokens, "m", 0.0, 0.0)


def test_cuts_are_counted_by_stage(tmp_path: Path) -> None:
    kept = {
        "answers": [record(1, "length", 100), record(2, "stop", 20), record(3, None, 0, "timeout")],
        "bootstrap": [record(1, None, 7)],
    }
    for stage, records in kept.items():
        store = Records(tmp_path, stage)
        store.store(records).result()
        store.close()
    assert cuts_by_stage(tmp_path) == {"answers": Cuts(2, 1, 120, 100), "bootstrap": Cuts(1, 0, 7, 0)}


@pytest.mark.parametrize(
    ("cuts", "is_base", "told"),
    [
        (Cuts(10, 2, 100, 50), False, False),
        (Cuts(10, 3, 100, 50), False, True),
        (Cuts(10, 10, 30, 30), True, False),
        (Cuts(10, 10, 30, 30), False, True),
        (Cuts(10, 10, 9000, 9000), True, True),
        (Cuts(0, 0, 0, 0), False, False),
        (Cuts(1, 1, 0, 0), False, True),
        (Cuts(3, 2, 9, 6), False, True),
        (Cuts(5, 2, 9, 6), False, False),
    ],
)
def test_more_than_a_fifth_is_told(cuts: Cuts, is_base: bool, told: bool) -> None:
    assert bool(cut_notes({"classification": cuts}, is_base)) is told


def test_what_is_told() -> None:
    assert cut_notes({"output_first": Cuts(40, 30, 1000, 900)}) == [
        "30 of the 40 answers of the stage output_first were cut by their length limit: 90% of its output tokens. A"
        " model that thinks needs more room: in another folder (--out) --max-tokens output_first=N."
    ]


@pytest.mark.parametrize(
    ("given", "limits"),
    [
        ("2048", {"all": 2048}),
        (2048, {"all": 2048}),
        (["2048", "classification=64"], {"all": 2048, "classification": 64}),
        ("bootstrap=4096,classification=64", {"bootstrap": 4096, "classification": 64}),
        ({"bootstrap": 4096}, {"bootstrap": 4096}),
        ([], {}),
    ],
)
def test_how_it_is_given(given: Any, limits: dict[str, int]) -> None:
    assert read_config({"max_tokens": given}, {}, "", SelfInstructConfig).max_tokens == limits


@pytest.mark.parametrize("given", ["many", "0", "-5", "a=b", "a=", "5,6", "1.5", None, True])
def test_what_is_no_limit(given: Any) -> None:
    with pytest.raises(ConfigError, match="--max-tokens"):
        read_config({"max_tokens": given}, {}, "", SelfInstructConfig)


def test_the_option_is_above_the_models_own_which_is_above_the_preset(tmp_path: Path) -> None:
    own = {"class": MODEL, "arguments": {"generation_kwargs": {"max_new_tokens": 77}}}
    asked = [
        make(tmp_path, llm=llm, max_tokens=limits).llm("bootstrap")
        for llm, limits in (("demo", {}), (own, {}), (own, {"all": 500}), (own, {"all": 500, "bootstrap": 900}))
    ]
    found = [decoding_kwargs(llm, DEFAULT.bootstrap, "chat")["max_new_tokens"] for llm in asked]
    assert found == [1024, 77, 500, 900]


@pytest.mark.parametrize(
    ("stage", "limits", "most"),
    [
        ("evolution_2", {"evolution": 9}, 9),
        ("evolution_2", {"evolution": 9, "evolution_2": 8}, 8),
        ("evolution_2", {"evolution_1": 9}, None),
        ("answers", {"all": 7}, 7),
        ("answers", {}, None),
    ],
)
def test_stages_of_several_generations(tmp_path: Path, stage: str, limits: dict[str, int], most: int | None) -> None:
    assert make(tmp_path, max_tokens=limits).llm(stage).generation_kwargs.get("max_new_tokens") == most


def test_a_stage_that_there_is_not(tmp_path: Path) -> None:
    def build(run: Run) -> Pipeline:
        with run.pipeline("p") as pipeline:
            run.llm("answers")
        return pipeline

    with pytest.raises(ConfigError) as caught:
        make(tmp_path, max_tokens={"answer": 5}).execute(build)
    assert str(caught.value) == (
        "--max-tokens: there is no stage 'answer' (did you mean answers?); there are: answers."
    )
