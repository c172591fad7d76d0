"""Queries about your documents, and their answers: distilabel's SelfInstruct with dedup, reasons and review."""

import sys
from typing import TYPE_CHECKING, Any

from distilabel_selfinstruct.cli import main
from distilabel_selfinstruct.recipes.domain.recipe import RECIPE

if TYPE_CHECKING:
    from distilabel_selfinstruct import WholePipeline
    from distilabel_selfinstruct.recipes.domain.config import DomainConfig
    from distilabel_selfinstruct.runs.run import Run


def build(run: "Run[DomainConfig]") -> "WholePipeline":
    """The wiring; what it takes is imported here, so that options are read without it."""
    from distilabel_selfinstruct import (
        AnswerInstructions,
        FormatForTraining,
        GenerateQueries,
        LoadDocuments,
        RougeDedup,
        SelectInstances,
        SelectInstructions,
        SelectRejected,
    )
    from distilabel_selfinstruct.recipes.domain.prompting import ANSWER_COLUMNS, ANSWER_TEMPLATE
    from distilabel_selfinstruct.steps.documents import COLUMNS

    config = run.config
    criteria: dict[str, Any] = {"criteria_for_query_generation": config.criteria} if config.criteria else {}
    context: dict[str, Any] = {} if config.closed_book else {"template": ANSWER_TEMPLATE, "columns": ANSWER_COLUMNS}
    with run.pipeline("domain") as pipeline:
        documents = LoadDocuments(
            name="documents",
            source=config.documents,
            text_column=config.text_column,
            title_column=config.title_column,
            config=config.subset,
            split=config.split,
            max_documents=config.max_documents,
            max_characters=config.max_characters,
            piece_tokens=config.piece_tokens,
            tokenizer=config.tokenizer,
            num_pieces=config.pieces,
        )
        queries = GenerateQueries(
            name="queries",
            llm=run.llm("queries", temperature=config.temperature),
            num_instructions=config.queries,
            application_description=config.application_description,
            principles=config.principles_read(),
            seed=config.seed,
            **criteria,
        )
        dedup = RougeDedup(name="dedup")
        answers = AnswerInstructions(name="answers", llm=run.llm("answers"), **context)

        instances = SelectInstances(
            name="instances", more_columns=[*COLUMNS, *config.instance_columns], input_batch_size=500
        )
        instructions = SelectInstructions(
            name="instructions", stages=["queries", "dedup"], more_columns=COLUMNS, input_batch_size=500
        )
        rejected = SelectRejected(name="rejected", more_columns=COLUMNS, input_batch_size=500)
        sft = FormatForTraining(
            name="sft",
            training_format=config.training_format,
            seed=config.seed,
            keep_reasoning=config.keep_reasoning,
            input_batch_size=500,
        )

        documents >> queries >> dedup
        run.kept_clear(dedup) >> answers
        run.judged(answers) >> [instances, instructions, rejected, sft]
    return pipeline


if __name__ == "__main__":
    sys.exit(main(RECIPE, build))
