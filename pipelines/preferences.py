"""Preference pairs (Self-Rewarding Language Models, arXiv 2401.10020): the model answers, and judges its answers.

The next iteration starts from the model that was trained on the pairs of the last one (DPO):
--llm vllm --model FOLDER-OF-THE-TRAINED-MODEL --source runs/mine --out runs/second
"""

import sys
from typing import TYPE_CHECKING

from distilabel_selfinstruct.cli import main
from distilabel_selfinstruct.recipes.preferences.recipe import RECIPE

if TYPE_CHECKING:
    from distilabel_selfinstruct import WholePipeline
    from distilabel_selfinstruct.recipes.preferences.config import PreferencesConfig
    from distilabel_selfinstruct.runs.run import Run


def build(run: "Run[PreferencesConfig]") -> "WholePipeline":
    """The wiring; what it takes is imported here, so that options are read without it."""
    from distilabel_selfinstruct import (
        FormatForTraining,
        GenerateResponses,
        LoadInstructions,
        PairResponses,
        SelectInstances,
        SelectInstructions,
        SelectPreferences,
        SelectRejected,
    )
    from distilabel_selfinstruct.recipes.preferences.steps import RESPONSES_STAGE

    config = run.config
    with run.pipeline("preferences") as pipeline:
        load = LoadInstructions(
            name="load",
            source=config.source,
            instruction_column=config.instruction_column,
            config=config.subset,
            split=config.split,
            max_instructions=config.max_instructions,
            stage=RESPONSES_STAGE,
        )
        responses = GenerateResponses(
            name="responses",
            llm=run.llm("responses", temperature=config.temperature),
            num_generations=config.num_responses,
        )
        judge = run.judge(threshold=None)
        pairs = PairResponses(name="pairs", input_batch_size=50 * config.num_responses)

        instances = SelectInstances(
            name="instances", more_columns=[*config.instance_columns, "is_chosen"], input_batch_size=500
        )
        instructions = SelectInstructions(name="instructions", stages=[], input_batch_size=500)
        rejected = SelectRejected(name="rejected", more_columns=config.judge_columns, input_batch_size=500)
        preferences = SelectPreferences(name="preferences", input_batch_size=500)
        sft = FormatForTraining(
            name="sft",
            training_format=config.training_format,
            flag="is_chosen",
            seed=config.seed,
            keep_reasoning=config.keep_reasoning,
            input_batch_size=500,
        )

        load >> responses
        run.filtered(responses) >> judge >> pairs >> [instances, instructions, rejected, preferences, sft]
    return pipeline


if __name__ == "__main__":
    sys.exit(main(RECIPE, build))
