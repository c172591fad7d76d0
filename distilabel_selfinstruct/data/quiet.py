"""The Hub's clients without their noise."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_LOGGERS = ("huggingface_hub", "httpx", "httpx2", "httpcore", "httpcore2", "urllib3")


@contextmanager
def quiet_clients() -> Iterator[None]:
    """Silences the clients, which log signed addresses and each try; shows their progress on a terminal only."""
    import huggingface_hub.utils

    datasets = sys.modules.get("datasets")  # not loaded for its bars alone
    libraries: list[Any] = [huggingface_hub.utils, *filter(None, [datasets])]
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    bars = [library for library in libraries if not (sys.stderr.isatty() or library.are_progress_bars_disabled())]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    for library in bars:
        library.disable_progress_bars()
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels):
            logger.setLevel(level)
        for library in bars:
            library.enable_progress_bars()
