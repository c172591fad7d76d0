"""Batcher: takes single requests, hands them over in batches, and gives each the answer that came under its name.

Whatever happens on the way is on disk before it is relied on. A process that was killed finds its batches in the
folder, and what it asks again is given what they bring; a batch whose id it could not note is looked for by its name.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TypeVar

from distilabel_selfinstruct.errors import GO_ON, EndpointError, RequestFailed, SelfInstructError
from distilabel_selfinstruct.models.batches.journal import Batch, Journal
from distilabel_selfinstruct.models.batches.protocol import GRACE, WINDOW, Batches, BatchRefused, QueueFull, State
from distilabel_selfinstruct.models.faults import explain
from distilabel_selfinstruct.models.slots import RunStopped
from distilabel_selfinstruct.secrets import shown

_LOGGER = logging.getLogger("distilabel.llm.batches")
_QUIET = 2.0  # seconds without another request after which those that are there are handed over
_FIRST_LOOK, _LAST_LOOK, _SHARE = 0.5, 60.0, 0.1  # seconds between two looks: a tenth of what was waited for
_PATIENCE = 600.0  # seconds that one exchange with the server may take: files are large
_FEWEST = 50  # requests that a batch keeps which is halved because the queue is full
_LONGEST_PAUSE = 30.0

name_of_request: ContextVar[str] = ContextVar("name_of_request", default="")
"""Names the samples of a prompt that are being asked for, in all runs alike."""

T = TypeVar("T")


class _Waiting:
    """A request that has no answer yet."""

    def __init__(self, name: str, route: str, line: bytes) -> None:
        self.name, self.route, self.line = name, route, line
        self.answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()


class Batcher:
    """Puts the requests of one model in a stage in batches; lives in one event loop.

    Args:
        batches: where they are answered.
        folder: of the batches of the run.
        stage: that asks.
        outage: seconds for which a server is asked again that does not answer.

    Attributes:
        tell: is told how far each batch is, by its name.
    """

    def __init__(self, batches: Batches, folder: Path, stage: str, outage: float) -> None:
        self._batches, self._outage = batches, outage
        self._journal = Journal(folder, stage, batches.place)
        self.tell: Callable[[dict[str, Any]], None] = lambda said: None
        self._said: dict[str, Any] = {}
        self._asked: Counter[str] = Counter()
        self._gathered: list[_Waiting] = []
        self._gathered_at = 0.0
        self._waiting: dict[str, _Waiting] = {}
        self._under_way: dict[str, Batch] = {}  # by the names of its requests: handed over by an earlier process
        self._brought: dict[str, object] = {}  # what earlier batches have brought
        self._failed: set[str] = set()  # names under which something was asked that failed
        self._is_read = False
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._open: set[str] = set()  # names of batches that the server has taken
        self._gathering: asyncio.Task[None] | None = None
        self._has_ended = asyncio.Event()

    async def post(self, route: str, sent: Mapping[str, Any]) -> object:
        """The body of the answer to one request, as if it had been sent by itself.

        Raises:
            StatusError, ReplyError: if it was refused.
            RequestFailed: if its batch has brought no answer.
            EndpointError: if no batch can be had at all.
            RunStopped: if the server does not answer any more, or the batch does not end.
        """
        if not self._is_read:
            self._read_journal()
        name = self._name(route, sent)
        if name in self._brought:
            return self._brought.pop(name)
        request = self._waiting[name] = _Waiting(name, route, b"")
        if (batch := self._under_way.get(name)) is not None:
            self._start(batch)
        else:
            request.line = self._batches.line(name, route, sent)
            self._gather(request)
        try:
            return await request.answer
        finally:
            self._waiting.pop(name, None)

    async def aclose(self) -> None:
        """Leaves all batches to themselves."""
        for task in [*self._tasks.values(), *filter(None, [self._gathering])]:
            task.cancel()
        await self._batches.aclose()

    def _name(self, route: str, sent: Mapping[str, Any]) -> str:
        """Names a request: the same in all runs, another one each time that it is asked anew."""
        asked = json.dumps([name_of_request.get(), route, sent], ensure_ascii=False, sort_keys=True, default=str)
        base = hashlib.blake2b(asked.encode("utf-8", "backslashreplace"), digest_size=16).hexdigest()
        while (name := f"{base}-{self._asked[base]}") in self._failed:
            self._asked[base] += 1
        self._asked[base] += 1
        return name

    def _read_journal(self) -> None:
        """Finds what earlier processes have handed over, and what came back."""
        self._is_read = True
        for batch, has_ended in self._journal.own():
            if has_ended:
                text = self._journal.path_of(batch, "out.jsonl").read_text(encoding="utf-8")
                for name, brought in self._read(text).items():
                    if isinstance(brought, Exception):
                        self._failed.add(name)
                    else:
                        self._brought[name] = brought
            else:
                for line in self._journal.lines(batch):
                    self._under_way[line["custom_id"]] = batch

    # --- gathering --------------------------------------------------------------------------------------------------

    def _gather(self, request: _Waiting) -> None:
        self._gathered.append(request)
        self._gathered_at = time.monotonic()
        if self._gathering is None or self._gathering.done():
            self._gathering = asyncio.get_running_loop().create_task(self._hand_over_when_quiet())

    async def _hand_over_when_quiet(self) -> None:
        while (left := self._gathered_at + _QUIET - time.monotonic()) > 0:
            await asyncio.sleep(left)
        gathered, self._gathered = self._gathered, []
        try:
            for part in _parts(gathered, self._batches.most_requests, self._batches.most_bytes):
                self._start(self._journal.begin(part[0].route, [each.line for each in part]), part)
        except Exception as error:  # such as a disk that is full
            _fail(gathered, error)

    # --- one batch --------------------------------------------------------------------------------------------------

    def _start(self, batch: Batch, requests: list[_Waiting] | None = None) -> None:
        if batch.name not in self._tasks or self._tasks[batch.name].done():
            task = asyncio.get_running_loop().create_task(self._carry(batch, requests))
            self._tasks[batch.name] = task

    async def _carry(self, batch: Batch, requests: list[_Waiting] | None = None) -> None:
        """Sees a batch through, and gives its requests what it has brought."""
        names = [each.name for each in requests or []] or [each["custom_id"] for each in self._journal.lines(batch)]
        try:
            brought = await self._brought_by(batch, names)
        except Exception as error:
            if isinstance(error, BatchRefused):
                self._journal.forget(batch)
            said = error if isinstance(error, SelfInstructError) else explain(error)
            _fail([self._waiting[name] for name in names if name in self._waiting], said)
        else:
            if brought is not None:
                self._deal_out(batch, names, brought)
        finally:
            self._tell(batch, None)
            self._open.discard(batch.name)
            self._has_ended.set()

    async def _brought_by(self, batch: Batch, names: list[str]) -> dict[str, object] | None:
        """What a batch brings, by the names of its requests; None where it was halved."""
        deadline = time.time() + WINDOW + GRACE
        for attempt in range(1_000_000):
            try:
                batch.id = batch.id or await self._submitted(batch)
                self._journal.note(batch)
                self._open.add(batch.name)
                state = await self._ended(batch)
                break
            except QueueFull as full:
                batch.id, batch.is_begun = None, False
                self._open.discard(batch.name)
                if await self._has_halved(batch, names, full):
                    return None
                await self._wait_for_room(batch, full, attempt, deadline)
        text = await self._patiently(batch, lambda: self._batches.results(batch, state, self._journal))
        if len(found := self._read(text)) < state.answered:  # the file was cut on its way, or is
            again = await self._patiently(batch, lambda: self._batches.results(batch, state, self._journal))
            text, found = max((text, found), (again, self._read(again)), key=lambda pair: len(pair[1]))
        self._journal.end(batch, text)
        return found

    async def _submitted(self, batch: Batch) -> str:
        """The id of a batch, handed over once: where that may have happened already it is looked for before."""

        async def submit() -> str:
            if batch.is_begun and (found := await self._batches.find(batch, self._noted())) is not None:
                return found
            batch.is_begun = True
            self._journal.note(batch)
            return await self._batches.submit(batch, self._journal)

        self._tell(batch, State("being handed over", 0))
        return await self._patiently(batch, submit)

    def _noted(self) -> set[str]:
        return {batch.id for batch, _ in self._journal.own() if batch.id}

    async def _ended(self, batch: Batch) -> State:
        """Looks at a batch until it has ended, and tells how far it is; less often the longer it takes.

        Raises:
            RunStopped: if it has not ended an hour after it should have.
        """
        began, limit = time.monotonic(), time.time() + WINDOW
        while True:
            state = await self._patiently(batch, lambda: self._batches.state(batch, self._journal))
            self._tell(batch, state)
            if state.ended:
                return state
            if time.time() > (state.expires or limit) + GRACE:
                raise self._stopped(batch, f"the batch {batch.id} has not ended in its time ({state.status})")
            await asyncio.sleep(min(_LAST_LOOK, max(_FIRST_LOOK, (time.monotonic() - began) * _SHARE)))

    async def _has_halved(self, batch: Batch, names: list[str], full: QueueFull) -> bool:
        """Whether a batch that the server has no room for was handed over in two halves, one after the other."""
        if self._open - {batch.name} or len(names) <= _FEWEST:
            return False
        _LOGGER.warning(shown(f"The server takes no batch of {len(names):,} requests ({full}): it is halved."))
        lines = self._journal.path_of(batch, "in.jsonl").read_bytes().splitlines()
        middle = len(lines) // 2
        self._journal.forget(batch)  # first: a request is in one batch at any moment
        halves = [self._journal.begin(batch.route, part) for part in (lines[:middle], lines[middle:])]
        self._tell(batch, None)
        for half in halves:
            await self._carry(half)
        return True

    async def _wait_for_room(self, batch: Batch, full: QueueFull, attempt: int, deadline: float) -> None:
        if time.time() > deadline:
            raise self._stopped(batch, f"the server has taken no batch for a day ({full})")
        self._tell(batch, State(f"waits for room at the server ({full})", 0))
        seconds = full.retry_after or min(_LAST_LOOK, 2.0**attempt)
        self._has_ended.clear()
        try:
            await asyncio.wait_for(self._has_ended.wait(), seconds)
        except asyncio.TimeoutError:
            return

    async def _patiently(self, batch: Batch, ask: Callable[[], Awaitable[T]]) -> T:
        """Asks the server, again and again where it fails for the moment.

        Raises:
            EndpointError: if it refuses.
            RunStopped: if it fails for longer than an outage may last.
        """
        since, pause = 0.0, 0.5
        while True:
            try:
                return await asyncio.wait_for(ask(), _PATIENCE)
            except (QueueFull, SelfInstructError) as error:
                if not isinstance(error, RequestFailed):
                    raise
                failure: RequestFailed | EndpointError = error
            except Exception as error:
                failure = explain(error)
            if not (isinstance(failure, RequestFailed) and failure.retryable):
                raise EndpointError(f"The batch {batch.id or batch.name}: {failure}{self._advice(batch)}")
            since = since or time.monotonic()
            if time.monotonic() - since > self._outage:
                raise self._stopped(batch, str(failure))
            self._tell(batch, State(f"no word of it ({shown(failure)})", 0))
            await asyncio.sleep(min(failure.retry_after or pause, _LONGEST_PAUSE * 4))
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _advice(self, batch: Batch) -> str:
        """What to do where the server refuses to speak of a batch that it has taken."""
        if batch.id is None:
            return ""
        return (
            f" If the server has lost it, or it is another account's, remove {self._journal.path_of(batch, '*')}: what"
            " it asked for is then asked for, and paid for, again."
        )

    def _stopped(self, batch: Batch, why: str) -> RunStopped:
        _LOGGER.warning(shown(f"Batch {batch.id or batch.name}: {why}. {GO_ON}"))
        return RunStopped("unavailable")

    # --- what comes back --------------------------------------------------------------------------------------------

    def _read(self, text: str) -> dict[str, object]:
        """What each line holds, by its name: an answer rather than a failure, where there are several."""
        found: dict[str, object] = {}
        for written in text.split("\n"):  # `splitlines` would cut at characters that a text may hold
            try:
                line = json.loads(written)
                name = line["custom_id"]
            except (ValueError, TypeError, KeyError, RecursionError):
                continue  # cut off
            brought = self._batches.read(line)
            if name not in found or (isinstance(found[name], Exception) and not isinstance(brought, Exception)):
                found[name] = brought
        return found

    def _deal_out(self, batch: Batch, names: list[str], brought: dict[str, object]) -> None:
        """Answers between failures, as they would have come: who judges them sees that others get through."""
        if unknown := len(brought.keys() - set(names)):
            _LOGGER.warning(f"Batch {batch.id}: {unknown:,} of its results are of requests that were not in it.")
        lost = RequestFailed("its batch says nothing of it", "server_error", retryable=True, kind="service")
        good: list[tuple[_Waiting, object]] = []
        bad: list[tuple[_Waiting, object]] = []
        for name in names:
            outcome = brought.get(name, lost)
            if (request := self._waiting.get(name)) is None:
                self._under_way.pop(name, None)
                if not isinstance(outcome, Exception):
                    self._brought[name] = outcome
                elif name in brought:
                    self._failed.add(name)
            else:
                (bad if isinstance(outcome, Exception) else good).append((request, outcome))
        for request, outcome in _mixed(good, bad):
            if isinstance(outcome, Exception):
                _fail([request], outcome)
            elif not request.answer.done():
                request.answer.set_result(outcome)

    def _tell(self, batch: Batch, state: State | None) -> None:
        """Says how far a batch is, or that there is no more to say."""
        said = None
        if state is not None:
            said = [batch.id or batch.name, shown(state.status), state.done, batch.requests]
        if said != self._said.get(batch.name):
            self._said[batch.name] = said
            self.tell(dict(self._said))
        if said is None:
            self._said.pop(batch.name, None)


def _parts(requests: list[_Waiting], most: int, most_bytes: int) -> Iterator[list[_Waiting]]:
    """Requests of one route each, no more than a file may have."""
    for route in dict.fromkeys(each.route for each in requests):
        part: list[_Waiting] = []
        size = 0
        for each in requests:
            if each.route != route:
                continue
            if part and (len(part) == most or size + len(each.line) + 1 > most_bytes):
                yield part
                part, size = [], 0
            part.append(each)
            size += len(each.line) + 1
        yield part


def _mixed(good: list[Any], bad: list[Any]) -> Iterable[Any]:
    """The one evenly among the other, a good one first."""
    placed = [(at / len(good), 0, each) for at, each in enumerate(good)]
    placed += [((at + 0.5) / len(bad), 1, each) for at, each in enumerate(bad)]
    return (each for _, _, each in sorted(placed, key=lambda item: item[:2]))


def _fail(requests: Iterable[_Waiting], error: Exception) -> None:
    for request in requests:
        if not request.answer.done():
            request.answer.set_exception(error)
