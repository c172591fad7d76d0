"""What a judge's completion comes to: the score that it ends with."""

from __future__ import annotations

import re
from functools import cache

from distilabel_selfinstruct.presets import MOST_POINTS
from distilabel_selfinstruct.text.endings import CUTS
from distilabel_selfinstruct.text.reading.remarks import plain


@cache
def _score() -> re.Pattern[str]:
    # "Score: 4", "**Score:** 4/5", "Total score = 4", '"score": "4"', "Score (0-5)：4", "<score>4</score>", and also
    # "a score of 4".
    return re.compile(
        r"score[\s*_`\"')]{0,8}(?:\([^()\n]{0,40}\)[\s*_]{0,8})?"
        r"(?:(?P<mark>(?:is[ \t]{0,4})?[:：=>])|(?:is|of)\b)"
        r"[\s*_`\"'(\[<{$]{0,8}(?:\\boxed\{)?"
        r"(?:(?:\d[ \t]*\+[ \t]*){1,9}\d[ \t]*=[ \t]*)?"  # the points one by one
        r"(?P<number>[-−+]?\d+(?:[.,]\d+)?)(?![\d+])"
        r"(?P<after>[\s*_`\"')\]}]{0,4}(?:/|out of|of|%|[-–—]|to\b|or\b)[ \t]{0,4}\d*)?",
        re.I,
    )


_OF = re.compile(r"[\s*_`\"')\]}]*(?:/|out of|of)\s*(?P<most>\d*)\Z", re.I)
_DASH = re.compile(r"[\s*_]*[-–—]\s*\Z")  # a remark follows, and not a second number


def parse_score(
    completion: str, finish_reason: str | None = None, least: int = 0, most: int = MOST_POINTS
) -> float | None:
    """The last score that a completion gives; None where it is unclear or out of range.

    Args:
        completion: what the judge wrote.
        finish_reason: one of `CUTS` where it was cut: what stands last is then not the end.
        least: the fewest points of the scale.
        most: the most points.
    """
    if finish_reason in CUTS:
        return None
    found = list(_score().finditer(plain(completion)))
    marked = [each for each in found if each["mark"]]
    if marked:
        return _value(marked[-1], least, most)
    values = {
        _value(each, least, most) for each in found
    }  # "a score of 4" in a sentence counts where nothing contradicts it
    return values.pop() if len(values) == 1 else None


def _value(found: re.Match[str], least: int, most: int) -> float | None:
    after = found["after"]
    of = _OF.match(after) if after else None
    if after and not (of and of["most"] in ("", str(most))) and not _DASH.match(after):
        return None  # of another scale, in percent, or one of two numbers
    score = float(found["number"].replace(",", ".").replace("−", "-"))
    return score if least <= score <= most else None
