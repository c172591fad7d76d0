"""An OpenAI-compatible server for tests and benchmarks: answers from a function, faults and latency on demand.

In the test's own process, in a thread:

    with OpenAIServer(answer=lambda body: "Yes", faults=[status(429, retry_after=1), None]) as server:
        OpenAICompatibleLLM(model="stub-model", base_url=server.url)
        ...
        server.requests[0].status  # 429

As a process of its own, for tests that kill and for benchmarks that count CPU:

    with OpenAIServerProcess(answer="my_module:answer", slots=64, latency=1.0, sigma=0.5) as server:
        ...
        busy_share(server.requests, slots=64)

or by hand: `python -m tests.support.openai_server --help`. It speaks just enough HTTP/1.1 for real clients, without a
web framework, because a benchmark's server must cost little next to the client it measures.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import importlib
import json
import math
import random
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TextIO, TypeVar

import orjson

from tests.support.waiting import LIMIT

Body = Mapping[str, Any]
T = TypeVar("T")

REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
HTML = b"<html><head><title>Bad gateway</title></head><body>upstream sent no answer</body></html>"


@dataclass(frozen=True)
class Answer:
    """A completion as the model gives it, before `stop` and `max_tokens` cut it; text None is a refusal."""

    text: str | None
    finish_reason: str = "stop"


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request; made by the functions below."""

    kind: str
    status: int = 200
    body: Any = None
    retry_after: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def status(number: int, message: str = "injected", retry_after: float | None = None, **error: Any) -> Fault:
    """An error answer; `error` adds fields such as `code` and `param` to its body."""
    return Fault(
        "json",
        number,
        {"error": {"message": message, "type": "stub", "param": None, "code": None, **error}},
        retry_after,
    )


def garbage(body: Any) -> Fault:
    """Status 200 with this JSON value instead of a completion."""
    return Fault("json", 200, body)


def html(code: int = 200) -> Fault:
    """A proxy's page instead of an answer."""
    return Fault("html", code)


