"""Completion: the one form of an answer, whatever server it comes from.

`read_reply` reads the body of a response, in whatever dialect of OpenAI's protocol. What cannot be used raises
`RequestFailed`; an error in a body with status 200 raises `ReplyError`, which is treated as the status that it names.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Any

from distilabel_selfinstruct.errors import RequestFailed
from distilabel_selfinstruct.text.thoughts import cut_at_turn_end, split_thoughts

_MOST_TOKENS = 2**53  # a count beyond it is none
_ENDINGS = {  # what OpenAI, TGI, Anthropic, Gemini, Mistral, DeepSeek, vLLM and others call the end of an answer
    "stop": (
        "stop stopped eos eos_token stop_sequence stop_token stop_string end_turn end_of_turn complete completed"
        " finish finished done natural normal tool_calls tool_use function_call"
    ),
    "length": (
        "length max_tokens max_token max_output_tokens max_new_tokens max_length max_completion_tokens model_length"
        " model_context_window_exceeded context_length context_length_exceeded token_limit incomplete truncated"
    ),
    "content_filter": (
        "content_filter content_filtered filter filtered safety recitation blocklist prohibited_content spii sensitive"
        " guardrail guardrail_intervened refusal moderation image_safety language blocked"
    ),
    "error": (
        "error failed failure insufficient_system_resource abort aborted cancel canceled cancelled network_error"
        " overloaded timeout interrupted malformed_function_call unexpected_tool_call malformed_response other"
        " finish_reason_unspecified server_error internal_error"
    ),
}
_ENDING_OF = {word: ending for ending, words in _ENDINGS.items() for word in words.split()}


class ReplyError(Exception):
    """An error that came as the body of a response with status 200.

    Attributes:
        status_code: that the body names, or that its words stand for; 500 where it names none.
        body: the error's own part of the body.
        code: the error's code, as a text.
        param: the parameter that it is about, if it says so.
    """

    def __init__(self, message: str, status_code: int, body: object, code: str | None, param: str | None) -> None:
        super().__init__(message)
        self.status_code, self.body, self.code, self.param = status_code, body, code, param


@dataclass(frozen=True, slots=True)
class Completion:
    """What came of one request: a text, or the reason code it was given up for.

    Attributes:
        text: the answer without thoughts and without the marks of a chat template; None where there is none.
        finish_reason: `stop` or `length`; None where the server does not say.
        failure: the reason code of a request that was given up.
        detail: what the reason code leaves open.
        reasoning: what the model thought before it answered, where it shows that.
        input_tokens: of the prompt; at the first completion of a request, 0 at the others.
        output_tokens: of this completion, its thoughts included.
        cached_tokens: of the prompt, read from the server's cache; part of `input_tokens`.
    """

    text: str | None
    finish_reason: str | None = None
    failure: str | None = None
    detail: str | None = None
    reasoning: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0

    def cut_at(self, stop: Iterable[str]) -> Completion:
        """The answer up to the first of these sequences, for servers that do not heed them."""
        if self.text is None:
            return self
        ends = [at for sequence in stop if sequence and (at := self.text.find(sequence)) >= 0]
        return replace(self, text=self.text[: min(ends)], finish_reason="stop") if ends else self


def read_reply(reply: object, stop: Sequence[str] = ()) -> list[Completion]:
    """The completions in the body of a response.

    Args:
        reply: the body, parsed.
        stop: sequences that end an answer and are no part of it.

    Raises:
        ReplyError: if the body is an error.
        RequestFailed: if it cannot be used: `invalid_response`, `content_filter`, `server_error` for an answer that was
            broken off, or `reasoning_only` where all of it came as thoughts.
    """
    choices = reply.get("choices") if isinstance(reply, Mapping) else None
    if not choices and (error := error_in(reply)) is not None:
        raise error
    if not isinstance(choices, list) or not choices:
        raise _invalid(f"no completion: {reply!r:.300}")
    read = [_read_choice(choice) for choice in choices]
    usage = reply.get("usage") if isinstance(reply, Mapping) else None
    return [each.cut_at(stop) for each in _with_tokens(read, usage)]


def normal_ending(given: object) -> str | None:
    """`stop`, `length`, `content_filter` or `error` for what a server calls the end of an answer; None if unknown."""
    if isinstance(given, Mapping):
        given = given.get("type") or given.get("reason")
    if isinstance(given, list):
        given = given[0] if given else None
    if not isinstance(given, str):
        return None
    words = re.findall(r"[a-z_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", given.strip()).lower().replace("-", "_"))
    return _ENDING_OF.get(words[0]) if words else None


# --- a choice ------------------------------------------------------------------------------------------------------


def _read_choice(choice: object) -> Completion:
    if not isinstance(choice, Mapping):
        raise _invalid(f"a choice is no object: {choice!r:.200}")
    if (error := error_in(choice)) is not None:
        raise error
    message = next((part for name in ("message", "delta") if isinstance(part := choice.get(name), Mapping)), None)
    if message is None and not isinstance(choice.get("text"), str):
        raise _invalid(f"no message and no text: {choice!r:.200}")
    ending = normal_ending(choice.get("finish_reason") or choice.get("stop_reason"))
    if message is None:
        text, thoughts = str(choice["text"]), list[str]()
    else:
        text, thoughts = _content(message.get("content"))
        thoughts += [
            given for name in ("reasoning_content", "reasoning", "thinking") if (given := _words(message.get(name)))
        ]
    thought, text = split_thoughts(text) if text is not None else (None, None)
    reasoning = "\n\n".join(filter(None, [*dict.fromkeys(thoughts), thought])) or None
    if ending == "error":
        raise RequestFailed("the answer was broken off by the server", "server_error", retryable=True)
    refusal = _words(message.get("refusal")) if message is not None else None
    if ending == "content_filter" or (refusal and not text):
        said = refusal or f"finish reason {choice.get('finish_reason')}"
        raise RequestFailed(f"the model gave no text: {said}", "content_filter")
    if text is None or (not text.strip() and ending != "length"):
        text = _empty(message or {}, ending, reasoning)
    return Completion(cut_at_turn_end(text), ending, reasoning=reasoning)


def _empty(message: Mapping[str, Any], ending: str | None, reasoning: str | None) -> str:
    """The text of an answer without a text, where that is an answer."""
    if ending == "length":
        return ""  # cut before the model began to answer
    if reasoning:
        raise RequestFailed(
            "the whole answer came as reasoning and its text is empty: the server's reasoning parser does not fit the"
            " model, or the model must be told not to think (enable_thinking)",
            "reasoning_only",
        )
    if message.get("tool_calls") or message.get("function_call"):
        raise _invalid("the model called a tool instead of answering")
    if message.get("content") == "":
        return ""
    raise _invalid(f"a message without content: {dict(message)!r:.200}")


def _content(content: object) -> tuple[str | None, list[str]]:
    """The text and the thoughts of a message's content: a text, or a list of parts."""
    if content is None or isinstance(content, str):
        return content, []
    if not isinstance(content, list):
        raise _invalid(f"the content is no text: {content!r:.200}")
    texts, thoughts = [], []
    for part in content:
        kind = part.get("type") if isinstance(part, Mapping) else None
        if isinstance(part, str):
            texts.append(part)
        elif kind in ("text", "output_text") and isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif kind in ("thinking", "reasoning", "redacted_thinking", "summary_text"):
            thoughts.append(_words(part.get("thinking") or part.get("text") or part.get("summary")) or "")
        elif kind == "refusal":
            raise RequestFailed(f"the model gave no text: {_words(part.get('refusal'))}", "content_filter")
        else:
            raise _invalid(f"a part of the content is no text: {part!r:.200}")
    return "".join(texts) if texts else None, thoughts


