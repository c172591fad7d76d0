"""The server of slots, in the main process of a run.

It lets requests pass no faster than the endpoint takes them (`Pace`). It hands slots out, earlier stages first: what
they answer is what keeps the later ones busy. It counts tokens, and keeps room for what is in flight, so that a budget
holds for the whole run; and it stops everything at once when the run ends early. It numbers the samples of prompts that
come more than once, in the order of the rows, whichever process has them. And it knows whether any request got through
at all.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import threading
from collections import Counter, defaultdict, deque
from contextlib import suppress
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any
from urllib.parse import unquote

from distilabel_selfinstruct.models.slots.client import join_slots, leave_slots
from distilabel_selfinstruct.models.slots.handshake import Handshake, new_secret
from distilabel_selfinstruct.models.slots.pace import Cost, Pace, RateLimits
from distilabel_selfinstruct.models.slots.wire import NO_SIZE, Asked, Lines, Refusals
from distilabel_selfinstruct.models.telling import Told
from distilabel_selfinstruct.usage import Budget, Usage

_GREETING, _LONGEST_GREETING = 60.0, 4096  # seconds and bytes that a stranger may take to prove what it knows
_LOOK = 5.0  # seconds after which who waits looks whether the server still lives
_CHARACTERS_A_TOKEN = 3.0  # where no prompt was counted yet
_CAUTION = 4  # answers of the greatest length that an average begins with


@dataclass
class Spent:
    """What one stage has spent in this process's lifetime."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    in_flight: int = 0
    open: Asked = NO_SIZE  # what is in flight
    characters: int = 0  # of the prompts that were answered
    squares: float = 0.0  # of the lengths of the answers

    def expected(self, asked: Asked, output_each: float | None, is_cautious: bool) -> tuple[float, float]:
        """Tokens that requests of this stage are likely to take.

        Args:
            asked: the requests.
            output_each: tokens of an answer, for as long as this stage has none.
            is_cautious: whether some of them are in flight: long answers are in flight for longer, so that an answer
                there is likely to be longer than the average; and whether few that have come may be the short ones.
        """
        if not asked.samples:
            return 0.0, 0.0
        tokens_in = asked.characters / _CHARACTERS_A_TOKEN
        if self.characters:
            tokens_in = asked.characters * self.input_tokens / self.characters
        longest = asked.most_tokens / asked.samples
        if is_cautious:
            each = (self.squares + _CAUTION * longest**2) / max(1, self.output_tokens + _CAUTION * longest)
        elif self.requests:
            each = self.output_tokens / self.requests
        else:
            each = longest if output_each is None else output_each
        return tokens_in, asked.samples * each


class _Numbering:
    """Numbers the samples of a stage's prompts, turn by turn, in whatever order the turns are asked for."""

    def __init__(self) -> None:
        self._asked: Counter[str] = Counter()
        self._next_turn = 0
        self._waiting: dict[int, tuple[_Client, int, int, list[str]]] = {}

    def take(self, client: _Client, number: int, turn: int, samples: int, keys: list[str]) -> None:
        self._waiting[turn] = (client, number, samples, keys)
        while (next_turn := self._waiting.pop(self._next_turn, None)) is not None:
            self._next_turn += 1
            self._answer(*next_turn)

    def _answer(self, client: _Client, number: int, samples: int, keys: list[str]) -> None:
        first_samples = []
        for key in keys:
            first_samples.append(self._asked[key])
            self._asked[key] += samples
        client.send("numbered", number, *first_samples)


class _Client(Lines):
    """A process as the server sees it: nothing before it has proved that it knows the secret."""

    def __init__(self, server: SlotServer) -> None:
        super().__init__()
        self._server = server
        self._challenge = new_secret()
        self.stage = ""
        self.priority = 0
        self.in_batches = False  # its requests need no slot, and nobody waits for them
        self.held = 0
        self.open = NO_SIZE
        self.unstored = 0
        self.paid: deque[Cost] = deque()  # what the requests in flight were let pass with
        self.waiting: dict[int, Asked] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.send("challenge", self._challenge)
        asyncio.get_running_loop().call_later(_GREETING, self._show_out_strangers)

    def data_received(self, data: bytes) -> None:
        try:
            super().data_received(data)
        except Exception:
            if self.stage:
                raise
            self.close()
        if len(self._unread) > _LONGEST_GREETING:
            self._show_out_strangers()

    def _show_out_strangers(self) -> None:
        if not self.stage:
            self.close()

    def received(self, word: str, rest: str) -> None:
        if self.stage:
            self._server.receive(self, word, rest)
        elif word != "hello" or not self._greet(**json.loads(rest)):
            self.close()

    def _greet(self, challenge: str, proof: str, stage: str, priority: int, in_batches: bool = False) -> bool:
        """Whether that process knows the secret; then it is told that this one does too."""
        handshake = Handshake(self._server.secret, self._challenge, challenge)
        if not handshake.is_proof("client", proof):
            return False
        self.stage, self.priority, self.in_batches = stage, priority, in_batches
        self.send("welcome", handshake.proof("server"))
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._server.take_back(self)


