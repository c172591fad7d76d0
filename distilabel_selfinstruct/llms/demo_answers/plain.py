"""Instructions themselves: a task that the demo model knows, with its input below it where it needs one."""

from __future__ import annotations

from random import Random

from distilabel_selfinstruct.llms.demo_answers.completion import Completion
from distilabel_selfinstruct.llms.demo_answers.solving import solve
from distilabel_selfinstruct.llms.demo_tasks import GRAMMAR, noise

_NO_INPUT = "I'm sorry, but I can't do this without the text that it is about."


def answer(prompt: str, rng: Random, scale: float) -> Completion | None:
    """The right answer, or what models give instead now and then; None where the task is not known."""
    right = solve(prompt)
    if right is None and GRAMMAR.recognise(prompt.strip().partition("\n\n")[0]) is None:
        return None
    wrong = noise.pick(rng, noise.ANSWER_SHARES, scale)
    if wrong in noise.ANSWERS:
        return Completion(noise.ANSWERS[wrong])
    if right is None:
        return Completion(_NO_INPUT)
    if wrong == "truncated":
        return Completion(noise.cut(right, rng), "length")
    return Completion(right)


def another_answer(prompt: str, rng: Random, scale: float) -> Completion | None:
    """A further answer to an instruction: a model that is asked several times also says it worse, or wrong."""
    right = solve(prompt)
    worse = noise.pick(rng, noise.RESPONSE_SHARES, scale)
    if right is None or worse is None:
        return answer(prompt, rng, scale)
    if worse == "wordy":
        return Completion(noise.WORDY.format(right))
    return Completion(noise.incomplete(right) if worse == "incomplete" else rng.choice(noise.WRONG))
