"""The slots of a run: how many requests are in flight, whose turn it is, and when it is over."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import pytest

from distilabel_selfinstruct.models.slots import Asked, RunStopped, Slots, SlotServer
from distilabel_selfinstruct.models.slots.wire import Refusals
from distilabel_selfinstruct.usage import Budget, PriceList, Prices
from tests.support.waiting import LIMIT, wait_until

_ENVIRONMENT = "DISTILABEL_SELFINSTRUCT_SLOTS"


@pytest.fixture(autouse=True)
def no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(_ENVIRONMENT, raising=False)


@pytest.fixture
def server() -> Iterator[SlotServer]:
    with SlotServer(concurrency=2) as server:
        yield server


def in_one_loop(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    return asyncio.run(asyncio.wait_for(work(), timeout=LIMIT))


async def until(holds: Callable[[], Any]) -> None:
    while not holds():
        await asyncio.sleep(0.005)


async def is_waiting(acquiring: asyncio.Future[None], server: SlotServer) -> bool:
    """Whether the server has let it wait: it has answered to a message that was sent later."""
    other = await Slots.connect("later", 99, 1)
    other.report(seen=1)
    await until(lambda: "later" in server.events)
    del server.events["later"]
    await other.disconnect()
    return not acquiring.done()


class TestLimit:
    def test_no_more_are_held_than_there_are_and_one_given_back_goes_on(self, server: SlotServer) -> None:
        async def work() -> None:
            one, other = await Slots.connect("a", 1, 99), await Slots.connect("b", 1, 99)
            await one.acquire()
            await other.acquire()
            third = asyncio.ensure_future(other.acquire())
            assert await is_waiting(third, server)
            assert server.in_flight == 2
            one.release()
            await third
            assert server.in_flight == 2
            other.release()
            other.release()
            await until(lambda: server.in_flight == 0)
            await one.disconnect()
            await other.disconnect()

        in_one_loop(work)

    def test_the_earlier_stage_comes_first_and_then_who_came_first(self, server: SlotServer) -> None:
        async def work() -> list[str]:
            holder, late, early = [await Slots.connect(str(priority), priority, 99) for priority in (5, 2, 1)]
            await holder.acquire()
            await holder.acquire()
            order: list[str] = []

            async def wait(slots: Slots, name: str) -> None:
                await slots.acquire()
                order.append(name)
                slots.release()

            waiting = []
            for slots, name in ((late, "late 1"), (late, "late 2"), (early, "early")):
                waiting.append(asyncio.ensure_future(wait(slots, name)))
                await is_waiting(waiting[-1], server)
            holder.release()
            await asyncio.gather(*waiting)
            for slots in (holder, late, early):
                await slots.disconnect()
            return order

        assert in_one_loop(work) == ["early", "late 1", "late 2"]

    def test_who_gives_up_waiting_loses_no_slot(self, server: SlotServer) -> None:
        async def work() -> None:
            slots = await Slots.connect("a", 1, 99)
            await slots.acquire()
            await slots.acquire()
            given_up = asyncio.ensure_future(slots.acquire())
            await is_waiting(given_up, server)
            given_up.cancel()
            slots.release()
            slots.release()
            await until(lambda: server.in_flight == 0)
            await slots.acquire()
            await slots.disconnect()

        in_one_loop(work)

    def test_a_client_that_dies_gives_its_slots_back(self, server: SlotServer) -> None:
        child = os.fork()
        if child == 0:  # holds both, has an answer that is not stored, and is killed

            async def hold() -> None:
                slots = await Slots.connect("a", 1, 99)
                for _ in range(3):
                    await slots.acquire()
                    slots.release(requests=1)
                await slots.acquire()
                await slots.acquire()
                await asyncio.sleep(2 * LIMIT)

            asyncio.run(hold())
        try:
            wait_until(lambda: server.in_flight == 2)
            assert server.is_busy
        finally:
            os.kill(child, 9)
            os.waitpid(child, 0)
        wait_until(lambda: not server.is_busy)
        assert server.in_flight == 0
        assert server.spent["a"].in_flight == 0

    def test_without_a_run_the_limit_is_the_processs_own(self) -> None:
        async def work() -> None:
            slots = await Slots.connect("a", 1, concurrency=1)
            await slots.acquire()
            second = asyncio.ensure_future(slots.acquire())
            await asyncio.sleep(0)
            assert not second.done()
            slots.release(requests=1, input_tokens=2, output_tokens=3)
            await second
            slots.stored(1)
            slots.report(admitted=1)
            await slots.disconnect()

        in_one_loop(work)

    def test_many_requests_of_many_processes(self, server: SlotServer) -> None:
        most = 0

        async def ask() -> None:
            nonlocal most
            slots = await Slots.connect("a", 1, 99)

            async def one() -> None:
                nonlocal most
                await slots.acquire()
                most = max(most, server.in_flight)
                await asyncio.sleep(0)
                slots.release(requests=1, input_tokens=10, output_tokens=1)

            await asyncio.gather(*(one() for _ in range(200)))
            await slots.disconnect()

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: in_one_loop(ask), range(4)))
        wait_until(lambda: server.in_flight == 0)
        assert most == 2
        spent = server.spent["a"]
        assert (spent.requests, spent.input_tokens, spent.output_tokens, spent.in_flight) == (800, 8000, 800, 0)


class TestConnection:
    def test_one_that_is_idle_for_long_is_kept_alive(self, server: SlotServer) -> None:
        async def work() -> None:
            slots = await Slots.connect("a", 1, 99)
            await slots.acquire()
            for side in (slots, *server._clients):
                assert side._transport is not None
                connected = side._transport.get_extra_info("socket")
                assert connected.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            await slots.disconnect()

        in_one_loop(work)


class TestEnd:
    def test_stopping_tells_who_waits_and_who_comes_later(self, server: SlotServer) -> None:
        async def work() -> None:
            slots = await Slots.connect("a", 1, 99)
            await slots.acquire()
            await slots.acquire()
            waiting = asyncio.ensure_future(slots.acquire())
            await is_waiting(waiting, server)
            server.stop("interrupted")
            for acquiring in (waiting, slots.acquire()):
                with pytest.raises(RunStopped, match="interrupted"):
                    await acquiring
            assert server.in_flight == 2
            await slots.disconnect()

        in_one_loop(work)

    def test_the_first_reason_counts(self, server: SlotServer) -> None:
        server.stop("budget")
        server.stop("failed")
        assert server.stopped == "budget"

    def test_it_is_busy_until_answers_are_stored(self, server: SlotServer) -> None:
        async def work() -> None:
            slots = await Slots.connect("a", 1, 99)
            await slots.acquire()
            assert server.is_busy
            slots.release(requests=1, input_tokens=5, output_tokens=5)
            await until(lambda: server.in_flight == 0)
            assert server.is_busy
            slots.stored(1)
            await until(lambda: not server.is_busy)
            await slots.disconnect()

        in_one_loop(work)

    def test_a_run_that_is_gone_stops_everybody(self) -> None:
        async def work() -> None:
            server = SlotServer(concurrency=1)
            server.__enter__()
            slots = await Slots.connect("a", 1, 99)
            await slots.acquire()
            waiting = asyncio.ensure_future(slots.acquire())
            await is_waiting(waiting, server)
            server.__exit__()
            for acquiring in (waiting, slots.acquire()):
                with pytest.raises(RunStopped, match="failed"):
                    await acquiring
            await slots.disconnect()

        in_one_loop(work)

    def test_an_address_of_another_machine_is_an_error(self) -> None:
        with pytest.raises(OSError, match=r"192\.0\.2\.1"), SlotServer(concurrency=1, host="192.0.2.1"):
            pass
        assert _ENVIRONMENT not in os.environ
        assert "slot-server" not in {thread.name for thread in threading.enumerate()}

    def test_it_leaves_no_thread_and_no_address(self) -> None:
        with SlotServer(concurrency=1):
            assert _ENVIRONMENT in os.environ
        assert _ENVIRONMENT not in os.environ
        assert "slot-server" not in {thread.name for thread in threading.enumerate()}


def at(input_price: float, output_price: float, cached_price: float | None = None) -> PriceList:
    """The prices of whatever is asked."""
    return PriceList({"": {"": Prices(input_price, output_price, cached_per_million=cached_price)}})


class TestBudget:
    @pytest.mark.parametrize(
        ("budget", "used_up"),
        [
            (Budget(), False),
            (Budget(max_tokens=100, spent_input=60, spent_output=39), False),
            (Budget(max_tokens=100, spent_input=60, spent_output=40), True),
            (Budget(max_cost=1.0, spent_input=400_000, spent_cost=0.99), False),
            (Budget(max_cost=1.0, spent_input=400_000, spent_cost=1.0), True),
        ],
    )
    def test_tokens_in_and_out_and_their_prices(self, budget: Budget, used_up: bool) -> None:
        assert budget.is_used_up() is used_up

    def test_it_ends_the_run_when_it_is_used_up(self) -> None:
        async def work() -> None:
            slots = await Slots.connect("a", 1, 99)
            await slots.acquire()
            slots.release(requests=1, input_tokens=99)
            await slots.acquire()
            slots.release(requests=1, output_tokens=1)
            with pytest.raises(RunStopped, match="budget"):
                await slots.acquire()
            await slots.disconnect()

        with SlotServer(concurrency=2, budget=Budget(max_tokens=100)) as server:
            in_one_loop(work)
            assert server.stopped == "budget"

    def test_what_has_no_room_for_one_more_request_is_used_up(self) -> None:
        assert Budget(max_tokens=100, spent_requests=2, spent_input=40, spent_output=30).is_used_up()
        assert not Budget(max_tokens=110, spent_requests=2, spent_input=40, spent_output=30).is_used_up()
        assert not Budget(max_tokens=100, spent_requests=2, spent_input=40, spent_output=30).is_used_up(0)

    @pytest.mark.parametrize(("owed", "used_up"), [(0, False), (9, False), (10, True)])
    def test_requests_that_are_owed_cost_what_those_before_did(self, owed: int, used_up: bool) -> None:
        spent = {"spent_requests": 10, "spent_input": 300, "spent_output": 200}
        assert Budget(max_tokens=1000, **spent).is_used_up(owed) is used_up
        assert Budget(max_cost=1.0, spent_cost=0.5, **spent).is_used_up(owed) is used_up

    def test_what_is_owed_costs_what_such_requests_have_cost(self) -> None:
        spent = {"spent_requests": 10, "spent_input": 300, "spent_output": 200}
        cheap = Budget(max_tokens=1000, owed_input=2.0, owed_output=3.0, **spent)
        assert not cheap.is_used_up(99)
        assert cheap.is_used_up(100)

    def test_a_stage_stops_where_what_it_owes_would_use_it_up(self) -> None:
        async def work() -> None:
            loop, answers = await Slots.connect("loop", 1, 99), await Slots.connect("answers", 2, 99)
            await loop.acquire()
            loop.report(owed=1)
            loop.release(requests=1, input_tokens=50)
            with pytest.raises(RunStopped, match="budget"):
                await loop.acquire()
            await answers.acquire()
            answers.release(requests=1, input_tokens=49)
            await loop.disconnect()
            await answers.disconnect()

        with SlotServer(concurrency=2, budget=Budget(max_tokens=100)) as server:
            in_one_loop(work)
            assert server.stopped is None

    def test_what_earlier_sessions_spent_counts(self) -> None:
        async def work() -> None:
            slots = await Slots.connect("a", 1, 99)
            with pytest.raises(RunStopped, match="budget"):
                await slots.acquire()
            await slots.disconnect()

        with SlotServer(concurrency=2, budget=Budget(max_tokens=100, spent_input=100)):
            in_one_loop(work)


class TestRoom:
    """What is in flight is kept room for, so that a budget is overspent by what an estimate can err at most."""

    @pytest.mark.parametrize("seed", range(5))
    @pytest.mark.parametrize("budget", [40_000, 150_000])
    def test_64_in_flight_with_answers_of_all_lengths(self, seed: int, budget: int) -> None:
        draw = Random(seed)
        spent = 0

        async def work() -> None:
            slots = await Slots.connect("a", 1, 99)

            async def ask() -> None:
                nonlocal spent
                asked = Asked(characters=draw.randint(200, 2000), samples=1, most_tokens=1024)
                await slots.acquire(asked)
                written = draw.randint(10, 400)
                await asyncio.sleep(written * 2e-4)
                spent += asked.characters // 4 + written
                slots.release(1, asked.characters // 4, written, asked=asked)

            found = await asyncio.gather(*(ask() for _ in range(800)), return_exceptions=True)
            assert any(isinstance(end, RunStopped) and str(end) == "budget" for end in found)
            await slots.disconnect()

        with SlotServer(concurrency=64, budget=Budget(max_tokens=budget)):
            in_one_loop(work)
        assert 0.9 * budget < spent < 1.05 * budget

    @pytest.mark.parametrize(
        ("budget", "asked"),
        [
            (Budget(max_tokens=100, spent_requests=2, spent_input=10, spent_output=60), Asked(30, 1, 500)),
            (Budget(max_tokens=100, spent_requests=1, spent_input=10, spent_output=1), Asked(900, 1, 5)),
            (Budget(max_tokens=100, spent_requests=1, spent_input=10, spent_output=10), Asked(3, 12, 50)),
            (
                Budget(max_cost=1.0, prices=at(1.0, 1e5), spent_requests=1, spent_output=6, spent_cost=0.6),
                Asked(3, 1, 50),
            ),
            (
                Budget(max_cost=1.0, prices=at(1e5, 0.0), spent_requests=1, spent_input=5, spent_cost=0.5),
                Asked(30, 1, 50),
            ),
        ],
    )
    def test_what_can_never_fit_is_told_so(self, budget: Budget, asked: Asked) -> None:
        async def work() -> None:
            slots = await Slots.connect("a", 1, 99)
            with pytest.raises(RunStopped, match="budget"):
                await slots.acquire(asked)
            await slots.disconnect()

        with SlotServer(concurrency=2, budget=budget):
            in_one_loop(work)

    def test_the_first_request_finds_out_what_requests_take(self) -> None:
        async def work(server: SlotServer) -> None:
            slots, size = await Slots.connect("a", 1, 99), Asked(3, 1, 1000)
            await slots.acquire(size)
            second = asyncio.ensure_future(slots.acquire(size))
            assert await is_waiting(second, server)
            slots.release(1, 1, 19, asked=size)
            await second
            third = asyncio.ensure_future(slots.acquire(size))
            assert await is_waiting(third, server)
            slots.release(1, 1, 69, asked=size)
            with pytest.raises(RunStopped, match="budget"):
                await third
            await slots.disconnect()

        with SlotServer(concurrency=8, budget=Budget(max_tokens=100)) as server:
            in_one_loop(lambda: work(server))

    def test_what_a_dead_client_held_leaves_its_room_to_others(self) -> None:
        async def work(server: SlotServer) -> None:
            one, other, size = await Slots.connect("a", 1, 99), await Slots.connect("b", 1, 99), Asked(3, 1, 60)
            await one.acquire(size)
            waiting = asyncio.ensure_future(other.acquire(size))
            assert await is_waiting(waiting, server)
            await one.disconnect()
            await waiting
            await other.disconnect()

        with SlotServer(concurrency=8, budget=Budget(max_tokens=100)) as server:
            in_one_loop(lambda: work(server))

    def test_cached_tokens_have_their_price(self) -> None:
        budget = Budget(max_cost=1.0, prices=at(1e4, 0.0, 0.0))

        async def work(server: SlotServer) -> None:
            slots = await Slots.connect("a", 1, 99)
            await slots.acquire()
            slots.release(1, 150, 0, 100)
            await slots.acquire()
            slots.release(1, 50, 0, 0)
            with pytest.raises(RunStopped, match="budget"):
                await slots.acquire()
            await slots.disconnect()

        with SlotServer(concurrency=1, budget=budget) as server:
            in_one_loop(lambda: work(server))
        assert budget.spent_cost == pytest.approx(1.0)


class TestRefusals:
    @pytest.mark.parametrize("is_shared", [True, False])
    def test_different_requests_are_counted_until_one_is_answered(self, is_shared: bool) -> None:
        async def work() -> list[str]:
            one, other = await Slots.connect("a", 1, 99), await Slots.connect("b", 1, 99)
            other = other if is_shared else one
            said = [await one.refused(b"x"), await other.refused(b"y"), await one.refused(b"x")]
            said.append(await other.refused(b"z"))
            await one.acquire()
            one.release(requests=1, texts=1)
            await one.acquire()
            said.append(await one.refused(b"z"))
            one.release()
            await one.disconnect()
            await other.disconnect()
            return said

        expected = ["few", "few", "few", "all", "some"]
        if is_shared:
            with SlotServer(concurrency=2):
                assert in_one_loop(work) == expected
        else:
            assert in_one_loop(work) == expected

    def test_an_answer_without_text_proves_nothing(self) -> None:
        async def work() -> str:
            slots = await Slots.connect("a", 1, 99)
            await slots.acquire()
            slots.release(requests=1, texts=0)
            await slots.refused(b"x")
            return await slots.refused(b"y")

        assert in_one_loop(work) == "few"

    def test_after_an_answer_those_of_a_stage_are_counted_that_come_in_a_row(self) -> None:
        refusals = Refusals()
        refusals.note_answer("one")
        assert [refusals.verdict("one", str(key)) for key in range(10)] == ["some"] * 9 + ["many"]
        assert refusals.verdict("other", "0") == "some"
        refusals.note_answer("one")
        assert refusals.verdict("one", "20") == "some"


class TestDeath:
    @pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
    def test_a_server_whose_thread_dies_leaves_nobody_waiting(self) -> None:
        def die() -> None:
            raise SystemExit

        async def work(server: SlotServer) -> None:
            slots = await Slots.connect("a", 1, 99)
            await slots.acquire()
            waiting = [asyncio.ensure_future(slots.acquire()), asyncio.ensure_future(slots.first_samples(3, [b"x"], 1))]
            assert await is_waiting(waiting[0], server)
            server._loop.call_soon_threadsafe(die)
            for each in waiting:
                with pytest.raises(RunStopped, match="failed"):
                    await each
            await slots.disconnect()

        with SlotServer(concurrency=1) as server:
            in_one_loop(lambda: work(server))
            server.stop("failed")
            assert server.stopped == "failed"

    def test_who_stops_a_server_that_is_just_dying_is_heard(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Its loop takes calls until it is closed, but runs none any more."""
        dying, asked = threading.Event(), threading.Event()

        class SlowToClose:
            def close(self) -> None:
                dying.set()
                assert asked.wait(LIMIT)

        def ask_and_wait(server: SlotServer, event: threading.Event, wait: Any = SlotServer._await) -> None:
            asked.set()
            wait(server, event)

        with SlotServer(concurrency=1) as server:
            monkeypatch.setattr(server, "_socket", SlowToClose())
            monkeypatch.setattr(SlotServer, "_await", ask_and_wait)
            server._loop.call_soon_threadsafe(server._closing.set)
            assert dying.wait(LIMIT)
            server.stop("failed")
            assert server.stopped == "failed"

    def test_who_gives_up_waiting_for_a_number_costs_no_connection(self, server: SlotServer) -> None:
        async def work() -> None:
            slots = await Slots.connect("a", 1, 99)
            late = asyncio.ensure_future(slots.first_samples(1, [b"x"], 1))
            assert await is_waiting(late, server)
            late.cancel()
            assert await slots.first_samples(0, [b"x"], 1) == [0]
            assert await slots.first_samples(2, [b"x"], 1) == [2]
            await slots.disconnect()

        in_one_loop(work)


