"""How much of an endpoint's limit is used, and how often it refuses: python benchmarks/limits.py.

A local endpoint (latency lognormal, mean 0.5 s) takes so many requests or tokens a minute and answers 429 to the
others: as a bucket that is refilled all the time and holds a second's share (most providers), or as a window of ten
seconds that is full or not, whose end `retry-after` names. 64 requests of a DurableLLM with the slots of a run want to
be in flight all the time. Measured are the share of the limit that was used and the share of requests that were
refused, from the first request to the last answer; without the option also after the first quarter, when the limit has
been found. `beating` is the same with the run's pace switched off: each request waits and tries again by itself.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from distilabel_selfinstruct.models.durable import DurableLLM  # noqa: E402
from distilabel_selfinstruct.models.openai import OpenAICompatibleLLM  # noqa: E402
from distilabel_selfinstruct.models.slots import RateLimits, SlotServer  # noqa: E402
from distilabel_selfinstruct.models.slots.pace import Pace  # noqa: E402
from tests.support.openai_server import Fault, OpenAIServer, status  # noqa: E402

_SLOTS, _LATENCY = 64, 0.5
_PROMPT_WORDS, _ANSWER_WORDS = 90, 10


@dataclass
class Limit:
    """An account's limit: decides on each request, and counts.

    Attributes:
        per_second: requests, or tokens.
        counts_tokens: whether tokens are limited.
        window: seconds of a window; None is a bucket that is refilled all the time.
    """

    per_second: float
    counts_tokens: bool = False
    window: float | None = None
    decisions: list[tuple[float, bool]] = field(default_factory=list)
    _left: float = 0.0
    _at: float = 0.0
    _began: float = 0.0

    def __call__(self, body: Any) -> Fault | None:
        now = time.monotonic()
        self._began = self._began or now
        cost = _PROMPT_WORDS + _ANSWER_WORDS if self.counts_tokens else 1
        wait = self._refill(now, cost)
        if self._left >= cost:
            self._left -= cost
            self.decisions.append((now, True))
            return None
        self.decisions.append((now, False))
        return status(429, "Rate limit reached", retry_after=round(wait, 2))

    def _refill(self, now: float, cost: float) -> float:
        """Fills the account up; the seconds until there is enough for one more request."""
        if self.window is None:
            capacity = max(self.per_second, cost)
            self._left = min(capacity, self._left + (now - self._at) * self.per_second) if self._at else capacity
            self._at = now
            return max(0.0, (cost - self._left) / self.per_second)
        number = (now - self._began) // self.window
        if not self._at or number != self._at - 1:
            self._at, self._left = number + 1, self.per_second * self.window
        return (number + 1) * self.window - (now - self._began)

    def shares(self, start: float, end: float) -> tuple[float, float]:
        """Of the limit that was used, and of the requests that were refused, between two moments."""
        taken = [was for at, was in self.decisions if start <= at < end]
        cost = _PROMPT_WORDS + _ANSWER_WORDS if self.counts_tokens else 1
        # What the account holds at the beginning comes on top of what it takes in the time.
        possible = (end - start) * self.per_second
        return sum(taken) * cost / possible, 1 - sum(taken) / max(1, len(taken))


class Beating(Pace):
    """No pace at all."""

    is_free = True

    def note_refused(self, wait: float | None) -> None:
        """Nothing."""


def measure(limit: Limit, limits: RateLimits | None, seconds: float, pace: Callable[[], Pace] | None = None) -> Limit:
    """Asks for so many seconds."""
    prompts = int(limit.per_second / (100 if limit.counts_tokens else 1) * seconds)
    with (
        OpenAIServer(
            answer=lambda body: "word " * _ANSWER_WORDS, latency=_LATENCY, sigma=0.5, fault_rule=limit
        ) as server,
        SlotServer(_SLOTS, limits=limits) as slots,
        tempfile.TemporaryDirectory() as folder,
    ):
        if pace is not None:
            slots.pace = pace()
        llm = DurableLLM(llm=OpenAICompatibleLLM(model="stub-model", base_url=server.url), folder=folder, stage="a")
        llm.load()
        llm.generate_outputs(inputs=[f"{number} " + "word " * (_PROMPT_WORDS - 1) for number in range(prompts)])
        llm.unload()
    return limit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--per-minute", type=int, default=1200)
    given = parser.parse_args()
    rate, seconds = given.per_minute / 60, given.seconds
    cases: list[tuple[str, Limit, RateLimits | None, Callable[[], Pace] | None]] = [
        ("bucket, --requests-per-minute", Limit(rate), RateLimits(requests=given.per_minute), None),
        ("window, --requests-per-minute", Limit(rate, window=10), RateLimits(requests=given.per_minute), None),
        ("tokens, --tokens-per-minute", Limit(rate * 100, True), RateLimits(tokens=given.per_minute * 100), None),
        ("bucket, found by itself", Limit(rate), None, None),
        ("window, found by itself", Limit(rate, window=10), None, None),
        ("bucket, beating", Limit(rate), None, Beating),
    ]
    print("| limit | used | refused | used later | refused later |", "|---|---:|---:|---:|---:|", sep="\n")
    for name, limit, limits, pace in cases:
        measure(limit, limits, seconds, pace)
        start, end = limit.decisions[0][0], limit.decisions[-1][0]
        whole, later = limit.shares(start, end), limit.shares(start + (end - start) / 4, end)
        print(f"| {name} | {whole[0]:.1%} | {whole[1]:.1%} | {later[0]:.1%} | {later[1]:.1%} |", flush=True)


if __name__ == "__main__":
    main()
