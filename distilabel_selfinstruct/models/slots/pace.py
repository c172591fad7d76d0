"""How fast a run may ask: limits that the user names, that the endpoint tells, and that it shows by refusing requests.

A rate that changes while it is in use, and tokens that are paid back, are what no limiter of a library has; so the
limiter (the generic cell rate algorithm) stands here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from distilabel_selfinstruct.models.telling import Told

_SHARE = 0.99  # of a limit that is used: clocks differ
_BURST = 0.1  # seconds that who comes late may catch up with
_AT_ONCE, _OPENING = (
    8,
    1.0,
)  # requests at first, and the seconds in which others come: a 429 may be on its way
_PAUSE, _LONGER, _LONGEST_PAUSE = 0.5, 1.2, 120.0  # seconds after a refusal where the endpoint says nothing; at most
_LOOK, _LONGEST_LOOK = 0.05, 0.5  # seconds in which a refusal comes, besides its way, where one request tries the door
_WINDOW = 1.4  # seconds of a pause that shows that the endpoint counts by windows
_ENOUGH = 10  # accepted requests, from which on their number over the time tells what an endpoint bears
_NEAR = 1.06  # how much two such findings may differ that confirm each other
_DOUBLING = 15.0  # seconds in which a finding grows that nothing has confirmed
_DEPTH, _DEEPEST = 0.02, 0.08  # how far around a finding is asked for, by how exact it is
_SPAN, _RARELY = 60.0, 200  # the seconds in which the way is gone, or as many requests: so rarely one is refused
_FIRST, _MORE, _UNLIKE = 8, 2.0, 0.35  # used of a limit at first, times as much then: they show of what kind it is


@dataclass(frozen=True, slots=True)
class RateLimits:
    """What the user's account may ask for in a minute; None is any number."""

    requests: int | None = None
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """What one request takes of a limit, of whatever kind."""

    input_tokens: float = 0.0
    output_tokens: float = 0.0

    def of(self, kind: str) -> float:
        """Of requests, tokens, input-tokens or output-tokens."""
        counted = {"input-tokens": self.input_tokens, "output-tokens": self.output_tokens}
        counted["tokens"] = self.input_tokens + self.output_tokens
        return counted.get(kind, 1.0)


class _Meter:
    """Lets so much pass a second, of one kind."""

    def __init__(self, kind: str, rate: float, now: float) -> None:
        self.kind, self.rate, self.at = kind, rate, now

    def take(self, cost: Cost, now: float) -> float:
        """Lets a request pass; the seconds for which nothing has come that could have passed."""
        idle = max(0.0, now - _BURST - self.at)
        self.at += idle + cost.of(self.kind) / self.rate
        return idle


class _Telling:
    """What the answers say of one limit: a bucket that is refilled all the time is told apart from a window.

    The time until a bucket is full grows with what was taken out; that until a window's end does not.
    """

    def __init__(self) -> None:
        self._used = self._reset = 0.0  # as it was told before
        self._longest = self._refill = 0.0
        self.is_window: bool | None = None

    def rate(self, told: Told) -> float | None:
        """So much a second, as soon as it is known."""
        if told.limit is None:
            return None
        if told.window is not None or told.reset is None:  # with which alone they are those of a minute (Azure)
            return told.limit / (told.window or 60.0)
        if told.remaining is None or (used := told.limit - told.remaining) <= 0:
            return None
        if self._used and used >= max(_FIRST, self._used * _MORE):
            growth = told.reset / self._reset if self._reset else math.inf
            self.is_window = abs(growth * self._used / used - 1) > _UNLIKE
        if not self._used / _MORE < used < max(_FIRST, self._used * _MORE):
            self._used, self._reset = used, told.reset
        if told.reset > self._longest:
            self._longest, self._refill = told.reset, used / told.reset
        if self.is_window is None or not self._longest:
            return None
        return told.limit / self._longest if self.is_window else self._refill


