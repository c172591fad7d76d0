"""What a model scores: over all questions, by category and by task, with intervals, and why answers are missing."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from distilabel_selfinstruct.evaluation.intervals import Estimate, estimates
from distilabel_selfinstruct.evaluation.metrics import METRICS, metric_of, scores_of
from distilabel_selfinstruct.evaluation.questions import Prediction
from distilabel_selfinstruct.models.slots import STOP_REASONS
from distilabel_selfinstruct.usage import Usage


@dataclass(frozen=True, slots=True)
class Group:
    """The questions of one category, or of one task.

    Attributes:
        name: of the category or the task.
        questions: of it.
        metric: that Tk-Instruct judges a category by.
        scores: by metric.
    """

    name: str
    questions: int
    metric: str
    scores: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class Scores:
    """The result of an evaluation.

    Attributes:
        model: its name.
        benchmark: its name.
        wording: how the model was asked; None where it was not asked here.
        questions: that were asked.
        tasks: that they belong to.
        answered: questions with an answer that is not empty.
        failed: requests that came to nothing, by reason code.
        cut: answers that ended at their length limit.
        scores: by metric.
        categories: if there is more than one.
        by_task: if tasks have several questions.
        usage: what it took, over all sessions.
        cost: in money.
        notes: what else a user should know.
    """

    model: str
    benchmark: str
    wording: str | None
    questions: int
    tasks: int
    answered: int
    failed: Mapping[str, int]
    cut: int
    scores: Mapping[str, Estimate]
    categories: Sequence[Group] = ()
    by_task: Sequence[Group] = ()
    usage: Usage = field(default_factory=Usage)
    cost: float = 0.0
    notes: Sequence[str] = ()

    @property
    def is_whole(self) -> bool:
        """Whether no request is to be asked again."""
        return not self.failed

    @property
    def empty(self) -> int:
        """Questions to which the model has said nothing, though it was asked."""
        return self.questions - self.answered - sum(self.failed.values())

    @property
    def reasons(self) -> list[str]:
        """Why questions without an answer, which score 0, have none."""
        lines = []
        if stopped := {reason: count for reason, count in self.failed.items() if reason in STOP_REASONS}:
            lines.append(
                f"{sum(stopped.values()):,} of {self.questions:,} questions were not asked ({_listed(stopped)}) and"
                " score 0: run the same command again to go on."
            )
        if failed := {reason: count for reason, count in self.failed.items() if reason not in STOP_REASONS}:
            lines.append(
                f"{sum(failed.values()):,} of {self.questions:,} requests failed ({_listed(failed)}) and score 0: the"
                " same command asks them again."
            )
        if self.empty:
            lines.append(f"{self.empty:,} of {self.questions:,} answers are empty and score 0.")
        if self.cut > self.questions / 5:
            lines.append(f"{self.cut:,} of {self.questions:,} answers were cut by their length: --max-tokens N.")
        if not self.answered:
            lines.insert(0, "The model has answered nothing: that is why it scores 0.")
        return lines

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Scores:
        """The scores that a folder recorded.

        Raises:
            ValueError: if something is missing, or of another kind.
        """
        from pydantic import TypeAdapter

        return TypeAdapter(cls).validate_python(record)

    def record(self) -> dict[str, Any]:
        """For a file, or for a script that reads the result."""
        return dataclasses.asdict(self)


def _listed(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in reasons.items())


def with_scores(prediction: Prediction) -> Prediction:
    """The prediction with both metrics; what has no answer scores 0."""
    if prediction.response is None:
        return dataclasses.replace(prediction, scores=dict.fromkeys(METRICS, 0.0))
    scores = scores_of(prediction.response, prediction.references, prediction.words)
    return dataclasses.replace(prediction, scores=scores)


def score(predictions: Sequence[Prediction], model: str, benchmark: str, **more: Any) -> Scores:
    """The scores of predictions that have theirs.

    Args:
        predictions: at least one.
        model: its name.
        benchmark: its name.
        more: what else `Scores` holds.
    """
    tasks = Counter(each.task for each in predictions)
    failed = Counter(each.failure for each in predictions if each.failure)
    return Scores(
        model=model,
        benchmark=benchmark,
        questions=len(predictions),
        tasks=len(tasks),
        answered=sum(each.is_answered for each in predictions),
        failed=dict(failed.most_common()),
        cut=sum(each.is_cut for each in predictions),
        scores=_scores(predictions),
        categories=_groups(predictions, [each.category for each in predictions]),
        by_task=_groups(predictions, [each.task for each in predictions]) if len(tasks) < len(predictions) else [],
        **more,
    )


def _scores(predictions: Sequence[Prediction]) -> dict[str, Estimate]:
    metrics = list(predictions[0].scores)
    if not metrics:  # of tasks of lm-eval whose metrics are about all answers together
        return {}
    values = [[each.scores.get(metric, 0.0) for each in predictions] for metric in metrics]
    return dict(zip(metrics, estimates(values, [each.task for each in predictions])))


def _groups(predictions: Sequence[Prediction], names: Sequence[str]) -> list[Group]:
    """By name, where there are several."""
    members: dict[str, list[Prediction]] = {}
    for name, prediction in zip(names, predictions):
        members.setdefault(name, []).append(prediction)
    if len(members) < 2:
        return []
    return [
        Group(name, len(those), metric_of(those[0].category), _scores(those)) for name, those in sorted(members.items())
    ]
