"""Rows that are there already: of a run folder, a file, a folder, a saved dataset, or a dataset of the Hub.

This is the one reader: sources, documents, reports, references and seeds all come through it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Generator, Iterator, Mapping
from contextlib import closing
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from distilabel_selfinstruct.data.folder import RunFolder
from distilabel_selfinstruct.data.formats import FORMATS, Reader, Row
from distilabel_selfinstruct.data.quiet import quiet_clients
from distilabel_selfinstruct.data.streams import ending_of, faults_told, open_text
from distilabel_selfinstruct.data.tasks import as_text, shown, text_of
from distilabel_selfinstruct.data.texts import EXTRA, TEXTS, is_converted, lacks_extra
from distilabel_selfinstruct.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["as_text", "iter_source", "read_lines", "read_source", "shown", "text_of"]

READERS: dict[str, Reader] = {**FORMATS, **TEXTS}
ENDINGS = f"{', '.join(READERS)}, the same compressed (.gz, .zst, .bz2, .xz)"
_ABOUT_DATA = ("README", "LICENSE")
_SPLITS = re.compile(
    r"(?:\A|[\W_])(?:train|training|test|testing|eval|evaluation|valid|validation|val|dev)(?:[\W_]|\Z)", re.I
)
EVERY_SPLIT = "all"
_SHOWN = 3  # names of files in a note


def read_source(
    source: str,
    config: str | None = None,
    split: str = "train",
    limit: int | None = None,
    columns: Collection[str] | None = None,
    notes: list[str] | None = None,
) -> list[Row]:
    """The rows of a source.

    Args:
        source: a run folder (without what it has set apart), a folder that `save_to_disk` wrote, a file (`.jsonl`,
            `.ndjson`, `.json`, `.csv`, `.tsv`, `.parquet`, `.arrow`, `.xlsx`, also compressed; documents such as
            `.txt`, `.md`, `.pdf` are a row each, with `title` and `text`), a folder of such files, or the name of a
            dataset on the Hub, `namespace/name`.
        config: of the dataset; of a run its `instances` by default.
        split: of the dataset; `all` stands for every one.
        limit: how many rows are read at most; no more than these are looked at.
        columns: those that count; others of a dataset are not loaded, and stand in the rows as None.
        notes: takes what a user should know of files in a folder that are not read.

    Raises:
        ConfigError: says what cannot be read, and where.
        MissingExtraError: if a file needs the extra `documents`.
    """
    with closing(iter_source(source, config, split, limit, columns, notes)) as rows:
        return list(rows)


def iter_source(
    source: str,
    config: str | None = None,
    split: str = "train",
    limit: int | None = None,
    columns: Collection[str] | None = None,
    notes: list[str] | None = None,
) -> Generator[Row, None, None]:
    """The rows of a source one by one; see `read_source`."""
    path, notes = Path(source), notes if notes is not None else []
    if path.is_dir():
        yield from islice(_of_folder(path, config, split, limit, columns, notes), limit)
    elif ending_of(path) in READERS:
        yield from islice(_of_file(path, columns), limit)
    elif path.exists():
        raise ConfigError(f"{source}: cannot be read; its name must end in {ENDINGS}.")
    else:
        yield from _of_hub(source, config, split, limit, columns)


def read_lines(path: Path, limit: int | None = None) -> list[str]:
    """The lines of a text file that are not empty, at most so many.

    Raises:
        ConfigError: if it cannot be read, or has none.
    """
    with faults_told(path), open_text(path) as text:
        if lines := list(islice((line.strip() for line in text if line.strip()), limit)):
            return lines
    raise ConfigError(f"{path}: is empty.")


def _of_file(path: Path, columns: Collection[str] | None = None) -> Iterator[Row]:
    with faults_told(path):
        yield from READERS[ending_of(path)](path, columns)


def _of_folder(
    path: Path, config: str | None, split: str, limit: int | None, columns: Collection[str] | None, notes: list[str]
) -> Iterator[Row]:
    run = RunFolder(path)
    is_run = run.is_run and (run.has_dataset or run.completions.is_dir())
    folder = run.dataset_path / (config or "instances") if is_run else path / (config or "")
    if any((folder / name).exists() for name in ("dataset_dict.json", "state.json")):
        return _of_saved(folder, split, limit, columns, run.sides() if is_run and config in (None, "instances") else {})
    files = [] if is_run else _files(path)
    read = [file for file in files if ending_of(file) in READERS]
    texts = [file for file in read if ending_of(file) in TEXTS]
    if len(read) > len(texts) and all(file.stem.upper() in _ABOUT_DATA for file in texts):
        read = [file for file in read if file not in texts]
        if config or split not in ("train", EVERY_SPLIT) or _has_splits(path, files):
            return iter(_load(str(path), config, split, limit, columns, "cannot be read as a dataset"))
        texts = []
    if config or not read or all(lacks_extra(ending_of(file)) for file in read):
        if lacking := [file for file in read if lacks_extra(ending_of(file))]:
            raise MissingExtraError.of(f"{path}: {_counted(lacking)}", EXTRA)
        raise ConfigError(
            f"{folder}: there is no dataset here; expected a finished run, what save_to_disk wrote, or files"
            f" ({ENDINGS}){f'; there are {_counted(files)}' if files else ''}."
        )
    return _of_files(path, files, read, columns if texts else None, notes)


def _of_saved(
    folder: Path, split: str, limit: int | None, columns: Collection[str] | None, sides: Mapping[str, str]
) -> Iterator[Row]:
    from datasets import Dataset, load_from_disk

    try:
        dataset = load_from_disk(str(folder))
    except Exception as error:  # whatever is wrong with its files
        raise ConfigError(f"{folder}: is a damaged dataset ({type(error).__name__}: {error}).") from None
    if not isinstance(dataset, Dataset):
        if split != EVERY_SPLIT and split not in dataset:
            raise ConfigError(f"{folder}: there is no split {split!r}; there are: {', '.join(dataset)}.")
        splits = list(dataset.values()) if split == EVERY_SPLIT else [dataset[split]]
        return chain.from_iterable(_rows(_trained_on(each, sides), limit, columns) for each in splits)
    return iter(_rows(dataset, limit, columns))


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


def _files(folder: Path) -> list[Path]:
    """Those in the folder and in its subfolders, but for what is hidden."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return sorted(file for file in files if not any(part[0] == "." for part in file.relative_to(folder).parts))


