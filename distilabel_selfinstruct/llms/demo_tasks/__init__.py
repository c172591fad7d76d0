"""The tasks that the demo model knows: families of instructions whose outputs are computed."""

from __future__ import annotations

from distilabel_selfinstruct.llms.demo_tasks import labels, numbers
from distilabel_selfinstruct.llms.demo_tasks.grammar import Family, Grammar, Task

GRAMMAR = Grammar((*numbers.FAMILIES, *labels.FAMILIES))

__all__ = ["GRAMMAR", "Family", "Grammar", "Task"]
