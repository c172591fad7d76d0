"""A judge in a pipeline: on the demo model, and as another model at another endpoint, which may go wrong."""

from __future__ import annotations

import json
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.conftest import Script, ScriptRun, first_line
from tests.support.answers import answer, prompt_of
from tests.support.openai_server import Answer, Body, Fault, OpenAIServer, status

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
    judge = "demo (3 judgements, chat, temperature 0.7, prompts version 1)"
    assert f"note: The judge {judge} was never compared with people." in result.stdout


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


LOST = "Suggest a present for a beekeeper."
JUDGED: list[tuple[str, str | Answer, float | str]] = [  # instruction, judgement, and the score or the reason code
    ("Name a river in France.", "Right, and nothing else.\n\n**Score: 5**", 5.0),
    ("Write a rhyme about winter.", "It could be longer.\nScore: 4/5", 4.0),
    ("Explain why bread rises.", '```json\n{"justification": "A bit short.", "score": 3}\n```', 3.0),
    ("How often do tomatoes need water?", "Beside the point.\n\n**Score:** 2/5", "low_score"),
    ("Translate the greeting into Italian.", "A fine answer, well done!", "unclear_judgement"),
    ("Summarise the story of Hamlet.", Answer("Relevance score: 5\nUse", "length"), "truncated"),
    ("Which planet has the most moons?", "Score: 4", 4.0),
    (LOST, "Score: 5", "bad_request"),
]


def write_all(body: Body) -> str:
    """One completion with all tasks, in Alpaca's form; the prompt shows three."""
    return "\n###\n".join(
        f"{number}. Instruction: {instruction}\n{number}. Input: <noinput>\n{number}. Output: An answer."
        for number, (instruction, _, _) in enumerate(JUDGED, 4)
    )


def test_what_becomes_of_each_row_when_a_judge_writes_as_it_likes_and_its_endpoint_fails(
    script: Script, tmp_path: Path
) -> None:
    says = {instruction: judgement for instruction, judgement, _ in JUDGED}
    faults = {
        "Which planet has the most moons?": [status(500, retry_after=0)],  # goes away
        LOST: [status(400, "no")],
    }

    def shown(body: Body) -> str:
        return next(instruction for instruction in says if instruction in prompt_of(body))

    def fault(body: Body) -> Fault | None:
        waiting = faults.get(shown(body))
        return waiting.pop() if waiting else None

    with (
        OpenAIServer(answer=write_all) as writer,
        OpenAIServer(lambda body: says[shown(body)], models=["judge-model"], fault_rule=fault) as judging,
    ):
        command = (
            "--llm", "openai", "--model", "stub-model", "--base-url", writer.url, "--num-instructions", len(JUDGED),
            "--judge-threshold", 3, "--judge-model", "judge-model", "--judge-base-url", judging.url,
            "--judgements", 1, "--out", tmp_path / "run",
        )  # fmt: skip
        first = script(*command, pipeline="alpaca")
        assert outcomes(first, tmp_path) == {instruction: outcome for instruction, _, outcome in JUDGED}
        assert (first.returncode, first.stderr) == (3, first_line(tmp_path / "run", "alpaca", "stub-model"))
        assert "1 requests failed. Run the same command: it asks for those, and nothing else." in first.stdout
        assert [request.status for request in judging.requests].count(200) == len(JUDGED) - 1

        again = script(*command, pipeline="alpaca")
        assert (again.returncode, again.stderr) == (0, first_line(tmp_path / "run", "alpaca", "stub-model"))
        assert outcomes(again, tmp_path) == {instruction: outcome for instruction, _, outcome in JUDGED} | {LOST: 5.0}
        assert [request.status for request in judging.requests].count(200) == len(JUDGED)


def outcomes(result: CompletedProcess[str], base: Path) -> dict[str, float | str]:
    """The score of each instance that was kept, the reason code of each that the judge's stage rejected."""
    run = ScriptRun(result, base, base, base / "run")
    rejected = [row for row in run.rows("rejected") if row["stage"] == "judgement"]
    kept = {row["instruction"]: row["judge_score"] for row in run.rows("instances")}
    return kept | {row["instruction"]: row["reason"] for row in rejected}
