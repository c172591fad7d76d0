"""What the demo model can be asked: each recipe has a module with a function that answers its questions.

Such a function takes the prompt's text, a random generator and a factor on the shares of mistakes, and returns None
where the prompt asks something else.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from random import Random

from distilabel_selfinstruct.demo import judging, plain
from distilabel_selfinstruct.demo.completion import Completion
from distilabel_selfinstruct.recipe import recipes

OTHER_PROMPT = "I'm sorry, but I can't help with that: a demo model only answers what the recipes ask it."

Answerer = Callable[[str, Random, float], "Completion | None"]


@cache
def _answerers() -> tuple[Answerer, ...]:
    """The judge's, and those of the recipes that have questions of their own."""
    own = (import_module(recipe.demo).answer for recipe in recipes().values() if recipe.demo)
    return (judging.answer, *own)


def answer(prompt: str, rng: Random, scale: float, number: int = 0) -> Completion:
    """The answer to a prompt, with `scale` times the usual share of mistakes.

    Args:
        prompt: what is asked.
        rng: for all draws.
        scale: a factor on the shares of mistakes.
        number: of the answer to this prompt, from 0.
    """
    for answerer in (*_answerers(), plain.another_answer if number else plain.answer):
        if (completion := answerer(prompt, rng, scale)) is not None:
            return completion
    return Completion(OTHER_PROMPT)
