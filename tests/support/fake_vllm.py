"""A module that stands for `vllm` 0.33 where no engine can run: the same signatures, answers from a function.

`tests/integration/test_vllm_real.py` is the same class on a real engine.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, ClassVar

import pytest

CONTEXT_LENGTH = 200
"""Tokens, which are characters here."""
TEMPLATE = "<{role}>{content}"


class VLLMValidationError(Exception):
    def __init__(self, message: str, *, parameter: str | None = None, value: Any = None) -> None:
        super().__init__(message)
        self.parameter, self.value = parameter, value


@dataclass
class StructuredOutputsParams:
    json: str | dict[str, Any] | None = None
    regex: str | None = None
    choice: list[str] | None = None
    grammar: str | None = None
    json_object: bool | None = None
    disable_any_whitespace: bool = False
    disable_additional_properties: bool = False
    whitespace_pattern: str | None = None
    structural_tag: str | None = None

    def __post_init__(self) -> None:
        kinds = (self.json, self.regex, self.choice, self.grammar, self.json_object, self.structural_tag)
        if sum(kind is not None for kind in kinds) != 1:
            raise VLLMValidationError("You must use one kind of structured outputs constraint")


@dataclass
class RepetitionDetectionParams:
    max_pattern_size: int = 0
    min_pattern_size: int = 0
    min_count: int = 0


@dataclass
class SamplingParams:
    n: int = 1
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    repetition_penalty: float = 1.0
    temperature: float = 1.0
    watermarking: bool | None = None
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    seed: int | None = None
    stop: str | list[str] | None = None
    stop_token_ids: list[int] | None = None
    ignore_eos: bool = False
    max_tokens: int | None = 16
    min_tokens: int = 0
    logprobs: int | None = None
    prompt_logprobs: int | None = None
    detokenize: bool = True
    skip_special_tokens: bool = True
    spaces_between_special_tokens: bool = True
    include_stop_str_in_output: bool = False
    structured_outputs: StructuredOutputsParams | None = None
    logit_bias: dict[int, float] | None = None
    allowed_token_ids: list[int] | None = None
    extra_args: dict[str, Any] | None = None
    repetition_detection: RepetitionDetectionParams | None = None
    bad_words: list[str] | None = None
    thinking_token_budget: int | None = None


@dataclass
class CompletionOutput:
    index: int
    text: str
    token_ids: Sequence[int]
    cumulative_logprob: float | None = None
    logprobs: Any = None
    finish_reason: str | None = None
    stop_reason: int | str | None = None


@dataclass
class Logprob:
    logprob: float
    rank: int | None = None
    decoded_token: str | None = None


@dataclass
class RequestOutput:
    request_id: str
    prompt: str | None
    prompt_token_ids: list[int] | None
    outputs: list[CompletionOutput]
    finished: bool = True
    prompt_logprobs: list[dict[int, Logprob] | None] | None = None


@dataclass
class Tokenizer:
    """One token a character, and one before a raw text, where special tokens are asked for."""

    chat_template: str | None = TEMPLATE

    def encode(self, text: str, add_special_tokens: bool = True) -> list[int]:
        return [0] * add_special_tokens + [ord(character) for character in text]

    def apply_chat_template(
        self, conversation: list[dict[str, str]], *, tokenize: bool = True, add_generation_prompt: bool = False
    ) -> str:
        if self.chat_template is None:
            raise ValueError("Cannot use chat template functions because tokenizer.chat_template is not set")
        assert not tokenize
        text = "".join(self.chat_template.format(**message) for message in conversation)
        return text + ("<reply>" if add_generation_prompt else "")


@dataclass
class EngineCore:
    is_shut_down: bool = False

    def shutdown(self, timeout: float | None = None) -> None:
        self.is_shut_down = True


@dataclass
class LLMEngine:
    engine_core: EngineCore = field(default_factory=EngineCore)


class LLM:
    """`made` lists the instances; `answer(prompt, seed)` is what they say, cut by the sampling parameters."""

    made: ClassVar[list[LLM]] = []
    tokenizer = Tokenizer()
    answer: Callable[[str, int], str]

    def __init__(
        self,
        model: str,
        *,
        tokenizer: str | None = None,
        tokenizer_mode: str = "auto",
        skip_tokenizer_init: bool = False,
        trust_remote_code: bool = False,
        tensor_parallel_size: int = 1,
        dtype: str = "auto",
        quantization: str | None = None,
        revision: str | None = None,
        tokenizer_revision: str | None = None,
        seed: int = 0,
        gpu_memory_utilization: float = 0.92,
        max_model_len: int | None = None,
        enable_prefix_caching: bool | None = None,
    ) -> None:
        if model == "missing":
            raise UnpicklableError("no such model", object())
        self.model, self.gpu_memory_utilization = model, gpu_memory_utilization
        self.enable_prefix_caching = enable_prefix_caching
        self.llm_engine = LLMEngine()
        self.calls: list[tuple[list[Any], list[SamplingParams]]] = []
        LLM.made.append(self)

    def get_tokenizer(self) -> Tokenizer:
        return self.tokenizer

    def generate(
        self,
        prompts: Sequence[Any],
        sampling_params: SamplingParams | Sequence[SamplingParams] | None = None,
        *,
        use_tqdm: bool = True,
        lora_request: Any = None,
        priority: int | Sequence[int] | None = None,
        tokenization_kwargs: dict[str, Any] | None = None,
        mm_processor_kwargs: dict[str, Any] | None = None,
    ) -> list[RequestOutput]:
        assert isinstance(sampling_params, list)
        assert not use_tqdm
        self.calls.append((list(prompts), sampling_params))
        return [self._request(i, *pair) for i, pair in enumerate(zip(prompts, sampling_params, strict=True))]

    def _request(self, number: int, prompt: Any, params: SamplingParams) -> RequestOutput:
        ids = self.tokenizer.encode(prompt) if isinstance(prompt, str) else prompt["prompt_token_ids"]
        if len(ids) > CONTEXT_LENGTH:
            raise VLLMValidationError(f"maximum context length is {CONTEXT_LENGTH}", parameter="input_tokens")
        text = "".join(chr(i) for i in ids if i)
        outputs = [self._completion(i, text, params) for i in range(params.n)]
        output = RequestOutput(str(number), text, ids, outputs)
        if params.prompt_logprobs is not None:  # "e" is the likeliest everywhere, and what comes later is less likely
            told = [{token: Logprob(-float(at), 1 if token == ord("e") else 2)} for at, token in enumerate(ids)]
            output.prompt_logprobs = [None, *told[1:]]
        return output

    def _completion(self, index: int, prompt: str, params: SamplingParams) -> CompletionOutput:
        text, reason = type(self).answer(prompt, (params.seed or 0) + index), "stop"
        if params.max_tokens is not None and len(text) > params.max_tokens:
            text, reason = text[: params.max_tokens], "length"
        for stop in params.stop or []:
            if stop in text:
                text, reason = text[: text.index(stop)], "stop"
        return CompletionOutput(index, text, [ord(character) for character in text], finish_reason=reason)


class UnpicklableError(Exception):
    """As vLLM's pydantic errors: takes more arguments than it keeps."""

    def __init__(self, message: str, detail: object) -> None:
        super().__init__(message)


