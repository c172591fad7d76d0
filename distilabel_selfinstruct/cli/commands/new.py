"""`self-instruct new`: a recipe's script, to edit it."""

from __future__ import annotations

import shutil
from pathlib import Path

from distilabel_selfinstruct.cli.parser import PROG, Parser
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.recipe import DEFAULT, get_recipe


def options() -> Parser:
    """What is copied, and where to."""
    parser = Parser(
        prog=f"{PROG} new",
        description="Copies the script of a recipe, to edit it.",
        examples=[f"{PROG} new mine --from domain"],
    )
    parser.add_argument("name", metavar="NAME", help="of the new script: NAME.py in this folder")
    parser.add_argument("--from", dest="recipe", default=DEFAULT, metavar="RECIPE", help=f"default: {DEFAULT}")
    return parser


def run(words: list[str]) -> str:
    """Copies it; what to do next."""
    given = options().parse_args(words)
    source, target = get_recipe(given.recipe).script_path(), Path(f"{given.name.removesuffix('.py')}.py")
    if target.exists():
        raise ConfigError(f"{target}: is there already; choose another name.")
    shutil.copyfile(source, target)
    return f"{target}: the script of {given.recipe}. Edit it, then: {PROG} run {target}"
