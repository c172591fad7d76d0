"""Where the rows go that come out of a pipeline's leaf steps."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from distilabel_selfinstruct.data.growing import GrowingRows
from distilabel_selfinstruct.engine.stock import Batch, WriteBuffer
from distilabel_selfinstruct.errors import PipelineError

_LEAF_ROWS = 5000  # rows of a leaf kept in memory before they are written


class LeafWriter(WriteBuffer):
    """Writes the rows of leaf steps to Parquet, each part with the schema that its rows have."""

    def __init__(self, path: Path, leaf_steps: set[str], growing: GrowingRows | None = None) -> None:
        super().__init__(path, leaf_steps)
        self._growing = growing
        self._buffers_dump_batch_size = dict.fromkeys(leaf_steps, _LEAF_ROWS)
        self.rows: Counter[str] = Counter()

    def add_batch(self, batch: Batch) -> None:
        self.rows[batch.step_name] += len(batch.data[0])
        if self._growing is not None:
            self._growing.add(batch.step_name, batch.data[0])
        super().add_batch(batch)

    def _write(self, step_name: str) -> None:
        number = self._buffers_last_file[step_name]
        self._buffers_last_file[step_name] += 1
        (self._path / step_name).mkdir(exist_ok=True)
        rows = self._buffers[step_name]
        columns = dict.fromkeys(column for row in rows for column in row)
        try:
            # Arrow takes the columns of the first row for those of all rows.
            table = pa.Table.from_pylist([columns | row for row in rows])
        except pa.ArrowException as error:
            raise PipelineError(f"The rows of step '{step_name}' do not fit into columns: {error}") from None
        pq.write_table(table, self._path / step_name / f"{number:06d}.parquet")
        self._clean_buffer(step_name)

    def close(self) -> None:
        for step_name, rows in self._buffers.items():
            if rows:
                self._write(step_name)


def read_leaf(folder: Path) -> pa.Table | None:
    """The rows of a leaf step, mapped into memory part by part and not held there; None where it has none."""
    parts = [_mapped(path) for path in sorted(folder.glob("*.parquet"))]
    return pa.concat_tables(parts, promote_options="permissive") if parts else None


def _mapped(part: Path) -> pa.Table:
    """The rows of a part, in a file that can be mapped: Parquet cannot."""
    rows, path, draft = pq.read_table(part), part.with_suffix(".arrow"), part.with_suffix(".draft")
    with pa.ipc.new_file(draft, rows.schema) as file:
        file.write_table(rows)
    draft.replace(path)  # what maps the one before keeps it
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()
