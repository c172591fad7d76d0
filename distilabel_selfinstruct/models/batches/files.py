"""vLLM's offline batch: a file that `vllm run-batch` reads, and one that it writes; run by a command or by the user."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from collections.abc import Collection
from pathlib import Path

from distilabel_selfinstruct.errors import EndpointError
from distilabel_selfinstruct.models.batches.journal import Batch, Journal
from distilabel_selfinstruct.models.batches.openai import Lines
from distilabel_selfinstruct.models.batches.protocol import USUAL, State
from distilabel_selfinstruct.secrets import shown

_QUIET = 600.0  # seconds after which a file that lacks lines is taken as it is: whoever writes it has ended


class FileBatches(Lines):
    """Batches in files: the results are those of OpenAI's protocol.

    Args:
        model: that the command is told.
        command: that is run, with {input}, {output} and {model}; without one the user runs one.
    """

    def __init__(self, model: str, command: str | None) -> None:
        self._model, self._command = model, command
        self._started: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def place(self) -> str:
        """Names the protocol and the model."""
        return f"file {self._model}"

    async def find(self, batch: Batch, noted: Collection[str]) -> str | None:
        """It is where it was written."""
        return batch.name

    async def submit(self, batch: Batch, journal: Journal) -> str:
        """The file is written already."""
        return batch.name

    async def state(self, batch: Batch, journal: Journal) -> State:
        """How many lines of the results are there, and whether their writer has ended."""
        path = journal.path_of(batch, "results.jsonl")
        done = _whole_lines(path.read_bytes()) if path.exists() else 0
        command = self._as_run(batch, journal)
        if self._command is not None:
            ended = self._has_run(command, batch, journal)
            return State("vllm run-batch", done, 0, ended)
        is_quiet = path.exists() and time.time() - path.stat().st_mtime > _QUIET
        status = "is being written" if path.exists() else f"waits for you to run: {command}"
        return State(status, done, 0, done >= batch.requests or is_quiet)

    async def results(self, batch: Batch, state: State, journal: Journal) -> str:
        """The lines of the results."""
        path = journal.path_of(batch, "results.jsonl")
        return path.read_bytes().decode("utf-8-sig", "replace") if path.exists() else ""

    async def aclose(self) -> None:
        """Nothing to do: a command goes on by itself."""

    def _as_run(self, batch: Batch, journal: Journal) -> str:
        paths = {"input": journal.path_of(batch, "in.jsonl"), "output": journal.path_of(batch, "results.jsonl")}
        quoted = {name: shlex.quote(str(path)) for name, path in paths.items()}
        return (self._command or USUAL).format(**quoted, model=shlex.quote(self._model))

    def _has_run(self, command: str, batch: Batch, journal: Journal) -> bool:
        """Whether the command has ended, which is started where nobody has.

        It is in a session of its own, and outlives this run.

        Raises:
            EndpointError: if it has failed and made nothing.
        """
        pid, status, log = (journal.path_of(batch, ending) for ending in ("pid", "status", "log"))
        if not pid.exists():
            wrapped = f"echo $$ > {shlex.quote(str(pid))}; ({command}); echo $? > {shlex.quote(str(status))}"
            with log.open("wb") as written:
                self._started[batch.name] = subprocess.Popen(
                    ["sh", "-c", wrapped],
                    stdin=subprocess.DEVNULL,
                    stdout=written,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            pid.touch()  # `sh` writes into it
            return False
        said = _number_in(status)
        own = self._started.get(batch.name)
        if said is None and (_lives(_number_in(pid)) if own is None else own.poll() is None):
            return False
        if own is not None:
            own.wait()
        if said != 0 and not journal.path_of(batch, "results.jsonl").exists():
            last = log.read_text(errors="replace").strip().splitlines()[-1:] if log.exists() else []
            for path in (pid, status):
                path.unlink(missing_ok=True)
            why = last[0] if last else "it said nothing"
            raise EndpointError(
                shown(
                    f"--batch-command: it failed ({'killed' if said is None else f'exit status {said}'}): {why}. The"
                    f" command was: {command}"
                )
            )
        return True


def _whole_lines(content: bytes) -> int:
    *lines, last = content.rstrip(b"\n").split(b"\n")
    return len(lines) + (last.startswith(b"{") and last.endswith(b"}"))


def _number_in(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _lives(pid: int | None) -> bool:
    """Whether there is such a process, or there may be one whose number is not written yet."""
    try:
        os.kill(pid or os.getpid(), 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True
