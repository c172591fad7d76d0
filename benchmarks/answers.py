"""Answers to the questions of Self-Instruct, for benchmarks: fast, seeded by the prompt, realistic in size."""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Mapping
from typing import Any

_SYLLABLES = [a + b for a in "bcdfghjklmnprstvwz" for b in ("a", "e", "i", "o", "u", "ai", "or", "en")]
_draw = random.Random(0)
WORDS = ["".join(_draw.choices(_SYLLABLES, k=_draw.randint(1, 3))) for _ in range(20_000)]
_WEIGHTS = list(itertools.accumulate(1 / (rank + 10) for rank in range(len(WORDS))))  # Zipf, as in real text


def text(choice: random.Random, words: int) -> str:
    """A sentence of that many words."""
    return " ".join(choice.choices(WORDS, cum_weights=_WEIGHTS, k=words)).capitalize()


def answer_to(prompt: str) -> str:
    """The answer to a prompt in chat wording; about one instruction in six repeats one of its own completion."""
    choice = random.Random(hashlib.blake2b(prompt.encode(), digest_size=8).digest())
    if "Continue the list" in prompt:
        lines = [text(choice, choice.randint(6, 24)) for _ in range(8)]
        if choice.random() < 0.8:
            lines[-1] = lines[0]
        return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, 9))
    if prompt.endswith("Is it classification?"):
        return choice.choice(["Yes", "No", "No"])
    if "Class label" in prompt:
        return "\n".join(f"Class label: {label}\n{text(choice, 15)}" for label in ("positive", "negative"))
    return f"Example 1\nInput: {text(choice, 15)}\nOutput: {text(choice, 25)}"


def answer(body: Mapping[str, Any]) -> str:
    """For the stub server of the tests."""
    return answer_to(prompt_of(body))


def prompt_of(body: Mapping[str, Any]) -> str:
    """The text of a request, of either kind."""
    return str(body["prompt"] if "prompt" in body else body["messages"][-1]["content"])
