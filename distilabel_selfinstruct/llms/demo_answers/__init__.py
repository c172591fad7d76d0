"""What the demo model can be asked: a module a kind of question, each with a function that answers it.

Such a function takes the prompt's text, a random generator and a factor on the shares of mistakes, and returns None
where the prompt asks something else.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from distilabel_selfinstruct.llms.demo_answers import (
    alpaca,
    documents,
    evolution,
    judging,
    magpie,
    plain,
    self_instruct,
    topics,
)
from distilabel_selfinstruct.llms.demo_answers.completion import Completion

OTHER_PROMPT = "I'm sorry, but I can't help with that: a demo model only answers what the recipes ask it."

Answerer = Callable[[str, Random, float], "Completion | None"]
_ANSWERERS: tuple[Answerer, ...] = (
    judging.answer, documents.answer, evolution.answer, alpaca.answer, topics.answer, self_instruct.answer,
    magpie.answer,
)  # fmt: skip


def answer(prompt: str, rng: Random, scale: float, number: int = 0) -> Completion:
    """The answer to a prompt, with `scale` times the usual share of mistakes.

    Args:
        prompt: what is asked.
        rng: for all draws.
        scale: a factor on the shares of mistakes.
        number: of the answer to this prompt, from 0.
    """
    for answerer in (*_ANSWERERS, plain.another_answer if number else plain.answer):
        if (completion := answerer(prompt, rng, scale)) is not None:
            return completion
    return Completion(OTHER_PROMPT)
