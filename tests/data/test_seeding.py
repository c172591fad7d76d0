"""Seed tasks out of any dataset."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct.cli.commands import seeds as command
from distilabel_selfinstruct.data.seeding import seeds_of
from distilabel_selfinstruct.data.seeds import load_seed_tasks
from distilabel_selfinstruct.errors import ConfigError, SeedFileError
from distilabel_selfinstruct.text.reading.answers import Instance

SORT = [
    {"instruction": "Sort the numbers.", "input": "3, 1", "output": "1, 3"},
    {"instruction": "Sort the numbers.", "input": "4, 2", "output": "2, 4"},
]
RIVER = {"instruction": "Name a long river of Asia.", "context": "", "response": "The Lena"}
CHAT = {"conversations": [{"from": "human", "value": "Who wrote Faust?"}, {"from": "gpt", "value": "Goethe"}]}


def write(folder: Path, *rows: dict[str, Any]) -> str:
    (folder / "rows.json").write_text(json.dumps(rows), encoding="utf-8")
    return str(folder / "rows.json")


def test_an_instruction_is_a_task_with_all_its_instances(tmp_path: Path) -> None:
    seeds = seeds_of(write(tmp_path, *SORT, RIVER, CHAT))
    assert [(task.instruction, task.instances) for task in seeds.tasks] == [
        ("Sort the numbers.", (Instance("3, 1", "1, 3"), Instance("4, 2", "2, 4"))),
        ("Name a long river of Asia.", (Instance("", "The Lena"),)),
        ("Who wrote Faust?", (Instance("", "Goethe"),)),
    ]
    assert len({task.id for task in seeds.tasks}) == 3


def test_what_is_similar_or_has_no_answer_is_left_out_and_counted(tmp_path: Path) -> None:
    near = RIVER | {"instruction": "Name one long river of Asia."}
    source = write(tmp_path, RIVER, near, CHAT, {"instruction": "Sing.", "output": None})
    seeds = seeds_of(source)
    assert ([task.instruction for task in seeds.tasks], seeds.similar, seeds.lacking) == (
        ["Name a long river of Asia.", "Who wrote Faust?"], 1, 1,
    )  # fmt: skip
    assert [task.instruction for task in seeds_of(source, clear_of=["Who wrote the Faust?"]).tasks] == [
        "Name a long river of Asia."
    ]


def test_a_draw_is_seeded_and_keeps_the_order(tmp_path: Path) -> None:
    names = ("Sing", "Bake", "Plant", "Dive")
    rows = [{"instruction": f"{name} the {name.lower()}er.", "output": "."} for name in names]
    source = write(tmp_path, *rows)
    draws = {tuple(task.instruction for task in seeds_of(source, most=2, seed=seed).tasks) for seed in range(9)}
    assert len(draws) > 2
    assert all(sorted(draw, key=[row["instruction"] for row in rows].index) == list(draw) for draw in draws)
    assert seeds_of(source, most=2, seed=4) == seeds_of(source, most=2, seed=4)


class TestCommand:
    def test_without_a_model_the_kind_is_left_to_the_user(self, tmp_path: Path) -> None:
        said = command.run([write(tmp_path, RIVER), "--out", str(tmp_path / "seeds.jsonl")])
        assert "write true or false for `is_classification` in 1 lines" in said
        with pytest.raises(
            SeedFileError, match="line 1, field 'is_classification': expected true or false, found null"
        ):
            load_seed_tasks(tmp_path / "seeds.jsonl")

    def test_the_user_may_say_it_of_all_that_the_source_is_silent_about(self, tmp_path: Path) -> None:
        source = write(tmp_path, RIVER, CHAT | {"is_classification": True})
        command.run([source, "--out", str(tmp_path / "seeds.jsonl"), "--is-classification", "no"])
        assert [task.is_classification for task in load_seed_tasks(tmp_path / "seeds.jsonl")] == [False, True]

    def test_a_model_may_say_it(self, tmp_path: Path) -> None:
        rows = [{"instruction": "Say whether 12 is even or odd.", "output": "even"}, RIVER]
        said = command.run([write(tmp_path, *rows), "--out", str(tmp_path / "seeds.jsonl"), "--llm", "demo"])
        kinds = {task.instruction: task.is_classification for task in load_seed_tasks(tmp_path / "seeds.jsonl")}
        assert kinds["Say whether 12 is even or odd."] is True
        assert "next: self-instruct run --seeds" in said
        assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.json", "seeds.jsonl"]

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (["--most", "0"], "--most: expected a number above 0, got 0"),
            (["--threshold", "7"], "--threshold: expected a number above 0, at most 1, got 7"),
            (["--llm", "demo", "--is-classification", "no"], "one of them says which tasks are classification"),
        ],
    )
    def test_what_cannot_be(self, options: list[str], said: str, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=said):
            command.run([write(tmp_path, RIVER), "--out", str(tmp_path / "seeds.jsonl"), *options])

    def test_no_file_is_written_over(self, tmp_path: Path) -> None:
        (tmp_path / "seeds.jsonl").write_text("mine")
        with pytest.raises(ConfigError, match="is there already; choose another name"):
            command.run([write(tmp_path, RIVER), "--out", str(tmp_path / "seeds.jsonl")])

    def test_a_source_without_answers(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="no row has both an instruction and an output"):
            command.run([write(tmp_path, {"instruction": "Sing."}), "--out", str(tmp_path / "seeds.jsonl")])
