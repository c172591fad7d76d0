"""Writes the report of a run, or of any dataset, into a folder. What it takes is imported when it is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path

from distilabel_selfinstruct.data.folder import ReportFolder, RunFolder
from distilabel_selfinstruct.report.rows import Rows, read_rows
from distilabel_selfinstruct.usage import Prices, Usage


def write_report(
    run_folder: str | PathLike[str], *, usage: Mapping[str, Usage] | None = None, prices: Prices | None = None
) -> Path:
    """Writes `report/` of a finished run: `index.html` and `statistics.json`.

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
    from distilabel_selfinstruct.report.parts import parts_of_run, write_parts

    folder = RunFolder(run_folder)
    return write_parts(parts_of_run(folder, usage, prices), folder.report)


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
    from distilabel_selfinstruct.report.parts import parts_of_rows, write_parts

    return write_parts(parts_of_rows(read_rows(rows, name, seeds)), ReportFolder(Path(out)))
