"""Seed tasks out of any dataset."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from distilabel_selfinstruct.data.seeding import seeds_of
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
