"""Instructions themselves: a task that the demo model knows, with its input below it where it needs one."""

from __future__ import annotations

from random import Random

from distilabel_selfinstruct.llms.demo_answers.completion import Completion
from distilabel_selfinstruct.llms.demo_tasks import GRAMMAR, noise

_NO_INPUT = "I'm sorry, but I can't do this without the text that it is about."


def answer(prompt: str, rng: Random, scale: float) -> Completion | None:
    """The right answer, or what models give instead now and then; None where the task is not known."""
    instruction, _, given = prompt.strip().partition("\n\n")
    task = GRAMMAR.recognise(instruction)
    if task is None:
        return None
    wrong = noise.pick(rng, noise.ANSWER_SHARES, scale)
    if wrong in noise.ANSWERS:
        return Completion(noise.ANSWERS[wrong])
    if task.family.draw is not None and not given:
        return Completion(_NO_INPUT)
    output = task.family.answer(task.values, given)
    if wrong == "truncated":
        return Completion(noise.cut(output, rng), "length")
    return Completion(output)
