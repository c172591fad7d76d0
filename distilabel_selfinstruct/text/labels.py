"""Labels of classification tasks that a model makes up where it cannot tell classes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from distilabel_selfinstruct.text.rouge import unicode_tokens

_PLACEHOLDER = re.compile(
    r"(?:(?:class|answer|output)[ _-]*)?(?:label|class|category|choice|option)(?:[ _-]*(?:[a-z]|\d+|name|here))?", re.I
)
_TORN = re.compile(r"[:：;]\s*\S|\w{3,}[.!?]\s+\w|[。！？]\S")


_SAME = {"y": "yes", "n": "no"}


def folded_label(label: str) -> str:
    """A label without what does not tell it from another: case, quotes, a full stop; "y" and "Yes" are one."""
    plain = " ".join(label.split()).strip(" .!\"'“”‘’`*<>[](){}").casefold()
    return _SAME.get(plain, plain)


def echoes_instruction(instruction: str, labels: Sequence[str]) -> bool:
    """Whether there is one label only, and it is words of the instruction that this does not offer as a choice.

    A model that takes any instruction for classification says again what it is about: "animals" for "Write a story
    about an animal.". Where an instruction offers labels, they stand beside commas, colons or slashes, or near words
    such as "or" and "whether".
    """
    if len({label.casefold() for label in labels}) != 1:
        return False
    words = _stems(labels[0])
    return bool(words) and words <= _stems(instruction) and not _offers(instruction, labels[0])


def is_no_label(label: str) -> bool:
    """Whether it is a placeholder, such as "answer choice A", or more than one sentence."""
    return bool(_PLACEHOLDER.fullmatch(label.strip(" .<>[](){}\"'")) or _TORN.search(label.strip()))


def _offers(instruction: str, label: str) -> bool:
    name = rf"[\"'“‘]?{re.escape(label)}\b"
    return bool(
        re.search(rf"[,:/(]\s*{name}|{name}[\"'”’]?\s*(?:,\s*(?!who)|/)", instruction, re.I)
        or re.search(rf"\b(?:or|whether|either|as|between)\b(?:\s+\w+){{0,8}}?\s+{name}", instruction, re.I)
        or re.search(rf"{name}[\"'”’]?(?:\s+\w+){{0,4}}?\s*,?\s+or\b", instruction, re.I)
    )


def _stems(text: str) -> set[str]:
    """Its words, plurals as singulars."""
    return {re.sub(r"ies$", "y", word) if len(word) > 4 else word for word in map(_singular, unicode_tokens(text))}


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "ies")) else word
