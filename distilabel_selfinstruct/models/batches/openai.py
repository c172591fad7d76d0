"""OpenAI's Batch API, which many servers have: a file of requests, a batch, and files of results and of errors."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from distilabel_selfinstruct.errors import EndpointError
from distilabel_selfinstruct.models.batches.journal import Batch, Journal
from distilabel_selfinstruct.models.batches.protocol import (
    BatchRefused,
    QueueFull,
    State,
    as_line,
    cancelled,
    not_in_time,
)
from distilabel_selfinstruct.models.completion import error_in, no_completion
from distilabel_selfinstruct.models.connection import Connection, StatusError
from distilabel_selfinstruct.models.endpoint import what_it_is
from distilabel_selfinstruct.secrets import mask_url, shown

NAME = "distilabel_selfinstruct"
"""Of the metadata by which a batch is found again."""
_PAGES, _PAGE = 10, 100  # of the list of batches that are looked through
_ENDED = ("completed", "expired", "cancelled")
_NO_ROOM = ("token_limit_exceeded", "enqueued token", "too many batches", "queue")


class Lines:
    """Files in which a line is a request, or what came of one, as OpenAI has them."""

    most_requests, most_bytes = 50_000, 200_000_000

    def line(self, name: str, route: str, sent: Mapping[str, Any]) -> bytes:
        """A request as it stands in a file."""
        return as_line({"custom_id": name, "method": "POST", "url": f"/v1{route}", "body": sent})

    def read(self, line: Mapping[str, Any]) -> object:
        """What a line of the results holds: the body of an answer, or the exception that it means."""
        response, error = line.get("response"), line.get("error")
        response = response if isinstance(response, Mapping) else {}
        status = response.get("status_code", 200 if response else None)
        if status == 200 and not error:
            return response.get("body")
        code = error.get("code") if isinstance(error, Mapping) else None
        if code == "batch_expired":
            return not_in_time("it expired")
        if code == "batch_cancelled":
            return cancelled()
        said = response.get("body") or error
        if isinstance(status, int) and status >= 400:
            return StatusError(status, as_line({"error": said or "no word of why"}), {})
        return error_in({"error": said}) or no_completion(f"{dict(line)!r:.200}")


class OpenAIBatches(Lines):
    """Batches at an endpoint that speaks OpenAI's protocol."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._at = mask_url(connection.url).rstrip("/")

    @property
    def place(self) -> str:
        """Names the protocol and the address."""
        return f"openai {self._at}"

    async def find(self, batch: Batch, noted: Collection[str]) -> str | None:
        """The batch with this name, among the newest that the server lists."""
        after = ""
        for _ in range(_PAGES):
            page = await self._ask(f"/batches?limit={_PAGE}{after}")
            listed = page.get("data") or []
            for each in listed:
                if (each.get("metadata") or {}).get(NAME) == batch.name:
                    return str(each["id"])
            if not page.get("has_more") or not listed or listed[-1].get("created_at", batch.began) < batch.began - 3600:
                return None
            after = f"&after={listed[-1]['id']}"
        return None

    async def submit(self, batch: Batch, journal: Journal) -> str:
        """Uploads the file and makes a batch of it."""
        content = journal.path_of(batch, "in.jsonl").read_bytes()
        try:
            file = _parsed(
                await self._connection.upload("/files", {"purpose": "batch"}, f"{batch.name}.jsonl", content)
            )
        except StatusError as error:
            if error.status_code in (404, 405, 501):
                said = f"{self._at} takes no batches (POST /files: {error.status_code})"
                raise EndpointError(shown(f"{said}: leave --batch out, or check base_url.")) from None
            raise
        wanted = {
            "input_file_id": file["id"],
            "endpoint": f"/v1{batch.route}",
            "completion_window": "24h",
            "metadata": {NAME: batch.name},
        }
        return str((await self._ask("/batches", wanted))["id"])

    async def state(self, batch: Batch, journal: Journal) -> State:
        """How far it is.

        Raises:
            BatchRefused: if the server found fault with the file.
            QueueFull: if it has too many batches of this account already.
        """
        known = await self._ask(f"/batches/{batch.id}")
        status, counts = str(known.get("status")), known.get("request_counts") or {}
        if status == "failed":
            raise _refused(batch, known)
        answered = int(counts.get("completed") or 0)
        files = tuple(known[name] for name in ("output_file_id", "error_file_id") if known.get(name))
        done = answered + int(counts.get("failed") or 0)
        return State(status, done, answered, status in _ENDED, known.get("expires_at"), files)

    async def results(self, batch: Batch, state: State, journal: Journal) -> str:
        """The lines of both files."""
        texts = [await self._connection.ask(f"/files/{file}/content") for file in state.results]
        return "\n".join(text.decode("utf-8-sig", "replace") for text in texts)

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._connection.aclose()

    async def _ask(self, route: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        try:
            return _parsed(await self._connection.ask(route, body))
        except StatusError as error:
            said = str(error).lower()
            if body is not None and error.status_code == 429 and not _is_unpaid(said):
                wait = error.headers.get("retry-after", "")
                raise QueueFull(_sentence(error), float(wait) if wait.isdigit() else None) from None
            raise


def _parsed(content: bytes) -> dict[str, Any]:
    """The object in a body."""
    text = content.decode("utf-8-sig", "replace")
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        raise no_completion(what_it_is(text)) from None
    if not isinstance(body, dict):
        raise no_completion(what_it_is(text))
    return body


def _sentence(error: StatusError) -> str:
    return shown(error_in({"error": error.body}) or error)


def _is_unpaid(said: str) -> bool:
    return "insufficient_quota" in said or "billing" in said


def _refused(batch: Batch, known: Mapping[str, Any]) -> Exception:
    """What a batch means that was not begun: the server's own sentences."""
    given = (known.get("errors") or {}).get("data") or []
    said = []
    for each in given[:3]:
        where = f" (line {each['line']} of the file)" if each.get("line") else ""
        said.append(f"{str(each.get('message') or each.get('code')).rstrip('.')}{where}")
    more = f"; and {len(given) - 3:,} more" if len(given) > 3 else ""
    sentence = shown("; ".join(said) + more or "without a word of why")
    codes = " ".join(f"{each.get('code')} {each.get('message')}" for each in given).lower()
    if any(sign in codes for sign in _NO_ROOM):
        return QueueFull(sentence)
    return BatchRefused(
        f"The batch {batch.id} of the stage {batch.stage} was refused: {sentence}. Nothing of it was answered or paid"
        " for. Change what it says, and run the same command again."
    )
