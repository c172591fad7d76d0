"""Rows for people to fill in: a CSV file for any spreadsheet, or JSON lines, out and back, exactly.

CSV is UTF-8 with a byte order mark, without which Excel takes it for its old code page. A cell that a spreadsheet would
take for a formula, a number or a date begins with an apostrophe, which is no part of the text: so formulas are not
executed and 007 stays 007. It is taken away when the file is read.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distilabel_selfinstruct.data.files import write_whole
from distilabel_selfinstruct.errors import ReviewError

_MOST_CHARACTERS = 32_766  # Excel cuts a cell there, counted in UTF-16, apostrophe included
_BEGINS_FORMULA = re.compile(r"[=+\-@＝＋－＠'\s]")  # the apostrophe itself and white space among them
# Spreadsheets turn short texts such as "1/2", "May 5" and "true" into something else.
_SHORT = 40
_CONVERTED = re.compile(r"\d|\A(?:true|false)\Z", re.IGNORECASE)


@dataclass(frozen=True)
class Sheet:
    """What the rows of a file have.

    Attributes:
        columns: all of them, in their order; each row has a `record_id`.
        shown: those that show a text.
        written: those that people write a text into.
    """

    columns: tuple[str, ...]
    shown: tuple[str, ...]
    written: tuple[str, ...] = ()

    def write(self, path: Path, rows: Iterable[Mapping[str, str]]) -> None:
        """Writes rows to be filled in.

        Raises:
            ReviewError: if the file is there with other content, has an unknown ending, or cannot hold a text.
        """
        text = _as_jsonl(rows) if _is_jsonl(path) else self._as_csv(rows, path)
        if path.exists():
            if path.read_bytes() == text.encode():
                return
            raise ReviewError(f"{path}: is there already and may hold answers; choose another file, or delete it.")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)

    def read(self, path: Path) -> Iterator[tuple[str, dict[str, str]]]:
        """Each row as texts, with where it stands.

        Raises:
            ReviewError: names file, line and column of the first thing that cannot be used.
        """
        is_jsonl = _is_jsonl(path)
        try:
            text = path.read_bytes().decode("utf-8-sig")
        except OSError as error:
            raise ReviewError(f"{path}: cannot be read ({error.strerror}).") from None
        except UnicodeDecodeError:
            raise ReviewError(f"{path}: is not UTF-8; save it as CSV UTF-8, as spreadsheets call it.") from None
        for line, row in self._from_jsonl(text, path) if is_jsonl else self._from_csv(text, path):
            yield f"{path}, line {line}", {column: _text(row[column]) for column in self.columns}

    @property
    def _texts(self) -> frozenset[str]:
        return frozenset(self.shown + self.written)

    def _check_columns(self, found: Collection[str], where: str) -> None:
        if missing := [column for column in self.columns if column not in found]:
            raise ReviewError(f"{where}: no column {missing[0]!r}; there must be {', '.join(self.columns)}.")

    def _as_csv(self, rows: Iterable[Mapping[str, str]], path: Path) -> str:
        text = io.StringIO()
        writer = csv.DictWriter(text, self.columns, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
        writer.writeheader()
        for row in rows:
            for name in self.shown:
                if len(row[name].encode("utf-16-le")) // 2 > _MOST_CHARACTERS or "\0" in row[name]:
                    raise ReviewError(
                        f"{path}: the {name} of {row['record_id']} does not fit into a spreadsheet's cell; choose a"
                        " file that ends in .jsonl."
                    )
            writer.writerow({column: _guarded(cell) if column in self._texts else cell for column, cell in row.items()})
        return "\ufeff" + text.getvalue()

    def _from_csv(self, text: str, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
        head = text.split("\n", 1)[0]
        delimiter = max(",;\t", key=head.count)  # spreadsheets write the separator of their country
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
        try:
            self._check_columns(reader.fieldnames or (), f"{path}, line 1")
            for row in reader:
                if any(row.get(column) for column in self.columns):  # spreadsheets leave empty lines
                    yield (
                        reader.line_num,
                        {
                            column: _unguarded(cell or "") if column in self._texts else cell
                            for column, cell in row.items()
                        },
                    )
        except csv.Error as error:
            raise ReviewError(f"{path}, line {reader.line_num}: is not CSV ({error}).") from None

    def _from_jsonl(self, text: str, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
        for number, line in enumerate(text.split("\n"), 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise ReviewError(f"{path}, line {number}: is not JSON ({error}).") from None
            if not isinstance(row, dict):
                raise ReviewError(f"{path}, line {number}: expected an object.")
            self._check_columns(row, f"{path}, line {number}")
            yield number, row


def _is_jsonl(path: Path) -> bool:
    if path.suffix not in (".csv", ".jsonl"):
        raise ReviewError(f"{path}: expected a file that ends in .csv or .jsonl.")
    return path.suffix == ".jsonl"


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _guarded(cell: str) -> str:
    at_risk = _BEGINS_FORMULA.match(cell) or (len(cell) <= _SHORT and _CONVERTED.search(cell))
    return f"'{cell}" if at_risk else cell


def _unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") else cell


def _as_jsonl(rows: Iterable[Mapping[str, str]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
