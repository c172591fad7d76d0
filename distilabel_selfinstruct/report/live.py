"""A run folder as its page shows it while the run goes on: what is in the dataset, what was asked, how far it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from distilabel_selfinstruct.data.folder import RunFolder
from distilabel_selfinstruct.errors import RunFolderError
from distilabel_selfinstruct.models.browsing import Completions
from distilabel_selfinstruct.report.listings import LONGEST, PAGE, Listed, Row
from distilabel_selfinstruct.report.page import PageParts, named, render
from distilabel_selfinstruct.report.parts import parts_of_run
from distilabel_selfinstruct.report.statistics import Statistics, overview_of, read_statistics, titles_of
from distilabel_selfinstruct.report.wording import money
from distilabel_selfinstruct.usage import CURRENCY, Usage

ANSWERS = "answers"
_STILL = 30.0  # seconds without a change after which a run is taken to stand still
_LAST = 5  # answers or instructions that are shown as the newest


class Answers:
    """Every completion of the run, as a listing: read from the run's files, none of it held.

    Args:
        completions: of the run.
        titles: of the stages.
    """

    name = ANSWERS

    def __init__(self, completions: Completions, titles: Mapping[str, str]) -> None:
        self.completions, self._titles = completions, titles

    def __len__(self) -> int:
        return sum(usage.requests for usage in self.completions.usage().values())

    def title_of(self, stage: str) -> str:
        """A stage in words."""
        return self._titles.get(stage, stage.replace("_", " ").capitalize())

    def description(self) -> dict[str, Any]:
        """What the page must know of them."""
        usage = self.completions.usage()
        answered = sum(each.requests - each.failures for each in usage.values())
        kinds = {"completion": "text", "stage": "text", "output_tokens": "number", "seconds": "number"}
        stages = [(stage, each.requests) for stage, each in usage.items()]
        return {
            "name": self.name,
            "title": "Answers of the model",
            "total": len(self),
            "key": "_key",
            "columns": [{"name": name, "label": name.replace("_", " "), "kind": kind} for name, kind in kinds.items()],
            "filters": [
                {"name": "stage", "label": "stage", "kind": "text", "values": stages},
                {"name": "reason", "label": "failed because", "kind": "text", "values": [("none", answered)]},
            ],
            "meanings": {},
        }

    def row(self, key: str) -> Row | None:
        """One of them, whole."""
        return self.completions.row(key)

    def find(
        self, filters: Mapping[str, str], words: str = "", sort: str = "", start: int = 0, length: int = PAGE
    ) -> tuple[int, list[Row]]:
        """Those that fit, the newest first."""
        count, rows = self.completions.find(filters, words, sort, start, length)
        return count, [{n: v[:LONGEST] if isinstance(v, str) else v for n, v in row.items()} for row in rows]


class LiveRun:
    """A run folder that is looked at; safe to be asked by several threads.

    Args:
        folder: of a run that is there.

    Raises:
        RunFolderError: if the folder is damaged.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self._recipe = folder.recipe()
        self._answers = Answers(Completions(folder.completions), titles_of(self._recipe))
        self._lock = threading.RLock()
        self._parts: PageParts | None = None
        self._built = ""
        self._counted, self._changed = -1, time.time()

    def page(self) -> str:
        """The page, made anew where there is another dataset than before."""
        with self._lock:
            parts = self._current()
            live = {"version": len(self._answers), "rebuilt": self._built}
            return render(replace(parts, live=live))

    def rows(self, config: str, filters: Mapping[str, str], words: str, sort: str, start: int, length: int) -> Row:
        """A page of a listing: `total` rows there are, `fit` fit, `data` are these.

        Raises:
            RunFolderError: if there is no such listing, or a file of the run is damaged.
        """
        with self._lock:
            table = self._listing(config)
            fit, rows = table.find(filters, words, sort, start, length)
            data = [named(config, row) for row in rows]
            return {"total": len(table), "fit": fit, "data": data}

    def row(self, config: str, key: str) -> Row | None:
        """One row, whole; None where there is none.

        Raises:
            RunFolderError: if there is no such listing, or a file of the run is damaged.
        """
        with self._lock:
            row = self._listing(config).row(key)
            return None if row is None else named(config, row)

    def state(self) -> dict[str, Any]:
        """How far the run is, what was spent, and the last rows.

        Raises:
            RunFolderError: if a file of the run is damaged.
        """
        with self._lock:
            usage = self._usage()
            total = sum(usage.values(), Usage())
            if total.requests != self._counted:
                self._counted, self._changed = total.requests, time.time()
            ended = self.folder.summary().ended if self.folder.has_summary else ""
            progress, shares = ({}, {}) if ended else (self.folder.progress(), self.folder.shares())
            return {
                "version": total.requests,
                "rebuilt": self._signature(),
                "running": not ended and time.time() - self._last_change() < _STILL,
                "ended": ended,
                "share": _share(progress, shares),
                "words": self._words(total, progress),
                "stages": [self._stage(stage, each) for stage, each in usage.items()],
                "last": self._last(),
                "totals": {table.name: len(table) for table in self._current().listings},
            }

    # --- what is there ----------------------------------------------------------------------------------------------

    def _current(self) -> PageParts:
        if self._parts is None or self._built != self._signature():
            self._built = self._signature()
            parts = self._of_dataset() if self._built else self._of_nothing()
            self._parts = replace(parts, listings=[*parts.listings, self._answers])
        return self._parts

    def _signature(self) -> str:
        """Names the dataset that is there; empty where there is none."""
        if not self.folder.has_dataset:
            return ""
        return str(self.folder.dataset_path.stat().st_mtime_ns)

    def _of_dataset(self) -> PageParts:
        return parts_of_run(self.folder, self._usage(), statistics=self._reported())

    def _usage(self) -> dict[str, Usage]:
        return self._answers.completions.usage(self.folder.prices())

    def _reported(self) -> Statistics | None:
        """What the report has counted, if it is of the dataset that is there."""
        path = self.folder.report.statistics
        try:
            if path.stat().st_mtime_ns >= self.folder.dataset_path.stat().st_mtime_ns:
                return read_statistics(path, self._recipe)
        except (OSError, ValueError):
            pass
        return None

    def _of_nothing(self) -> PageParts:
        statistics = Statistics(
            name=self.folder.name,
            models=[],
            overview=overview_of([], []),
            funnel=[],
            diversity=None,
            similarity=None,
            lengths={},
            rounds=[],
            balance=None,
            titles=titles_of(self._recipe),
            of_paper=False,
        )
        return PageParts(statistics)

    def _listing(self, config: str) -> Listed:
        for table in self._current().listings:
            if table.name == config:
                return table
        raise RunFolderError(f"{self.folder}: there are no rows {config!r} in it.")

    # --- how far it is ----------------------------------------------------------------------------------------------

    def _last_change(self) -> float:
        files = [*self.folder.completions.glob("*.sqlite"), self.folder.log]
        return max([self._changed, *(path.stat().st_mtime for path in files if path.is_file())])

    def _words(self, total: Usage, progress: Mapping[str, Mapping[str, Any]]) -> str:
        parts = [
            f"{each['admitted']:,} of {each['wanted']:,} admitted in {self._answers.title_of(stage)}"
            for stage, each in progress.items()
        ]
        parts.append(f"{total.requests:,} requests, {total.input_tokens:,} tokens in, {total.output_tokens:,} out")
        if total.cost:
            parts.append(f"{'over ' if total.unpriced else ''}{money(total.cost, CURRENCY)} spent")
        elif total.unpriced:
            parts.append("price unknown")
        return "; ".join(parts)

    def _stage(self, stage: str, usage: Usage) -> dict[str, Any]:
        return {
            "title": self._answers.title_of(stage),
            "requests": usage.requests,
            "failed": usage.failures,
            "input": usage.input_tokens,
            "output": usage.output_tokens,
        }

    def _last(self) -> list[dict[str, Any]]:
        """The newest answers, with what they say."""
        _, rows = self._answers.find({}, length=_LAST)
        return [
            {
                "key": row["_key"],
                "stage": self._answers.title_of(row["stage"]),
                "text": row.get("completion") or row.get("detail", ""),
            }
            for row in rows
        ]


def _share(progress: Mapping[str, Mapping[str, Any]], shares: Mapping[str, float]) -> float | None:
    """Of the stage that is farthest from its end; None where nobody knows."""
    loops = {stage: each["admitted"] / each["wanted"] for stage, each in progress.items() if each["wanted"]}
    return min((loops | dict(shares)).values(), default=None)
