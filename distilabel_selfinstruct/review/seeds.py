"""Approved instances as seed tasks for the next run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from distilabel_selfinstruct.data.seeds import SeedTask
from distilabel_selfinstruct.text.reading.answers import Instance
from distilabel_selfinstruct.text.rouge import RougeLIndex

PREFIX = "reviewed_"  # of the ids of seed tasks that come from a review


def seed_tasks_of(rows: Iterable[Mapping[str, Any]], run: str, old: Sequence[str]) -> list[SeedTask]:
    """One seed task an instruction of the config `curated`, with all its approved instances.

    Left out are those whose ROUGE-L with an old seed task, or with one before, is above 0.7 (words of any script).

    Args:
        rows: of `curated`.
        run: the name of the run, kept in the names of the seed tasks.
        old: instructions of old seed tasks.
    """
    instances: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        instances.setdefault(row["instruction"].strip(), []).append(row)
    index = RougeLIndex(tokenizer="unicode")
    index.load(old)
    return [
        _seed_task(instruction, instances[instruction], run)
        for instruction, is_new in zip(instances, index.add_batch(instances))
        if is_new
    ]


def _seed_task(instruction: str, rows: Sequence[Mapping[str, Any]], run: str) -> SeedTask:
    return SeedTask(
        id=PREFIX + hashlib.sha256(instruction.encode()).hexdigest()[:12],
        instruction=instruction,
        instances=tuple(dict.fromkeys(Instance(row["input"].strip(), row["output"].strip()) for row in rows)),
        is_classification=bool(rows[0]["is_classification"]),
        name=f"{run} {rows[0]['instruction_id']}",
    )
