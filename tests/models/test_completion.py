"""The envelope of an answer, without a server; what servers make of it is in test_dialects.py."""

from __future__ import annotations

import contextlib
import math
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distilabel_selfinstruct.errors import RequestFailed
from distilabel_selfinstruct.models.completion import (
    Completion,
    ReplyError,
    count_of,
    divide,
    error_in,
    normal_ending,
    read_reply,
)
from distilabel_selfinstruct.models.parameters import as_sent, lessons

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "message", "content", "text", "type", "error", "usage", "detail", "code"]),
            inner,
        )
    ),
)


@given(JSON)
def test_no_body_gives_anything_but_completions_or_an_error_of_ours(body: Any) -> None:
    with contextlib.suppress(RequestFailed, ReplyError):
        assert all(isinstance(each, Completion) for each in read_reply(body))


@given(JSON)
def test_no_refusal_is_too_odd_to_be_read(body: Any) -> None:
    found = error_in(body)
    sent = {"model": "m", "temperature": 0.5, "stop": ["a", "b"], "code": 1}
    learned = {lesson.parameter: lesson.value for lesson in lessons(body, str(found), None, sent)}
    assert as_sent(sent, learned)["model"] == "m"


@pytest.mark.parametrize(
    ("given", "count"),
    [
        (7, 7), (7.9, 7), ("7", 7), ("7.0", 7), ("1e400", 0), ("many", 0), (None, 0), (-1, 0), (True, 0), ([3, "4"], 7),
        (math.nan, 0), (math.inf, 0), (2**64, 2**53), ({}, 0), ([], 0),
    ],
)  # fmt: skip
def test_counts_are_counts(given: Any, count: int) -> None:
    assert count_of(given) == count


@given(st.integers(0, 10**6), st.lists(st.integers(0, 1000), min_size=1, max_size=9))
def test_shares_sum_up(total: int, weights: list[int]) -> None:
    assert sum(divide(total, weights)) == total


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        ("stop", "stop eos eos_token stop_sequence end_turn STOP Candidate.FinishReason.STOP COMPLETE"),
        ("length", "length max_tokens MAX_TOKENS maxTokens model_length token_limit_reached incomplete"),
        ("content_filter", "content_filter SAFETY RECITATION sensitive refusal guardrail_intervened ERROR_TOXIC"),
        ("error", "error abort cancelled insufficient_system_resource network_error timeout OTHER server_error"),
        ("error", "killed preempted shutdown connection_reset engine_crash internal"),
        ("length", "ERROR_LIMIT max_output_tokens"),
        ("content_filter", "LANGUAGE blocked policy_violation unsafe"),
        (None, "unknown plonk 7 _"),
    ],
)  # fmt: skip
def test_endings(ending: str | None, words: str) -> None:
    assert {word: normal_ending(word) for word in words.split()} == dict.fromkeys(words.split(), ending)


@pytest.mark.parametrize("given", [None, 3, {}, [], "", {"type": 3}, [[]]])
def test_what_is_no_ending(given: Any) -> None:
    assert normal_ending(given) is None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"error": {"message": "Insufficient credits", "code": 402}}, 402),
        ({"error": {"message": "Your balance is too low", "code": "insufficient_balance"}}, 402),
        ({"error": {"message": "x", "type": "authentication_error"}}, 401),
        ({"error": {"message": "x", "type": "permission_error"}}, 403),
        ({"error": {"message": "x", "code": "model_not_found"}}, 404),
        ({"error": {"message": "x", "status": "RESOURCE_EXHAUSTED"}}, 429),
        ({"error": {"message": "You exceeded your current quota, check your plan and billing"}}, 429),
        ({"error": {"code": "1302", "message": "x"}}, 429),
        ({"error": {"code": "1113", "message": "x"}}, 402),
        ({"code": "DataInspectionFailed", "message": "Output data may contain inappropriate content."}, 400),
        ({"detail": [{"type": "extra_forbidden", "loc": ["body", "n"], "msg": "Extra inputs are not permitted"}]}, 400),
        ({"statusCode": 503, "message": "x"}, 503),
        ({"message": "API rate limit exceeded"}, 429),
        ({"errors": [{"message": "something else"}]}, 500),
        ({"errors": ["bad key"]}, 401),
        ({"error": {"error": {"message": "x", "code": 429}}}, 429),
        ({"error_code": 18, "error_msg": "Open api qps request limit reached"}, 429),
        ({"ok": False, "reason": "balance too low"}, 402),
        ({"Response": {"Error": {"Code": "AuthFailure", "Message": "x"}, "RequestId": "1"}}, 401),
        ({"ResponseMetadata": {"Error": {"Code": "InvalidApiKey", "Message": "x"}}}, 401),
        ({"fault": {"faultstring": "Rate limit quota violation"}}, 429),
        ("error", None),
        ({"data": []}, None),
        ({"error": None, "choices": []}, None),
    ],
)
def test_the_status_that_an_error_means(body: Any, status: int | None) -> None:
    found = error_in(body)
    assert (found and found.status_code) == status


