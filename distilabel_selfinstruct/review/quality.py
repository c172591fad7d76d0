"""How good the dataset is, as annotators judge it: shares with 95 % intervals, and how far annotators agree."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from os import PathLike
from typing import Any, TypeAlias

import numpy as np

from distilabel_selfinstruct.data.folder import RunFolder
from distilabel_selfinstruct.recipe import Recipe, get_recipe
from distilabel_selfinstruct.review.records import ALL_RIGHT, QUESTIONS, Answer, ReviewRecord
from distilabel_selfinstruct.shares import Share

_KINDS = ("all", "classification", "not classification", "with input", "without input")
_KIND_LABELS: dict[Any, str] = {"classification": "classification", "other": "not classification"}
_PARTS = 3  # of the run, by rounds: the pool drifts away from the seeds

Verdicts: TypeAlias = Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class Quality:
    """The result of a review.

    Attributes:
        records: how many have all the answers they need; the shares are about these.
        waiting: how many have some answers, and need more.
        population: instances in the dataset.
        answers: answers to `records`.
        annotators: who gave them, by pseudonym: how many each.
        groups: by group of records, the share of each question and of `all_right`; the first group is `all`.
        stages: of the records that came right to a stage, those it did right.
        agreement: Krippendorff's alpha by question: 1 is perfect, 0 is chance; None where it is not defined.
        notes: what else a user should know.
        makers: the title of the stage that makes candidates and of the one that makes instances, where there is one.
    """

    records: int
    waiting: int
    population: int
    answers: int
    annotators: Mapping[str, int]
    groups: Mapping[str, Mapping[str, Share]]
    stages: Mapping[str, Share]
    agreement: Mapping[str, float | None]
    notes: tuple[str, ...] = ()
    makers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Quality:
        """The quality that a run folder recorded."""
        values = dict(record)
        values["groups"] = {group: _shares(shares) for group, shares in values["groups"].items()}
        values["stages"] = _shares(values["stages"])
        if (name := values.pop("recipe", None)) is not None:  # version 0.1.0
            values["makers"] = makers_of(get_recipe(name))
        return cls(**values | {"notes": tuple(values["notes"])})


def makers_of(recipe: Recipe | None) -> dict[str, str]:
    """The title of the stage that makes candidates, and of the one that makes instances."""
    makers = {what: recipe.maker_of(what) for what in ("candidate", "instance")} if recipe else {}
    return {what: maker.title for what, maker in makers.items() if maker}


def _shares(values: Mapping[str, Any]) -> dict[str, Share]:
    return {name: Share(**share) for name, share in values.items()}


def read_quality(run: str | PathLike[str]) -> Quality | None:
    """The quality that the last `review pull` found; None where nothing was reviewed.

    Raises:
        RunFolderError: if what it left is damaged.
    """
    return RunFolder(run).review_record("quality", Quality.of_record)


def verdicts_of(answers: Sequence[Answer]) -> dict[str, bool]:
    """What the annotators of one record say together: yes where more than half of them do."""
    return {
        question.name: 2 * sum(answer.verdicts[question.name] for answer in answers) > len(answers)
        for question in QUESTIONS
    }


def judge(
    records: Mapping[str, ReviewRecord],
    answers: Iterable[Answer],
    needed: int,
    population: int,
    notes: Iterable[str] = (),
    recipe: Recipe | None = None,
) -> Quality:
    """The quality of the records.

    Args:
        records: what was reviewed, by id.
        answers: answers to these records.
        needed: answers that a record needs.
        population: instances in the dataset.
        notes: what else a user should know.
        recipe: that the run followed.
    """
    by_record = answers_by_record(answers)
    complete = {record_id: given for record_id, given in by_record.items() if len(given) >= needed}
    verdicts = {record_id: verdicts_of(given) for record_id, given in complete.items()}
    counted = [answer for given in complete.values() for answer in given]
    annotators: dict[str, int] = defaultdict(int)
    for answer in sorted(counted, key=lambda answer: answer.annotator):
        annotators[answer.annotator] += 1
    return Quality(
        records=len(complete),
        waiting=len(by_record) - len(complete),
        population=population,
        answers=len(counted),
        annotators=dict(annotators),
        groups={
            label: _shares_of([verdicts[record_id] for record_id in members])
            for label, members in _groups([records[record_id] for record_id in complete]).items()
        },
        stages=_stages(list(verdicts.values())),
        agreement=agreement_of(counted),
        notes=tuple(notes),
        makers=makers_of(recipe),
    )


def answers_by_record(answers: Iterable[Answer]) -> dict[str, list[Answer]]:
    """The answers to each record, in the order of the records' ids."""
    grouped: dict[str, list[Answer]] = defaultdict(list)
    for answer in sorted(answers, key=lambda answer: (answer.record_id, answer.annotator)):
        grouped[answer.record_id].append(answer)
    return dict(grouped)


