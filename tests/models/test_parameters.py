"""What a refusal teaches about the parameters of a request: read from its words, whoever wrote them."""

from __future__ import annotations

from typing import Any

import pytest

from distilabel_selfinstruct.models.completion import error_in
from distilabel_selfinstruct.models.parameters import LEAVE_OUT, lessons

SENT: dict[str, Any] = {
    "model": "m", "messages": [], "max_tokens": 128, "temperature": 0.7, "top_p": 0.9, "presence_penalty": 1.5,
    "frequency_penalty": 0.5, "seed": 1, "stop": list("abcdefg"),
}  # fmt: skip


def learned(body: Any) -> dict[str, Any]:
    found = error_in({"error": body})
    assert found is not None
    return {lesson.parameter: lesson.value for lesson in lessons(body, str(found), found.param, SENT)}


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("temperature", "Invalid value for 'temperature': expected 1"),
        ("temperature", "The model requires temperature to be exactly 1."),
        ("temperature", "Only default temperature value is allowed."),
        ("temperature", "`temperature` is deprecated for this model."),
        ("temperature top_p", "This model has beta-limitations: temperature, top_p and n are fixed at 1"),
        ("temperature top_p", "sampling parameters (temperature, top_p) are not for reasoning models"),
        ("top_p", "The value of 'top_p' is fixed for this model and can't be changed."),
        ("top_p", "parameter `top_p` has no effect and is rejected for reasoning models"),
        ("top_p", "You can only specify one of temperature or top_p."),
        ("top_p", "Please specify either temperature or top_p, but not both."),
        ("top_p", "`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled."),
        ("frequency_penalty", "Frequency penalty is not enabled for this model"),
        ("frequency_penalty", "both presence_penalty and frequency_penalty can not be set"),
        ("presence_penalty frequency_penalty", "penalties are not supported for this model"),
        ("presence_penalty", "Malformed input request: extraneous key [presence_penalty] is not permitted"),
        ("presence_penalty", "Model grok-4 does not support parameter presencePenalty."),
        ("presence_penalty", "不支持参数 presence_penalty"),
        (
            "seed",
            "1 validation error for ChatCompletionRequest\nseed\n  Extra inputs are not permitted [input_value=0]",
        ),
        ("seed", "unknown field `seed`, expected one of `model`, `messages`, `temperature` at line 1 column 20"),
        ("seed", "Additional properties are not allowed ('seed' was unexpected)"),
        ("seed", "AiError: Bad input: Error: additional properties '/seed' not allowed"),
    ],
)
def test_what_a_sentence_refuses_is_left_out(names: str, said: str) -> None:
    assert learned({"message": said}) == dict.fromkeys(names.split(), LEAVE_OUT)


@pytest.mark.parametrize(
    ("most", "said"),
    [
        (4, "List should have at most 4 items after validation, not 7"),
        (4, "Parameter 'stop' must contain no more than 4 sequences."),
        (5, "the number of stop_sequences must be less than or equal to 5"),
        (1, "stop: too many stop sequences, max 1"),
    ],
)
def test_a_list_that_is_too_long_is_shortened(most: int, said: str) -> None:
    assert learned({"detail": [{"type": "too_long", "loc": ["body", "stop"], "msg": said}]}) == {"stop": most}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (False, "parameter.enable_thinking only support stream call"),
        (False, "parameter.enable_thinking must be set to false for non-streaming calls"),
        (True, "The value of the enable_thinking parameter is restricted to True."),
    ],
)
def test_thinking_is_switched_as_the_server_wants_it(value: bool, said: str) -> None:
    assert learned({"message": said}) == {"enable_thinking": value}


@pytest.mark.parametrize(
    "said",
    [
        "Invalid value: temperature must be between 0 and 2",
        "Temperature should be in [0.0, 2.0)",
        "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 instead.",
        "top_p must be greater than 0",
        "`max_tokens` must be at least 1, got -3",
        "max_tokens is too large: 30000. This model supports at most 16384 completion tokens",
        "This model's maximum context length is 4096 tokens, with temperature 0.7 you requested 5000 tokens.",
        "Please stop, and seed the discussion with another question.",
    ],
)
def test_a_bad_value_or_a_prompt_teaches_nothing(said: str) -> None:
    assert learned({"message": said, "code": "invalid_value", "param": None}) == {}


def test_a_parameter_in_a_field_of_its_own_is_refused_by_any_words() -> None:
    assert learned({"message": "This model has beta limitations.", "param": "temperature"}) == {
        "temperature": LEAVE_OUT
    }


@pytest.mark.parametrize(
    "said",
    ["Field 'n': Value must be between 1 <= value <= 2, but got 3", "`n` must be in [1, 4]", "n > 8 is too large"],
)
def test_a_range_for_the_number_of_completions_has_them_asked_for_one_by_one(said: str) -> None:
    assert [(lesson.parameter, lesson.value) for lesson in lessons(said, said, None, {"n": 9, "model": "m"})] == [
        ("n", LEAVE_OUT)
    ]
