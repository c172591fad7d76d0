"""What an exception of a model's client means: a reason code, whose fault it is, and whether asking again can help.

Failures are of three kinds (`RequestFailed.kind`). Only those of the request itself are results. Those of the service
pass. Those of the set-up refuse every request alike: the certain ones are an `EndpointError`; of the others nobody can
say from one answer, so whoever asks has to see whether any request gets through.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Literal

from distilabel_selfinstruct.errors import GO_ON, EndpointError, RequestFailed
from distilabel_selfinstruct.models.completion import error_in, normal_ending
from distilabel_selfinstruct.models.telling import until_reset, wait_asked_for, wait_said
from distilabel_selfinstruct.secrets import shown

Kind = Literal["request", "service", "setup"]

_KINDS: dict[str, Kind] = {
    "timeout": "service",
    "rate_limited": "service",
    "server_error": "service",
    "unavailable": "service",
    "bad_request": "setup",
    "not_found": "setup",
    "model_error": "setup",
    "reasoning_only": "setup",
}
"""Whose fault a failure is by its reason code, where whoever raised it does not say."""

_RETRYABLE_STATUS = {
    408: "timeout",
    409: "server_error",
    424: "server_error",
    425: "server_error",
    429: "rate_limited",
    498: "server_error",
}
_CONTEXT_LENGTH = (
    "context_length",
    "context length",
    "contextlength",
    "maximum context",
    "context window",
    "contextwindow",
    "context size",
    "max_model_len",
    "prompt is too long",
    "input is too long",
    "range of input length",
    "reduce the length",
    "input token count",
    "`inputs` tokens",
    "`inputs` must have less than",
    "kv size",
    "超长",
    "过长",
    "超出最大",
    "最大长度",
)
_TOO_LONG = ("too long", "too many tokens", "maximum number of tokens", "token limit")
_CONTENT_FILTER = (
    "content_filter",
    "content filter",
    "contentfilter",
    "content management policy",
    "content_policy",
    "content policy",
    "responsibleai",
    "safety system",
    "prohibited_content",
    "inappropriate content",
    "data_inspection_failed",
    "datainspectionfailed",
    "flagged",
    "moderation",
    "contentpolicy",
    "usage guidelines",
    "usage polic",
    "blocked output",
    "guardrail",
    "legal reasons",
    "敏感",
    "违规",
    "不安全",
)
_USED_UP = (
    "insufficient_quota",
    "exceeded your current quota",
    "credit balance",
    "insufficient balance",
    "insufficient_balance",
    "insufficient credits",
    "insufficient_credits",
    "out of credits",
    "arrearage",
    "overdue",
    "billing hard limit",
    "billing_hard_limit",
    "billing_not_active",
    "all available credits",
    "spending limit",
    "usage limit exceeded",
    "regain access",
    "budget has been exceeded",
    "budget_exceeded",
    "free allocation",
    "call volume quota",
    "余额不足",
    "额度不足",
    "欠费",
)
_PASSES = ("per minute", "perminute", "per second", "try again in", "retry in", "retrydelay")
_CRASHED = (  # LM Studio says so with 400
    "crashed",
    "model unloaded",
    "model is unloaded",
    "model reloaded",
    "channel error",
    "out of memory",
    "operation canceled",
    "try again later",
)
_NO_JSON = ("json_validate_failed", "tool_use_failed")  # Groq: the model wrote something else
_TOO_FAST = ("rate limit", "rate_limit", "ratelimit", "too many requests", "throttl")
_PARAMETERS = re.compile(
    r"temperature|top_p|top_k|penalty|max_tokens|max_completion_tokens|enable_thinking|response_format|json_schema"
    r"|\bstop\b|\bseed\b|\bparam|argument|unknown name|unrecognized|extra inputs|extra_forbidden|unsupported"
    r"|not supported|not permitted|drop_params|cannot both",
    re.IGNORECASE,
)
_OF_THE_KEY = re.compile(
    r"api[ _-]?key\S* (?:is |has |was )?(?:not valid|invalid|expired|incorrect|not found|missing)"
    r"|(?:invalid|incorrect|expired|wrong|missing|bad)[ _]api[ _-]?key"
)
_OF_THE_MODEL = re.compile(
    r"model_not_found|model not (?:found|exist)|(?:no such|unknown|invalid)[ _]model\b|decommissioned"
    r"|model_not_available|unable to access model|model identifier is invalid|模型.{0,40}不存在"
    r"|model\b.{0,80}\b(?:does not exist|doesn't exist|is not found|was not found|could not be found)"
)
_NONSENSE = ("<html", "<!doctype", "<head", "no json", "no completion", "not a completion")
_PAGE = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype|html|head|body|title|center|h1)\b", re.I | re.S
)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.I | re.S)

_NOT_REACHED = {  # by the clients of ours and of others
    "ClientConnectorError",
    "ClientHttpProxyError",
    "ConnectionTimeoutError",
    "InvalidURL",
    "ConnectError",
    "ConnectTimeout",
    "PoolTimeout",
    "ConnectionRefusedError",
}
_CUT = {
    "ClientOSError",
    "ClientPayloadError",
    "ClientResponseError",
    "ServerDisconnectedError",
    "ReadError",
    "WriteError",
    "CloseError",
    "RemoteProtocolError",
    "ConnectionResetError",
    "BrokenPipeError",
}


def explain(error: BaseException) -> RequestFailed | EndpointError:
    """The failure as this project's own error: `RequestFailed` costs one row at most, `EndpointError` ends the run.

    Args:
        error: whatever the model's client raised; what its message repeats of a secret is masked.
    """
    if isinstance(error, EndpointError):
        return error
    if isinstance(error, RequestFailed):
        kind = _KINDS.get(error.reason, error.kind) if error.kind == "request" else error.kind
        return RequestFailed(str(error), error.reason, error.retryable, error.retry_after, kind)
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return _explain_status(error, status)
    text = brief(error)
    kinds = {kind.__name__ for each in _with_causes(error) for kind in type(each).__mro__}
    if kinds & _NOT_REACHED:
        return _passing(f"the endpoint could not be reached: {text}", "unavailable")
    if kinds & {"TimeoutException", "APITimeoutError", "TimeoutError"}:
        return _passing(f"no answer in time: {text}", "timeout")
    if kinds & _CUT:
        return _passing(f"the connection was cut: {text}", "server_error")
    if kinds & {"ClientError", "APIConnectionError", "TransportError", "ConnectionError"}:
        return _passing(f"the endpoint could not be reached: {text}", "unavailable")
    if isinstance(error, json.JSONDecodeError) or "APIResponseValidationError" in kinds:
        return _passing(f"the answer is not a completion: {text}", "invalid_response")
    return RequestFailed(text, "model_error", kind="setup")


def kind_of_old(reason: str, detail: str, stage_has_answers: bool) -> Kind:
    """Whose fault a failure is that version 0.1.0 has stored, which did not say: the request's only where it is sure.

    Args:
        reason: the reason code.
        detail: what the failure said.
        stage_has_answers: whether other requests of the same stage were answered.
    """
    said = detail.lower()
    if reason == "content_filter":  # so it called any answer without a text: all of it thoughts, a tool's call
        _, is_told, ending = detail.partition("finish reason ")
        return "setup" if is_told and normal_ending(ending) != "content_filter" else "request"
    if reason == "context_length":
        return "request"
    if reason in ("bad_request", "invalid_response") and stage_has_answers:
        words = said.replace("'param': none", "")
        return "setup" if _has(words, _NONSENSE + _USED_UP) or _PARAMETERS.search(words) else "request"
    return _KINDS.get(reason, "setup")


def refused_alike(failure: RequestFailed, is_late: bool = False) -> EndpointError:
    """What ends a run of which no request gets through, or none any longer."""
    advice = _ADVICE.get(failure.reason, _ADVICE["bad_request"])
    said = re.sub(r"^\d{3}: ", "", str(failure)).rstrip(". ")
    what = "Request after request" if is_late else "Every request so far"
    became = "failed" if failure.reason == "invalid_response" else "was refused"
    return EndpointError(f"{what} {became}: {said}. {advice} {GO_ON}")


_ADVICE = {
    "bad_request": "Change the model's options (llm.arguments in a config file) so that the endpoint takes them.",
    "invalid_response": "Check base_url, the model, and its options (llm.arguments in a config file).",
    "not_found": "Check base_url (with most servers it ends in /v1) and the model's name.",
    "model_error": "Check the model's class and its arguments.",
    "no_completion": "Check the model's class and its arguments.",
    "reasoning_only": "Start the server with this model's reasoning parser or with none, or turn its thinking off.",
}


def _explain_status(error: BaseException, status: int) -> RequestFailed | EndpointError:
    sentence, is_page = _sentence(error)
    said = f"{sentence} {getattr(error, 'code', None)} {getattr(error, 'said', brief(error))}".lower()
    text = f"{status}: {sentence}"
    if status == 429 and "request too large" in said:
        return RequestFailed(text, "context_length")
    keys = getattr(error, "key_variables", "OPENAI_API_KEY or api_key")
    if (certain := _of_everything(status, sentence, said, is_page, keys)) is not None:
        return certain
    is_filtered = not is_page and _has(said, _CONTENT_FILTER)
    if is_filtered and status in (498, 451):
        return RequestFailed(text, "content_filter")
    if _has(said, _NO_JSON) and status < 499:
        return RequestFailed(text, "invalid_response", retryable=True)
    if _is_passing(status, said):
        reason = "rate_limited" if _has(said, _TOO_FAST) and status < 500 else _RETRYABLE_STATUS.get(status)
        return _passing(text, reason or "server_error", _wait_of(error, status))
    if is_filtered:
        return RequestFailed(text, "content_filter")
    if status == 413 or (not is_page and _has(said, _CONTEXT_LENGTH + _TOO_LONG)):
        return RequestFailed(text, "context_length")
    reason = "not_found" if status in (403, 404, 405, 410) else "bad_request"
    return RequestFailed(text, reason, retryable=is_page, kind="setup")


def _of_everything(status: int, sentence: str, said: str, is_page: bool, keys: str) -> EndpointError | None:
    """The end of the run, where the answer says that no request at all can be served; `keys` is where a key is set."""
    if status in (400, 402, 403, 412, 429) and _has(said, _USED_UP) and not (status == 429 and _has(said, _PASSES)):
        what = next((word for word in ("quota", "budget", "limit") if word in said), "balance")
        return _ending(f"The account's {what} is used up ({status})", sentence, "Fill it up.")
    if status == 402:
        return _ending("The account's balance is used up (402)", sentence, "Fill it up.")
    if status == 407:
        return _ending("The proxy on the way wants a login (407)", sentence, "Give the proxy's address with it.")
    if status == 401 or (status == 498 and "token" in said) or (status == 400 and _OF_THE_KEY.search(said)):
        advice = f"Set another key ({keys})."
        return _ending(f"The endpoint refuses the key ({status})", sentence, advice)
    if is_page:
        return None
    if status == 403 and not _has(said, _CONTENT_FILTER + _TOO_FAST):
        advice = f"See what the key may do, or set another ({keys})."
        return _ending("The endpoint refuses the key (403)", sentence, advice)
    is_absent = status in (404, 405, 410)
    if (is_absent and ("model" in said or "deployment" in said)) or (status == 400 and _OF_THE_MODEL.search(said)):
        return _ending(f"The endpoint does not have the model ({status})", sentence, "Check the model's name.")
    if is_absent and "endpoints found" in said:  # OpenRouter
        return _ending(f"Nobody serves the model so ({status})", sentence, "Check the model's name and its options.")
    if is_absent:
        advice = "Check base_url, which ends in /v1 with most servers."
        return _ending(f"The endpoint has nothing at this address ({status})", sentence, advice)
    return None


def _is_passing(status: int, said: str) -> bool:
    if status in _RETRYABLE_STATUS or (status in (400, 403) and _has(said, _TOO_FAST + _CRASHED)):
        return True
    return status >= 499 and not _has(said, _CONTEXT_LENGTH)


def _passing(text: str, reason: str, retry_after: float | None = None) -> RequestFailed:
    return RequestFailed(text, reason, retryable=True, retry_after=retry_after, kind="service")


def _ending(what: str, sentence: str, advice: str) -> EndpointError:
    return EndpointError(f"{what}: {sentence.rstrip('. ')}. {advice} {GO_ON}")


def _has(said: str, signs: tuple[str, ...]) -> bool:
    return any(sign in said for sign in signs)


def _is_page(text: str) -> bool:
    return bool(_PAGE.match(text))


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    """The error and those it was raised from: openai's classes say less than what lies below them."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__


