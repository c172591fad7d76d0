"""What exceptions of real clients come to: a reason code each, and whether asking again can help."""

from __future__ import annotations

import asyncio
import json
from importlib import import_module
from typing import Any

import httpx
import openai
import pytest

from distilabel_selfinstruct.errors import EndpointError, RequestFailed
from distilabel_selfinstruct.models.faults import explain

KEY = "sk-test-0123456789abcdef"
openais_httpx = import_module("httpx2" if int(openai.__version__.partition(".")[0]) >= 3 else "httpx")
REQUEST = openais_httpx.Request("POST", "http://127.0.0.1:9/v1/chat/completions")


def of_status(
    number: int, message: str = "injected", headers: dict[str, str] | None = None, code: str | None = None
) -> openai.APIStatusError:
    """The exception that openai's client raises for such an answer."""
    body = {"error": {"message": message, "code": code}}
    response = openais_httpx.Response(number, request=REQUEST, json=body, headers=headers or {})
    return openai.OpenAI(api_key=KEY)._make_status_error_from_response(response)


def because_of(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "reason", "retryable"),
    [
        (of_status(400), "bad_request", False),
        (of_status(422), "bad_request", False),
        (of_status(404, "no such route"), "not_found", False),
        (of_status(413), "context_length", False),
        (of_status(400, "This model's maximum context length is 4096 tokens."), "context_length", False),
        (of_status(400, "filtered", code="content_filter"), "content_filter", False),
        (of_status(403, "flagged by our content filter"), "content_filter", False),
        (of_status(408), "timeout", True),
        (of_status(409), "server_error", True),
        (of_status(429), "rate_limited", True),
        (of_status(500), "server_error", True),
        (of_status(503), "server_error", True),
        (openai.APITimeoutError(REQUEST), "timeout", True),
        (because_of(openai.APITimeoutError(REQUEST), openais_httpx.ReadTimeout("")), "timeout", True),
        (because_of(openai.APITimeoutError(REQUEST), openais_httpx.ConnectTimeout("")), "unavailable", True),
        (openai.APIConnectionError(request=REQUEST), "unavailable", True),
        (because_of(openai.APIConnectionError(request=REQUEST), openais_httpx.ConnectError("")), "unavailable", True),
        (
            because_of(openai.APIConnectionError(request=REQUEST), openais_httpx.RemoteProtocolError("")),
            "server_error",
            True,
        ),
        (httpx.ReadTimeout(""), "timeout", True),
        (httpx.ConnectTimeout(""), "unavailable", True),
        (httpx.ConnectError(""), "unavailable", True),
        (httpx.ReadError(""), "server_error", True),
        (httpx.UnsupportedProtocol(""), "unavailable", True),
        (TimeoutError(), "timeout", True),
        (asyncio.TimeoutError(), "timeout", True),
        (ConnectionRefusedError(), "unavailable", True),
        (ConnectionResetError(), "server_error", True),
        (json.JSONDecodeError("Expecting value", "<html>", 0), "invalid_response", True),
        (ValueError("too hot"), "model_error", False),
        (RequestFailed("no text", "content_filter"), "content_filter", False),
    ],
    ids=lambda value: f"{type(value).__name__} {value}" if isinstance(value, Exception) else "",
)
def test_a_failure_costs_one_row(error: Exception, reason: str, retryable: bool) -> None:
    failure = explain(error)
    assert isinstance(failure, RequestFailed)
    assert (failure.reason, failure.retryable) == (reason, retryable)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (of_status(401, "Incorrect API key provided"), "refused the key in the middle of the run (401)"),
        (of_status(403, "no access"), "refused the key in the middle of the run (403)"),
        (of_status(402, "Insufficient Balance"), "balance is used up"),
        (of_status(429, "You exceeded your current quota", code="insufficient_quota"), "quota is used up"),
        (of_status(404, "The model `m` does not exist", code="model_not_found"), "does not have the model any more"),
        (EndpointError("gone"), "gone"),
    ],
    ids=lambda value: str(value),
)
def test_what_no_request_can_get_past_ends_the_run(error: Exception, said: str) -> None:
    failure = explain(error)
    assert isinstance(failure, EndpointError)
    assert said in str(failure)


@pytest.mark.parametrize(
    ("header", "seconds"), [("2", 2.0), ("0.5", 0.5), ("-3", 0.0), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("", None)]
)
def test_how_long_the_server_asked_to_wait(header: str, seconds: float | None) -> None:
    failure = explain(of_status(429, headers={"retry-after": header}))
    assert isinstance(failure, RequestFailed)
    assert failure.retry_after == seconds


@pytest.mark.parametrize("error", [of_status(401, f"Incorrect key {KEY}."), ValueError(f"key={KEY}")], ids=str)
def test_no_message_repeats_a_key(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    assert KEY in str(error)
    monkeypatch.setenv("SOME_API_KEY", KEY)
    assert KEY not in str(explain(error))


def test_a_long_message_is_cut_and_on_one_line() -> None:
    message: Any = str(explain(ValueError("line\n" * 1000)))
    assert "\n" not in message
    assert len(message) < 310
