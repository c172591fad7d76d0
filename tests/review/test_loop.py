"""The loop without a server: run, review in a spreadsheet, new seed tasks, next run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from distilabel_selfinstruct.data.seeds import load_seed_tasks
from distilabel_selfinstruct.review import pull_review, push_review, review_seeds
from distilabel_selfinstruct.review.store import ReviewStore
from tests.conftest import Script, ScriptRun
from tests.review.runs import bootstrap_prompts, fill_in, verdicts


@pytest.mark.slow
def test_reviewed_tasks_are_shown_in_the_prompts_of_the_next_run(
    demo_run: ScriptRun, script: Script, seed_file: str, tmp_path: Path
) -> None:
    run, file, reviewed = tmp_path / "first", tmp_path / "review.csv", tmp_path / "more.jsonl"
    shutil.copytree(demo_run.folder, run)
    pushed = push_review(run, to_file=file, sample=50)
    assert (pushed.records, pushed.population) == (50, len(demo_run.rows("instances")))
    fill_in(file, dict.fromkeys(ReviewStore(run).records(), verdicts("yyy")))
    assert pull_review(run).groups["all"]["all_right"].right == 50
    assert review_seeds(run, reviewed, [Path(seed_file)]) > 10

    next_run = tmp_path / "next"
    result = script("--seeds", seed_file, reviewed, "--out", next_run)
    assert result.returncode == 0, result.stderr
    prompts = bootstrap_prompts(next_run)
    assert any(task.instruction.rstrip(":") in prompt for prompt in prompts for task in load_seed_tasks(reviewed))
