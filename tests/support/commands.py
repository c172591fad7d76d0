"""Runs of pipeline scripts that tests watch, stop and kill, against the stub server."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT, WITHOUT_REPORT, first_line, no_check, without_progress
from tests.support.answers import prompt_of
from tests.support.folders import all_text
from tests.support.openai_server import OpenAIServer, Request
from tests.support.waiting import LIMIT, wait_until
from tests.support.warm import start

NUM_INSTRUCTIONS = 24
CONCURRENCY = 6
KEY = "sk-test-0123456789abcdef"


class Command:
    """One run of the main pipeline, or of another; `wait` for its end or `kill` it."""

    def __init__(
        self,
        url: str,
        folder: Path,
        *options: str,
        limit: int | None = None,
        pipeline: str = "self_instruct",
        checked: bool = False,
        client: str = "openai",
    ) -> None:
        self.folder = folder
        model = "stub-model" if client == "openai" else "openai/stub-model"
        self._first_line = first_line(folder, pipeline, model)
        size = ("--lag", "3", "--num-instructions", str(NUM_INSTRUCTIONS)) if pipeline == "self_instruct" else ()
        arguments = [
            *(f"pipelines/{pipeline}.py", "--llm", client, "--base-url", url),
            *("--model", model, "--out", str(folder), "--concurrency", str(CONCURRENCY)),
            *(*size, *options, *([] if checked else no_check(pipeline, ["--llm"]))),
        ]
        environment = {**os.environ, "PYTHONPATH": WITHOUT_REPORT, "OPENAI_API_KEY": KEY}
        self._process = start(arguments, ROOT, environment, limit)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def send(self, number: signal.Signals, to_group: bool) -> None:
        (os.killpg if to_group else os.kill)(self.pid, number)

    def wait(self) -> Ended:
        """Its end; nothing of it is left over, and the key stands nowhere."""
        try:
            out, err = self._process.communicate(timeout=LIMIT)
            err = without_progress(err)
            wait_until(lambda: not self.processes())
        finally:
            self.end()
        assert KEY not in out + err + all_text(self.folder)
        return Ended(self._process.returncode, out, err, self._first_line)

    def processes(self) -> dict[str, int]:
        """The living processes of its session, by their names: a worker's is that of its step."""
        found = {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                name, _, rest = path.read_text().partition("(")[2].rpartition(")")
            except (FileNotFoundError, ProcessLookupError):
                continue
            state, _, _, session, *_ = rest.split()
            if int(session) == self.pid and state not in "ZX":
                found[name] = int(path.parent.name)
        return found

    def __enter__(self) -> Command:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        if self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        self._process.communicate()


@dataclass
class Ended:
    status: int
    out: str
    err: str
    first_line: str

    @property
    def errors(self) -> str:
        """What it said on stderr after its first line."""
        assert self.err.startswith(self.first_line)
        return self.err.removeprefix(self.first_line)


@dataclass
class Reference:
    """A run that nothing happened to."""

    folder: Path
    dataset: dict[str, bytes]
    requests: list[Request]


def dataset(folder: Path) -> dict[str, bytes]:
    """Every file of the dataset, byte for byte."""
    files = sorted(file for file in (folder / "dataset").rglob("*") if file.is_file())
    assert files
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def stored(folder: Path) -> set[str]:
    """The prompts whose completions are on disk."""
    found = set()
    for path in (folder / "completions").glob("*.sqlite"):
        with sqlite3.connect(path) as connection:
            for (prompt,) in connection.execute("SELECT prompt FROM requests WHERE completion IS NOT NULL"):
                found.add(prompt_of({"messages": json.loads(prompt)}))
        connection.close()
    return found


def answered(requests: list[Request]) -> Counter[str]:
    """How often each prompt was answered: what was paid for."""
    return Counter(prompt_of(request.body) for request in requests if request.completed)


def paid_twice(requests: list[Request]) -> list[str]:
    return [prompt for prompt, times in answered(requests).items() if times > 1]


def hold_from(server: OpenAIServer, number: int) -> None:
    """Lets no request from this one on be answered; returns when it is there."""
    server.hold(lambda request: request.number >= number)
    wait_until(lambda: len(server.requests) > number)
