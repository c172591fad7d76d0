"""What a finished run publishes, as files."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml
from datasets import Dataset

from distilabel_selfinstruct.data.folder import CONFIG, PIPELINE, RECORDED, ReportFolder, RunFolder
from distilabel_selfinstruct.data.summary import Summary
from distilabel_selfinstruct.hub.client import HubError
from distilabel_selfinstruct.recipe import Recipe
from distilabel_selfinstruct.report.figures import draw_figures
from distilabel_selfinstruct.report.parts import wiring_of
from distilabel_selfinstruct.report.rows import read_run
from distilabel_selfinstruct.report.statistics import (
    Statistics,
    balance_of,
    funnel_of,
    more_of,
    overview_of,
    read_statistics,
    rounds_of_rows,
    titles_of,
)
from distilabel_selfinstruct.secrets import find_secrets, mask_known, mask_text, masked

_ANY = RunFolder("run")
FIGURES = f"{_ANY.report.figures.relative_to(_ANY.path).as_posix()}/"
CARD = "README.md"
PART = "part"
"""How the data files of a run begin that goes on."""
_SEEDS = "seed_tasks.jsonl"
_SEED_COLUMNS = {"id", "name", "instruction", "instances", "is_classification"}
_SHARD_BYTES = 500_000_000
_ROWS_IN_GROUP = 10_000  # of a parquet file, held in memory together
_ROWS_CHECKED = 500  # for secrets, together
_ENDED_WELL = ("complete", "stalled")


@dataclass(frozen=True)
class FinishedRun:
    """A run folder that may be published."""

    folder: RunFolder
    settings: dict[str, Any]
    recipe: Recipe
    summary: Summary
    datasets: dict[str, Dataset]


def read_finished_run(folder: str | PathLike[str], allow_incomplete: bool = False) -> FinishedRun:
    """Reads a run folder.

    Args:
        folder: the run.
        allow_incomplete: whether a run that ended early, or with failed requests, will do.

    Raises:
        HubError: if the run ended early, or has made nothing.
        RunFolderError: if the folder is no run's, has not ended, is damaged, or in use.
    """
    run = RunFolder.open(folder)
    settings, recipe = run.config(), run.recipe()
    with run.locked():
        summary = run.summary()
        datasets = {name: splits["train"] for name, splits in run.configs().items()}
    shortcoming = _shortcoming(summary, settings)
    if shortcoming and not allow_incomplete:
        raise HubError(
            f"{folder}: the run is not finished: {shortcoming}. Run the same command again to finish it, or publish it"
            " as it is with --allow-incomplete."
        )
    main = recipe.main_config if recipe.main_config in datasets else "instances"
    if not len(datasets.get(main, ())):
        raise HubError(f"{folder}: the dataset is empty: there are no {main} to publish.")
    return FinishedRun(run, settings, recipe, summary, datasets)


def _shortcoming(summary: Summary, settings: Mapping[str, Any]) -> str:
    if summary.ended not in _ENDED_WELL:
        return f"it ended with {summary.admitted:,} of {summary.wanted:,} instructions ({summary.ended})"
    if settings.get("num_instructions", summary.wanted) != summary.wanted:
        return f"{settings['num_instructions']:,} instructions were asked for after it ended with {summary.wanted:,}"
    if summary.failed:
        return f"{summary.failed:,} requests failed"
    return ""


def write_contents(run: FinishedRun, draft: Path, script: Path | None) -> dict[str, Path]:
    """Writes what is published, but for the card, into an empty folder.

    Returns:
        The files by their path on the Hub.

    Raises:
        HubError: if a row holds a secret of this machine.
    """
    for config, rows in run.datasets.items():
        check_rows(config, rows)
        write_parquet(rows, draft / config)
    texts = {CONFIG: _config_text(run)}
    if _has_seed_tasks(run):
        texts[_SEEDS] = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in run.datasets["seeds"])
    if (pipeline := run.folder.pipeline_description()) is not None:
        texts[PIPELINE] = yaml.safe_dump(publishable(pipeline), sort_keys=False, allow_unicode=True)
    if script is not None:
        texts[script.name] = mask_text(script.read_text(encoding="utf-8"))
    for name, text in texts.items():
        (draft / name).write_text(text, encoding="utf-8")
    if (statistics := _stored_statistics(run)) is not None:
        _write_report(run.folder, statistics, RunFolder(draft).report)
    return {path.relative_to(draft).as_posix(): path for path in sorted(draft.rglob("*")) if path.is_file()}


def check_rows(config: str, rows: Dataset) -> None:
    """Raises HubError for a secret of this machine in the rows; what only looks like one may be an example."""
    for start in range(0, len(rows), _ROWS_CHECKED):
        some = rows.select(range(start, min(start + _ROWS_CHECKED, len(rows)))).to_list()
        text = _as_text(some)
        if mask_known(text) != text:
            for number, row in enumerate(some, start + 1):
                for column, value in row.items():
                    _check_cell(f"{config}, row {number:,}, column {column!r}", _as_text(value))


def _check_cell(where: str, text: str) -> None:
    if any(found.kind == "known" for found in find_secrets(text)):
        raise HubError(
            f"{where}: holds a key, token or password of this machine. Nothing was uploaded: take the row out, or renew"
            " the secret and forget the old one."
        )


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def publishable(value: Any) -> Any:
    """A value of a config without secrets, absolute paths cut to the name of the file."""
    return _without_folders(masked(value))


def _without_folders(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_folders(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_folders(each) for each in value]
    if isinstance(value, str) and os.path.isabs(value) and "\n" not in value:
        return os.path.basename(value.rstrip("/"))
    return value


def write_parquet(rows: Dataset, folder: Path, shard_bytes: int = _SHARD_BYTES) -> None:
    """Writes `train-00000-of-0000N.parquet` files that `datasets` reads back with the same types."""
    folder.mkdir(parents=True)
    schema = rows.features.arrow_schema
    shards = max(1, math.ceil(rows.data.nbytes / shard_bytes))
    for index in range(shards):
        shard = rows.shard(shards, index, contiguous=True).with_format("arrow")
        with pq.ParquetWriter(folder / f"train-{index:05d}-of-{shards:05d}.parquet", schema) as writer:
            for table in shard.iter(_ROWS_IN_GROUP):
                writer.write_table(table.cast(schema))


def data_file(*configs: str) -> re.Pattern[str]:
    """What the paths of the data files of these configs look like, also of a run that goes on."""
    return re.compile(rf"(?:{'|'.join(map(re.escape, configs))})/(?:train-\d{{5}}-of|{PART})-\d{{5}}\.parquet")


def _has_seed_tasks(run: FinishedRun) -> bool:
    return "seeds" in run.datasets and set(run.datasets["seeds"].column_names) >= _SEED_COLUMNS


def unpublished_inputs(run: FinishedRun) -> dict[str, str]:
    """By option the files and folders of this machine that the run has read and that are not published."""
    found = {}
    for name, value in run.settings.items():
        given = value if isinstance(value, list) else [value]
        local = [each for each in given if isinstance(each, str) and _is_local(each)]
        if local and name not in RECORDED and not (name == "seeds" and _has_seed_tasks(run)):
            found[name] = ", ".join(map(str, publishable(local)))
    return found


def _is_local(name: str) -> bool:
    return (
        "\n" not in name
        and len(name) < 1000
        and (os.path.isabs(name) or (("." in name or "/" in name) and os.path.exists(name)))
    )


def _config_text(run: FinishedRun) -> str:
    """The options, such that `--config` takes them, and as comments what the run recorded beside them."""
    settings = publishable(run.settings)
    if _has_seed_tasks(run) and "seeds" in settings:
        settings["seeds"] = [_SEEDS]
    recorded = "".join(f"# {name}: {value}\n" for name, value in settings.items() if name in RECORDED)
    options = {name: value for name, value in settings.items() if name not in RECORDED}
    return recorded + yaml.safe_dump(options, sort_keys=False, allow_unicode=True)


def _write_report(run: RunFolder, statistics: Statistics, draft: ReportFolder) -> None:
    """The report's page, and the figures that the card shows."""
    draw_figures(statistics, draft.figures, wiring_of(run))
    if run.report.page.is_file():
        draft.page.write_text(mask_text(run.report.page.read_text(encoding="utf-8")), encoding="utf-8")


def statistics_of(run: FinishedRun) -> Statistics:
    """Those of the report; without a report what can be counted without its packages."""
    if (stored := _stored_statistics(run)) is not None:
        return stored
    rows = read_run(run.folder)
    return Statistics(
        name=run.folder.name,
        models=sorted({model for row in rows.instructions if (model := row.get("model_name"))}),
        overview=overview_of(rows.instructions, rows.instances),
        funnel=funnel_of(rows),
        diversity=None,
        similarity=None,
        lengths={},
        rounds=rounds_of_rows(rows),
        balance=balance_of(rows.instances),
        usage=run.summary.usage,
        titles=titles_of(rows.recipe),
        of_paper=run.recipe.of_paper,
        more=more_of(rows),
    )


def _stored_statistics(run: FinishedRun) -> Statistics | None:
    """The report's statistics, if there is a report, and it is of these rows."""
    if not run.folder.report.statistics.is_file():
        return None
    try:
        statistics = read_statistics(run.folder.report.statistics, run.recipe)
    except ValueError:
        return None
    counted = (statistics.overview.instructions, statistics.overview.instances)
    return statistics if counted == (run.summary.admitted, run.summary.instances) else None
