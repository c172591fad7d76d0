"""Answers that were cut: `truncated` by their length, `repetition` where they went round; and room to think in."""

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
from distilabel_selfinstruct.text.endings import CUTS
from tests.steps.scripted_llm import ScriptedLLM

THOUGHTS = ["", "<think>\nFirst I consider", "Let me think. The user wants", "Okay: is it? No, wait,", "Yes or no"]
ROW = {
    "instruction_id": "000000-1", "instance_id": "000000-1-0", "instruction": "Name the largest ocean on earth.",
    "parent": "Name an ocean.", "parent_id": "000000", "generation": 1, "input": "", "output": "The Pacific.",
    "reject_reason": None, "document_id": "000000", "document": "The sea is deep.", "title": None,
}  # fmt: skip


class CutLLM(ScriptedLLM):
    """Begins to answer, and is cut."""

    ending: str = "length"

    def generate(self, inputs: Any, num_generations: int = 1, **parameters: Any) -> Any:  # type: ignore[override]
        outputs = super().generate(inputs, **parameters)
        for output in outputs:
            output["generations"] *= num_generations
            output["finish_reason"] = [self.ending] * num_generations  # type: ignore[typeddict-unknown-key]
        return outputs


def process(
    kind: Any, answer: str, seed_file: str, row: dict[str, Any], ending: str = "length"
) -> list[dict[str, Any]]:
    options = {"seed_files": [seed_file]} if "seed_files" in kind.model_fields else {}
    task = kind(llm=CutLLM(ending=ending).answering(answer), **options)
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
    ("kind", "more"),
    [
        (OutputFirstInstances, {"is_classification": True}),
        (InputFirstInstances, {"is_classification": False}),
        (EvolveInstructions, {"generation": 0}),
        (GenerateQueries, {}),
        (GenerateResponses, {}),
    ],
)
def test_one_that_was_ended_because_it_went_round_repeats(
    kind: Any, more: dict[str, Any], answer: str, seed_file: str
) -> None:
    rows = process(kind, answer, seed_file, ROW | more, "repetition")
    reasons = {row["reject_reason"] for row in rows}
    assert "repetition" in reasons <= {None, "duplicate", "repetition"}


def test_what_stands_before_the_end_is_kept(seed_file: str) -> None:
    answer = "Class label 1: even\n4\nClass label 2: odd\n7\nClass label 3: odd odd odd odd odd"
    row = {"instruction": "Is the number even or odd?", "is_classification": True}
    (row,) = process(OutputFirstInstances, answer, seed_file, row, "repetition")
    assert [each["reject_reason"] for each in row["instances"]] == [None, None, "repetition"]


def test_one_that_did_not_begin_its_form_holds_no_instances(seed_file: str) -> None:
    row = {"instruction": "Tell a story.", "is_classification": False}
    (row,) = process(InputFirstInstances, "Once there was a king.", seed_file, row, "off_form")
    assert row["reject_reason"] == "no_instances"


def loops() -> list[Any]:
    return [
        PoolLoop([], get_preset("default"), 5, seed=0, lag=1, patience=3),
        TopicLoop(get_preset("default"), 5, 0, 1, 3),
        KindLoop(["Rivers"], {"general": 2}, get_preset("default"), 1, 3),
    ]


@pytest.mark.parametrize("ending", ["length", "repetition"])
@pytest.mark.parametrize("answer", THOUGHTS[:2])
@pytest.mark.parametrize("loop", range(3))
def test_in_a_loop_too(loop: int, answer: str, ending: str) -> None:
    asked = loops()[loop]
    asked.draw()
    (row,) = asked.take(Answer(answer, ending))
    assert row["reject_reason"] == CUTS[ending]


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
    never_ended = {"classification", "judgement", "tags", "agreement"}
    assert [name for name in asking.keys() - never_ended if "repetition" not in asking[name]] == []
