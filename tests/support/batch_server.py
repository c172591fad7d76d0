"""A local server of OpenAI's Batch API and Anthropic's Message Batches, in their documented shapes, on demand at fault.

with BatchServer(answer=answer) as server:
    server.changes = [shuffled, None]  # what becomes of the results of the first batch, of the second
    server.ends = ["expired"]  # how the first one ends
    OpenAICompatibleLLM(model="stub-model", base_url=server.url, batching=...)

It answers single requests too, as the stub server does, so that a run with batches and one without are told the same.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.parser import BytesParser
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tests.support.openai_server import Body, Stub, words
from tests.support.openai_server import Request as Single
from tests.support.providers import Served

Row = dict[str, Any]


@dataclass
class Handed:
    """A batch as the server has it."""

    id: str
    rows: list[Row]
    metadata: dict[str, str] = field(default_factory=dict)
    end: str = "completed"
    results: list[Row] = field(default_factory=list)
    created: float = field(default_factory=time.time)
    looks: int = 0


class BatchServer(Served):
    """In a thread of this process.

    Attributes:
        batches: that were handed over.
        singles: single requests, as they came.
        changes: what becomes of the results of each batch, in the order of batches; None leaves them as they are.
        ends: how each batch ends: `completed`, `expired`, `cancelled`, `failed`, or `never`.
        refusals: what the creation of each batch answers instead: status, body, and whether it is made all the same.
        texts: what becomes of the text of each file of results that is fetched.
        troubles: statuses with which looks at a batch are answered instead.
        errors: of a batch that ends as `failed`.
        is_held: whether batches stay in progress.
        missing: routes that there are not.
    """

    def __init__(self, answer: Callable[[Body], Any] = words) -> None:
        self.stub = Stub(answer=answer)
        self.batches: list[Handed] = []
        self.singles: list[dict[str, Any]] = []
        self.changes: list[Callable[[list[Row]], list[Row]] | None] = []
        self.ends: list[str] = []
        self.refusals: list[tuple[int, Any, bool] | None] = []
        self.texts: list[Callable[[str], str]] = []
        self.troubles: list[int] = []
        self.errors: list[Row] = []
        self.is_held = False
        self.missing: set[str] = set()
        self.files: dict[str, bytes] = {}
        self.headers: list[dict[str, str]] = []
        routes = [
            Route("/v1/models", self._models), Route("/v1/chat/completions", self._single, methods=["POST"]),
            Route("/v1/completions", self._single, methods=["POST"]),
            Route("/v1/files", self._upload, methods=["POST"]), Route("/v1/files/{id}/content", self._content),
            Route("/v1/batches", self._create, methods=["POST"]), Route("/v1/batches", self._list),
            Route("/v1/batches/{id}", self._look),
            Route("/v1/messages", self._message, methods=["POST"]),
            Route("/v1/messages/batches", self._create_messages, methods=["POST"]),
            Route("/v1/messages/batches", self._list_messages), Route("/v1/messages/batches/{id}", self._look_messages),
            Route("/v1/messages/batches/{id}/results", self._results_of_messages),
        ]  # fmt: skip
        super().__init__(Starlette(routes=routes))

    @property
    def asked(self) -> list[str]:
        """The names of all requests that were handed over in batches."""
        return [row["custom_id"] for batch in self.batches for row in batch.rows]

    # --- OpenAI -----------------------------------------------------------------------------------------------------

    async def _models(self, request: Request) -> Response:
        return JSONResponse({"object": "list", "data": [{"id": "stub-model", "object": "model"}]})

    async def _single(self, request: Request) -> Response:
        body = await request.json()
        self.singles.append(body)
        return JSONResponse(self._completion(request.url.path, body))

    async def _upload(self, request: Request) -> Response:
        if request.url.path in self.missing:
            return JSONResponse({"detail": "Not Found"}, 404)
        head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
        parts = list(BytesParser().parsebytes(head + await request.body()).walk())[1:]
        form = {part.get_param("name", header="content-disposition"): part.get_payload(decode=True) for part in parts}
        assert form["purpose"] == b"batch"
        name = f"file-{len(self.files)}"
        self.files[name] = form["file"]  # type: ignore[assignment]
        return JSONResponse({"id": name, "object": "file", "purpose": "batch", "bytes": len(self.files[name])})

    async def _content(self, request: Request) -> Response:
        text = self.files[request.path_params["id"]].decode()
        return PlainTextResponse(self.texts.pop(0)(text) if self.texts else text)

    async def _create(self, request: Request) -> Response:
        body = await request.json()
        refusal = self.refusals.pop(0) if self.refusals else None
        if refusal is None or refusal[2]:
            rows = [json.loads(line) for line in self.files[body["input_file_id"]].splitlines()]
            assert (body["completion_window"], {row["url"] for row in rows}) == ("24h", {body["endpoint"]})
            batch = self._hand_over(f"batch_{len(self.batches)}", rows, body.get("metadata") or {})
            batch.results = [self._result(row) for row in rows]
            self._spoil(batch)
        if refusal is not None:
            return JSONResponse(refusal[1], refusal[0])
        return JSONResponse(self._object(batch))

    async def _list(self, request: Request) -> Response:
        newest = [self._object(batch) for batch in reversed(self.batches)]
        return JSONResponse({"object": "list", "data": newest, "has_more": False})

    async def _look(self, request: Request) -> Response:
        if self.troubles:
            return JSONResponse({"error": {"message": "injected"}}, self.troubles.pop(0))
        batch = self._known(request)
        if batch is None:
            return JSONResponse({"error": {"message": "No batch found with this id"}}, 404)
        batch.looks += 1
        return JSONResponse(self._object(batch))

    def _object(self, batch: Handed) -> Row:
        status = "in_progress" if self.is_held or batch.end == "never" else batch.end
        known: Row = {
            "id": batch.id, "object": "batch", "status": status, "created_at": int(batch.created),
            "metadata": batch.metadata, "errors": None, "output_file_id": None, "error_file_id": None,
            "request_counts": {"total": len(batch.rows), "completed": 0, "failed": 0},
        }  # fmt: skip
        if status == "failed":
            known["errors"] = {"object": "list", "data": self.errors}
        if status not in ("completed", "expired", "cancelled"):
            return known
        good = [each for each in batch.results if not _is_bad(each)]
        bad = [each for each in batch.results if _is_bad(each)]
        known["request_counts"] |= {"completed": len(good), "failed": len(bad)}
        for name, kind, rows in (("output_file_id", "out", good), ("error_file_id", "err", bad)):
            if rows:
                known[name] = f"{kind}-{batch.id}"
                self.files[known[name]] = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
        return known

    def _result(self, row: Row) -> Row:
        path = str(row["url"])
        response = {"status_code": 200, "request_id": "req", "body": self._completion(path, row["body"])}
        return {"id": "batch_req", "custom_id": row["custom_id"], "response": response, "error": None}

    def _completion(self, path: str, body: Row) -> Row:
        return self.stub._completion(Single(0, path, body, None, started=0.0))

    # --- Anthropic --------------------------------------------------------------------------------------------------

    async def _message(self, request: Request) -> Response:
        body = await request.json()
        self.singles.append(body)
        return JSONResponse(self._said(body))

    async def _create_messages(self, request: Request) -> Response:
        self.headers.append(dict(request.headers))
        rows = (await request.json())["requests"]
        refusal = self.refusals.pop(0) if self.refusals else None
        if refusal is None or refusal[2]:
            batch = self._hand_over(f"msgbatch_{len(self.batches)}", rows)
            batch.results = [
                {"custom_id": row["custom_id"], "result": {"type": "succeeded", "message": self._said(row["params"])}}
                for row in rows
            ]
            self._spoil(batch)
        if refusal is not None:
            return JSONResponse(refusal[1], refusal[0])
        return JSONResponse(self._message_batch(batch))

    async def _list_messages(self, request: Request) -> Response:
        newest = [self._message_batch(batch) for batch in reversed(self.batches)]
        return JSONResponse({"data": newest, "has_more": False, "first_id": None, "last_id": None})

    async def _look_messages(self, request: Request) -> Response:
        batch = self._known(request)
        assert batch is not None
        return JSONResponse(self._message_batch(batch))

    async def _results_of_messages(self, request: Request) -> Response:
        batch = self._known(request)
        assert batch is not None
        return PlainTextResponse("".join(json.dumps(row) + "\n" for row in batch.results))

    def _message_batch(self, batch: Handed) -> Row:
        ended = not self.is_held and batch.end != "never"
        counts = dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0)
        if ended:
            for row in batch.results:
                counts[row["result"]["type"]] += 1
        counts["processing"] += len(batch.rows) - sum(counts.values())
        return {
            "id": batch.id, "type": "message_batch", "processing_status": "ended" if ended else "in_progress",
            "request_counts": counts, "created_at": _moment(batch.created),
            "expires_at": _moment(batch.created + 86400),
            "results_url": f"{self.url}/v1/messages/batches/{batch.id}/results" if ended else None,
        }  # fmt: skip

    def _said(self, body: Row) -> Row:
        chat = [{"role": each["role"], "content": _text(each["content"])} for each in body["messages"]]
        known = {**body, "messages": chat}
        completion = self._completion("/v1/chat/completions", known)
        text = completion["choices"][0]["message"]["content"]
        usage = completion["usage"]
        return {
            "id": "msg_1", "type": "message", "role": "assistant", "model": body["model"],
            "content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "stop_sequence": None,
            "usage": {"input_tokens": usage["prompt_tokens"], "output_tokens": usage["completion_tokens"]},
        }  # fmt: skip

    # --- both -------------------------------------------------------------------------------------------------------

    def _hand_over(self, name: str, rows: list[Row], metadata: dict[str, str] | None = None) -> Handed:
        assert len({row["custom_id"] for row in rows}) == len(rows)
        batch = Handed(name, rows, metadata or {}, self.ends.pop(0) if self.ends else "completed")
        self.batches.append(batch)
        return batch

    def _spoil(self, batch: Handed) -> None:
        change = self.changes.pop(0) if self.changes else None
        batch.results = change(batch.results) if change else batch.results

    def _known(self, request: Request) -> Handed | None:
        return next((each for each in self.batches if each.id == request.path_params["id"]), None)


def _is_bad(row: Row) -> bool:
    return bool(row.get("error")) or (row.get("response") or {}).get("status_code", 200) >= 400


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def expired(row: Row) -> Row:
    """The line of a request that the server did not come to."""
    error = {"code": "batch_expired", "message": "This request could not be executed before the window expired."}
    return {**row, "response": None, "error": error}


def refused(row: Row, status: int = 400, message: str = "no such thing") -> Row:
    """The line of a request that was refused."""
    body = {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}}
    return {**row, "response": {"status_code": status, "request_id": "req", "body": body}}
