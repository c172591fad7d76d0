"""SuperNI: the files of a checkout of natural-instructions, in both of their shapes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.evaluation.superni import read_superni

NEW = {
    "Definition": ["Answer with yes or no.", "A second definition."],
    "Categories": ["Textual Entailment"],
    "Input_language": ["English"],
    "Output_language": ["English"],
    "Positive Examples": [],
    "Negative Examples": [],
    "Instances": [
        {"id": "task1-a", "input": "Is water wet?", "output": ["yes", "Yes it is"]},
        {"id": "task1-b", "input": "Is fire cold?", "output": ["no"]},
    ],
}
OLD: dict[str, Any] = {
    "Definition": " Give it a title. ",
    "Categories": ["Title Generation"],
    "Instances": [{"input": "A text about bees.", "output": "Bees"}],
}


def checkout(folder: Path, tasks: dict[str, Any], names: list[str] | None = None, split: str = "default") -> Path:
    (folder / "splits" / split).mkdir(parents=True)
    (folder / "tasks").mkdir(exist_ok=True)
    listed = "\n".join(names or tasks)
    (folder / "splits" / split / "test_tasks.txt").write_text(listed + "\n", encoding="utf-8")
    for name, task in tasks.items():
        (folder / "tasks" / f"{name}.json").write_text(json.dumps(task), encoding="utf-8")
    return folder


def test_files_in_both_shapes(tmp_path: Path) -> None:
    found = read_superni(checkout(tmp_path, {"task001_wet": NEW, "task002_title": OLD}), "default", None)
    first, second, third = found.questions
    assert (first.id, first.task, first.category) == ("task1-a", "task001_wet", "Textual Entailment")
    assert (first.instruction, first.input) == ("Answer with yes or no.", "Is water wet?")
    assert (first.references, first.words) == (("yes", "Yes it is"), "stemmed")
    assert second.references == ("no",)
    assert (third.id, third.instruction, third.references) == ("task002_title-0", "Give it a title.", ("Bees",))
    assert found.notes == []


def test_the_first_hundred_instances_count_and_a_limit_is_of_each_task(tmp_path: Path) -> None:
    many = NEW | {"Instances": [{"id": f"n{at}", "input": f"{at}?", "output": ["no"]} for at in range(150)]}
    folder = checkout(tmp_path, {"task001_a": many, "task002_b": many})
    assert [len(read_superni(folder, "default", limit).questions) for limit in (None, 3, 1000)] == [200, 6, 200]
    assert [each.input for each in read_superni(folder, "default", 2).questions] == ["0?", "1?", "0?", "1?"]


def test_task1415_is_left_out_and_said_so(tmp_path: Path) -> None:
    folder = checkout(tmp_path, {"task1415_youtube_captions": NEW, "task002_title": OLD})
    found = read_superni(folder, "default", None)
    assert {each.task for each in found.questions} == {"task002_title"}
    assert found.notes == ["task1415_youtube_captions is left out, as its authors do."]


def test_a_task_that_was_renamed_is_found_by_its_number(tmp_path: Path) -> None:
    folder = checkout(tmp_path, {"task121_zest_text_modification": NEW}, ["task121_atomic_question_rewriting"])
    assert {each.task for each in read_superni(folder, "default", None).questions} == {"task121_zest_text_modification"}


@pytest.mark.parametrize("language", ["Input_language", "Output_language"])
def test_a_task_that_is_not_english_is_split_at_spaces(tmp_path: Path, language: str) -> None:
    folder = checkout(tmp_path, {"task001_wet": NEW | {language: ["Spanish"]}}, split="xlingual")
    assert {each.words for each in read_superni(folder, "xlingual", None).questions} == {"spaced"}


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ([], "expected an object with Definition, Instances and Categories"),
        (NEW | {"Definition": None}, "Definition: expected a text, or a list of texts, found 'None'"),
        (NEW | {"Definition": []}, "Definition: expected a text, or a list of texts"),
        (NEW | {"Instances": []}, "Instances: expected a list of instances"),
        (NEW | {"Instances": [{"output": "x"}]}, "Instances, number 1: expected an object with input and output"),
        (NEW | {"Instances": [{"input": "x", "output": 7}]}, "output: expected a text, or a list of texts, found '7'"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_name(tmp_path: Path, task: Any, said: str) -> None:
    folder = checkout(tmp_path, {"task001_wet": task})
    with pytest.raises(ConfigError) as error:
        read_superni(folder, "default", None)
    assert str(error.value).startswith(str(folder / "tasks" / "task001_wet.json"))
    assert said in str(error.value)


def test_what_is_no_checkout(tmp_path: Path) -> None:
    checkout(tmp_path / "real", {"task001_wet": NEW}, ["task001_wet", "task002_gone"])
    with pytest.raises(ConfigError, match=r"expected a checkout of github\.com/allenai/natural-instructions"):
        read_superni(tmp_path, "default", None)
    with pytest.raises(ConfigError, match="there are the splits: default"):
        read_superni(tmp_path / "real", "xlingual", None)
    with pytest.raises(ConfigError, match=r"task002_gone\.json: there is no such file"):
        read_superni(tmp_path / "real", "default", None)
