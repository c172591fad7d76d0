"""The rules that a topic must pass, and a question with options."""

from __future__ import annotations

import re

from distilabel_selfinstruct.presets import Preset
from distilabel_selfinstruct.text.copying import copies
from distilabel_selfinstruct.text.reading.remarks import declines, is_remark
from distilabel_selfinstruct.text.rules import count_words

MOST_WORDS = 6  # that the prompt asks for
_OPTION = re.compile(r"(?:^|\s)[(\[*]{0,3}([A-D])[.):\]]", re.MULTILINE)


def check_topic(text: str, preset: str | Preset = "default", frame: str = "") -> str | None:
    """The reason code of the first rule that a topic breaks, or None.

    `refusal`, `chatter`, `copied_prompt`, `too_long`, `punctuation`.
    """
    if declines(text):
        return "refusal"
    if is_remark(text):
        return "chatter"
    if copies(text, frame):
        return "copied_prompt"
    if count_words(text, preset) > MOST_WORDS:
        return "too_long"
    return None if any(map(str.isalpha, text)) else "punctuation"


def has_options(question: str) -> bool:
    """Whether a question names at least its options A and B."""
    return {"A", "B"} <= set(_OPTION.findall(question))
