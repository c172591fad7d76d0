"""The completions of a run as rows, page by page and the newest first, also while they are written.

A file that is written cannot be committed to while it is read. So each read is short, and ends by itself.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from distilabel_selfinstruct.errors import RunFolderError
from distilabel_selfinstruct.models.records import count_usage, reading, stage_of
from distilabel_selfinstruct.usage import PriceList, Usage

SORTS = ("started", "seconds", "input_tokens", "output_tokens")
_LONGEST_READ = 2.0  # seconds; who writes waits 5
_STEPS = 10_000  # of SQLite, between two looks at the clock
_COLUMNS = (
    "rowid, started, seconds, coalesce((SELECT text FROM prefixes WHERE id = prefix_id), '') || prompt, completion,"
    " finish_reason, reason, detail, input_tokens, output_tokens, model"
)
_NAMES = (
    "started",
    "seconds",
    "prompt",
    "completion",
    "finish_reason",
    "reason",
    "detail",
    "input_tokens",
    "output_tokens",
    "model_name",
)

Row = dict[str, Any]


class Completions:
    """The completions in a folder, which may not be there yet.

    Args:
        folder: of the run's files of completions.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: dict[str, tuple[int, dict[str, Usage]]] = {}  # by file: up to which row, and by model
        self._begun: dict[str, float] = {}  # by stage, when it first asked

    def usage(self, prices: PriceList | None = None) -> dict[str, Usage]:
        """What was asked so far, and what it cost where there are prices, by stage, in the order in which they asked.

        Each file is read on from where it was left.

        Raises:
            RunFolderError: if a file is damaged or is none of ours.
        """
        usage: dict[tuple[str, str], Usage] = {}
        for path in self._files():
            stage = stage_of(path)
            for model, used in self._of_file(path).items():
                usage[stage, model] = usage.get((stage, model), Usage()) + used
        in_order = sorted(usage.items(), key=lambda item: self._begun[item[0][0]])
        return (prices or PriceList()).priced(dict(in_order))

    def _of_file(self, path: Path) -> dict[str, Usage]:
        row, usage = self._seen.get(path.name, (0, {}))
        with _briefly(path) as connection:
            counted = count_usage(connection, row)
        for used in counted:
            usage[used.model] = usage.get(used.model, Usage()) + used.usage
            self._begun[stage_of(path)] = min(used.begun, self._begun.get(stage_of(path), used.begun))
        self._seen[path.name] = (max([row, *(used.last for used in counted)]), usage)
        return usage

    def find(self, filters: Mapping[str, str], words: str, sort: str, start: int, length: int) -> tuple[int, list[Row]]:
        """How many completions fit, and a page of them.

        Args:
            filters: `stage`, `reason` and `finish_reason`; `none` where there is none.
            words: that must all stand in the prompt, the completion or the detail.
            sort: one of `SORTS`, with `-` in front the greatest first; by default the newest first.
            start: of the page.
            length: of the page.

        Raises:
            RunFolderError: if it takes too long, or a file is damaged.
        """
        column = sort.removeprefix("-") if sort.removeprefix("-") in SORTS else ""
        where, values = _condition(filters, words)
        order = f"{column} {'DESC' if sort.startswith('-') else 'ASC'}" if column else "rowid DESC"
        count, places = 0, []
        for path in self._files():
            if filters.get("stage", stage_of(path)) != stage_of(path):
                continue
            with _briefly(path) as connection:
                count += connection.execute(f"SELECT count(*) FROM completions WHERE {where}", values).fetchone()[0]
                places += [
                    (key, path, row)
                    for key, row in connection.execute(
                        f"SELECT {column or 'started'}, rowid FROM completions WHERE {where} ORDER BY {order} LIMIT ?",
                        (*values, start + length),
                    )
                ]
        places.sort(key=lambda place: place[0], reverse=not column or sort.startswith("-"))
        return count, [row for _, path, at in places[start : start + length] if (row := self._row(path, at))]

    def row(self, key: str) -> Row | None:
        """The completion of that key; None where there is none."""
        name, _, row = key.rpartition(":")
        path = next((path for path in self._files() if path.stem == name), None)
        return self._row(path, int(row)) if path and row.isdecimal() and len(row) < 19 else None

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("*.sqlite"))

    def _row(self, path: Path, row: int) -> Row | None:
        with _briefly(path) as connection:
            found = connection.execute(f"SELECT {_COLUMNS} FROM completions WHERE rowid = ?", (row,)).fetchone()
        if found is None:
            return None
        values = {name: value for name, value in zip(_NAMES, found[1:]) if value is not None}
        return {"_key": f"{path.stem}:{found[0]}", "stage": stage_of(path), **values}


def _condition(filters: Mapping[str, str], words: str) -> tuple[str, list[str]]:
    parts, values = ["1"], []
    for name in ("reason", "finish_reason"):
        if (wanted := filters.get(name)) == "none":
            parts.append(f"{name} IS NULL")
        elif wanted is not None:
            parts.append(f"{name} = ?")
            values.append(wanted)
    text = (
        "(coalesce((SELECT text FROM prefixes WHERE id = prefix_id), '') || prompt || coalesce(completion, '')"
        " || coalesce(detail, ''))"
    )
    for each in words.split():
        parts.append(rf"{text} LIKE ? ESCAPE '\'")
        values.append("%" + each.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_") + "%")
    return " AND ".join(parts), values


@contextmanager
def _briefly(path: Path) -> Iterator[sqlite3.Connection]:
    with reading(path) as connection:
        end = time.monotonic() + _LONGEST_READ
        connection.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
        try:
            yield connection
        except sqlite3.OperationalError as error:
            if "interrupted" not in str(error):
                raise
            raise RunFolderError(f"{path.parent}: this takes too long among so many completions; narrow it.") from None
