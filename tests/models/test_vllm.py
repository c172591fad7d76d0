"""VLLM on a module with the signatures of vllm 0.33; tests/integration/test_vllm_real.py runs it on an engine."""

from __future__ import annotations

import logging
import pickle
import sys
from typing import Any

import pytest
from distilabel.models.mixins.magpie import MagpieChatTemplateMixin
from pydantic import BaseModel

from distilabel_selfinstruct.errors import EndpointError, MissingExtraError, RequestFailed
from distilabel_selfinstruct.models.vllm import VLLM
from tests.support import fake_vllm

# distilabel imports its own deprecated module when something is dumped.
pytestmark = pytest.mark.filterwarnings("ignore:Importing from 'distilabel.llms' is deprecated:DeprecationWarning")

CHAT = [{"role": "user", "content": "Name a colour."}]


def loaded(**attributes: Any) -> VLLM:
    llm = VLLM(model="tiny", **attributes)
    llm.load()
    return llm


def engine_calls(llm: VLLM) -> list[tuple[list[Any], list[fake_vllm.SamplingParams]]]:
    calls: list[tuple[list[Any], list[fake_vllm.SamplingParams]]] = llm._engine.calls
    return calls


class TestGenerate:
    @pytest.fixture(autouse=True)
    def vllm(self, monkeypatch: pytest.MonkeyPatch) -> None:
        fake_vllm.install(monkeypatch, answer=lambda prompt, seed: f"[{seed}] answer to {prompt}")

    def test_a_raw_string_is_continued_as_it_stands(self) -> None:
        output = loaded().generate(["1. Sort"], seed=7)[0]
        assert output == {
            "generations": ["[7] answer to 1. Sort"],
            "statistics": {"input_tokens": [8], "output_tokens": [21]},  # the first token says: a text begins
            "finish_reason": ["stop"],
            "reasoning": [None],
        }

    def test_a_chat_goes_through_the_template_whose_special_tokens_suffice(self) -> None:
        output = loaded().generate([CHAT])[0]
        assert output["generations"] == ["[0] answer to <user>Name a colour.<reply>"]
        assert output["statistics"]["input_tokens"] == [len("<user>Name a colour.<reply>")]

    def test_the_prompt_counts_once_for_n_completions(self) -> None:
        output = loaded().generate(["1."], num_generations=3, seed=5)[0]
        assert output["generations"] == [f"[{seed}] answer to 1." for seed in (5, 6, 7)]
        assert output["statistics"] == {"input_tokens": [3, 0, 0], "output_tokens": [16, 16, 16]}
        assert output["finish_reason"] == ["stop", "stop", "stop"]

    def test_a_cut_completion_says_length(self) -> None:
        output = loaded().generate(["1."], max_new_tokens=5)[0]
        assert (output["generations"], output["finish_reason"]) == (["[0] a"], ["length"])

    def test_a_completion_ends_before_its_stop_sequence(self) -> None:
        output = loaded().generate(["1."], stop=[" to"])[0]
        assert (output["generations"], output["finish_reason"]) == (["[0] answer"], ["stop"])

    def test_every_parameter_reaches_the_engine(self) -> None:
        llm = loaded()
        llm.generate(
            ["1."],
            num_generations=2,
            max_new_tokens=9,
            presence_penalty=2.0,
            frequency_penalty=0.1,
            repetition_penalty=1.1,
            temperature=0.7,
            top_p=0.5,
            top_k=40,
            min_p=0.1,
            seed=3,
            stop=["16."],
            stop_token_ids=[2],
            include_stop_str_in_output=True,
            skip_special_tokens=False,
            extra_sampling_params={"bad_words": ["image"]},
        )
        assert engine_calls(llm)[0][1] == [
            fake_vllm.SamplingParams(
                n=2,
                max_tokens=9,
                presence_penalty=2.0,
                frequency_penalty=0.1,
                repetition_penalty=1.1,
                temperature=0.7,
                top_p=0.5,
                top_k=40,
                min_p=0.1,
                seed=3,
                stop=["16."],
                stop_token_ids=[2],
                include_stop_str_in_output=True,
                skip_special_tokens=False,
                bad_words=["image"],
            )
        ]

    def test_it_is_told_to_end_what_goes_round(self) -> None:
        llm = loaded()
        llm.generate(["1."], end_early=True)
        (params,) = engine_calls(llm)[0][1]
        assert params.repetition_detection == fake_vllm.RepetitionDetectionParams(64, 16, 8)
        own = {"repetition_detection": fake_vllm.RepetitionDetectionParams(20, 3, 4)}
        llm.generate(["1."], end_early=True, extra_sampling_params=own)
        assert engine_calls(llm)[1][1][0].repetition_detection == own["repetition_detection"]

    def test_one_that_cannot_is_not_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        llm = loaded()
        monkeypatch.delattr(sys.modules["vllm.sampling_params"], "RepetitionDetectionParams")
        llm.generate(["1."], end_early=True)
        assert engine_calls(llm)[0][1] == [fake_vllm.SamplingParams(max_tokens=128)]

    def test_how_likely_a_text_is_after_another(self) -> None:
        llm = loaded()
        outputs = llm.generate([["It ", "is"], ["Tr", "ee"], ["", "me"]], max_new_tokens=1, likelihood=True)
        assert [each["generations"] for each in outputs] == [["[-12.0, false]"], ["[-7.0, true]"], ["[-3.0, false]"]]
        assert outputs[0]["finish_reason"] == ["stop"]
        ((prompts, params),) = engine_calls(llm)
        assert prompts[2] == {"prompt_token_ids": [0, ord("m"), ord("e")]}
        assert {(each.max_tokens, each.prompt_logprobs) for each in params} == {(1, 1)}

    def test_a_batch_is_one_call_in_order(self) -> None:
        llm = loaded()
        outputs = llm.generate(["1.", CHAT, "2."])
        assert [output["generations"][0] for output in outputs] == [
            "[0] answer to 1.",
            "[0] answer to <user>Name a colour.<reply>",
            "[0] answer to 2.",
        ]
        assert len(engine_calls(llm)) == 1

    def test_a_prompt_beyond_the_context_names_the_reason(self) -> None:
        with pytest.raises(RequestFailed) as caught:
            loaded().generate(["1.", "x" * 300])
        assert (caught.value.reason, caught.value.retryable) == ("context_length", False)


