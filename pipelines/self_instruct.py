"""Self-Instruct (arXiv 2212.10560): from seed tasks to an instruction dataset."""

import sys
from typing import TYPE_CHECKING

from distilabel_selfinstruct.cli import main
from distilabel_selfinstruct.recipes.self_instruct.recipe import RECIPE

if TYPE_CHECKING:
    from distilabel_selfinstruct import WholePipeline
    from distilabel_selfinstruct.recipes.self_instruct.config import SelfInstructConfig
    from distilabel_selfinstruct.runs.run import Run


def build(run: "Run[SelfInstructConfig]") -> "WholePipeline":
    """The wiring; what it takes is imported here, so that options are read without it."""
    from distilabel_selfinstruct import (
        BootstrapInstructions,
        FilterInstances,
        FormatForTraining,
        IdentifyClassification,
        InputFirstInstances,
        LoadSeedTasks,
        OutputFirstInstances,
        SelectInstances,
        SelectInstructions,
        SelectRejected,
    )

    config = run.config
    asking = config.asking | {"input_batch_size": run.batch_size(config.num_instructions)}
    with run.pipeline("self-instruct") as pipeline:
        bootstrap = BootstrapInstructions(
            name="bootstrap",
            llm=run.llm("bootstrap", temperature=config.temperature, keeps_failures=True),
            num_instructions=config.num_instructions,
            lag=config.lag,
            patience=config.patience,
            pilot_rounds=config.pilot_rounds,
            folder=str(run.folder.path),
            **config.asking,
        )
        if not config.skip_classification:
            identify = IdentifyClassification(
                name="identify", llm=run.llm("classification"), together=config.ask_together, **asking
            )
            output_first = OutputFirstInstances(name="output_first", llm=run.llm("output_first"), **asking)
        input_first = InputFirstInstances(name="input_first", llm=run.llm("input_first"), **asking)
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

        leaves = [instances, instructions, rejected, sft]
        if config.skip_classification:
            bootstrap >> input_first
        else:
            bootstrap >> identify >> output_first >> input_first
        input_first >> filter_instances
        run.judged(filter_instances) >> leaves
    return pipeline


if __name__ == "__main__":
    sys.exit(main(RECIPE, build))