def as_it_is(text: str, code: int = 200, content_type: str = "application/json", **headers: str) -> Fault:
    """This text as the body, JSON or not, with these headers (underscores stand for hyphens)."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Fault("text", code, text, headers={"Content-Type": content_type, **named})


def changed(change: Callable[[dict[str, Any]], str]) -> Fault:
    """The completion, as the text that a function makes of it."""
    return Fault("changed", body=change)


EMPTY = Fault("empty")
"""Status 200 without a body."""
TRUNCATED = Fault("truncated")
"""Status 200 with the first half of the JSON body, its length announced correctly."""
HANG = Fault("hang")
"""No answer for as long as the client keeps the connection."""
CUT = Fault("cut")
"""The connection is closed in the middle of the body."""
RESET = Fault("reset")
"""The connection is closed before a byte of the answer."""
DRIP = Fault("drip")
"""The answer comes a byte a tenth of a second, for as long as the client takes it."""
_WITH_ANSWER = ("truncated", "cut", "drip", "changed")


@dataclass
class Request:
    """A line of the request log; times are `time.time()`.

    Attributes:
        status: None while it runs, and for good where the client or a fault closed the connection first.
        slot_taken, slot_released: when the model worked on it; None where a fault answered.
    """

    number: int
    path: str
    body: dict[str, Any]
    key: str | None
    started: float
    status: int | None = None
    finished: float | None = None
    slot_taken: float | None = None
    slot_released: float | None = None

    @property
    def completed(self) -> bool:
        return self.status == 200


def busy_share(requests: Iterable[Request], slots: int) -> float:
    """Busy slot-seconds over slots x wall time, from the first request to the last response."""
    served = [(r.started, r.slot_taken, r.slot_released) for r in requests if r.slot_taken and r.slot_released]
    busy = sum(released - taken for _, taken, released in served)
    wall = max(released for _, _, released in served) - min(started for started, _, _ in served)
    return busy / (slots * wall)


def words(body: Body) -> str:
    """The answer when none is given: words that depend on the prompt and on the number of the choice."""
    asked = orjson.dumps([body.get("prompt"), body.get("messages"), body["choice"]])
    digest = hashlib.md5(asked).hexdigest()
    return " ".join(f"word{digest[i : i + 2]}" for i in range(0, 24, 2))


def bag_of_words(text: str, size: int = 64) -> list[float]:
    """An embedding: how many words of a text fall into each of so many places."""
    vector = [0.0] * size
    for word in text.lower().split():
        vector[int(hashlib.md5(word.strip(".,?!").encode()).hexdigest(), 16) % size] += 1.0
    return vector


class Stub:
    """What the server does, apart from where it runs.

    Args:
        answer: called with the request's body for each choice, whose number stands under `choice`.
        models: ids that `/v1/models` lists and completions accept; None: no such route, any model is accepted.
        models_fault: what `/v1/models` answers instead.
        says: what `/v1/models` says of each model besides.
        props: what `/props` answers, as llama.cpp's server does; None: no such route.
        api_keys: accepted keys; None: no key needed.
        honours_n: False gives one choice whatever `n` says, as llama.cpp's server does.
        slots: how many requests the model works on at a time; others wait in the order they came.
        latency: seconds of work a request, the mean of a lognormal distribution with this `sigma` and `seed`.
        faults: one entry a completion request, in the order of arrival; None lets a request pass.
        fault_rule: asked for every request after that, with its body.
        tells: headers of each answer, as it is when the request has come.
        log: a file that gets a JSON line for every finished request.
    """

    def __init__(
        self,
        answer: Callable[[Body], str | Answer] = words,
        models: Sequence[str] | None = ("stub-model",),
        models_fault: Fault | None = None,
        says: Mapping[str, Any] | None = None,
        props: Any = None,
        api_keys: Sequence[str] | None = None,
        honours_n: bool = True,
        slots: int | None = None,
        latency: float = 0.0,
        sigma: float = 0.0,
        seed: int = 0,
        faults: Sequence[Fault | None] = (),
        fault_rule: Callable[[Body], Fault | None] | None = None,
        tells: Callable[[], Mapping[str, str]] = dict,
        log: str | Path | None = None,
    ) -> None:
        self.says, self.props = says or {}, props
        self.answer, self.models, self.models_fault, self.honours_n = answer, models, models_fault, honours_n
        self.api_keys = set(api_keys) if api_keys is not None else None
        self.latency, self.sigma, self._random = latency, sigma, random.Random(seed)
        self.slots, self._slots = slots, asyncio.Semaphore(slots or sys.maxsize)
        self.faults, self.fault_rule, self.tells = list(faults), fault_rule, tells
        self.release()
        self.requests: list[Request] = []
        self.in_flight = self.max_in_flight = 0
        self.port = 0
        self._log: TextIO | None = open(log, "a", encoding="utf-8") if log else None  # noqa: SIM115
        self._bound: socket.socket | None = None
        self._listener: asyncio.Server | None = None
        self._reopening: asyncio.TimerHandle | None = None
        self._connections: set[_Connection] = set()

    async def listen(self) -> None:
        if self._reopening is not None:
            self._reopening.cancel()
        if self._listener is not None and self._listener.is_serving():
            return
        bound, self._bound = self._bound or self._bind(), None
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(lambda: _Connection(self), sock=bound, backlog=1024)

    async def close(self) -> None:
        """Refuses new connections and cuts the open ones."""
        if self._reopening is not None:
            self._reopening.cancel()
        for listener in self._listener.sockets if self._listener is not None else ():
            listener.shutdown(socket.SHUT_RDWR)  # a process that is just being forked has it, too
            asyncio.get_running_loop().remove_reader(listener.fileno())
        self._cut()
        await asyncio.sleep(0)  # what is being accepted gets its connection: with the server gone asyncio forgets it
        for listening in (self._listener, self._bound):
            if listening is not None:
                listening.close()
        self._cut()
        await asyncio.sleep(0)

    def _cut(self) -> None:
        for connection in list(self._connections):
            if connection.task is not None:
                connection.task.cancel()  # now, and not only when the loop tells: it may be about to answer
            connection.transport.abort()

    async def end(self) -> None:
        """Closes for good: what was accepted and never greeted is closed too."""
        await self.close()
        while self._connections:
            await asyncio.sleep(0)

    async def refuse(self, seconds: float | None) -> None:
        """An outage: open connections are cut, new ones refused, for so many seconds; returns when it has begun."""
        await self.close()
        self._bound = self._bind()
        if seconds is not None:
            loop = asyncio.get_running_loop()
            self._reopening = loop.call_later(seconds, lambda: asyncio.ensure_future(self.listen()))

    def _bind(self) -> socket.socket:
        """Refuses connections until it listens; its port is nobody else's meanwhile."""
        bound = socket.socket()
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(("127.0.0.1", self.port))
        self.port = bound.getsockname()[1]
        return bound

    def hold(self, which: Callable[[Request], bool]) -> None:
        """Such requests are answered only when they are released."""
        self._is_held = which

    def release(self) -> None:
        self._is_held = lambda request: False

    async def respond(self, method: str, path: str, key: str | None, body: dict[str, Any]) -> Fault:
        """The answer to one request, as a Fault: kind "json" is a plain answer."""
        if path.startswith("/control"):
            return self._control(method, path, body)
        if self.api_keys is not None and key not in self.api_keys:
            return status(401, "Incorrect API key provided", code="invalid_api_key")
        if path == "/v1/models" and self.models is not None:
            listing = {
                "object": "list",
                "data": [{"id": model, "object": "model", **self.says} for model in self.models],
            }
            return self.models_fault or Fault("json", body=listing)
        if path == "/props" and self.props is not None:
            return Fault("json", body=self.props)
        if path not in ("/v1/completions", "/v1/chat/completions", "/v1/embeddings"):
            return status(404, f"no route {path}")
        return await self._complete(path, key, body)

    async def _complete(self, path: str, key: str | None, body: dict[str, Any]) -> Fault:
        request = Request(len(self.requests), path, body, key, started=time.time())
        self.requests.append(request)
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        work = self._draw_latency()
        try:
            response, told = self._fault(body), self.tells()
            if response is None or response.kind in _WITH_ANSWER:
                response = await self._work(request, work, response)
            elif response.kind == "hang":
                await asyncio.Event().wait()
            request.status = None if response.kind in ("cut", "reset", "drip") else response.status
            return replace(response, headers={**told, **response.headers}) if told else response
        finally:
            self.in_flight -= 1
            request.finished = time.time()
            if self._log is not None:
                print(json.dumps(asdict(request), ensure_ascii=False), file=self._log, flush=True)

    async def _work(self, request: Request, seconds: float, fault: Fault | None) -> Fault:
        async with self._slots:
            request.slot_taken = time.time()
            try:
                if seconds:
                    await asyncio.sleep(seconds)
                while self._is_held(request):
                    await asyncio.sleep(0.005)
                completion = self._completion(request)
            finally:
                request.slot_released = time.time()
        if fault is not None and fault.kind == "changed":
            return as_it_is(fault.body(completion))
        return Fault(fault.kind if fault else "json", body=completion)

    def _draw_latency(self) -> float:
        if not self.sigma:
            return self.latency
        return self._random.lognormvariate(math.log(self.latency) - self.sigma**2 / 2, self.sigma)

    def _fault(self, body: Body) -> Fault | None:
        if self.models is not None and body.get("model") not in self.models:
            return status(404, f"The model `{body.get('model')}` does not exist", code="model_not_found")
        if self.faults:
            return self.faults.pop(0)
        return self.fault_rule(body) if self.fault_rule else None

    def _completion(self, request: Request) -> dict[str, Any]:
        if request.path == "/v1/embeddings":
            text = request.body["input"]
            found = {"object": "embedding", "index": 0, "embedding": bag_of_words(text)}
            return {"object": "list", "data": [found], "usage": {"prompt_tokens": len(text.split())}}
        body, chat = request.body, request.path == "/v1/chat/completions"
        n = (body.get("n") or 1) if self.honours_n else 1
        answers = [_cut(self.answer({**body, "choice": i}), body) for i in range(n)]
        prompt = " ".join(str(m["content"]) for m in body["messages"]) if chat else body["prompt"]
        read, written = len(prompt.split()), sum(len((a.text or "").split()) for a in answers)
        return {
            "id": f"cmpl-{request.number}",
            "object": "chat.completion" if chat else "text_completion",
            "created": int(request.started),
            "model": body["model"],
            "choices": [
                {
                    "index": i,
                    "finish_reason": a.finish_reason,
                    "logprobs": None,
                    **({"message": _message(a)} if chat else {"text": a.text}),
                }
                for i, a in enumerate(answers)
            ],
            "usage": {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written},
        }

    def _control(self, method: str, path: str, body: dict[str, Any]) -> Fault:
        if path == "/control/requests":
            return Fault("json", body=[asdict(request) for request in self.requests])
        if method == "POST":
            self._set(body)
        return Fault(
            "json",
            body={
                "requests": len(self.requests),
                "in_flight": self.in_flight,
                "max_in_flight": self.max_in_flight,
                "cpu_seconds": time.thread_time(),
            },
        )

    def _set(self, settings: dict[str, Any]) -> None:
        """`faults`: a list of Fault fields or nulls; `latency`, `sigma`: from now on."""
        self.faults += [fault and Fault(**fault) for fault in settings.get("faults", [])]
        self.latency = settings.get("latency", self.latency)
        self.sigma = settings.get("sigma", self.sigma)


