"""FilterInstances: one row an instance, with the reason of each that is not kept."""

from __future__ import annotations

from typing import Any

import pytest

from distilabel_selfinstruct import FilterInstances
from distilabel_selfinstruct.errors import ConfigError

Pair = tuple[str, str]


def explode(*rows: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
    step = FilterInstances(**options)
    step.load()
    made: list[dict[str, Any]] = next(step.process(list(rows)))
    return made


def row(
    *pairs: Pair, instruction_id: str = "000000-00", truncated: tuple[Pair, ...] = (), **known: Any
) -> dict[str, Any]:
    instances = [{"input": given, "output": output, "reject_reason": None} for given, output in pairs]
    instances += [{"input": given, "output": output, "reject_reason": "truncated"} for given, output in truncated]
    return {"instruction_id": instruction_id, "instances": instances, "stage": None, "reject_reason": None, **known}


def reasons(*pairs: Pair, **options: Any) -> list[str | None]:
    return [each["reject_reason"] for each in explode(row(*pairs), **options)]


def test_one_row_an_instance() -> None:
    first, second = explode(row(("3, 1", "1, 3"), ("9, 8", "8, 9"), instruction="Sort.", round=2))
    assert first == {
        "instruction_id": "000000-00", "instruction": "Sort.", "round": 2, "stage": None, "reject_reason": None,
        "detail": None,
        "instance_id": "000000-00-0", "input": "3, 1", "output": "1, 3",
    }  # fmt: skip
    assert second == first | {"instance_id": "000000-00-1", "input": "9, 8", "output": "8, 9"}


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([("a", ""), ("b", "B")], ["empty_output", None]),
        ([("same", "same"), ("b", "B")], ["input_equals_output", None]),
        ([("Text:", "A"), ("b", "B:")], ["trailing_colon", "trailing_colon"]),
        ([("a", "A"), ("a", "A"), ("b", "B")], [None, "duplicate", None]),
        ([("a", "A"), ("b", "B"), ("a", "C")], ["conflicting_outputs"] * 3),
        ([("", "A"), ("", "B")], [None, None]),  # without an input there is nothing to conflict over
        ([("a", "A"), ("a", "")], [None, "empty_output"]),  # nor does what is rejected anyway
    ],
)
def test_the_rules(pairs: list[Pair], expected: list[str | None]) -> None:
    assert reasons(*pairs) == expected


def test_a_truncated_instance_keeps_its_reason_and_conflicts_with_nothing() -> None:
    made = explode(row(("a", "A"), truncated=(("a", "B"),)))
    assert [(each["stage"], each["reject_reason"]) for each in made] == [(None, None), ("instances", "truncated")]


def test_at_most_five_instances_of_an_instruction() -> None:
    pairs = [(str(i), f"output {i}") for i in range(8)]
    made = reasons(*pairs)
    assert made.count(None) == 5
    assert made.count("over_limit") == 3
    assert reasons(*pairs) == made
    assert any(reasons(*pairs, seed=seed) != made for seed in range(1, 4))


def test_which_ones_stay_does_not_depend_on_the_batch() -> None:
    one, other = (row(*[(str(i), f"output {i}") for i in range(8)], instruction_id=name) for name in ("x", "y"))
    assert explode(one, other) == explode(one) + explode(other)


def test_alpaca_keeps_one() -> None:
    assert sorted(map(str, reasons(("a", "A"), ("b", "B"), preset="alpaca"))) == ["None", "over_limit"]


def test_rejected_rows_stay_one_row() -> None:
    rejected = {
        "instruction_id": "000000-01", "instances": None, "stage": "bootstrap", "reject_reason": "similar", "round": 0,
    }  # fmt: skip
    assert explode(rejected) == [
        {
            "instruction_id": "000000-01", "stage": "bootstrap", "reject_reason": "similar", "round": 0,
            "detail": None, "instance_id": None, "input": None, "output": None,
        }
    ]  # fmt: skip


def test_a_rejected_row_keeps_the_instance_that_came_with_it() -> None:
    listed = [{"input": "7", "output": "odd", "reject_reason": None}]
    [row] = explode({"instruction_id": "1", "instances": listed, "stage": "bootstrap", "reject_reason": "similar"})
    assert (row["input"], row["output"], row["instance_id"], row["reject_reason"]) == ("7", "odd", None, "similar")


def test_rows_of_a_batch_have_the_same_columns() -> None:
    made = explode(row(("a", "A")), row(("b", "")), row(reject_reason="no_instances"))
    assert len({tuple(sorted(each)) for each in made}) == 1
    assert set(FilterInstances().outputs) <= set(made[0])


def test_no_such_preset() -> None:
    with pytest.raises(ConfigError, match="There is no preset 'papr'"):
        FilterInstances(preset="papr")
