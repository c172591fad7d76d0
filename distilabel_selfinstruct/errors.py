"""The errors users meet. A message says what is wrong, where, and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Literal

GO_ON = "Run the same command again to go on: nothing that was answered is lost."


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """A question about the name that was likely meant; empty where none is close."""
    close = difflib.get_close_matches(given, list(known), n=1)
    return f" (did you mean {close[0]}?)" if close else ""


class SelfInstructError(Exception):
    """Base of every error this package raises on purpose; printed without a traceback by the command line.

    Takes one message argument, so that it survives the way from a step's process to the main one.
    """


class SeedFileError(SelfInstructError):
    """A seed file that cannot be used; names file, line, field and what was expected."""


class ConfigError(SelfInstructError):
    """An option or a config value that cannot be used."""


class RunFolderError(SelfInstructError):
    """A run folder that belongs to something else, is damaged, or is in use."""


class EndpointError(SelfInstructError):
    """An endpoint that cannot serve the run at all: refused key, missing model, nobody there."""


class PipelineError(SelfInstructError):
    """A pipeline that could not finish whole."""


class MissingExtraError(SelfInstructError):
    """A package of an extra is not installed."""

    @classmethod
    def of(cls, what: str, extra: str) -> MissingExtraError:
        return cls(
            f"{what} needs packages that are not installed; install them with: "
            f'pip install "distilabel-selfinstruct[{extra}]"'
        )


class RequestFailed(SelfInstructError):
    """One request to a model that failed.

    Attributes:
        reason: the reason code that a rejected row carries, such as `bad_request` or `content_filter`.
        retryable: whether sending the same request again can help.
        retry_after: seconds the server asked to wait, if it did.
        kind: whose fault it is: of this `request`, of the `service` at this moment, or of the `setup`, which then
            refuses every request alike. Only a failure of the first kind is a result.
    """

    def __init__(
        self,
        message: str,
        reason: str = "request_failed",
        retryable: bool = False,
        retry_after: float | None = None,
        kind: Literal["request", "service", "setup"] = "request",
    ) -> None:
        super().__init__(message, reason, retryable, retry_after, kind)
        self.reason, self.retryable, self.retry_after, self.kind = reason, retryable, retry_after, kind

    def __str__(self) -> str:
        return str(self.args[0])


class Interrupted(PipelineError):
    """The run was stopped by a signal."""

    def __init__(self, signal_name: str, more: str = "") -> None:
        super().__init__(signal_name, more)
        self.signal_name, self.more = signal_name, more

    def __str__(self) -> str:
        return f"Stopped by {self.signal_name}. {GO_ON}{self.more}"


class ReviewError(SelfInstructError):
    """A review that cannot go on: a server that refuses, a file that cannot be read, nothing to do."""
