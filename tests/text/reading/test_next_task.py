"""Where a model goes on with the next task: an answer ends there, and one about another task is none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from distilabel_selfinstruct.text.reading.answers import list_instances, parse_classification, parse_instances
from distilabel_selfinstruct.text.reading.fields import names_other_task
from distilabel_selfinstruct.text.repetition import begins_to_repeat
from tests.conftest import ROOT

CASES = ROOT.parent / "shared" / "cases" / "real_completions"


def case(name: str) -> Any:
    if not CASES.is_dir():
        pytest.skip(f"needs the completions of real models in {CASES}")
    return json.loads((CASES / name).read_text(encoding="utf-8"))


def pairs(text: str, is_classification: bool) -> list[tuple[str, str]]:
    return [(each.input, each.output) for each in parse_instances(text, is_classification)]


@pytest.mark.parametrize(
    ("text", "is_classification", "expected"),
    [
        ("Output: Paris.\n\nTask: Name a river.\nOutput: The Rhine.", False, [("", "Paris.")]),
        ("Input: 2+2\nOutput: 4\n\n**Task:** Translate.\nInput: dog\nOutput: chien", False, [("2+2", "4")]),
        ("Output: Paris.\n\n### Task: Name a river.", False, [("", "Paris.")]),
        ("Class label: no\nA cat.\n\nTask: Tell the mood.\nClass label: sad\nRain.", True, [("A cat.", "no")]),
        ("Class label: no\nA cat barks.\nIs it classification? Yes", True, [("A cat barks.", "no")]),
        ("Task: Add the numbers.\nInput: 1, 2\nOutput: 3", False, [("1, 2", "3")]),
        ("Task: Add the numbers.\nInput: 1, 2\nOutput: 3\n\nTask: Add more.\nOutput: 9", False, [("1, 2", "3")]),
        ("Sure! Here is one.\nTask: Add.\nInput: 1, 2\nOutput: 3", False, [("1, 2", "3")]),
        ("Output: The task: water the plants.", False, [("", "The task: water the plants.")]),
        ("Output: To do\n- Task force meets", False, [("", "To do\n- Task force meets")]),
    ],
)
def test_an_answer_ends_where_the_next_task_begins(
    text: str, is_classification: bool, expected: list[tuple[str, str]]
) -> None:
    assert pairs(text, is_classification) == expected


def test_the_paper_reads_as_the_authors_do() -> None:
    text = "Class label: no\nA cat barks.\n\nTask: Tell the mood."
    (instance,) = parse_instances(text, True, preset="paper")
    assert instance.input == "A cat barks.\n\nTask: Tell the mood."


def test_next_tasks_of_a_real_model_are_no_part_of_an_answer() -> None:
    for each in case("next_task_minimal.json"):
        (found,) = pairs(each["text"], each["is_classification"])
        assert "Task:" not in "".join(found)
        assert found == tuple(text.partition("\n\nTask:")[0] for text in each["parsed_now"][0])


@pytest.mark.parametrize(
    ("text", "is_other"),
    [
        ("Task: Name a river in Italy.\nOutput: The Po.", False),
        ("Task: name a river of italy\nOutput: The Po.", False),
        ("Task: Name a river.\nOutput: The Po.", False),
        ("Task: Pick the odd word out of the four.\nOutput: spoon", True),
        ("Sure!\nTask: Pick the odd word out of the four.\nOutput: spoon", True),
        ("Output: The Po.\n\nTask: Pick the odd word out.\nOutput: spoon", False),
        ("Task: Pick the odd word out of the four.", False),  # nothing is answered
        ("The Po.", False),
        ("", False),
    ],
)
def test_an_answer_that_begins_with_another_task_is_about_that_one(text: str, is_other: bool) -> None:
    assert names_other_task(text, "Name a river in Italy.") is is_other


@pytest.mark.parametrize("number", [1, 2, 3])
def test_other_tasks_of_a_real_model(number: int) -> None:
    given = case(f"chat_next_task_glued_{number}.json")
    assert names_other_task(given["completion"], given["asked"])


@pytest.mark.parametrize(
    ("completion", "verdict"),
    [
        ("Yes\n\nTask: Sort the list.\nIs it classification? No", True),
        ("No\nTask: Sort.\nIs it classification? Yes\nTask: Count.\nIs it classification? Yes", False),
        ("Is it classification? Yes", True),
        ("Is it classification? No\n\nTask: Sort.\nIs it classification? Yes", False),
        ("Task: Is it day? Yes or no.\nIs it classification? No", False),
        ("**Task:** Sort.\nIs it classification? Yes\nTask: Count.\nIs it classification? No", True),
        ("Sort the list.", None),
    ],
)
def test_the_first_verdict_counts(completion: str, verdict: bool | None) -> None:
    assert parse_classification(completion) is verdict


@pytest.mark.parametrize("name", ["clf_last_verdict.json", "clf_continues_shots.json", "clf_unclear.json"])
def test_verdicts_of_a_real_model(name: str) -> None:
    given = case(name)
    assert parse_classification(given["completion"]) is given["right"]


@pytest.mark.parametrize(
    ("name", "whole"),
    [
        ("base_output_first_loop_19.json", 6),
        ("base_output_first_loop_36.json", 1),
        ("base_output_first_loop_85.json", 1),
        ("base_input_first_loop_88.json", 1),
    ],
)
def test_loops_of_a_real_base_model_begin_where_nothing_new_comes(name: str, whole: int) -> None:
    listed = list_instances(case(name)["completion"], "output_first" in name, "length", "default")
    assert begins_to_repeat(listed.items) == whole < len(listed.items)
