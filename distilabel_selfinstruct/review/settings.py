"""The review dataset in Argilla: its fields, questions, metadata and the guidelines for annotators."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from distilabel_selfinstruct.review.records import DOCUMENT, FIELDS, NO_INPUT, QUESTIONS, ReviewRecord

if TYPE_CHECKING:
    import argilla as rg

TITLES = {DOCUMENT: "Document", "instruction": "Instruction", "input": "Input", "output": "Output"}
VERDICTS = {"yes": "Yes", "no": "No"}

_PARAGRAPHS = f"""
Each record is a task that a language model made up, with an answer it gave: an **instruction**, an **input** (not shown
where the record has none) and an **output**. Where a **document** stands above them, the instruction is about it; the
document itself is not judged. Please judge the record *as it is shown*, before any correction.

**1. Does the instruction describe a valid task?** Yes, if somebody could ask this and a text could answer it. No, if it
makes no sense, contradicts itself, or asks for what no text can give.

**2. Is the input appropriate for the instruction?** Yes, if it is what the instruction speaks of, and all that is
needed. Yes also where there is no input and none is needed. No, if it is missing, does not fit, or holds the answer.

**3. Is the output a correct and acceptable response?** Yes, if you would be content with it: right in all that it
states, complete, and in the form that was asked for. Do look up what you do not know. If question 1 or 2 is a No,
judge whether the output makes the best of the instruction and the input as they are.

**Corrections** are welcome and never needed. The boxes hold the present texts: change what should be different, leave
the rest. A text that you correct counts as mended: after your correction the record should be one that you answer Yes
for. To take an input away, write {html.escape(NO_INPUT)}.

**Discard** a record that you cannot judge. **Save as draft** what you want to come back to. Neither is counted.
"""
# Argilla shows a line break as a line break.
GUIDELINES = "\n\n".join(" ".join(paragraph.split()) for paragraph in _PARAGRAPHS.split("\n\n"))


def correction_of(field: str) -> str:
    """The name of the question that corrects a text."""
    return f"corrected_{field}"


def review_settings(annotators: int) -> rg.Settings:
    """The settings of a review dataset.

    Args:
        annotators: how many answers a record needs.
    """
    import argilla as rg

    return rg.Settings(
        guidelines=GUIDELINES,
        fields=[
            rg.TextField(name, title=TITLES[name], use_markdown=False, required=name in ("instruction", "output"))
            for name in (DOCUMENT, *FIELDS)
        ],
        questions=[
            *(rg.LabelQuestion(question.name, labels=VERDICTS, title=question.title) for question in QUESTIONS),
            *(
                rg.TextQuestion(
                    correction_of(name),
                    title=f"Correct the {name}, if needed",
                    description="Change what should be different, or leave it as it is.",
                    required=False,
                    use_markdown=False,
                )
                for name in FIELDS
            ),
        ],
        metadata=[
            rg.TermsMetadataProperty("kind", title="Kind of task"),
            rg.IntegerMetadataProperty("round", title="Bootstrap round"),
            rg.FloatMetadataProperty("max_similarity", title="Highest ROUGE-L with the pool"),
            rg.IntegerMetadataProperty("instruction_words", title="Words of the instruction"),
            rg.IntegerMetadataProperty("input_words", title="Words of the input"),
            rg.IntegerMetadataProperty("output_words", title="Words of the output"),
            rg.TermsMetadataProperty("model", title="Model"),
            rg.TermsMetadataProperty("preset", title="Preset"),
        ],
        distribution=rg.TaskDistribution(min_submitted=annotators),
    )


def argilla_record(record: ReviewRecord) -> rg.Record:
    """The record as Argilla gets it.

    Its page renders fields as HTML, so the signs that HTML would swallow are sent as entities; and the present texts
    are suggested as corrections, raw, since boxes to write in show a text as it is.
    """
    import argilla as rg

    shown = {**({DOCUMENT: record.beside} if record.beside else {}), **record.texts}
    return rg.Record(
        id=record.id,
        fields={name: html.escape(text, quote=False) for name, text in shown.items()},
        metadata=dict(record.metadata),
        suggestions=[rg.Suggestion(correction_of(name), value=text) for name, text in record.texts.items() if text],
    )