def heard(connected: socket.socket) -> bytes:
    """All that the other end says before it closes."""
    said = b""
    while part := connected.recv(1000):
        said += part
    return said


def relayed(between: socket.socket, address: tuple[str, int], said: list[bytes]) -> None:
    """Passes one connection on, and notes what either end says."""
    near, _ = between.accept()
    with near, socket.create_connection(address) as far:

        def pass_on(source: socket.socket, target: socket.socket) -> None:
            while part := source.recv(10_000):
                said.append(part)
                target.sendall(part)
            target.shutdown(socket.SHUT_WR)

        back = threading.Thread(target=pass_on, args=(far, near))
        back.start()
        pass_on(near, far)
        back.join(LIMIT)


class TestStrangers:
    @pytest.mark.parametrize(
        "said",
        [
            b"acquire 0\n",
            b'hello {"challenge": "x", "proof": "guessed", "stage": "a", "priority": 0}\nacquire 0\n',
            'hello {"challenge": "ä", "proof": "ä", "stage": "a", "priority": 0}\n'.encode(),
            b'hello {"challenge": "\\ud83d", "proof": "\\ud83d", "stage": "a", "priority": 0}\n',
            b'hello {"stage": "a", "priority": 0}\n',
            b"hello [1]\n",
            b"GET / HTTP/1.1\r\n\r\n",
            b"\xff\xfe\n",
            b"x" * 5000,
        ],
        ids=[
            "no hello",
            "wrong proof",
            "not ascii",
            "half an emoji",
            "no proof",
            "no object",
            "http",
            "no text",
            "no end",
        ],
    )
    @pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
    def test_who_does_not_know_the_secret_is_shown_out(self, server: SlotServer, said: bytes) -> None:
        host, port, _ = os.environ[_ENVIRONMENT].rsplit(":", 2)
        with socket.create_connection((host, int(port)), timeout=LIMIT) as stranger:
            stranger.sendall(said)
            assert heard(stranger).startswith(b"challenge ")
        assert (server.in_flight, server.spent) == (0, {})

        async def work() -> None:
            slots = await Slots.connect("a", 1, 99)
            await slots.acquire()
            await slots.disconnect()

        in_one_loop(work)

    def test_who_says_nothing_is_shown_out(self, server: SlotServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("distilabel_selfinstruct.models.slots.server._GREETING", 0.05)
        host, port, _ = os.environ[_ENVIRONMENT].rsplit(":", 2)
        with socket.create_connection((host, int(port)), timeout=60) as silent:
            assert heard(silent).startswith(b"challenge ")

    def test_the_secret_is_never_sent_and_a_proof_serves_once(self, server: SlotServer) -> None:
        host, port, secret = os.environ[_ENVIRONMENT].rsplit(":", 2)
        with socket.create_server(("127.0.0.1", 0)) as between:
            os.environ[_ENVIRONMENT] = f"127.0.0.1:{between.getsockname()[1]}:{secret}"
            said: list[bytes] = []

            async def work() -> None:
                slots = await Slots.connect("a", 1, 99)
                await slots.acquire()
                await slots.disconnect()

            relay = threading.Thread(target=relayed, args=(between, (host, int(port)), said))
            relay.start()
            in_one_loop(work)
            relay.join(LIMIT)
        assert secret.encode() not in b"".join(said)
        with socket.create_connection((host, int(port)), timeout=LIMIT) as stranger:  # who has listened
            stranger.sendall(next(part for part in said if part.startswith(b"hello")))
            assert heard(stranger).count(b"\n") == 1
        assert (server.in_flight, server.spent.get("b")) == (0, None)

    @pytest.mark.parametrize("said", [b"challenge x\nwelcome guessed\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", b""])
    def test_what_listens_there_and_is_not_the_run_stops_it(self, monkeypatch: pytest.MonkeyPatch, said: bytes) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            monkeypatch.setenv(_ENVIRONMENT, f"127.0.0.1:{other.getsockname()[1]}:secret")

            def answer() -> None:
                connected, _ = other.accept()
                with connected:
                    connected.sendall(said)

            answering = threading.Thread(target=answer)
            answering.start()

            async def work() -> None:
                with pytest.raises(RunStopped, match="failed"):
                    await Slots.connect("a", 1, 99)

            in_one_loop(work)
            answering.join(LIMIT)


class TestNumbers:
    def test_a_prompt_that_comes_again_is_numbered_in_the_order_of_the_turns(self, server: SlotServer) -> None:
        async def work() -> None:
            one, other = await Slots.connect("a", 1, 99), await Slots.connect("a", 1, 99)
            late = asyncio.ensure_future(other.first_samples(2, [b"x", b"y"], 1))
            assert await is_waiting(late, server)
            first = await one.first_samples(0, [b"x", b"x", b"z"], 1)
            assert await is_waiting(late, server)
            assert (first, await one.first_samples(1, [], 1), await late) == ([0, 1, 0], [], [2, 0])
            assert await other.first_samples(3, [b"z"], 5) == [1]
            assert await other.first_samples(4, [b"z"], 5) == [6]
            await one.disconnect()
            await other.disconnect()

        in_one_loop(work)

    def test_stages_have_their_own(self, server: SlotServer) -> None:
        async def work() -> None:
            one, other = await Slots.connect("a", 1, 99), await Slots.connect("b", 2, 99)
            assert await one.first_samples(0, [b"x"], 1) == await other.first_samples(0, [b"x"], 1) == [0]
            await one.disconnect()
            await other.disconnect()

        in_one_loop(work)
