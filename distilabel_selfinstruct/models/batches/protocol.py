"""What the three ways to hand a batch over have in common."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from distilabel_selfinstruct.errors import EndpointError, RequestFailed
from distilabel_selfinstruct.models.batches.journal import Batch, Journal

WINDOW, GRACE = 24 * 3600.0, 3600.0  # seconds that a batch may take where nobody says, and that it is waited for after
USUAL = "vllm run-batch -i {input} -o {output} --model {model}"
"""What makes the results of a file."""


@dataclass(frozen=True, slots=True)
class Batching:
    """How the requests of one stage are put in batches.

    Attributes:
        protocol: spoken by the server; `file` is vLLM's, which a user runs.
        folder: of the batches of the run.
        stage: that asks.
        outage: seconds for which a server is asked again that does not answer.
        command: that makes the results of a file, with {input}, {output} and {model}; without one the user makes them.
    """

    protocol: Literal["openai", "anthropic", "file"]
    folder: str
    stage: str
    outage: float = 600.0
    command: str | None = None


@dataclass(frozen=True, slots=True)
class State:
    """How far a batch is.

    Attributes:
        status: in the server's word, or what is waited for.
        done: requests that are through, well or not.
        answered: of them, those that were answered.
        ended: whether nothing more will come.
        expires: when the server gives up, in seconds since the epoch.
        results: where they are, if somewhere else than the batch.
    """

    status: str
    done: int
    answered: int = 0
    ended: bool = False
    expires: float | None = None
    results: tuple[str, ...] = ()


class BatchRefused(EndpointError):
    """The server has not even begun with a batch, and never will."""


class QueueFull(Exception):
    """The server takes no further batch at the moment.

    Attributes:
        retry_after: seconds it asks to wait, if it does.
    """

    def __init__(self, said: str, retry_after: float | None = None) -> None:
        super().__init__(said)
        self.retry_after = retry_after


class Batches(Protocol):
    """A place where batches are answered."""

    most_requests: int
    most_bytes: int

    @property
    def place(self) -> str:
        """Names the protocol and the address."""

    def line(self, name: str, route: str, sent: Mapping[str, Any]) -> bytes:
        """A request as it stands in a file."""

    async def find(self, batch: Batch, noted: Collection[str]) -> str | None:
        """The id of a batch that was handed over by a process which could not note it; none that was noted."""

    async def submit(self, batch: Batch, journal: Journal) -> str:
        """Hands a batch over; its id."""

    async def state(self, batch: Batch, journal: Journal) -> State:
        """How far it is.

        Raises:
            QueueFull: if the server did not even begin, since others wait.
        """

    async def results(self, batch: Batch, state: State, journal: Journal) -> str:
        """All that came back, a JSON object a line."""

    def read(self, line: Mapping[str, Any]) -> object:
        """What a line of the results holds: the body of an answer, or the exception that it means."""

    async def aclose(self) -> None:
        """Closes the connections."""


def as_line(values: Mapping[str, Any]) -> bytes:
    """A JSON object on a line of its own."""
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", "backslashreplace")


def not_in_time(what: str) -> RequestFailed:
    """The failure of a request that the server did not come to."""
    return RequestFailed(f"not answered by its batch: {what}", "timeout", retryable=True, kind="service")


def cancelled() -> RequestFailed:
    """The failure of a request whose batch somebody has stopped: asked again by the next run only."""
    return RequestFailed("its batch was cancelled", "unavailable", kind="service")


def check_command(given: str | None) -> None:
    """Raises ValueError for a command that names no files."""
    if given is None:
        return
    try:
        given.format(input="", output="", model="")
    except (KeyError, IndexError, ValueError) as error:
        raise ValueError(f"expected a command with {{input}}, {{output}} and {{model}} ({error!r})") from None
    if "{input}" not in given or "{output}" not in given:
        raise ValueError("expected a command with {input} and {output}")
