"""The tasks that the demo model knows: families of instructions whose outputs are computed."""

from __future__ import annotations

from distilabel_selfinstruct.demo.tasks import dates, formats, knowledge, labels, numbers, topics, words
from distilabel_selfinstruct.demo.tasks.grammar import Family, Grammar, Task

_MODULES = (numbers, words, dates, knowledge, formats, labels)
GRAMMAR = Grammar((family for module in _MODULES for family in module.FAMILIES), topics.LEADS)

__all__ = ["GRAMMAR", "Family", "Grammar", "Task"]
