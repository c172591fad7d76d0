"""Anthropic's Message Batches: the requests in one body, the results as lines. Messages are mapped by litellm."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from distilabel_selfinstruct.models.batches.journal import Batch, Journal
from distilabel_selfinstruct.models.batches.openai import OpenAIBatches
from distilabel_selfinstruct.models.batches.protocol import State, as_line, cancelled, not_in_time
from distilabel_selfinstruct.models.completion import error_in, no_completion

ADDRESS = "https://api.anthropic.com"
_ROUTE = "/v1/messages/batches"
_EARLY = 120.0  # seconds that clocks may differ


class AnthropicBatches(OpenAIBatches):
    """Batches at Anthropic's; a request is its body there."""

    most_requests, most_bytes = 100_000, 256_000_000

    @property
    def place(self) -> str:
        """Names the protocol and the address."""
        return f"anthropic {self._at}"

    def line(self, name: str, route: str, sent: Mapping[str, Any]) -> bytes:
        """A request as it stands in a file."""
        return as_line({"custom_id": name, "params": sent})

    async def find(self, batch: Batch, noted: Collection[str]) -> str | None:
        """A batch of this size that came after this one was made: a batch has no name there.

        The ids of its requests show what it is: where it is somebody else's, none of ours is in its results.
        """
        page = await self._ask(f"{_ROUTE}?limit=100")
        for each in page.get("data") or []:
            counts = each.get("request_counts") or {}
            made = _moment(each.get("created_at")) or 0.0
            is_ours = made >= batch.began - _EARLY and sum(map(int, counts.values())) == batch.requests
            if is_ours and each["id"] not in noted:
                return str(each["id"])
        return None

    async def submit(self, batch: Batch, journal: Journal) -> str:
        """Sends all requests."""
        return str((await self._ask(_ROUTE, {"requests": journal.lines(batch)}))["id"])

    async def state(self, batch: Batch, journal: Journal) -> State:
        """How far it is."""
        known = await self._ask(f"{_ROUTE}/{batch.id}")
        status = str(known.get("processing_status"))
        counts = {name: int(count or 0) for name, count in (known.get("request_counts") or {}).items()}
        answered = counts.get("succeeded", 0)
        done = sum(counts.values()) - counts.get("processing", 0)
        return State(status, done, answered, status == "ended", _moment(known.get("expires_at")))

    async def results(self, batch: Batch, state: State, journal: Journal) -> str:
        """The lines of the results."""
        return (await self._connection.ask(f"{_ROUTE}/{batch.id}/results")).decode("utf-8-sig", "replace")

    def read(self, line: Mapping[str, Any]) -> object:
        """What a line of the results holds: a message, or the exception that it means."""
        result = line.get("result")
        result = result if isinstance(result, Mapping) else {}
        kind = result.get("type")
        if kind == "succeeded" and isinstance(result.get("message"), Mapping):
            return result["message"]
        if kind == "expired":
            return not_in_time("it expired")
        if kind == "canceled":
            return cancelled()
        error = result.get("error")
        return error_in(error if isinstance(error, Mapping) else {}) or no_completion(f"{dict(line)!r:.200}")


def _moment(given: object) -> float | None:
    """Seconds since the epoch."""
    try:
        return datetime.fromisoformat(str(given).replace("Z", "+00:00")).timestamp()
    except ValueError:
        return None
