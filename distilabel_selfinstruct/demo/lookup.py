"""What recipes tell the demo model: the modules that they name in their declarations."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from types import ModuleType

from distilabel_selfinstruct.recipe import recipes


@cache
def recipe_modules() -> tuple[ModuleType, ...]:
    """The module of each recipe with questions of its own.

    It has a function `answer`, which takes a prompt's text, a random generator and a factor on the shares of mistakes,
    and returns None where the prompt asks something else. It may have a function `right_answer`, which takes an
    instruction and the passage shown with it, if any, and returns None where it does not know.
    """
    return tuple(import_module(recipe.demo) for recipe in recipes().values() if recipe.demo)
