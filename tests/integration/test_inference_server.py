"""OpenAICompatibleLLM against a real inference server: `transformers serve` on the CPU, with a tiny model.

Needs torch and `transformers[serving]`, for the Python that runs the tests or for the one that the environment variable
`INFERENCE_SERVER_PYTHON` names.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct.errors import EndpointError
from distilabel_selfinstruct.models.openai import OpenAICompatibleLLM
from tests.support.waiting import LIMIT, comes_true, is_served

pytestmark = [pytest.mark.slow, pytest.mark.server]

PYTHON = os.environ.get("INFERENCE_SERVER_PYTHON", sys.executable)
FIND_PACKAGES = """
from importlib.util import find_spec
raise SystemExit(not all(map(find_spec, ("torch", "transformers", "fastapi", "uvicorn"))))
"""
ROOT = Path(__file__).parents[2]
MODEL = "tests/tiny"
CHAT = [{"role": "user", "content": "Name three primary colours."}]
PROMPT = "Come up with a series of tasks:\n1."


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server's address; it serves what it finds in a Hugging Face cache, so the model is put into one."""
    if subprocess.run([PYTHON, "-c", FIND_PACKAGES], stderr=subprocess.DEVNULL).returncode:
        pytest.skip('needs a server: pip install "torch>=2.13" "transformers[serving]"')
    home = tmp_path_factory.mktemp("huggingface")
    repository = home / "hub" / f"models--{MODEL.replace('/', '--')}"
    snapshot = repository / "snapshots" / ("0" * 40)
    subprocess.run([PYTHON, "-m", "tests.support.tiny_model", snapshot], cwd=ROOT, check=True, capture_output=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [PYTHON, "-m", "transformers.cli.transformers", "serve", "--device", "cpu"]
    with (home / "log").open("w") as log:
        server = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)],
            env={**os.environ, "HF_HOME": str(home), "HF_HUB_OFFLINE": "1"},
            stdout=log,
            stderr=log,
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/health", server, home / "log")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait(timeout=LIMIT)


def wait_for(health: str, server: subprocess.Popen[bytes], log: Path) -> None:
    def is_well() -> bool:
        assert server.poll() is None, log.read_text()
        return is_served(health)

    assert comes_true(is_well), log.read_text()


@pytest.fixture
def llm(url: str) -> Iterator[OpenAICompatibleLLM]:
    llm = OpenAICompatibleLLM(model=MODEL, base_url=url)
    llm.load()
    yield llm
    llm.unload()


def test_a_raw_string_is_continued(llm: OpenAICompatibleLLM) -> None:
    output: Any = llm.generate([PROMPT], max_new_tokens=12)[0]
    assert output["finish_reason"] == ["length"]
    assert output["statistics"] == {"input_tokens": [len(PROMPT)], "output_tokens": [12], "cached_tokens": [0]}


def test_a_chat_goes_through_the_template(llm: OpenAICompatibleLLM) -> None:
    output: Any = llm.generate([CHAT], max_new_tokens=12)[0]
    assert output["finish_reason"] == ["length"]
    assert output["statistics"]["input_tokens"] == [len("|user\nName three primary colours.|\n|assistant\n")]


@pytest.mark.parametrize("input", [PROMPT, CHAT], ids=["raw", "chat"])
def test_it_ignores_n_and_still_gives_n_different_completions(llm: OpenAICompatibleLLM, input: Any) -> None:
    output: Any = llm.generate([input], num_generations=3, max_new_tokens=12, temperature=1.0, seed=1)[0]
    assert len(set(output["generations"])) == 3
    assert len(output["finish_reason"]) == 3
    assert len(set(output["statistics"]["input_tokens"])) == 1  # three requests, each with its prompt


def test_the_seed_repeats_a_completion(llm: OpenAICompatibleLLM) -> None:
    first, again, other = (
        llm.generate([PROMPT], max_new_tokens=12, temperature=1.0, seed=seed)[0]["generations"] for seed in (1, 1, 2)
    )
    assert first == again != other


@pytest.mark.parametrize("input", [PROMPT, CHAT], ids=["raw", "chat"])
def test_a_completion_ends_before_its_stop_sequence(llm: OpenAICompatibleLLM, input: Any) -> None:
    options = {"max_new_tokens": 12, "temperature": 1.0, "seed": 1}
    whole = llm.generate([input], **options)[0]["generations"][0]
    cut: Any = llm.generate([input], stop=[whole[5:7]], **options)[0]
    assert cut["generations"] == [whole[: whole.index(whole[5:7])]]
    assert cut["finish_reason"] == ["stop"]
    assert cut["statistics"]["output_tokens"][0] < 12


def test_many_at_a_time(llm: OpenAICompatibleLLM) -> None:
    outputs = llm.generate([f"{i}." for i in range(16)], max_new_tokens=8)
    assert [output["statistics"]["input_tokens"] for output in outputs] == [[2]] * 10 + [[3]] * 6


def test_a_missing_model_is_found_on_load(url: str) -> None:
    with pytest.raises(EndpointError, match=r"does not offer the model tests/other\. It offers 1.*: tests/tiny"):
        OpenAICompatibleLLM(model="tests/other", base_url=url).load()