def _shares_of(verdicts: Sequence[Verdicts]) -> dict[str, Share]:
    shares = {
        question.name: Share(sum(each[question.name] for each in verdicts), len(verdicts)) for question in QUESTIONS
    }
    return {**shares, ALL_RIGHT: Share(sum(all(each.values()) for each in verdicts), len(verdicts))}


def _groups(records: Sequence[ReviewRecord]) -> dict[str, list[str]]:
    """The records of each group: kinds, then parts of the run; empty groups are left out."""
    parts = _parts({int(record.metadata["round"]) for record in records if "round" in record.metadata})
    groups: dict[str, list[str]] = {label: [] for label in (*_KINDS, *parts.values())}
    for record in records:
        kind = _KIND_LABELS.get(record.metadata.get("kind"))
        with_input = "with input" if record.texts["input"] else "without input"
        for label in ("all", kind, with_input, parts.get(record.metadata.get("round"))):
            if label:
                groups[label].append(record.id)
    return {label: members for label, members in groups.items() if members or label == "all"}


def _parts(rounds: Collection[int]) -> dict[Any, str]:
    """The part of the run that each round belongs to, where there are enough rounds to tell parts."""
    if len(rounds) < _PARTS:
        return {}
    ordered = sorted(rounds)
    cuts = [len(ordered) * part // _PARTS for part in range(_PARTS + 1)]
    return {
        number: _span(ordered[start] + 1, ordered[end - 1] + 1)
        for start, end in pairwise(cuts)
        for number in ordered[start:end]
    }


def _span(first: int, last: int) -> str:
    return f"round {first}" if first == last else f"rounds {first}–{last}"


def _stages(verdicts: Sequence[Verdicts]) -> dict[str, Share]:
    """Where records go wrong: the questions one after the other, each of the records that were right so far."""
    stages = {}
    for question in QUESTIONS:
        right = [each for each in verdicts if each[question.name]]
        stages[question.name] = Share(len(right), len(verdicts))
        verdicts = right
    return stages


def agreement_of(answers: Sequence[Answer]) -> dict[str, float | None]:
    """Krippendorff's alpha of each question, over the records with several answers; empty where there are none."""
    shared = {record_id: given for record_id, given in answers_by_record(answers).items() if len(given) > 1}
    if not shared:
        return {}
    annotators = sorted({answer.annotator for given in shared.values() for answer in given})
    agreement = {}
    for question in QUESTIONS:
        ratings = {
            (answer.annotator, record_id): float(answer.verdicts[question.name])
            for record_id, given in shared.items()
            for answer in given
        }
        table = [[ratings.get((annotator, record_id), math.nan) for record_id in shared] for annotator in annotators]
        agreement[question.name] = nominal_alpha(table)
    return agreement


def nominal_alpha(table: Sequence[Sequence[float]]) -> float | None:
    """Krippendorff's alpha for categories without an order (Computing Krippendorff's alpha-reliability, 2011).

    Args:
        table: a row for each annotator, a column for each record; NaN where there is no rating.

    Returns:
        None where it is not defined: no record has two ratings, or all that can be compared are the same.
    """
    ratings = np.array(table, dtype=float)
    values = np.unique(ratings[~np.isnan(ratings)])
    counts = (ratings[..., np.newaxis] == values).sum(axis=0)  # by record: how many gave each value
    counts = counts[counts.sum(axis=1) > 1]
    of_record, of_value = counts.sum(axis=1, keepdims=True), counts.sum(axis=0)
    if np.count_nonzero(of_value) < 2:
        return None
    total = of_value.sum()
    observed = (counts * (of_record - counts) / (of_record - 1)).sum()
    expected = (of_value * (total - of_value)).sum() / (total - 1)
    return float(1 - observed / expected)