class TestStructuredOutput:
    class Answer(BaseModel):
        answer: bool

    @pytest.fixture(autouse=True)
    def vllm(self, monkeypatch: pytest.MonkeyPatch) -> None:
        fake_vllm.install(monkeypatch)

    def structures(self, llm: VLLM) -> list[fake_vllm.StructuredOutputsParams | None]:
        return [params.structured_outputs for params in engine_calls(llm)[0][1]]

    def test_each_input_can_bring_its_own(self) -> None:
        llm = loaded()
        llm.generate(
            [
                (CHAT, {"schema": {"type": "object"}}),
                (CHAT, {"format": "regex", "schema": "[0-9]+"}),
                (CHAT, None),
                CHAT,
            ]
        )
        assert self.structures(llm) == [
            fake_vllm.StructuredOutputsParams(json={"type": "object"}),
            fake_vllm.StructuredOutputsParams(regex="[0-9]+"),
            None,
            None,
        ]

    def test_the_models_own_holds_for_all_others(self) -> None:
        llm = loaded(structured_output={"format": "json", "schema": self.Answer})
        llm.generate([CHAT, (CHAT, {"format": "regex", "schema": "[0-9]+"})])
        assert self.structures(llm) == [
            fake_vllm.StructuredOutputsParams(json=self.Answer.model_json_schema()),
            fake_vllm.StructuredOutputsParams(regex="[0-9]+"),
        ]


