"""What a run folder remembers of its review, in `review/`: the truth, whatever becomes of a server.

- `records.jsonl`: the records that were pushed, with their raw texts.
- `pushes.jsonl`: when, where to, and which records were drawn, from how many, with which seed.
- `answers.jsonl`: all answers so far, annotators by pseudonym.
- `annotators.json`: who is behind the pseudonyms. Keep it to yourself.
- `quality.json`: the last quality table.
- `judge.json`: what each model as judge says of the reviewed records, the last one first.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datasets import Dataset

from distilabel_selfinstruct.data.files import write_whole
from distilabel_selfinstruct.data.folder import RunFolder
from distilabel_selfinstruct.errors import RunFolderError
from distilabel_selfinstruct.review.records import Answer, ReviewRecord, record_of


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
    """The folder `review/` of a run.

    Args:
        run: the run folder.

    Raises:
        RunFolderError: if it holds no run.
    """

    def __init__(self, run: Path) -> None:
        self.run = RunFolder.open(run)
        self.folder = self.run.review_path

    # --- the run ----------------------------------------------------------------------------------------------------

    def instances(self) -> dict[str, dict[str, Any]]:
        """The instances of the dataset as it is now, by the id of their record."""
        return {record_of(row).id: row for row in self._dataset().to_list()}

    def instance_columns(self) -> list[str]:
        """The columns that they have."""
        columns: list[str] = self._dataset().column_names
        return columns

    def _dataset(self) -> Dataset:
        return self.run.dataset()["instances"]["train"]

    # --- what was pushed --------------------------------------------------------------------------------------------

    def records(self) -> dict[str, ReviewRecord]:
        """All records that were ever pushed, by id."""
        return {row["id"]: ReviewRecord(**row) for row in self._read("records.jsonl")}

    def add_records(self, records: Iterable[ReviewRecord]) -> None:
        """Remembers the records, before they are sent."""
        every = self.records() | {record.id: record for record in records}
        self._write("records.jsonl", (dataclasses.asdict(record) for record in every.values()))

    def pushes(self) -> list[Push]:
        """The pushes, the last one last."""
        return [Push.of_row(row) for row in self._read("pushes.jsonl")]

    def add_push(self, push: Push) -> None:
        """Remembers a push."""
        self._write("pushes.jsonl", map(dataclasses.asdict, [*self.pushes(), push]))

    # --- what came back ---------------------------------------------------------------------------------------------

    def answers(self) -> list[Answer]:
        """All answers so far, those of a record one after the other."""
        return [Answer(**row) for row in self._read("answers.jsonl")]

    def merge_answers(self, given: Iterable[Answer], withdrawn: Iterable[tuple[str, str]] = ()) -> None:
        """Takes in answers; those that were here already stay, also where their source has lost them.

        Args:
            given: answers, annotators by name; an answer replaces that of the same annotator about the same record.
            withdrawn: record and annotator of answers that were taken back.
        """
        pseudonyms = self._pseudonyms()
        answers = {(answer.record_id, answer.annotator): answer for answer in self.answers()}
        for answer in sorted(given, key=lambda answer: (answer.at, answer.record_id)):
            name = pseudonyms.setdefault(answer.annotator, f"annotator-{len(pseudonyms) + 1}")
            answers[answer.record_id, name] = dataclasses.replace(answer, annotator=name)
        for record_id, annotator in withdrawn:
            answers.pop((record_id, pseudonyms.get(annotator, "")), None)
        self.folder.mkdir(exist_ok=True)
        write_whole(self.folder / "annotators.json", json.dumps(pseudonyms, indent=2, ensure_ascii=False) + "\n")
        self._write("answers.jsonl", (dataclasses.asdict(answers[key]) for key in sorted(answers)))

    def _pseudonyms(self) -> dict[str, str]:
        path = self.folder / "annotators.json"
        names: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return names

    def _read(self, name: str) -> list[dict[str, Any]]:
        path = self.folder / name
        if not path.exists():
            return []
        try:
            return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
        except ValueError:
            raise RunFolderError(f"{path}: is damaged; restore it from a copy.") from None

    def _write(self, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
        self.folder.mkdir(exist_ok=True)
        write_whole(self.folder / name, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