def _cut(answer: str | Answer, body: Body) -> Answer:
    """Cuts an answer as a model's server does: after `max_tokens` tokens (here: words), before a stop sequence."""
    if isinstance(answer, str):
        answer = Answer(answer)
    if answer.text is None:
        return answer
    text, reason = answer.text, answer.finish_reason
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    if limit is not None and len(pieces := text.split(" ")) > limit:
        text, reason = " ".join(pieces[:limit]), "length"
    stop = body.get("stop") or []
    found = [at for s in ([stop] if isinstance(stop, str) else stop) if (at := text.find(s)) >= 0]
    return Answer(text[: min(found)], "stop") if found else Answer(text, reason)


def _message(answer: Answer) -> dict[str, Any]:
    refusal = {"refusal": "I cannot."} if answer.text is None and answer.finish_reason == "stop" else {}
    return {"role": "assistant", "content": answer.text, **refusal}


class _Connection(asyncio.Protocol):
    """One client's connection: reads requests one after the other, writes their answers."""

    transport: asyncio.Transport

    def __init__(self, stub: Stub) -> None:
        self.stub = stub
        self.received = bytearray()
        self.task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self.stub._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.stub._connections.discard(self)
        if self.task is not None:
            self.task.cancel()

    def data_received(self, data: bytes) -> None:
        self.received += data
        self._start_next()

    def _start_next(self) -> None:
        head_end = self.received.find(b"\r\n\r\n")
        if self.task is not None or head_end < 0:
            return
        request_line, *lines = self.received[:head_end].decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        end = head_end + 4 + int(headers.get("content-length", 0))
        if len(self.received) < end:
            return
        content = bytes(self.received[head_end + 4 : end])
        del self.received[:end]
        method, path, _ = request_line.split(" ")
        self.task = asyncio.get_running_loop().create_task(self._answer(method, path, headers, content))

    async def _answer(self, method: str, path: str, headers: dict[str, str], content: bytes) -> None:
        key = headers.get("authorization", "").removeprefix("Bearer ") or None
        try:
            response = await self.stub.respond(method, path, key, orjson.loads(content) if content else {})
        except Exception as error:  # the test's own function failed: its author reads it in the client's error
            response = status(500, f"the stub failed: {error!r}")
        if response.kind == "drip":
            await self._drip(orjson.dumps(response.body))
        self._write(response)
        self.task = None
        self._start_next()

    async def _drip(self, content: bytes) -> None:
        self.transport.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(content)}\r\n\r\n".encode())
        for byte in content:
            self.transport.write(bytes([byte]))
            await asyncio.sleep(0.1)

    def _write(self, response: Fault) -> None:
        if response.kind in ("reset", "drip"):
            self.transport.abort()
            return
        content = {"html": HTML, "empty": b""}.get(response.kind)
        if response.kind == "text":
            content = response.body.encode()
        if content is None:
            content = orjson.dumps(response.body)
        if response.kind == "truncated":
            content = content[: len(content) // 2]
        retry = f"Retry-After: {response.retry_after:g}\r\n" if response.retry_after is not None else ""
        headers = {"Content-Type": "text/html" if response.kind == "html" else "application/json", **response.headers}
        head = (
            f"HTTP/1.1 {response.status} {REASONS.get(response.status, 'Status')}\r\n"
            + "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            + f"Content-Length: {len(content)}\r\n{retry}\r\n"
        ).encode()
        if response.kind == "cut":
            self.transport.write(head + content[: len(content) // 2])
            self.transport.close()
        else:
            self.transport.write(head + content)


class OpenAIServer(Stub):
    """The stub in a thread of this process; a context manager. Takes the arguments of `Stub`."""

    def __enter__(self) -> OpenAIServer:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="openai-server", daemon=True)
        self._thread.start()
        self._run(self.listen())
        return self

    def __exit__(self, *exc: object) -> None:
        self._run(self.end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        if self._log is not None:
            self._log.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def cpu_seconds(self) -> float:
        return self._run(_thread_time())

    def outage(self, seconds: float | None = None) -> None:
        """Refuses connections from now, for so long or until it recovers; returns at once."""
        self._run(self.refuse(seconds))

    def recover(self) -> None:
        """Ends an outage."""
        self._run(self.listen())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=LIMIT)


async def _thread_time() -> float:
    return time.thread_time()


class OpenAIServerProcess:
    """The stub as a process of its own, in its own process group, gone when the context or its parent ends.

    Args:
        options: those of the command line, with underscores; lists for the ones that can be repeated.
    """

    def __init__(self, **options: Any) -> None:
        pairs = [(name.replace("_", "-"), value) for name, value in options.items()]
        self._arguments = [
            f"--{name}" if one is True else f"--{name}={one}"
            for name, value in pairs
            for one in (value if isinstance(value, (list, tuple)) else [value])
        ]

    def __enter__(self) -> OpenAIServerProcess:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.openai_server", "--until-stdin-closes", *self._arguments],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        if not self.url:
            self._process.communicate(timeout=LIMIT)
            raise RuntimeError(f"the stub server did not start: exit status {self._process.returncode}")
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.communicate(timeout=LIMIT)

    @property
    def requests(self) -> list[Request]:
        return [Request(**fields) for fields in self.control("/requests")]

    def control(self, path: str = "", **settings: Any) -> Any:
        """Changes settings (see `Stub._set`); returns counts and CPU seconds, or the log for path "/requests"."""
        request = urllib.request.Request(
            self.url.removesuffix("/v1") + "/control" + path, data=json.dumps(settings).encode() if settings else None
        )
        with urllib.request.urlopen(request, timeout=LIMIT) as response:
            return json.load(response)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answer", default="tests.support.openai_server:words", help="module:function(body)")
    parser.add_argument("--port", type=int, default=0, help="0: a free one; the URL is printed when it listens")
    parser.add_argument("--model", action="append", help="may be repeated; default: stub-model")
    parser.add_argument("--api-key", action="append", help="an accepted key; may be repeated; default: no key needed")
    parser.add_argument("--slots", type=int, help="requests worked on at a time; default: all")
    parser.add_argument("--latency", type=float, default=0.0, help="mean seconds of work a request")
    parser.add_argument("--sigma", type=float, default=0.0, help="of the lognormal distribution of the latency")
    parser.add_argument("--seed", type=int, default=0, help="of the latencies")
    parser.add_argument("--ignores-n", action="store_true", help="one choice a request, whatever n says")
    parser.add_argument("--log", type=Path, help="gets a JSON line for every finished request")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end with the process that started it")
    return parser.parse_args()


async def _serve(arguments: argparse.Namespace) -> None:
    module, _, function = arguments.answer.partition(":")
    stub = Stub(
        answer=getattr(importlib.import_module(module), function),
        models=arguments.model or ("stub-model",),
        api_keys=arguments.api_key,
        honours_n=not arguments.ignores_n,
        slots=arguments.slots,
        latency=arguments.latency,
        sigma=arguments.sigma,
        seed=arguments.seed,
        log=arguments.log,
    )
    stub.port = arguments.port
    await stub.listen()
    print(f"http://127.0.0.1:{stub.port}/v1", flush=True)
    ended = asyncio.Event()
    if arguments.until_stdin_closes:
        asyncio.get_running_loop().add_reader(sys.stdin, ended.set)
    await ended.wait()
    await stub.end()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(_arguments()))
