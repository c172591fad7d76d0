"""What a run shows on screen: how far it is, and what it has come to."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from rich.console import Console
from rich.live import Live
from rich.table import Table

from distilabel_selfinstruct.usage import CURRENCY

if TYPE_CHECKING:
    from distilabel_selfinstruct.models.slots import SlotServer

_FRAME, LINE = 0.25, 10.0  # seconds between two looks: on a terminal, and for plain lines
_SILENCE = 15.0  # seconds without an answer after which that is said


class Asking(Protocol):
    """What asks a model: a pipeline, or a command.

    Attributes:
        slots: that its requests need.
        waits_for: what it waits for before it can ask; empty where it asks.
        troubles: what came instead of the last answers.
        shares_done: of the work of its steps.
    """

    @property
    def slots(self) -> SlotServer | None: ...
    @property
    def waits_for(self) -> str: ...
    @property
    def troubles(self) -> Sequence[str]: ...
    @property
    def shares_done(self) -> Mapping[str, float]: ...


class Progress:
    """How far a pipeline is, read from its slots and from the batches that its steps have sent."""

    def __init__(self, pipeline: Asking) -> None:
        self._pipeline = pipeline
        self._started = time.monotonic()
        self._answered, self._answered_at = 0, self._started

    @property
    def stopping(self) -> str | None:
        """Why no further request is sent, if that is so."""
        slots = self._pipeline.slots
        return None if slots is None else slots.stopped

    def lines(self) -> list[str]:
        """One line on each loop, one on each other stage that asks a model, one on the whole."""
        slots = self._pipeline.slots
        if slots is None:
            return ["starting"]
        now = time.monotonic()
        seconds = max(now - self._started, 0.001)
        lines = [f"waiting for {self._pipeline.waits_for}"] if self._pipeline.waits_for else []
        loops = {stage: event for stage, event in list(slots.events.items()) if "wanted" in event}
        for stage, event in loops.items():
            admitted, wanted, candidates = event["admitted"], event["wanted"], event["candidates"]
            lines.append(f"{stage}: {admitted:,} of {wanted:,} admitted, {_share(admitted, candidates)} accepted")
        batches = [
            f"{stage}: batch {name}: {status}, {done:,} of {most:,} done"
            for stage, event in list(slots.events.items())
            for name, status, done, most in event.get("batches", {}).values()
        ]
        lines += batches
        for stage, spent in list(slots.spent.items()):
            if stage not in loops and (spent.requests or spent.in_flight):
                lines.append(f"{stage}: {spent.requests:,} requests answered, {spent.in_flight} in flight")
        spent_all = list(slots.spent.values())
        requests = sum(spent.requests for spent in spent_all)
        failures: Counter[str] = Counter()
        for event in list(slots.events.values()):
            failures.update(event.get("failures", {}))
        tokens_in, tokens_out = sum(s.input_tokens for s in spent_all), sum(s.output_tokens for s in spent_all)
        total = f"{requests:,} requests ({requests / seconds:.1f}/s), {tokens_in:,} tokens in, {tokens_out:,} out"
        if slots.budget.spent_cost:
            total += f", {slots.budget.spent_cost:,.2f} {CURRENCY}"
        if slots.pace.learned is not None:
            total += f", held to {slots.pace.learned:.1f}/s by the endpoint's limit"
        if failures:
            why = ", ".join(f"{count:,} {reason}" for reason, count in failures.most_common())
            total += f", {failures.total():,} requests given up ({why})"
        is_due = not batches and (spent_all or self._pipeline.troubles)
        total += self._silence(requests, now) if is_due else ""
        if slots.stopped:
            total += f"; stopping: {_stopping(slots.stopped, sum(spent.in_flight for spent in spent_all))}"
        return [*lines, f"{total}, {duration(seconds)}{self._left(loops.values(), seconds)}"]

    def _left(self, loops: Iterable[Mapping[str, Any]], seconds: float) -> str:
        """How long the run will go on at the speed so far, by the step that is farthest from its end."""
        shares = [event["admitted"] / event["wanted"] for event in loops if event["wanted"]]
        shares += self._pipeline.shares_done.values()
        least = min(shares, default=0.0)
        return f", {duration(seconds / least * (1 - least))} left" if 0 < least < 1 else ""

    def _silence(self, answered: int, now: float) -> str:
        """How long nothing has been answered, where that is long, and what the endpoint says instead."""
        if answered != self._answered:
            self._answered, self._answered_at = answered, now
        silent = now - self._answered_at
        if silent < _SILENCE:
            return ""
        troubles = self._pipeline.troubles
        return f", no answer for {duration(silent)}" + (f" ({troubles[-1]})" if troubles else "")


@contextmanager
def show_progress(pipeline: Asking, show: bool = True, stream: TextIO | None = None) -> Iterator[None]:
    """Shows how far the pipeline is while the block runs: live on a terminal, else as plain lines now and then."""
    if not show:
        yield
        return
    stream = stream or sys.stderr
    progress, over = Progress(pipeline), threading.Event()
    look = _look_live if stream.isatty() else _look_plain
    thread = threading.Thread(target=look, args=(progress, over, stream), name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _look_live(progress: Progress, over: threading.Event, stream: TextIO) -> None:
    with Live(console=Console(file=stream), auto_refresh=False, transient=True) as live:
        while not over.wait(_FRAME):
            table = Table.grid()
            for line in progress.lines():
                table.add_row(line)
            live.update(table, refresh=True)


def _look_plain(progress: Progress, over: threading.Event, stream: TextIO) -> None:
    """A line now and then, and one at once when it begins to stop."""
    said, stopping = time.monotonic(), None
    while not over.wait(min(_FRAME, LINE)):
        if time.monotonic() - said < LINE and progress.stopping == stopping:
            continue
        said, stopping = time.monotonic(), progress.stopping
        print(" | ".join(progress.lines()), file=stream, flush=True)


@contextmanager
def sign_of_life(what: str, stream: TextIO | None = None) -> Iterator[None]:
    """Says every few seconds what is being done while the block runs; nothing where it is done at once."""
    over = threading.Event()
    thread = threading.Thread(target=_say_on, args=(what, over, stream or sys.stderr), name="life", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _say_on(what: str, over: threading.Event, stream: TextIO) -> None:
    started = time.monotonic()
    while not over.wait(LINE):
        print(f"{what}, {duration(time.monotonic() - started)}", file=stream, flush=True)


def _stopping(reason: str, in_flight: int) -> str:
    """Why it stops, and what it still waits for."""
    if not in_flight:
        return reason
    awaited = f"{reason}, waiting for the answers to {in_flight:,} open requests"
    return f"{awaited}; another Ctrl-C ends the wait" if reason == "interrupted" else awaited


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "-"


def duration(seconds: float) -> str:
    """Seconds in words, such as `2 min 05 s`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
