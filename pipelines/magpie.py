"""Magpie (arXiv 2406.08464): a chat model writes instructions from the beginning of a user's turn, and answers them.

Needs an aligned model that takes raw text: vLLM in this process, or an endpoint with /v1/completions such as vLLM's
server: --llm vllm --model Qwen/Qwen2.5-7B-Instruct --pre-query-template qwen2
"""

import sys
from typing import Literal

from distilabel_selfinstruct import (
    AnswerInstructions,
    FormatForTraining,
    MagpieInstructions,
    SelectInstances,
    SelectInstructions,
    SelectRejected,
    WholePipeline,
)
from distilabel_selfinstruct.cli import main
from distilabel_selfinstruct.config import MODEL, LoopConfig, option
from distilabel_selfinstruct.run import Run, make_model
from distilabel_selfinstruct.steps.magpie import PRE_QUERY_TEMPLATES, with_template


class MagpieConfig(LoopConfig):
    """What a run of this recipe is told."""

    wording: Literal["chat"] = option("chat", "how the model is asked", None, MODEL)
    num_instructions: int = option(100, "instructions to admit (default: 100)", "N", fixed=False, gt=0)
    pre_query_template: str | None = option(None, PRE_QUERY_TEMPLATES, "TEXT", MODEL)

    @property
    def wanted(self) -> int:
        """How many instructions are asked for."""
        return self.num_instructions

    @property
    def template(self) -> str | None:
        """The pre-query template; for the demo model one of those that it knows."""
        return "qwen2" if self.llm == "demo" and self.pre_query_template is None else self.pre_query_template

    def check(self) -> None:
        """Raises ConfigError for values that do not go together."""
        super().check()
        with_template(make_model(self), self.template)


def build(run: Run[MagpieConfig]) -> WholePipeline:
    config = run.config
    with run.pipeline("magpie") as pipeline:
        magpie = MagpieInstructions(
            name="magpie",
            llm=run.llm("magpie", temperature=config.temperature, keeps_failures=True),
            pre_query_template=config.template,
            num_instructions=config.num_instructions,
            preset=config.preset,
            lag=config.lag,
            patience=config.patience,
            pilot_rounds=config.pilot_rounds,
            folder=str(run.folder),
        )
        answers = AnswerInstructions(
            name="answers", llm=run.llm("answers"), input_batch_size=run.batch_size(config.num_instructions)
        )

        instances = SelectInstances(name="instances", more_columns=config.judge_columns, input_batch_size=500)
        instructions = SelectInstructions(name="instructions", stages=["magpie"], input_batch_size=500)
        rejected = SelectRejected(name="rejected", input_batch_size=500)
        sft = FormatForTraining(
            name="sft", training_format=config.training_format, seed=config.seed, input_batch_size=500
        )

        magpie >> answers
        run.judged(answers) >> [instances, instructions, rejected, sft]
    return pipeline


if __name__ == "__main__":
    sys.exit(main(build, __doc__, "magpie", MagpieConfig))
