"""airoboros: topics that the model names, instructions of several kinds about them, and their answers."""

import sys
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, PositiveInt

from distilabel_selfinstruct import (
    AnswerInstructions,
    FormatForTraining,
    GenerateTopics,
    InstructByTopic,
    SelectInstances,
    SelectInstructions,
    SelectRejected,
    SelectTopics,
    WholePipeline,
)
from distilabel_selfinstruct.cli import main
from distilabel_selfinstruct.config import MODEL, LoopConfig, numbers_by_name, option
from distilabel_selfinstruct.prompts import KINDS, Kind
from distilabel_selfinstruct.run import Run
from distilabel_selfinstruct.steps.topics import DEFAULT_QUOTAS

OWN_COLUMNS = ["topic", "kind"]


class TopicsConfig(LoopConfig):
    """What a run of this recipe is told."""

    wording: Literal["chat"] = option("chat", "how the model is asked", None, MODEL)
    num_topics: int = option(30, "topics to admit (default: 30)", "N", gt=0)
    quotas: Annotated[dict[Kind, PositiveInt], BeforeValidator(numbers_by_name)] = option(
        DEFAULT_QUOTAS, f"instructions of each kind to admit, of {', '.join(KINDS)} (default: 100 of all)",
        "KIND=N,...", min_length=1,
    )  # fmt: skip

    @property
    def wanted(self) -> int:
        """How many instructions are asked for."""
        return sum(self.quotas.values())


def build(run: Run[TopicsConfig]) -> WholePipeline:
    config = run.config
    asking: dict[str, Any] = {
        "preset": config.preset, "lag": config.lag, "patience": config.patience, "folder": str(run.folder)
    }  # fmt: skip
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
            name="instances", more_columns=[*OWN_COLUMNS, *config.judge_columns], input_batch_size=500
        )
        instructions = SelectInstructions(
            name="instructions", stages=["topics", "instructions"], more_columns=OWN_COLUMNS, input_batch_size=500
        )
        rejected = SelectRejected(name="rejected", more_columns=OWN_COLUMNS, input_batch_size=500)
        sft = FormatForTraining(
            name="sft", training_format=config.training_format, seed=config.seed, input_batch_size=500
        )

        topics >> [instruct, of_topics]
        instruct >> answers
        run.judged(answers) >> [instances, instructions, rejected, sft]
    return pipeline


if __name__ == "__main__":
    sys.exit(main(build, __doc__, "topics", TopicsConfig))
