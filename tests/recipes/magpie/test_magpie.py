"""`pipelines/magpie.py` on the demo model and over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct import DemoLLM
from distilabel_selfinstruct.demo.plain import solve
from tests.conftest import Script, ScriptRun, first_line, run_script
from tests.support.openai_server import TRUNCATED, Answer, Body, Fault, OpenAIServer, html, status
from tests.support.recipes import status_of

pytestmark = pytest.mark.slow


def test_every_answer_of_the_demo_model_is_right(tmp_path: Path) -> None:
    result = run_script("--out", "made", pipeline="magpie", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    rows = ScriptRun(result, tmp_path, tmp_path, tmp_path / "made").rows("instances")
    assert len(rows) > 70
    assert all(solve(row["instruction"]) == row["output"] for row in rows)


demo = DemoLLM()


class ChatModel:
    """An aligned model: after the beginning of a user's turn it says something else each time."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, body: Body) -> Answer:
        if "prompt" not in body:
            output: Any = demo.generate([body["messages"]])[0]
        else:
            output = demo.generate([body["prompt"]], first_generation=self.asked)[0]  # type: ignore[call-arg]
            self.asked += 1
        return Answer(output["generations"][0], output["finish_reason"][0])


def refuse_a_word(body: Body) -> Fault | None:
    return status(400, "content policy") if "hyphens" in str(body.get("messages")) else None


class TestOverHTTP:
    def test_raw_completions_bring_instructions_and_chats_answers(self, script: Script, tmp_path: Path) -> None:
        faults = [status(429, retry_after=0.1), None, status(500), html(), None, TRUNCATED]
        with OpenAIServer(answer=ChatModel(), faults=faults, fault_rule=refuse_a_word) as server:
            result = script(
                "--llm", "openai", "--model", "stub-model", "--base-url", server.url, "--pre-query-template", "qwen2",
                "--num-instructions", 30, "--out", tmp_path / "run", pipeline="magpie",
            )  # fmt: skip
        assert result.returncode in (0, 3), result.stderr
        run = ScriptRun(result, tmp_path, tmp_path, tmp_path / "run")
        assert len(run.rows("instructions")) == 30
        reasons = {row["reason"] for row in run.rows("rejected") if row["stage"] == "answers"}
        assert reasons <= {"refusal", "truncated", "empty_output", "bad_request"}
        assert (result.returncode == 3) == ("bad_request" in reasons)
        sent = {(request.path, request.body.get("prompt")) for request in server.requests if request.body}
        assert sent == {("/v1/completions", "<|im_start|>user\n"), ("/v1/chat/completions", None)}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "Error: --pre-query-template is needed: llama3, qwen2, or "),
        (["--pre-query-template", "qwen3"], "Error: --pre-query-template: there is none called 'qwen3'; it is "),
        (["--pre-query-template", ""], "Error: --pre-query-template: there is none called ''; it is "),
    ],
)
def test_a_model_needs_its_template(
    options: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("--llm", "openai", "--model", "m", "--base-url", "http://127.0.0.1:1/v1", *options)
    assert status_of("magpie", *given, "--out", str(tmp_path / "run")) == 1
    first, line = capsys.readouterr().err.splitlines(keepends=True)
    assert first == first_line(tmp_path / "run", "magpie", "m")
    assert line.startswith(said)
    assert not (tmp_path / "run").exists()
