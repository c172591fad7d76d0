"""A judge in the main pipeline: on the demo model, and as another model at another endpoint."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Script, ScriptRun
from tests.support.answers import answer
from tests.support.openai_server import Body, OpenAIServer

pytestmark = pytest.mark.slow


def test_low_scores_are_rejected_and_the_funnel_says_so(script: Script, tmp_path: Path) -> None:
    result = script("--judge-threshold", 4.5, "--num-instructions", 40, "--out", tmp_path / "run", report=True)
    assert result.returncode == 0, result.stderr
    run = ScriptRun(result, tmp_path, tmp_path, tmp_path / "run")
    assert all(row["judge_score"] >= 4.5 and row["judgements"] > 0 for row in run.rows("instances"))
    low = [row for row in run.rows("rejected") if row["reason"] == "low_score"]
    assert low
    assert all(row["stage"] == "judgement" and row["detail"].endswith(" judgements") for row in low)
    statistics = json.loads((run.folder / "report" / "statistics.json").read_text(encoding="utf-8"))
    judged = next(stage for stage in statistics["funnel"] if stage["name"] == "judgement")
    assert (judged["admitted"], judged["rejected"]["low_score"]) == (len(run.rows("instances")), len(low))
    assert "note: The judge demo was never compared with people." in result.stdout


def test_another_model_at_another_endpoint_judges(script: Script, tmp_path: Path) -> None:
    def judge(body: Body) -> str:
        return f"Thought through.\nScore: {5 if body['choice'] else 3}"

    with OpenAIServer(answer=answer) as writer, OpenAIServer(answer=judge, models=["judge-model"]) as judging:
        result = script(
            "--llm", "openai", "--model", "stub-model", "--base-url", writer.url, "--num-instructions", 10,
            "--judge-threshold", 4, "--judge-model", "judge-model", "--judge-base-url", judging.url,
            "--judgements", 2, "--out", tmp_path / "run",
        )  # fmt: skip
    assert result.returncode == 0, result.stderr
    rows = ScriptRun(result, tmp_path, tmp_path, tmp_path / "run").rows("instances")
    assert {(row["judge_score"], row["judgements"], row["model_name"]) for row in rows} == {(4.0, 2, "stub-model")}
    asked = [request.body for request in judging.requests if "messages" in request.body]
    assert {(body["model"], body["n"]) for body in asked} == {("judge-model", 2)}
    assert len(asked) == len(rows)
