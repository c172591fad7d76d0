"""A run is finished when nothing of it is missing: its summary comes last, and drafts of the dead count for nothing."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct.cli import finish, main
from distilabel_selfinstruct.data.files import clear_drafts
from distilabel_selfinstruct.data.folder import RunFolder
from distilabel_selfinstruct.engine.pipelines import Pipeline
from distilabel_selfinstruct.recipe import get_recipe
from distilabel_selfinstruct.recipes.self_instruct.config import SelfInstructConfig
from distilabel_selfinstruct.runs.config import read_config
from distilabel_selfinstruct.runs.run import Run
from tests.support.recipes import Made

RECIPE = get_recipe("self-instruct")


class Built(Exception):
    """The pipeline was asked for."""


def build(run: Run) -> Pipeline:
    raise Built


def make(folder: Path) -> Run:
    return Run(read_config({"out": str(folder), "num_instructions": 15}, {}, "", SelfInstructConfig), RECIPE)


@pytest.fixture
def finished(small_run: Made, tmp_path: Path) -> Path:
    shutil.copytree(small_run.path, tmp_path / "run")
    return tmp_path / "run"


def without_data(folder: Path) -> None:
    for file in (folder / "dataset" / "sft").rglob("*.arrow"):
        file.unlink()


def with_half_a_file(folder: Path) -> None:
    (file,) = (folder / "dataset" / "instances").rglob("*.arrow")
    file.write_bytes(file.read_bytes()[:-400])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: shutil.rmtree(folder / "dataset"),
        lambda folder: shutil.rmtree(folder / "dataset" / "rejected"),
        lambda folder: (folder / "dataset" / "seeds" / "dataset_dict.json").unlink(),
        lambda folder: (folder / "dataset" / "sft" / "train" / "state.json").write_text("{"),
        without_data,
        with_half_a_file,
    ],
)
def test_a_dataset_that_lacks_a_part_is_written_again(finished: Path, spoil: Callable[[Path], None]) -> None:
    assert make(finished).execute(build).is_whole
    spoil(finished)
    with pytest.raises(Built):
        make(finished).execute(build)


def test_the_summary_is_written_last_and_once(finished: Path) -> None:
    run = make(finished)
    summary = run.execute(build)
    run.folder.remove_summary()
    with pytest.raises(Built):
        make(finished).execute(build)
    run.conclude(summary)
    written = (finished / "summary.json").read_bytes()
    assert make(finished).execute(build) == summary
    run.conclude(summary)
    assert (finished / "summary.json").read_bytes() == written


@pytest.mark.parametrize("at", ["write_review", "write_report"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_the_rest_is_written(
    finished: Path, at: str, number: signal.Signals, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: Any, **__: Any) -> None:
        os.kill(os.getpid(), number)

    package = "review" if at == "write_review" else "report"
    monkeypatch.setattr(f"distilabel_selfinstruct.{package}.{at}", stop)
    summary = RunFolder(finished).summary()
    RunFolder(finished).remove_summary()
    monkeypatch.setattr(Run, "execute", lambda *_, **__: summary)
    assert main(RECIPE, build, arguments=["--out", str(finished)]) == 130
    assert capsys.readouterr().err.endswith(f"Stopped by {number.name}. " + GO_ON)
    assert not RunFolder(finished).has_summary


GO_ON = "Run the same command again to go on: nothing that was answered is lost.\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_before_the_pipeline(
    tmp_path: Path, number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(run: Run) -> Pipeline:
        try:
            os.kill(os.getpid(), number)
        except Exception as error:  # such as that of a module that is imported
            raise AssertionError("taken for an error") from error
        raise Built

    before = signal.getsignal(signal.SIGTERM)
    assert main(RECIPE, stopped, arguments=["--out", str(tmp_path)]) == 130
    assert capsys.readouterr().err.endswith(f"Stopped by {number.name}. {GO_ON}")
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_report_is_made_good_without_a_question(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not (finished / "report").exists()
    monkeypatch.setattr(finish, "send", lambda *_: [])
    assert main(RECIPE, build, arguments=["--out", str(finished), "--num-instructions", "15"]) == 0
    assert (finished / "report" / "index.html").exists()


def test_a_finished_run_is_left_as_it_is(finished: Path) -> None:
    (finished / "report").mkdir()
    (finished / "report" / "index.html").write_text("a page")
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*") if path.is_file()}
    assert main(RECIPE, build, arguments=["--num-instructions", "15", "--out", str(finished)]) == 0
    assert {path: path.stat().st_mtime_ns for path in finished.rglob("*") if path.is_file()} == before


def dead_pid() -> int:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def test_drafts_of_dead_processes_are_cleared(tmp_path: Path) -> None:
    dead, alive = dead_pid(), os.getpid()
    names = ["summary.{}.tmp", ".dataset.{}.tmp/sft/data.arrow", "dataset/.curated.{}.tmp/x", "completions/a-1.{}.tmp",
             "completions/a-1.{}.tmp-journal", "review/quality.{}.tmp"]  # fmt: skip
    for pid in (dead, alive):
        for name in names:
            path = tmp_path / name.format(pid)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("half")
    (tmp_path / "notes.tmp").write_text("mine")
    clear_drafts(tmp_path)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"notes.tmp", *(name.format(alive) for name in names)}
