"""Several models side by side: what each scores, which of two is better, and where they differ most."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from os import PathLike
from typing import Any

from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.evaluation.folder import EvaluationFolder, names_of
from distilabel_selfinstruct.evaluation.intervals import Difference, difference
from distilabel_selfinstruct.evaluation.levels import Rated, RaterAgreement
from distilabel_selfinstruct.evaluation.metrics import METRICS, ROUGE_L
from distilabel_selfinstruct.evaluation.questions import Prediction
from distilabel_selfinstruct.evaluation.ratings import judge_and_people, preference_in, rated_in
from distilabel_selfinstruct.evaluation.scoring import Scores, score

_MOST_ROWS = 10
_Folder = str | PathLike[str]


@dataclass(frozen=True, slots=True)
class Row:
    """A question that two models were not equally good at.

    Attributes:
        question: as one of them was asked it.
        responses: of the first and of the second; None where there is none.
        scores: of the first and of the second, in points of 100.
    """

    question: Prediction
    responses: tuple[str | None, str | None]
    scores: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Models on the same questions.

    Attributes:
        benchmark: its name.
        questions: that all have answered.
        models: the scores of each over these questions, by name.
        differences: of each pair, metric by metric.
        rows: of each pair, those where it differs most, by their two names.
        rated: the levels that people and judges have given, over all answers of each evaluation.
        agreement: of a judge with people, where both have given levels.
        notes: what else a user should know.
    """

    benchmark: str
    questions: int
    models: Mapping[str, Scores]
    differences: Sequence[Difference]
    rows: Mapping[tuple[str, str], Sequence[Row]]
    rated: Sequence[Rated] = ()
    agreement: RaterAgreement | None = None
    notes: Sequence[str] = ()

    def record(self) -> dict[str, Any]:
        """For a script that reads the result."""
        return {
            "benchmark": self.benchmark,
            "questions": self.questions,
            "models": {name: scores.record() for name, scores in self.models.items()},
            "differences": [_as_row(each) for each in self.differences],
            "rated": [dataclasses.asdict(each) for each in self.rated],
            "agreement": self.agreement and dataclasses.asdict(self.agreement),
            "notes": list(self.notes),
        }


def _as_row(each: Difference) -> dict[str, Any]:
    return dataclasses.asdict(each) | {"verdict": each.verdict, "sentence": each.sentence}


def compare(folders: Sequence[_Folder]) -> Comparison:
    """Compares the evaluations in these folders, on the questions that all of them have answered.

    Args:
        folders: of one benchmark, in the order that they are shown in.

    Raises:
        ConfigError: if there is nothing to compare.
        RunFolderError: if one of them holds no evaluation that has ended, or is damaged.
    """
    opened = [EvaluationFolder.open(folder) for folder in folders]
    if len(opened) < 2:
        raise ConfigError("evaluate compare needs two folders at least.")
    if len({folder.path.resolve() for folder in opened}) < len(opened):
        raise ConfigError("evaluate compare: one folder is given twice.")
    found = [folder.scores() for folder in opened]
    if len(benchmarks := {each.benchmark for each in found}) > 1:
        raise ConfigError(f"evaluate compare: the folders hold different benchmarks: {', '.join(sorted(benchmarks))}.")
    names = names_of(opened)
    answers = {name: _by_question(folder) for name, folder in zip(names, opened)}
    shared = [key for key in answers[names[0]] if all(key in each for each in answers.values())]
    if not shared:
        raise ConfigError("evaluate compare: there is no question that all of them have answered.")
    given = {name: [each[key] for key in shared] for name, each in answers.items()}
    most = max(len(each) for each in answers.values())
    note = f"Compared on the {len(shared):,} questions that all of them have answered, of {most:,}."
    return Comparison(
        benchmark=found[0].benchmark,
        questions=len(shared),
        models={name: _scores_over(given[name], name, before) for name, before in zip(names, found)},
        differences=[
            *(each for pair in combinations(names, 2) for each in _differences(*pair, given)),
            *(said for pair in combinations(zip(names, opened), 2) if (said := preference_in(*pair)) is not None),
        ],
        rows={(first, second): _rows(given[first], given[second]) for first, second in combinations(names, 2)},
        rated=[each for name, folder in zip(names, opened) for each in rated_in(folder, name)],
        agreement=judge_and_people(opened),
        notes=[note] if len(shared) < most else [],
    )


def _by_question(folder: EvaluationFolder) -> dict[tuple[str, ...], Prediction]:
    return {each.key: each for each in folder.predictions()}


def _scores_over(predictions: Sequence[Prediction], name: str, before: Scores) -> Scores:
    return score(
        predictions,
        name,
        before.benchmark,
        wording=before.wording,
        usage=before.usage,
        cost=before.cost,
        notes=before.notes,
    )


def _differences(first: str, second: str, given: Mapping[str, Sequence[Prediction]]) -> list[Difference]:
    tasks = [each.task for each in given[first]]
    metrics = [name for name in given[first][0].scores if name in given[second][0].scores]
    return [
        difference(
            first,
            second,
            METRICS.get(metric, metric),
            (_values(given[first], metric), _values(given[second], metric)),
            tasks,
        )
        for metric in metrics
    ]


def _values(predictions: Sequence[Prediction], metric: str) -> list[float]:
    return [each.scores.get(metric, 0.0) for each in predictions]


def _rows(first: Sequence[Prediction], second: Sequence[Prediction]) -> list[Row]:
    metric = ROUGE_L if ROUGE_L in first[0].scores else next(iter(first[0].scores), "")
    rows = [
        Row(one, (one.response, other.response), (100 * one.scores.get(metric, 0), 100 * other.scores.get(metric, 0)))
        for one, other in zip(first, second)
    ]
    rows.sort(key=lambda row: -abs(row.scores[0] - row.scores[1]))
    return [row for row in rows[:_MOST_ROWS] if row.scores[0] != row.scores[1]]
