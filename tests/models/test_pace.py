"""How fast a run asks: limits that are given, and those that an endpoint shows by refusing."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct.models.durable import DurableLLM
from distilabel_selfinstruct.models.openai import OpenAICompatibleLLM
from distilabel_selfinstruct.models.slots import RateLimits, Slots, SlotServer
from distilabel_selfinstruct.models.slots.pace import Pace
from tests.support.openai_server import Fault, OpenAIServer, status


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def found(pace: Pace, clock: Clock, seconds: float, sent: int, refused: int = 1, wait: float | None = 1.0) -> float:
    """What a pace has learned when so many requests were sent in these seconds, of which the last were refused."""
    for _ in range(sent):
        pace.note_passed()
    clock.now += seconds
    for _ in range(refused):
        pace.note_refused(wait)
    clock.now += 1.0 if wait is None else wait
    asyncio.run(pace.gain(0))
    assert pace.learned is not None
    return pace.learned


class TestWhatIsLearned:
    def test_without_limits_and_refusals_everything_passes(self) -> None:
        pace = Pace()
        for _ in range(1000):
            pace.note_passed()
        assert pace.is_free
        assert pace.learned is None

    def test_what_was_accepted_is_what_an_endpoint_bears(self) -> None:
        clock = Clock()
        assert found(Pace(clock=clock), clock, seconds=9.0, sent=203, refused=3) == pytest.approx(0.97 * 20)

    def test_a_window_that_is_full_counts_with_the_wait_for_the_next(self) -> None:
        clock = Clock()
        assert found(Pace(clock=clock), clock, seconds=9.0, sent=620, refused=20, wait=51.0) == pytest.approx(0.97 * 10)

    def test_it_is_never_more_than_what_was_refused(self) -> None:
        clock = Clock()
        pace = Pace(clock=clock)
        first = found(pace, clock, seconds=9.0, sent=201)
        assert found(pace, clock, seconds=9.0, sent=801) < first * 1.05

    def test_where_nothing_was_accepted_it_is_halved_and_the_pause_doubled(self) -> None:
        clock = Clock()
        pace = Pace(clock=clock)
        first = found(pace, clock, seconds=9.0, sent=201)
        second = found(pace, clock, seconds=0.1, sent=1, wait=None)
        assert second == pytest.approx(first / 2, rel=0.01)
        pace.note_passed()
        pace.note_refused(None)
        assert pace._closed_until == clock.now + 2.0

    def test_it_grows_while_nothing_is_refused(self) -> None:
        clock = Clock()
        pace = Pace(clock=clock)
        first = found(pace, clock, seconds=9.0, sent=201)
        clock.now += 30
        assert first * 1.02 < (pace.learned or 0) < first * 1.05

    def test_a_given_limit_is_never_exceeded(self) -> None:
        clock = Clock()
        pace = Pace(RateLimits(requests=600), clock)
        found(pace, clock, seconds=9.0, sent=201)
        clock.now += 10_000
        assert pace._rate() == pytest.approx(0.99 * 10)


class TestTokens:
    def test_what_was_paid_and_not_used_is_paid_back(self) -> None:
        async def work() -> float:
            pace = Pace(RateLimits(tokens=60_000))
            await pace.gain(900)  # a second's share is 990
            pace.settle(900, 100)
            started = time.monotonic()
            await pace.gain(800)
            return time.monotonic() - started

        assert asyncio.run(work()) < 0.5

    def test_a_request_that_is_larger_than_a_seconds_share_passes(self) -> None:
        async def work() -> None:
            await asyncio.wait_for(Pace(RateLimits(tokens=600_000)).gain(12_000), 10)

        asyncio.run(work())


def in_one_loop(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    return asyncio.run(work())


class TestInARun:
    def test_who_waits_is_told_when_the_endpoint_takes_requests_again(self) -> None:
        async def work() -> float:
            one, other = await Slots.connect("a", 1, 9), await Slots.connect("b", 2, 9)
            await one.acquire()
            one.limited(0.5)
            one.release()
            started = time.monotonic()
            await other.acquire()
            waited = time.monotonic() - started
            await one.disconnect()
            await other.disconnect()
            return waited

        with SlotServer(concurrency=8):
            assert in_one_loop(work) > 0.4

    def test_a_run_that_ends_waits_for_no_limit(self) -> None:
        async def work(server: SlotServer) -> None:
            slots = await Slots.connect("a", 1, 9)
            await slots.acquire()
            slots.limited(100.0)
            waiting = asyncio.ensure_future(slots.acquire())
            await asyncio.sleep(0.05)
            threading.Thread(target=server.stop, args=("interrupted",)).start()
            with pytest.raises(Exception, match="interrupted"):
                await asyncio.wait_for(waiting, 10)
            await slots.disconnect()

        with SlotServer(concurrency=8) as server:
            in_one_loop(lambda: work(server))

    def test_stages_share_a_limit_and_nothing_is_refused(self, tmp_path: Path) -> None:
        bucket = {"left": 20.0, "at": time.monotonic()}

        def limit(_: Any) -> Fault | None:  # 20 a second, and as many at once
            now = time.monotonic()
            bucket["left"], bucket["at"] = min(20.0, bucket["left"] + 20 * (now - bucket["at"])), now
            bucket["left"] -= 1
            return status(429, "too many", retry_after=1) if bucket["left"] < 0 else None

        with OpenAIServer(fault_rule=limit) as server, SlotServer(64, limits=RateLimits(requests=1200)):
            llms = [
                DurableLLM(
                    llm=OpenAICompatibleLLM(model="stub-model", base_url=server.url), folder=str(tmp_path), stage=stage
                )
                for stage in ("one", "two")
            ]
            for llm in llms:
                llm.load()
            futures = [llm.submit(f"{llm.stage} {number}") for llm in llms for number in range(20)]
            assert all(future.result(30)[0].completion for future in futures)
            for llm in llms:
                llm.unload()
        assert len(server.requests) == 40
        assert all(request.status == 200 for request in server.requests)
