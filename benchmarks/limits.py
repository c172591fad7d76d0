"""How much of an endpoint's limit is used, and how often it refuses: python benchmarks/limits.py.

A local endpoint (latency lognormal, mean 0.5 s) takes 20 requests a second and answers 429 to the others: as a bucket
that is refilled all the time and holds a second's share, as windows of ten seconds, or as ten seconds that slide. 64
requests of a DurableLLM with the slots of a run want to be in flight all the time. Measured are the share of the limit
that was used and the share of requests that were refused, from the first request to the last answer, and without the
first quarter, in which a limit is found. Refusals name the seconds to wait; whole ones, as HTTP has them, or none.
`beating` is the same with the run's pace switched off: each request waits and tries again by itself.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
# A script finds its own folder only; what it imports of the clone has to stand below (E402).
sys.path.insert(0, str(ROOT))

from distilabel_selfinstruct.models.durable import DurableLLM  # noqa: E402
from distilabel_selfinstruct.models.openai import OpenAICompatibleLLM  # noqa: E402
from distilabel_selfinstruct.models.slots import RateLimits, SlotServer  # noqa: E402
from distilabel_selfinstruct.models.slots.pace import Pace  # noqa: E402
from tests.support.limiters import Bucket, Limiter, Sliding, Window, draft_headers, openai_headers  # noqa: E402
from tests.support.openai_server import Fault, OpenAIServer, status  # noqa: E402

_SLOTS, _LATENCY, _RATE = 64, 0.5, 20
_PROMPT_WORDS, _ANSWER_WORDS = 90, 10
_WORDS = _PROMPT_WORDS + _ANSWER_WORDS  # a request costs as many tokens


def _whole(wait: float) -> float | None:
    return float(-(-wait // 1))


@dataclass
class Case:
    """One limit, and what is known of it.

    Attributes:
        name: what the table calls it.
        limiter: the limit.
        limits: what the user says of it.
        wait: what a refusal says of the seconds to wait.
        headers: that every answer has.
        pace: instead of the run's.
    """

    name: str
    limiter: Limiter
    limits: RateLimits | None = None
    wait: Callable[[float], float | None] = lambda wait: round(wait, 2)
    headers: Callable[[Limiter, float], Mapping[str, str]] = lambda limiter, now: {}
    pace: Callable[[], Pace] | None = None
    decisions: list[tuple[float, bool]] = field(default_factory=list)

    def rule(self, body: Any) -> Fault | None:
        """Decides on a request."""
        now = time.monotonic()
        left = self.limiter.refusal(now)
        self.decisions.append((now, left is None))
        return None if left is None else status(429, "Rate limit reached", retry_after=self.wait(left))

    def measure(self, seconds: float) -> None:
        """Asks for so many seconds."""
        with (
            OpenAIServer(
                answer=lambda body: "word " * _ANSWER_WORDS,
                latency=_LATENCY,
                sigma=0.5,
                fault_rule=self.rule,
                tells=lambda: self.headers(self.limiter, time.monotonic()),
            ) as server,
            SlotServer(_SLOTS, limits=self.limits) as slots,
            tempfile.TemporaryDirectory() as folder,
        ):
            if self.pace is not None:
                slots.pace = self.pace()
            llm = DurableLLM(llm=OpenAICompatibleLLM(model="stub-model", base_url=server.url), folder=folder, stage="a")
            llm.load()
            prompts = [f"{number} " + "word " * (_PROMPT_WORDS - 1) for number in range(int(_RATE * seconds))]
            llm.generate_outputs(inputs=prompts)
            llm.unload()

    def shares(self, start: float) -> str:
        """Of the limit that was used, and of the requests that were refused, after this share of the time."""
        first, last = self.decisions[0][0], self.decisions[-1][0]
        taken = [was for at, was in self.decisions if first + start * (last - first) <= at < last]
        used = sum(taken) / ((1 - start) * (last - first) * _RATE)
        return f"{used:.1%} | {1 - sum(taken) / max(1, len(taken)):.1%}"


class Beating(Pace):
    """No pace at all."""

    def delay(self) -> float:
        """Nothing is waited for."""
        return 0.0

    def note_refused(self, wait: float | None, age: float = 0.0) -> None:
        """Nothing."""


def cases() -> list[Case]:
    """Those of the table."""
    requests, tokens = RateLimits(requests=60 * _RATE), RateLimits(tokens=60 * _RATE * _WORDS)
    return [
        Case("bucket, --requests-per-minute", Bucket(_RATE, _RATE), requests),
        Case("window, --requests-per-minute", Window(_RATE, 10), requests),
        Case("sliding, --requests-per-minute", Sliding(_RATE, 10), requests),
        Case("bucket, --tokens-per-minute", Bucket(_RATE, _RATE), tokens),
        Case("bucket, told by OpenAI's headers", Bucket(_RATE, _RATE), headers=openai_headers),
        Case("window, told by the drafts' headers", Window(_RATE, 10), headers=draft_headers),
        Case("bucket, found, seconds told", Bucket(_RATE, _RATE)),
        Case("window, found, seconds told", Window(_RATE, 10)),
        Case("sliding, found, seconds told", Sliding(_RATE, 10)),
        Case("bucket, found, whole seconds told", Bucket(_RATE, _RATE), wait=_whole),
        Case("window, found, whole seconds told", Window(_RATE, 10), wait=_whole),
        Case("bucket, found, nothing told", Bucket(_RATE, _RATE), wait=lambda wait: None),
        Case("window, found, nothing told", Window(_RATE, 10), wait=lambda wait: None),
        Case("sliding, found, nothing told", Sliding(_RATE, 10), wait=lambda wait: None),
        Case("bucket, beating", Bucket(_RATE, _RATE), pace=Beating),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--only", default="", help="cases whose names hold this")
    given = parser.parse_args()
    print("| limit | used | refused | used later | refused later |", "|---|---:|---:|---:|---:|", sep="\n")
    for case in cases():
        if given.only in case.name:
            case.measure(given.seconds)
            print(f"| {case.name} | {case.shares(0)} | {case.shares(0.25)} |", flush=True)


if __name__ == "__main__":
    main()