# --- what a server says ---------------------------------------------------------------------------------------------


def _sentence(error: BaseException) -> tuple[str, bool]:
    """The server's own words, without what a client puts around them; and whether they are a web page."""
    body = getattr(error, "body", None)
    if isinstance(body, str) and _is_page(body):
        title = _TITLE.search(body)
        return f"a web page ({_brief(title[1])})" if title else "a web page", True
    if isinstance(body, str) and body.strip():
        return _brief(body), False
    if isinstance(body, (Mapping, list)):
        found = error_in({"error": body})
        if found is not None:
            return _brief(str(found)), False
    return brief(error), False


def _wait_of(error: BaseException, status: int) -> float | None:
    """Seconds the server asked to wait, in any of the headers that servers have for it, or in words."""
    headers = getattr(error, "headers", None) or getattr(getattr(error, "response", None), "headers", {})
    asked = wait_asked_for(headers)
    if asked is not None or status != 429:
        return asked
    reset = until_reset(headers)
    return wait_said(str(getattr(error, "said", error))) if reset is None else reset


def brief(error: BaseException) -> str:
    """The error's message on one line, without secrets: some servers repeat the key they refuse."""
    return _brief(str(error)) or type(error).__name__


def _brief(said: str) -> str:
    text = " ".join(shown(said).split())
    return text if len(text) <= 300 else text[:300] + "..."
