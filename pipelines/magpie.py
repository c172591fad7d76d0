"""Magpie (arXiv 2406.08464): a chat model writes instructions from the beginning of a user's turn, and answers them.

Needs an aligned model that takes raw text: vLLM in this process, or an endpoint with /v1/completions such as vLLM's
server: --llm vllm --model Qwen/Qwen2.5-7B-Instruct --pre-query-template qwen2
"""

import sys
from typing import TYPE_CHECKING

from distilabel_selfinstruct.cli import main
from distilabel_selfinstruct.recipes.magpie.recipe import RECIPE

if TYPE_CHECKING:
    from distilabel_selfinstruct import WholePipeline
    from distilabel_selfinstruct.recipes.magpie.config import MagpieConfig
    from distilabel_selfinstruct.runs.run import Run


def build(run: "Run[MagpieConfig]") -> "WholePipeline":
    """The wiring; what it takes is imported here, so that options are read without it."""
    from distilabel_selfinstruct import (
        AnswerInstructions,
        FormatForTraining,
        MagpieInstructions,
        SelectInstances,
        SelectInstructions,
        SelectRejected,
    )

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
            folder=str(run.folder.path),
        )
        answers = AnswerInstructions(
            name="answers", llm=run.llm("answers"), input_batch_size=run.batch_size(config.num_instructions)
        )

        instances = SelectInstances(name="instances", more_columns=config.instance_columns, input_batch_size=500)
        instructions = SelectInstructions(name="instructions", stages=["magpie"], input_batch_size=500)
        rejected = SelectRejected(name="rejected", input_batch_size=500)
        sft = FormatForTraining(
            name="sft",
            training_format=config.training_format,
            seed=config.seed,
            keep_reasoning=config.keep_reasoning,
            input_batch_size=500,
        )

        magpie >> answers
        run.judged(answers) >> [instances, instructions, rejected, sft]
    return pipeline


if __name__ == "__main__":
    sys.exit(main(RECIPE, build))
