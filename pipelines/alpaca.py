"""Stanford Alpaca: whole tasks from seed tasks, many in one completion."""

import json
import sys
from typing import TYPE_CHECKING

from distilabel_selfinstruct.cli import main
from distilabel_selfinstruct.data.files import write_whole
from distilabel_selfinstruct.recipes.alpaca.recipe import RECIPE

if TYPE_CHECKING:
    from distilabel_selfinstruct import WholePipeline
    from distilabel_selfinstruct.recipes.alpaca.config import AlpacaConfig
    from distilabel_selfinstruct.runs.run import Run


def build(run: "Run[AlpacaConfig]") -> "WholePipeline":
    """The wiring; what it takes is imported here, so that options are read without it."""
    from distilabel_selfinstruct import (
        BootstrapTasks,
        FilterInstances,
        FormatForTraining,
        LoadSeedTasks,
        SelectInstances,
        SelectInstructions,
        SelectRejected,
    )

    config = run.config
    with run.pipeline("alpaca") as pipeline:
        bootstrap = BootstrapTasks(
            name="bootstrap",
            llm=run.llm("bootstrap", temperature=config.temperature, keeps_failures=True),
            num_instructions=config.num_instructions,
            lag=config.lag,
            patience=config.patience,
            pilot_rounds=config.pilot_rounds,
            folder=str(run.folder.path),
            **config.asking,
        )
        filter_instances = FilterInstances(name="filter", preset=config.preset, seed=config.seed)

        instances = SelectInstances(name="instances", more_columns=config.instance_columns, input_batch_size=500)
        instructions = SelectInstructions(name="instructions", input_batch_size=500)
        rejected = SelectRejected(name="rejected", input_batch_size=500)
        sft = FormatForTraining(
            name="sft",
            training_format=config.training_format,
            seed=config.seed,
            keep_reasoning=config.keep_reasoning,
            input_batch_size=500,
        )
        LoadSeedTasks(name="seeds", seed_files=config.seeds)

        bootstrap >> filter_instances
        run.judged(filter_instances) >> [instances, instructions, rejected, sft]
    return pipeline


def finish(run: "Run[AlpacaConfig]") -> list[str]:
    """Writes the dataset as Alpaca's authors published theirs: an array of tasks with three fields."""
    tasks = run.training_instances().select_columns(["instruction", "input", "output"]).to_list()
    path = run.folder.path / "alpaca_data.json"
    write_whole(path, json.dumps(tasks, indent=4, ensure_ascii=False) + "\n")
    return [f"{len(tasks):,} tasks in Alpaca's own format: {path}"]


if __name__ == "__main__":
    sys.exit(main(RECIPE, build, finish))
