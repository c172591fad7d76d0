"""How likely a text is after another, read from what a server says of its tokens.

It is the answer to a question like any other, and so a text: as JSON, the sum of the log-probabilities of the tokens,
and whether each of them is the likeliest in its place.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from distilabel_selfinstruct.errors import EndpointError, RequestFailed
from distilabel_selfinstruct.models.completion import Completion, read_reply

TELLING = (
    "Servers of vLLM and SGLang tell them (`echo` with `logprobs` of /completions), and so do those of llama.cpp, --llm"
    " local and --llm vllm."
)
_TELLS_NONE = "The endpoint's answers hold no probabilities of a text that it is given."
_TELLS_NO_FIRST = (
    "The endpoint does not tell how likely the first token of a text is, since it puts no mark of a beginning before"
    " it, as --llm local and --llm vllm do."
)


def answer(read: Completion, tokens: Iterable[tuple[float, bool]]) -> Completion:
    """What was read, with the likelihood of these tokens as its text."""
    return replace(read, text=as_text(tokens), finish_reason="stop")


def as_text(tokens: Iterable[tuple[float, bool]]) -> str:
    """The answer, of the log-probability of each token and whether it is the likeliest."""
    logprobs, greedy = zip(*tokens)
    return json.dumps([sum(logprobs), all(greedy)])


def split(before: Sequence[int], whole: Sequence[int]) -> tuple[list[int], list[int]]:
    """The tokens of a text, parted where those of its first part alone end, as lm-eval does; the last always counts."""
    at = min(len(before), len(whole) - 1)
    return list(whole[:at]), list(whole[at:])


def read_echo(reply: Any, text: str, begin: int) -> Completion:
    """How likely a text is from a place on, of an answer of `/completions` that repeats it.

    Args:
        reply: the answer, to `echo`, `logprobs` and one token more.
        text: that was sent.
        begin: the place.

    Raises:
        EndpointError: if the endpoint tells no probabilities.
        RequestFailed: if this answer cannot be read.
    """
    read = read_reply(reply)[0]
    said = reply["choices"][0].get("logprobs") or {}
    tokens, logprobs, tops = (said.get(name) or [] for name in ("tokens", "token_logprobs", "top_logprobs"))
    tokens = tokens[: len(tokens) - (read.output_tokens if read.input_tokens else 1)]
    if not tokens or not len(tokens) <= len(logprobs) == len(tops):
        raise EndpointError(_TELLS_NONE)
    first = _first_token(tokens, text, begin)
    picked = list(zip(logprobs, tops))[first : len(tokens)]
    if not all(isinstance(logprob, (int, float)) and top for logprob, top in picked):
        raise EndpointError(_TELLS_NONE if begin else _TELLS_NO_FIRST)
    return answer(read, ((logprob, logprob >= max(top.values())) for logprob, top in picked))


def _first_token(tokens: Sequence[str], text: str, begin: int) -> int:
    """The number of the first token that begins at this place of a text or after it, told by what the tokens spell."""
    end = len(text)
    for at in reversed(range(len(tokens))):
        if not end:  # what is left stands before the text: a mark of its beginning
            return at + 1
        token = tokens[at]
        if not text.endswith(token, 0, end):  # some tell a word without the space before it
            token, end = token.strip(), len(text[:end].rstrip())
        if not text.endswith(token, 0, end):
            break
        end -= len(token)
        if end < begin:
            return min(at + 1, len(tokens) - 1)
    else:
        if not text[:end].strip():
            return 0
    raise RequestFailed("the tokens that the endpoint tells do not spell the text that it was sent", "invalid_response")


def read_forced(replies: Sequence[Any], tokens: Sequence[int]) -> Completion:
    """How likely these tokens are, of the answers of llama.cpp's server, each of which had to be the next of them.

    Raises:
        RequestFailed: if there are others, or none: of a token that only begins a character the server tells nothing.
    """
    said = [each for reply in replies for each in (reply["choices"][0].get("logprobs") or {}).get("content") or []]
    if [each["id"] for each in said] != list(tokens):
        why = "llama.cpp's server tells no probability of a token that only begins a character"
        raise RequestFailed(why if len(said) < len(tokens) else "other tokens came back", "invalid_response")
    read = replace(read_reply(replies[-1])[0], output_tokens=len(tokens))
    return answer(read, ((each["logprob"], each["top_logprobs"][0]["id"] == each["id"]) for each in said))
