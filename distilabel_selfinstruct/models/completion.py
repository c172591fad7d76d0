"""Completion: the one form of an answer, whatever server it comes from.

`read_reply` reads the body of a response, in whatever dialect of OpenAI's protocol. What cannot be used raises
`RequestFailed`; an error in a body with status 200 raises `ReplyError`, which is treated as the status that it names.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Any

from distilabel_selfinstruct.errors import RequestFailed
from distilabel_selfinstruct.text.endings import CUTS, OFF_FORM, REPETITION
from distilabel_selfinstruct.text.thoughts import cut_at_turn_end, split_thoughts

_MOST_TOKENS = 2**53  # a count beyond it is none
_ENDINGS = (  # the words for the end of an answer, of OpenAI and all others; the first that fits counts
    (
        "content_filter",
        r"filter|safety|recitation|blocklist|blocked|prohibited|spii|sensitive|guardrail|refus|moderat|toxic|harmful"
        r"|unsafe|violation|censor|armor|risk|^language$",
    ),
    (
        "error",
        r"error(?!_limit)|fail|abort|cancel|insufficient|overload|time_?out|interrupt|malformed|unexpected|unspecified"
        r"|exception|disconnect|reset|crash|internal|rate_limit|kill|preempt|recompute|evict|shut_?down|(?:un)?load"
        r"|memory|reject|lost|too_many|^oom$|^nan$|^other$",
    ),
    (
        "length",
        r"length|token_limit|error_limit|context_window|incomplete|truncat|max_|^max|^limit$|_limit$",
    ),
    (REPETITION, r"repetition"),
    (OFF_FORM, r"^off_form$"),
    ("stop", r"stop|^eo[st]|^end|complete|finish|done|natural|normal|tool|function|success|pause"),
)


_THOUGHTS = (  # fields of a message; those of the second group may repeat what stands in the first
    ("reasoning_content", "reasoning", "thinking"),
    ("thoughts", "thought", "reasoning_details", "thinking_blocks"),
)


_ALL_IS_WELL = ("", "0", "200", "ok", "success", "none", "null", "false")


class ReplyError(Exception):
    """An error that came as the body of a response with status 200.

    Attributes:
        status_code: that the body names, or that its words stand for; 500 where it names none.
        body: the whole body of the response.
        code: the error's code, as a text.
        param: the parameter that it is about, if it says so.
    """

    def __init__(self, message: str, status_code: int, body: object, code: str | None, param: str | None) -> None:
        super().__init__(message, status_code, body, code, param)
        self.status_code, self.body, self.code, self.param = status_code, body, code, param

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True, slots=True)
class Completion:
    """What came of one request: a text, or the reason code it was given up for.

    Attributes:
        text: the answer without thoughts and without the marks of a chat template; None where there is none.
        finish_reason: `stop`, `length`, `repetition` or `off_form`; None where the server does not say.
        failure: the reason code of a request that was given up.
        detail: what the reason code leaves open.
        reasoning: what the model thought before it answered, where it shows that.
        input_tokens: of the prompt; at the first completion of a request, 0 at the others.
        output_tokens: of this completion, its thoughts included.
        cached_tokens: of the prompt, read from the server's cache; part of `input_tokens`.
        reasoning_tokens: of thoughts, where the server counts them; part of `output_tokens`.
    """

    text: str | None
    finish_reason: str | None = None
    failure: str | None = None
    detail: str | None = None
    reasoning: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0

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
    is_broken = isinstance(reply, Mapping) and _is_error(reply.get("error"))
    if (not choices or is_broken) and (error := error_in(reply)) is not None:
        raise error
    if not choices and re.search(r"'blockReason': '|'filtered': True", str(reply)):  # Gemini; Azure
        raise _filtered(f"{reply!r:.300}")
    if not isinstance(choices, list) or not choices:
        raise _invalid(f"it has no choices: {reply!r:.300}")
    read = [_read_choice(choice) for choice in choices]
    usage = reply.get("usage") if isinstance(reply, Mapping) else None
    return [each.cut_at(stop) for each in _with_tokens(read, usage)]


def read_again(text: str, finish_reason: str | None) -> Completion:
    """What version 0.1.0 has kept as an answer, which knew few endings, thoughts, marks and no parts.

    Raises:
        RequestFailed: if it was none.
    """
    ending = normal_ending(finish_reason)
    if ending == "error":
        raise RequestFailed(f"broken off: finish reason {finish_reason}", "server_error", kind="service")
    beside: list[str] = []
    if re.match(r"\[\{'(?:type|text)': ", text):
        with suppress(ValueError, SyntaxError, RecursionError, MemoryError):
            parts, beside = _content(ast.literal_eval(text))
            text = parts or ""
    read = _read_text(text, ending, {"finish_reason": finish_reason})
    reasoning = "\n\n".join(filter(None, (*beside, read.reasoning))) or None
    return replace(read, reasoning=reasoning, finish_reason=ending or finish_reason)


def _is_error(said: object) -> bool:
    """Whether an error beside the choices is one: some servers say so, too, that all is well."""
    word = _first(said, "code", "status", "message", "msg") if isinstance(said, Mapping) else said
    return bool(said) and (word is None or str(word).strip().lower() not in _ALL_IS_WELL)


def normal_ending(given: object) -> str | None:
    """What a server calls the end of an answer, in one of our words; None if it is unknown.

    The words are `stop`, `length`, `repetition`, `off_form`, `content_filter` and `error`.
    """
    if isinstance(given, Mapping):
        given = given.get("type") or given.get("reason")
    if isinstance(given, list):
        given = given[0] if given else None
    if not isinstance(given, str):
        return None
    words = _snake(given.strip()).replace("-", "_").replace(" ", "_")
    word = re.split(r"[^a-z_]", re.split(r"finish_?reason[._]", words)[-1])[0]
    return next((ending for ending, signs in _ENDINGS if re.search(signs, word)), None)


def no_completion(what: str) -> RequestFailed:
    """The failure where something else than JSON came back: a page, half a body, nothing."""
    return RequestFailed(f"the answer is no completion: {what}", "invalid_response", retryable=True, kind="service")


# --- a choice ------------------------------------------------------------------------------------------------------


def _read_choice(choice: object) -> Completion:
    if not isinstance(choice, Mapping):
        raise _invalid(f"a choice is no object: {choice!r:.200}")
    if (given := choice.get("error")) and (error := error_in({"error": given})) is not None:
        raise error
    message = next((part for name in ("message", "delta") if isinstance(part := choice.get(name), Mapping)), None)
    if message is None and not isinstance(choice.get("text"), str):
        raise _invalid(f"a choice without message and text: {choice!r:.200}")
    ending = normal_ending(choice.get("finish_reason") or choice.get("stop_reason"))
    if ending == "error":
        said = f"finish reason {choice.get('finish_reason')}"
        raise RequestFailed(f"the server broke the answer off: {said}", "server_error", retryable=True, kind="service")
    if message is None:
        return _read_text(str(choice["text"]), ending, choice)
    return _read_message(message, ending, choice)


def _read_message(message: Mapping[str, Any], ending: str | None, choice: Mapping[str, Any]) -> Completion:
    text, thoughts = _content(message.get("content"))
    thoughts += _thoughts_beside(message)
    if (refusal := _words(message.get("refusal"))) and not text:
        raise _filtered(refusal)
    reasoning = "\n\n".join(dict.fromkeys(filter(None, thoughts))) or None
    if text is None or not text.strip():
        if ending == "content_filter":
            raise _filtered(f"finish reason {choice.get('finish_reason')}")
        return Completion(_text_of_none(message, ending, reasoning), ending, reasoning=reasoning)
    read = _read_text(text, ending, choice)
    reasoning = "\n\n".join(filter(None, (reasoning, read.reasoning))) or None
    if reasoning and not (read.text or "").strip() and ending == "stop":
        raise _reasoning_only()
    return replace(read, reasoning=reasoning)


def _read_text(text: str, ending: str | None, choice: Mapping[str, Any]) -> Completion:
    if ending == "content_filter":
        raise _filtered(f"finish reason {choice.get('finish_reason')}")
    reasoning, answer = split_thoughts(text)
    return Completion(cut_at_turn_end(answer), ending, reasoning=reasoning)


def _text_of_none(message: Mapping[str, Any], ending: str | None, reasoning: str | None) -> str:
    """The text of a message that holds none, where that is an answer."""
    if ending in CUTS:
        return ""  # cut before the model began to answer
    if message.get("tool_calls") or message.get("function_call"):
        raise _invalid("the model called a tool instead of answering")
    if reasoning:
        raise _reasoning_only()
    if isinstance(text := message.get("content"), str):
        return text
    raise _invalid(f"a message without content: {dict(message)!r:.200}")


def _thoughts_beside(message: Mapping[str, Any]) -> list[str]:
    """The thoughts that a server keeps apart from the content."""
    beside = message.get("provider_specific_fields")
    for names in _THOUGHTS:
        for fields in (message, beside if isinstance(beside, Mapping) else {}):
            if found := [words for name in names if (words := _words(fields.get(name)))]:
                return found
    return []


def _content(content: object) -> tuple[str | None, list[str]]:
    """The text and the thoughts of a message's content: a text, or a list of parts."""
    if content is None or isinstance(content, str):
        return content, []
    if isinstance(content, Mapping) and isinstance(content.get("parts"), list):
        content = content["parts"]
    if isinstance(content, Mapping) and "text" in content:
        content = [content]
    if not isinstance(content, list):
        raise _invalid(f"the content is no text: {content!r:.200}")
    texts: list[str] = []
    thoughts: list[str] = []
    for part in content:
        is_thought, text = _part(part)
        (thoughts if is_thought else texts).append(text)
    return "".join(texts) if texts else None, thoughts


