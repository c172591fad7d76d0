"""What a benchmark asks, and what a model has said to it."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from typing_extensions import Self

from distilabel_selfinstruct.evaluation.metrics import Words


@dataclass(frozen=True, slots=True)
class Question:
    """One question of a benchmark.

    Attributes:
        id: names it.
        task: that it is an instance of: what intervals are about.
        instruction: what is asked for; of SuperNI the definition.
        input: what it is asked about; may be empty.
        references: the right answers.
        category: of the task; may be empty.
        words: how its words are told.
    """

    id: str
    task: str
    instruction: str
    input: str
    references: tuple[str, ...]
    category: str = ""
    words: Words = "stemmed"

    @property
    def text(self) -> tuple[str, str]:
        """What tells it from another question of the same name."""
        return self.instruction, self.input

    @property
    def key(self) -> tuple[str, str, str]:
        """What two evaluations of one question have in common."""
        return self.id, self.instruction, self.input


@dataclass(frozen=True, slots=True)
class Prediction(Question):
    """A question with what a model has said to it.

    Attributes:
        response: as it stands; None where there is none.
        failure: the reason code of a request that came to nothing.
        detail: what the reason code leaves open.
        is_cut: whether the response ended at its length limit.
        scores: by metric, from 0 to 1.
    """

    response: str | None = None
    failure: str | None = None
    detail: str | None = None
    is_cut: bool = False
    scores: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, question: Question, **said: Any) -> Self:
        """The question with what was said to it."""
        asked = {each.name: getattr(question, each.name) for each in dataclasses.fields(Question)}
        return cls(**asked, **said)

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> Self:
        """What an evaluation's folder recorded."""
        return cls(**{**row, "references": tuple(row["references"])})

    @property
    def answer_id(self) -> str:
        """Names this very answer to this very question, whichever model has given it."""
        said = "\0".join([*self.key, self.response or ""])
        return hashlib.sha256(said.encode()).hexdigest()[:16]

    @property
    def is_answered(self) -> bool:
        """Whether the model has said anything."""
        return bool((self.response or "").strip())


class Benchmark(NamedTuple):
    """The questions, and what a user should know of them."""

    questions: list[Question]
    notes: list[str]
