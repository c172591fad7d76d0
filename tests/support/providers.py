"""A local server that speaks the protocols of Anthropic, Gemini, Azure and Ollama, in their documented shapes.

with ProviderServer() as server:
    server.fault = anthropic_error(429, "rate_limit_error", "slow down", {"retry-after": "2"})
    ProviderLLM(model="anthropic/claude-sonnet-4-5", base_url=server.url)
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from typing_extensions import Self


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    path: str
    query: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass(frozen=True)
class Said:
    """What is answered instead of a completion."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


def anthropic_error(status: int, kind: str, message: str, headers: dict[str, str] | None = None) -> Said:
    """docs.anthropic.com/en/api/errors"""
    error = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}
    return Said(status, error, headers or {})


def gemini_error(status: int, kind: str, message: str, *details: dict[str, Any]) -> Said:
    """ai.google.dev/gemini-api/docs/troubleshooting"""
    return Said(status, {"error": {"code": status, "message": message, "status": kind, "details": [*details]}})


def openai_error(status: int, code: str, message: str, headers: dict[str, str] | None = None, **more: Any) -> Said:
    """learn.microsoft.com/azure/ai-foundry/openai/reference"""
    return Said(
        status, {"error": {"code": code, "message": message, "param": None, "type": None, **more}}, headers or {}
    )


def anthropic(text: str = "Yes", thought: str | None = None, ending: str = "end_turn", cached: int = 4) -> Said:
    """docs.anthropic.com/en/api/messages"""
    thoughts = [{"type": "thinking", "thinking": thought, "signature": "EqQB"}] if thought else []
    usage = {
        "input_tokens": 10,
        "cache_read_input_tokens": cached,
        "cache_creation_input_tokens": 0,
        "output_tokens": 5,
    }
    return Said(200, {
        "id": "msg_01", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5",
        "content": [*thoughts, {"type": "text", "text": text}], "stop_reason": ending, "stop_sequence": None,
        "usage": usage,
    })  # fmt: skip


def gemini(text: str | None = "Yes", thought: str | None = None, ending: str = "STOP") -> Said:
    """ai.google.dev/api/generate-content"""
    parts = [{"text": thought, "thought": True}] if thought else []
    content = {"role": "model", "parts": [*parts, *([{"text": text}] if text is not None else [])]}
    usage = {
        "promptTokenCount": 10, "candidatesTokenCount": 3, "thoughtsTokenCount": 7, "cachedContentTokenCount": 4,
        "totalTokenCount": 20,
    }  # fmt: skip
    candidate = {"content": content, "finishReason": ending, "index": 0}
    return Said(200, {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-2.5-flash"})


def openai(text: str = "Yes", thought: str | None = None, ending: str = "stop") -> Said:
    """Of Azure, Mistral, OpenRouter."""
    message = {"role": "assistant", "content": text, **({"reasoning_content": thought} if thought else {})}
    usage = {
        "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15, "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }  # fmt: skip
    choice = {"index": 0, "message": message, "finish_reason": ending}
    return Said(
        200, {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    )


def ollama(text: str = "Yes", thought: str | None = None, ending: str = "stop") -> Said:
    """github.com/ollama/ollama/blob/main/docs/api.md"""
    message = {"role": "assistant", "content": text, **({"thinking": thought} if thought else {})}
    return Said(200, {
        "model": "llama3", "created_at": "2025-01-01T00:00:00Z", "message": message, "done": True,
        "done_reason": ending, "total_duration": 1, "prompt_eval_count": 10, "eval_count": 5,
    })  # fmt: skip


_BY_ROUTE = {"/messages": anthropic, ":generateContent": gemini, "/api/chat": ollama, "/chat/completions": openai}


class Served:
    """An application that answers at a port of this machine, in a thread of this process; a context manager."""

    def __init__(self, app: Starlette) -> None:
        self._server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"


class ProviderServer(Served):
    """Answers each protocol at its own routes; `says` is answered instead, once each, then `fault` for good.

    `answer`, if given, makes the text from the request's body.
    """

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.says: list[Said] = []
        self.fault: Said | None = None
        self.answer: Any = None
        super().__init__(Starlette(routes=[Route("/{path:path}", self._respond, methods=["POST", "GET"])]))

    async def _respond(self, request: Request) -> Response:
        content = await request.body()
        body = json.loads(content) if content else {}
        self.asked.append(Asked(request.url.path, request.url.query, dict(request.headers), body))
        said = self.says.pop(0) if self.says else self.fault or self._completion(request.url.path, body)
        if isinstance(said.body, str):
            return Response(said.body, said.status, said.headers, "text/html")
        return JSONResponse(said.body, said.status, said.headers)

    def _completion(self, path: str, body: dict[str, Any]) -> Said:
        make = next((make for route, make in _BY_ROUTE.items() if path.endswith(route)), None)
        if make is None:
            return Said(404, {"error": "no such route"})
        return make(self.answer(body)) if self.answer else make()
