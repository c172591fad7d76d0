"""`--hold-out`: rows set apart for evaluation before anything is trained on, with nothing similar on both sides."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
from datasets import Dataset, DatasetDict
from datasets.table import InMemoryTable

from distilabel_selfinstruct.data.columns import HELD_OUT, HELD_OUT_COLUMNS
from distilabel_selfinstruct.text.rouge.python_pool import PythonPool
from distilabel_selfinstruct.text.rouge.tokens import unicode_tokens

if TYPE_CHECKING:
    from distilabel.distiset import Distiset
    from distilabel.steps.base import Step

Side = Literal["training", "held_out", "neither"]
_THRESHOLD = 0.7  # ROUGE-L F above which two instructions are on one side: that of the paper's filter
_NAME = "instruction_id"


def sides_of(
    instructions: Mapping[str, str], share: float, seed: int, before: Mapping[str, Side] | None = None
) -> dict[str, Side]:
    """The side of each instruction.

    Instructions whose ROUGE-L F is above 0.7 are on one side, and so are all that such pairs connect. The groups are
    drawn at random until the share is reached; one that is larger than what is missing is passed over. Those of an
    earlier run in the folder stay where they were, and take new ones along that are similar to them. New ones that
    connect either side are on `neither`.

    Args:
        instructions: the texts by id, in their order.
        share: of the instructions that are to be held out.
        seed: of the draw.
        before: the sides of instructions that were there before.
    """
    sides = {name: side for name, side in (before or {}).items() if name in instructions}
    left = round(share * len(instructions)) - _held_out(sides.values())
    undrawn = []
    for group in _groups(instructions):
        new = [name for name in group if name not in sides]
        settled = {sides[name] for name in group if name in sides} - {"neither"}
        if not settled and new:
            undrawn.append(new)
            continue
        joined = dict.fromkeys(new, settled.pop() if len(settled) == 1 else "neither")
        left -= _held_out(joined.values())
        sides |= joined
    for group in sorted(undrawn, key=lambda group: hashlib.sha256(f"{seed} hold-out {group[0]}".encode()).digest()):
        side: Side = "held_out" if len(group) <= left else "training"
        sides |= dict.fromkeys(group, side)
        left -= len(group) * (side == "held_out")
    return {name: sides[name] for name in instructions}


def _held_out(sides: Iterable[Side]) -> int:
    return sum(side == "held_out" for side in sides)


def _groups(instructions: Mapping[str, str]) -> list[list[str]]:
    """The ids of instructions that similar pairs connect, in their order; most groups have one."""
    names, pool = list(instructions), PythonPool(_THRESHOLD)
    first = list(range(len(names)))  # of the group, by way of others

    def root(at: int) -> int:
        while first[at] != at:
            first[at] = at = first[first[at]]
        return at

    same: dict[str, int] = {}
    for at, name in enumerate(names):
        text, words = instructions[name], unicode_tokens(instructions[name])
        similar = [match.position for match in pool.neighbours(words)]
        for other in [same.setdefault(text, at), *similar]:  # a text without words is similar to itself alone
            low, high = sorted((root(at), root(other)))
            first[high] = low
        pool.load([words])
    groups: dict[int, list[str]] = {}
    for at, name in enumerate(names):
        groups.setdefault(root(at), []).append(name)
    return list(groups.values())


def instructions_of(distiset: Distiset) -> dict[str, str]:
    """The instructions that have instances, by id, in their order."""
    if "instances" not in distiset:
        return {}
    rows = distiset["instances"]["train"].select_columns([_NAME, "instruction"])
    return dict(zip(rows[_NAME], rows["instruction"]))


def held_out_notes(sides: Mapping[str, Side], rows: int) -> list[str]:
    """What a user should know of what was set apart."""
    names = list(sides.values())
    if not rows:
        return [f"--hold-out: nothing was set apart, for {len(names):,} instructions are too few, or too similar."]
    said = (
        f"{names.count('held_out'):,} of {len(names):,} instructions are set apart: {rows:,} rows in the config"
        f" {HELD_OUT}, which a model is evaluated on with `self-instruct evaluate --benchmark held-out --tasks RUN`."
    )
    linked = names.count("neither")
    left_out = f"{linked:,} instructions are similar to some of either side: neither trained on nor held out."
    return [said, *([left_out] if linked else [])]


def name_rows(steps: Iterable[Any]) -> None:
    """Has the steps say where the rows come from that somebody will train on."""
    for step in steps:
        if hasattr(step, "names_rows"):
            step.names_rows = True


def set_apart(distiset: Distiset, sides: Mapping[str, Side], leaves: Mapping[str, Step]) -> None:
    """Takes out of what is trained on what is not on that side, and puts the held-out instances into `held_out`.

    Args:
        distiset: the rows by config.
        sides: of the instructions, by id.
        leaves: the steps that have made the configs.
    """
    trained_on = [name for name, step in leaves.items() if getattr(step, "is_trained_on", False) and name in distiset]
    kept = {row for name in trained_on for row in _instances_in(distiset[name]["train"])}
    for name in trained_on:
        distiset[name] = _selected(distiset[name]["train"], sides, "training")
    if "instances" in distiset:
        instances = _selected(distiset["instances"]["train"], sides, "held_out")["train"]
        rows = [at for at, name in enumerate(instances["instance_id"]) if not kept or name in kept]
        distiset[HELD_OUT] = _taken(instances.select_columns(list(HELD_OUT_COLUMNS)), rows)


def _instances_in(rows: Dataset) -> Sequence[str]:
    return rows["instance_id"] if "instance_id" in rows.column_names else ()


def _selected(rows: Dataset, sides: Mapping[str, Side], side: Side) -> DatasetDict:
    """The rows of one side; those of seed tasks, which have no id, are trained on."""
    return _taken(rows, [at for at, name in enumerate(rows[_NAME]) if sides.get(name, "training") == side])


def _taken(rows: Dataset, at: list[int]) -> DatasetDict:
    """Some rows, in a table of their own: `Dataset.select` would leave them among the others."""
    return DatasetDict({"train": Dataset(InMemoryTable(rows.data.table.take(pa.array(at, pa.int64()))))})
