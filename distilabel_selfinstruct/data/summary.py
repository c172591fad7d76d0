"""What a run has come to."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from distilabel_selfinstruct.usage import Usage

USUAL_CONFIGS = frozenset({"instances", "instructions", "rejected", "seeds", "sft", "reviewed", "curated"})


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

    @property
    def is_whole(self) -> bool:
        return self.ended == "complete" and not self.failed

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Summary:
        """The summary that a run folder recorded; what a later version has added is passed over.

        Raises:
            ValueError: if something is missing, or of another kind.
        """
        from pydantic import TypeAdapter

        return TypeAdapter(cls).validate_python(record)
