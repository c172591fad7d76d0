"""What became of what came to each stage."""

from __future__ import annotations

from typing import Any

import pytest

from distilabel_selfinstruct.recipe import get_recipe
from distilabel_selfinstruct.runs.outcomes import cause_of, outcomes

SELF_INSTRUCT, PREFERENCES = get_recipe("self-instruct"), get_recipe("preferences")


def row(stage: str, reason: str, detail: str | None = None, output: str | None = None) -> dict[str, Any]:
    return {"stage": stage, "reason": reason, "detail": detail, "output": output, "instruction": "Name a river."}


def test_what_came_to_a_stage_is_what_passed_and_what_it_rejected() -> None:
    rejected = [
        *[row("bootstrap", "similar")] * 30,
        *[row("classification", "truncated")] * 4,
        *[row("instances", "duplicate")] * 3,
        *[row("judgement", "low_score", "1.00 of 5")] * 2,
    ]
    found = outcomes(SELF_INSTRUCT, {"instructions": 10, "instances": 6}, rejected)
    assert {stage: (each.came, each.rejected) for stage, each in found.items()} == {
        "bootstrap": (40, 30), "classification": (10, 4), "instances": (11, 3), "judgement": (8, 2),
    }  # fmt: skip


def test_what_nobody_has_looked_at_does_not_count() -> None:
    rejected = [row("bootstrap", reason) for reason in ("surplus", "budget", "unavailable", "interrupted", "stalled")]
    assert outcomes(SELF_INSTRUCT, {"instructions": 1, "instances": 1}, rejected) == {}


def test_pairs_are_counted_by_themselves() -> None:
    rejected = [*[row("preferences", "tie")] * 9, row("responses", "truncated", output="It beg")]
    found = outcomes(PREFERENCES, {"instructions": 9, "instances": 18, "preferences": 0}, rejected)
    assert (found["preferences"].came, found["responses"].came) == (9, 19)
    assert found["responses"].excerpt == "It beg"


def test_the_commonest_reason_and_the_first_answer_that_shows_it() -> None:
    rejected = [
        row("classification", "truncated"),
        row("classification", "unclear_classification", "It\n  depends."),
        row("classification", "unclear_classification", "Who knows?"),
    ]
    outcome = outcomes(SELF_INSTRUCT, {"instructions": 3}, rejected)["classification"]
    assert (outcome.reason, outcome.count, outcome.meaning) == ("unclear_classification", 2, "neither yes nor no")
    assert (outcome.excerpt, outcome.share) == ("It depends.", 1.0)


@pytest.mark.parametrize(
    ("reason", "detail", "cause"),
    [
        ("refusal", None, "refused"),
        ("content_filter", "400: blocked", "refused"),
        ("no_instructions", "I'm sorry, but I can't help with that.", "refused"),
        ("no_topics", "I cannot assist with that request.", "refused"),
        ("no_instructions", "<html>", "unread"),
        ("missing_field", None, "unread"),
        ("unclear_gain", "Perhaps", "unread"),
        ("truncated", None, "cut"),
        ("similar", None, "similar"),
        ("server_error", "500", "failed"),
        ("reasoning_only", None, "failed"),
        ("no_completion", None, "failed"),
        ("too_short", None, "rules"),
        ("low_score", "1 of 5", "rules"),
    ],
)
def test_causes(reason: str, detail: str | None, cause: str) -> None:
    assert cause_of(reason, detail) == cause


def test_a_long_answer_is_cut_for_the_eye() -> None:
    found = outcomes(SELF_INSTRUCT, {}, [row("bootstrap", "no_instructions", "a " * 500)])
    assert len(found["bootstrap"].excerpt) < 210
