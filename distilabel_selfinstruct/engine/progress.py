"""What a run shows on screen: how far it is, and what it has come to."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from rich.console import Group, RenderableType
from rich.spinner import Spinner
from rich.text import Text

from distilabel_selfinstruct.engine.terminal import FRAME, Bar, Frame, bars, beside, is_live, shown_live
from distilabel_selfinstruct.secrets import shown
from distilabel_selfinstruct.usage import CURRENCY, Budget

if TYPE_CHECKING:
    from distilabel_selfinstruct.models.slots import SlotServer

LINE = 10.0  # seconds between two plain lines
_SILENCE = 15.0  # seconds without an answer after which that is said
_EXCERPT = 300  # characters of an instruction


class Asking(Protocol):
    """What asks a model: a pipeline, or a command.

    Attributes:
        slots: that its requests need.
        waits_for: what it waits for before it can ask; empty where it asks.
        troubles: what came instead of the last answers.
        shares_done: by stage that asks, in their order, the share of its work that is done.
        latest: the last instruction that was admitted.
    """

    @property
    def slots(self) -> SlotServer | None: ...
    @property
    def waits_for(self) -> str: ...
    @property
    def troubles(self) -> Sequence[str]: ...
    @property
    def shares_done(self) -> Mapping[str, float]: ...
    @property
    def latest(self) -> str: ...


class Progress:
    """How far a pipeline is, read from its slots and from the batches that its steps have sent.

    What is stored from an earlier run comes at once, so speed is taken from the first answer of this one on.
    """

    def __init__(self, pipeline: Asking) -> None:
        self._pipeline = pipeline
        self._started = time.monotonic()
        self._since, self._share_then = self._started, 0.0  # of what speed is taken from
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
        total = self._total(slots, now, _spent(slots.budget))
        stages = [f"{stage}: {words}" for stage, words in self._stages(slots).items()]
        return [*self._waiting(), *stages, *_batches(slots), f"{total}, {self._time(now)}"]

    def frame(self, width: int) -> RenderableType:
        """The same for a terminal: a bar a stage, one of the whole and one of the budget, and what came last."""
        slots, now, shares = self._pipeline.slots, time.monotonic(), self._pipeline.shares_done
        words = {} if slots is None else self._stages(slots)
        rows = [Bar(stage, share, words.get(stage, "")) for stage, share in shares.items()]
        total, spent = "starting", "" if slots is None else _spent(slots.budget)
        if slots is not None:
            is_limited = slots.budget.is_limited
            total = self._total(slots, now, "" if is_limited else spent)
            rows += [Bar("budget", slots.budget.share_spent, spent)] if is_limited else []
        rows.append(Bar("all", self._share_done(), self._time(now)))
        batches = [] if slots is None else _batches(slots)
        texts = [Text(shown(line)) for line in [*self._waiting(), *batches, total]]
        if latest := " ".join(shown(self._pipeline.latest[:_EXCERPT]).split()):
            texts.append(Text(f"last: {latest}", no_wrap=True, overflow="ellipsis"))
        return Group(bars(rows, width), *texts)

    def _waiting(self) -> list[str]:
        return [f"waiting for {self._pipeline.waits_for}"] if self._pipeline.waits_for else []

    def _stages(self, slots: SlotServer) -> dict[str, str]:
        """What there is to say of each stage that has asked."""
        said = {}
        for stage, event in _loops(slots).items():
            admitted, wanted, candidates = event["admitted"], event["wanted"], event["candidates"]
            said[stage] = f"{admitted:,} of {wanted:,} admitted, {_share(admitted, candidates)} accepted"
        for stage, spent in list(slots.spent.items()):
            if stage not in said and (spent.requests or spent.in_flight):
                said[stage] = f"{spent.requests:,} requests answered, {spent.in_flight} in flight"
        return said

    def _total(self, slots: SlotServer, now: float, spent: str) -> str:
        """What was asked and spent, what went wrong, and why it stops where it does."""
        spent_all = list(slots.spent.values())
        requests = sum(spent.requests for spent in spent_all)
        if not requests:
            self._since, self._share_then = now, self._share_done()
        failures: Counter[str] = Counter()
        for event in list(slots.events.values()):
            failures.update(event.get("failures", {}))
        tokens_in, tokens_out = sum(s.input_tokens for s in spent_all), sum(s.output_tokens for s in spent_all)
        rate = requests / max(now - self._since, 0.001)
        total = f"{requests:,} requests ({rate:.1f}/s), {tokens_in:,} tokens in, {tokens_out:,} out"
        total += f", {spent}" if spent else ""
        if slots.pace.learned is not None:
            total += f", held to {slots.pace.learned:.1f}/s by the endpoint's limit"
        if failures:
            why = ", ".join(f"{count:,} {reason}" for reason, count in failures.most_common())
            total += f", {failures.total():,} requests given up ({why})"
        is_due = not _batches(slots) and (spent_all or self._pipeline.troubles)
        total += self._silence(requests, now) if is_due else ""
        if slots.stopped:
            total += f"; stopping: {_stopping(slots.stopped, sum(spent.in_flight for spent in spent_all))}"
        return total

    def _share_done(self) -> float:
        """Of the whole: that of the stage that is farthest from its end."""
        slots = self._pipeline.slots
        loops = {} if slots is None else _loops(slots)
        shares = {stage: event["admitted"] / event["wanted"] for stage, event in loops.items()}
        return min((shares | dict(self._pipeline.shares_done)).values(), default=0.0)

    def _time(self, now: float) -> str:
        """How long it has taken, and how long it will go on at the speed so far."""
        share, said = self._share_done(), duration(now - self._started)
        if not self._share_then < share < 1:
            return said
        return f"{said}, {duration((now - self._since) * (1 - share) / (share - self._share_then))} left"

    def _silence(self, answered: int, now: float) -> str:
        """How long nothing has been answered, where that is long, and what the endpoint says instead."""
        if answered != self._answered:
            self._answered, self._answered_at = answered, now
        silent = now - self._answered_at
        if silent < _SILENCE:
            return ""
        troubles = self._pipeline.troubles
        return f", no answer for {duration(silent)}" + (f" ({troubles[-1]})" if troubles else "")


def _loops(slots: SlotServer) -> dict[str, dict[str, Any]]:
    """By stage, what is known of each loop that has begun."""
    return {stage: event for stage, event in list(slots.events.items()) if event.get("wanted")}


def _batches(slots: SlotServer) -> list[str]:
    """How far each batch is that was handed over."""
    return [
        f"{stage}: batch {name}: {status}, {done:,} of {most:,} done"
        for stage, event in list(slots.events.items())
        for name, status, done, most in event.get("batches", {}).values()
    ]


def _spent(budget: Budget) -> str:
    """What was spent, earlier sessions included, and of how much."""
    said = [f"{budget.spent_tokens:,} of {budget.max_tokens:,} tokens"] if budget.max_tokens is not None else []
    if budget.max_cost is not None:
        said.append(f"{budget.spent_cost:,.2f} of {budget.max_cost:,.2f} {CURRENCY}")
    elif budget.spent_cost:
        said.append(f"{budget.spent_cost:,.2f} {CURRENCY}")
    return ", ".join(said)


@contextmanager
def show_progress(pipeline: Asking, show: bool = True, stream: TextIO | None = None) -> Iterator[None]:
    """Shows how far the pipeline is while the block runs: live on a terminal, else as plain lines now and then."""
    progress = Progress(pipeline)
    with _telling(progress.frame, lambda over, to: _say_lines(progress, over, to), show, stream):
        yield


@contextmanager
def sign_of_life(what: str, stream: TextIO | None = None, show: bool = True) -> Iterator[None]:
    """Says what is being done while the block runs: on a terminal at once, else every few seconds."""
    started, spinner = time.monotonic(), Spinner("line")

    def frame(width: int) -> RenderableType:
        spinner.update(text=f"{what}, {duration(time.monotonic() - started)}")
        return spinner

    with _telling(frame, lambda over, to: _say_on(what, over, to), show, stream):
        yield


@contextmanager
def _telling(
    frame: Frame, say: Callable[[threading.Event, TextIO], None], show: bool, stream: TextIO | None
) -> Iterator[None]:
    """While the block runs, shows a frame on a terminal, or says lines anywhere else."""
    stream = stream or sys.stderr
    if not show:
        yield
    elif is_live(stream):
        with shown_live(frame, stream):
            yield
    else:
        with beside(lambda over: say(over, stream)):
            yield


def _say_lines(progress: Progress, over: threading.Event, stream: TextIO) -> None:
    """A line now and then, and one at once when it begins to stop."""
    said, stopping = time.monotonic(), None
    while not over.wait(min(FRAME, LINE)):
        if time.monotonic() - said < LINE and progress.stopping == stopping:
            continue
        said, stopping = time.monotonic(), progress.stopping
        print(shown(" | ".join(progress.lines())), file=stream, flush=True)


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
