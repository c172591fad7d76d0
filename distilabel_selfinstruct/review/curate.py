"""The configs that a review adds to a run's dataset: `reviewed`, every answer; `curated`, what came out right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from datasets import Features, Value

from distilabel_selfinstruct.data.columns import COLUMNS
from distilabel_selfinstruct.data.dataset import features_of
from distilabel_selfinstruct.recipe import Column
from distilabel_selfinstruct.review.quality import answers_by_record, verdicts_of
from distilabel_selfinstruct.review.records import FIELDS, QUESTIONS, Answer, ReviewRecord, corrected
from distilabel_selfinstruct.text.conversations import with_first, with_input

_OF_COMPLETION = frozenset({"finish_reason", "input_tokens", "output_tokens"})  # not of the texts as they are now
_FLAGS = {question.name: Value("bool") for question in QUESTIONS}

Row = dict[str, Any]


def reviewed_features(instance_columns: Iterable[str], known: Mapping[str, Column] = COLUMNS) -> Features:
    """The columns of `reviewed`: those of the instances, what annotators changed and said, who and when."""
    kept = _kept(instance_columns)
    return Features({**features_of((*kept, "record_id"), known), **_FLAGS, **features_of(("annotator", "reviewed_at"))})


def curated_features(instance_columns: Iterable[str], known: Mapping[str, Column] = COLUMNS) -> Features:
    """The columns of `curated`: those of the instances, what annotators changed, and how many they were."""
    kept = features_of(_kept(instance_columns), known)
    return Features({**kept, "is_corrected": Value("bool"), "annotators": Value("int64")})


def reviewed_rows(
    records: Mapping[str, ReviewRecord], answers: Iterable[Answer], instances: Mapping[str, Row]
) -> list[Row]:
    """One row an answer: the instance with that annotator's corrections, the verdicts, who and when."""
    return [
        {
            **_row(records[answer.record_id], instances[answer.record_id], answer.corrections),
            "record_id": answer.record_id,
            **answer.verdicts,
            "annotator": answer.annotator,
            "reviewed_at": answer.at or None,
        }
        for given in answers_by_record(answers).values()
        for answer in given
    ]


def curated_rows(
    records: Mapping[str, ReviewRecord], answers: Iterable[Answer], needed: int, instances: Mapping[str, Row]
) -> list[Row]:
    """One row a record that has all the answers it needs and is right, with corrections applied."""
    rows = []
    for record_id, given in answers_by_record(answers).items():
        corrections = corrections_of_all(given)
        if len(given) >= needed and is_right(given, corrections):
            row = _row(records[record_id], instances[record_id], corrections)
            rows.append({**row, "is_corrected": bool(corrections), "annotators": len(given)})
    return rows


def is_right(answers: Sequence[Answer], corrections: Mapping[str, str]) -> bool:
    """Whether all three questions are answered yes, or what a no is about was corrected."""
    verdicts = verdicts_of(answers)
    return all(verdicts[question.name] or question.field in corrections for question in QUESTIONS)


def corrections_of_all(answers: Sequence[Answer]) -> dict[str, str]:
    """The corrections of the annotators of one record; of two corrections of one text the later."""
    corrections: dict[str, str] = {}
    for answer in sorted(answers, key=lambda answer: (answer.at, answer.annotator)):
        corrections |= answer.corrections
    return corrections


def _row(record: ReviewRecord, instance: Row, corrections: Mapping[str, str]) -> Row:
    original = {f"original_{name}": text for name, text in record.texts.items()}
    kept = {column: value for column, value in instance.items() if column not in _OF_COMPLETION}
    texts = corrected(record, corrections)
    if messages := kept.get("messages"):
        kept["messages"] = with_first(messages, with_input(texts), texts["output"])
    return {**kept, **texts, **original}


def _kept(instance_columns: Iterable[str]) -> list[str]:
    kept = [column for column in instance_columns if column not in _OF_COMPLETION]
    return [*kept, *(f"original_{name}" for name in FIELDS)]
