"""What an exception of a model's client means: a reason code, and whether asking again can help."""

from __future__ import annotations

import json
import os
from typing import Any

from distilabel_selfinstruct.errors import EndpointError, RequestFailed

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


def explain(error: Exception) -> RequestFailed | EndpointError:
    """The failure as this project's own error: `RequestFailed` costs one row, `EndpointError` ends the run."""
    if isinstance(error, (RequestFailed, EndpointError)):
        return error
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return _explain_status(error, status)
    kinds = {kind.__name__ for kind in type(error).__mro__}
    text = _brief(error)
    if kinds & {"TimeoutException", "APITimeoutError", "TimeoutError"}:
        return RequestFailed(f"no answer in time: {text}", "timeout", retryable=True)
    if kinds & {"APIConnectionError", "TransportError", "ConnectionError"}:
        return RequestFailed(f"the endpoint could not be reached: {text}", "unavailable", retryable=True)
    if isinstance(error, json.JSONDecodeError) or "APIResponseValidationError" in kinds:
        return RequestFailed(f"the answer is not a completion: {text}", "invalid_response", retryable=True)
    return RequestFailed(text, "model_error")


def _explain_status(error: Exception, status: int) -> RequestFailed | EndpointError:
    text = _brief(error)
    said = text.lower()
    if status in (401, 403):
        return EndpointError(f"The endpoint refused the key in the middle of the run ({status}): {text}")
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


def _brief(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    for name, value in os.environ.items():  # some servers repeat the key they refuse
        if name.endswith(("_KEY", "_TOKEN")) and len(value) >= 8:
            text = text.replace(value, "***")
    return text if len(text) <= 300 else text[:300] + "..."
