"""The command `seeds`: a seed file out of any dataset, and who says which tasks are classification."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct.cli.commands import seeds as command
from distilabel_selfinstruct.data.seeds import load_seed_tasks
from distilabel_selfinstruct.errors import ConfigError, SeedFileError

RIVER = {"instruction": "Name a long river of Asia.", "context": "", "response": "The Lena"}
CHAT = {"conversations": [{"from": "human", "value": "Who wrote Faust?"}, {"from": "gpt", "value": "Goethe"}]}


def write(folder: Path, *rows: dict[str, Any]) -> str:
    (folder / "rows.json").write_text(json.dumps(rows), encoding="utf-8")
    return str(folder / "rows.json")


def test_without_a_model_the_kind_is_left_to_the_user(tmp_path: Path) -> None:
    said = command.run([write(tmp_path, RIVER), "--out", str(tmp_path / "seeds.jsonl")])
    assert "write true or false for `is_classification` in 1 lines" in said
    with pytest.raises(SeedFileError, match="line 1, field 'is_classification': expected true or false, found null"):
        load_seed_tasks(tmp_path / "seeds.jsonl")


def test_the_user_may_say_it_of_all_that_the_source_is_silent_about(tmp_path: Path) -> None:
    source = write(tmp_path, RIVER, CHAT | {"is_classification": True})
    command.run([source, "--out", str(tmp_path / "seeds.jsonl"), "--is-classification", "no"])
    assert [task.is_classification for task in load_seed_tasks(tmp_path / "seeds.jsonl")] == [False, True]


def test_a_model_may_say_it(tmp_path: Path) -> None:
    rows = [{"instruction": "Say whether 12 is even or odd.", "output": "even"}, RIVER]
    said = command.run([write(tmp_path, *rows), "--out", str(tmp_path / "seeds.jsonl"), "--llm", "demo"])
    kinds = {task.instruction: task.is_classification for task in load_seed_tasks(tmp_path / "seeds.jsonl")}
    assert kinds["Say whether 12 is even or odd."] is True
    assert "next: self-instruct run --seeds" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.json", "seeds.jsonl"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--threshold", "7"], "--threshold: expected a number above 0, at most 1, got 7"),
        (["--llm", "demo", "--is-classification", "no"], "one of them says which tasks are classification"),
    ],
)
def test_what_cannot_be(options: list[str], said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=said):
        command.run([write(tmp_path, RIVER), "--out", str(tmp_path / "seeds.jsonl"), *options])


def test_no_file_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "seeds.jsonl").write_text("mine")
    with pytest.raises(ConfigError, match="is there already; choose another name"):
        command.run([write(tmp_path, RIVER), "--out", str(tmp_path / "seeds.jsonl")])


def test_a_source_without_answers(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no row has both an instruction and an output"):
        command.run([write(tmp_path, {"instruction": "Sing."}), "--out", str(tmp_path / "seeds.jsonl")])
