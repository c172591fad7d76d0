"""What models say as users: the beginning of a user's turn in, exactly N instructions out."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct import VLLM, DemoLLM, DurableLLM, MagpieInstructions, OpenAICompatibleLLM
from distilabel_selfinstruct.data.rows import Answer, Row
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.presets import get_preset
from distilabel_selfinstruct.recipes.magpie.steps import MagpieLoop
from tests.steps.scripted_llm import TEXTS, ScriptedLLM
from tests.support import fake_vllm
from tests.support.openai_server import OpenAIServer

LLAMA3 = "<|start_header_id|>user<|end_header_id|>\n\n"


def rows_of(llm: Any, wanted: int, **options: Any) -> list[Row]:
    magpie = MagpieInstructions(llm=llm, num_instructions=wanted, **options)
    magpie.load()
    try:
        return [row for rows, _ in magpie.process() for row in rows]
    finally:
        magpie.unload()


def admitted(rows: list[Row]) -> list[str]:
    return [row["instruction"] for row in rows if row["reject_reason"] is None]


def say_each() -> Callable[..., str]:
    """A model that never says the same."""
    texts = count()
    return lambda *asked: TEXTS[next(texts) % len(TEXTS)]


@pytest.mark.parametrize(
    ("completion", "finish_reason", "instruction", "reason"),
    [
        ("Name the capital of Peru.\n", "stop", "Name the capital of Peru.", None),
        ("Sort these words:\n\nsea, air", "stop", "Sort these words:\n\nsea, air", None),
        ("Name the capital of Peru.<|im_end|>\n<|im_start|>assistant\nLima", "stop", "Name the capital of Peru.", None),
        ("Name the capital of Peru.<|eot_id|><|start_header_id|>", "stop", "Name the capital of Peru.", None),
        ("Explain what the operator <| does in F#, with an example.", "stop",
         "Explain what the operator <| does in F#, with an example.", None),
        ("How do `<|` and `|>` differ in Elm?<|end_of_text|>", "stop", "How do `<|` and `|>` differ in Elm?", None),
        ("Name the capital of", "length", "Name the capital of", "truncated"),
        ("Sort them.", "stop", "Sort them.", "too_short"),
        ("Which music suits a funeral?", "stop", "Which music suits a funeral?", None),
        (" \n", "stop", None, "no_instructions"),
        ("<|im_end|>", "stop", None, "no_instructions"),
    ],
)  # fmt: skip
def test_one_answer(completion: str, finish_reason: str, instruction: str | None, reason: str | None) -> None:
    loop = MagpieLoop(get_preset("default"), wanted=2, lag=1, patience=5, model_name="tiny")
    loop.draw()
    (row,) = loop.take(Answer(completion, finish_reason))
    assert (row["instruction_id"], row["instruction"], row["reject_reason"]) == ("000000-00", instruction, reason)
    assert row["stage"] == (reason and "magpie")


def test_what_is_too_similar_to_an_earlier_one_is_rejected() -> None:
    loop = MagpieLoop(get_preset("default"), wanted=2, lag=2, patience=5)
    loop.draw()
    loop.draw()
    loop.take(Answer("Name the capital of Peru.", "stop"))
    (row,) = loop.take(Answer("Name the capital of Peru!", "stop"))
    assert (row["reject_reason"], row["neighbour"]) == ("similar", "Name the capital of Peru.")


def test_an_endpoint_gets_the_template_as_a_raw_completion(tmp_path: Path) -> None:
    with OpenAIServer(answer=say_each()) as server:
        llm = DurableLLM(llm=OpenAICompatibleLLM(model="stub-model", base_url=server.url), folder=str(tmp_path))
        rows = rows_of(llm, 5, pre_query_template="llama3")
    assert sorted(admitted(rows)) == sorted(TEXTS[:5])
    assert {(request.path, request.body["prompt"]) for request in server.requests if request.body} == {
        ("/v1/completions", LLAMA3)
    }


def test_vllm_in_this_process_gets_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_vllm.install(monkeypatch, answer=say_each())
    rows = rows_of(DurableLLM(llm=VLLM(model="tiny"), folder=str(tmp_path)), 5, pre_query_template="qwen2")
    assert admitted(rows) == TEXTS[:5]
    prompts = [prompt for prompts, _ in fake_vllm.LLM.made[0].calls for prompt in prompts]
    assert {"".join(map(chr, prompt["prompt_token_ids"])) for prompt in prompts} == {"<|im_start|>user\n"}


def test_the_demo_model_goes_on_where_it_was(tmp_path: Path) -> None:
    def made(folder: Path, wanted: int) -> list[str]:
        llm = DurableLLM(llm=DemoLLM(), folder=str(folder), keeps_failures=True)
        return admitted(rows_of(llm, wanted, pre_query_template="qwen2", lag=4))

    whole = made(tmp_path / "whole", 12)
    assert len(whole) == len(set(whole)) == 12
    assert made(tmp_path / "grown", 5) == whole[:5]
    assert made(tmp_path / "grown", 12) == whole


def test_a_system_prompt_steers_the_model() -> None:
    magpie = MagpieInstructions(llm=DemoLLM(), pre_query_template="qwen2", system_prompt="You teach chemistry.")
    assert magpie.format_prompt(None) == [{"role": "system", "content": "You teach chemistry."}]


def test_a_model_without_a_template() -> None:
    with pytest.raises(ConfigError, match="that takes a pre-query template; ScriptedLLM takes none"):
        MagpieInstructions(llm=ScriptedLLM(), pre_query_template="qwen2").load()
    with pytest.raises(ConfigError, match=r"^--pre-query-template is needed: llama3, qwen2, or the text that "):
        MagpieInstructions(llm=DemoLLM()).load()


@pytest.mark.parametrize("template", ["lama3", "qwen3", "Qwen2.5-7B_it", "", " \n"])
def test_a_template_that_is_none(template: str) -> None:
    said = f"--pre-query-template: there is none called {template!r}; it is llama3, qwen2, or the text that begins"
    with pytest.raises(ConfigError, match=re.escape(said)):
        MagpieInstructions(llm=DemoLLM(), pre_query_template=template).load()


def test_the_template_of_the_model_itself() -> None:
    llm = DemoLLM(magpie_pre_query_template="<|user|>\n")
    MagpieInstructions(llm=llm).load()
    assert llm.magpie_pre_query_template == "<|user|>\n"
