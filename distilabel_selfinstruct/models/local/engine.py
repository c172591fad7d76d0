"""The engine of a run: llama.cpp in a process of its own, which all stages ask over HTTP on this machine alone."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import tempfile
from contextlib import suppress
from importlib.util import find_spec
from typing import Any

from distilabel_selfinstruct.errors import EndpointError, MissingExtraError
from distilabel_selfinstruct.models.local.weights import Weights
from distilabel_selfinstruct.secrets import remember, shown

CONTEXT = 4096
"""Tokens that a prompt and its answer may have together, where nobody says."""
_MOST_SLOTS = 4  # answers written at once: on a CPU more of them only make each slower
_LEAVING = 5.0  # seconds that the process has to end
_LAST_WORDS = 300  # characters of what it has said


class LocalEngine:
    """Serves a model while the block runs; a process of its own, so that what breaks there ends no run without a word.

    Args:
        weights: of the model.
        concurrency: requests that come at once.
        context: tokens that a prompt and its answer may have together.
        threads: of the CPU; None leaves it to llama.cpp.
        embeds: whether it embeds texts, and does not answer.

    Raises:
        MissingExtraError: if `xllamacpp` is not installed.
        EndpointError: from entering the block, if the model cannot be loaded.
    """

    def __init__(
        self, weights: Weights, concurrency: int, context: int, threads: int | None = None, embeds: bool = False
    ) -> None:
        if find_spec("xllamacpp") is None:
            raise MissingExtraError.of("--llm local (llama.cpp)", "local")
        self.weights = weights
        self.key = secrets.token_urlsafe(32)
        self.url = ""
        self._asked = {
            "path": str(weights.path),
            "name": weights.name,
            "key": self.key,
            "context": context,
            "threads": threads,
            "slots": max(1, min(concurrency, _MOST_SLOTS)),
            "embeds": embeds,
        }
        self._process: subprocess.Popen[str] | None = None
        self._log: Any = None
        self._said = ""
        remember(self.key)

    def __enter__(self) -> LocalEngine:
        self._log = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "distilabel_selfinstruct.models.local.serving"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(self._asked) + "\n")
            self._process.stdin.flush()
            address = self._process.stdout.readline().strip()  # ends, too, where the process does
        except OSError:
            address = ""
        if not address:
            self.__exit__()
            raise EndpointError(f"{self.weights.path}: llama.cpp cannot load this model{self._last_words()}.")
        self.url = f"{address}/v1"
        return self

    def __exit__(self, *_: object) -> None:
        if (process := self._process) is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(OSError):  # it is gone already
            process.stdin.close()
        try:
            process.wait(_LEAVING)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
        self._said = self._read_log()
        self._log.close()

    def check(self) -> None:
        """Raises EndpointError if the process has ended by itself."""
        if self._process is not None and (code := self._process.poll()) is not None:
            raise EndpointError(f"llama.cpp, which answered for this run, has ended ({code}){self._last_words()}.")

    def _last_words(self) -> str:
        said = self._said if self._log.closed else self._read_log()
        return f": {said}" if said else ""

    def _read_log(self) -> str:
        self._log.seek(0)
        return shown(" ".join(self._log.read().split()))[-_LAST_WORDS:]