class SlotServer:
    """Hands out slots over TCP on this machine; used as a context manager in the main process.

    Args:
        concurrency: most requests in flight at any moment.
        budget: what may be spent; when it is used up nobody gets a slot any more.
        limits: how much may be asked in a minute.
        host: address to listen on; another one than the default only where workers run on other machines.

    Raises:
        OSError: if this machine has no such address.
    """

    def __init__(
        self, concurrency: int, budget: Budget | None = None, host: str = "127.0.0.1", limits: RateLimits | None = None
    ) -> None:
        self.concurrency = concurrency
        self.budget = budget or Budget()
        self.pace = Pace(limits, concurrency)
        self._look_again: asyncio.TimerHandle | None = None
        self.spent: dict[str, Spent] = {}
        self.events: dict[str, dict[str, Any]] = {}
        self.stopped: str | None = None
        self._socket = socket.create_server((host, 0))
        self._host, self._port = self._socket.getsockname()
        self.secret = new_secret()
        self._free = concurrency
        self._queue: list[tuple[int, int, int, _Client]] = []
        self._arrivals = itertools.count()
        self._clients: set[_Client] = set()
        self._refusals = Refusals()
        self._numberings: defaultdict[str, _Numbering] = defaultdict(_Numbering)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="slot-server", daemon=True)
        self._ready = threading.Event()
        self._closing = asyncio.Event()

    def __enter__(self) -> SlotServer:
        self._thread.start()
        self._await(self._ready)
        join_slots(self.address)
        return self

    def __exit__(self, *_: object) -> None:
        leave_slots()
        with suppress(RuntimeError):  # its loop is closed already
            self._loop.call_soon_threadsafe(self._closing.set)
        while self._thread.is_alive():
            self._thread.join(timeout=_LOOK)

    @property
    def address(self) -> str:
        """Where the slots are, with the secret; for `join_slots` in processes that do not inherit the environment."""
        return f"{self._host}:{self._port}:{self.secret}"

    def stop(self, reason: str) -> None:
        """From now on nobody gets a slot; who waits for one is told the reason. For any thread but the server's own."""
        stopped = threading.Event()
        with suppress(RuntimeError):  # its loop is closed already
            self._loop.call_soon_threadsafe(self._stop, reason)
            self._loop.call_soon_threadsafe(stopped.set)
            self._await(stopped)
        if not stopped.is_set():  # nobody hands slots out any more
            self.stopped = self.stopped or reason

    @property
    def in_flight(self) -> int:
        return self.concurrency - self._free

    @property
    def is_busy(self) -> bool:
        """Whether a request is in flight, or the answer to one is not stored yet; batches go on by themselves."""
        clients = list(self._clients)
        return any(client.unstored or (client.held and not client.in_batches) for client in clients)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:  # whatever ended it, nobody waits for a slot any longer
            for client in list(self._clients):
                client.close()
            self._loop.run_until_complete(asyncio.sleep(0))
            self._socket.close()
            self._loop.close()

    def _await(self, event: threading.Event) -> None:
        while self._thread.is_alive() and not event.wait(_LOOK):
            pass

    async def _serve(self) -> None:
        server = await self._loop.create_server(self._connect, sock=self._socket)
        if self.budget.is_used_up(owed=0):
            self._stop("budget")
        self._ready.set()
        await self._closing.wait()
        if self._look_again is not None:
            self._look_again.cancel()
        server.close()

    def _connect(self) -> _Client:
        client = _Client(self)
        self._clients.add(client)
        return client

    def receive(self, client: _Client, word: str, rest: str) -> None:
        """Takes one message of a client; called in the server's own loop."""
        if word == "acquire":
            number, *size = map(int, rest.split())
            client.waiting[number] = Asked(*size)
            heappush(self._queue, (client.priority, next(self._arrivals), number, client))
        elif word == "release":
            model, *numbers = rest.split()
            requests, read, written, cached, texts, *size = map(int, numbers)
            asked = Asked(*size)
            client.held -= 1
            client.open -= asked
            self._free += 1
            client.unstored += requests
            if texts:
                self._refusals.note_answer(client.stage)
            if client.paid:
                self.pace.settle(client.paid.popleft(), Cost(read, written))
            used = Usage(requests, input_tokens=read, output_tokens=written, cached_tokens=cached)
            self._count(client.stage, unquote(model), asked, used)
        elif word == "refused":
            asking, key = rest.split()
            client.send("counted", asking, self._refusals.verdict(client.stage, key))
        elif word == "limited":
            wait, age = rest.split()
            self.pace.note_refused(None if wait == "-" else float(wait), float(age))
        elif word == "told":
            self.pace.note_told([Told(**each) for each in json.loads(rest)], self.in_flight)
        elif word == "stored":
            client.unstored -= int(rest)
        elif word == "number":
            asking, turn, samples, *keys = rest.split()
            self._numberings[client.stage].take(client, int(asking), int(turn), int(samples), keys)
        elif word == "event":
            self.events.setdefault(client.stage, {}).update(json.loads(rest))
        self._grant()

    def take_back(self, client: _Client) -> None:
        """Takes back what a client held whose process is gone."""
        self._clients.discard(client)
        client.waiting.clear()
        client.paid.clear()
        if client.held:
            self._free += client.held
            self.spent[client.stage].in_flight -= client.held
            self.spent[client.stage].open -= client.open
            client.held = 0
        self._grant()

    def _count(self, stage: str, model: str, asked: Asked, used: Usage) -> None:
        spent = self.spent.setdefault(stage, Spent())
        spent.in_flight -= 1
        spent.open -= asked
        if used.requests:
            spent.characters += asked.characters
            spent.squares += used.output_tokens**2 / used.requests
        spent.requests += used.requests
        spent.input_tokens += used.input_tokens
        spent.output_tokens += used.output_tokens
        self.budget.spend(stage, model, used)
        if self.stopped is None and self.budget.is_used_up(owed=0):
            self._stop("budget")

    def _stop(self, reason: str) -> None:
        self.stopped = self.stopped or reason
        self._grant()

    def _grant(self) -> None:
        while self._queue:
            _, _, number, client = self._queue[0]
            if not (self._free > 0 or self.stopped or client.in_batches):
                return
            if (asked := client.waiting.get(number)) is None:
                heappop(self._queue)
                continue
            reason = self.stopped or self._lack_of_room(client.stage, asked)
            if reason == "wait" or (reason is None and not self._may_pass(client, asked)):
                return
            heappop(self._queue)
            del client.waiting[number]
            if reason is not None:
                client.send("stopped", number, reason)
                continue
            client.held += 1
            client.open += asked
            self._free -= 1
            spent = self.spent.setdefault(client.stage, Spent())
            spent.in_flight += 1
            spent.open += asked
            client.send("granted", number)

    def _may_pass(self, client: _Client, asked: Asked) -> bool:
        """Whether the pace lets a request pass now; it is looked at again where it does not."""
        if client.in_batches:
            return True
        if self._look_again is not None:
            self._look_again.cancel()
            self._look_again = None
        if (delay := self.pace.delay()) > 0:
            self._look_again = self._loop.call_later(delay, self._grant)
            return False
        cost = Cost(*self.spent.get(client.stage, Spent()).expected(asked, None, False))
        client.paid.append(cost)
        self.pace.take(cost)
        return True

    def _lack_of_room(self, stage: str, asked: Asked) -> str | None:
        """None where the budget has room for a request, `wait` where what is in flight may leave some, or `budget`."""
        owed = self.events.get(stage, {}).get("owed", 0)
        if self.budget.is_used_up(owed):
            return "budget"
        if not self.budget.is_limited or self.budget.has_room(*self._expected(stage, asked), owed):
            return None
        if self.in_flight:
            return "wait"
        is_first = not self.budget.spent_requests  # somebody has to find out what a request takes
        return None if is_first else "budget"

    def _expected(self, stage: str, asked: Asked) -> tuple[float, float]:
        """Tokens and money that requests in flight are likely to take, with this one; with caution while there are."""
        budget = self.budget
        output_each = budget.spent_output / budget.spent_requests if budget.spent_requests else None
        stages = {name: spent.open for name, spent in self.spent.items()}
        stages[stage] = stages.get(stage, NO_SIZE) + asked
        expected = {
            name: self.spent.get(name, Spent()).expected(size, output_each, self.in_flight > 0)
            for name, size in stages.items()
        }
        cost = sum(budget.prices.dearest(name).of(*tokens) for name, tokens in expected.items())
        return sum(map(sum, expected.values())), cost
