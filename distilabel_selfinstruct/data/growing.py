"""The rows that a run has finished so far, as Parquet files that anybody may read while it goes on."""

from __future__ import annotations

import io
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from distilabel_selfinstruct.data.columns import COLUMNS
from distilabel_selfinstruct.data.dataset import features_of, with_thoughts
from distilabel_selfinstruct.data.files import write_whole
from distilabel_selfinstruct.recipe import Column

ROWS = 1000
"""Rows of a file."""
_PAUSE = 5.0  # seconds after which what does not fill a file is written anew
_SHARE = 50  # times as long as that took

Whole = Callable[[Mapping[str, Sequence[Path]]], None]
"""Called with the whole files of each config, where one more of the main config is whole."""


class GrowingRows:
    """Writes the rows of each config to `CONFIG-00000.parquet` and so on, in their order.

    Each file has as many rows, but the last one, which is written anew as it grows; a reader sees none that is half
    written. A run that was stopped writes the same rows into the same files when it goes on.

    Args:
        folder: where to; what is there is removed.
        columns: of each config that is shown.
        known: what columns there are.
        size: rows of a file.
        main: the config whose whole files are told of.
        whole: is told of them.
    """

    def __init__(
        self,
        folder: Path,
        columns: Mapping[str, Sequence[str]],
        known: Mapping[str, Column] = COLUMNS,
        size: int = ROWS,
        main: str = "instances",
        whole: Whole | None = None,
    ) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self._folder, self._size, self._main, self._whole = folder, size, main, whole
        self._features = {config: features_of(names, known) for config, names in columns.items()}
        self._waiting: dict[str, list[dict[str, Any]]] = {config: [] for config in columns}
        self._files: dict[str, list[Path]] = {config: [] for config in columns}
        self._due: dict[str, float] = dict.fromkeys(columns, 0.0)

    def add(self, config: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Takes rows of a config; those of one that is not shown are passed over."""
        if config not in self._waiting or not rows:
            return
        waiting = self._waiting[config]
        waiting += map(dict, rows)
        while len(waiting) >= self._size:
            self._files[config].append(self._write(config, waiting[: self._size]))
            del waiting[: self._size]
            if config == self._main and self._whole is not None:
                self._whole({name: tuple(files) for name, files in self._files.items()})
        if waiting and time.monotonic() >= self._due[config]:
            self._write(config, waiting)

    def _write(self, config: str, rows: Sequence[Mapping[str, Any]]) -> Path:
        begun = time.monotonic()
        path = self._folder / f"{config}-{len(self._files[config]):05d}.parquet"
        features = self._features[config]
        if "messages" in features:
            features = with_thoughts(features, pa.Table.from_pylist(list(rows)).schema)
        content = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(list(rows), schema=features.arrow_schema), content)
        write_whole(path, content.getvalue())
        ended = time.monotonic()
        self._due[config] = ended + max(_PAUSE, _SHARE * (ended - begun))
        return path
