"""Review without a server: a CSV file for any spreadsheet, or JSON lines, out and back, exactly.

CSV is UTF-8 with a byte order mark, without which Excel takes it for its old code page. A cell that a spreadsheet would
take for a formula, a number or a date begins with an apostrophe, which is no part of the text: so formulas are not
executed and 007 stays 007. It is taken away when the file is read.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from distilabel_selfinstruct.data.files import write_whole
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

_VERDICTS = tuple(question.name for question in QUESTIONS)
_CORRECTIONS = tuple(map(correction_of, FIELDS))
_SHOWN = (DOCUMENT, *FIELDS)
_TEXTS = frozenset(_SHOWN + _CORRECTIONS)
COLUMNS = ("record_id", "annotator", *_SHOWN, *_VERDICTS, *_CORRECTIONS)
_WORDS = {"yes": True, "y": True, "true": True, "1": True, "no": False, "n": False, "false": False, "0": False}
_MOST_CHARACTERS = 32_766  # Excel cuts a cell there, counted in UTF-16, apostrophe included
_BEGINS_FORMULA = re.compile(r"[=+\-@＝＋－＠'\s]")  # the apostrophe itself and white space among them
# Spreadsheets turn short texts such as "1/2", "May 5" and "true" into something else.
_SHORT = 40
_CONVERTED = re.compile(r"\d|\A(?:true|false)\Z", re.IGNORECASE)


def write_review_file(path: Path, records: Sequence[ReviewRecord], annotator: str) -> None:
    """Writes records to be judged: verdicts to fill in, corrections holding the present texts.

    Raises:
        ReviewError: if the file is there with other content, has an unknown ending, or cannot hold a text.
    """
    rows = [
        {
            "record_id": record.id,
            "annotator": annotator,
            DOCUMENT: record.document,
            **record.texts,
            **dict.fromkeys(_VERDICTS, ""),
            **{correction_of(name): text for name, text in record.texts.items()},
        }
        for record in records
    ]
    text = _as_jsonl(rows) if _is_jsonl(path) else _as_csv(rows, path)
    if path.exists():
        if path.read_bytes() == text.encode():
            return
        raise ReviewError(f"{path}: is there already and may hold answers; choose another file, or delete it.")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text)


def read_review_file(path: Path, records: Mapping[str, ReviewRecord]) -> tuple[list[Answer], int]:
    """The answers of a file, and the number of rows with only some of the questions answered.

    Args:
        path: CSV or JSON lines, as `write_review_file` wrote it and annotators filled it in.
        records: the records that were pushed, by id.

    Raises:
        ReviewError: names file, line and column of the first thing that cannot be used.
    """
    answers, unfinished = [], 0
    for where, row in _rows(path):
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
    if not same_text(row[DOCUMENT], record.document):
        raise ReviewError(f"{where}, column {DOCUMENT!r}: is not the text that was pushed. Put it back.")


def _verdict(cell: str, where: str, column: str) -> bool | None:
    word = cell.strip().casefold()
    if word and word not in _WORDS:
        raise ReviewError(f"{where}, column {column!r}: expected yes or no, found {cell!r}.")
    return _WORDS.get(word)


def _is_jsonl(path: Path) -> bool:
    if path.suffix not in (".csv", ".jsonl"):
        raise ReviewError(f"{path}: expected a file that ends in .csv or .jsonl.")
    return path.suffix == ".jsonl"


def _rows(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Each row as texts, with where it stands."""
    is_jsonl = _is_jsonl(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ReviewError(f"{path}: cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise ReviewError(f"{path}: is not UTF-8; save it as CSV UTF-8, as spreadsheets call it.") from None
    for line, row in _from_jsonl(text, path) if is_jsonl else _from_csv(text, path):
        yield f"{path}, line {line}", {column: _text(row[column]) for column in COLUMNS}


def _check_columns(found: Collection[str], where: str) -> None:
    if missing := [column for column in COLUMNS if column not in found]:
        raise ReviewError(f"{where}: no column {missing[0]!r}; there must be {', '.join(COLUMNS)}.")


def _text(value: Any) -> str:
    return "" if value is None else str(value)


# --- CSV ------------------------------------------------------------------------------------------------------------


def _as_csv(rows: Iterable[Mapping[str, str]], path: Path) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writeheader()
    for row in rows:
        for name in _SHOWN:
            if len(row[name].encode("utf-16-le")) // 2 > _MOST_CHARACTERS or "\0" in row[name]:
                raise ReviewError(
                    f"{path}: the {name} of {row['record_id']} does not fit into a spreadsheet's cell; choose a"
                    " file that ends in .jsonl."
                )
        writer.writerow({column: _guarded(cell) if column in _TEXTS else cell for column, cell in row.items()})
    return "\ufeff" + text.getvalue()


def _from_csv(text: str, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)  # spreadsheets write the separator of their country
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        _check_columns(reader.fieldnames or (), f"{path}, line 1")
        for row in reader:
            if any(row.get(column) for column in COLUMNS):  # spreadsheets leave empty lines
                yield (
                    reader.line_num,
                    {column: _unguarded(cell or "") if column in _TEXTS else cell for column, cell in row.items()},
                )
    except csv.Error as error:
        raise ReviewError(f"{path}, line {reader.line_num}: is not CSV ({error}).") from None


def _guarded(cell: str) -> str:
    at_risk = _BEGINS_FORMULA.match(cell) or (len(cell) <= _SHORT and _CONVERTED.search(cell))
    return f"'{cell}" if at_risk else cell


def _unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") else cell


# --- JSON lines -----------------------------------------------------------------------------------------------------


def _as_jsonl(rows: Iterable[Mapping[str, str]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _from_jsonl(text: str, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise ReviewError(f"{path}, line {number}: is not JSON ({error}).") from None
        if not isinstance(row, dict):
            raise ReviewError(f"{path}, line {number}: expected an object.")
        _check_columns(row, f"{path}, line {number}")
        yield number, row
