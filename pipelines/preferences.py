"""Preference pairs (Self-Rewarding Language Models, arXiv 2401.10020): the model answers, and judges its answers.

The next iteration starts from the model that was trained on the pairs of the last one (DPO):
--llm vllm --model FOLDER-OF-THE-TRAINED-MODEL --source runs/mine --out runs/second
"""

import sys
from typing import Literal

from distilabel_selfinstruct import (
    FormatForTraining,
    GenerateResponses,
    LoadInstructions,
    PairResponses,
    SelectInstances,
    SelectInstructions,
    SelectPreferences,
    SelectRejected,
    WholePipeline,
)
from distilabel_selfinstruct.cli import main
from distilabel_selfinstruct.config import MODEL, SourceConfig, option
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.run import Run
from distilabel_selfinstruct.steps.preferences import RESPONSES, RESPONSES_STAGE, TEMPERATURE


class PreferencesConfig(SourceConfig):
    """What a run that makes preference pairs is told."""

    wording: Literal["chat"] = option("chat", "how the model is asked", None, MODEL)
    temperature: float | None = option(
        TEMPERATURE, f"of the responses (default: {TEMPERATURE}, as in the paper)", "T", MODEL, ge=0
    )
    num_responses: int = option(
        RESPONSES, f"responses to each instruction (default: {RESPONSES}, as in the paper)", "N", gt=1
    )

    @property
    def judges(self) -> bool:
        """Always: the scores make the pairs."""
        return True

    def check(self) -> None:
        """Raises ConfigError for values that do not go together."""
        super().check()
        if self.judge_threshold is not None:
            raise ConfigError("--judge-threshold: a pair needs its worse response; leave it out.")


def build(run: Run[PreferencesConfig]) -> WholePipeline:
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
            name="instances", more_columns=[*config.judge_columns, "is_chosen"], input_batch_size=500
        )
        instructions = SelectInstructions(name="instructions", stages=[], input_batch_size=500)
        rejected = SelectRejected(name="rejected", more_columns=config.judge_columns, input_batch_size=500)
        preferences = SelectPreferences(name="preferences", input_batch_size=500)
        sft = FormatForTraining(
            name="sft", training_format=config.training_format, flag="is_chosen", seed=config.seed,
            input_batch_size=500,
        )  # fmt: skip

        load >> responses >> judge >> pairs >> [instances, instructions, rejected, preferences, sft]
    return pipeline


if __name__ == "__main__":
    sys.exit(main(build, __doc__, "preferences", PreferencesConfig))
