"""The kinds of instruction that are written about a topic."""

from __future__ import annotations

from typing import Literal, get_args

Kind = Literal["general", "reasoning", "coding", "writing", "trivia", "roleplay", "multiple_choice"]
"""Each has a template of its own in `prompts/kinds`, in chat wording."""
KINDS: tuple[Kind, ...] = get_args(Kind)
DEFAULT_QUOTAS: dict[Kind, int] = {
    "general": 25,
    "reasoning": 15,
    "coding": 15,
    "writing": 15,
    "trivia": 10,
    "roleplay": 10,
    "multiple_choice": 10,
}
