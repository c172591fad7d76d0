"""What an exception of a model's client means: a reason code, and whether asking again can help."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from distilabel_selfinstruct.errors import EndpointError, RequestFailed
from distilabel_selfinstruct.secrets import shown

_RETRYABLE_STATUS = {408: "timeout", 409: "server_error", 425: "server_error", 429: "rate_limited"}
_GIVEN_UP_STATUS = {404: "not_found", 413: "context_length"}
_CONTEXT_LENGTH = (
    "context_length",
    "context length",
    "maximum context",
    "context window",
    "too many tokens",
    "too long",
)
_CONTENT_FILTER = ("content_filter", "content filter", "content management policy", "responsibleai", "safety system")

_NOT_REACHED = {"ConnectError", "ConnectTimeout", "PoolTimeout", "ConnectionRefusedError"}
_CUT = {"ReadError", "WriteError", "CloseError", "RemoteProtocolError", "ConnectionResetError", "BrokenPipeError"}


def explain(error: Exception) -> RequestFailed | EndpointError:
    """The failure as this project's own error: `RequestFailed` costs one row, `EndpointError` ends the run.

    Args:
        error: whatever the model's client raised; what its message repeats of a secret is masked.
    """
    if isinstance(error, (RequestFailed, EndpointError)):
        return error
    text = brief(error)
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return _explain_status(error, status, text)
    kinds = {kind.__name__ for each in _with_causes(error) for kind in type(each).__mro__}
    if kinds & _NOT_REACHED:
        return RequestFailed(f"the endpoint could not be reached: {text}", "unavailable", retryable=True)
    if kinds & {"TimeoutException", "APITimeoutError", "TimeoutError"}:
        return RequestFailed(f"no answer in time: {text}", "timeout", retryable=True)
    if kinds & _CUT:
        return RequestFailed(f"the connection was cut: {text}", "server_error", retryable=True)
    if kinds & {"APIConnectionError", "TransportError", "ConnectionError"}:
        return RequestFailed(f"the endpoint could not be reached: {text}", "unavailable", retryable=True)
    if isinstance(error, json.JSONDecodeError) or "APIResponseValidationError" in kinds:
        return RequestFailed(f"the answer is not a completion: {text}", "invalid_response", retryable=True)
    return RequestFailed(text, "model_error")


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    """The error and those it was raised from: openai's classes say less than what lies below them."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__


def _explain_status(error: Exception, status: int, text: str) -> RequestFailed | EndpointError:
    said = f"{text} {getattr(error, 'code', None)}".lower()
    if status == 401 or (status == 403 and not any(sign in said for sign in _CONTENT_FILTER)):
        return EndpointError(f"The endpoint refused the key in the middle of the run ({status}): {text}")
    if status == 402:
        return EndpointError(f"The account's balance is used up; fill it up and run the same command again: {text}")
    if status == 404 and "model" in said:
        return EndpointError(f"The endpoint does not have the model any more: {text}")
    if status == 429 and ("insufficient_quota" in said or "exceeded your current quota" in said):
        return EndpointError(f"The account's quota is used up; fill it up and run the same command again: {text}")
    if status in _RETRYABLE_STATUS or status >= 500:
        reason = _RETRYABLE_STATUS.get(status, "server_error")
        return RequestFailed(f"{status}: {text}", reason, retryable=True, retry_after=_retry_after(error))
    if any(sign in said for sign in _CONTENT_FILTER):
        return RequestFailed(f"{status}: {text}", "content_filter")
    if any(sign in said for sign in _CONTEXT_LENGTH):
        return RequestFailed(f"{status}: {text}", "context_length")
    return RequestFailed(f"{status}: {text}", _GIVEN_UP_STATUS.get(status, "bad_request"))


def _retry_after(error: Any) -> float | None:
    """Seconds the server asked to wait; a date in that header is left to our own waits."""
    headers = getattr(getattr(error, "response", None), "headers", {})
    try:
        return max(0.0, float(headers.get("retry-after", "")))
    except ValueError:
        return None


def brief(error: Exception) -> str:
    """The error's message on one line, without secrets: some servers repeat the key they refuse."""
    text = " ".join(shown(error).split()) or type(error).__name__
    return text if len(text) <= 300 else text[:300] + "..."
