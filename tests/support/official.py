"""The authors' recorded runs (`../shared/data`, the fixture `official_data`) as the tests look at them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from distilabel_selfinstruct.text.reading.answers import Instance, parse_instances, parse_instructions
from distilabel_selfinstruct.text.rouge import RougeLIndex, Similarities
from distilabel_selfinstruct.text.rules import check_instances, check_instruction

_AUTHORS_YES = ("Yes", "yes", "YES")  # identify_clf_or_not.py


def rows(*path: str | Path) -> list[dict[str, Any]]:
    """The rows of a file of JSON lines."""
    return [json.loads(line) for line in Path(*path).read_text(encoding="utf-8").splitlines()]


def completions(folder: Path) -> Iterator[tuple[str, str]]:
    """The distinct bootstrap completions in the order of their requests, each with its finish reason."""
    seen = set()
    for row in rows(folder, "machine_generated_instructions.jsonl"):
        key = row["request_idx"], row["metadata"]["prompt"]
        if key not in seen:
            seen.add(key)
            choice = row["metadata"]["response"]["choices"][0]
            yield choice["text"], choice["finish_reason"]


def replay(folder: Path, seeds: list[str]) -> Iterator[tuple[str, Similarities]]:
    """What the preset `paper` admits of a recorded run, each with its similarities to the pool at that moment."""
    index = RougeLIndex(0.7, "rouge")
    index.load(seeds)
    for text, finish_reason in completions(folder):
        for instruction in parse_instructions(text, finish_reason, "paper"):
            if check_instruction(instruction, "paper") is None:
                similarities = index.similarities(instruction)
                if index.add(instruction):
                    yield instruction, similarities


def instances(folder: Path) -> Iterator[tuple[str, Instance, str | None]]:
    """The instances that the preset `paper` reads in a recorded run: instruction, instance, reason code."""
    is_classification = {
        row["instruction"]: row["is_classification"].strip() in _AUTHORS_YES
        for row in rows(folder, "is_clf_or_not.jsonl")
    }
    for row in rows(folder, "machine_generated_instances.jsonl"):
        instruction = row["instruction"]
        finish_reason = row["instance_metadata"]["response"]["choices"][0]["finish_reason"]
        parsed = parse_instances(row["raw_instances"], is_classification[instruction], finish_reason, "paper")
        for instance, reason in zip(parsed, check_instances(parsed, "paper")):
            yield instruction, instance, reason
