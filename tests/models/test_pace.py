"""How fast a run asks: limits that are given, that answers tell of, or that an endpoint shows by refusing."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct.models.durable import DurableLLM
from distilabel_selfinstruct.models.openai import OpenAICompatibleLLM
from distilabel_selfinstruct.models.slots import RateLimits, Slots, SlotServer
from distilabel_selfinstruct.models.slots.pace import Cost, Pace
from distilabel_selfinstruct.models.telling import Told
from tests.support.limiters import Bucket, Limiter, Sliding, Window, draft_headers, openai_headers, simulated
from tests.support.openai_server import Fault, OpenAIServer, status

Wait = Callable[[float], "float | None"]
LIMITS: dict[str, Callable[[], Limiter]] = {  # of 20 requests a second
    "a bucket that holds a second's share": lambda: Bucket(20, 20),
    "a bucket that holds a minute's share": lambda: Bucket(20, 1200),
    "windows of ten seconds": lambda: Window(20, 10),
    "windows of a minute, in the middle of one": lambda: Window(20, 60, ahead=23),
    "ten seconds that slide": lambda: Sliding(20, 10),
}
WAITS: dict[str, Wait] = {
    "the wait told": lambda wait: wait,
    "the wait told in whole seconds": math.ceil,
    "no wait told": lambda wait: None,
}


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
@pytest.mark.parametrize("limit", LIMITS.values(), ids=LIMITS)
def test_a_limit_is_found_and_used_and_hardly_anything_is_refused(limit: Callable[[], Limiter], wait: Wait) -> None:
    used, refused = simulated(limit(), 180, wait)
    assert used > 0.93
    assert refused < 0.02


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
@pytest.mark.parametrize("ahead", range(10))
def test_wherever_in_a_window_a_run_begins_hardly_anything_is_refused(ahead: int, wait: Wait) -> None:
    used, refused = simulated(Window(20, 10, ahead=ahead), 180, wait)
    assert used > 0.93
    assert refused < 0.01


@pytest.mark.parametrize(
    ("limit", "headers", "refusals"),
    [
        (lambda: Bucket(20, 20), openai_headers, 0.02),  # 64 requests are there before the first answer
        (lambda: Bucket(20, 1200), openai_headers, 0.001),
        (lambda: Window(20, 60, ahead=23), openai_headers, 0.001),
        (lambda: Window(20, 10), draft_headers, 0.001),
        (lambda: Sliding(20, 10), draft_headers, 0.001),
    ],
)
def test_a_limit_that_answers_tell_of_is_used_and_not_run_into(
    limit: Callable[[], Limiter], headers: Callable[[Limiter, float], dict[str, str]], refusals: float
) -> None:
    used, refused = simulated(limit(), 180, lambda wait: None, headers)
    assert used > 0.93
    assert refused < refusals


@pytest.mark.parametrize("limit", [lambda: Bucket(20, 20), lambda: Window(20, 10), lambda: Sliding(20, 10)])
def test_a_limit_that_is_given_is_never_run_into(limit: Callable[[], Limiter]) -> None:
    used, refused = simulated(limit(), 60, make=lambda clock: Pace(RateLimits(requests=1200), 64, clock))
    assert used == pytest.approx(0.99, abs=0.005)
    assert refused == 0


class TestWhatPasses:
    def test_without_limits_and_refusals_all_come_within_a_second(self) -> None:
        clock = Clock()
        pace, passed = Pace(None, 64, clock), 0
        while clock.now < 1001:
            if (delay := pace.delay()) > 0:
                clock.now += delay
            else:
                pace.take(Cost())
                passed += 1
        assert passed == 64
        assert pace.learned is None
        assert pace.delay() == 0

    def test_a_refusal_keeps_all_back_for_as_long_as_the_endpoint_says(self) -> None:
        clock = Clock()
        pace = Pace(clock=clock)
        pace.take(Cost())
        pace.note_refused(7.0, age=0.1)
        assert pace.delay() == 7.0

    def test_then_one_request_tries_whether_others_may_follow(self) -> None:
        clock = Clock()
        pace = Pace(clock=clock)
        pace.take(Cost())
        pace.note_refused(7.0, age=0.1)
        clock.now += 7
        assert pace.delay() == 0
        pace.take(Cost())
        assert pace.delay() == pytest.approx(0.25)

    def test_a_late_refusal_of_a_request_from_before_the_pause_says_nothing_new(self) -> None:
        clock = Clock()
        pace = Pace(clock=clock)
        pace.take(Cost())
        pace.take(Cost())
        pace.note_refused(1.0, age=0.1)
        clock.now += 1
        assert pace.delay() == 0
        pace.note_refused(1.0, age=1.5)
        assert pace.delay() == 0

    @staticmethod
    def learned(first: int, seconds: float, wait: float, pause: float) -> float:
        """What is found when so many have passed in these seconds, one is refused, and the next comes after a pause."""
        clock = Clock()
        pace = Pace(clock=clock)
        for _ in range(first):
            pace.take(Cost())
        clock.now += seconds
        pace.note_refused(wait, age=0.1)
        clock.now += pause
        assert pace.delay() == 0
        pace.take(Cost())
        clock.now += 1
        pace.delay()
        return pace.learned or 0

    def test_a_refusal_among_the_first_requests_is_no_reason_to_crawl(self) -> None:
        assert self.learned(4, 0.1, wait=2.0, pause=2) > 4

    def test_an_hour_that_nobody_asked_is_no_finding(self) -> None:
        assert self.learned(20, 1, wait=1.0, pause=3600) > 5

    def test_what_is_told_of_tokens_holds_tokens(self) -> None:
        clock = Clock()
        pace = Pace(clock=clock)
        pace.take(Cost())
        pace.note_told([Told("tokens", limit=60_000, window=60)])
        pace.take(Cost(900, 90))
        assert pace.delay() == pytest.approx(1.0)

    def test_what_is_told_of_output_counts_output_alone(self) -> None:
        clock = Clock()
        pace = Pace(clock=clock)
        pace.take(Cost())
        pace.note_told([Told("output-tokens", limit=6_000, window=60)])
        pace.take(Cost(900, 99))
        assert pace.delay() == pytest.approx(1.0)

    def test_nothing_passes_where_a_window_has_nothing_left(self) -> None:
        clock = Clock()
        pace = Pace(clock=clock)
        pace.take(Cost())
        pace.note_told([Told("requests", limit=100, remaining=0, reset=12, window=60)])
        assert pace.delay() == 12


class TestTokens:
    def test_what_was_paid_and_not_used_is_paid_back(self) -> None:
        clock = Clock()
        pace = Pace(RateLimits(tokens=60_000), clock=clock)
        pace.take(Cost(900, 90))
        assert pace.delay() == pytest.approx(1.0)
        pace.settle(Cost(900, 90), Cost(90, 9))
        assert pace.delay() == pytest.approx(0.1)

    def test_a_request_that_is_larger_than_a_minutes_share_passes(self) -> None:
        pace = Pace(RateLimits(tokens=6_000), clock=Clock())
        pace.take(Cost(12_000, 0))
        assert pace.delay() == pytest.approx(12_000 / 99)


def in_one_loop(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    return asyncio.run(work())


class TestInARun:
    def test_who_waits_is_told_when_the_endpoint_takes_requests_again(self) -> None:
        async def work() -> float:
            one, other = await Slots.connect("a", 1, 9), await Slots.connect("b", 2, 9)
            await one.acquire()
            one.limited(0.5, 0.0)
            one.release()
            started = time.monotonic()
            await other.acquire()
            waited = time.monotonic() - started
            await one.disconnect()
            await other.disconnect()
            return waited

        with SlotServer(concurrency=8):
            assert in_one_loop(work) > 0.4

    def test_what_an_answer_to_one_stage_tells_holds_all(self) -> None:
        async def work() -> float:
            one, other = await Slots.connect("a", 1, 9), await Slots.connect("b", 2, 9)
            await one.acquire()
            one.told([Told("requests", limit=100, remaining=0, reset=0.5, window=60)])
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
            slots.limited(100.0, 0.0)
            waiting = asyncio.ensure_future(slots.acquire())
            await asyncio.sleep(0.05)
            threading.Thread(target=server.stop, args=("interrupted",)).start()
            with pytest.raises(Exception, match="interrupted"):
                await asyncio.wait_for(waiting, 10)
            await slots.disconnect()

        with SlotServer(concurrency=8) as server:
            in_one_loop(lambda: work(server))

    @pytest.mark.parametrize("is_given", [True, False])
    def test_stages_share_a_limit_that_is_given_or_told(self, tmp_path: Path, is_given: bool) -> None:
        limiter = Bucket(20, 20)

        def limit(_: Any) -> Fault | None:
            left = limiter.refusal(time.monotonic())
            return None if left is None else status(429, "too many", retry_after=round(left, 2))

        def tells() -> dict[str, str]:
            return {} if is_given else openai_headers(limiter, time.monotonic())

        limits = RateLimits(requests=1200) if is_given else None
        with OpenAIServer(fault_rule=limit, tells=tells) as server, SlotServer(8, limits=limits) as slots:
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
            told = slots.pace.learned
        refused = sum(request.status == 429 for request in server.requests)
        assert len(server.requests) == 40 + refused
        assert refused <= (0 if is_given else 12)
        assert told is None or told < 21
