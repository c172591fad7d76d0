"""`self-instruct recipes`: what there is to run."""

from __future__ import annotations

from distilabel_selfinstruct.cli.parser import PROG, Parser
from distilabel_selfinstruct.recipe import recipes


def options() -> Parser:
    """No options."""
    return Parser(prog=f"{PROG} recipes", description="Lists the recipes.", examples=[f"{PROG} recipes"])


def run(words: list[str]) -> str:
    """A recipe in two lines each."""
    options().parse_args(words)
    return "\n".join(f"{each.name}: {each.title}, {each.url}\n    {each.makes}" for each in recipes().values())
