"""Files of rows: one reader for each ending, which reads no further than it is asked."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

from distilabel_selfinstruct.data.storable import storable
from distilabel_selfinstruct.data.streams import is_packed, open_bytes, open_text
from distilabel_selfinstruct.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    import pyarrow

Row = dict[str, Any]
Reader = Callable[[Path, "Collection[str] | None"], Iterator[Row]]

_DECODER = json.JSONDecoder()
_BETWEEN = re.compile(r"[\s,]*")
_BLOCK = 2**20  # characters of a JSON file that are read at once
_BATCH = 1000  # rows of a parquet or Arrow file that are read at once
_SEPARATORS = (",", ";", "\t", "|")
_QUOTED = re.compile(r'"[^"]*"')
_SEPARATOR_LINE = re.compile(r"\ufeff?\"?sep=(.)\"?\r?\n?\Z", re.IGNORECASE)
_WRAPPERS = ("data", "rows", "examples", "records", "items", "documents", "questions", "train")


# --- JSON ------------------------------------------------------------------------------------------------------------


def _json_lines(path: Path, columns: Collection[str] | None = None) -> Iterator[Row]:
    with open_text(path, newline="\n") as lines:
        yield from _rows_of_lines(path, lines, 1)


def _rows_of_lines(path: Path, lines: Iterator[str] | TextIO, first: int) -> Iterator[Row]:
    for number, line in enumerate(lines, first):
        if line.strip():
            yield _object(_parsed(line.rstrip(), f"{path}, line {number}"), f"{path}, line {number}")


def _json(path: Path, columns: Collection[str] | None = None) -> Iterator[Row]:
    """An array of objects, objects a line, objects one after the other, or one object that holds an array of them."""
    with open_text(path, newline="\n") as text:
        blank, first = 0, ""
        for first in text:
            if first.strip():
                break
            blank += 1
        if _is_object(first):
            second = next((line for line in text if line.strip()), None)
            if second is not None:
                yield from _rows_of_lines(path, chain([first, second], text), blank + 1)
                return
        yield from _rows_of_values(path, _values(path, first, text), first.lstrip().startswith("["))


def _is_object(line: str) -> bool:
    try:
        return line.lstrip().startswith("{") and isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _rows_of_values(path: Path, values: Iterator[Any], is_array: bool) -> Iterator[Row]:
    first = next(values, None)
    second = next(values, None)
    if not is_array and second is None and isinstance(first, dict) and (inside := _wrapped(first)) is not None:
        first, *rest = inside or [None]
        values = iter(rest[1:])
        second = rest[0] if rest else None
    known = (value for value in (first, second) if value is not None)
    for number, row in enumerate(chain(known, values), 1):
        yield _object(row, f"{path}, row {number}")


def _wrapped(whole: Row) -> list[Any] | None:
    """The rows that one object holds: under the only key, or under one that says so; or column by column."""
    lists = {name: value for name, value in whole.items() if isinstance(value, list)}
    rows = {name: value for name, value in lists.items() if all(isinstance(row, dict) for row in value)}
    if named := [name for name in (*_WRAPPERS, *(whole if len(whole) == 1 else [])) if name in rows]:
        return rows[named[0]]
    if len(whole) > 1 and all(isinstance(cells, dict) and "0" in cells for cells in whole.values()):  # pandas' default
        lists = {name: list(cells.values()) for name, cells in whole.items()}
    sizes = {len(value) for value in lists.values()}
    if len(lists) == len(whole) and len(sizes) == 1 and len(whole) > 1:
        return [dict(zip(lists, cells)) for cells in zip(*lists.values())]
    return None


def _values(path: Path, seen: str, text: TextIO) -> Iterator[Any]:
    """The elements of an array, or the values one after the other, read block by block."""
    if not (seen := seen.lstrip()):
        return
    is_array, line = seen.startswith("["), 1
    buffer, at, size = seen, 1 if is_array else 0, _BLOCK
    while True:
        found = _BETWEEN.match(buffer, at)
        at = found.end() if found else at
        if is_array and buffer[at : at + 1] == "]":
            return
        fault: ValueError | RecursionError | None = None
        try:
            value, end = _DECODER.raw_decode(buffer, at)
            # A number or a word that ends where the block does may go on.
            if end < len(buffer) or isinstance(value, (dict, list)):
                yield storable(value)
                at, size = end, _BLOCK
                continue
        except (ValueError, RecursionError) as error:
            fault = error
        more = text.read(size)
        if not more and fault is None:  # such a number or word, at the end of the file
            yield value
            return
        if not more:
            if buffer[at:].strip() or is_array:
                _refuse(path, buffer, line, fault)
            return
        line += buffer.count("\n", 0, at)
        buffer, at, size = buffer[at:] + more, 0, size * 2


def _refuse(path: Path, buffer: str, line: int, fault: object) -> None:
    if isinstance(fault, json.JSONDecodeError):
        line, fault = line + fault.lineno - 1, fault.msg
    raise ConfigError(f"{path}, line {line}: not JSON ({fault}).")


def _parsed(text: str, where: str) -> Any:
    try:
        return storable(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{where}: not JSON ({error}).") from None


def _object(row: Any, where: str) -> Row:
    if not isinstance(row, dict):
        raise ConfigError(f"{where}: expected a JSON object.")
    return row


# --- tables ----------------------------------------------------------------------------------------------------------


def _table(path: Path, columns: Collection[str] | None = None) -> Iterator[Row]:
    """Lines of cells below one with the names; separated by what the first line says, as Excel writes them."""
    with open_text(path, newline="") as lines, _cells_of_any_length():
        first, skipped = next(lines, ""), 0
        if (told := _SEPARATOR_LINE.match(first)) is not None:
            first, skipped = next(lines, ""), 1
        separator = told[1] if told else _separator(first)
        records = csv.reader(chain([first], lines), delimiter=separator, strict=True)
        names: list[str] = []
        number = skipped + 1
        try:
            for cells in records:
                if not names:
                    names = _names(cells, f"{path}, line {number}")
                elif any(cells) or len(names) == 1 == len(cells):
                    yield _row(names, cells, f"{path}, line {number}", separator)
                number = records.line_num + skipped + 1
        except csv.Error as error:
            raise ConfigError(
                f"{path}, line {number}: is no CSV ({error}); a quote inside a text in quotes is written twice."
            ) from None


def _separator(first: str) -> str:
    """The commonest of the known ones outside of quotes; a comma where there is none."""
    counts = Counter(_QUOTED.sub("", first))
    return max(_SEPARATORS, key=lambda each: counts[each])


def _names(cells: list[str], where: str) -> list[str]:
    names = [name.strip() for name in cells]
    twice = next((name for name, times in Counter(filter(None, names)).items() if times > 1), None)
    if twice is not None:
        raise ConfigError(f"{where}: there are two columns {twice!r}; give one another name.")
    return names


def _row(names: list[str], cells: Sequence[str], where: str, separator: str = ",") -> Row:
    if len(cells) != len(names):
        sign = {",": "a comma", ";": "a semicolon", "\t": "a tab"}.get(separator, f"a {separator}")
        raise ConfigError(
            f"{where}: number of fields {len(cells)}, and {len(names)} in the first line; a text with {sign} stands in"
            " quotes."
        )
    for at, (name, cell) in enumerate(zip(names, cells), 1):
        if cell and not name:
            raise ConfigError(
                f"{where}: column {at} has no name in the first line, and {str(cell)[:60]!r} stands in it."
            )
    return {name: cell for name, cell in zip(names, cells) if name}


@contextmanager
def _cells_of_any_length() -> Iterator[None]:
    """Lifts the limit of `csv`, 131,072 characters, which is that of the whole process."""
    before = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _workbook(path: Path, columns: Collection[str] | None = None) -> Iterator[Row]:
    """The first sheet of an Excel workbook, its cells as texts, like those of a CSV file."""
    try:
        from openpyxl import load_workbook
    except ImportError:
        raise MissingExtraError.of(f"{path}: an Excel workbook", "documents") from None
    with _searchable(path) as stream:
        try:
            book = load_workbook(stream, read_only=True, data_only=True)
        except Exception as error:  # whatever is wrong with it: no zip, no sheets, encrypted
            raise ConfigError(f"{path}: is no Excel workbook that can be read ({error}).") from None
        names: list[str] = []
        for number, cells in enumerate(book.worksheets[0].iter_rows(values_only=True), 1):
            texts = [_cell(cell) for cell in cells]
            if not names:
                names = _names(texts, f"{path}, row {number}") if any(texts) else []
            elif any(texts):
                texts += [""] * (len(names) - len(texts))  # a row may be stored without its last cells
                names += [""] * (len(texts) - len(names))
                yield _row(names, texts, f"{path}, row {number}")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.isoformat() if hasattr(value, "isoformat") else str(storable(value))


# --- Arrow -----------------------------------------------------------------------------------------------------------


def _parquet(path: Path, columns: Collection[str] | None = None) -> Iterator[Row]:
    import pyarrow
    from pyarrow import parquet

    with _searchable(path) as stream, _arrow_told(path, "parquet"):
        file = parquet.ParquetFile(stream)
        names = file.schema_arrow.names
        for batch in file.iter_batches(_BATCH, columns=_counting(names, columns)):
            yield from _rows_of(pyarrow.Table.from_batches([batch]), names)


def _arrow(path: Path, columns: Collection[str] | None = None) -> Iterator[Row]:
    """A file, or a stream, as `datasets` writes it."""
    import pyarrow

    with _searchable(path) as stream, _arrow_told(path, "Arrow"):
        is_file = stream.read(6) == b"ARROW1"
        stream.seek(0)
        reader = pyarrow.ipc.open_file(stream) if is_file else pyarrow.ipc.open_stream(stream)
        names = reader.schema.names
        batches = (reader.get_batch(at) for at in range(reader.num_record_batches)) if is_file else reader
        for batch in batches:
            yield from _rows_of(pyarrow.Table.from_batches([batch]).select(_counting(names, columns)), names)


def _counting(names: list[str], columns: Collection[str] | None) -> list[str]:
    """Those that are loaded: all where none of those that count is there."""
    return [name for name in names if columns is None or name in columns] or names


def _rows_of(table: pyarrow.Table, names: list[str]) -> Iterator[Row]:
    for start in range(0, table.num_rows, _BATCH):
        yield from (dict.fromkeys(names) | row for row in table.slice(start, _BATCH).to_pylist())


@contextmanager
def _arrow_told(path: Path, kind: str) -> Iterator[None]:
    import pyarrow

    try:
        yield
    except pyarrow.ArrowException as error:
        raise ConfigError(
            f"{path}: is no {kind} file that can be read ({' '.join(str(error).split())[:200]})."
        ) from None


@contextmanager
def _searchable(path: Path) -> Iterator[BinaryIO]:
    """The file as these formats need it: they begin to read at the end."""
    with open_bytes(path) as stream:
        yield io.BytesIO(stream.read()) if is_packed(path) else stream


FORMATS: dict[str, Reader] = {
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".json": _json,
    ".csv": _table,
    ".tsv": _table,
    ".parquet": _parquet,
    ".arrow": _arrow,
    ".xlsx": _workbook,
}
"""The readers of files of rows by the ending of their names; the columns that count may be given."""
