"""Checks what a pipeline script wrote: python tests/integration/check_run.py RUN."""

import json
import sys
from pathlib import Path

from datasets import load_from_disk

from distilabel_selfinstruct import check_instances, check_instruction
from distilabel_selfinstruct.text.reading.answers import Instance


def check(run: Path) -> None:
    """What every recipe leaves."""
    configs = {path.name: load_from_disk(str(path))["train"] for path in (run / "dataset").iterdir()}
    assert set(configs) >= {"instances", "instructions", "rejected", "sft"}, sorted(configs)
    assert all(len(rows) for rows in configs.values()), {name: len(rows) for name, rows in configs.items()}
    for row in configs["instances"]:
        assert all(row[column].strip() for column in ("instance_id", "instruction", "output")), row
    assert all(row["stage"] and row["reason"] for row in configs["rejected"])
    for name in ("config.yaml", "pipeline.yaml", "run.log"):
        assert (run / name).stat().st_size, name
    summary = json.loads((run / "summary.json").read_text())
    assert (summary["ended"], summary["failed"]) == ("complete", 0), summary
    assert summary["instances"] == len(configs["instances"])
    print(", ".join(f"{name}: {len(rows)} rows" for name, rows in sorted(configs.items())))
    if "pool.jsonl" in {path.name for path in run.iterdir()} and "seeds" in configs:
        check_method(configs["instructions"], configs["instances"])


def check_method(instructions: list[dict], instances: list[dict]) -> None:
    """What those that follow Self-Instruct leave besides."""
    assert len(instructions) == 100, len(instructions)
    assert len(instances) >= 50, len(instances)
    for row in instructions:
        assert check_instruction(row["instruction"]) is None, row
    for row in instances:
        assert check_instances([Instance(row["input"], row["output"])]) == [None], row


if __name__ == "__main__":
    check(Path(sys.argv[1]))
