"""SIGTERM stops a command as Ctrl-C does, at any moment: it ends with one line, and nothing half-written counts."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn


class Terminated(KeyboardInterrupt):
    """SIGTERM came; like Ctrl-C it is no `Exception`, so that nothing takes it for an error of its own."""


def signal_of(stopped: KeyboardInterrupt) -> str:
    """The name of the signal."""
    return "SIGTERM" if isinstance(stopped, Terminated) else "SIGINT"


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Within it SIGTERM raises `Terminated` in the main thread, but while a pipeline takes signals itself."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop(number: int, frame: Any) -> NoReturn:
    raise Terminated
