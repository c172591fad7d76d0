"""The limits that endpoints have: a bucket that is refilled all the time, windows in a row, or one that slides."""

from __future__ import annotations

import heapq
import math
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Protocol

from distilabel_selfinstruct.models.slots.pace import Cost, Pace
from distilabel_selfinstruct.models.telling import Told, told


class Limiter(Protocol):
    """A limit of requests; takes them one after the other."""

    limit: float

    def refusal(self, now: float) -> float | None:
        """None where a request is accepted, or the seconds until one would be."""

    def state(self, now: float) -> tuple[float, float]:
        """What is left, and the seconds until the whole limit is there again."""


@dataclass
class Bucket:
    """So many a second; `holds` at once."""

    per_second: float
    holds: float
    _left: float = math.nan
    _at: float = 0.0

    @property
    def limit(self) -> float:
        return self.holds

    def refusal(self, now: float) -> float | None:
        full = math.isnan(self._left)
        self._left = self.holds if full else min(self.holds, self._left + (now - self._at) * self.per_second)
        self._at = now
        if self._left < 1:
            return (1 - self._left) / self.per_second
        self._left -= 1
        return None

    def state(self, now: float) -> tuple[float, float]:
        return math.floor(self._left), (self.holds - self._left) / self.per_second


@dataclass
class Window:
    """So many from one full `seconds` to the next, of a clock that is ahead by `ahead`."""

    per_second: float
    seconds: float
    ahead: float = 0.0
    _number: float = -1.0
    _used: int = 0

    @property
    def limit(self) -> float:
        return self.per_second * self.seconds

    def refusal(self, now: float) -> float | None:
        left, until_next = self.state(now)
        if left < 1:
            return until_next
        self._used += 1
        return None

    def state(self, now: float) -> tuple[float, float]:
        number, since = divmod(now + self.ahead, self.seconds)
        if number != self._number:
            self._number, self._used = number, 0
        return self.limit - self._used, self.seconds - since


@dataclass
class Sliding:
    """So many in any `seconds`."""

    per_second: float
    seconds: float
    _taken: deque[float] = field(default_factory=deque)

    @property
    def limit(self) -> float:
        return self.per_second * self.seconds

    def refusal(self, now: float) -> float | None:
        while self._taken and self._taken[0] <= now - self.seconds:
            self._taken.popleft()
        if len(self._taken) + 1 > self.limit:
            return self._taken[0] + self.seconds - now
        self._taken.append(now)
        return None

    def state(self, now: float) -> tuple[float, float]:
        return self.limit - len(self._taken), self.seconds


def openai_headers(limiter: Limiter, now: float) -> dict[str, str]:
    """As OpenAI says what is left."""
    left, reset = limiter.state(now)
    minutes, seconds = divmod(reset, 60)
    said = f"{minutes:.0f}m{seconds:.3f}s" if minutes else f"{seconds:.3f}s"
    return {
        "x-ratelimit-limit-requests": f"{limiter.limit:.0f}",
        "x-ratelimit-remaining-requests": f"{left:.0f}",
        "x-ratelimit-reset-requests": said,
    }


def anthropic_headers(limiter: Limiter, now: float, epoch: float) -> dict[str, str]:
    """As Anthropic does."""
    left, reset = limiter.state(now)
    moment = datetime.fromtimestamp(epoch + reset, timezone.utc).isoformat().replace("+00:00", "Z")
    return {
        "anthropic-ratelimit-requests-limit": f"{limiter.limit:.0f}",
        "anthropic-ratelimit-requests-remaining": f"{left:.0f}",
        "anthropic-ratelimit-requests-reset": moment,
    }


def draft_headers(limiter: Limiter, now: float) -> dict[str, str]:
    """As the drafts of the IETF have it, for a window whose length is not told."""
    left, reset = limiter.state(now)
    return {
        "ratelimit-limit": f"{limiter.limit:.0f}",
        "ratelimit-remaining": f"{left:.0f}",
        "ratelimit-reset": f"{math.ceil(reset)}",
    }


def simulated(
    limiter: Limiter,
    seconds: float,
    wait: Callable[[float], float | None] = lambda wait: wait,
    headers: Callable[[Limiter, float], dict[str, str]] | None = None,
    make: Callable[[Callable[[], float]], Pace] | None = None,
    slots: int = 64,
    latency: float = 0.5,
    way: float = 0.05,
) -> tuple[float, float]:
    """A run that always has something to ask, on a clock that is not waited for.

    Args:
        limiter: the limit of the endpoint.
        seconds: that the run lasts.
        wait: what a refusal says of the seconds until a request would be accepted.
        headers: that come with each answer.
        make: makes the pace, for a clock.
        slots: most requests in flight.
        latency: mean seconds of an answer (lognormal).
        way: seconds to the endpoint and back.

    Returns:
        What was accepted, as a share of `seconds` of the limit; and the share of requests that were refused.
    """
    draw, at, number, free = random.Random(0), [0.0], 0, slots
    pace = make(lambda: at[0]) if make else Pace(None, slots, lambda: at[0])
    accepted = refused = 0
    events: list[tuple[float, int, str, float, float, list[Told]]] = [(0.0, 0, "look", 0.0, 0.0, [])]
    looks_at = math.inf
    while events and events[0][0] <= seconds:
        now, _, what, passed, waits, tells = heapq.heappop(events)
        at[0] = now
        if what == "asked":
            number += 1
            left = limiter.refusal(now)
            tells = told(headers(limiter, now).items()) if headers else []
            if left is None:
                accepted += 1
                takes = draw.lognormvariate(math.log(latency) - 0.125, 0.5)
                heapq.heappush(events, (now + way / 2 + takes, number, "answered", passed, 0.0, tells))
            else:
                refused += 1
                heapq.heappush(events, (now + way / 2, number, "refused", passed, left, tells))
            continue
        free += what != "look"
        if what == "refused":
            pace.note_refused(wait(waits), now - passed)
        if tells:
            pace.note_told(tells, slots - free)
        looks_at = math.inf if now >= looks_at else looks_at
        while free:
            if (delay := pace.delay()) > 0:
                if now + delay + 1e-6 < looks_at:
                    number, looks_at = number + 1, now + delay + 1e-6
                    heapq.heappush(events, (looks_at, number, "look", 0.0, 0.0, []))
                break
            pace.take(Cost(90, 10))
            free, number = free - 1, number + 1
            heapq.heappush(events, (now + way / 2, number, "asked", now, 0.0, []))
    per_second = getattr(limiter, "per_second", 0.0)
    return accepted / (per_second * seconds), refused / (accepted + refused)
