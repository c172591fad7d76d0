"""Any other distilabel LLM: each class of the installed distilabel is made from a config, or what to use is told."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import distilabel.models.llms
import pytest
from distilabel.models.llms.base import LLM

from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.runs.models import _custom_llm
from distilabel_selfinstruct.runs.options import CustomLLM
from distilabel_selfinstruct.steps.asking import named_for

pytestmark = pytest.mark.filterwarnings("ignore")

CLASSES = {
    name: kind
    for name, kind in vars(distilabel.models.llms).items()
    if inspect.isclass(kind) and issubclass(kind, LLM) and not inspect.isabstract(kind)
}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "OllamaLLM": {"model": "x"},
    "InferenceEndpointsLLM": {"base_url": "http://127.0.0.1:9/v1", "api_key": "k"},
    "MlxLLM": {"path_or_hf_repo": "x"},
    "AzureOpenAILLM": {"model": "m", "base_url": "http://127.0.0.1:9", "api_version": "1", "api_key": "k"},
    "ClientvLLM": {"base_url": "http://127.0.0.1:9/v1"},
    "MixtureOfAgentsLLM": {"aggregator_llm": {}, "proposers_llms": []},
}
TOLD = {
    "AzureOpenAILLM": "Use --llm openai --model DEPLOYMENT --base-url https://NAME.openai.azure.com/openai/v1/.",
    "OllamaLLM": "Use --llm openai --model NAME --base-url http://127.0.0.1:11434/v1.",
    "MixtureOfAgentsLLM": "Make it in a script of your own, with run.llm(STAGE, model=...).",
}


def made(name: str, arguments: dict[str, Any]) -> LLM:
    return _custom_llm(CustomLLM(class_path=f"distilabel.models.llms.{name}", arguments=arguments))


def test_one_that_refuses_a_temperature_of_0_is_told_not_to_sample() -> None:
    """transformers does: "temperature has to be a strictly positive float"."""
    llm = made("TransformersLLM", {"model": "x"})
    assert named_for(llm, {"temperature": 0.0, "top_p": 1.0}) == {"do_sample": False, "top_p": 1.0}
    assert named_for(llm, {"temperature": 0.7}) == {"temperature": 0.7}


def test_there_are_as_many_as_we_know() -> None:
    assert len(CLASSES) >= 17
    assert TOLD.keys() <= CLASSES.keys()


@pytest.mark.parametrize("name", sorted(CLASSES.keys() - TOLD.keys()))
def test_a_class_that_works_is_made(name: str, tmp_path: Path) -> None:
    (tmp_path / "x.gguf").touch()
    usual = {"model": "m", "api_key": "k"} if "api_key" in CLASSES[name].model_fields else {"model": "m"}
    known = ARGUMENTS | {"LlamaCppLLM": {"model_path": str(tmp_path / "x.gguf")}}
    assert type(made(name, known.get(name, usual))) is CLASSES[name]


@pytest.mark.parametrize("name", TOLD)
def test_a_class_that_is_broken_upstream_is_told_with_what_to_use(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        made(name, ARGUMENTS[name])
    assert str(caught.value).startswith(f"llm.class: distilabel.models.llms.{name} ")
    assert str(caught.value).endswith(TOLD[name])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("knows_it", [True, False])
def test_a_model_of_the_hub_alone(knows_it: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import InferenceClient

    monkeypatch.setattr(InferenceClient, "get_model_status", lambda *_: None, raising=False)
    arguments = {"model_id": "me/x", "api_key": "k"}
    if knows_it:
        assert type(made("InferenceEndpointsLLM", arguments)).__name__ == "InferenceEndpointsLLM"
        return
    monkeypatch.delattr(InferenceClient, "get_model_status")
    with pytest.raises(ConfigError, match=r"--base-url https://router\.huggingface\.co/v1"):
        made("InferenceEndpointsLLM", arguments)
