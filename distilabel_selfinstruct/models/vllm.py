"""vLLM in this process, on its current (V1) engine."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from distilabel.mixins.runtime_parameters import RuntimeParameter
from distilabel.models.llms.base import LLM
from distilabel.models.llms.vllm import vLLM
from distilabel.models.mixins.cuda_device_placement import CudaDevicePlacementMixin
from pydantic import Field, PrivateAttr

from distilabel_selfinstruct.errors import EndpointError, MissingExtraError, RequestFailed
from distilabel_selfinstruct.models.ending_early import DETECTED
from distilabel_selfinstruct.models.likelihood import as_text, split
from distilabel_selfinstruct.text.thoughts import cut_at_turn_end, split_thoughts

if TYPE_CHECKING:
    from distilabel.typing import FormattedInput, GenerateOutput, OutlinesStructuredOutputType, StandardInput
    from vllm import RequestOutput, SamplingParams
    from vllm.sampling_params import StructuredOutputsParams

_LOGGER = logging.getLogger("distilabel.llm.vllm")


class VLLM(vLLM):
    """A model that vLLM runs in this process, chat or base, for one pipeline stage at a time.

    It is distilabel's `vLLM` made to work with vLLM's V1 engine. A raw string is continued as it stands; a chat goes
    through the model's chat template, with Magpie's pre-query template where that is on. A base model has no chat
    template: its chats are joined to a plain text.

    Attributes:
        disable_cuda_device_placement: whether to leave the choice of the GPU to `CUDA_VISIBLE_DEVICES` instead of
            distilabel, which needs the package `nvidia-ml-py` for it. Defaults to `True`.

    Runtime parameters:
        - `extra_kwargs`: further arguments of `vllm.LLM`, such as `gpu_memory_utilization` or `max_model_len`;
            `enable_prefix_caching` is on, since the prompts of a stage begin alike.
        - `structured_output`: the JSON schema or the regular expression that every completion has to follow.
        - `disable_cuda_device_placement`: whether to leave the choice of the GPU to `CUDA_VISIBLE_DEVICES`. Defaults
            to `True`.

    Examples:
        Continue a text with a base model:

        ```python
        from distilabel_selfinstruct.models.vllm import VLLM

        llm = VLLM(model="meta-llama/Llama-3.1-8B", extra_kwargs={"max_model_len": 4096})
        llm.load()
        llm.generate_outputs(inputs=["Come up with a series of tasks:\\n1."], stop=["\\n\\n"], max_new_tokens=256)
        llm.unload()
        ```
    """

    disable_cuda_device_placement: RuntimeParameter[bool] = Field(
        default=True,
        description="Whether to leave the choice of the GPU to `CUDA_VISIBLE_DEVICES`.",
    )

    _engine: Any = PrivateAttr(None)
    _engine_tokenizer: Any = PrivateAttr(None)
    _warned_of_chat: bool = PrivateAttr(False)

    def load(self) -> None:
        """Loads the model.

        Raises:
            MissingExtraError: vLLM is not installed.
            EndpointError: vLLM cannot load the model.
        """
        try:
            import vllm
        except ImportError:
            raise MissingExtraError.of("VLLM", "vllm") from None
        LLM.load(self)
        CudaDevicePlacementMixin.load(self)
        try:
            self._engine = vllm.LLM(self.model, **self._engine_arguments())
            self._engine_tokenizer = self._engine.get_tokenizer()
        except Exception as error:  # vLLM's own don't survive the way to the main process
            raise EndpointError(f"vLLM cannot load the model {self.model}: {type(error).__name__}: {error}") from None
        if self.chat_template is not None:
            self._engine_tokenizer.chat_template = self.chat_template

    @property
    def window(self) -> int | None:
        """Tokens that the model's context holds, once it is loaded."""
        config = getattr(getattr(self._engine, "llm_engine", None), "model_config", None)
        return getattr(config, "max_model_len", None)

    def _engine_arguments(self) -> dict[str, Any]:
        return {
            "dtype": self.dtype,
            "trust_remote_code": self.trust_remote_code,
            "quantization": self.quantization,
            "revision": self.revision,
            "tokenizer": self.tokenizer,
            "tokenizer_mode": self.tokenizer_mode,
            "tokenizer_revision": self.tokenizer_revision,
            "skip_tokenizer_init": self.skip_tokenizer_init,
            "seed": self.seed,
            "enable_prefix_caching": True,  # the prompts of a stage begin alike
            **(self.extra_kwargs or {}),
        }

    def unload(self) -> None:
        """Ends the engine and gives its memory back, so that the next stage can load its own."""
        if self._engine is not None:
            from vllm.distributed.parallel_state import cleanup_dist_env_and_memory

            self._engine.llm_engine.engine_core.shutdown()
            self._engine = self._engine_tokenizer = None
            cleanup_dist_env_and_memory()
        CudaDevicePlacementMixin.unload(self)
        LLM.unload(self)

    def generate(
        self,
        inputs: list[FormattedInput],
        num_generations: int = 1,
        max_new_tokens: int = 128,
        presence_penalty: float = 0.0,
        frequency_penalty: float = 0.0,
        repetition_penalty: float = 1.0,
        temperature: float = 1.0,
        top_p: float = 1.0,
        top_k: int = 0,
        min_p: float = 0.0,
        seed: int | None = None,
        stop: list[str] | None = None,
        stop_token_ids: list[int] | None = None,
        include_stop_str_in_output: bool = False,
        skip_special_tokens: bool = True,
        extra_sampling_params: dict[str, Any] | None = None,
        end_early: bool = False,
        likelihood: bool = False,
    ) -> list[GenerateOutput]:
        """Asks for completions of all inputs, in one batch.

        Args:
            inputs: chats, raw strings, or chats with the structure that the answer has to follow.
            num_generations: the number of completions an input. Defaults to `1`.
            max_new_tokens: the most tokens a completion may have. Defaults to `128`.
            presence_penalty: the penalty of tokens used before. Defaults to `0.0`.
            frequency_penalty: the penalty of frequent tokens. Defaults to `0.0`.
            repetition_penalty: the factor against repeated tokens. Defaults to `1.0`.
            temperature: the sampling temperature. Defaults to `1.0`.
            top_p: the probability mass sampled from. Defaults to `1.0`.
            top_k: the number of tokens sampled from, `0` for all. Defaults to `0`.
            min_p: the least probability sampled, relative to the most likely token's. Defaults to `0.0`.
            seed: the seed of the sampling of every input; completion i of an input gets `seed + i`.
            stop: sequences that end a completion.
            stop_token_ids: tokens that end a completion.
            include_stop_str_in_output: whether the stop sequence is part of the completion. Defaults to `False`.
            skip_special_tokens: whether special tokens are left out of the completion. Defaults to `True`.
            extra_sampling_params: further arguments of `vllm.SamplingParams`.
            end_early: whether a completion that goes round is ended, with the finish reason `repetition`. Defaults to
                `False`.
            likelihood: whether inputs are pairs of texts, and the answer says how likely the second is after the first.
                Defaults to `False`.

        Returns:
            For each input `generations`, `finish_reason`, `reasoning` and, under `statistics`, `input_tokens` and
            `output_tokens`, each with one entry a completion. The prompt's tokens, read once, stand at the first.

        Raises:
            RequestFailed: vLLM refuses one of the inputs, so that none is answered: `context_length`, `bad_request`.
        """
        from vllm import SamplingParams

        if likelihood:
            return self._likelihoods(inputs)

        def sampling_params(structure: OutlinesStructuredOutputType | None) -> SamplingParams:
            return SamplingParams(
                n=num_generations,
                max_tokens=max_new_tokens,
                presence_penalty=presence_penalty,
                frequency_penalty=frequency_penalty,
                repetition_penalty=repetition_penalty,
                temperature=temperature,
                top_p=top_p,
                top_k=top_k,
                min_p=min_p,
                seed=seed,
                stop=stop,
                stop_token_ids=stop_token_ids,
                include_stop_str_in_output=include_stop_str_in_output,
                skip_special_tokens=skip_special_tokens,
                structured_outputs=_structured_outputs(structure) if structure else None,
                **(_repetition_detection() if end_early else {}) | (extra_sampling_params or {}),
            )

        pairs = [input if isinstance(input, tuple) else (input, None) for input in inputs]
        outputs = self._asked(
            [self._prompt(prompt) for prompt, _ in pairs],
            [sampling_params(structure or self.structured_output) for _, structure in pairs],
        )
        return [_output(output) for output in outputs]

    def _likelihoods(self, inputs: list[Any]) -> list[GenerateOutput]:
        """How likely the second text of each input is after the first."""
        from vllm import SamplingParams

        parts = [self._parts(*input) for input in inputs]
        params = SamplingParams(max_tokens=1, temperature=0.0, prompt_logprobs=1)
        outputs = self._asked([{"prompt_token_ids": before + those} for before, those in parts], [params] * len(parts))
        for (before, those), output in zip(parts, outputs):
            told = [of[token] for of, token in zip((output.prompt_logprobs or ())[len(before) :], those)]
            answer = output.outputs[0]
            answer.text, answer.finish_reason = as_text((each.logprob, each.rank == 1) for each in told), "stop"
        return [_output(output) for output in outputs]

    def _parts(self, context: str, continuation: str) -> tuple[list[int], list[int]]:
        """The tokens of two texts, one after the other."""
        tokenizer = self._engine_tokenizer
        before, whole = tokenizer.encode(context.rstrip()), tokenizer.encode(context + continuation)
        if not before:
            begin = tokenizer.eos_token_id if tokenizer.bos_token_id is None else tokenizer.bos_token_id
            before, whole = [begin], [begin, *whole]
        return split(before, whole)

    def _asked(self, prompts: list[Any], params: list[SamplingParams]) -> list[RequestOutput]:
        from vllm.exceptions import VLLMValidationError

        try:
            outputs: list[RequestOutput] = self._engine.generate(prompts, params, use_tqdm=False)
        except VLLMValidationError as error:
            reason = "context_length" if error.parameter in ("input_tokens", "input_text") else "bad_request"
            raise RequestFailed(str(error), reason) from None
        return outputs

    def prepare_input(self, input: StandardInput | str) -> str:
        if isinstance(input, str):
            return input
        if self._has_chat_template():
            tokenizer = self._engine_tokenizer
            prompt = tokenizer.apply_chat_template(input, tokenize=False, add_generation_prompt=True) if input else ""
            return str(self.apply_magpie_pre_query_template(prompt, input))
        if not self._warned_of_chat:
            self._warned_of_chat = True
            _LOGGER.warning(f"{self.model} has no chat template: it gets the messages' plain text")
        return "\n\n".join(str(message["content"]) for message in input)

    def _prompt(self, input: StandardInput | str) -> Any:
        """A raw string for vLLM to tokenize; a chat's tokens, since its template brings the special ones itself."""
        if isinstance(input, str):
            return input
        text = self.prepare_input(input)
        return {
            "prompt_token_ids": self._engine_tokenizer.encode(text, add_special_tokens=not self._has_chat_template())
        }

    def _has_chat_template(self) -> bool:
        # Mistral's own tokenizer has templates, but no attribute of this name.
        return getattr(self._engine_tokenizer, "chat_template", "its own") is not None


def _repetition_detection() -> dict[str, Any]:
    try:
        from vllm.sampling_params import RepetitionDetectionParams
    except ImportError:  # vLLM before it had this
        return {}
    return {"repetition_detection": RepetitionDetectionParams(**DETECTED)}


def _structured_outputs(structured_output: OutlinesStructuredOutputType) -> StructuredOutputsParams:
    from vllm.sampling_params import StructuredOutputsParams

    schema = structured_output["schema"]
    if hasattr(schema, "model_json_schema"):
        schema = schema.model_json_schema()
    return StructuredOutputsParams(**{structured_output.get("format", "json"): schema})


def _output(output: RequestOutput) -> GenerateOutput:
    completions = output.outputs
    parts = [split_thoughts(completion.text) for completion in completions]
    return {
        "generations": [cut_at_turn_end(answer) for _, answer in parts],
        "statistics": {
            "input_tokens": [len(output.prompt_token_ids or ())] + [0] * (len(completions) - 1),
            "output_tokens": [len(completion.token_ids) for completion in completions],
        },
        "finish_reason": [completion.finish_reason for completion in completions],
        "reasoning": [thought for thought, _ in parts],
    }  # type: ignore[typeddict-unknown-key]
