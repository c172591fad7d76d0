"""TakenRows: the rows that a loop has made of answers, so that a later session need not judge them once more."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from distilabel_selfinstruct.data.rows import Row

_BUFFER = 1 << 16  # bytes that a killed process may lose; what they tell is made once more


class TakenRows:
    """A line a prompt, in the order of the prompts, below one that says what they depend on.

    It saves time only: where it is missing, ends in the middle or is of other options, the rows are made of the stored
    answers again, and are the same.

    Args:
        path: the file; it need not be there.
        depends_on: what makes other rows of the same answers.
        columns: of a row; those that are None are not written.
    """

    def __init__(self, path: Path, depends_on: Mapping[str, Any], columns: Sequence[str]) -> None:
        self._path, self._columns = path, columns
        of = hashlib.sha256(json.dumps(depends_on, sort_keys=True, default=str).encode()).hexdigest()
        self._head = json.dumps({"depends_on": of}).encode() + b"\n"
        self._size = 0  # bytes of what earlier sessions have kept
        self._file: BinaryIO | None = None

    def read(self, holds: Callable[[list[bytes], list[Row]], bool]) -> Iterator[tuple[list[bytes], list[Row]]]:
        """By prompt what was asked and the rows, as far as earlier sessions have kept them; then `keep` goes on.

        Args:
            holds: whether these still hold; what follows those that do not is not believed either.
        """
        self._size = 0
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError), self._path.open("rb") as file:
            if file.readline() == self._head:
                self._size = len(self._head)
                for line in file:
                    taken = json.loads(line) if line.endswith(b"\n") else {}
                    asked, rows = [bytes.fromhex(key) for key in taken["asked"]], self._whole(taken["rows"])
                    if not holds(asked, rows):
                        break
                    yield asked, rows
                    self._size += len(line)
        with contextlib.suppress(OSError):  # a loop goes on without it
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("r+b" if self._size else "wb", buffering=_BUFFER)
            self._file.truncate(self._size)
            self._file.seek(self._size)
            if not self._size:
                self._file.write(self._head)

    def rows(self) -> Iterator[Row]:
        """The rows that `read` has given, once more."""
        at = len(self._head)
        if self._size <= at:
            return
        with self._path.open("rb") as file:
            file.seek(at)
            while at < self._size:
                line = file.readline()
                at += len(line)
                yield from self._whole(json.loads(line)["rows"])

    def keep(self, asked: Sequence[bytes], rows: Sequence[Row]) -> None:
        """Keeps the rows of the next prompt, and the key of each request for it."""
        if self._file is None:
            return
        told = [{name: value for name, value in row.items() if value is not None} for row in rows]
        try:
            self._file.write(json.dumps({"asked": [key.hex() for key in asked], "rows": told}).encode() + b"\n")
        except OSError:  # no room for it: only time is lost
            self.close()

    def close(self) -> None:
        """Keeps nothing more."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None

    def _whole(self, rows: Sequence[Row]) -> list[Row]:
        return [dict.fromkeys(self._columns) | row for row in rows]
