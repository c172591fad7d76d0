"""What an evaluation set has already is rejected, and keeps its neighbour."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct import KeepClear, LoadInstructions
from distilabel_selfinstruct.data.rows import Answer
from distilabel_selfinstruct.data.seeds import SeedTask
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.presets import get_preset
from distilabel_selfinstruct.steps.loops.pool import PoolLoop
from distilabel_selfinstruct.text.contamination import ContaminationIndex
from distilabel_selfinstruct.text.reading.answers import Instance

ASKED = "How many apples has Ada left, if she had twelve and gave five of them to Ben?"
CLEAR = "Name a river."


def cleared(rows: list[dict[str, Any]], **options: Any) -> list[dict[str, Any]]:
    clear = KeepClear(**options)
    clear.load()
    return next(clear.process(rows))


def test_a_row_keeps_why_it_is_not_clear() -> None:
    rows = cleared(
        [{"instruction": f"Solve this. {ASKED}"}, {"instruction": CLEAR}, {"instruction": None}], texts=[ASKED]
    )
    assert rows[0] == {
        "instruction": f"Solve this. {ASKED}", "stage": "clear", "reject_reason": "ngram_overlap",
        "detail": "runs of 8 words cover 100% of an evaluation text", "neighbour": ASKED, "max_similarity": 1.0,
    }  # fmt: skip
    assert [row["reject_reason"] for row in rows[1:]] == [None, None]


def test_rejected_rows_are_passed_on_untouched() -> None:
    row = {"instruction": ASKED, "stage": "dedup", "reject_reason": "similar", "detail": None, "neighbour": "x",
           "max_similarity": 0.9}  # fmt: skip
    assert cleared([row], texts=[ASKED]) == [row]


def test_each_column_and_all_of_them_as_one(tmp_path: Path) -> None:
    (tmp_path / "evaluation.txt").write_text(f"{ASKED}\n")
    first, second = "How many apples has Ada left,", "if she had twelve and gave five of them to Ben?"
    options = {"sources": [str(tmp_path / "evaluation.txt")], "columns": ["instruction", "input"]}
    rows = [{"instruction": "Count.", "input": ASKED}, {"instruction": first, "input": second}, {"instruction": CLEAR}]
    assert [row["reject_reason"] for row in cleared(rows, **options)] == ["ngram_overlap", "ngram_overlap", None]


def test_a_threshold_that_is_none() -> None:
    with pytest.raises(ConfigError, match="threshold must be from 0 to 1, got 7"):
        KeepClear(threshold=7.0).load()


def test_loaded_instructions_that_are_not_clear_come_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "evaluation.txt").write_text(f"{ASKED}\n")
    (tmp_path / "source.txt").write_text(f"{ASKED}\n{CLEAR}\n")
    load = LoadInstructions(
        source=str(tmp_path / "source.txt"), keep_clear_of=[str(tmp_path / "evaluation.txt")], stage="responses"
    )
    load.load()
    ((rows, _),) = list(load.process())
    assert [(row["instruction"], row["stage"], row["reject_reason"]) for row in rows] == [
        (CLEAR, None, None), (ASKED, "clear", "ngram_overlap"),
    ]  # fmt: skip


def test_a_loop_admits_as_many_as_are_wanted_of_what_is_clear() -> None:
    seeds = [SeedTask(f"s{at}", f"Seed {at} says {at}.", (Instance("", "x"),), False) for at in range(8)]
    loop = PoolLoop(seeds, get_preset("default"), 2, seed=0, lag=1, patience=3)
    loop.clear_of = ContaminationIndex([ASKED])
    loop.draw()
    rows = loop.take(Answer(f"9. {ASKED}\n10. Name three rivers of Asia.\n11. Describe how a lock works.\n", "stop"))
    assert [(row["instruction"], row["stage"], row["reject_reason"]) for row in rows] == [
        (ASKED, "clear", "ngram_overlap"),
        ("Name three rivers of Asia.", None, None),
        ("Describe how a lock works.", None, None),
    ]
    assert loop.is_complete
    assert ASKED not in [shot.text for shot in loop.pool]
