"""The rows of a small run, as the pipeline leaves them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from datasets import Dataset, DatasetDict

from distilabel_selfinstruct.data.folder import RunFolder
from distilabel_selfinstruct.recipe import get_recipe
from distilabel_selfinstruct.report.rows import ReportRows

Rows = list[dict[str, Any]]

INSTRUCTION_COLUMNS = ("instruction_id", "instruction", "is_classification", "round", "model_name")
INSTANCE_COLUMNS = ("instance_id", "instruction_id", "instruction", "input", "output", "is_classification", "round")
REJECTED_COLUMNS = ("stage", "reason", "detail", "instruction_id", "instance_id", "instruction", "input", "output",
                    "round", "neighbour", "score")  # fmt: skip

INSTRUCTIONS: Rows = [
    dict(zip(INSTRUCTION_COLUMNS, row))
    for row in (
        ("000000-00", "Write a poem about the sea.", False, 0, "demo"),
        ("000000-01", "Write a poem about the night sky.", False, 0, "demo"),
        ("000001-00", "Label the tone of the message as kind or rude.", True, 0, "demo"),
        ("000002-00", "What is the capital of Norway?", False, 1, "demo"),
        ("000003-01", "Give me three reasons to walk more.", None, 1, "demo"),
    )
]
INSTANCES: Rows = [
    dict(zip(INSTANCE_COLUMNS, row))
    for row in (
        ("000000-00-0", "000000-00", "Write a poem about the sea.", "", "Blue on blue on blue.", False, 0),
        ("000000-01-0", "000000-01", "Write a poem about the night sky.", "", "Far lights.", False, 0),
        ("000001-00-0", "000001-00", "Label the tone of the message as kind or rude.", "Thank you!", "Kind", True, 0),
        ("000001-00-1", "000001-00", "Label the tone of the message as kind or rude.", "Go off now.", "rude.", True, 0),
        ("000002-00-0", "000002-00", "What is the capital of Norway?", "", "Oslo", False, 1),
    )
]
REJECTED: Rows = [
    dict(zip(REJECTED_COLUMNS, row))
    for row in (
        ("bootstrap", "similar", None, "000001-01", None, "Write a poem about a sea.", None, None, 0,
         "Write a poem about the sea.", 0.83),
        ("bootstrap", "too_short", None, "000002-01", None, "Sing.", None, None, 1, None, None),
        ("bootstrap", "surplus", None, "000003-02", None, "Name a fish of the sea.", None, None, 1, None, None),
        ("bootstrap", "content_filter", "refused", "000004-00", None, None, None, None, 1, None, None),
        ("classification", "unclear_classification", "Maybe.", "000003-01", None, "Give me three reasons to walk more.",
         None, None, 1, None, None),
        ("instances", "duplicate", None, "000002-00", "000002-00-1", "What is the capital of Norway?", "", "Oslo", 1,
         None, None),
    )
]  # fmt: skip
SEEDS: Rows = [
    {"id": "seed_task_0", "name": "sea", "instruction": "Write a song about the sea.", "is_classification": False,
     "instances": [{"input": "", "output": "La la."}]},
]  # fmt: skip


def report_rows(
    instructions: Rows = INSTRUCTIONS, instances: Rows = INSTANCES, rejected: Rows = REJECTED,
    recipe: str = "self-instruct",
) -> ReportRows:  # fmt: skip
    """The rows of the small run as a report takes them."""
    return ReportRows("run", instructions, instances, rejected, recipe=get_recipe(recipe))


def write_run(folder: Path, **configs: Rows) -> Path:
    """Writes a run folder; configs without rows are left out, as distilabel does."""
    (folder / "dataset").mkdir(parents=True)
    RunFolder(folder).write_config({"recipe": "self-instruct"})
    for config, rows in configs.items():
        if rows:
            DatasetDict({"train": Dataset.from_list(rows)}).save_to_disk(str(folder / "dataset" / config))
    return folder


def whole_run(folder: Path) -> Path:
    return write_run(folder, instructions=INSTRUCTIONS, instances=INSTANCES, rejected=REJECTED, seeds=SEEDS)
