"""What the page of a run, or of any dataset, shows, put together; and the files of a report."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa

from distilabel_selfinstruct.data.folder import ReportFolder, RunFolder
from distilabel_selfinstruct.engine.drawing import Wiring
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.evaluation.findings import read_findings
from distilabel_selfinstruct.models.records import seconds_in_flight
from distilabel_selfinstruct.report.charts import charts_of, pipeline_chart
from distilabel_selfinstruct.report.listings import COSTLY, listings_of
from distilabel_selfinstruct.report.measures import Measures
from distilabel_selfinstruct.report.page import PageParts, render
from distilabel_selfinstruct.report.rows import ReportRows, Row, read_run
from distilabel_selfinstruct.report.statistics import Statistics, compute_statistics, write_statistics
from distilabel_selfinstruct.review.agreement import read_agreements
from distilabel_selfinstruct.review.quality import read_quality
from distilabel_selfinstruct.usage import Prices, Usage


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
    recipe, configs = folder.recipe(), folder.tables()
    measures = Measures(lambda: _column(configs, "instructions"), lambda: _column(configs, "seeds"))
    unoffered = frozenset() if statistics is None and measures.is_whole else COSTLY
    statistics = statistics or compute_statistics(
        read_run(folder), usage, prices, measures=measures, seconds=seconds_in_flight(folder.completions)
    )
    listings = listings_of(configs, recipe, measures, unoffered)
    wiring = wiring_of(folder)
    drawn = [pipeline_chart(wiring)] if wiring else []
    return PageParts(
        statistics,
        listings,
        [*drawn, *charts_of(statistics, listings, recipe.charts, folder.config())],
        read_quality(folder),
        read_agreements(folder),
        read_findings(folder),
        {reason.code: reason.meaning for stage in recipe.stages for reason in stage.reasons},
        run=folder.name,
    )


def _column(configs: Mapping[str, pa.Table], config: str) -> list[str]:
    """The instructions of a config."""
    texts: list[str] = configs[config]["instruction"].to_pylist() if config in configs else []
    return texts


def wiring_of(folder: RunFolder) -> Wiring | None:
    """Of the run's pipeline; None where it was not kept, or in a form that nobody can draw."""
    description = folder.pipeline_description()
    with suppress(ConfigError):
        return None if description is None else Wiring.of_description(description)
    return None


def parts_of_rows(rows: ReportRows) -> PageParts:
    """What the page of any dataset shows.

    Raises:
        MissingExtraError: if the extra `report` is not installed.
    """
    configs = {"instances": table_of(rows.instances), "instructions": table_of(rows.instructions)}
    measures = Measures(lambda: _column(configs, "instructions"), lambda: rows.seeds)
    statistics = compute_statistics(rows, measures=measures)
    listings = listings_of(configs, None, measures, frozenset() if measures.is_whole else COSTLY)
    return PageParts(statistics, listings, charts_of(statistics, listings))


def table_of(rows: Sequence[Row]) -> pa.Table:
    """Rows of anybody's as a table; a column whose values are of several kinds as JSON."""
    names = dict.fromkeys(name for row in rows for name in row)
    return pa.table({name: _array([row.get(name) for row in rows]) for name in names})


def _array(values: list[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array([None if value is None else json.dumps(value, ensure_ascii=False) for value in values])


def write_parts(parts: PageParts, folder: ReportFolder) -> Path:
    """Writes page and statistics; the page."""
    folder.path.mkdir(parents=True, exist_ok=True)
    write_statistics(parts.statistics, folder.statistics)
    folder.page.write_text(render(parts), encoding="utf-8")
    return folder.page
