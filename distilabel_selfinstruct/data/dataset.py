"""The dataset of a run on disk: fixed columns and types, the same bytes for the same rows."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from datasets import Dataset, DatasetDict, Features, List, Value, disable_progress_bars, load_from_disk
from datasets.table import InMemoryTable

from distilabel_selfinstruct.data.columns import COLUMNS
from distilabel_selfinstruct.data.files import replacing
from distilabel_selfinstruct.errors import RunFolderError
from distilabel_selfinstruct.recipe import Column

if TYPE_CHECKING:
    from distilabel.distiset import Distiset

_TEXT, _NUMBER, _SCORE, _FLAG = Value("string"), Value("int64"), Value("float64"), Value("bool")
_PART = 5_000  # rows that are in memory at once
_CHAT = List({"role": _TEXT, "content": _TEXT})
_THOUGHTFUL_CHAT = List({"role": _TEXT, "content": _TEXT, "thinking": _TEXT})
_FEATURES: dict[str, Any] = {
    "text": _TEXT,
    "number": _NUMBER,
    "score": _SCORE,
    "flag": _FLAG,
    "texts": List(_TEXT),
    "chat": _CHAT,
    "similar": List({"id": _TEXT, "score": _SCORE}),
    "instances": List({"input": _TEXT, "output": _TEXT}),
}


class StoredRows(Sequence[dict[str, Any]]):
    """The rows of a table, each made when it is asked for: a table in a file is not read into memory.

    Args:
        table: whose rows they are.
    """

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for batch in self._table.to_batches(max_chunksize=_PART):
            yield from batch.to_pylist()

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return self._table.take(pa.array(range(*at.indices(len(self))), pa.int64())).to_pylist()
        return self._table.slice(range(len(self))[at], 1).to_pylist()[0]


def features_of(columns: Iterable[str], known: Mapping[str, Column] = COLUMNS) -> Features:
    """The types of these columns; text for all that nobody knows.

    Args:
        columns: their names.
        known: what columns there are.
    """
    columns = list(columns)
    types = {name: column.type for name, column in known.items()}
    if "chosen" in columns:  # preference pairs are chats
        types |= dict.fromkeys(("prompt", "chosen", "rejected"), "chat")
    return Features({column: _FEATURES[types.get(column, "text")] for column in columns})


def save_dataset(
    distiset: Distiset, columns: Mapping[str, Sequence[str]], folder: Path, known: Mapping[str, Column] = COLUMNS
) -> None:
    """Writes the configs, each with exactly its columns, also where it has no rows; whole or not at all.

    Args:
        distiset: the rows by config.
        columns: the columns of each config.
        folder: where to; what is there is replaced.
        known: what columns there are.
    """
    with replacing(folder) as draft:
        for config, names in columns.items():
            features = features_of(names, known)
            if config in distiset:
                table = distiset[config]["train"].data.table.select(list(names))
                features = with_thoughts(features, table.schema)
                table = table.cast(features.arrow_schema)
            else:
                table = features.arrow_schema.empty_table()
            _write_config(table, features, draft / config)


def with_thoughts(features: Features, schema: pa.Schema) -> Features:
    """With thoughts in the messages, where these have any."""
    if "messages" not in features or "thinking" not in str(schema.field("messages").type):
        return features
    return Features({**features, "messages": _THOUGHTFUL_CHAT})


def save_config(rows: Sequence[dict[str, Any]], features: Features, folder: Path) -> None:
    """Writes one config of a dataset, whole or not at all; what is there is replaced."""
    disable_progress_bars()
    with replacing(folder) as draft:
        _write_config(pa.Table.from_pylist(list(rows), schema=features.arrow_schema), features, draft)


def _write_config(table: pa.Table, features: Features, folder: Path) -> None:
    # One file at least: without any `datasets` cannot load what it saved.
    shards = {"train": 1} if not table.num_rows else None
    DatasetDict({"train": _dataset(table, features)}).save_to_disk(str(folder), num_shards=shards)


def load_dataset(folder: Path) -> Distiset:
    """The dataset of a run, as distilabel has it.

    Raises:
        RunFolderError: if there is none, or it is damaged.
    """
    from distilabel.distiset import Distiset

    return Distiset(load_configs(folder))


def load_configs(folder: Path) -> dict[str, DatasetDict]:
    """The configs of a dataset.

    Raises:
        RunFolderError: if there is none, or one is damaged.
    """
    configs = sorted(path for path in folder.glob("*") if is_config(path) or (path / "train").is_dir())
    if not configs:
        raise no_dataset(folder)
    return {config.name: load_config(config) for config in configs}


def no_dataset(folder: Path) -> RunFolderError:
    """The error where there is none."""
    return RunFolderError(f"{folder}: there is no dataset; run the pipeline to its end first.")


def is_config(folder: Path) -> bool:
    """Whether there is a config of a dataset in this folder."""
    return (folder / "dataset_dict.json").is_file()


def load_config(folder: Path) -> DatasetDict:
    """One config of a dataset.

    Raises:
        RunFolderError: if it is damaged.
    """
    try:
        return DatasetDict(load_from_disk(str(folder)))
    except Exception as error:  # whatever is wrong with its files
        said = " ".join(str(error).split())[:200]
        raise RunFolderError(
            f"{folder}: is damaged ({type(error).__name__}: {said}); delete {folder.parent} and run the same command"
            " again: what was answered is kept."
        ) from None


def _dataset(table: pa.Table, features: Features) -> Dataset:
    """Named by its content: a name by time or chance would make equal datasets differ on disk."""
    table = table.replace_schema_metadata(features.arrow_schema.metadata).combine_chunks()
    sink = _Digest()
    with pa.ipc.new_stream(pa.PythonFile(sink, "w"), table.schema) as writer:
        writer.write_table(table)
    return Dataset(InMemoryTable(table), fingerprint=sink.digest.hexdigest()[:16])


class _Digest(io.RawIOBase):
    """A file of which only the digest is kept."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.digest.update(data)
        return len(data)
