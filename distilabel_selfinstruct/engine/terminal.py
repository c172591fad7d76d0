"""A terminal that shows how far things are, below whatever others write to it meanwhile."""

from __future__ import annotations

import os
import select
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TextIO

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress import BarColumn, ProgressColumn, TextColumn
from rich.progress import Progress as Bars
from rich.table import Column
from rich.text import Text

from distilabel_selfinstruct.secrets import shown

FRAME = 0.25  # seconds between two looks
_LEAST_BAR, _WIDEST_BAR = 8, 40  # characters
_PERCENT, _GAPS = 4, 3  # characters beside a name, a bar and what is said of it
_WHOLE = 1000  # parts of a bar

Frame = Callable[[int], RenderableType]
"""Makes what is shown on a terminal of so many columns."""

_frames: list[Frame] = []  # of the blocks that are running, the innermost last: that one is shown
_lives: list[Live] = []  # what shows them, if there are any


class _Console(Console):
    """Leaves the cursor as it is: a process that is killed could not show it again."""

    def show_cursor(self, show: bool = True) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class Bar:
    """A line with a bar: what it is of, how far that is, from 0 to 1, and what else there is to say."""

    name: str
    share: float
    words: str


def is_live(stream: TextIO) -> bool:
    """Whether bars can be drawn there: on a terminal that moves its cursor, unless NO_COLOR asks for plain text."""
    if _frames:  # what looks like no terminal now is the way to it
        return True
    if not stream.isatty():
        return False
    console = Console(file=stream)
    return not (console.is_dumb_terminal or console.no_color)


@contextmanager
def shown_live(frame: Frame, stream: TextIO) -> Iterator[None]:
    """Shows what the frame makes, at once and while the block runs, instead of what is shown there; nothing stays."""
    _frames.append(frame)
    try:
        with ExitStack() as stack:
            if len(_frames) == 1:
                console = stack.enter_context(_others_above(stream))
                live = Live(
                    console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
                )
                stack.enter_context(live)
                _lives.append(live)
                stack.callback(_lives.clear)
                stack.enter_context(beside(lambda over: _draw(live, over)))
            _draw_once(_lives[-1])
            yield
    finally:
        _frames.remove(frame)


def bars(each: Sequence[Bar], width: int) -> RenderableType:
    """Bars, one below the other, a line each."""
    names = max((len(bar.name) for bar in each), default=0)
    long = max(_LEAST_BAR, min(_WIDEST_BAR, width // 4))
    room = Column(no_wrap=True, overflow="ellipsis", width=max(1, width - names - long - _PERCENT - _GAPS))
    columns: list[ProgressColumn] = [
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=long),
        TextColumn("{task.fields[percent]}", markup=False),
        TextColumn("{task.fields[words]}", markup=False, table_column=room),
    ]
    shown_bars = Bars(*columns, auto_refresh=False)
    for bar in each:
        percent, done = f"{int(bar.share * 100):>3}%", round(bar.share * _WHOLE)
        shown_bars.add_task(bar.name, total=_WHOLE, completed=done, percent=percent, words=bar.words)
    return shown_bars.get_renderable()


@contextmanager
def beside(work: Callable[[threading.Event], None]) -> Iterator[None]:
    """Works beside the block, until that is over."""
    over = threading.Event()
    thread = threading.Thread(target=work, args=(over,), name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _draw(live: Live, over: threading.Event) -> None:
    while not over.wait(FRAME):
        _draw_once(live)


def _draw_once(live: Live) -> None:
    live.update(_frames[-1](live.console.width), refresh=True)


# --- what others write ------------------------------------------------------------------------------------------------


@contextmanager
def _others_above(stream: TextIO) -> Iterator[Console]:
    """A console on the terminal; what this process and its children write there meanwhile comes above, line by line.

    It is their output itself that is taken, so that libraries in C and processes of others are heard too.
    """
    file = os.fdopen(os.dup(stream.fileno()), "w", encoding=stream.encoding, errors="replace")
    kept = {number: os.dup(number) for number in (1, 2) if os.isatty(number)}
    source, sink = os.pipe()
    with file:
        console = _Console(file=file)
        with beside(lambda over: _pass_on(source, console, over)):
            _flush()
            for number in kept:
                os.dup2(sink, number)
            os.close(sink)
            try:
                yield console
            finally:
                _flush()
                for number, before in kept.items():
                    os.dup2(before, number)
                    os.close(before)
    os.close(source)


def _pass_on(source: int, console: Console, over: threading.Event) -> None:
    """Shows whole lines, until it is over and nothing more comes; processes of others may hold the other end."""
    ready = select.poll()
    ready.register(source, select.POLLIN)
    unread = b""
    while True:
        ended = over.is_set()
        if any(event & select.POLLIN for _, event in ready.poll(0 if ended else FRAME * 1000)):
            *lines, unread = (unread + os.read(source, 65536)).split(b"\n")
            for line in lines:
                _show(line, console)
        elif ended:
            break
        elif ready.poll(0):  # nobody is left who writes
            over.wait()
    if unread:
        _show(unread, console)


def _show(line: bytes, console: Console) -> None:
    """A line as it may be shown; of one that was written over, such as a bar of others, the last state."""
    text = line.decode(errors="replace").rstrip("\r").rpartition("\r")[2]
    console.print(Text(shown(text)), soft_wrap=True)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
