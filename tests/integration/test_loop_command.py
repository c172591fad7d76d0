"""`self-instruct loop`: killed in the middle of each step it goes on, and ends as if nothing had been."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support.tiny_model import make_tiny_model
from tests.support.waiting import LIMIT, wait_until

for package in ("torch", "trl", "peft"):
    pytest.importorskip(package, reason='needs the extra train: pip install -e ".[train]"')
# What torch and transformers warn of is theirs.
pytestmark = [pytest.mark.slow, pytest.mark.server, pytest.mark.filterwarnings("ignore")]

STEPS = {  # each, and what is there in the middle of it
    "iteration-1/run-1-self-instruct": "completions/*.sqlite",
    "before": "completions/*.sqlite",
    "iteration-1/model": "checkpoints/*/whole",
    "iteration-1/evaluation": "completions/*.sqlite",
}
ENVIRONMENT = {**os.environ, "HF_HUB_OFFLINE": "1"}


def words(folder: Path, out: str) -> list[str]:
    file = folder / "loop.yaml"
    if not file.exists():
        make_tiny_model(folder / "base-model", chat=False)
        file.write_text(
            f"model: {folder / 'base-model'}\nruns: {{llm: demo, num_instructions: 20, hold_out: 0.3}}\n"
            "train: {max_steps: 10, batch_size: 4}\nevaluate: {max_tokens: 8, limit: 6}\n",
            encoding="utf-8",
        )
    return [sys.executable, "-m", "distilabel_selfinstruct", "loop", "--config", str(file), "--out", str(folder / out)]


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def kill_in(step: str, command: list[str]) -> list[str]:
    """Runs the loop, and kills it in the middle of this step; the steps that it announced."""
    process = subprocess.Popen(
        command, cwd=ROOT, env=ENVIRONMENT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    announced: list[str] = []
    assert process.stderr is not None
    while not announced or announced[-1] != step:
        line = process.stderr.readline()
        assert line, "the loop has ended by itself"
        announced += [line[3:].partition(":")[0]] if line.startswith("== ") else []
    folder = Path(command[-1]) / step
    wait_until(lambda: any(folder.glob(STEPS[step])))
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="utf-8")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    wait_until(lambda: not any(map(is_alive, map(int, children.split()))))  # the step ends with the loop
    process.stderr.close()
    return announced


def results(folder: Path) -> dict[str, object]:
    """The model, and what each evaluation has come to; but for the time that it took."""
    evaluations = {name: json.loads((folder / name / "scores.json").read_text(encoding="utf-8"))
                   for name in ("before", "iteration-1/evaluation")}  # fmt: skip
    model = folder / "iteration-1" / "model" / "model" / "model.safetensors"
    return {
        "model": model.read_bytes(),
        **{name: [each["scores"], each["answered"]] for name, each in evaluations.items()},
    }


def test_killed_in_each_step_it_ends_as_if_nothing_had_been(tmp_path: Path) -> None:
    undisturbed = subprocess.run(
        words(tmp_path, "undisturbed"), cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=LIMIT
    )
    assert undisturbed.returncode == 0, undisturbed.stderr
    command = words(tmp_path, "killed")
    assert kill_in("iteration-1/run-1-self-instruct", command) == ["base", "iteration-1/run-1-self-instruct"]
    for before, step in pairwise(STEPS):
        assert kill_in(step, command) == [before, step]  # what had ended before is passed over
    result = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=LIMIT)
    assert result.returncode == 0, result.stderr
    assert results(tmp_path / "killed") == results(tmp_path / "undisturbed")
    assert "M0" in (tmp_path / "killed" / "comparison.html").read_text(encoding="utf-8")
    assert result.stdout.splitlines()[-3].startswith("models side by side: ")


def test_sigterm_stops_it_and_its_step_with_one_line(tmp_path: Path) -> None:
    process = subprocess.Popen(
        words(tmp_path, "stopped"),
        cwd=ROOT,
        env=ENVIRONMENT,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    assert process.stderr is not None
    assert process.stderr.readline().startswith("== base")
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=LIMIT)
    assert process.returncode == 130
    assert said.splitlines()[-1].startswith("Stopped by SIGTERM. Run the same command again to go on")


def test_a_step_that_fails_ends_it_with_one_line(tmp_path: Path) -> None:
    command = words(tmp_path, "failed")
    (tmp_path / "loop.yaml").write_text(
        f"model: {tmp_path / 'base-model'}\n"
        "runs: {llm: openai, model: none, base_url: 'http://127.0.0.1:9/v1', outage: 0, hold_out: 0.3}\n",
        encoding="utf-8",
    )
    result = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=LIMIT)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == (
        f"Error: {tmp_path / 'failed'}: the step iteration-1/run-1-self-instruct failed: see above. The same command"
        " goes on with it."
    )
