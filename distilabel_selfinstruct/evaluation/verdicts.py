"""What a judge's completion comes to: a level, or the better of two answers."""

from __future__ import annotations

import re
from typing import Literal

from distilabel_selfinstruct.text.endings import CUTS
from distilabel_selfinstruct.text.reading.remarks import plain

Better = Literal["1", "2", "tie"]
_BETWEEN = r"[\s*_`\"')]{0,8}(?:is\b|[:：=])[\s*_`\"'(\[<{]{0,8}"
# "Level: B", "**Level:** B", "Level is B", '"level": "B"'
_LEVEL = re.compile(rf"level{_BETWEEN}(?P<said>(?-i:[A-D]))(?![\w/])", re.IGNORECASE)
# "Better: 1", "Better: answer 2", "Better: tie", '"better": "neither"'
_BETTER = re.compile(
    rf"better{_BETWEEN}(?:answer[ \t_]{{0,4}})?(?P<said>1|2|tie|both|neither|equal)(?!\w)", re.IGNORECASE
)


def parse_level(completion: str, finish_reason: str | None = None) -> str | None:
    """The last level that a completion gives, from A to D; None where it is unclear, or the completion was cut."""
    return _last(_LEVEL, completion, finish_reason)


def parse_better(completion: str, finish_reason: str | None = None) -> Better | None:
    """The last that a completion says is better; None where it is unclear, or the completion was cut."""
    said = _last(_BETTER, completion, finish_reason)
    if said is None:
        return None
    return "1" if said == "1" else "2" if said == "2" else "tie"


def _last(form: re.Pattern[str], completion: str, finish_reason: str | None) -> str | None:
    if finish_reason in CUTS:
        return None
    found = list(form.finditer(plain(completion)))
    return found[-1]["said"] if found else None
