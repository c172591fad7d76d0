"""airoboros: topics that the model names, instructions of several kinds about them, and their answers."""

import sys
from typing import TYPE_CHECKING, Any

from distilabel_selfinstruct.cli import main
from distilabel_selfinstruct.recipes.topics.recipe import RECIPE

if TYPE_CHECKING:
    from distilabel_selfinstruct import WholePipeline
    from distilabel_selfinstruct.recipes.topics.config import TopicsConfig
    from distilabel_selfinstruct.runs.run import Run

OWN_COLUMNS = ["topic", "kind"]


def build(run: "Run[TopicsConfig]") -> "WholePipeline":
    """The wiring; what it takes is imported here, so that options are read without it."""
    from distilabel_selfinstruct import (
        AnswerInstructions,
        FormatForTraining,
        GenerateTopics,
        InstructByTopic,
        SelectInstances,
        SelectInstructions,
        SelectRejected,
        SelectTopics,
    )

    config = run.config
    asking: dict[str, Any] = {
        "preset": config.preset,
        "lag": config.lag,
        "patience": config.patience,
        "folder": str(run.folder.path),
    }
    with run.pipeline("topics") as pipeline:
        topics = GenerateTopics(
            name="name_topics",
            llm=run.llm("topics", temperature=config.temperature, keeps_failures=True),
            num_topics=config.num_topics,
            seed=config.seed,
            **asking,
        )
        instruct = InstructByTopic(
            name="instruct",
            llm=run.llm("instructions", temperature=config.temperature, keeps_failures=True),
            quotas=config.quotas,
            **run.owed("answers"),
            pilot_rounds=config.pilot_rounds,
            **asking,
        )
        answers = AnswerInstructions(
            name="answers", llm=run.llm("answers"), input_batch_size=run.batch_size(config.wanted)
        )

        of_topics = SelectTopics(name="topics", input_batch_size=500)
        instances = SelectInstances(
            name="instances", more_columns=[*OWN_COLUMNS, *config.instance_columns], input_batch_size=500
        )
        instructions = SelectInstructions(
            name="instructions", stages=["topics", "instructions"], more_columns=OWN_COLUMNS, input_batch_size=500
        )
        rejected = SelectRejected(name="rejected", more_columns=OWN_COLUMNS, input_batch_size=500)
        sft = FormatForTraining(
            name="sft",
            training_format=config.training_format,
            seed=config.seed,
            keep_reasoning=config.keep_reasoning,
            input_batch_size=500,
        )

        topics >> [instruct, of_topics]
        instruct >> answers
        run.judged(answers) >> [instances, instructions, rejected, sft]
    return pipeline


if __name__ == "__main__":
    sys.exit(main(RECIPE, build))