def _part(part: object) -> tuple[bool, str]:
    """Whether a part of a content is a thought, and its text."""
    if isinstance(part, str):
        return False, part
    fields = part if isinstance(part, Mapping) else {}
    kind = fields.get("type", "text" if "text" in fields else " ".join(fields))  # Bedrock names it by its only key
    if isinstance(kind, str) and re.search("think|thought|reason|summary", kind):
        given = _first(fields, "thinking", "reasoning", "text", "summary", "content", "reasoningContent")
        return True, _words(given) or ""
    if kind == "refusal":
        raise _filtered(_words(fields.get("refusal")) or "a refusal")
    text = fields.get("text", fields.get("content"))  # an empty one is a text too
    text = text.get("value") if isinstance(text, Mapping) else "" if text is None and "text" in fields else text
    if kind not in ("text", "output_text") or not isinstance(text, str):
        raise _invalid(f"a part of the content is no text: {part!r:.200}")
    return fields.get("thought") is True, text


def _words(given: object) -> str | None:
    """The text of a field that may be a text, or a list of parts with texts."""
    if isinstance(given, str):
        return given.strip() or None
    if isinstance(given, Mapping):
        return _words(_first(given, "text", "content", "thinking", "reasoning", "summary", "reasoningText"))
    if isinstance(given, list):
        return "\n".join(filter(None, map(_words, given))) or None
    return None


