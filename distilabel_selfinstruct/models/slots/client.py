"""The slots of a run as a process sees them that asks a model."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import os
from dataclasses import asdict, replace
from typing import Any
from urllib.parse import quote

from distilabel_selfinstruct.models.slots.handshake import Handshake, new_secret
from distilabel_selfinstruct.models.slots.wire import NO_SIZE, Asked, Lines, Refusals, RunStopped
from distilabel_selfinstruct.models.telling import Told

_GREETING = 60.0  # seconds that the server may take to prove that it knows the secret
_ANY_NUMBER = 10**9
_ENVIRONMENT_VARIABLE = "DISTILABEL_SELFINSTRUCT_SLOTS"


def run_id() -> str:
    """Names the run that this process belongs to; empty where it belongs to none."""
    address = os.environ.get(_ENVIRONMENT_VARIABLE, "")
    return address and hashlib.sha256(address.encode()).hexdigest()[:8]


def join_slots(address: str) -> None:
    """Makes this process one of the run whose slots are at this address."""
    os.environ[_ENVIRONMENT_VARIABLE] = address


def leave_slots() -> None:
    """Makes this process one of no run."""
    os.environ.pop(_ENVIRONMENT_VARIABLE, None)


class Slots(Lines):
    """A process's share of the run's slots; lives in one event loop.

    Without a server (a Task used on its own) it is a plain limit of `concurrency` for this process.
    """

    def __init__(self, concurrency: int) -> None:
        super().__init__()
        self._local = asyncio.Semaphore(concurrency)
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._asked: dict[int, Asked] = {}
        self._refusals = Refusals()
        self.is_shared = False
        self._handshake = Handshake("", "", new_secret())
        self._hello: dict[str, Any] = {}
        self._welcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @classmethod
    async def connect(cls, stage: str, priority: int, concurrency: int, in_batches: bool = False) -> Slots:
        """The slots of the run that this process belongs to, or of this process alone.

        Requests that go out in batches need none; only a budget holds them back.

        Raises:
            RunStopped: if what listens at the run's address is not the run.
        """
        slots = cls(_ANY_NUMBER if in_batches else concurrency)
        if (address := os.environ.get(_ENVIRONMENT_VARIABLE)) is not None:
            host, port, secret = address.rsplit(":", 2)
            slots._handshake = replace(slots._handshake, secret=secret)
            slots._hello = {"stage": stage, "priority": priority, "in_batches": in_batches}
            await asyncio.get_running_loop().create_connection(lambda: slots, host, int(port))
            await asyncio.wait([slots._welcome], timeout=_GREETING)
            if not slots._welcome.done() or slots.closed.done():
                slots.close()
                raise RunStopped("failed")
            slots.is_shared = True
        return slots

    async def disconnect(self) -> None:
        """Ends the connection; what was held is free again."""
        if self.is_shared:
            self.close()
            await self.closed

    async def acquire(self, asked: Asked = NO_SIZE) -> None:
        """Waits until one more request may be in flight, and, on a budget, until there is room for one of this size.

        Raises:
            RunStopped: if no further request may be sent.
        """
        if not self.is_shared:
            await self._local.acquire()
            return
        number, granted = self._expect()
        self._asked[number] = asked
        self.send("acquire", number, asked)
        await granted

    async def first_samples(self, turn: int, keys: list[bytes], samples: int) -> list[int]:
        """The numbers that the samples of these prompts begin with; turns are counted from 0, and none is left out."""
        number, numbered = self._expect()
        self.send("number", number, turn, samples, *(key.hex() for key in keys))
        return [int(first) for first in (await numbered).split()]

    async def refused(self, key: bytes) -> str:
        """How many different requests were refused, with this one: see `Refusals.verdict`."""
        if not self.is_shared:
            return self._refusals.verdict("", key.hex())
        number, verdict = self._expect()
        self.send("refused", number, key.hex())
        return str(await verdict)

    def release(
        self,
        requests: int = 0,
        input_tokens: int = 0,
        output_tokens: int = 0,
        cached_tokens: int = 0,
        texts: int = 0,
        asked: Asked = NO_SIZE,
        model: str = "",
    ) -> None:
        """Gives a slot back.

        Args:
            requests: samples that were answered.
            input_tokens: that they cost.
            output_tokens: that they cost.
            cached_tokens: of the former.
            texts: samples that were answered with a text.
            asked: for what the slot was taken.
            model: that has answered.
        """
        if self.is_shared:
            name = quote(model, safe="") or "-"
            self.send("release", name, requests, input_tokens, output_tokens, cached_tokens, texts, asked)
            return
        if texts:
            self._refusals.note_answer("")
        self._local.release()

    def limited(self, wait: float | None, age: float) -> None:
        """Says that a request was refused for their number: the seconds it is to wait, or None, and its age."""
        if self.is_shared:
            self.send("limited", "-" if wait is None else f"{wait:.3f}", f"{age:.3f}")

    def told(self, limits: list[Told]) -> None:
        """Says what an answer told of the limits that hold."""
        if self.is_shared and limits:
            self.send("told", json.dumps([asdict(each) for each in limits]))

    def stored(self, requests: int) -> None:
        """Says that the answers to so many requests, whose slots were given back before, are on disk."""
        if self.is_shared:
            self.send("stored", requests)

    def report(self, **event: Any) -> None:
        """Tells the main process how far this stage is."""
        if self.is_shared:
            self.send("event", json.dumps(event))

    def received(self, word: str, rest: str) -> None:
        if not self.is_shared and not self._welcome.done():
            self._greet(word, rest)
            return
        number, _, more = rest.partition(" ")
        waiting = self._waiting.pop(int(number))
        asked = self._asked.pop(int(number), NO_SIZE)
        if word == "granted" and waiting.cancelled():
            self.release(asked=asked)
        elif waiting.cancelled():
            return
        elif word == "stopped":
            waiting.set_exception(RunStopped(more))
        else:
            waiting.set_result(more)

    def _greet(self, word: str, rest: str) -> None:
        if word == "challenge":
            self._handshake = replace(self._handshake, of_server=rest)
            proved = {"challenge": self._handshake.of_client, "proof": self._handshake.proof("client")}
            self.send("hello", json.dumps(proved | self._hello))
        elif word == "welcome" and self._handshake.is_proof("server", rest):
            self._welcome.set_result(None)
        else:
            self.close()

    def _expect(self) -> tuple[int, asyncio.Future[Any]]:
        """The number of a question to the server, and its answer, which may be that the server is gone."""
        if self.closed.done():
            raise RunStopped("failed")
        number = next(self._numbers)
        self._waiting[number] = answer = asyncio.get_running_loop().create_future()
        return number, answer

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if not self._welcome.done():
            self._welcome.set_result(None)
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(RunStopped("failed"))
