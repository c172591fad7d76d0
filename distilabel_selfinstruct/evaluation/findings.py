"""What evaluations have found of models trained on a run: a copy in its folder, for its report and its card."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

from distilabel_selfinstruct.data.folder import RunFolder
from distilabel_selfinstruct.evaluation.comparing import compare
from distilabel_selfinstruct.evaluation.folder import EvaluationFolder, names_of
from distilabel_selfinstruct.evaluation.levels import Rated
from distilabel_selfinstruct.evaluation.ratings import rated_in
from distilabel_selfinstruct.evaluation.scoring import Scores

_Folder = str | PathLike[str]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found on one benchmark.

    Attributes:
        benchmark: its name.
        models: the scores of each, by name.
        sentences: what the differences come to.
        rated: the levels that people and judges have given.
    """

    benchmark: str
    models: Mapping[str, Scores]
    sentences: Sequence[str] = ()
    rated: Sequence[Rated] = ()


def find(folders: Sequence[_Folder]) -> list[Finding]:
    """What these evaluations have found, benchmark by benchmark.

    Raises:
        RunFolderError: if a folder holds no evaluation that has ended.
        ConfigError: if those of one benchmark have no question in common.
    """
    by_benchmark: dict[str, list[EvaluationFolder]] = {}
    for folder in map(EvaluationFolder.open, folders):
        by_benchmark.setdefault(folder.scores().benchmark, []).append(folder)
    return [_finding(benchmark, those) for benchmark, those in by_benchmark.items()]


def _finding(benchmark: str, folders: Sequence[EvaluationFolder]) -> Finding:
    if len(folders) > 1:
        comparison = compare(folders)
        said = [each.sentence for each in comparison.differences]
        return Finding(benchmark, comparison.models, said, comparison.rated)
    (folder,), (name,) = folders, names_of(folders)
    return Finding(benchmark, {name: folder.scores()}, rated=rated_in(folder, name))


def record_findings(run: str | PathLike[str], folders: Sequence[_Folder]) -> None:
    """Keeps what these evaluations have found in the folder of a run, instead of what was kept there before."""
    run_folder = RunFolder.open(run)
    found = [dataclasses.asdict(finding) for finding in find(folders)]
    with run_folder.locked():
        run_folder.write_evaluations(found)


def read_findings(run: str | PathLike[str]) -> list[Finding]:
    """What evaluations have found of models that were trained on a run.

    Raises:
        RunFolderError: if the record is damaged.
    """
    return RunFolder(run).evaluations(_of_record)


def _of_record(record: Mapping[str, Any]) -> Finding:
    from pydantic import TypeAdapter

    return TypeAdapter(Finding).validate_python(record)
