"""Writes the report of a run, or of any dataset, into a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path

from distilabel_selfinstruct.data.folder import ReportFolder, RunFolder
from distilabel_selfinstruct.evaluation.findings import Finding, read_findings
from distilabel_selfinstruct.report.figures import draw_figures
from distilabel_selfinstruct.report.page import render_page
from distilabel_selfinstruct.report.rows import Rows, read_rows, read_run
from distilabel_selfinstruct.report.statistics import Statistics, compute_statistics, write_statistics
from distilabel_selfinstruct.review.agreement import Agreement, read_agreements
from distilabel_selfinstruct.review.quality import Quality, read_quality
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
    statistics = compute_statistics(read_run(run_folder), usage, prices)
    return _write(
        statistics,
        RunFolder(run_folder).report,
        read_quality(run_folder),
        read_agreements(run_folder),
        read_findings(run_folder),
    )


def report_for_rows(
    rows: Rows, out: str | PathLike[str], *, name: str | None = None, seeds: Sequence[str] = ()
) -> Path:
    """Writes the report of any dataset of instructions.

    What only a run records (rejects, rounds, cost) is left out.

    Args:
        rows: see `report.rows.read_rows`.
        out: the folder to write to.
        name: what the report calls the dataset.
        seeds: instructions to compare with.

    Returns:
        The page.

    Raises:
        ConfigError: if the rows cannot be used.
        MissingExtraError: if the extra `report` is not installed.
    """
    return _write(compute_statistics(read_rows(rows, name, seeds)), ReportFolder(Path(out)))


def _write(
    statistics: Statistics,
    folder: ReportFolder,
    quality: Quality | None = None,
    agreements: Sequence[Agreement] = (),
    findings: Sequence[Finding] = (),
) -> Path:
    figures = draw_figures(statistics, folder.figures)
    write_statistics(statistics, folder.statistics)
    folder.page.write_text(render_page(statistics, figures, quality, agreements, findings), encoding="utf-8")
    return folder.page
