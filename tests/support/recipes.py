"""What the tests of all recipes ask of their scripts."""

from __future__ import annotations

import runpy
from collections import defaultdict
from pathlib import Path
from typing import Any

from datasets import load_from_disk

from distilabel_selfinstruct.cli.main import main
from tests.conftest import ROOT, ScriptRun


def check_ended_well(made: ScriptRun) -> None:
    """It succeeded without a word on stderr, and wrote into its folder only."""
    assert (made.result.returncode, made.result.stderr) == (0, "")
    assert [path.name for path in made.cwd.iterdir()] == ["made"]
    assert list(made.home.rglob("*")) == []
    assert (made.folder / "report" / "index.html").exists()


def columns_of(made: ScriptRun) -> dict[str, list[str]]:
    """The columns of each config."""
    return {path.name: load_from_disk(str(path))["train"].column_names for path in (made.folder / "dataset").iterdir()}


def reasons_of(made: ScriptRun) -> dict[str, set[str]]:
    """The reason codes of each stage."""
    reasons: dict[str, set[str]] = defaultdict(set)
    for row in made.rows("rejected"):
        reasons[row["stage"]].add(row["reason"])
    return dict(reasons)


def script_of(pipeline: str) -> dict[str, Any]:
    """The names in a script."""
    return runpy.run_path(str(ROOT / "pipelines" / f"{pipeline}.py"))


def status_of(pipeline: str, *options: str | Path) -> int:
    """The exit status of a script, in this process: for runs that come to no worker."""
    script = script_of(pipeline)
    config = script[f"{pipeline.capitalize()}Config"]
    return main(script["build"], None, pipeline, config, arguments=[str(option) for option in options])
