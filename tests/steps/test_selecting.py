"""The leaf steps: which rows and columns each config gets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct import LoadSeedTasks, SelectInstances, SelectInstructions, SelectRejected
from distilabel_selfinstruct.data.rows import candidate_row
from distilabel_selfinstruct.errors import SeedFileError

Rows = list[dict[str, Any]]


def row(instruction_id: str, instance_id: str | None = None, **known: Any) -> dict[str, Any]:
    """As FilterInstances gives it."""
    instruction = f"Instruction {instruction_id}"
    rest = {"is_classification": False, "instance_id": instance_id, "input": None, "output": None}
    return candidate_row(instruction_id=instruction_id, instruction=instruction) | rest | known


STREAM = [
    row(
        "0-00",
        stage="bootstrap",
        reject_reason="similar",
        neighbour_id="seed_task_3",
        neighbour="Seed",
        max_similarity=0.8,
    ),
    row("0-01", "0-01-0", input="a", output="A"),
    row("0-01", "0-01-1", input="b", output="", stage="instances", reject_reason="empty_output", max_similarity=0.5),
    row("0-02", stage="classification", reject_reason="unclear_classification", detail="Maybe", is_classification=None),
    row("0-03", "0-03-0", input="", output="C", max_similarity=0.4, round=3),
    row("0-03", "0-03-1", input="", output="D", max_similarity=0.4, round=3),
]


def select(step: Any, *batches: Rows) -> Rows:
    step.load()
    return [each for batch in batches for each in next(step.process(batch))]


def test_a_row_without_an_instruction_is_no_instruction() -> None:
    made = select(SelectInstructions(stages=[]), [row("0", instruction=None, stage="responses"), row("1")])
    assert [each["instruction_id"] for each in made] == ["1"]


def test_instances_are_what_no_stage_rejected() -> None:
    made = select(SelectInstances(), STREAM)
    assert [(each["instance_id"], each["input"], each["output"]) for each in made] == [
        ("0-01-0", "a", "A"), ("0-03-0", "", "C"), ("0-03-1", "", "D"),
    ]  # fmt: skip
    assert made[1]["round"] == 3


def test_instructions_are_what_the_bootstrap_admitted_each_once() -> None:
    made = select(SelectInstructions(), STREAM)
    assert [each["instruction_id"] for each in made] == ["0-01", "0-02", "0-03"]
    assert [each["is_classification"] for each in made] == [False, None, False]


@pytest.mark.parametrize("cut", range(1, len(STREAM)))
def test_each_once_also_across_batches(cut: int) -> None:
    made = select(SelectInstructions(), STREAM[:cut], STREAM[cut:])
    assert [each["instruction_id"] for each in made] == ["0-01", "0-02", "0-03"]


def test_rejected_rows_say_where_why_and_beside_what() -> None:
    made = select(SelectRejected(), STREAM)
    assert [(each["stage"], each["reason"], each["detail"]) for each in made] == [
        ("bootstrap", "similar", None),
        ("instances", "empty_output", None),
        ("classification", "unclear_classification", "Maybe"),
    ]
    assert [(each["neighbour_id"], each["neighbour"], each["score"]) for each in made] == [
        ("seed_task_3", "Seed", 0.8), (None, None, None), (None, None, None),
    ]  # fmt: skip


@pytest.mark.parametrize("step", [SelectInstances, SelectInstructions, SelectRejected])
def test_every_documented_column_is_there_and_no_other(step: Any) -> None:
    assert all(list(each) == step().outputs for each in select(step(), STREAM))


@pytest.mark.parametrize("step", [SelectInstances, SelectInstructions, SelectRejected])
def test_a_batch_may_leave_nothing(step: Any) -> None:
    assert select(step(), []) == []


class TestSeeds:
    def load(self, *paths: object, batch_size: int = 50) -> list[tuple[Rows, bool]]:
        step = LoadSeedTasks(seed_files=[str(path) for path in paths], batch_size=batch_size)
        step.load()
        return list(step.process())

    def test_seed_tasks_are_rows_as_in_the_file(self, seed_file: str) -> None:
        lines = [json.loads(line) for line in Path(seed_file).read_text(encoding="utf-8").splitlines()]
        rows = [each for batch, _ in self.load(seed_file) for each in batch]
        assert rows == lines
        assert list(rows[0]) == LoadSeedTasks().outputs

    @pytest.mark.parametrize("size", [1, 100, 101, 1000])
    def test_only_the_last_batch_says_so(self, seed_file: str, size: int) -> None:
        batches = self.load(seed_file, batch_size=size)
        assert all(1 <= len(batch) <= size for batch, _ in batches)
        assert [is_last for _, is_last in batches] == [False] * (len(batches) - 1) + [True]

    def test_a_bad_file_is_told_by_load(self, tmp_path: Path) -> None:
        (tmp_path / "seeds.jsonl").write_text("[]\n")
        with pytest.raises(SeedFileError, match=r"seeds\.jsonl, line 1: expected a JSON object, found a list"):
            self.load(tmp_path / "seeds.jsonl")
