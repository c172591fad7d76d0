"""What asks until it has enough: what is counted, what is admitted, when it ends; no model, no distilabel.

A loop has no barrier and is still deterministic, by a bounded lag: prompt i is drawn from the pool as it stands after
the answers to prompts 0 .. i - lag have been taken, and answers are taken in the order of the prompts, whatever order
they arrive in. The same options and answers give the same pool.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol

from distilabel_selfinstruct.data.reasons import CLEAR_STAGE
from distilabel_selfinstruct.data.rows import Answer, Row, candidate_row, excerpt, reject
from distilabel_selfinstruct.presets import Preset
from distilabel_selfinstruct.text.contamination import ContaminationIndex
from distilabel_selfinstruct.text.reading.remarks import declines, plain
from distilabel_selfinstruct.text.repetition import begins_to_repeat
from distilabel_selfinstruct.text.rouge import TOKENIZERS, Containment, Match, RougeLIndex


@dataclass(frozen=True, slots=True)
class Shot:
    """A pool item as a prompt shows it."""

    id: str
    text: str


class Pool:
    """Texts no two of which are too similar: seeds, then what was admitted."""

    def __init__(self, preset: Preset, seeds: Sequence[Shot] = ()) -> None:
        self.shots = list(seeds)
        self._most_similar = preset.most_similar
        self._places: dict[str, int] = {}  # of the first shot with a text that ROUGE-L takes for no duplicate of itself
        self._index = RougeLIndex(preset.similarity_threshold, preset.tokenizer)
        self._index.load([shot.text for shot in seeds])
        self._words = TOKENIZERS[preset.tokenizer]
        self._containment = Containment(preset.contained_words)
        for place, shot in enumerate(seeds):
            self._note(shot.text, place)

    def fault(self, row: Row, text: str) -> str | None:
        """Why the text of a row cannot be taken in: `similar`, `contained`; what was compared stands in the row."""
        if self._most_similar:
            similar = self._index.similarities(text, self._most_similar)
            row["most_similar"] = [{"id": self.shots[m.position].id, "score": m.score} for m in similar.best]
            row["max_similarity"] = similar.best[0].score if similar.best else 0.0
            row["mean_similarity"] = similar.mean
        words = self._words(text)
        if (place := self._places.get(text)) is not None:
            neighbour: Match | None = Match(place, 1.0)
        elif (holder := self._containment.find(words)) is not None:
            neighbour = self._index.nearest(text)
            if neighbour is None:
                row.update(neighbour_id=self.shots[holder].id, neighbour=self.shots[holder].text)
                return "contained"
        else:
            neighbour = self._index.nearest(text)
        if neighbour is not None:
            near = self.shots[neighbour.position]
            row.update(neighbour_id=near.id, neighbour=near.text, max_similarity=neighbour.score)
            return "similar"
        return None

    def is_near(self, text: str) -> bool:
        """Whether a text is too similar to one of the pool."""
        return self._index.nearest(text) is not None

    def add(self, *shots: Shot) -> None:
        """Takes texts in."""
        self._index.load([shot.text for shot in shots])
        for place, shot in enumerate(shots, start=len(self.shots)):
            self._note(shot.text, place)
        self.shots += shots

    def _note(self, text: str, place: int) -> None:
        """Keeps what ROUGE-L does not see."""
        words = self._words(text)
        self._containment.add(words)
        if not words or self._index.threshold == 1:
            self._places.setdefault(text, place)


class Meaning(Protocol):
    """What tells texts that mean the same: see `steps.meaning`."""

    def refer(self, texts: Sequence[tuple[str, str | None]]) -> None:
        """Texts that others are compared with, with their names."""

    def prepare(self, texts: Sequence[str]) -> None:
        """Gets ready to judge these."""

    def admit(self, row: Row, text: str) -> bool:
        """Takes the text of a row in, or rejects the row."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """What an answer lists: a text, the reason code where it is spoiled, and columns that come with it."""

    text: str | None
    fault: str | None = None
    detail: str | None = None
    columns: Row = field(default_factory=dict)


class Loop(ABC):
    """Draws prompts and takes their answers into a pool, until as many texts are admitted as are wanted.

    Args:
        preset: limits and rules.
        wanted: how many texts to admit, exactly.
        lag: prompts between an answer and the first prompt that may show what it brought; at least 1.
        patience: rounds (of `lag` prompts) without an admission after which the loop ends.
        expected: texts that a prompt is likely to bring, before the first answer tells.
        seeds: what the pool starts with.
        model_name: recorded in the rows, where an answer does not say which model it is of.
        frame: the prompt without its shots: a text that copies it is rejected.

    Attributes:
        most_prompts: prompts after which the loop ends, for a pilot; without end by default.
        clear_of: evaluation texts; what they have already is rejected in a stage of its own, and joins no pool.
        meaning: what means the same as a text of the pool is rejected in a stage of its own, and joins no pool.
    """

    stage: ClassVar[str]
    column: ClassVar[str] = "instruction"
    """Of the rows: the text that is admitted or rejected."""

    def __init__(
        self,
        preset: Preset,
        wanted: int,
        lag: int,
        patience: int,
        expected: float,
        seeds: Sequence[Shot] = (),
        model_name: str = "",
        frame: str = "",
    ) -> None:
        self.preset, self.wanted, self.lag, self.patience = preset, wanted, lag, patience
        self.model_name, self.frame = model_name, frame
        self._expected = expected
        self.most_prompts = math.inf
        self.clear_of: ContaminationIndex | None = None
        self.meaning: Meaning | None = None
        self.drawn = self.taken = self.admitted = self.candidates = 0
        self._pool = Pool(preset, seeds)
        self._first = len(seeds)  # of the pool that was admitted
        self._sizes: list[int] = []  # admitted after each answer
        self._open: dict[int, Any] = {}  # what prompts were made from that are drawn and not yet answered
        self._last_admission = 0

    def compare(self, meaning: Meaning | None) -> None:
        """From here on what means the same as a text of the pool is rejected."""
        self.meaning = meaning
        if meaning is not None:
            meaning.refer([(shot.text, shot.id) for shot in self._pool.shots])

    @property
    def is_complete(self) -> bool:
        return self.admitted >= self.wanted

    @property
    def is_stalled(self) -> bool:
        """Whether `patience` rounds have brought nothing."""
        return self.taken - self._last_admission >= self.patience * self.lag

    @property
    def is_pilot_over(self) -> bool:
        """Whether no more prompts may be asked."""
        return self.taken >= self.most_prompts

    @property
    def is_over(self) -> bool:
        """Whether there is enough, or nothing more to come."""
        return self.is_complete or self.is_stalled or self.is_pilot_over

    @property
    def pool(self) -> list[Shot]:
        """Seeds, then what was admitted, in the order of admission."""
        return list(self._pool.shots)

    def can_draw(self) -> bool:
        """Whether the next prompt may be drawn already, and is likely to be needed.

        When a prompt is drawn changes nothing in it, so how many are likely to be needed may be guessed freely.
        """
        if self.is_complete or self.drawn >= min(self.taken + self.lag, self.most_prompts):
            return False
        rate = self.admitted / self.taken if self.taken else self._expected
        likely = math.ceil((self.wanted - self.admitted) / max(rate, 0.25))
        return self.drawn - self.taken < max(1, likely)

    def draw(self) -> tuple[int, Any]:
        """The number of the next prompt, and what it is made from."""
        number = self.drawn
        self.drawn += 1
        self._open[number] = self._draw(number)
        return number, self._open[number]

    def take(self, answer: Answer) -> list[Row]:
        """The rows of the next prompt's answer, admitted or rejected, in the order of the completion."""
        rows = self._take(self.taken, answer)
        del self._open[self.taken]
        self._count(rows)
        return rows

    def restore(self, taken: Iterable[Sequence[Row]]) -> None:
        """Goes on behind so many prompts, whose rows an earlier session has made.

        Args:
            taken: the rows of each, in the order of the prompts.
        """
        shots = []
        for rows in taken:
            admitted = [row for row in rows if row["reject_reason"] is None]
            shots += [Shot(row["instruction_id"], row[self.column]) for row in admitted]
            self.admitted += len(admitted)
            self._count(rows)
        self.drawn = self.taken
        self._pool.add(*shots)

    def _count(self, rows: Sequence[Row]) -> None:
        """Notes the answer to the next prompt, of which these rows are made, and what it has had admitted."""
        self.candidates += sum(row[self.column] is not None for row in rows)
        self.taken += 1
        self._sizes.append(self.admitted)
        if any(row["reject_reason"] is None for row in rows):
            self._last_admission = self.taken

    @abstractmethod
    def _draw(self, number: int) -> Any:
        """What a prompt is made from: what it shows, and what it asks for."""

    @abstractmethod
    def _listed(self, number: int, answer: Answer) -> Iterable[Candidate]:
        """What the answer to a prompt lists."""

    @abstractmethod
    def _broken_rule(self, row: Row) -> str | None:
        """The reason code of the first rule that the text of a row breaks."""

    def _row(self, number: int, at: int, answer: Answer) -> Row:
        """The row of the text at this place of the answer to a prompt, without the text."""
        return candidate_row(
            instruction_id=f"{number:06d}-{at:02d}",
            round=number // self.lag,
            finish_reason=answer.finish_reason,
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
            model_name=answer.model or self.model_name,
        )

    def _is_full(self, row: Row) -> bool:
        """Whether there is no place for one more text such as this row's."""
        return self.is_complete

    def _reason_for_nothing(self, completion: str) -> str:
        """The reason code of an answer that lists nothing."""
        return "refusal" if self.preset.tolerant and declines(plain(completion)) else "no_instructions"

    def _visible(self, number: int) -> range:
        """Where in the pool that stands which was admitted early enough for a prompt to show it."""
        size = self._sizes[number - self.lag] if number >= self.lag else 0
        return range(self._first, self._first + size)

    def _take(self, number: int, answer: Answer) -> list[Row]:
        row = self._row(number, 0, answer)
        if answer.completion is None:
            reject(row, self.stage, answer.failure or "no_completion", answer.detail)
            return [row]
        rows = []
        listed = self._without_loop(list(self._listed(number, answer)))
        if self.meaning is not None:
            texts = [each.text for each in listed if each.text is not None and each.fault is None]
            self.meaning.prepare([text for text in texts if not self._pool.is_near(text)])
        for at, candidate in enumerate(listed):
            rows.append(self._row(number, at, answer) | {self.column: candidate.text} | candidate.columns)
            if candidate.fault is not None:
                reject(rows[-1], self.stage, candidate.fault, candidate.detail)
            else:
                self._admit_or_reject(rows[-1])
        if not rows:
            reason = answer.cut_reason or self._reason_for_nothing(answer.completion)
            reject(row, self.stage, reason, excerpt(answer.completion))
        return rows or [row]

    def _without_loop(self, listed: list[Candidate]) -> list[Candidate]:
        """What an answer lists; where it goes on with what it listed before, one candidate stands for all of that."""
        if not self.preset.tolerant:
            return listed
        end = begins_to_repeat([at if each.text is None else each.text for at, each in enumerate(listed)])
        return listed if end == len(listed) else [*listed[:end], replace(listed[end], fault="repetition")]

    def _admit_or_reject(self, row: Row) -> None:
        if (reason := self._broken_rule(row)) is not None:
            reject(row, self.stage, reason)
        elif self._is_full(row):
            reject(row, self.stage, "surplus")
        elif self.clear_of is not None and (overlap := self.clear_of.overlaps([row[self.column]])[0]) is not None:
            row.update(neighbour=self.clear_of.texts[overlap.position], max_similarity=overlap.score)
            reject(row, CLEAR_STAGE.name, overlap.reason, overlap.detail)
        elif (reason := self._pool.fault(row, row[self.column])) is not None:
            reject(row, self.stage, reason)
        elif self.meaning is None or self.meaning.admit(row, row[self.column]):
            self._pool.add(Shot(row["instruction_id"], row[self.column]))
            self.admitted += 1