class TestBaseModel:
    def test_a_chat_becomes_plain_text_with_one_warning(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        fake_vllm.install(monkeypatch, chat_template=None)
        llm = loaded()
        chat = [{"role": "system", "content": "Be brief."}, *CHAT]
        with caplog.at_level(logging.WARNING):
            as_chat, as_text = llm.generate([chat, "Be brief.\n\nName a colour."])
            llm.generate([chat])
        assert as_chat == as_text
        assert [record.message for record in caplog.records] == [
            "tiny has no chat template: it gets the messages' plain text"
        ]

    def test_a_template_given_makes_it_a_chat_model(self, monkeypatch: pytest.MonkeyPatch) -> None:
        fake_vllm.install(monkeypatch, chat_template=None, answer=lambda prompt, seed: prompt)
        output = loaded(chat_template="{role}: {content}").generate([CHAT])[0]
        assert output["generations"] == ["user: Name a colour.<reply>"]


class TestMagpie:
    @pytest.fixture(autouse=True)
    def vllm(self, monkeypatch: pytest.MonkeyPatch) -> None:
        fake_vllm.install(monkeypatch, answer=lambda prompt, seed: prompt)

    def test_an_empty_chat_is_the_pre_query_template(self) -> None:
        llm = loaded(use_magpie_template=True, magpie_pre_query_template="qwen2")
        assert isinstance(llm, MagpieChatTemplateMixin)
        assert llm.generate([[]])[0]["generations"] == ["<|im_start|>user\n"]

    def test_it_follows_an_answer_and_not_a_question(self) -> None:
        llm = loaded(use_magpie_template=True, magpie_pre_query_template="<user>")
        answered = [*CHAT, {"role": "assistant", "content": "Red."}]
        asked, follow_up = (output["generations"][0] for output in llm.generate([CHAT, answered]))
        assert asked == "<user>Name a colour.<reply>"
        assert follow_up == "<user>Name a colour.<assistant>Red.<reply><user>"


class TestLife:
    def test_arguments_reach_the_engine(self, monkeypatch: pytest.MonkeyPatch) -> None:
        fake_vllm.install(monkeypatch)
        loaded(extra_kwargs={"gpu_memory_utilization": 0.5})
        assert fake_vllm.LLM.made[0].gpu_memory_utilization == 0.5

    def test_prompts_that_begin_alike_are_read_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        fake_vllm.install(monkeypatch)
        loaded()
        loaded(extra_kwargs={"enable_prefix_caching": False})
        assert [made.enable_prefix_caching for made in fake_vllm.LLM.made] == [True, False]

    def test_unload_ends_the_engine_and_load_makes_another(self, monkeypatch: pytest.MonkeyPatch) -> None:
        fake_vllm.install(monkeypatch)
        llm = loaded()
        llm.unload()
        llm.unload()
        llm.load()
        assert [made.llm_engine.engine_core.is_shut_down for made in fake_vllm.LLM.made] == [True, False]
        assert llm.generate(["1."])[0]["finish_reason"] == ["stop"]

    def test_a_model_that_cannot_be_loaded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        fake_vllm.install(monkeypatch)
        with pytest.raises(EndpointError) as caught:
            VLLM(model="missing").load()
        assert str(pickle.loads(pickle.dumps(caught.value))) == (
            "vLLM cannot load the model missing: UnpicklableError: no such model"
        )

    def test_without_vllm_the_extra_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "vllm", None)
        with pytest.raises(MissingExtraError, match=r"distilabel-selfinstruct\[vllm\]"):
            VLLM(model="tiny").load()

    def test_it_is_dumped_and_comes_back(self) -> None:
        llm = VLLM.from_dict(VLLM(model="tiny", dtype="float16", extra_kwargs={"max_model_len": 256}).dump())
        assert (llm.model, llm.dtype, llm.extra_kwargs) == ("tiny", "float16", {"max_model_len": 256})

    def test_no_generation_parameter_is_required(self) -> None:
        assert set(VLLM(model="tiny").runtime_parameters_names["generation_kwargs"].values()) == {True}
