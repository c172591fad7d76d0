"""Checks what the main command wrote: python tests/integration/check_run.py RUN."""

import sys
from pathlib import Path

from datasets import load_from_disk

from distilabel_selfinstruct import check_instances, check_instruction
from distilabel_selfinstruct.text.parsing import Instance


def check(run: Path) -> None:
    configs = {path.name: load_from_disk(str(path))["train"] for path in (run / "dataset").iterdir()}
    assert set(configs) == {"instances", "instructions", "rejected", "seeds", "sft"}, sorted(configs)
    assert len(configs["instructions"]) == 100, len(configs["instructions"])
    assert len(configs["instances"]) >= 100, len(configs["instances"])
    for row in configs["instructions"]:
        assert check_instruction(row["instruction"]) is None, row
    for row in configs["instances"]:
        assert check_instances([Instance(row["input"], row["output"])]) == [None], row
    for name in ("config.yaml", "summary.json", "pool.jsonl", "run.log"):
        assert (run / name).stat().st_size, name
    print(", ".join(f"{name}: {len(rows)} rows" for name, rows in sorted(configs.items())))


if __name__ == "__main__":
    check(Path(sys.argv[1]))
