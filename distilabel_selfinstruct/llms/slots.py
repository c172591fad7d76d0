"""The slots of a run: one number of requests in flight, shared by all its stages and processes.

A server in the main process hands slots out, earlier stages first: what they answer is what keeps the later ones
busy. It counts tokens, so a budget holds for the whole run, and stops everything at once when the run ends early.
"""

from __future__ import annotations

import asyncio
import hmac
import itertools
import json
import os
import secrets
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

from distilabel_selfinstruct.errors import SelfInstructError

_ENVIRONMENT_VARIABLE = "DISTILABEL_SELFINSTRUCT_SLOTS"


STOP_REASONS = ("budget", "interrupted", "failed", "unavailable")


class RunStopped(SelfInstructError):
    """No further request may be sent; its message is one of `STOP_REASONS`, and the reason code of rows not asked."""


@dataclass
class Spent:
    """What one stage has spent in this process's lifetime."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    in_flight: int = 0


@dataclass
class Budget:
    """Limits of a run; prices are money per million tokens. `spent` counts what earlier sessions have used."""

    max_tokens: int | None = None
    max_cost: float | None = None
    input_price: float = 0.0
    output_price: float = 0.0
    spent_input: int = 0
    spent_output: int = 0

    def is_used_up(self) -> bool:
        if self.max_tokens is not None and self.spent_input + self.spent_output >= self.max_tokens:
            return True
        return self.max_cost is not None and self.cost() >= self.max_cost

    def cost(self) -> float:
        return (self.spent_input * self.input_price + self.spent_output * self.output_price) / 1e6


@dataclass(eq=False)
class _Client:
    writer: asyncio.StreamWriter
    stage: str = ""
    priority: int = 0
    held: int = 0
    waiting: set[int] = field(default_factory=set)


class SlotServer:
    """Hands out slots over TCP on this machine; used as a context manager in the main process.

    Args:
        concurrency: most requests in flight at any moment.
        budget: what may be spent; when it is used up nobody gets a slot any more.
        host: address to listen on; another one than the default only where workers run on other machines.
    """

    def __init__(self, concurrency: int, budget: Budget | None = None, host: str = "127.0.0.1") -> None:
        self.concurrency = concurrency
        self.budget = budget or Budget()
        self.spent: dict[str, Spent] = {}
        self.events: dict[str, dict[str, Any]] = {}
        self.stopped: str | None = None
        self._host = host
        self._secret = secrets.token_hex(16)
        self._free = concurrency
        self._queue: list[tuple[int, int, int, _Client]] = []
        self._arrivals = itertools.count()
        self._clients: set[_Client] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="slot-server", daemon=True)
        self._ready = threading.Event()
        self._closing = asyncio.Event()

    def __enter__(self) -> SlotServer:
        self._thread.start()
        self._ready.wait()
        os.environ[_ENVIRONMENT_VARIABLE] = f"{self._host}:{self._port}:{self._secret}"
        return self

    def __exit__(self, *_: object) -> None:
        os.environ.pop(_ENVIRONMENT_VARIABLE, None)
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()

    def stop(self, reason: str) -> None:
        """From now on nobody gets a slot; who waits for one is told the reason. May be called from any thread."""
        self._loop.call_soon_threadsafe(self._stop, reason)

    @property
    def in_flight(self) -> int:
        return self.concurrency - self._free

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._handle, self._host, 0)
        self._port = server.sockets[0].getsockname()[1]
        if self.budget.is_used_up():
            self._stop("budget")
        self._ready.set()
        await self._closing.wait()
        server.close()
        for client in list(self._clients):
            client.writer.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = _Client(writer)
        try:
            hello = json.loads(await reader.readline())
            if not hmac.compare_digest(str(hello.get("secret")), self._secret):
                return
            client.stage, client.priority = hello["stage"], hello["priority"]
            self._clients.add(client)
            while line := await reader.readline():
                self._receive(client, json.loads(line))
        except (ConnectionError, ValueError):
            pass
        finally:
            self._clients.discard(client)
            client.waiting.clear()
            self._free += client.held
            self.spent.setdefault(client.stage, Spent()).in_flight -= client.held
            client.held = 0
            self._grant()
            writer.close()

    def _receive(self, client: _Client, message: dict[str, Any]) -> None:
        if (number := message.get("acquire")) is not None:
            client.waiting.add(number)
            heappush(self._queue, (client.priority, next(self._arrivals), number, client))
        elif (result := message.get("release")) is not None:
            client.held -= 1
            self._free += 1
            self._count(client.stage, result)
        elif (event := message.get("event")) is not None:
            self.events.setdefault(client.stage, {}).update(event)
        self._grant()

    def _count(self, stage: str, result: dict[str, int]) -> None:
        spent = self.spent.setdefault(stage, Spent())
        spent.in_flight -= 1
        spent.requests += result.get("requests", 0)
        spent.input_tokens += result.get("input_tokens", 0)
        spent.output_tokens += result.get("output_tokens", 0)
        self.budget.spent_input += result.get("input_tokens", 0)
        self.budget.spent_output += result.get("output_tokens", 0)
        if self.stopped is None and self.budget.is_used_up():
            self._stop("budget")

    def _stop(self, reason: str) -> None:
        self.stopped = self.stopped or reason
        self._grant()

    def _grant(self) -> None:
        while self._queue and (self._free or self.stopped):
            _, _, number, client = heappop(self._queue)
            if number not in client.waiting:
                continue
            client.waiting.discard(number)
            if self.stopped:
                answer: dict[str, Any] = {"stopped": self.stopped, "number": number}
            else:
                answer = {"granted": number}
                client.held += 1
                self._free -= 1
                self.spent.setdefault(client.stage, Spent()).in_flight += 1
            client.writer.write(json.dumps(answer).encode() + b"\n")


class Slots:
    """A process's share of the run's slots; lives in one event loop.

    Without a server (a Task used on its own) it is a plain limit of `concurrency` for this process.
    """

    def __init__(self, stage: str, priority: int, concurrency: int) -> None:
        self._stage, self._priority = stage, priority
        self._local = asyncio.Semaphore(concurrency)
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Connects to the server of this run, if there is one."""
        if (address := os.environ.get(_ENVIRONMENT_VARIABLE)) is None:
            return
        host, port, secret = address.rsplit(":", 2)
        reader, self._writer = await asyncio.open_connection(host, int(port))
        self._send({"secret": secret, "stage": self._stage, "priority": self._priority})
        self._reading = asyncio.create_task(self._read(reader))

    async def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            with suppress(ConnectionError):
                await self._writer.wait_closed()

    async def acquire(self) -> None:
        """Waits until one more request may be in flight.

        Raises:
            RunStopped: if no further request may be sent.
        """
        if self._writer is None:
            await self._local.acquire()
            return
        number = next(self._numbers)
        self._waiting[number] = granted = asyncio.get_running_loop().create_future()
        self._send({"acquire": number})
        await granted

    def release(self, **cost: int) -> None:
        """Gives a slot back and says what the request cost: `requests`, `input_tokens`, `output_tokens`."""
        if self._writer is None:
            self._local.release()
        else:
            self._send({"release": cost})

    def report(self, **event: Any) -> None:
        """Tells the main process how far this stage is."""
        if self._writer is not None:
            self._send({"event": event})

    def _send(self, message: dict[str, Any]) -> None:
        assert self._writer is not None
        self._writer.write(json.dumps(message).encode() + b"\n")

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with suppress(ConnectionError):
            while line := await reader.readline():
                answer = json.loads(line)
                number = answer.get("granted", answer.get("number"))
                waiting = self._waiting.pop(number)
                if waiting.cancelled():
                    if "granted" in answer:
                        self._send({"release": {}})
                elif "granted" in answer:
                    waiting.set_result(None)
                else:
                    waiting.set_exception(RunStopped(answer["stopped"]))
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(RunStopped("failed"))
