"""What exceptions of real clients come to: a reason code each, and whether asking again can help."""

from __future__ import annotations

import asyncio
import json
import time
from email.utils import formatdate
from importlib import import_module
from typing import Any

import httpx
import openai
import pytest

from distilabel_selfinstruct.errors import EndpointError, RequestFailed
from distilabel_selfinstruct.models.completion import ReplyError, read_reply
from distilabel_selfinstruct.models.faults import explain, refused_alike

KEY = "sk-test-0123456789abcdef"
openais_httpx = import_module("httpx2" if int(openai.__version__.partition(".")[0]) >= 3 else "httpx")
REQUEST = openais_httpx.Request("POST", "http://127.0.0.1:9/v1/chat/completions")
CLIENT = openai.OpenAI(api_key=KEY)


def of_status(
    number: int, message: str = "injected", headers: dict[str, str] | None = None, code: str | None = None
) -> openai.APIStatusError:
    """The exception that openai's client raises for such an answer."""
    return with_body(number, {"error": {"message": message, "code": code}}, headers)


def with_body(number: int, body: Any, headers: dict[str, str] | None = None) -> openai.APIStatusError:
    """For any body: a text is sent as it is, anything else as JSON."""
    content = body if isinstance(body, str) else json.dumps(body)
    response = openais_httpx.Response(number, request=REQUEST, content=content, headers=headers or {})
    return CLIENT._make_status_error_from_response(response)


def in_200(body: Any) -> Exception:
    """The exception for an error that came with status 200."""
    with pytest.raises(ReplyError) as caught:
        read_reply(body)
    return caught.value


def because_of(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "reason", "retryable"),
    [
        (of_status(400), "bad_request", False),
        (of_status(422), "bad_request", False),
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
        (of_status(401, "Incorrect API key provided"), "refuses the key (401)"),
        (of_status(403, "no access"), "refuses the key (403)"),
        (of_status(402, "Insufficient Balance"), "balance is used up"),
        (of_status(429, "You exceeded your current quota", code="insufficient_quota"), "quota is used up"),
        (of_status(404, "The model `m` does not exist", code="model_not_found"), "does not have the model (404)"),
        (of_status(400, "API key not valid. Please pass a valid API key."), "refuses the key (400)"),
        (of_status(400, "Incorrect API key provided"), "refuses the key (400)"),
        (of_status(498, "invalid token"), "refuses the key (498)"),
        (of_status(400, "The model `m` does not exist"), "does not have the model (400)"),
        (of_status(400, "Model not found: m"), "does not have the model (400)"),
        (of_status(404, "No endpoints found that can handle the requested parameters."), "Nobody serves the model so"),
        (of_status(400, "Invalid model: m"), "does not have the model (400)"),
        (of_status(400, "The model `m` has been decommissioned"), "does not have the model (400)"),
        (of_status(400, "Unable to access model m", code="model_not_available"), "does not have the model (400)"),
        (of_status(400, "The provided model identifier is invalid."), "does not have the model (400)"),
        (of_status(400, "模型不存在，请检查模型代码。", code="1211"), "does not have the model (400)"),
        (of_status(429, "余额不足或无可用资源包,请充值。", code="1113"), "balance is used up"),
        (of_status(403, "用户额度不足"), "balance is used up"),
        (of_status(429, "Your team has reached its monthly spending limit."), "limit is used up"),
        (of_status(412, "Account x is suspended, due to reaching the monthly spending limit"), "limit is used up"),
        (of_status(400, "Budget has been exceeded! Current cost: 10.1, Max budget: 10.0"), "budget is used up"),
        (
            of_status(400, "You have reached your specified API usage limits. You will regain access on 2026-12-01"),
            "limit is used up",
        ),
        (of_status(429, "Your account is not active", code="billing_not_active"), "balance is used up"),
        (with_body(407, "<html><title>407 Proxy Authentication Required</title>"), "proxy on the way wants a login"),
        (EndpointError("gone"), "gone"),
    ],
    ids=lambda value: str(value),
)
def test_what_no_request_can_get_past_ends_the_run(error: Exception, said: str) -> None:
    failure = explain(error)
    assert isinstance(failure, EndpointError)
    assert said in str(failure)


