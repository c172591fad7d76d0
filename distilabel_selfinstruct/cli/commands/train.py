"""`self-instruct train`: a model learns from what a run has made."""

from __future__ import annotations

import sys

from distilabel_selfinstruct.cli.options import add_options, config_of
from distilabel_selfinstruct.cli.parser import PROG, Parser, say
from distilabel_selfinstruct.data.files import local_path
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.secrets import shown
from distilabel_selfinstruct.training.config import TrainConfig


def options() -> Parser:
    """What it learns from, and the options of a training."""
    parser = Parser(
        prog=f"{PROG} train",
        description="Trains a model on a run (pip install 'distilabel-selfinstruct[train]'), with the numbers of the"
        " papers where you give none. The same command goes on where one was killed.",
        examples=[
            f"{PROG} train runs/mine --model HuggingFaceTB/SmolLM2-360M --out models/mine",
            f"{PROG} train runs/pairs --model models/mine --method dpo",
            f"{PROG} train runs/mine --model HuggingFaceTB/SmolLM2-360M --write axolotl",
        ],
    )
    parser.add_argument("run", metavar="RUN", help="run folder, file or dataset that it learns from")
    add_options(parser, TrainConfig)
    return parser


def run(words: list[str]) -> str:
    """Trains, or writes the config of another tool; what there is then."""
    given = vars(options().parse_args(words))
    source = _source(given.pop("run"))
    config = config_of(given, TrainConfig)

    from distilabel_selfinstruct.training import train, write_config
    from distilabel_selfinstruct.training.training import folder_of

    if config.write is not None:
        return write_config(source, config)
    if config.push_to_hub:
        from distilabel_selfinstruct.hub import check_push

        check_push(config.push_to_hub)
    summary = train(source, config, say=lambda text: print(shown(text), file=sys.stderr, flush=True))
    folder = folder_of(source, config)
    say(
        f"{summary.rows:,} rows, {summary.steps:,} steps, {summary.epochs:g} epochs on {summary.device} in"
        f" {summary.precision}; loss {summary.first_loss:.3f}, at the end {summary.loss:.3f}",
        f"model: {folder.path / 'model'}",
        f"card: {folder.card}",
    )
    if config.push_to_hub:
        from distilabel_selfinstruct.hub import push_model

        return "pushed: " + push_model(folder.path, config.push_to_hub, private=config.private)
    return f"next: {PROG} run --llm vllm --model {folder.model}"


def _source(given: str) -> str:
    try:
        return local_path(given)
    except ValueError as error:
        raise ConfigError(f"{given}: {error}.") from None
