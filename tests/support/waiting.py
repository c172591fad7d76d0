"""Waiting in tests, with a limit that only what hangs reaches, however slow the machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

LIMIT = 300.0  # seconds


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
