"""A model that answers at once: what is left is the pipeline's own cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distilabel.models.llms.base import LLM

from benchmarks.answers import answer_to

if TYPE_CHECKING:
    from distilabel.typing import FormattedInput, GenerateOutput


class InstantLLM(LLM):
    """Answers from a seeded generator."""

    @property
    def model_name(self) -> str:
        return "instant"

    def generate(
        self, inputs: list[FormattedInput], num_generations: int = 1, max_new_tokens: int = 1024
    ) -> list[GenerateOutput]:
        outputs: list[GenerateOutput] = []
        for chat in inputs:
            prompt = chat[-1]["content"]  # type: ignore[index]
            completion = answer_to(prompt)
            outputs.append(
                {
                    "generations": [completion],
                    "statistics": {"input_tokens": [len(prompt) // 4], "output_tokens": [len(completion) // 4]},
                    "finish_reason": ["stop"],
                }
            )  # type: ignore[typeddict-unknown-key]
        return outputs