def _has_splits(folder: Path, files: list[Path]) -> bool:
    """Whether the folder is what `datasets` knows as a dataset: by the names of its files, or by its card."""
    card = folder / "README.md"
    has_card = card.is_file() and card.read_text(encoding="utf-8", errors="replace").startswith("---\n")
    return has_card or any(_SPLITS.search(str(file.relative_to(folder))) for file in files)


def _of_files(
    folder: Path, files: list[Path], read: list[Path], columns: Collection[str] | None, notes: list[str]
) -> Iterator[Row]:
    """The rows of each file; where there are documents, of data files only what has one of the columns that count.

    A document that has to be converted and cannot be is left out, and so is JSON that holds something else than rows;
    both are told.
    """
    if other := [file for file in files if ending_of(file) not in READERS]:
        notes.append(f"{folder}: left out, as they cannot be read: {_counted(other)}: {_named(other, folder)}.")
    if lacking := [file for file in read if lacks_extra(ending_of(file))]:
        extra = MissingExtraError.of(f"{folder}: left out were {_counted(lacking)}; to read them", EXTRA)
        notes.append(str(extra))
    for file in read:
        if file not in lacking:
            yield from _of_one_of_many(folder, file, columns, notes)


def _of_one_of_many(folder: Path, file: Path, columns: Collection[str] | None, notes: list[str]) -> Iterator[Row]:
    ending = ending_of(file)
    rows = _of_file(file, columns)
    try:
        first = next(rows, None)
    except ConfigError as error:
        if is_converted(ending) or (ending == ".json" and columns is not None):
            notes.append(f"left out: {error}")
            return
        raise
    if first is None:
        return
    if ending in FORMATS and columns is not None and not first.keys() & set(columns):
        notes.append(f"left out: {file}: it has none of the columns {', '.join(columns)}.")
        return
    yield from chain([first], rows)


def _counted(files: list[Path]) -> str:
    """Such as `3 files (2 .pdf, 1 .docx)`."""
    counts = Counter(ending_of(file) or "without an ending" for file in files)
    each = ", ".join(f"{count:,} {ending}" for ending, count in counts.most_common())
    return f"{len(files):,} file{'s' if len(files) > 1 else ''} ({each})"


def _named(files: list[Path], folder: Path) -> str:
    names = [str(file.relative_to(folder)) for file in files[:_SHOWN]]
    return ", ".join([*names, *(["..."] if len(files) > _SHOWN else [])])


def _of_hub(name: str, config: str | None, split: str, limit: int | None, columns: Collection[str] | None) -> list[Row]:
    if name.count("/") != 1 or name.startswith((".", "/")):
        raise ConfigError(f"{name}: there is no such file or folder, and it is no NAMESPACE/NAME of the Hub.")
    failure = "there is no such file or folder, and it cannot be read from the Hub"
    if config is None and _is_of_a_run(name):
        config = "instances"
    return _load(name, config, split, limit, columns, failure)


def _is_of_a_run(name: str) -> bool:
    """Whether a dataset of the Hub is a run that was pushed: its first config is in the format of a trainer."""
    from datasets import get_dataset_config_names

    try:
        with quiet_clients():
            return set(get_dataset_config_names(name)) >= {"instances", "instructions"}
    except Exception:  # what is wrong is said where it is loaded
        return False


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