def _filtered(said: str) -> RequestFailed:
    return RequestFailed(f"the model gave no text: {said}", "content_filter")


def _reasoning_only() -> RequestFailed:
    return RequestFailed(
        "the whole answer came as reasoning and its text is empty: the server's reasoning parser does not fit the"
        " model, or the model must be told not to think (enable_thinking)",
        "reasoning_only",
        kind="setup",
    )


def _invalid(what: str) -> RequestFailed:
    return RequestFailed(f"the answer cannot be used: {what}", "invalid_response", retryable=True)


# --- tokens --------------------------------------------------------------------------------------------------------


def _with_tokens(read: list[Completion], usage: object) -> list[Completion]:
    """With the counts that a server reports for a request: the prompt's at the first, the others shared out."""
    sent, received, cached, thoughts = _counts(usage)
    weights = [len(each.text or "") + len(each.reasoning or "") for each in read]
    lengths = [len(each.reasoning or "") for each in read]
    return [
        replace(
            each,
            input_tokens=0 if at else sent,
            cached_tokens=0 if at else cached,
            output_tokens=written,
            reasoning_tokens=thought,
        )
        for at, (each, written, thought) in enumerate(zip(read, divide(received, weights), divide(thoughts, lengths)))
    ]


def _counts(usage: object) -> tuple[int, int, int, int]:
    """The tokens of a prompt, of all that was written to it, those of the prompt in a cache, and those of thoughts."""
    if isinstance(usage, list):  # one entry a choice
        each = [_counts(one) for one in usage]
        received, thoughts = sum(one[1] for one in each), sum(one[3] for one in each)
        return max((one[0] for one in each), default=0), received, 0, thoughts
    known = {_snake(str(name)): each for name, each in usage.items()} if isinstance(usage, Mapping) else {}
    details = _first(known, "prompt_tokens_details", "input_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, Mapping) else None
    cached = cached or _first(known, "prompt_cache_hit_tokens", "cache_read_input_tokens", "cached_tokens")
    details = _first(known, "completion_tokens_details", "output_tokens_details")
    of_thoughts = details.get("reasoning_tokens") if isinstance(details, Mapping) else known.get("reasoning_tokens")
    sent = count_of(_first(known, "prompt_tokens", "input_tokens", "prompt_token_count"))
    received = count_of(_first(known, "completion_tokens", "output_tokens", "candidates_token_count"))
    if sent:  # some count thoughts in the total only
        received = max(received, count_of(known.get("total_tokens")) - sent)
    return sent, received, min(sent, count_of(cached)), min(received, count_of(of_thoughts))


def count_of(given: object) -> int:
    """A count of tokens, however odd it comes: as a text, a list with one for each choice, negative, or not at all."""
    if isinstance(given, list):
        return min(_MOST_TOKENS, sum(map(count_of, given)))
    if isinstance(given, str):
        try:
            given = float(given.replace(",", ""))
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

_STATUS_OF_WORDS = tuple(  # the words of an error that names no status
    (status, re.compile(rf"(?<![a-z_])(?:{signs})"))
    for status, signs in (
        (
            401,
            "authenti|auth_?fail|unauthori[sz]ed|unauthenticated"
            "|(?:invalid|incorrect|wrong|missing|bad|no)[ _-]?(?:api[ _-]?)?(?:key|token)"
            "|login fail|access token invalid|token (?:is |has )?expired|令牌|密钥|鉴权|身份验证|未授权",
        ),
        (
            429,
            "rate[ _-]?limit|request limit|too many requests|throttl|requests per|resource_exhausted"
            "|insufficient_quota|quota|频率|限流|并发|请求过多",
        ),
        (
            402,
            "insufficient[ _](?:balance|credits?|funds|account)|balance|payment|billing|arrearage|余额|额度不足|欠费",
        ),
        (400, "extra_forbidden|data_?inspection|content_filter"),
        (403, "permission|forbidden|access[ _]?denied|not allowed to"),
        (
            404,
            "model_?not_?found|not[ _]?found|does not exist|no such model|unknown model|unexpected endpoint"
            "|no route|不存在",
        ),
        (504, "time[d]?[ _-]?out|deadline_exceeded"),
        (503, "overload|unavailable|capacity|busy|loading|无可用|繁忙|过载"),
        (502, "bad gateway|upstream"),
        (
            400,
            "invalid|bad[ _]request|unsupported|not support|context[ _]length|extra inputs"
            "|validation|is required|参数|非法",
        ),
    )
)
_STATUS_OF_CODE = {  # MiniMax; Zhipu
    "1002": 429,
    "1004": 401,
    "1008": 402,
    "1026": 400,
    "1027": 400,
    "1039": 429,
    "2013": 400,
    "2049": 401,
    "2056": 429,
    "1113": 402,
    "1301": 400,
    "1302": 429,
    "1303": 429,
    "1305": 429,
}
_MESSAGES = (
    "message",
    "msg",
    "status_msg",
    "error_msg",
    "error_message",
    "errmsg",
    "errorMessage",
    "faultstring",
    "detail",
    "reason",
    "title",
    "error",
)
_CODES = ("code", "status_code", "error_code", "statusCode", "type", "__type", "status")


_SPELLINGS = {  # of Tencent and Volcengine
    "Error": "error",
    "Response": "response",
    "ResponseMetadata": "response",
    "Code": "code",
    "Message": "message",
}


def error_in(body: object) -> ReplyError | None:
    """The error that a body is, in any of the forms that servers give it; None where it is none."""
    found = _error_part(body)
    if found is None:
        return None
    message = _message_of(found)
    code, param = _first(found, *_CODES), found.get("param")
    said = " ".join(str(found[name]) for name in (*_CODES, "object") if isinstance(found.get(name), str))
    status = _status_of(found, f"{said} {message}")
    return ReplyError(message, status, body, None if code is None else str(code), str(param) if param else None)


def _error_part(body: object) -> Mapping[str, Any] | None:
    """The part of a body that says what went wrong."""
    if isinstance(body, list):  # Gemini
        return next((part for each in body if (part := _error_part(each)) is not None), None)
    if not isinstance(body, Mapping):
        return None
    body = {_SPELLINGS.get(str(name), str(name)): each for name, each in body.items()}
    for name in ("error", "errors", "err", "fault", "response", "detail"):
        given = body.get(name)
        given = given[0] if isinstance(given, list) and given else given
        if isinstance(given, Mapping):
            return _error_part(given) or given
        if name == "response":
            continue
        if given:
            return body if name == "error" else {**body, "message": body.get("message") or given}
    status = body.get("base_resp")  # MiniMax
    if isinstance(status, Mapping) and status.get("status_code"):
        return status
    is_turn = isinstance(body.get("message"), Mapping) and "role" in body["message"]  # Ollama's own answer
    return body if not is_turn and _is_error(body) and any(body.get(name) for name in _MESSAGES) else None


def _message_of(found: object) -> str:
    """The sentence in an error, however deep it lies."""
    if isinstance(found, list) and found:
        return "; ".join(map(_message_of, found))
    if isinstance(found, Mapping):
        given = _first(found, *_MESSAGES)
        where = found.get("loc")
        if isinstance(where, list):  # pydantic
            return f"{'.'.join(map(str, where))}: {_message_of(given)}"
        if isinstance(given, (Mapping, list)):
            return _message_of(given)
        found = given if given is not None else dict(found)
    return " ".join(str(found).split())


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _first(fields: Mapping[str, Any], *names: str) -> Any:
    return next((fields[name] for name in names if fields.get(name) not in (None, "")), None)


def _status_of(fields: Mapping[str, Any], words: str) -> int:
    for name in ("status_code", "http_status", "http_code", "statusCode", "status", "code", "error_code"):
        given = str(fields.get(name))
        if (number := re.match(r"[45]\d\d\b", given)) is not None:
            return int(number[0])
        if given in _STATUS_OF_CODE:
            return _STATUS_OF_CODE[given]
    said = _snake(words)
    return next((status for status, signs in _STATUS_OF_WORDS if signs.search(said)), 500)
