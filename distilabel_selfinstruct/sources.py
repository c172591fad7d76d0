"""Rows that a recipe starts from: of a run folder, a file, a saved dataset, or a dataset of the Hub."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from distilabel_selfinstruct.errors import ConfigError

Row = dict[str, Any]


def read_source(source: str, config: str | None = None, split: str = "train") -> list[Row]:
    """The rows of a source.

    Args:
        source: a run folder, a folder that `save_to_disk` wrote, a file (`.jsonl`, `.json`, `.csv`; `.txt` and `.md`
            are a row each, with `title` and `text`), a folder of text files, or the name of a dataset on the Hub,
            `namespace/name`.
        config: of the dataset; of a run its `instances` by default.
        split: of the dataset.

    Raises:
        ConfigError: says what cannot be read, and where.
    """
    path = Path(source)
    if path.is_dir():
        return _read_folder(path, config, split)
    if path.suffix.lower() in _READERS:
        return _read_file(path)
    if path.exists():
        raise ConfigError(f"{source}: cannot be read; its name must end in {', '.join(_READERS)}.")
    return _read_hub(source, config, split)


def read_lines(path: Path) -> list[str]:
    """The lines of a text file that are not empty.

    Raises:
        ConfigError: if it cannot be read, or has none.
    """
    (row,) = _read_file(path, _read_text)
    if lines := [line.strip() for line in row["text"].split("\n") if line.strip()]:
        return lines
    raise ConfigError(f"{path}: is empty.")


def text_of(row: Row, column: str, where: str) -> str:
    """The text in a column.

    Raises:
        ConfigError: if there is none.
    """
    if column not in row:
        raise ConfigError(f"{where}: there is no column {column!r}; there are: {', '.join(map(str, row))}.")
    if not isinstance(row[column], str) or not row[column].strip():
        raise ConfigError(f"{where}, column {column!r}: expected a text, found {_shown(row[column])}.")
    return str(row[column]).strip()


def _shown(value: Any) -> str:
    return "nothing" if value is None or value == "" else f"{str(value)[:60]!r}"


def _read_folder(path: Path, config: str | None, split: str) -> list[Row]:
    from datasets import Dataset, load_from_disk

    folder = path / "dataset" / (config or "instances") if (path / "config.yaml").exists() else path / (config or "")
    if not any((folder / name).exists() for name in ("dataset_dict.json", "state.json")):
        if folder == path and (texts := _text_files(path)):
            return [row for file in texts for row in _read_file(file)]
        raise ConfigError(
            f"{folder}: there is no dataset here; expected a finished run, what save_to_disk wrote, or text files"
            f" ({', '.join(_TEXTS)})."
        )
    dataset = load_from_disk(str(folder))
    if not isinstance(dataset, Dataset):
        if split not in dataset:
            raise ConfigError(f"{folder}: there is no split {split!r}; there are: {', '.join(dataset)}.")
        dataset = dataset[split]
    return dataset.to_list()


def _text_files(folder: Path) -> list[Path]:
    """Those in the folder and in its subfolders, but for what is hidden."""
    files = (file for file in folder.rglob("*") if file.suffix.lower() in _TEXTS and file.is_file())
    return sorted(file for file in files if not any(part[0] == "." for part in file.relative_to(folder).parts))


def _read_hub(name: str, config: str | None, split: str) -> list[Row]:
    from datasets import load_dataset

    if name.count("/") != 1 or name.startswith((".", "/")):
        raise ConfigError(f"{name}: there is no such file or folder, and it is no NAMESPACE/NAME of the Hub.")
    try:
        return load_dataset(name, config, split=split).to_list()  # type: ignore[union-attr]
    except Exception as error:  # whatever the Hub, the network or the files bring
        said = " ".join(str(error).split())[:300]
        raise ConfigError(f"{name}: cannot be read from the Hub ({type(error).__name__}: {said}).") from None


def _read_file(path: Path, reader: Callable[[Path], Iterable[Row]] | None = None) -> list[Row]:
    try:
        return list((reader or _READERS[path.suffix.lower()])(path))
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file.") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text (byte {error.start}); save it as UTF-8.") from None
    except (OSError, csv.Error) as error:
        raise ConfigError(f"{path}: cannot be read ({error}).") from None


def _read_json_lines(path: Path) -> Iterator[Row]:
    # Not splitlines(): it also cuts at characters such as U+2028, which JSON allows inside a string.
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").split("\n"), 1):
        if line.strip():
            yield _object(_parsed(line, f"{path}, line {number}"), f"{path}, line {number}")


def _read_json(path: Path) -> Iterator[Row]:
    rows = _parsed(path.read_text(encoding="utf-8-sig"), str(path))
    if not isinstance(rows, list):
        raise ConfigError(f"{path}: expected a JSON array of objects.")
    for number, row in enumerate(rows, 1):
        yield _object(row, f"{path}, row {number}")


def _read_csv(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        yield from csv.DictReader(lines)


def _read_text(path: Path) -> Iterator[Row]:
    yield {"title": path.stem, "text": path.read_text(encoding="utf-8-sig")}


_TEXTS: dict[str, Callable[[Path], Iterable[Row]]] = {".txt": _read_text, ".md": _read_text}
_READERS: dict[str, Callable[[Path], Iterable[Row]]] = {
    ".jsonl": _read_json_lines,
    ".json": _read_json,
    ".csv": _read_csv,
    **_TEXTS,
}


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{where}: not JSON ({error}).") from None


def _object(row: Any, where: str) -> Row:
    if not isinstance(row, dict):
        raise ConfigError(f"{where}: expected a JSON object.")
    return row
