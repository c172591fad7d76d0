"""What the headers of an answer say of limits, in the forms that providers have."""

from __future__ import annotations

import time
from datetime import datetime, timezone

import pytest

from distilabel_selfinstruct.models.telling import Told, told


@pytest.mark.parametrize(
    ("headers", "limits"),
    [
        (  # OpenAI
            {
                "x-ratelimit-limit-requests": "500",
                "x-ratelimit-limit-tokens": "200000",
                "x-ratelimit-remaining-requests": "499",
                "x-ratelimit-remaining-tokens": "199936",
                "x-ratelimit-reset-requests": "120ms",
                "x-ratelimit-reset-tokens": "6m0s",
            },
            [Told("requests", 500, 499, 0.12), Told("tokens", 200_000, 199_936, 360)],
        ),
        (  # Azure, whose limits are those of a minute
            {"X-RateLimit-Limit-Requests": "60", "X-RateLimit-Remaining-Requests": "59"},
            [Told("requests", 60, 59)],
        ),
        (  # Cerebras, Mistral
            {"x-ratelimit-limit-tokens-minute": "60000", "x-ratelimit-limit-requests-day": "1440"},
            [Told("tokens", 60_000, window=60), Told("requests", 1440, window=86_400)],
        ),
        (  # what litellm hands on
            {"llm_provider-x-ratelimit-limit-requests": "500", "llm_provider-x-ratelimit-reset-requests": "1s"},
            [Told("requests", 500, None, 1.0)],
        ),
        (  # the first drafts of the IETF
            {"RateLimit-Limit": "100, 100;w=60", "RateLimit-Remaining": "50", "RateLimit-Reset": "30"},
            [Told("requests", 100, 50, 30, 60)],
        ),
        ({"x-ratelimit-limit": "60", "x-ratelimit-remaining": "0"}, [Told("requests", 60, 0)]),
        ({"RateLimit": "limit=100, remaining=50, reset=5"}, [Told("requests", 100, 50, 5)]),
        (  # the later ones
            {"RateLimit-Policy": '"default";q=100;w=10', "RateLimit": '"default";r=50;t=5'},
            [Told("requests", 100, 50, 5, 10)],
        ),
        ({"x-ratelimit-limit-images": "7", "x-ratelimit-used": "3", "x-ratelimit-limit-requests": "many"}, []),
        ({"content-type": "application/json"}, []),
    ],
)
def test_the_forms_of_providers_say_the_same(headers: dict[str, str], limits: list[Told]) -> None:
    assert told(headers.items()) == limits


def test_anthropic_tells_the_moment_and_the_kinds_of_tokens() -> None:
    moment = datetime.fromtimestamp(time.time() + 30, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    headers = {
        "anthropic-ratelimit-requests-limit": "50",
        "anthropic-ratelimit-requests-remaining": "49",
        "anthropic-ratelimit-requests-reset": moment,
        "anthropic-ratelimit-input-tokens-limit": "30000",
        "anthropic-ratelimit-output-tokens-limit": "8000",
    }
    requests, read, written = told(headers.items())
    assert (requests.kind, requests.limit, requests.remaining) == ("requests", 50, 49)
    assert requests.reset == pytest.approx(30, abs=5)
    assert (read, written) == (Told("input-tokens", 30_000), Told("output-tokens", 8_000))
