"""Instructions themselves: a task that the demo model knows, with its input below it where it needs one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from random import Random

from distilabel_selfinstruct.data.seeds import load_seed_tasks
from distilabel_selfinstruct.data.shipped import PROJECT_SEEDS
from distilabel_selfinstruct.demo.completion import Completion
from distilabel_selfinstruct.demo.tasks import GRAMMAR, noise

_NO_INPUT = "I'm sorry, but I can't do this without the text that it is about."


def answer(prompt: str, rng: Random, scale: float) -> Completion | None:
    """The right answer, or what models give instead now and then; None where the task is not known."""
    right = solve(prompt)
    if right is None and GRAMMAR.recognise(prompt.strip().partition("\n\n")[0]) is None:
        return None
    return spoken(right or _NO_INPUT, rng, scale)


def another_answer(prompt: str, rng: Random, scale: float) -> Completion | None:
    """A further answer to an instruction: a model that is asked several times says it differently, worse, or wrong."""
    right, kind = solve(prompt), noise.pick(rng, noise.RESPONSE_SHARES, scale)
    if right is None or kind is None:
        return answer(prompt, rng, scale)
    said = {
        "labelled": noise.LABELLED.format(right),
        "wordy": noise.WORDY.format(right),
        "incomplete": noise.incomplete(right),
        "wrong": rng.choice(noise.WRONG),
    }
    return Completion(said[kind])


def request(rng: Random) -> str:
    """What a user might ask: a task that it knows, with the input that it needs."""
    instruction = GRAMMAR.propose(rng)
    task = GRAMMAR.recognise(instruction)
    assert task is not None
    given = next((instance.input for instance in task.instances(rng, 1)), "")
    return f"{instruction}\n\n{given}".strip()


def solve(prompt: str) -> str | None:
    """The right answer: computed, or that of one of the project's seed tasks; None where it is not known."""
    instruction, _, given = prompt.strip().partition("\n\n")
    task = GRAMMAR.recognise(instruction)
    if task is None:
        return _of_seed_tasks().get(prompt.strip())
    if task.family.draw is not None and not given:
        return None
    try:
        return task.family.answer(task.values, given)
    except (ValueError, LookupError):  # what stands below is no input of this task
        return None


@cache
def _of_seed_tasks() -> dict[str, str]:
    return {
        f"{task.instruction}\n\n{instance.input}".strip(): instance.output
        for task in load_seed_tasks(PROJECT_SEEDS)
        for instance in task.instances
    }


def spoken(solution: str, rng: Random, scale: float, shares: Mapping[str, float] = noise.ANSWER_SHARES) -> Completion:
    """An answer as a model gives it: right, or one of the mistakes of which these are the shares."""
    wrong = noise.pick(rng, shares, scale)
    if wrong in noise.ANSWERS:
        return Completion(noise.ANSWERS[wrong])
    return Completion(noise.cut(solution, rng), "length") if wrong == "truncated" else Completion(solution)
