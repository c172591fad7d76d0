"""SIGTERM stops a command as Ctrl-C does, at any moment: it ends with one line, and nothing half-written counts."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

BROKEN_PIPE = 128 + 13
"""The exit status where whoever read the output has left, as `head` does: that of SIGPIPE, as with other commands."""


class Terminated(KeyboardInterrupt):
    """SIGTERM came; like Ctrl-C it is no `Exception`, so that nothing takes it for an error of its own."""


def status_of(command: Callable[[], int]) -> int:
    """Runs a command, what it imports included; its exit status: 1 with one line for an error, 130 after a signal."""
    try:
        with _stopped_by_signals():
            status = command()
            sys.stdout.flush()  # here, where it is known what to do if nobody reads
            return status
    except (Exception, KeyboardInterrupt) as error:
        from distilabel_selfinstruct.cli.parser import fail
        from distilabel_selfinstruct.errors import Interrupted, SelfInstructError

        if isinstance(error, KeyboardInterrupt):
            return fail(Interrupted("SIGTERM" if isinstance(error, Terminated) else "SIGINT"), 130)
        if isinstance(error, Interrupted):
            return fail(error, 130)
        if isinstance(error, BrokenPipeError) and _nobody_reads():
            return BROKEN_PIPE
        if isinstance(error, (SelfInstructError, OSError)):
            return fail(f"Error: {error}")
        raise


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Within it SIGTERM raises `Terminated` in the main thread, but while a pipeline takes signals itself."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _nobody_reads() -> bool:
    """Whether stdout has no reader any more; nothing more is then written there, also not when Python ends."""
    watched = select.poll()
    watched.register(sys.stdout, 0)  # errors are always told
    if not watched.poll(0):
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return True


def _stop(number: int, frame: Any) -> NoReturn:
    raise Terminated