def test_an_error_survives_the_way_to_another_process() -> None:
    error = error_in({"error": {"message": "no", "code": "c", "param": "p"}})
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.status_code, again.code, again.param) == ("no", 500, "c", "p")


def test_a_stop_sequence_is_no_part_of_an_answer() -> None:
    reply = {"choices": [{"text": "a\n\nb", "finish_reason": "length"}]}
    assert read_reply(reply, ["\n\n", ""]) == [Completion("a", "stop")]


def message(content: Any, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"message": {"content": content, **fields}, "finish_reason": "stop"}]}


@pytest.mark.parametrize(
    "content",
    [
        {"type": "text", "text": "b"},
        {"parts": [{"text": "b"}]},
        [{"type": "text", "text": {"value": "b", "annotations": []}}],
        [{"type": "text", "content": "b"}],
        [{"type": "thought", "text": "a"}, {"text": "b"}],
        [{"type": "redacted_thinking", "data": "a"}, {"type": "text", "text": "b"}],
    ],
)
def test_a_content_in_parts_is_the_text_of_its_texts(content: Any) -> None:
    assert [each.text for each in read_reply(message(content))] == ["b"]


@pytest.mark.parametrize(
    "fields",
    [
        {"reasoning_details": [{"type": "reasoning.text", "text": "a"}]},
        {"thinking_blocks": [{"type": "thinking", "thinking": "a"}]},
        {"provider_specific_fields": {"reasoning_content": "a"}},
        {"thoughts": "a"},
        {"reasoning": "a", "reasoning_details": [{"text": "a"}, {"data": "x"}]},
    ],
)
def test_thoughts_beside_the_content(fields: dict[str, Any]) -> None:
    assert [each.reasoning for each in read_reply(message("b", **fields))] == ["a"]
    with pytest.raises(RequestFailed, match="the whole answer came as reasoning"):
        read_reply(message(None, **fields))


def test_an_answer_that_consists_of_thoughts_is_none() -> None:
    with pytest.raises(RequestFailed) as caught:
        read_reply(message("<think>a</think>"))
    assert (caught.value.reason, caught.value.kind) == ("reasoning_only", "setup")


@pytest.mark.parametrize(
    ("error", "is_broken"), [({"code": 502, "message": "x"}, True), ({"code": 0}, False), ({}, False)]
)
def test_an_error_beside_half_an_answer(error: dict[str, Any], is_broken: bool) -> None:
    reply = {**message("b"), "error": error}
    with pytest.raises(ReplyError) if is_broken else contextlib.nullcontext():
        assert [each.text for each in read_reply(reply)] == ["b"]


def test_an_empty_part_of_a_content_is_a_text() -> None:
    parts = [{"type": "text", "text": ""}, {"type": "text", "text": "Yes"}]
    (completion,) = read_reply({"choices": [{"message": {"content": parts}, "finish_reason": "stop"}]})
    assert completion.text == "Yes"
