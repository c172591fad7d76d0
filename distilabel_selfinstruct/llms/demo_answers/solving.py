"""The right answer to an instruction, where the demo model knows one."""

from __future__ import annotations

from functools import cache

from distilabel_selfinstruct.llms.demo_tasks import GRAMMAR
from distilabel_selfinstruct.seeds import PROJECT_SEEDS, load_seed_tasks


def solve(request: str) -> str | None:
    """Computed for a task of the grammar, looked up for one of the project's seed tasks; None for any other.

    Args:
        request: the instruction, with its input below it where it needs one.
    """
    request = request.strip()
    instruction, _, given = request.partition("\n\n")
    task = GRAMMAR.recognise(instruction)
    if task is None:
        return _of_seed_tasks().get(request)
    return None if task.family.draw is not None and not given else task.family.answer(task.values, given)


@cache
def _of_seed_tasks() -> dict[str, str]:
    return {
        f"{task.instruction}\n\n{instance.input}".strip(): instance.output
        for task in load_seed_tasks(PROJECT_SEEDS)
        for instance in task.instances
    }
