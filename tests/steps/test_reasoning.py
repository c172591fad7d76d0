"""What a model thinks goes with its answer, and into the dataset where that is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from datasets import Dataset, DatasetDict, load_from_disk
from distilabel.distiset import Distiset

from distilabel_selfinstruct import AnswerInstructions, FormatForTraining, GenerateResponses, SelectInstances
from distilabel_selfinstruct.data.dataset import save_dataset
from distilabel_selfinstruct.data.rows import answers_of
from distilabel_selfinstruct.recipe import Recipe, recipes
from tests.steps.scripted_llm import ScriptedLLM

ROW = {"instruction_id": "000000", "instruction": "Name a prime.", "is_classification": None, "reject_reason": None}


class ThinkingLLM(ScriptedLLM):
    def generate(self, inputs: Any, num_generations: int = 1, **parameters: Any) -> Any:  # type: ignore[override]
        outputs = super().generate(inputs, **parameters)
        for output in outputs:
            output["generations"] = [f"{at + 2}" for at in range(num_generations)]
            output["reasoning"] = [f"thought {at}" for at in range(num_generations)]  # type: ignore[typeddict-unknown-key]
        return outputs


def answered(kind: Any = AnswerInstructions, llm: Any = None) -> list[dict[str, Any]]:
    task = kind(llm=(llm or ThinkingLLM()).answering("x"))
    task.load()
    rows: list[dict[str, Any]] = next(task.process([dict(ROW)]))
    return rows


def sft(rows: list[dict[str, Any]], **options: Any) -> list[dict[str, Any]]:
    step = FormatForTraining(**options)
    step.load()
    formatted: list[dict[str, Any]] = next(step.process(rows))
    return formatted


@pytest.mark.parametrize(
    ("given", "read"),
    [({}, [None, None]), ({"reasoning": None}, [None, None]), ({"reasoning": ["a", None]}, ["a", None]),
     ({"reasoning": ["a"]}, ["a", None]), ({"reasoning": ["a", "b"]}, ["a", "b"])],
)  # fmt: skip
def test_it_goes_with_the_answer(given: dict[str, Any], read: list[str | None]) -> None:
    output: Any = {"generations": ["x", "y"], "statistics": {}, **given}
    assert [answer.reasoning for answer in answers_of(output)] == read


def test_each_answer_has_its_own() -> None:
    assert [row["reasoning"] for row in answered(GenerateResponses)] == [f"thought {at}" for at in range(4)]


@pytest.mark.parametrize("keeps", [True, False])
def test_instances_have_it_where_that_is_asked_for(keeps: bool) -> None:
    select = SelectInstances(more_columns=["reasoning"] if keeps else [])
    (row,) = next(select.process(answered()))
    assert row.get("reasoning") == ("thought 0" if keeps else None)
    assert ("reasoning" in row) is keeps


def test_messages_have_it_where_that_is_asked_for() -> None:
    question, answer = {"role": "user", "content": "Name a prime."}, {"role": "assistant", "content": "2"}
    assert sft(answered()) == [{"messages": [question, answer]}]
    assert sft(answered(), keep_reasoning=True) == [
        {"messages": [question | {"thinking": None}, answer | {"thinking": "thought 0"}]}
    ]
    unthinking = sft(answered(llm=ScriptedLLM()), keep_reasoning=True)
    assert unthinking[0]["messages"][1]["thinking"] is None


def test_other_formats_have_no_place_for_it() -> None:
    assert sft(answered(), keep_reasoning=True, training_format="alpaca") == [
        {"instruction": "Name a prime.", "input": "", "output": "2"}
    ]


@pytest.mark.parametrize("keeps", [True, False])
def test_on_disk(keeps: bool, tmp_path: Path) -> None:
    rows = sft(answered(), keep_reasoning=keeps)
    distiset = Distiset({"sft": DatasetDict({"train": Dataset(pa.Table.from_pylist(rows))})})
    save_dataset(distiset, {"sft": ["messages"]}, tmp_path / "dataset")
    assert load_from_disk(str(tmp_path / "dataset" / "sft"))["train"].to_list() == rows


@pytest.mark.parametrize("recipe", recipes().values(), ids=recipes())
def test_it_is_an_option_of_every_recipe_and_off(recipe: Recipe) -> None:
    field = recipe.load_config().model_fields["keep_reasoning"]
    assert field.default is False
    assert "keep_reasoning" in recipe.load_config().names(fixed=True)
