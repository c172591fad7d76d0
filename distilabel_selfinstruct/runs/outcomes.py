"""What became of what came to each stage: how much was rejected, most of it why, and an answer that shows it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from distilabel_selfinstruct.data.reasons import FAILED_REQUESTS, SURPLUS
from distilabel_selfinstruct.data.summary import Outcome
from distilabel_selfinstruct.models.slots import STOP_REASONS
from distilabel_selfinstruct.recipe import Recipe
from distilabel_selfinstruct.text.refusals import is_refusal

_NOT_LOOKED_AT = frozenset({*STOP_REASONS, SURPLUS.code, "stalled", "pilot"})
_CAUSES = {
    "refusal": "refused", "content_filter": "refused", "truncated": "cut", "similar": "similar",
    "duplicate": "similar", "contained": "similar", "missing_field": "unread", "field_order": "unread",
    "greeting": "refused", "no_request": "rules",
}  # fmt: skip
_UNREAD = ("no_", "unclear_")
_LONGEST = 200
_TEXTS = ("detail", "output", "instruction")
COLUMNS = ("stage", "reason", *_TEXTS)
"""The columns of the config `rejected` that are read."""


def outcomes(recipe: Recipe, sizes: Mapping[str, int], rejected: Sequence[Mapping[str, Any]]) -> dict[str, Outcome]:
    """The outcome of each stage that has rejected rows.

    Args:
        recipe: whose stages they are.
        sizes: rows of each config, and how many turns follow the first ones.
        rejected: the rows of the config `rejected`, with `COLUMNS`.
    """
    by_stage: dict[str, list[Mapping[str, Any]]] = {}
    for row in rejected:
        if row["reason"] not in _NOT_LOOKED_AT:
            by_stage.setdefault(row["stage"], []).append(row)
    passed, found = _passed_at_the_end(recipe, sizes, by_stage), {}
    for stage in reversed(recipe.stages):
        if rows := by_stage.get(stage.name):
            passed[stage.judges] = came = passed[stage.judges] + len(rows)
            found[stage.name] = _outcome(recipe, rows, came)
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


def _passed_at_the_end(
    recipe: Recipe, sizes: Mapping[str, int], by_stage: Mapping[str, Sequence[Any]]
) -> dict[str, int]:
    admitted = sizes.get("instructions", 0)
    fallen = sum(len(by_stage.get(stage.name, ())) for stage in recipe.stages if stage.judges == "instruction")
    return {
        "candidate": admitted,
        "instruction": max(0, admitted - fallen),
        "instance": sizes.get("instances", 0),
        "pair": sizes.get("preferences", 0),
        "topic": sizes.get("topics", 0),
        "turn": sizes.get("turns", 0),
    }


def _outcome(recipe: Recipe, rows: Sequence[Mapping[str, Any]], came: int) -> Outcome:
    (reason, count), *_ = Counter(row["reason"] for row in rows).most_common(1)
    causes = Counter(cause_of(row["reason"], row["detail"]) for row in rows)
    texts = (row[column] for row in rows if row["reason"] == reason for column in _TEXTS)
    text = " ".join(next((text for text in texts if text and text.strip()), "").split())
    excerpt = text if len(text) <= _LONGEST else text[:_LONGEST] + "..."
    return Outcome(came, len(rows), reason, count, recipe.meaning_of(reason), causes.most_common(1)[0][0], excerpt)
