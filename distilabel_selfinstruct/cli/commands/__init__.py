"""The commands of `self-instruct`: each is a module, with `options()`, its parser, and `run(words)`, what it does."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from types import ModuleType

from distilabel_selfinstruct.cli.parser import PROG, Parser, say
from distilabel_selfinstruct.errors import ConfigError, did_you_mean
from distilabel_selfinstruct.recipe import DEFAULT
from distilabel_selfinstruct.version import __version__

COMMANDS = {  # a module of the same name each, in the order of the help
    "run": f"run a recipe (default: {DEFAULT}); --help explains its options",
    "recipes": "list the recipes",
    "new": "copy the script of a recipe, to edit it",
    "seeds": "make a seed file out of any dataset",
    "draw": "draw the pipeline of a recipe, a script or a run",
    "check": "ask a model about 20 cheap questions before a run",
    "forecast": "say what a run will take, judged by one that is there",
    "view": "show all rows of a run in the browser, also while it goes on",
    "report": "write the report of a run, or of any dataset of instructions",
    "export": "write a dataset in the form that a trainer reads",
    "review": "instances out to annotators; quality, corrections and seeds back",
    "evaluate": "score a model on a benchmark, with intervals; compare models",
    "judge": "compare a model as judge with the annotators of a reviewed run",
    "train": "train a model on a run, or write the config with which another tool does it",
    "loop": "make data, train and evaluate in turns, from one config",
    "push": "publish a run on the Hugging Face Hub (token: HF_TOKEN)",
}


def options() -> Parser:
    """The command itself; the options of each command are those of its module."""
    parser = Parser(
        prog=PROG,
        description="Instruction data from your own model: recipes, reports, review and publishing.",
        examples=[
            f"{PROG} run --num-instructions 20",
            f"{PROG} run domain --documents me/articles --llm openai --model NAME --base-url https://.../v1",
            f"{PROG} report runs/mine",
        ],
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    for name, help_text in COMMANDS.items():
        commands.add_parser(name, help=help_text, add_help=False)
    return parser


def module_of(name: str) -> ModuleType:
    """What a command does, imported when it is asked for."""
    return importlib.import_module(f"{__name__}.{name}")


def run_command(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; the exit status. Errors: see `stopping.status_of`."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0].startswith("-"):
        options().parse_args(words[:1])  # shows the help or the version, or says what is wrong, and ends
    name = words.pop(0)
    if name not in COMMANDS:
        raise ConfigError(f"There is no command {name!r}{did_you_mean(name, COMMANDS)}; see {PROG} --help.")
    ended: int | str = module_of(name).run(words)
    if isinstance(ended, int):
        return ended
    say(ended)
    return 0
