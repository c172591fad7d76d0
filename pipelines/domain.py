"""Queries about your documents, and their answers: distilabel's SelfInstruct with dedup, reasons and review."""

import sys
from pathlib import Path
from typing import Literal

from distilabel_selfinstruct import (
    AnswerInstructions,
    FormatForTraining,
    GenerateQueries,
    LoadDocuments,
    RougeDedup,
    SelectInstances,
    SelectInstructions,
    SelectRejected,
    WholePipeline,
)
from distilabel_selfinstruct.cli import main
from distilabel_selfinstruct.config import MODEL, Input, RunConfig, option
from distilabel_selfinstruct.run import Run
from distilabel_selfinstruct.seeds import PROJECT_SEEDS
from distilabel_selfinstruct.sources import read_lines
from distilabel_selfinstruct.steps.documents import ANSWER_COLUMNS, ANSWER_TEMPLATE, COLUMNS, read_documents

MEDICAL_TERMS = PROJECT_SEEDS.with_name("medical_terms.jsonl")


class DomainConfig(RunConfig):
    """What a run about documents is told."""

    wording: Literal["chat"] = option("chat", "how the model is asked", None, MODEL)
    documents: str = option(
        str(MEDICAL_TERMS),
        "a file (.jsonl, .json, .csv, .txt, .md), a folder of text files or a saved dataset, or a dataset of the Hub"
        " (default: the project's medical terms)",
        "FILE|FOLDER|NAMESPACE/NAME", fixed=False,
    )  # fmt: skip
    text_column: str | None = option(None, "column with the texts (default: text or description)", "NAME", fixed=False)
    title_column: str | None = option(None, "column with the titles (default: title or term)", "NAME", fixed=False)
    subset: str | None = option(None, "config of the dataset", "NAME", fixed=False)
    split: str = option("train", "of the dataset (default: train)", "NAME", fixed=False)
    max_documents: int | None = option(None, "most documents that are read", "N", fixed=False, gt=0)
    max_characters: int = option(300, "of a piece, which ends where a sentence does (default: 300)", "N", gt=0)
    pieces: int = option(1, "most pieces of a document, from its beginning (default: 1)", "N", gt=0)
    queries: int = option(5, "queries about a piece (default: 5)", "K", gt=0)
    application_description: str = option("AI assistant", "what the queries are for (default: AI assistant)", "TEXT")
    criteria: str | None = option(None, "for the queries (default: those of distilabel's SelfInstruct)", "TEXT")
    principles: str | None = option(
        None, "a file with a principle a line, of which each piece gets one beside the criteria", "FILE.txt",
        fixed=False,
    )  # fmt: skip
    closed_book: bool = option(False, "answer queries without showing their document")

    def inputs(self) -> dict[str, Input]:
        """The documents and the principles."""
        read = read_documents(
            self.documents, self.text_column, self.title_column, self.subset, self.split, self.max_documents
        )
        return {"originals": Input(read, may_grow=True), "principle_list": Input(self.principles_read())}

    def principles_read(self) -> list[str]:
        """The principles, if there are any."""
        return read_lines(Path(self.principles)) if self.principles else []


def build(run: Run[DomainConfig]) -> WholePipeline:
    config = run.config
    criteria = {"criteria_for_query_generation": config.criteria} if config.criteria else {}
    context = {} if config.closed_book else {"template": ANSWER_TEMPLATE, "columns": ANSWER_COLUMNS}
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
            name="instances", more_columns=[*COLUMNS, *config.judge_columns], input_batch_size=500
        )
        instructions = SelectInstructions(
            name="instructions", stages=["queries", "dedup"], more_columns=COLUMNS, input_batch_size=500
        )
        rejected = SelectRejected(name="rejected", more_columns=COLUMNS, input_batch_size=500)
        sft = FormatForTraining(
            name="sft", training_format=config.training_format, seed=config.seed, input_batch_size=500
        )

        documents >> queries >> dedup >> answers
        run.judged(answers) >> [instances, instructions, rejected, sft]
    return pipeline


if __name__ == "__main__":
    sys.exit(main(build, __doc__, "domain", DomainConfig))
