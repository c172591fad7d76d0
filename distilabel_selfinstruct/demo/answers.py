"""What the demo model answers: the questions of the judge and of the recipes, and instructions themselves."""

from __future__ import annotations

from random import Random

from distilabel_selfinstruct.demo import checks, judging, plain
from distilabel_selfinstruct.demo.completion import Completion
from distilabel_selfinstruct.demo.lookup import recipe_modules

OTHER_PROMPT = "I'm sorry, but I can't help with that: a demo model only answers what the recipes ask it."


def answer(prompt: str, rng: Random, scale: float, number: int = 0) -> Completion:
    """The answer to a prompt, with `scale` times the usual share of mistakes.

    Args:
        prompt: what is asked.
        rng: for all draws.
        scale: a factor on the shares of mistakes.
        number: of the answer to this prompt, from 0.
    """
    own = (module.answer for module in recipe_modules())
    for answerer in (checks.answer, judging.answer, *own, plain.another_answer if number else plain.answer):
        if (completion := answerer(prompt, rng, scale)) is not None:
            return completion
    return Completion(OTHER_PROMPT)
