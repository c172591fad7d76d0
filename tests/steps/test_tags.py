"""Tags of instances: how they are read, and what is kept by them."""

from __future__ import annotations

from typing import Any

import pytest

from distilabel_selfinstruct import DemoLLM, TagInstances
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.text.tags import parse_tags, read_conditions
from tests.steps.scripted_llm import ScriptedLLM

ROW = {"instruction": "Add the numbers.", "input": "2 and 3", "output": "5", "model_name": "writer"}
MATHS = {"category": "maths", "difficulty": 1, "quality": 5}


def tagged(said: str, row: dict[str, Any] = ROW, **options: Any) -> dict[str, Any]:
    llm = ScriptedLLM().answering(lambda prompt: said)
    tags = TagInstances(llm=llm, **options)
    tags.load()
    (made,) = next(tags.process([row]))
    return dict(made)


@pytest.mark.parametrize(
    "said",
    [
        "Category: maths\nDifficulty: 1\nQuality: 5",
        "**Category:** Maths\n**Difficulty:** 1/5\n**Quality:** 5 - complete",
        "category: maths, difficulty: 1, quality: 5",
        '{"category": "maths", "difficulty": 1, "quality": 5}',
        '```json\n{"category": "maths", "difficulty": "1", "quality": 5}\n```',
        "<think>Easy.</think>Quality: 5\nDifficulty: 1 (very easy)\nCategory: maths.",
    ],
)
def test_tags_as_models_write_them(said: str) -> None:
    assert parse_tags(said) == MATHS


@pytest.mark.parametrize(
    "said",
    [
        "",
        "Category: cooking\nDifficulty: 1\nQuality: 5",
        "Category: maths\nDifficulty: 1",
        "Category: maths\nDifficulty: 7\nQuality: 5",
        "Category: maths\nDifficulty: 1-5\nQuality: 5",
        "Category: maths\nDifficulty: 10\nQuality: 5",
        "Category: maths\nDifficulty: 2.5\nQuality: 5",
        '["maths", 1, 5]',
    ],
)
def test_what_are_no_tags(said: str) -> None:
    assert parse_tags(said) is None


def test_categories_of_several_words() -> None:
    assert (parse_tags("Category: Creative Writing\nDifficulty: 3\nQuality: 4") or {})["category"] == "creative_writing"
    assert (parse_tags("Category: role-play\nDifficulty: 3\nQuality: 4") or {})["category"] == "role_play"


def test_the_tags_become_columns() -> None:
    row = tagged("Category: maths\nDifficulty: 1\nQuality: 5")
    assert {name: row[name] for name in MATHS} == MATHS
    assert (row["reject_reason"], row["model_name"]) == (None, "writer")


def test_what_is_unclear_has_a_reason() -> None:
    row = tagged("Category: cooking\nDifficulty: 1\nQuality: 5")
    assert (row["stage"], row["reject_reason"], row["category"]) == ("tags", "unclear_tags", None)
    assert row["detail"].startswith("Category: cooking")


def test_what_is_not_wanted_has_another() -> None:
    row = tagged("Category: maths\nDifficulty: 1\nQuality: 5", keep=["quality>=4", "difficulty>2"])
    assert (row["reject_reason"], row["detail"]) == ("unwanted_tags", "difficulty is 1, not difficulty>2")
    assert row["quality"] == 5


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("quality>=5", True),
        ("quality > 4", True),
        ("difficulty<1", False),
        ("difficulty<=1", True),
        ("difficulty=1,2", True),
        ("category=coding,maths", True),
        ("category!=maths", False),
        ("quality!=5", False),
    ],
)
def test_conditions(condition: str, holds: bool) -> None:
    (read,) = read_conditions([condition])
    assert read.holds(MATHS) == holds


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("quality", "expected NAME>=N in quotes, such as 'quality>=4', or category=coding."),
        ("qualty>=4", "there is no tag 'qualty' (did you mean quality?)"),
        ("quality>=9", "quality is a number from 1 to 5."),
        ("quality>=high", "quality is a number from 1 to 5."),
        ("quality>=1,2", "quality is a number from 1 to 5."),
        ("category=codng", "a category is one of these"),
        ("category>=coding", "a category is one of these"),
    ],
)
def test_a_condition_that_is_none(condition: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        read_conditions([condition])
    assert f"--keep-tags {condition}: {said[:40]}" in str(error.value)


def test_the_question_shows_the_whole() -> None:
    asked: list[str] = []
    llm = ScriptedLLM().answering(lambda prompt: asked.append(prompt) or "")  # type: ignore[func-returns-value]
    tags = TagInstances(llm=llm)
    tags.load()
    next(tags.process([ROW | {"document": "Numbers."}]))
    assert "<passage>\nNumbers.\n</passage>" in asked[0]
    assert "<request>\nAdd the numbers.\n\n2 and 3\n</request>\n\n<answer>\n5\n</answer>" in asked[0]


@pytest.mark.parametrize("wording", ["chat", "structured"])
def test_the_demo_model_tags(wording: Any) -> None:
    tags = TagInstances(llm=DemoLLM(noise=0), wording=wording)
    tags.load()
    (row,) = next(tags.process([ROW]))
    assert row["reject_reason"] is None
    assert row["quality"] in range(1, 6)
