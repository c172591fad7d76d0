"""Models for tests of single steps: they say what a test tells them to."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

from distilabel.models.llms.base import LLM, AsyncLLM
from distilabel.typing import FormattedInput, GenerateOutput
from pydantic import PrivateAttr

from distilabel_selfinstruct.data.seeds import SeedTask
from distilabel_selfinstruct.text.reading.answers import Instance

Answering = Callable[[str], "str | Exception | None"]

TEXTS = [
    "Name the capital of Peru and one river near it.",
    "Translate the sentence into formal German.",
    "Explain why leaves turn red in autumn.",
    "Suggest three names for a bakery by the sea.",
    "Convert 12 miles into kilometres, rounded to one decimal.",
    "Summarise what happens to Hamlet's father.",
    "Tell me whether this review is positive or negative.",
    "List all prime numbers between 20 and 50.",
    "Refuse a dinner invitation politely but firmly.",
    "Correct every spelling mistake you find below.",
    "How long does light travel from the sun to us?",
    "Turn these notes into a short weekly report.",
    "Give two arguments against remote work.",
    "Which of the animals mentioned can fly?",
    "Sort the following words by their length.",
    "Invent a riddle whose answer is a candle.",
]
"""Instructions no two of which are similar."""


def seed(number: int, instruction: str, is_classification: bool = False) -> SeedTask:
    return SeedTask(f"seed_task_{number}", instruction, (Instance("", "An answer."),), is_classification)


def text_of(prompt: FormattedInput) -> str:
    """What the prompt says, in whatever wording."""
    if isinstance(prompt, tuple):
        prompt = prompt[0]
    return prompt if isinstance(prompt, str) else str(prompt[0]["content"])


class ScriptedLLM(LLM):
    """Says what a function of the prompt's text returns; records what it was asked, and with what parameters."""

    _answer: Any = PrivateAttr(None)
    _asked: list[Any] = PrivateAttr(default_factory=list)
    _parameters: list[dict[str, Any]] = PrivateAttr(default_factory=list)

    @property
    def model_name(self) -> str:
        return "scripted"

    def answering(self, answer: Answering | str) -> ScriptedLLM:
        self._answer = answer if callable(answer) else lambda text: answer
        return self

    def generate(  # type: ignore[override]
        self, inputs: list[FormattedInput], num_generations: int = 1, temperature: float = 1.0, top_p: float = 1.0,
        max_new_tokens: int = 16, stop: list[str] | None = None,
    ) -> list[GenerateOutput]:  # fmt: skip
        self._asked += inputs
        self._parameters.append(
            {"temperature": temperature, "top_p": top_p, "max_new_tokens": max_new_tokens, "stop": stop}
        )
        outputs: list[Any] = []
        for prompt in inputs:
            answer = self._answer(text_of(prompt))
            if isinstance(answer, Exception):
                raise answer
            tokens = {"input_tokens": [7], "output_tokens": [3]}
            outputs.append({"generations": [answer], "statistics": tokens, "finish_reason": ["stop"]})
        return outputs


class UnevenLLM(AsyncLLM):
    """Answers as another model, each time after another while."""

    inner: LLM
    longest: float = 0.0

    @property
    def model_name(self) -> str:
        return self.inner.model_name

    async def agenerate(  # type: ignore[override]
        self, input: FormattedInput, num_generations: int = 1, max_new_tokens: int = 1024
    ) -> GenerateOutput:
        if self.longest:
            await asyncio.sleep(random.random() * self.longest)
        output: Any = self.inner.generate([input], num_generations, max_new_tokens=max_new_tokens)[0]  # type: ignore[call-arg]
        return output