class _Found:
    """What an endpoint bears, as its refusals show it; asked for as TCP CUBIC asks for what a line bears.

    It begins a little below, comes near soon, stays there for long, and goes beyond by and by. What is not sure grows
    evenly instead, to twice as much in a quarter of a minute.

    Args:
        rate: requests a second.
        is_sure: whether something confirms it.
        now: the moment.
        doubt: the share by which it may be wrong all the same.
    """

    def __init__(self, rate: float, is_sure: bool, now: float, doubt: float = 0.0) -> None:
        self.rate, self.is_sure, self.at = rate, is_sure, now
        self._depth = min(max(_DEPTH, doubt), _DEEPEST)
        self._span = max(_SPAN, _RARELY / rate) * _DEPTH / self._depth
        self.meter = _Meter("requests", self.after(now), now + 1 / rate)

    def after(self, now: float) -> float:
        """What may pass a second at this moment."""
        seconds = now - self.at
        if not self.is_sure:
            return self.rate * (1 - _DEPTH) * 2 ** (seconds / _DOUBLING)
        return self.rate * (1 + self._depth * (2 * seconds / self._span - 1) ** 3)


class Pace:
    """Lets requests of a run pass one after the other, no faster than the endpoint takes them.

    After a refusal nothing passes for as long as the endpoint says, or for half a second; then one request tries
    whether others may follow. What was accepted from one such pause to the next, over the time, is what the endpoint
    bears, whether it counts by a bucket or by windows: neither has anything left at such a moment.

    Args:
        limits: that the user names.
        most: requests that are in flight at once, where nothing limits them.
        clock: seconds.
    """

    def __init__(
        self, limits: RateLimits | None = None, most: int = _AT_ONCE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        limits = limits or RateLimits()
        self._clock, self._most = clock, most
        now = clock()
        given = {"requests": limits.requests, "tokens": limits.tokens}
        self._given = [_Meter(kind, each * _SHARE / 60, now) for kind, each in given.items() if each is not None]
        self._telling: dict[str, tuple[_Telling, _Meter]] = {}
        self._found: _Found | None = None
        self._measured = 0.0  # what was accepted a second, before what was found was made of it
        self._opened: float | None = None  # when the first request passed
        self._since = now  # of what is counted
        self._passed = self._refused = 0
        self._closed_at, self._reopened = now, -math.inf  # the last pause
        self._closed_until: float | None = None
        self._tried: float | None = None  # when a request tried whether the pause was long enough; infinity: it will
        self._pause, self._drop = _PAUSE, _DEPTH
        self._round_trip, self._refused_at = 0.0, now  # of the last refusal
        self._wait: float | None = None  # that it was told
        self._held_until = -math.inf
        self._last_cost = Cost()

    @property
    def learned(self) -> float | None:
        """Requests a second that the endpoint was found to bear; None where it has refused none for their number."""
        if self._found is None:
            return None
        return min(meter.rate for meter in self._meters() if meter.kind == "requests")

    def delay(self) -> float:
        """The seconds until one more request may pass; 0 where it may at once."""
        now = self._clock()
        if self._closed_until is not None:
            if now < self._closed_until:
                return self._closed_until - now
            self._reopened, self._tried = self._closed_until, math.inf
            self._closed_until = None
        if self._tried is not None:
            if self._tried == math.inf:
                return 0.0
            look = self._tried + min(_LONGEST_LOOK, _LOOK + 2 * self._round_trip)
            if now < look:
                return look - now
            self._learn(self._tried, now)
        until = max((meter.at for meter in self._meters()), default=self._held_until)
        if self._found is None and self._opened is not None and self._passed >= _AT_ONCE:
            until = max(until, self._opened + min(1.0, self._passed / self._most) * _OPENING)
        return max(0.0, until - now, self._held_until - now)

    def take(self, cost: Cost) -> None:
        """Lets a request pass."""
        now = self._clock()
        self._opened = now if self._opened is None else self._opened
        if self._tried == math.inf:
            self._try(now)
        self._passed += 1
        self._last_cost = cost
        for meter in self._meters():
            idle = meter.take(cost, now)
            if self._found is not None and meter is self._found.meter:  # who asks for less than it bears shows nothing
                self._found.at += idle
                self._since += idle
                meter.rate = self._found.after(now)

    def settle(self, paid: Cost, used: Cost) -> None:
        """Counts what a request has used, which was estimated before."""
        for meter in self._meters():
            meter.at -= (paid.of(meter.kind) - used.of(meter.kind)) / meter.rate

    def note_refused(self, wait: float | None, age: float = 0.0) -> None:
        """Takes note of a request that was refused for the number of requests.

        Args:
            wait: the seconds that the endpoint named, if it did.
            age: the seconds since the request passed; one that passed before the last pause tells nothing new.
        """
        now = self._clock()
        if now - age < self._reopened:
            return
        self._refused += 1
        if self._tried is not None:
            self._pause, self._tried = self._pause * _LONGER, None
        elif self._closed_until is None:
            self._pause, self._closed_at = _PAUSE, now
        self._round_trip, self._refused_at, self._wait = age, now, wait
        end = now + max(age * 1.2 + 0.02, min(_LONGEST_PAUSE, self._pause if wait is None else wait))
        self._closed_until = max(self._closed_until or 0.0, end)

    def note_told(self, limits: Iterable[Told], in_flight: int = 0) -> None:
        """Takes note of what an answer says of the limits that hold."""
        now = self._clock()
        for told in limits:
            telling, meter = self._telling.setdefault(told.kind, (_Telling(), _Meter(told.kind, math.inf, now)))
            if (rate := telling.rate(told)) is not None:
                meter.at = now if meter.rate == math.inf else meter.at
                meter.rate = rate * _SHARE
            if told.remaining is None or told.reset is None or telling.is_window is False:
                continue
            is_known = telling.is_window or told.window is not None
            if told.remaining < (1 if is_known else in_flight + 1) * self._last_cost.of(told.kind):
                pause = min(told.reset, _PAUSE if told.window is None else _LONGEST_PAUSE)
                self._held_until = max(self._held_until, now + pause)

    def _try(self, now: float) -> None:
        """Takes note of a request that tries whether the pause was long enough; how long nobody came shows nothing."""
        idle, self._tried = now - self._reopened, now
        self._since, self._closed_at, self._refused_at = (
            each + idle for each in (self._since, self._closed_at, self._refused_at)
        )
        if self._found is not None and now - self._closed_at > _WINDOW:
            self._found.meter.at = now  # so long a pause is the rest of a window, and counts

    def _blind(self, tried: float) -> float:
        """Seconds of the last pause in which the endpoint may have taken requests already."""
        if self._wait is None:
            return tried - self._refused_at
        return 1.0 if self._wait >= 1 and self._wait == int(self._wait) else 0.0  # it may have been rounded up

    def _meters(self) -> list[_Meter]:
        return self._given + self._told() + ([self._found.meter] if self._found else [])

    def _told(self) -> list[_Meter]:
        return [meter for _, meter in self._telling.values() if meter.rate != math.inf]

    def _learn(self, tried: float, now: float) -> None:
        """Learns from what was accepted before the refusals, once a request has passed again, at this moment."""
        opened = tried - self._blind(tried) / 2
        accepted, seconds = self._passed - self._refused, max(opened - self._since, 0.001)
        if self._found is None:  # so few tell little, and a run that begins with a refusal must not crawl
            accepted = max(accepted, _ENOUGH)
        borne, asked = accepted / seconds, self._found.meter.rate if self._found else math.inf
        self._tried = None
        told = min((meter.rate for meter in self._told() if meter.kind == "requests"), default=0.0)
        if self._found is None and told:  # which says more than what was accepted until it was told
            self._found = _Found(told, True, now)
            self._since, self._passed, self._refused = tried, 1, 0
            return
        if self._found is not None and accepted < _ENOUGH:  # which tell nothing
            self._drop = min(0.5, self._drop * 2)
            drop = self._drop if self._found.is_sure else 0.5
            self._found = _Found(asked * (1 - drop), self._found.is_sure, now)
            return
        is_window = tried - self._closed_at > _WINDOW
        is_sure = (
            (is_window and (asked < math.inf or seconds < _SPAN))
            or asked < borne * _NEAR
            or max(borne, self._measured) < min(borne, self._measured) * _NEAR
        )
        # Of a bucket that holds little something was lost before as much was asked for as it bears.
        rate = borne if is_sure or asked == math.inf else math.sqrt(borne * max(asked, borne))
        self._found = _Found(rate, bool(is_sure), now, self._blind(tried) / seconds / 2)
        self._measured, self._drop = borne, _DEPTH
        self._since, self._passed, self._refused = opened, 1, 0