def letters(prompt: str, seed: int) -> str:
    return hashlib.md5(f"{prompt}{seed}".encode()).hexdigest()


def install(
    monkeypatch: pytest.MonkeyPatch, answer: Callable[[str, int], str] = letters, chat_template: str | None = TEMPLATE
) -> type[LLM]:
    """Makes `import vllm` give this module; returns its LLM class."""
    modules = {
        name: ModuleType(name)
        for name in (
            "vllm",
            "vllm.sampling_params",
            "vllm.exceptions",
            "vllm.distributed",
            "vllm.distributed.parallel_state",
        )
    }
    fake = type("LLM", (LLM,), {"answer": staticmethod(answer), "tokenizer": Tokenizer(chat_template)})
    LLM.made = []
    vars(modules["vllm"]).update(LLM=fake, SamplingParams=SamplingParams, RequestOutput=RequestOutput)
    vars(modules["vllm.sampling_params"]).update(
        StructuredOutputsParams=StructuredOutputsParams, RepetitionDetectionParams=RepetitionDetectionParams
    )
    vars(modules["vllm.exceptions"]).update(VLLMValidationError=VLLMValidationError)
    vars(modules["vllm.distributed.parallel_state"]).update(cleanup_dist_env_and_memory=lambda: None)
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    return fake
