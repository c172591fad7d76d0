"""Several models as one, of which the seed and the prompt draw."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from distilabel_selfinstruct.demo.model import DemoLLM
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.models.durable import DurableLLM
from distilabel_selfinstruct.models.ensemble import EnsembleLLM
from distilabel_selfinstruct.models.openai import OpenAICompatibleLLM
from tests.support.openai_server import OpenAIServer


def ensemble(shares: list[float], seed: int = 0, url: str | None = None) -> EnsembleLLM:
    names = "abc"[: len(shares)]
    return EnsembleLLM(llms=[OpenAICompatibleLLM(model=name, base_url=url) for name in names], shares=shares, seed=seed)


def drawn(llm: EnsembleLLM, prompts: int = 1000) -> list[str]:
    return [llm.drawn(f"prompt {number}").model_name for number in range(prompts)]


def test_shares_are_kept() -> None:
    counts = Counter(drawn(ensemble([0.7, 0.3])))
    assert 650 < counts["a"] < 750
    assert counts["a"] + counts["b"] == 1000


def test_the_seed_and_the_prompt_draw() -> None:
    assert drawn(ensemble([1, 1])) == drawn(ensemble([1, 1]))
    assert drawn(ensemble([1, 1], seed=1)) != drawn(ensemble([1, 1]))


def test_each_answer_says_its_model_and_is_asked_for_once(tmp_path: Path) -> None:
    prompts = [f"prompt {number}" for number in range(12)]
    with OpenAIServer(answer=lambda body: f"{body['model']}: {body['prompt']}", models=None) as server:
        for _ in range(2):
            llm = DurableLLM(llm=ensemble([1, 1, 1], url=server.url), folder=str(tmp_path), stage="answers")
            llm.load()
            outputs = llm.generate_outputs(inputs=prompts)
            llm.unload()
            models = [output["model"][0] for output in outputs]  # type: ignore[typeddict-item]
            assert [output["generations"][0] for output in outputs] == [
                f"{model}: {prompt}" for model, prompt in zip(models, prompts)
            ]
        assert len(server.requests) == 12
    assert {*models} == {"a", "b", "c"}


def test_models_in_this_process(tmp_path: Path) -> None:
    members = [DemoLLM(seed=1), DemoLLM(seed=2)]
    llm = DurableLLM(llm=EnsembleLLM(llms=members, shares=[1, 1]), folder=str(tmp_path), stage="answers")
    llm.load()
    outputs = llm.generate_outputs(inputs=["A list of tasks for a language model:\n1."] * 3)
    assert all(isinstance(output["generations"][0], str) for output in outputs)
    llm.unload()


def test_the_smallest_context_counts() -> None:
    with OpenAIServer(says={"max_model_len": 4096}, models=("a", "b")) as server:
        llm = ensemble([1, 1], url=server.url)
        assert llm.window is None
        llm.load()
        assert llm.window == 4096
        llm.unload()


def test_one_at_an_endpoint_and_one_in_this_process_cannot_share_a_stage() -> None:
    with pytest.raises(ConfigError, match="m, demo: a model in this process and one at an endpoint cannot share"):
        EnsembleLLM(llms=[OpenAICompatibleLLM(model="m"), DemoLLM()], shares=[1, 1])
