"""What the headers of an answer say of limits: how long to wait, how much may be asked, and what of it is left.

Read are `retry-after-ms` and `retry-after`; `x-ratelimit-*` as OpenAI, Azure, Groq and many others write it;
`anthropic-ratelimit-*`; and `RateLimit` with `RateLimit-Policy` in all forms that the drafts of the IETF gave them.
"""

from __future__ import annotations

import math
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

_KINDS = ("requests", "tokens", "input-tokens", "output-tokens")
_NAME = re.compile(r"(?:llm_provider-)?(?:x-|anthropic-)?ratelimit(?:-(?P<words>[a-z-]+))?")
_WORDS = re.compile(r"(?:^|-)(limit|remaining|reset)(?:-|$)")
_PERIOD = re.compile(r"-?(second|minute|hour|day)$")
_PERIODS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}
_ITEM = re.compile(r"\b(limit|remaining|reset|q|r|t|w)=(\d+(?:\.\d+)?)")  # of the drafts
_ITEMS = {"q": "limit", "r": "remaining", "t": "reset", "w": "window"}
_TIME = r"(\d+(?:\.\d+)?) ?(ms|milli|s|m|h|d)(?:[a-z]*)"
_WAIT_SAID = re.compile(
    r"(?:retry_?delay\W+|(?:try again|retry) (?:in|after) )"
    r"((?:\d+(?:\.\d+)? ?(?:ms|milliseconds?|s|sec(?:ond)?s?|m|min(?:ute)?s?|h|hours?|d|days?)(?![a-z]) ?)+)",
    re.I,
)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True, slots=True)
class Told:
    """One limit, as far as an answer tells of it.

    Attributes:
        kind: what it counts: `requests`, `tokens`, `input-tokens` or `output-tokens`.
        limit: how many there may be.
        remaining: how many are left.
        reset: the seconds until there are as many again as the limit says.
        window: the seconds that the limit is for.
    """

    kind: str
    limit: float | None = None
    remaining: float | None = None
    reset: float | None = None
    window: float | None = None


def told(headers: Iterable[tuple[str, str]]) -> list[Told]:
    """The limits that an answer tells of."""
    found: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for given, value in headers:
        name = given.lower()
        if "ratelimit" not in name or (named := _NAME.fullmatch(name)) is None:
            continue
        if named["words"] in (None, "policy"):
            found["requests"].update({_ITEMS.get(item, item): float(number) for item, number in _ITEM.findall(value)})
        else:
            _add(found, named["words"], value)
    return [Told(kind, **parts) for kind, parts in found.items()]


def _add(found: Mapping[str, dict[str, float]], words: str, value: str) -> None:
    """Adds what one header says: `reset-tokens`, `input-tokens-limit`, `limit-requests-day`."""
    if (what := _WORDS.search(words)) is None:
        return
    of = _WORDS.sub("-", words).strip("-")
    period = _PERIOD.search(f"-{of}")
    kind = (of[: -len(period[1])].rstrip("-") if period else of) or "requests"
    number, _, more = value.partition(",")
    read = _moment_or_duration(value) if what[1] == "reset" else _number(number.partition(";")[0])
    if kind not in _KINDS or read is None:
        return
    found[kind][what[1]] = max(0.0, read)
    if period:
        found[kind]["window"] = _PERIODS[period[1]]
    elif said := _ITEM.search(more):
        found[kind]["window"] = float(said[2])


def wait_asked_for(headers: Mapping[str, str]) -> float | None:
    """The seconds that an answer asks to wait."""
    for name, read in _WAITS.items():
        if (seconds := read(headers.get(name, ""))) is not None:
            return max(0.0, seconds)
    return None


def until_reset(headers: Mapping[str, str]) -> float | None:
    """Seconds until the limit is off that was met; of several, that of which nothing remains."""
    resets = {each.reset: each.remaining == 0 for each in told(headers.items()) if each.reset is not None}
    used_up = [seconds for seconds, is_used_up in resets.items() if is_used_up]
    return max(used_up, default=min(resets, default=None))


def wait_said(said: str) -> float | None:
    """Seconds that the words of an answer ask to wait: Gemini's `retryDelay`, or a sentence."""
    if (found := _WAIT_SAID.search(said)) is None:
        return None
    parts = re.findall(_TIME, found[1].lower())
    return sum(float(number) * _UNITS["ms" if unit in ("ms", "milli") else unit[0]] for number, unit in parts)


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _milliseconds(value: str) -> float | None:
    number = _number(value)
    return None if number is None else number / 1000


def _seconds_or_date(value: str) -> float | None:
    if (seconds := _moment_or_duration(value)) is not None:
        return seconds
    try:
        return parsedate_to_datetime(value).timestamp() - time.time()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def _moment_or_duration(value: str) -> float | None:
    """Seconds of `2`, `1.2s`, `6m0s`, `120ms`; also until a moment since the epoch, or one of RFC 3339."""
    if (number := _number(value)) is not None:
        moment = number / 1000 if number > 1e11 else number
        return moment - time.time() if moment > 1e9 else number
    text = value.strip().lower()
    if re.fullmatch(r"(?:\d+(?:\.\d+)?(?:ms|[dhms]))+", text):
        return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+(?:\.\d+)?)(ms|[dhms])", text))
    with suppress(ValueError):
        moment_told = datetime.fromisoformat(text.replace("z", "+00:00").replace("t", " "))
        if moment_told.tzinfo is not None:
            return moment_told.timestamp() - time.time()
    return None


_WAITS: dict[str, Callable[[str], float | None]] = {"retry-after-ms": _milliseconds, "retry-after": _seconds_or_date}
