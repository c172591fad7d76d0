"""`--structured`: chat models under a JSON schema, over HTTP; the demo model answers in the server."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from datasets import load_from_disk

from distilabel_selfinstruct import DemoLLM
from tests.conftest import Script
from tests.support.openai_server import Answer, Fault, OpenAIServer, status

pytestmark = pytest.mark.slow

demo = DemoLLM(noise=0)


def answer(body: Mapping[str, Any]) -> Answer:
    output = demo.generate([body["messages"]])[0]
    return Answer(output["generations"][0], output["finish_reason"][0])


def run_with(server: OpenAIServer, script: Script, folder: Path) -> Any:
    return script(
        "--llm", "openai", "--model", "stub-model", "--base-url", server.url, "--structured",
        "--num-instructions", 20, "--out", folder,
    )  # fmt: skip


def test_each_question_goes_with_the_schema_of_its_answer(script: Script, tmp_path: Path) -> None:
    with OpenAIServer(answer=answer) as server:
        result = run_with(server, script, tmp_path / "run")
    assert result.returncode == 0, result.stderr
    assert "refuses" not in result.stdout
    schemas = [request.body["response_format"]["json_schema"]["schema"] for request in server.requests]
    assert {tuple(schema["properties"]) for schema in schemas} == {
        ("instructions",),
        ("is_classification",),
        ("instances",),
    }
    assert all(schema["additionalProperties"] is False for schema in schemas)
    instances = load_from_disk(str(tmp_path / "run" / "dataset" / "instances"))["train"]
    assert len(set(instances["instruction_id"])) == 20


def test_an_endpoint_that_refuses_schemas_is_asked_without_and_the_user_is_told(script: Script, tmp_path: Path) -> None:
    def refuse_schemas(body: Mapping[str, Any]) -> Fault | None:
        if "response_format" in body:
            return status(400, "response_format is not supported", param="response_format")
        return None

    with OpenAIServer(answer=answer, fault_rule=refuse_schemas) as server:
        result = run_with(server, script, tmp_path / "run")
    assert result.returncode == 0, result.stderr
    assert "note: stub-model refuses `response_format`, which is left out from now on" in result.stdout
    instances = load_from_disk(str(tmp_path / "run" / "dataset" / "instances"))["train"]
    assert len(set(instances["instruction_id"])) == 20
