"""Rows that a recipe starts from: of a run folder, a file, a saved dataset, or a dataset of the Hub."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from distilabel_selfinstruct.data.folder import RunFolder
from distilabel_selfinstruct.data.quiet import quiet_clients
from distilabel_selfinstruct.data.storable import storable
from distilabel_selfinstruct.errors import ConfigError

if TYPE_CHECKING:
    from datasets import Dataset

T = TypeVar("T")
Row = dict[str, Any]


def read_source(
    source: str,
    config: str | None = None,
    split: str = "train",
    limit: int | None = None,
    columns: Collection[str] | None = None,
) -> list[Row]:
    """The rows of a source.

    Args:
        source: a run folder (without what it has set apart), a folder that `save_to_disk` wrote, a file (`.jsonl`,
            `.json`, `.csv`; `.txt` and `.md` are a row each, with `title` and `text`), a folder of text files or of
            data files, or the name of a dataset on the Hub, `namespace/name`.
        config: of the dataset; of a run its `instances` by default.
        split: of the dataset.
        limit: how many rows are read at most.
        columns: those that count; others of a dataset are not loaded, and stand in the rows as None.

    Raises:
        ConfigError: says what cannot be read, and where.
    """
    path = Path(source)
    if path.is_dir():
        return _read_folder(path, config, split, limit, columns)
    if path.suffix.lower() in _READERS:
        return _read_file(path, limit)
    if path.exists():
        raise ConfigError(f"{source}: cannot be read; its name must end in {', '.join(_READERS)}.")
    return _read_hub(source, config, split, limit, columns)


def read_lines(path: Path, limit: int | None = None) -> list[str]:
    """The lines of a text file that are not empty, at most so many.

    Raises:
        ConfigError: if it cannot be read, or has none.
    """
    if lines := _read(path, _read_lines, limit):
        return lines
    raise ConfigError(f"{path}: is empty.")


def text_of(row: Row, column: str, where: str) -> str:
    """The text in a column, which may be empty: that is a fault of the data, and not of who names the column.

    Raises:
        ConfigError: if there is no such column, or something else than a text in it.
    """
    if column not in row:
        raise ConfigError(f"{where}: there is no column {column!r}; there are: {', '.join(map(str, row))}.")
    return as_text(row[column], f"{where}, column {column!r}")


def as_text(value: Any, where: str) -> str:
    """The text, or nothing where there is nothing.

    Raises:
        ConfigError: if it is something else.
    """
    if value is not None and not isinstance(value, str):
        raise ConfigError(f"{where}: expected a text, found {shown(value)}.")
    return (value or "").strip()


def shown(value: Any) -> str:
    """The beginning of a value, for an error."""
    return f"{str(value)[:60]!r}"


def _read_folder(
    path: Path, config: str | None, split: str, limit: int | None, columns: Collection[str] | None
) -> list[Row]:
    from datasets import Dataset, load_from_disk

    run = RunFolder(path)
    is_run = run.is_run and (run.has_dataset or run.completions.is_dir())
    folder = run.dataset_path / (config or "instances") if is_run else path / (config or "")
    if not any((folder / name).exists() for name in ("dataset_dict.json", "state.json")):
        texts, data = ([], []) if is_run else (_files(path, _TEXTS), _files(path, _DATA))
        if data and all(file.stem.upper() in _ABOUT_DATA for file in texts):
            return _load(str(path), config, split, limit, columns, "cannot be read as a dataset")
        if texts and folder == path:
            return [row for file in texts[:limit] for row in _read_file(file)]
        raise ConfigError(
            f"{folder}: there is no dataset here; expected a finished run, what save_to_disk wrote, or files"
            f" ({', '.join((*_TEXTS, *_DATA))})."
        )
    try:
        dataset = load_from_disk(str(folder))
    except Exception as error:  # whatever is wrong with its files
        raise ConfigError(f"{folder}: is a damaged dataset ({type(error).__name__}: {error}).") from None
    if not isinstance(dataset, Dataset):
        if split not in dataset:
            raise ConfigError(f"{folder}: there is no split {split!r}; there are: {', '.join(dataset)}.")
        dataset = dataset[split]
    if is_run and config in (None, "instances"):
        dataset = _trained_on(dataset, run.sides())
    return _rows(dataset, limit, columns)


def _trained_on(dataset: Dataset, sides: Mapping[str, str]) -> Dataset:
    """Without what a run has set apart: whoever goes on with a run will train on what comes of its rows."""
    if not sides:
        return dataset
    names = dataset["instruction_id"]
    return dataset.select([at for at, name in enumerate(names) if sides.get(name, "training") == "training"])


def _rows(dataset: Dataset, limit: int | None, columns: Collection[str] | None) -> list[Row]:
    names = dataset.column_names
    counting = [name for name in names if columns is None or name in columns]
    if limit is not None:
        dataset = dataset.select(range(min(limit, len(dataset))))
    return [dict.fromkeys(names) | row for row in dataset.select_columns(counting or names).to_list()]


def _files(folder: Path, endings: Collection[str]) -> list[Path]:
    """Those in the folder and in its subfolders, but for what is hidden."""
    files = (file for file in folder.rglob("*") if file.suffix.lower() in endings and file.is_file())
    return sorted(file for file in files if not any(part[0] == "." for part in file.relative_to(folder).parts))


def _read_hub(
    name: str, config: str | None, split: str, limit: int | None, columns: Collection[str] | None
) -> list[Row]:
    if name.count("/") != 1 or name.startswith((".", "/")):
        raise ConfigError(f"{name}: there is no such file or folder, and it is no NAMESPACE/NAME of the Hub.")
    failure = "there is no such file or folder, and it cannot be read from the Hub"
    return _load(name, config, split, limit, columns, failure)


def _load(
    name: str, config: str | None, split: str, limit: int | None, columns: Collection[str] | None, failure: str
) -> list[Row]:
    from datasets import load_dataset

    try:
        with quiet_clients():
            if limit is None or "[" in split:  # a part of a split cannot be streamed
                return _rows(load_dataset(name, config, split=split), limit, columns)
            return list(islice(load_dataset(name, config, split=split, streaming=True), limit))
    except Exception as error:  # whatever the Hub, the network or the files bring
        said = " ".join(str(error).split())[:300]
        raise ConfigError(f"{name}: {failure} ({type(error).__name__}: {said}).") from None


def _read_file(path: Path, limit: int | None = None) -> list[Row]:
    return _read(path, _READERS[path.suffix.lower()], limit)


def _read(path: Path, reader: Callable[[Path], Iterable[T]], limit: int | None = None) -> list[T]:
    """What a reader yields, which reads no further than it is asked."""
    try:
        with _cells_of_any_length():
            return list(islice(reader(path), limit))
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}, line {_line_not_utf_8(path)}: is not UTF-8 text; save it as UTF-8.") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error}).") from None


@contextmanager
def _cells_of_any_length() -> Iterator[None]:
    """Lifts the limit of `csv`, 131,072 characters, which is that of the whole process."""
    before = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _line_not_utf_8(path: Path) -> int:
    """A reader knows the place in its block only."""
    lines = path.read_bytes().split(b"\n")
    return next(number for number, line in enumerate(lines, 1) if line.decode(errors="ignore").encode() != line)


def _read_lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8-sig") as lines:
        yield from (line.strip() for line in lines if line.strip())


def _read_json_lines(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="\n") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield _object(_parsed(line.rstrip(), f"{path}, line {number}"), f"{path}, line {number}")


def _read_json(path: Path) -> Iterator[Row]:
    rows = _parsed(path.read_text(encoding="utf-8-sig"), str(path))
    if not isinstance(rows, list):
        raise ConfigError(f"{path}: expected a JSON array of objects.")
    for number, row in enumerate(rows, 1):
        yield _object(row, f"{path}, row {number}")


def _read_csv(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        records, names, number = csv.reader(lines, strict=True), list[str](), 1
        try:
            for fields in records:
                if not names:
                    names = fields
                elif len(fields) == len(names):
                    yield dict(zip(names, fields))
                elif fields:
                    raise ConfigError(
                        f"{path}, line {number}: number of fields {len(fields)}, and {len(names)} in the first line; a"
                        " text with a comma stands in quotes."
                    )
                number = records.line_num + 1
        except csv.Error as error:
            raise ConfigError(
                f"{path}, line {number}: is no CSV ({error}); a quote inside a text in quotes is written twice."
            ) from None


def _read_text(path: Path) -> Iterator[Row]:
    yield {"title": path.stem, "text": path.read_text(encoding="utf-8-sig")}


_TEXTS: dict[str, Callable[[Path], Iterable[Row]]] = {".txt": _read_text, ".md": _read_text}
_ABOUT_DATA = ("README", "LICENSE")
_DATA = (".parquet", ".arrow", ".jsonl", ".json", ".csv")
_READERS: dict[str, Callable[[Path], Iterable[Row]]] = {
    ".jsonl": _read_json_lines,
    ".json": _read_json,
    ".csv": _read_csv,
    **_TEXTS,
}


def _parsed(text: str, where: str) -> Any:
    try:
        return storable(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{where}: not JSON ({error}).") from None


def _object(row: Any, where: str) -> Row:
    if not isinstance(row, dict):
        raise ConfigError(f"{where}: expected a JSON object.")
    return row
