"""Writes the report of a run, or of any dataset, into a folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import pyarrow as pa

from distilabel_selfinstruct.data.folder import ReportFolder, RunFolder
from distilabel_selfinstruct.engine.drawing import Wiring, picture_of
from distilabel_selfinstruct.models.records import seconds_in_flight
from distilabel_selfinstruct.report.charts import charts_of
from distilabel_selfinstruct.report.figures import CAPTIONS, draw_figures
from distilabel_selfinstruct.report.listings import listings_of
from distilabel_selfinstruct.report.measures import COSTLY
from distilabel_selfinstruct.report.page import PageParts, render
from distilabel_selfinstruct.report.rows import Row, Rows, read_rows, read_run
from distilabel_selfinstruct.report.statistics import Statistics, compute_statistics, measures_of, write_statistics
from distilabel_selfinstruct.review.agreement import read_agreements
from distilabel_selfinstruct.review.quality import read_quality
from distilabel_selfinstruct.review.records import QUESTIONS
from distilabel_selfinstruct.usage import Prices, Usage


def write_report(
    run_folder: str | PathLike[str], *, usage: Mapping[str, Usage] | None = None, prices: Prices | None = None
) -> Path:
    """Writes `report/` of a finished run: `index.html`, `figures/NAME.png` and `.svg`, `statistics.json`.

    Args:
        run_folder: the run.
        usage: what each stage has asked for, in the order of the stages.
        prices: of tokens.

    Returns:
        The page.

    Raises:
        RunFolderError: if the folder holds no dataset, or is damaged.
        MissingExtraError: if the extra `report` is not installed.
    """
    folder = RunFolder(run_folder)
    parts = parts_of_run(folder, usage, prices)
    return _write(parts, folder.report, _wiring_of(folder))


def parts_of_run(
    folder: RunFolder,
    usage: Mapping[str, Usage] | None = None,
    prices: Prices | None = None,
    statistics: Statistics | None = None,
) -> PageParts:
    """What the page of a finished run shows.

    Args:
        folder: of the run.
        usage: what each stage has asked for, in the order of the stages.
        prices: of tokens.
        statistics: if they are known; then nothing that takes long is offered to choose rows by.

    Raises:
        RunFolderError: if the folder holds no dataset, or is damaged.
        MissingExtraError: if the extra `report` is not installed.
    """
    rows = read_run(folder)
    measures = measures_of(rows, folder.rows("reviewed", ["instance_id", *_VERDICTS]))
    unoffered = frozenset() if statistics is None else COSTLY
    statistics = statistics or compute_statistics(
        rows, usage, prices, measures=measures, seconds=seconds_in_flight(folder.completions)
    )
    listings = listings_of(folder.tables(), rows.recipe, measures.columns(), unoffered)
    recipe = rows.recipe
    return PageParts(
        statistics,
        listings,
        charts_of(statistics, listings, recipe.charts if recipe else (), folder.config()),
        read_quality(folder),
        read_agreements(folder),
        {reason.code: reason.meaning for stage in recipe.stages for reason in stage.reasons} if recipe else {},
        run=folder.name,
        picture=_picture(folder),
    )


def _wiring_of(folder: RunFolder) -> Wiring | None:
    """Of the run's pipeline; None where it was not kept."""
    description = folder.pipeline_description()
    return None if description is None else Wiring.of_description(description)


def _picture(folder: RunFolder) -> str:
    wiring = _wiring_of(folder)
    return picture_of(wiring, CAPTIONS["pipeline"]) if wiring else ""


_VERDICTS = tuple(question.name for question in QUESTIONS)


def report_for_rows(
    rows: Rows, out: str | PathLike[str], *, name: str | None = None, seeds: Sequence[str] = ()
) -> Path:
    """Writes the report of any dataset with the columns instruction, input and output.

    What only a run records (rejects, rounds, cost) is left out.

    Args:
        rows: rows, a `Dataset`, a `DatasetDict`, or a path (JSON lines, a JSON array, or what `save_to_disk` wrote).
        out: the folder to write to.
        name: what the report calls the dataset.
        seeds: instructions to compare with.

    Returns:
        The page.

    Raises:
        ConfigError: if the rows cannot be used.
        MissingExtraError: if the extra `report` is not installed.
    """
    read = read_rows(rows, name, seeds)
    measures = measures_of(read)
    statistics = compute_statistics(read, measures=measures)
    configs = {"instances": table_of(read.instances), "instructions": table_of(read.instructions)}
    listings = listings_of(configs, None, measures.columns())
    return _write(PageParts(statistics, listings, charts_of(statistics, listings)), ReportFolder(Path(out)))


def table_of(rows: Sequence[Row]) -> pa.Table:
    """Rows of anybody's as a table; a column whose values are of several kinds as JSON."""
    names = dict.fromkeys(name for row in rows for name in row)
    return pa.table({name: _array([row.get(name) for row in rows]) for name in names})


def _array(values: list[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array([None if value is None else json.dumps(value, ensure_ascii=False) for value in values])


def _write(parts: PageParts, folder: ReportFolder, wiring: Wiring | None = None) -> Path:
    draw_figures(parts.statistics, folder.figures, wiring)
    write_statistics(parts.statistics, folder.statistics)
    folder.page.write_text(render(parts), encoding="utf-8")
    return folder.page