def _words(given: object) -> str | None:
    """The text of a field that may be a text, or a list of parts with texts."""
    if isinstance(given, str):
        return given.strip() or None
    if isinstance(given, Mapping):
        return _words(given.get("text") or given.get("content"))
    if isinstance(given, list):
        return "\n".join(filter(None, map(_words, given))) or None
    return None


# --- tokens --------------------------------------------------------------------------------------------------------


def _with_tokens(read: list[Completion], usage: object) -> list[Completion]:
    """With the counts that a server reports for a request: the prompt's at the first, the others shared out."""
    known = usage if isinstance(usage, Mapping) else {}
    details = known.get("prompt_tokens_details") or known.get("input_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, Mapping) else known.get("cache_read_input_tokens")
    sent = count_of(known.get("prompt_tokens", known.get("input_tokens")))
    received = count_of(known.get("completion_tokens", known.get("output_tokens")))
    weights = [len(each.text or "") + len(each.reasoning or "") for each in read]
    return [
        replace(
            each,
            input_tokens=0 if at else sent,
            cached_tokens=0 if at else min(sent, count_of(cached)),
            output_tokens=written,
        )
        for at, (each, written) in enumerate(zip(read, divide(received, weights)))
    ]


def count_of(given: object) -> int:
    """A count of tokens, however odd it comes: as a text, a list with one for each choice, negative, or not at all."""
    if isinstance(given, list):
        return min(_MOST_TOKENS, sum(map(count_of, given)))
    if isinstance(given, str):
        try:
            given = float(given)
        except ValueError:
            return 0
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not math.isfinite(given):
        return 0
    return max(0, min(_MOST_TOKENS, int(given)))


def divide(total: int, weights: list[int]) -> list[int]:
    """Splits a count in proportion to the weights, to the nearest integers that sum up to it."""
    weights = weights if any(weights) else [1] * len(weights)
    bounds = [0, *(round(total * weight / sum(weights)) for weight in accumulate(weights))]
    return [end - start for start, end in pairwise(bounds)]


# --- errors in a body ----------------------------------------------------------------------------------------------

_STATUS_OF_WORDS = (  # the words of an error that names no status
    (401, ("authentication", "invalid_api_key", "unauthorized", "invalid api key", "incorrect api key")),
    (402, ("insufficient_balance", "insufficient credits", "insufficient balance", "billing", "payment", "arrearage")),
    (403, ("permission", "forbidden", "access_denied", "access denied")),
    (404, ("model_not_found", "not_found", "does not exist", "not found")),
    (429, ("rate_limit", "rate limit", "too many requests", "throttl", "requests per", "resource_exhausted")),
    (503, ("overloaded", "unavailable", "capacity")),
    (504, ("timeout", "timed out")),
    (400, ("invalid_request", "bad_request", "invalid parameter", "unsupported", "context length", "context_length")),
)


def error_in(body: object) -> ReplyError | None:
    """The error that a body is, in any of the forms that servers give it; None where it is none."""
    found = _error_part(body)
    if found is None:
        return None
    fields = found if isinstance(found, Mapping) else {}
    message = _message_of(found)
    code = _first(fields, "code", "status_code", "type", "status", "error_code")
    status = _status_of(fields, f"{message} {code} {fields.get('type')}")
    return ReplyError(message, status, found, str(code) if code is not None else None, fields.get("param") or None)


def _error_part(body: object) -> object:
    """The part of a body that says what went wrong."""
    if isinstance(body, list):  # Gemini
        return next((part for each in body if (part := _error_part(each)) is not None), None)
    if not isinstance(body, Mapping):
        return None
    for name in ("error", "errors", "detail", "err"):
        if given := body.get(name):
            return given[0] if isinstance(given, list) and given else given
    status = body.get("base_resp")  # MiniMax
    if isinstance(status, Mapping) and status.get("status_code"):
        return status
    if body.get("object") == "error" or ("message" in body and ("code" in body or body.get("type") == "error")):
        return body if isinstance(body.get("message"), str) else None
    return body if {"error_code", "error_msg"} <= body.keys() else None


def _message_of(found: object) -> str:
    if isinstance(found, Mapping):
        given = _first(found, "message", "msg", "status_msg", "error_msg", "detail", "reason")
        inner = found.get("error")
        if given is None and inner is not None:
            return _message_of(inner)
        return " ".join(str(given if given is not None else dict(found)).split())
    return " ".join(str(found).split())


def _first(fields: Mapping[str, Any], *names: str) -> Any:
    return next((fields[name] for name in names if fields.get(name) not in (None, "")), None)


def _status_of(fields: Mapping[str, Any], words: str) -> int:
    for name in ("status_code", "http_status", "status", "code"):
        given = fields.get(name)
        if isinstance(given, str) and given.isdigit():
            given = int(given)
        if isinstance(given, int) and not isinstance(given, bool) and 400 <= given <= 599:
            return given
    said = words.lower()
    return next((status for status, signs in _STATUS_OF_WORDS if any(sign in said for sign in signs)), 500)


def _invalid(what: str) -> RequestFailed:
    return RequestFailed(f"the endpoint's answer cannot be used, {what}", "invalid_response", retryable=True)
