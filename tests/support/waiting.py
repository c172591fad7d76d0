"""Waiting in tests, with a limit that only what hangs reaches, however slow the machine."""

from __future__ import annotations

import contextlib
import signal
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

LIMIT = 300  # seconds


def comes_true(holds: Callable[[], Any], limit: float = LIMIT) -> bool:
    """Whether it does within the limit; returns as soon as it has."""
    until = time.monotonic() + limit
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True


def wait_until(holds: Callable[[], Any]) -> None:
    """Fails where it never comes true."""
    assert comes_true(holds), "waited for nothing"


def is_served(url: str) -> bool:
    """Whether anybody answers there."""
    try:
        urllib.request.urlopen(url, timeout=10).close()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def ends_in_time() -> Iterator[None]:
    """What hangs in it fails."""

    def fail(*_: object) -> None:
        raise TimeoutError("this hangs")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(LIMIT)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
