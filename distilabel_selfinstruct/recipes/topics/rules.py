"""The rules that a topic must pass, and a question with options."""

from __future__ import annotations

import re

from distilabel_selfinstruct.presets import Preset
from distilabel_selfinstruct.text.refusals import is_refusal
from distilabel_selfinstruct.text.rules import count_words

_MOST_TOPIC_WORDS = 15
_OPTION = re.compile(r"(?:^|\s)[(\[*]{0,3}([A-D])[.):\]]", re.MULTILINE)


def check_topic(text: str, preset: str | Preset = "default") -> str | None:
    """The reason code of the first rule that a topic breaks, or None: `refusal`, `too_long`, `punctuation`."""
    if is_refusal(text):
        return "refusal"
    if count_words(text, preset) > _MOST_TOPIC_WORDS:
        return "too_long"
    return None if any(map(str.isalpha, text)) else "punctuation"


def has_options(question: str) -> bool:
    """Whether a question names at least its options A and B."""
    return {"A", "B"} <= set(_OPTION.findall(question))
