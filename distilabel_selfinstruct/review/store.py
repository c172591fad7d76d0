"""What a run folder remembers of its review: the truth, whatever becomes of a server.

- `records`: those that were pushed, with their raw texts.
- `pushes`: when, where to, and which records were drawn, from how many, with which seed.
- `answers`: all so far, annotators by pseudonym.
- `annotators`: who is behind the pseudonyms. Keep it to yourself.
- `quality`: the last quality table.
- `judge`: what each model as judge says of the reviewed records, the last one first.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from os import PathLike
from typing import TYPE_CHECKING, Any

from distilabel_selfinstruct.data.folder import RunFolder
from distilabel_selfinstruct.review.agreement import Agreement
from distilabel_selfinstruct.review.quality import Quality
from distilabel_selfinstruct.review.records import Answer, ReviewRecord, record_of

if TYPE_CHECKING:
    from datasets import Dataset


@dataclass(frozen=True, slots=True)
class Target:
    """Where records were pushed to: a dataset on a server, or files."""

    url: str | None = None
    workspace: str | None = None
    name: str | None = None
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Push:
    """One push.

    Attributes:
        at: when.
        target: where to.
        annotators: how many answers a record needs.
        seed: of the draw.
        population: how many instances there were to draw from.
        record_ids: those drawn, in the order of the draw.
    """

    at: str
    target: Target
    annotators: int
    seed: int
    population: int
    record_ids: tuple[str, ...] = field(default=())

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> Push:
        target = row["target"] | {"files": tuple(row["target"]["files"])}
        return cls(**{**row, "target": Target(**target), "record_ids": tuple(row["record_ids"])})


class ReviewStore:
    """The review of a run; whatever it reads raises RunFolderError where it is damaged.

    Args:
        run: the run folder.

    Raises:
        RunFolderError: if it holds no run.
    """

    def __init__(self, run: str | PathLike[str]) -> None:
        self.run = RunFolder.open(run)

    # --- the run ----------------------------------------------------------------------------------------------------

    def instances(self) -> dict[str, dict[str, Any]]:
        """The instances of the dataset as it is now, by the id of their record."""
        return {record_of(row).id: row for row in self._dataset().to_list()}

    def instance_columns(self) -> list[str]:
        """The columns that they have."""
        columns: list[str] = self._dataset().column_names
        return columns

    def _dataset(self) -> Dataset:
        return self.run.dataset_config("instances")

    # --- what was pushed --------------------------------------------------------------------------------------------

    def records(self) -> dict[str, ReviewRecord]:
        """All records that were ever pushed, by id."""
        return {record.id: record for record in self.run.review_rows("records", lambda row: ReviewRecord(**row))}

    def add_records(self, records: Iterable[ReviewRecord]) -> None:
        """Remembers the records, before they are sent."""
        every = self.records() | {record.id: record for record in records}
        self.run.write_review_rows("records", map(dataclasses.asdict, every.values()))

    def pushes(self) -> list[Push]:
        """The pushes, the last one last."""
        return self.run.review_rows("pushes", Push.of_row)

    def add_push(self, push: Push) -> None:
        """Remembers a push."""
        self.run.write_review_rows("pushes", map(dataclasses.asdict, [*self.pushes(), push]))

    # --- what came back ---------------------------------------------------------------------------------------------

    def answers(self) -> list[Answer]:
        """All answers so far, those of a record one after the other."""
        return self.run.review_rows("answers", lambda row: Answer(**row))

    def merge_answers(self, given: Iterable[Answer], withdrawn: Iterable[tuple[str, str]] = ()) -> None:
        """Takes in answers; those that were here already stay, also where their source has lost them.

        Args:
            given: answers, annotators by name; an answer replaces that of the same annotator about the same record.
            withdrawn: record and annotator of answers that were taken back.
        """
        pseudonyms: dict[str, str] = self.run.review_record("annotators", _names) or {}
        answers = {(answer.record_id, answer.annotator): answer for answer in self.answers()}
        for answer in sorted(given, key=lambda answer: (answer.at, answer.record_id)):
            name = pseudonyms.setdefault(answer.annotator, f"annotator-{len(pseudonyms) + 1}")
            answers[answer.record_id, name] = dataclasses.replace(answer, annotator=name)
        for record_id, annotator in withdrawn:
            answers.pop((record_id, pseudonyms.get(annotator, "")), None)
        self.run.write_review_record("annotators", pseudonyms)
        self.run.write_review_rows("answers", (dataclasses.asdict(answers[key]) for key in sorted(answers)))

    # --- what was found ---------------------------------------------------------------------------------------------

    def write_quality(self, quality: Quality) -> None:
        """Remembers what annotators found."""
        self.run.write_review_record("quality", dataclasses.asdict(quality))

    def write_agreements(self, agreements: Iterable[Agreement]) -> None:
        """Remembers what judges say, once of each."""
        self.run.write_review_record("judge", [dataclasses.asdict(agreement) for agreement in agreements])


def _names(record: Mapping[str, Any]) -> dict[str, str]:
    """The pseudonym of each annotator.

    Raises:
        TypeError: if one is no text.
    """
    if not all(isinstance(name, str) for name in record.values()):
        raise TypeError("a pseudonym is no text")
    return dict(record)
