"""What a run has come to."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from distilabel_selfinstruct.usage import Usage

USUAL_CONFIGS = frozenset({"instances", "instructions", "rejected", "seeds", "sft", "reviewed", "curated"})

_TOO_MANY = 0.9  # of what comes to a stage: with more thrown away a run has not done what it was for


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of the rows that came to a stage which rejected some of them.

    Attributes:
        came: rows that it looked at; not those that came when enough were admitted, or were never asked about.
        rejected: how many of them it rejected.
        reason: the commonest reason code.
        count: how many were rejected for it.
        meaning: of the reason code, in words.
        cause: what kind of fault the most have: `refused`, `cut`, `similar`, `failed`, `unread` or `rules`.
        excerpt: of one answer, or of what was said of one request, that was rejected for that reason; may be empty.
    """

    came: int
    rejected: int
    reason: str
    count: int
    meaning: str
    cause: str
    excerpt: str = ""

    @property
    def share(self) -> float:
        return self.rejected / self.came if self.came else 0.0


@dataclasses.dataclass(frozen=True)
class Summary:
    """What a run has come to.

    Attributes:
        ended: `complete`, `stalled`, `pilot`, or why requests stopped: `budget`, `unavailable`.
        admitted: instructions.
        wanted: instructions asked for; None where that depends on what came in.
        candidates: instructions in the answers of the loop that made them; None without a loop.
        prompts: that it has asked; None without a loop.
        instances: rows of the dataset.
        rejected: rows by stage and reason code.
        failed: requests that were given up, and are asked again by the next run.
        usage: what each stage has asked for, over all sessions.
        seconds: of the last session.
        cost: in money, over all sessions.
        rows: of the configs that the recipe adds to the usual ones.
        notes: what else a user should know.
        main_config: of the dataset: what the recipe is for.
        main_rows: its rows; None where nobody has recorded it.
        outcomes: by stage, of the stages that have rejected rows.
    """

    ended: str
    admitted: int
    wanted: int | None
    candidates: int | None
    prompts: int | None
    instances: int
    rejected: dict[str, dict[str, int]]
    failed: int
    usage: dict[str, Usage]
    seconds: float
    cost: float
    rows: dict[str, int] = dataclasses.field(default_factory=dict)
    notes: list[str] = dataclasses.field(default_factory=list)
    main_config: str = "instances"
    main_rows: int | None = None
    outcomes: dict[str, Outcome] = dataclasses.field(default_factory=dict)

    @property
    def is_done(self) -> bool:
        """Whether there is nothing left to ask."""
        return self.ended == "complete" and not self.failed

    @property
    def is_over(self) -> bool:
        """Whether the same command would ask nothing more."""
        return self.ended in ("complete", "stalled", "pilot") and not self.failed

    @property
    def is_whole(self) -> bool:
        """Whether it has come to what was asked for."""
        return self.is_done and not self.is_empty and self.narrowest is None

    @property
    def is_empty(self) -> bool:
        """Whether there is none of what the recipe is for."""
        return self.main_rows == 0

    @property
    def narrowest(self) -> str | None:
        """The stage that has rejected nearly all that came to it; in an empty dataset, the most of it."""
        least = 0.0 if self.is_empty else _TOO_MANY
        most = max(self.outcomes, key=lambda stage: self.outcomes[stage].share, default=None)
        return most if most is not None and self.outcomes[most].share > least else None

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Summary:
        """The summary that a run folder recorded; what a later version has added is passed over.

        Raises:
            ValueError: if something is missing, or of another kind.
        """
        from pydantic import TypeAdapter

        return TypeAdapter(cls).validate_python(record)
