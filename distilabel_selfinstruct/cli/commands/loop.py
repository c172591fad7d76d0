"""`self-instruct loop`: data, training and evaluation in turns, from one config."""

from __future__ import annotations

from pathlib import Path

from distilabel_selfinstruct.cli.arguments import a_path
from distilabel_selfinstruct.cli.parser import PROG, Parser
from distilabel_selfinstruct.runs.config import read_config_file

_EXAMPLE = """\
an example of a file, Self-Rewarding with three iterations:

  model: HuggingFaceTB/SmolLM2-360M-Instruct
  iterations: 3
  runs:                       # a run that names no llm asks the model of its iteration
    - {recipe: self-instruct, num_instructions: 500, hold_out: 0.2}
    - {recipe: preferences}   # takes the instructions of the run before
  train: {epochs: 1}          # on the last run; from preferences with dpo
  serve: vllm                 # or transformers (default), or a class with its arguments
  out: loops/rewarding"""


def options() -> Parser:
    """The file, and where to."""
    parser = Parser(
        prog=f"{PROG} loop",
        description="Makes data, trains, and evaluates before and after, as often as you like. Each step is a command"
        " with a folder of its own; the same command goes on where one was stopped, or killed. A larger"
        " `iterations` adds some.",
        examples=[f"{PROG} loop --config loop.yaml", f"{PROG} loop --config loop.yaml --out loops/second"],
    )
    parser.epilog = f"{parser.epilog}\n\n{_EXAMPLE}"
    parser.add_argument("--config", required=True, metavar="FILE.yaml", help="model, runs, train, evaluate, serve")
    parser.add_argument("--out", type=a_path, metavar="FOLDER", help="folder of the loop, instead of the file's")
    return parser


def run(words: list[str]) -> str:
    """Carries it out; what there is then."""
    given = options().parse_args(words)

    from distilabel_selfinstruct.cli.iterations.config import read_iterations
    from distilabel_selfinstruct.cli.iterations.running import run_iterations

    values = read_config_file(given.config)
    config = read_iterations(values | ({"out": str(given.out)} if given.out else {}), Path(given.config).name)
    folder = run_iterations(config)
    last = folder.path / f"iteration-{config.iterations}" / "model"
    return f"models side by side: {folder.page}\nmodel: {last / 'model'}\ncard: {last / 'README.md'}"
