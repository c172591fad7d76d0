"""What the demo model says to a prompt."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

TOKENS_PER_WORD = 4 / 3
"""The usual rule of thumb for English; the demo model has no tokenizer."""

FinishReason = Literal["stop", "length"]


def count_tokens(text: str) -> int:
    """An estimate: four tokens to three words."""
    return math.ceil(len(text.split()) * TOKENS_PER_WORD)


@dataclass(frozen=True, slots=True)
class Completion:
    """What the model says, and whether it was cut."""

    text: str
    finish_reason: FinishReason = "stop"

    def limited(self, stop: list[str], max_new_tokens: int) -> Completion:
        """The completion as it ends at the first stop string or the greatest length, whichever comes first."""
        ends = [at for mark in stop if mark and (at := self.text.find(mark)) >= 0]
        ended = Completion(self.text[: min(ends)]) if ends else self
        words = list(re.finditer(r"\S+", ended.text))
        most = int(max_new_tokens / TOKENS_PER_WORD)
        if len(words) > most:
            return Completion(ended.text[: words[most].start()].rstrip(), "length")
        return ended
