"""Review without a server: the columns of the file that annotators fill in, and what its answers are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from distilabel_selfinstruct.errors import ReviewError
from distilabel_selfinstruct.review.records import (
    DOCUMENT,
    FIELDS,
    QUESTIONS,
    Answer,
    ReviewRecord,
    corrections_of,
    same_text,
)
from distilabel_selfinstruct.review.settings import correction_of
from distilabel_selfinstruct.review.sheets import Sheet

_VERDICTS = tuple(question.name for question in QUESTIONS)
_CORRECTIONS = tuple(map(correction_of, FIELDS))
_SHOWN = (DOCUMENT, *FIELDS)
COLUMNS = ("record_id", "annotator", *_SHOWN, *_VERDICTS, *_CORRECTIONS)
_SHEET = Sheet(COLUMNS, _SHOWN, _CORRECTIONS)
_WORDS = {"yes": True, "y": True, "true": True, "1": True, "no": False, "n": False, "false": False, "0": False}


def write_review_file(path: Path, records: Sequence[ReviewRecord], annotator: str) -> None:
    """Writes records to be judged: verdicts to fill in, corrections holding the present texts.

    Raises:
        ReviewError: if the file is there with other content, has an unknown ending, or cannot hold a text.
    """
    rows = [
        {
            "record_id": record.id,
            "annotator": annotator,
            DOCUMENT: record.beside,
            **record.texts,
            **dict.fromkeys(_VERDICTS, ""),
            **{correction_of(name): text for name, text in record.texts.items()},
        }
        for record in records
    ]
    _SHEET.write(path, rows)


def read_review_file(path: Path, records: Mapping[str, ReviewRecord]) -> tuple[list[Answer], int]:
    """The answers of a file, and the number of rows with only some of the questions answered.

    Args:
        path: CSV or JSON lines, as `write_review_file` wrote it and annotators filled it in.
        records: the records that were pushed, by id.

    Raises:
        ReviewError: names file, line and column of the first thing that cannot be used.
    """
    answers, unfinished = [], 0
    for where, row in _SHEET.read(path):
        record = records.get(row["record_id"])
        if record is None:
            raise ReviewError(f"{where}: the record {row['record_id']!r} is none of this run.")
        verdicts = {name: _verdict(row[name], where, name) for name in _VERDICTS}
        given = [verdict for verdict in verdicts.values() if verdict is not None]
        if len(given) < len(_VERDICTS):
            unfinished += bool(given)
            continue
        _check_shown(row, record, where)
        answers.append(
            Answer(
                record_id=record.id,
                annotator=row["annotator"].strip() or path.stem,
                verdicts={name: bool(verdict) for name, verdict in verdicts.items()},
                corrections=corrections_of(record, {name: row[correction_of(name)] for name in FIELDS}),
            )
        )
    return answers, unfinished


def _check_shown(row: Mapping[str, str], record: ReviewRecord, where: str) -> None:
    for name in FIELDS:
        if not same_text(row[name], record.texts[name]):
            raise ReviewError(
                f"{where}, column {name!r}: is not the text that was pushed. Put it back, and write what should be"
                f" different into {correction_of(name)!r}."
            )
    if not same_text(row[DOCUMENT], record.beside):
        raise ReviewError(f"{where}, column {DOCUMENT!r}: is not the text that was pushed. Put it back.")


def _verdict(cell: str, where: str, column: str) -> bool | None:
    word = cell.strip().casefold()
    if word and word not in _WORDS:
        raise ReviewError(f"{where}, column {column!r}: expected yes or no, found {cell!r}.")
    return _WORDS.get(word)
