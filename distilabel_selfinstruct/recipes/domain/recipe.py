"""queries about documents (distilabel's SelfInstruct): the declaration of the recipe."""

from __future__ import annotations

from distilabel_selfinstruct.data.reasons import (
    ANSWERS_STAGE,
    DEDUP_SENTENCE,
    DEDUP_STAGE,
    INSTRUCTION_RULES,
    JUDGEMENT_STAGE,
    NO_INSTRUCTIONS,
    OVER_LIMIT,
    REPETITION,
    TRUNCATED,
    WORDING_RULES,
)
from distilabel_selfinstruct.recipe import Chart, Column, Listing, Reason, Recipe, Stage

EMPTY_DOCUMENT = Reason("empty_document", "document without a text")

RECIPE = Recipe(
    name="domain",
    title="queries about documents (distilabel's SelfInstruct)",
    url="https://distilabel.argilla.io",
    makes="queries about your documents (files, folders, Hub) and their answers; rows keep their document",
    stages=(
        Stage(
            "queries",
            "Queries",
            "candidate",
            (
                *INSTRUCTION_RULES,
                *WORDING_RULES,
                REPETITION,
                TRUNCATED,
                NO_INSTRUCTIONS,
                OVER_LIMIT,
                EMPTY_DOCUMENT,
            ),
        ),
        DEDUP_STAGE,
        ANSWERS_STAGE,
        JUDGEMENT_STAGE,
    ),
    how=(
        "**Queries.** The model is shown a passage of a document, the description of an application and criteria, and"
        " writes queries.",
        f"**Near-duplicates.** {DEDUP_SENTENCE}",
        "**Answers.** The model answers each query, with the passage before it unless the run is `closed_book`.",
    ),
    citation="""\
@misc{wang2022selfinstruct,
  title = {Self-Instruct: Aligning Language Models with Self-Generated Instructions},
  author = {Yizhong Wang and Yeganeh Kordi and Swaroop Mishra and Alisa Liu and Noah A. Smith and Daniel Khashabi and \
Hannaneh Hajishirzi},
  year = {2022},
  eprint = {2212.10560},
  archivePrefix = {arXiv},
  primaryClass = {cs.CL}
}""",
    columns={
        "document_id": Column("the document that a query is about: its number in the source, and that of the piece"),
        "title": Column("the title of the document"),
        "section": Column("the page of the document, or the headings, that the piece is from; null where it has none"),
        "document": Column("the document, or the piece of it, that the model was shown"),
    },
    configs={},
    listings=(
        Listing(
            "documents",
            "Documents",
            ("title", "instructions", "instances", "rejected"),
            ("instructions",),
            "document_id",
        ),
        Listing("instructions", "Queries", ("instruction", "title", "max_similarity"), ("title", "max_similarity")),
        Listing("instances", "Answers", ("instruction", "output", "title"), ("title", "words of output")),
    ),
    charts=(
        Chart(
            "Documents by how many queries were admitted",
            "documents",
            "instructions",
            note="Coverage: documents at 0 are not asked about.",
        ),
        Chart("Queries by document", "instructions", "title"),
    ),
    config="distilabel_selfinstruct.recipes.domain.config:DomainConfig",
    script="domain.py",
    demo="distilabel_selfinstruct.recipes.domain.demo",
)
