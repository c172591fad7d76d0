"""How likely a text is after another, of what servers say of its tokens."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from distilabel_selfinstruct.errors import EndpointError, RequestFailed
from distilabel_selfinstruct.models.likelihood import read_echo, read_forced, split

CONTEXT, PARIS = "The capital of France is", " Paris, of course"


def echo(tokens: Sequence[str], logprobs: Sequence[float | None], likeliest: Sequence[float] | None = None) -> Any:
    """The answer of a server that repeats a text, in these tokens, and writes one more."""
    best = likeliest or [logprob or 0.0 for logprob in logprobs]
    tops = [None if own is None else {token: own, "other": top} for token, own, top in zip(tokens, logprobs, best)]
    said = {"tokens": [*tokens, "!"], "token_logprobs": [*logprobs, -0.5], "top_logprobs": [*tops, {"!": -0.5}]}
    return {
        "choices": [{"text": "", "finish_reason": "length", "logprobs": said}],
        "usage": {"prompt_tokens": len(tokens), "completion_tokens": 1},
    }


def read(reply: Any, context: str, continuation: str) -> tuple[float, bool]:
    logprob, is_greedy = json.loads(read_echo(reply, context + continuation, len(context.rstrip())).text or "")
    return logprob, is_greedy


class TestEcho:
    def test_the_tokens_after_the_context_count(self) -> None:
        tokens = ["The", " capital", " of", " France", " is", " Paris", ",", " of", " course"]
        reply = echo(tokens, [None, -1, -1, -1, -1, -0.25, -1.5, -4, -2])
        assert read(reply, CONTEXT, PARIS) == (-7.75, True)
        assert read_echo(reply, CONTEXT + PARIS, len(CONTEXT)).input_tokens == 9

    def test_it_is_greedy_where_no_other_token_is_likelier(self) -> None:
        tokens, logprobs = ["It", " is", " Paris"], [None, -1, -2]
        assert read(echo(tokens, logprobs, [0, -0.5, -2]), "It is", " Paris") == (-2, True)
        assert read(echo(tokens, logprobs, [0, -1, -0.5]), "It is", " Paris") == (-2, False)

    def test_a_mark_of_the_beginning_is_no_part_of_a_text(self) -> None:
        assert read(echo(["<s>", "It", " is"], [None, -3, -1]), "", "It is") == (-4, True)

    def test_words_may_come_without_the_space_before_them(self) -> None:
        """As those of Llama 2 do from vLLM."""
        assert read(echo(["<s>", "It", "is", "Paris", "."], [None, -1, -1, -2, -4]), "It is", " Paris.") == (-6, True)

    def test_a_character_of_several_tokens(self) -> None:
        assert read(echo(["It", " is", " ", "", "", "é"], [None, -1, -1, -2, -4, -8]), "It is", " é") == (-15, True)

    def test_spaces_at_the_end_of_the_context_belong_to_what_follows(self) -> None:
        assert read(echo(["It", " is", " Paris"], [None, -1, -2]), "It is ", "Paris") == (-2, True)

    def test_a_token_that_begins_in_the_context_counts_only_where_there_is_no_other(self) -> None:
        assert read(echo(["A", ":\n", "B"], [None, -1, -2]), "A:", "\nB") == (-2, True)
        assert read(echo(["It is Par", "is"], [None, -2]), "It is Pari", "s") == (-2, True)

    def test_what_does_not_spell_the_text_is_no_answer(self) -> None:
        for tokens in (["It", " is", " Rome"], ["is", " Paris"], ["It", "\ufffd", "\ufffd"]):
            with pytest.raises(RequestFailed, match="do not spell the text"):
                read(echo(tokens, [None, *[-1] * (len(tokens) - 1)]), "", "It is Paris")

    def test_an_endpoint_that_does_not_repeat_the_text(self) -> None:
        for said in (None, {"content": [{"token": "!", "logprob": -0.5}]}, echo([], [])["choices"][0]["logprobs"]):
            reply = {"choices": [{"text": "!", "finish_reason": "length", "logprobs": said}], "usage": {}}
            with pytest.raises(EndpointError, match="answers hold no probabilities of a text"):
                read(reply, "It is", " Paris")

    def test_a_first_token_of_which_nothing_is_said(self) -> None:
        with pytest.raises(EndpointError, match="does not tell how likely the first token of a text is"):
            read(echo(["It", " is"], [None, -1]), "", "It is")


class TestForced:
    def replies(self, *ids: int) -> list[Any]:
        said = [{"id": each, "logprob": -float(each), "top_logprobs": [{"id": min(each, 2)}]} for each in ids]
        return [
            {"choices": [{"text": "", "finish_reason": "length", "logprobs": {"content": [each]}}]} for each in said
        ]

    def test_all_tokens_count(self) -> None:
        assert read_forced(self.replies(1, 2), [1, 2]).text == "[-3.0, true]"
        assert read_forced(self.replies(1, 3), [1, 3]).text == "[-4.0, false]"

    def test_others_than_those_are_no_answer(self) -> None:
        with pytest.raises(RequestFailed) as others:
            read_forced(self.replies(1, 3), [1, 2])
        assert others.value.reason == "invalid_response"

    def test_a_part_of_a_character_is_told_to_be_one(self) -> None:
        nothing = {"choices": [{"text": " ", "finish_reason": "length", "logprobs": None}]}
        with pytest.raises(RequestFailed, match="no probability of a token that only begins a character"):
            read_forced([nothing, *self.replies(2)], [1, 2])


def test_a_text_is_parted_where_its_first_part_ends() -> None:
    assert split([7, 8], [7, 8, 9, 10]) == ([7, 8], [9, 10])
    assert split([7, 8], [7, 9]) == ([7], [9])
