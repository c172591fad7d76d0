"""Evol-Instruct (WizardLM, arXiv 2304.12244): more demanding instructions from those that are there, and answers.

The result holds the evolutions of all generations that survived; the originals are only compared with, and not answered
again.
"""

import sys
from typing import TYPE_CHECKING

from distilabel_selfinstruct.cli import main
from distilabel_selfinstruct.recipes.evolve.recipe import RECIPE

if TYPE_CHECKING:
    from distilabel_selfinstruct import WholePipeline
    from distilabel_selfinstruct.recipes.evolve.config import EvolveConfig
    from distilabel_selfinstruct.runs.run import Run


def build(run: "Run[EvolveConfig]") -> "WholePipeline":
    """The wiring; what it takes is imported here, so that options are read without it."""
    from distilabel_selfinstruct import (
        AnswerEvolutions,
        EvolveInstructions,
        FormatForTraining,
        JudgeEvolutions,
        LoadInstructions,
        RougeDedup,
        SelectInstances,
        SelectInstructions,
        SelectRejected,
    )
    from distilabel_selfinstruct.recipes.evolve.steps import COLUMNS, STAGE

    config = run.config
    with run.pipeline("evolve") as pipeline:
        last = LoadInstructions(
            name="originals",
            source=config.source,
            instruction_column=config.instruction_column,
            config=config.subset,
            split=config.split,
            max_instructions=config.max_instructions,
            stage=STAGE,
        )
        for generation in range(1, config.generations + 1):
            evolve = EvolveInstructions(
                name=f"evolve_{generation}",
                llm=run.llm(f"evolution_{generation}", temperature=config.temperature),
                generation=generation,
                seed=config.seed,
            )
            judge = JudgeEvolutions(
                name=f"judge_{generation}", llm=run.llm(f"judgement_{generation}"), generation=generation
            )
            last >> evolve >> judge
            last = judge
        dedup = RougeDedup(name="dedup", threshold=config.similarity_threshold, references=config.originals)
        answers = AnswerEvolutions(name="answers", llm=run.llm("answers"))

        instances = SelectInstances(
            name="instances", more_columns=[*COLUMNS, *config.instance_columns], input_batch_size=500
        )
        instructions = SelectInstructions(
            name="instructions", stages=["evolution", "dedup"], more_columns=COLUMNS, input_batch_size=500
        )
        rejected = SelectRejected(name="rejected", more_columns=COLUMNS, input_batch_size=500)
        sft = FormatForTraining(
            name="sft",
            training_format=config.training_format,
            seed=config.seed,
            keep_reasoning=config.keep_reasoning,
            input_batch_size=500,
        )

        last >> dedup
        run.kept_clear(dedup) >> answers
        run.judged(answers) >> [instances, instructions, rejected, sft]
    return pipeline


if __name__ == "__main__":
    sys.exit(main(RECIPE, build))
