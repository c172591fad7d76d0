"""Where the log of a run goes, in the main process and in the workers'."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from logging.handlers import QueueHandler
from pathlib import Path

from distilabel_selfinstruct.secrets import SecretFilter

_NOISY_LOGGERS = (
    "httpx",
    "httpx2",
    "httpcore",
    "openai",
    "urllib3",
    "filelock",
    "fsspec",
    "asyncio",
    "datasets",
    "huggingface_hub",
)
_NO_SECRETS = SecretFilter()


class LogRelay(QueueHandler):
    """Sends log records to the main process: several machines cannot append to one file."""

    def enqueue(self, record: logging.LogRecord) -> None:
        self.queue.put(record)  # type: ignore[attr-defined]


def handlers_for(log_file: Path, verbose: bool) -> list[logging.Handler]:
    """Handlers that write to the file, and to the screen if asked."""
    log_file.parent.mkdir(parents=True, exist_ok=True)
    to_file = logging.FileHandler(log_file, encoding="utf-8", delay=True)
    to_file.setFormatter(logging.Formatter("[%(asctime)s] %(levelname)-8s %(name)s: %(message)s"))
    return [to_file, logging.StreamHandler()] if verbose else [to_file]


def log_with(handlers: list[logging.Handler]) -> None:
    """Gives the root logger these handlers and no other, and keeps libraries that log each request quiet."""
    for handler in handlers:
        handler.addFilter(_NO_SECRETS)
    logging.getLogger().handlers = handlers
    logging.getLogger().setLevel(logging.INFO)
    for name in _NOISY_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)


@contextlib.contextmanager
def logging_to(log_file: Path, verbose: bool, handlers: list[logging.Handler] | None) -> Iterator[None]:
    """The log goes to the file, and to the screen if asked; afterwards logging is as it was before."""
    root = logging.getLogger()
    before = root.handlers[:], root.level, {name: logging.getLogger(name).level for name in _NOISY_LOGGERS}
    log_with([*handlers_for(log_file, verbose), *(handlers or [])])
    try:
        yield
    finally:
        root.handlers[0].close()
        root.handlers, level, levels = before
        root.setLevel(level)
        for name, each in levels.items():
            logging.getLogger(name).setLevel(each)
