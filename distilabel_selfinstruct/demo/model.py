"""The embedded demo model: a seeded grammar, not a language model.

It answers the questions of the recipes, and only those, so that the whole pipeline runs with no network, no
weights and no GPU. Its instructions come from templates, and their outputs are computed, hence right. Around them it
makes the mistakes that real models make, in realistic shares (see `demo_tasks.noise`): repeated instructions, chatter,
cut and malformed completions. A dataset made with it shows what the pipeline does; it is not worth training on.
"""

from __future__ import annotations

from random import Random

from distilabel.mixins.runtime_parameters import RuntimeParameter
from distilabel.models.llms.base import LLM
from distilabel.models.mixins.magpie import MagpieChatTemplateMixin
from distilabel.typing import FormattedInput, GenerateOutput
from pydantic import Field, validate_call

from distilabel_selfinstruct.demo.answers import answer
from distilabel_selfinstruct.demo.completion import count_tokens


class DemoLLM(LLM, MagpieChatTemplateMixin):
    """A stand-in for a language model: a seeded grammar that answers the questions of the recipes.

    It needs no network and no weights. The answer is a function of the prompt's text, `seed` and the number of the
    generation alone, so it is the same in every process and any order. Temperature, `top_p` and the penalties change
    nothing.

    Attributes:
        seed: of all random draws. Defaults to `0`.
        noise: a factor on the shares of mistakes; `0` makes none. Defaults to `1.0`.

    Runtime parameters:
        - `seed`: of all random draws. Defaults to `0`.
        - `noise`: a factor on the shares of mistakes; `0` makes none. Defaults to `1.0`.

    Examples:
        Ask for instructions:

        ```python
        from distilabel_selfinstruct import DemoLLM

        llm = DemoLLM(seed=7)
        llm.load()
        llm.generate_outputs(inputs=["A list of tasks for a language model:\\n1. Name the capital of Peru.\\n2."])
        ```
    """

    seed: RuntimeParameter[int] = Field(default=0, description="Of all random draws.")
    noise: RuntimeParameter[float] = Field(
        default=1.0, ge=0.0, description="A factor on the shares of mistakes; 0 makes none."
    )

    @property
    def model_name(self) -> str:
        return "demo"

    @validate_call
    def generate(  # type: ignore[override]
        self,
        inputs: list[FormattedInput],
        num_generations: int = 1,
        max_new_tokens: int = 1024,
        temperature: float = 1.0,
        top_p: float = 1.0,
        stop: list[str] | None = None,
        presence_penalty: float = 0.0,
        frequency_penalty: float = 0.0,
        first_generation: int = 0,
    ) -> list[GenerateOutput]:
        """Answers each prompt `num_generations` times.

        Args:
            inputs: raw prompts, or chats, of which the last message of the user counts.
            num_generations: answers to each prompt. Defaults to `1`.
            max_new_tokens: the length after which an answer is cut, in tokens of three quarters of a word.
                Defaults to `1024`.
            temperature: accepted, and ignored. Defaults to `1.0`.
            top_p: accepted, and ignored. Defaults to `1.0`.
            stop: strings before the first of which an answer ends. Defaults to `None`.
            presence_penalty: accepted, and ignored. Defaults to `0.0`.
            frequency_penalty: accepted, and ignored. Defaults to `0.0`.
            first_generation: the number of the first answer: how often the prompt was asked before. Defaults to `0`.
        """
        numbers = range(first_generation, first_generation + num_generations)
        return [self._generate(self._prompt_text(each), numbers, max_new_tokens, stop or []) for each in inputs]

    def _generate(self, prompt: str, numbers: range, max_new_tokens: int, stop: list[str]) -> GenerateOutput:
        completions = [
            answer(prompt, Random(f"{self.seed}|{number}|{prompt}"), self.noise, number).limited(stop, max_new_tokens)
            for number in numbers
        ]
        return {
            "generations": [completion.text for completion in completions],
            "statistics": {
                "input_tokens": [count_tokens(prompt)] * len(numbers),
                "output_tokens": [count_tokens(completion.text) for completion in completions],
            },
            "finish_reason": [completion.finish_reason for completion in completions],
        }  # type: ignore[typeddict-unknown-key]

    def _prompt_text(self, prompt: FormattedInput) -> str:
        if isinstance(prompt, tuple):  # with the description of a structured output, which the prompt describes too
            prompt = prompt[0]
        if isinstance(prompt, str):
            return prompt
        asked = next((str(message["content"]) for message in reversed(prompt) if message["role"] == "user"), "")
        return str(self.apply_magpie_pre_query_template(asked, prompt))
