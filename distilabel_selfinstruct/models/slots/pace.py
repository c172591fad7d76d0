"""How fast a run may ask: limits that the user names, and those that the endpoint shows by refusing requests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from aiolimiter import AsyncLimiter

_SHARE = 0.99  # of a limit that is used: clocks differ
_LEFT = 0.97  # of what an endpoint was found to bear
_BURST = 0.2  # seconds of requests that may come at once
_TOKEN_BURST = 1.0  # and of tokens
_PAUSE, _LONGEST_PAUSE = 1.0, 120.0  # seconds after a refusal, where the endpoint says nothing, and at most
_LONG = 5.0  # seconds after which what was accepted tells what an endpoint bears
_GROWTH, _FAST_GROWTH = 0.001, 0.02  # a second, while nothing is refused; the second, where that is not known well
_NEWS = 0.002  # the relative change of a rate that is worth another limiter


@dataclass(frozen=True, slots=True)
class RateLimits:
    """What the user's account may ask for in a minute; None is any number."""

    requests: int | None = None
    tokens: int | None = None


class Pace:
    """Lets requests of a run pass one after the other, no faster than the endpoint takes them; of one event loop.

    After a refusal nothing passes until the endpoint said that it will take requests again, or for a second. What was
    accepted since the last refusal, over the time with that pause, is what the endpoint bears; from then on requests
    come a little more slowly than that, and faster by and by while none is refused.
    """

    def __init__(self, limits: RateLimits | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        limits = limits or RateLimits()
        self._clock = clock
        self._given = None if limits.requests is None else limits.requests * _SHARE / 60
        self._tokens = None if limits.tokens is None else _limiter(limits.tokens * _SHARE / 60, _TOKEN_BURST)
        self._credit = 0.0  # tokens that were paid for and not used
        self._learned: float | None = None  # requests a second that the endpoint bears
        self._growth = _GROWTH
        self._since = clock()  # of what is counted below
        self._passed = self._refused = 0
        self._closed_until: float | None = None
        self._pause = _PAUSE
        self._limiter: tuple[float, AsyncLimiter] | None = None

    @property
    def is_free(self) -> bool:
        """Whether any number of requests may pass at once."""
        return self._given is None and self._tokens is None and self._learned is None and self._closed_until is None

    @property
    def learned(self) -> float | None:
        """Requests a second that the endpoint was found to bear; None where it has refused none for their number."""
        return self._learned and min(self._rate() or self._learned, self._learned * 2)

    def note_passed(self) -> None:
        """Counts a request that is sent."""
        self._passed += 1

    def note_refused(self, wait: float | None) -> None:
        """Takes note of a request that was refused for the number of requests; seconds, if the endpoint named some."""
        self._refused += 1
        end = self._clock() + min(_LONGEST_PAUSE, self._pause if wait is None else wait)
        self._closed_until = max(self._closed_until or 0.0, end)

    async def gain(self, tokens: float) -> None:
        """Waits until one more request of so many tokens may pass."""
        while (until := self._closed_until) is not None:
            if (seconds := until - self._clock()) > 0:
                await asyncio.sleep(seconds)
            elif until == self._closed_until:
                self._reopen(until)
        if (rate := self._rate()) is not None:
            await self._limiter_of(rate).acquire()
        if self._tokens is not None:
            await self._pay(tokens)

    def settle(self, paid: float, used: float) -> None:
        """Counts what a request has used, which was estimated before."""
        self._credit += paid - used

    def _reopen(self, until: float) -> None:
        """Learns from what was accepted before the refusals, and begins to count anew."""
        accepted, seconds = self._passed - self._refused, until - self._since
        before = self._rate()
        if accepted > 0:
            borne = accepted / max(seconds, 0.001)
            self._learned = _LEFT * (borne if before is None else min(borne, before))
            self._pause = _PAUSE
        else:
            self._learned = before and before / 2
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        self._growth = _GROWTH if seconds >= _LONG and accepted > 0 else _FAST_GROWTH
        self._since, self._passed, self._refused, self._closed_until = self._clock(), 0, 0, None

    def _rate(self) -> float | None:
        """Requests a second that may pass now."""
        if self._learned is None:
            return self._given
        grown = self._learned * (1 + self._growth) ** max(0.0, self._clock() - self._since)
        return grown if self._given is None else min(grown, self._given)

    def _limiter_of(self, rate: float) -> AsyncLimiter:
        if self._limiter is None or abs(self._limiter[0] / rate - 1) > _NEWS:
            self._limiter = rate, _limiter(rate, _BURST)
        return self._limiter[1]

    async def _pay(self, tokens: float) -> None:
        """Waits for the tokens, in parts that the limiter takes, less what was paid before and not used."""
        assert self._tokens is not None
        owed, self._credit = tokens - self._credit, 0.0
        if owed < 0:
            self._credit = -owed
        while owed > 0:
            part = min(owed, self._tokens.max_rate)
            await self._tokens.acquire(part)
            owed -= part


def _limiter(rate: float, burst: float) -> AsyncLimiter:
    """So many a second, and those of so many seconds at once, at least one."""
    most = max(1.0, rate * burst)
    return AsyncLimiter(most, most / rate)
