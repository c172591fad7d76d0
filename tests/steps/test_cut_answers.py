"""Answers that were cut by their length: `truncated` in every stage, and room that a model may think in."""

from __future__ import annotations

from typing import Any

import pytest

from distilabel_selfinstruct import (
    DemoLLM,
    EvolveInstructions,
    FilterByJudge,
    GenerateQueries,
    GenerateResponses,
    IdentifyClassification,
    InputFirstInstances,
    JudgeEvolutions,
    OutputFirstInstances,
)
from distilabel_selfinstruct.data.rows import Answer
from distilabel_selfinstruct.presets import PRESETS, ROOM, WORDINGS, Decoding, get_preset
from distilabel_selfinstruct.recipe import recipes
from distilabel_selfinstruct.recipes.evolve.steps import EVOLVING, JUDGING
from distilabel_selfinstruct.recipes.topics.steps import KindLoop, TopicLoop
from distilabel_selfinstruct.steps.asking import decoding_kwargs
from distilabel_selfinstruct.steps.judge import DECODING
from distilabel_selfinstruct.steps.loops.pool import PoolLoop
from tests.steps.scripted_llm import ScriptedLLM

THOUGHTS = ["", "<think>\nFirst I consider", "Let me think. The user wants", "Okay: is it? No, wait,", "Yes or no"]
ROW = {
    "instruction_id": "000000-1", "instance_id": "000000-1-0", "instruction": "Name the largest ocean on earth.",
    "parent": "Name an ocean.", "parent_id": "000000", "generation": 1, "input": "", "output": "The Pacific.",
    "reject_reason": None, "document_id": "000000", "document": "The sea is deep.", "title": None,
}  # fmt: skip


class CutLLM(ScriptedLLM):
    """Begins to answer, and is cut."""

    def generate(self, inputs: Any, num_generations: int = 1, **parameters: Any) -> Any:  # type: ignore[override]
        outputs = super().generate(inputs, **parameters)
        for output in outputs:
            output["generations"] *= num_generations
            output["finish_reason"] = ["length"] * num_generations  # type: ignore[typeddict-unknown-key]
        return outputs


def process(kind: Any, answer: str, seed_file: str, row: dict[str, Any]) -> list[dict[str, Any]]:
    options = {"seed_files": [seed_file]} if "seed_files" in kind.model_fields else {}
    task = kind(llm=CutLLM().answering(answer), **options)
    task.load()
    rows: list[dict[str, Any]] = next(task.process([row]))
    return rows


@pytest.mark.parametrize("answer", THOUGHTS)
@pytest.mark.parametrize(
    ("kind", "more"),
    [
        (IdentifyClassification, {}),
        (OutputFirstInstances, {"is_classification": True}),
        (InputFirstInstances, {"is_classification": False}),
        (EvolveInstructions, {"generation": 0}),
        (JudgeEvolutions, {}),
        (FilterByJudge, {}),
        (GenerateQueries, {}),
        (GenerateResponses, {}),
    ],
)
def test_a_cut_answer_is_truncated(kind: Any, more: dict[str, Any], answer: str, seed_file: str) -> None:
    rows = process(kind, answer, seed_file, ROW | more)
    reasons = {row["reject_reason"] for row in rows if row["reject_reason"] != "duplicate"}
    listed = {each["reject_reason"] for row in rows for each in row.get("instances") or []}
    assert reasons | listed - {None} in ({"truncated"}, {None, "truncated"})


@pytest.mark.parametrize("answer", THOUGHTS[:2])
@pytest.mark.parametrize(
    "loop",
    [
        PoolLoop([], get_preset("default"), 5, seed=0, lag=1, patience=3),
        TopicLoop(get_preset("default"), 5, 0, 1, 3),
        KindLoop(["Rivers"], {"general": 2}, get_preset("default"), 1, 3),
    ],
)
def test_in_a_loop_too(loop: Any, answer: str) -> None:
    loop.draw()
    (row,) = loop.take(Answer(answer, "length"))
    assert row["reject_reason"] == "truncated"


def test_a_base_model_is_taken_at_its_first_word(seed_file: str) -> None:
    task = IdentifyClassification(llm=CutLLM().answering(" Yes, because it"), seed_files=[seed_file], wording="base")
    task.load()
    (row,) = next(task.process([{"instruction": "Is it spam?"}]))
    assert (row["is_classification"], row["reject_reason"]) == (True, None)


def test_one_whole_judgement_counts() -> None:
    judge = FilterByJudge(llm=DemoLLM(), threshold=1)
    row = dict(ROW)
    judge._score(row, [Answer("Score: 2, but wait", "length"), Answer("Score: 4", "stop")])
    assert (row["judge_score"], row["reject_reason"]) == (4.0, None)


QUESTIONS = {
    f"{preset.name} {name}": value
    for preset in PRESETS.values()
    for name in ("bootstrap", "classification", "output_first", "input_first", "tasks")
    if isinstance(value := getattr(preset, name), Decoding)
} | {"evolving": EVOLVING, "judging": JUDGING, "judge": DECODING}


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("wording", WORDINGS)
def test_every_question_has_room_to_think(question: str, wording: Any) -> None:
    given = decoding_kwargs(ScriptedLLM(), QUESTIONS[question], wording)["max_new_tokens"]
    assert given == QUESTIONS[question].max_new_tokens if wording == "base" else given >= ROOM


def test_each_stage_that_asks_declares_it() -> None:
    asking = {
        stage.name: {reason.code for reason in stage.reasons}
        for recipe in recipes().values()
        for stage in recipe.stages
        if stage.reasons and stage.name not in ("dedup", "preferences")
    }
    assert {"classification", "judgement", "evolution", "queries", "responses"} <= asking.keys()
    assert [name for name, reasons in asking.items() if "truncated" not in reasons] == []