PAGE = "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
OPENROUTER = {"error": {"code": 429, "message": "Provider returned error"}, "user_id": "u"}
GEMINI_LIMIT = {
    "error": {
        "code": 429,
        "message": "You exceeded your current quota. Please retry in 12s.",
        "status": "RESOURCE_EXHAUSTED",
    }
}


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        # Of this request.
        (of_status(422, "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4097."), "request",
         "context_length"),
        (of_status(422, "Input validation error: `inputs` must have less than 1024 tokens."), "request",
         "context_length"),
        (of_status(500, "Input prompt is too big compared to KV size."), "request", "context_length"),
        (of_status(400, "Prompt 超长", code="1261"), "request", "context_length"),
        (of_status(400, "系统检测到输入可能包含敏感内容"), "request", "content_filter"),
        (of_status(403, "Content violates usage guidelines. Failed check: SAFETY_CHECK"), "request", "content_filter"),
        (of_status(400, "litellm.ContentPolicyViolationError: AzureException"), "request", "content_filter"),
        (of_status(446, "The guardrail checks failed"), "request", "content_filter"),
        (of_status(451, "Unavailable for legal reasons"), "request", "content_filter"),
        (of_status(498, "blocked output: a potential violation of our usage policies"), "request", "content_filter"),
        (of_status(400, "Failed to generate JSON.", code="json_validate_failed"), "request", "invalid_response"),
        (of_status(400, "The model has crashed without additional information."), "service", "server_error"),
        (of_status(400, "Model unloaded."), "service", "server_error"),
        (of_status(424, "Request failed during generation"), "service", "server_error"),
        (of_status(498, "Flex tier capacity exceeded"), "service", "server_error"),
        (of_status(400, "This model's maximum context length is 4096 tokens."), "request", "context_length"),
        (of_status(400, "the request exceeds the available context size"), "request", "context_length"),
        (of_status(422, "Prompt is too long: 8,201 tokens"), "request", "context_length"),
        (of_status(500, "litellm.ContextWindowExceededError: 5000 > 4096"), "request", "context_length"),
        (of_status(429, "Request too large for m on tokens per min: Limit 30000, Requested 40000"), "request",
         "context_length"),
        (with_body(413, "<html><title>413 Request Entity Too Large</title></html>"), "request", "context_length"),
        (with_body(400, {"error": {"code": "content_filter", "message": "no"}}), "request", "content_filter"),
        (with_body(400, {"code": "data_inspection_failed", "message": "Output may contain it"}), "request",
         "content_filter"),
        (of_status(403, "the prompt was flagged"), "request", "content_filter"),
        (in_200({"error": {"code": 403, "message": "Your input was flagged"}}), "request", "content_filter"),
        (RequestFailed("no content", "invalid_response"), "request", "invalid_response"),
        (RequestFailed("too long", "context_length"), "request", "context_length"),
        # Of the service at this moment.
        (of_status(408), "service", "timeout"),
        (of_status(425), "service", "server_error"),
        (of_status(429), "service", "rate_limited"),
        (of_status(400, "Requests rate limit exceeded, please try again later"), "service", "rate_limited"),
        (of_status(403, "Too many requests from this address"), "service", "rate_limited"),
        (with_body(429, GEMINI_LIMIT), "service", "rate_limited"),
        (of_status(504, "the upstream took too long"), "service", "server_error"),
        (of_status(529, "Overloaded"), "service", "server_error"),
        (of_status(520, "cloudflare"), "service", "server_error"),
        (with_body(502, PAGE), "service", "server_error"),
        (in_200(OPENROUTER), "service", "rate_limited"),
        (in_200({"error": {"message": "Provider returned error", "code": 502}}), "service", "server_error"),
        (in_200({"error": {"message": "Overloaded", "type": "overloaded_error"}}), "service", "server_error"),
        (RequestFailed("the answer was broken off", "server_error", retryable=True), "service", "server_error"),
        (ConnectionResetError(), "service", "server_error"),
        (json.JSONDecodeError("Expecting value", PAGE, 0), "service", "invalid_response"),
        # Of the set-up, perhaps.
        (of_status(400, "Argument not supported on this model: presencePenalty"), "setup", "bad_request"),
        (with_body(400, {"error": "Argument not supported", "code": "invalid"}), "setup", "bad_request"),
        (with_body(400, [{"error": {"code": 400, "message": "Unknown name \"seed\""}}]), "setup", "bad_request"),
        (with_body(422, {"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]}), "setup",
         "bad_request"),
        (in_200({"error": {"code": 400, "message": "unsupported"}}), "setup", "bad_request"),
        (with_body(404, PAGE), "setup", "not_found"),
        (with_body(403, PAGE), "setup", "not_found"),
        (RequestFailed("all of it came as thoughts", "reasoning_only"), "setup", "reasoning_only"),
        (TypeError("got an unexpected keyword argument 'top_p'"), "setup", "model_error"),
    ],
    ids=str,
)  # fmt: skip
def test_whose_fault_it_is(error: Exception, kind: str, reason: str) -> None:
    failure = explain(error)
    assert isinstance(failure, RequestFailed), failure
    assert (failure.kind, failure.reason) == (kind, reason)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            in_200({"error": {"message": "Insufficient credits. Add more", "code": 402}}),
            "Insufficient credits. Add more",
        ),
        (in_200({"error": {"message": "Incorrect API key", "code": "invalid_api_key"}}), "Incorrect API key"),
        (of_status(400, "Your credit balance is too low to access the API."), "Your credit balance is too low"),
        (with_body(400, {"code": "Arrearage", "message": "Access denied, overdue payment"}), "overdue payment"),
        (of_status(429, "You exceeded your current quota, please check your plan"), "please check your plan"),
        (of_status(404, "no route /chat/completions"), "no route /chat/completions"),
        (of_status(405, "Method Not Allowed"), "Method Not Allowed"),
        (of_status(410, "This model was retired"), "This model was retired"),
        (with_body(401, "Unauthorized"), "Unauthorized"),
        (of_status(403, "Model access is not granted to this project"), "Model access is not granted"),
    ],
    ids=str,
)
def test_what_is_surely_of_the_set_up_ends_the_run_in_the_servers_own_words(error: Exception, said: str) -> None:
    failure = explain(error)
    assert isinstance(failure, EndpointError)
    assert said in str(failure)
    assert "Error code" not in str(failure)
    assert "Run the same command again" in str(failure)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (of_status(400, "Only temperature=1 is supported."), "refused: Only temperature=1 is supported. Change"),
        (RequestFailed("all as thoughts", "reasoning_only"), "refused: all as thoughts. Start the server"),
        (with_body(404, PAGE), "refused: a web page (502 Bad Gateway). Check base_url"),
        (TypeError("no such argument"), "refused: no such argument. Check the model's class"),
        (with_body(422, {"detail": "field required"}), "refused: field required. Change the model's options"),
    ],
    ids=str,
)
def test_what_ends_a_run_of_which_nothing_got_through(error: Exception, said: str) -> None:
    failure = explain(error)
    assert isinstance(failure, RequestFailed)
    assert f"Every request so far was {said}" in str(refused_alike(failure))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "1m30s"}, 90.0),
        ({"retry-after-ms": "1200"}, 1.2),
        ({"retry-after-ms": "1200", "retry-after": "2"}, 1.2),
        ({"retry-after": formatdate(1_000_000_000, usegmt=True)}, 0.0),
        ({"x-ratelimit-reset-requests": "1.2s"}, 1.2),
        ({"x-ratelimit-reset-tokens": "6m0s"}, 360.0),
        ({"x-ratelimit-reset": "120ms"}, 0.12),
        ({"x-ratelimit-reset": "7"}, 7.0),
        ({"x-ratelimit-reset-requests": "8s", "x-ratelimit-reset-tokens": "3s"}, 3.0),
        (
            {
                "x-ratelimit-reset-requests": "8s",
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-tokens": "3s",
                "x-ratelimit-remaining-tokens": "70",
            },
            8.0,
        ),
        ({"ratelimit-reset": "30"}, 30.0),
        ({"anthropic-ratelimit-requests-reset": "9", "anthropic-ratelimit-requests-remaining": "0"}, 9.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": ""}, None),
        ({}, None),
    ],
    ids=str,
)
def test_how_long_the_server_asked_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    failure = explain(of_status(429, headers=headers))
    assert isinstance(failure, RequestFailed)
    assert failure.retry_after == seconds


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("Please try again in 1m2.5s.", 62.5),
        ("Please try again in 7m12s.", 432.0),
        ("Please retry after 27 seconds.", 27.0),
        ("Please try again in 120ms.", 0.12),
        ("Please try again in 2 hours 5 minutes.", 7500.0),
        ("Please try again in a moment.", None),
    ],
)
def test_how_long_the_servers_words_ask_to_wait(said: str, seconds: float | None) -> None:
    failure = explain(of_status(429, f"Rate limit reached. {said}"))
    assert isinstance(failure, RequestFailed)
    assert failure.retry_after == seconds


@pytest.mark.parametrize("header", ["retry-after", "x-ratelimit-reset", "x-ratelimit-reset in ms"])
def test_a_moment_instead_of_seconds(header: str) -> None:
    moment = time.time() + 3600
    name, _, in_ms = header.partition(" ")
    said = formatdate(moment, usegmt=True) if name == "retry-after" else str(moment * (1000 if in_ms else 1))
    failure = explain(of_status(429, headers={name: said}))
    assert isinstance(failure, RequestFailed)
    assert failure.retry_after == pytest.approx(3600, abs=600)


@pytest.mark.parametrize("error", [of_status(401, f"Incorrect key {KEY}."), ValueError(f"key={KEY}")], ids=str)
def test_no_message_repeats_a_key(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    assert KEY in str(error)
    monkeypatch.setenv("SOME_API_KEY", KEY)
    assert KEY not in str(explain(error))


def test_a_long_message_is_cut_and_on_one_line() -> None:
    message: Any = str(explain(ValueError("line\n" * 1000)))
    assert "\n" not in message
    assert len(message) < 310
