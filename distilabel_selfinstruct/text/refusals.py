"""Answers that refuse what an instruction asks."""

from __future__ import annotations

import re
from functools import cache

_CAN_NOT = (
    r"(?:i (?:can(?:['’]?t|not| not)|could(?:n['’]t| not)|won['’]t|will not|do(?:n['’]t| not) have)"
    r"|i(?:['’]m| am) (?:unable|not able))\b"
)
_ASSISTANT = r"as an? (?:ai|artificial intelligence|(?:large )?language model)\b"
_APOLOGY = r"(?:unfortunately|sorry|(?:i['’]?m|i am) (?:\w+ )?sorry|(?:i|my) apologi\w+)\W{1,3}(?:but )?"
_HELP = (
    r"(?: to)? (?:\w+ )?(?:help|assist|provide|create|generate|fulfil\w*|comply|produce|write|answer|complete|engage"
    r"|support|offer|discuss|share|continue)\b"
)


@cache
def _refusal() -> re.Pattern[str]:
    return re.compile(rf"\W*(?:{_ASSISTANT}|{_APOLOGY}(?:{_ASSISTANT}|{_CAN_NOT})|{_CAN_NOT}{_HELP})", re.IGNORECASE)


def is_refusal(answer: str) -> bool:
    """Whether an answer begins by saying that the model can or will not do it; an apology alone is none."""
    return bool(_refusal().match(answer))
