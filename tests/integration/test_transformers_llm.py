"""distilabel's TransformersLLM with a tiny local model: any LLM of distilabel's can answer.

Needs torch and transformers: pip install "torch>=2.13" transformers
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct.models.records import usage_by_stage
from tests.support.tiny_model import make_tiny_model

for package in ("torch", "transformers"):
    pytest.importorskip(package, reason='needs a local model: pip install "torch>=2.13" transformers')
pytestmark = [pytest.mark.slow, pytest.mark.server]


@pytest.fixture(scope="module")
def llm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from distilabel.models.llms import TransformersLLM

    llm = TransformersLLM(
        model=str(make_tiny_model(tmp_path_factory.mktemp("model"))), device="cpu", disable_cuda_device_placement=True
    )
    llm.load()
    yield llm
    llm.unload()


def test_a_chat_is_answered(llm: Any) -> None:
    output = llm.generate([[{"role": "user", "content": "Name a colour."}]], num_generations=2, max_new_tokens=12)[0]
    assert len(set(output["generations"])) == 2
    assert all(0 < count <= 12 for count in output["statistics"]["output_tokens"])
    # The prompt's tokens come once for all completions, and without its template.
    assert output["statistics"]["input_tokens"] == [len("Name a colour.")]


def test_a_raw_string_is_refused(llm: Any) -> None:
    with pytest.raises(Exception, match="input"):
        llm.generate(["1."], max_new_tokens=2)


def test_it_answers_the_main_pipeline_through_the_config(tmp_path: Path) -> None:
    """What random weights say is hardly ever admitted; what counts is that every answer is on disk."""
    model = make_tiny_model(tmp_path / "model")
    config = tmp_path / "config.yaml"
    config.write_text(
        f"""
        llm:
          class: distilabel.models.llms.TransformersLLM
          arguments: {{model: "{model}", device: cpu, disable_cuda_device_placement: true}}
        num_instructions: 1
        lag: 1
        patience: 2
        """
    )
    run = subprocess.run(
        [sys.executable, "pipelines/self_instruct.py", "--config", config, "--out", tmp_path / "run"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 3, run.stderr
    summary = json.loads((tmp_path / "run" / "summary.json").read_text(encoding="utf-8"))
    usage = usage_by_stage(tmp_path / "run" / "completions")["bootstrap"]
    assert usage.requests == summary["prompts"] >= 1
    assert usage.output_tokens > 0
