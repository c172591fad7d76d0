"""Instructions themselves: a task that the demo model knows, with its input below it where it needs one."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from distilabel_selfinstruct.llms.demo_answers.completion import Completion
from distilabel_selfinstruct.llms.demo_tasks import GRAMMAR, noise

_NO_INPUT = "I'm sorry, but I can't do this without the text that it is about."


def answer(prompt: str, rng: Random, scale: float) -> Completion | None:
    """The right answer, or what models give instead now and then; None where the task is not known."""
    if GRAMMAR.recognise(prompt.strip().partition("\n\n")[0]) is None:
        return None
    return spoken(solve(prompt) or _NO_INPUT, rng, scale)


def solve(prompt: str) -> str | None:
    """The right answer; None where the task is not known, or an input is missing."""
    instruction, _, given = prompt.strip().partition("\n\n")
    task = GRAMMAR.recognise(instruction)
    if task is None or (task.family.draw is not None and not given):
        return None
    return task.family.answer(task.values, given)


def spoken(solution: str, rng: Random, scale: float, shares: Mapping[str, float] = noise.ANSWER_SHARES) -> Completion:
    """An answer as a model gives it: right, or one of the mistakes of which these are the shares."""
    wrong = noise.pick(rng, shares, scale)
    if wrong in noise.ANSWERS:
        return Completion(noise.ANSWERS[wrong])
    return Completion(noise.cut(solution, rng), "length") if wrong == "truncated" else Completion(solution)
