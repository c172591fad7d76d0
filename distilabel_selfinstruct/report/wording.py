"""How the report words numbers and reason codes."""

from __future__ import annotations

from distilabel_selfinstruct.recipes import RECIPES

NOTHING = "–"
STAGE_TITLES = {stage.name: stage.title for recipe in RECIPES.values() for stage in recipe.stages}

_REASONS = {
    "too_short": "too short",
    "too_long": "too long",
    "keyword": "asks for more than text",
    "program": 'starts with "Write a program"',
    "punctuation": "starts with punctuation",
    "non_ascii": "letter outside ASCII",
    "similar": "too similar to the pool",
    "truncated": "cut off by the length limit",
    "no_instructions": "answer without instructions",
    "no_topics": "answer without topics",
    "no_options": "question without its options",
    "missing_field": "task without one of its fields",
    "field_order": "fields of a task in another order",
    "surplus": "came when enough were admitted",
    "unclear_classification": "neither yes nor no",
    "no_instances": "answer without instances",
    "empty_output": "empty output",
    "input_equals_output": "output repeats the input",
    "trailing_colon": "ends in a colon",
    "conflicting_outputs": "two outputs for one input",
    "duplicate": "duplicate",
    "refusal": "refused to answer",
    "over_limit": "more than the limit",
    "empty_document": "document without a text",
    "empty_instruction": "row without an instruction",
    "no_gain": "asks for no more than before",
    "copied_prompt": "copies words of the prompt",
    "unclear_gain": "judged neither yes nor no",
    "only_stop_words": "only punctuation and stop words",
    "low_score": "judged to be of little use",
    "unclear_judgement": "no judgement that gives a score",
    "tie": "best and worst response judged equal",
    "too_few_responses": "fewer than two responses to compare",
}


def reason_words(reason: str) -> str:
    """A reason code in words; request failures are named after their code."""
    return _REASONS.get(reason, "request failed: " + reason.replace("_", " "))


def count(number: float | None) -> str:
    return NOTHING if number is None else f"{number:,.0f}"


def mean(number: float | None, digits: int = 1) -> str:
    return NOTHING if number is None else f"{number:,.{digits}f}"


def share(part: float, whole: float) -> str:
    """In percent; small shares keep a digit behind the point."""
    if not whole:
        return NOTHING
    percent = 100 * part / whole
    return f"{percent:.1f}%" if 0 < percent < 10 else f"{percent:.0f}%"


def money(amount: float, currency: str) -> str:
    """With as many digits as it takes to see small amounts."""
    digits = 2 if amount >= 1 or amount == 0 else 4
    return f"{amount:,.{digits}f} {currency}"


def number_of(number: int, noun: str) -> str:
    """Such as "1 round" and "3 rounds"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def duration(seconds: float) -> str:
    """Such as "45 s", "12 min" or "3.5 h"."""
    if seconds < 90:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:,.1f} h"
