"""What became of what came to each stage: how much was rejected, most of it why, and an answer that shows it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from distilabel_selfinstruct.data.reasons import FAILED_REQUESTS, SURPLUS
from distilabel_selfinstruct.data.summary import Outcome
from distilabel_selfinstruct.models.slots import STOP_REASONS
from distilabel_selfinstruct.recipe import Recipe
from distilabel_selfinstruct.text.refusals import is_refusal

_NOT_LOOKED_AT = frozenset({*STOP_REASONS, SURPLUS.code, "stalled", "pilot"})
_CAUSES = {
    "refusal": "refused",
    "content_filter": "refused",
    "truncated": "cut",
    "similar": "similar",
    "duplicate": "similar",
    "contained": "similar",
    "missing_field": "unread",
    "field_order": "unread",
    "greeting": "refused",
    "no_request": "rules",
}
_UNREAD = ("no_", "unclear_")
_LONGEST = 200
_TEXTS = ("detail", "output", "instruction")
COLUMNS = ("stage", "reason", *_TEXTS)
"""The columns of the config `rejected` that are read."""


@dataclass(slots=True)
class _Fallen:
    """What a stage has rejected: how much for which reason and cause, and by reason the first text that shows it."""

    reasons: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    texts: dict[str, str] = field(default_factory=dict)

    def count(self, row: Mapping[str, Any]) -> None:
        """Counts one more row."""
        reason = row["reason"]
        self.reasons[reason] += 1
        self.causes[cause_of(reason, row["detail"])] += 1
        if not self.texts.get(reason):
            text = " ".join(next((row[name] for name in _TEXTS if row[name] and row[name].strip()), "").split())
            self.texts[reason] = text if len(text) <= _LONGEST else text[:_LONGEST] + "..."


def outcomes(recipe: Recipe, sizes: Mapping[str, int], rejected: Iterable[Mapping[str, Any]]) -> dict[str, Outcome]:
    """The outcome of each stage that has rejected rows.

    Args:
        recipe: whose stages they are.
        sizes: rows of each config, and how many turns follow the first ones.
        rejected: the rows of the config `rejected`, with `COLUMNS`.
    """
    by_stage: dict[str, _Fallen] = defaultdict(_Fallen)
    for row in rejected:
        if row["reason"] not in _NOT_LOOKED_AT:
            by_stage[row["stage"]].count(row)
    passed, found = _passed_at_the_end(recipe, sizes, by_stage), {}
    for stage in reversed(recipe.stages):
        if fallen := by_stage.get(stage.name):
            passed[stage.judges] = came = passed[stage.judges] + fallen.reasons.total()
            found[stage.name] = _outcome(recipe, fallen, came)
    return {stage.name: found[stage.name] for stage in recipe.stages if stage.name in found}


def cause_of(reason: str, detail: str | None = None) -> str:
    """What kind of fault a row has: see `Outcome.cause`."""
    if reason in _CAUSES:
        return _CAUSES[reason]
    if reason in FAILED_REQUESTS:  # `no_completion` among them
        return "failed"
    if reason.startswith(_UNREAD):
        return "refused" if detail and is_refusal(detail) else "unread"
    return "rules"


def _passed_at_the_end(recipe: Recipe, sizes: Mapping[str, int], by_stage: Mapping[str, _Fallen]) -> dict[str, int]:
    admitted = sizes.get("instructions", 0)
    fallen = sum(
        by_stage[stage.name].reasons.total()
        for stage in recipe.stages
        if stage.judges == "instruction" and stage.name in by_stage
    )
    return {
        "candidate": admitted,
        "instruction": max(0, admitted - fallen),
        "instance": sizes.get("instances", 0),
        "pair": sizes.get("preferences", 0),
        "topic": sizes.get("topics", 0),
        "turn": sizes.get("turns", 0),
    }


def _outcome(recipe: Recipe, fallen: _Fallen, came: int) -> Outcome:
    ((reason, count),), ((cause, _),) = fallen.reasons.most_common(1), fallen.causes.most_common(1)
    rejected, excerpt = fallen.reasons.total(), fallen.texts.get(reason, "")
    return Outcome(came, rejected, reason, count, recipe.meaning_of(reason), cause, excerpt)
