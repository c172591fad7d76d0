"""The stub server: what tests and benchmarks rely on."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support.openai_server import (
    OpenAIServer,
    OpenAIServerProcess,
    Request,
    Stub,
    busy_share,
    status,
)
from tests.support.waiting import LIMIT, wait_until


def post(url: str, **body: Any) -> dict[str, Any]:
    content = json.dumps({"model": "stub-model", "prompt": "1.", **body}).encode()
    with urllib.request.urlopen(urllib.request.Request(url + "/completions", data=content), timeout=LIMIT) as response:
        completion: dict[str, Any] = json.load(response)
        return completion


def test_slots_make_requests_wait_in_a_queue() -> None:
    stub, body = Stub(slots=2, latency=0.1), {"model": "stub-model", "prompt": "1."}

    async def ask_six_times() -> None:
        await asyncio.gather(*(stub.respond("POST", "/v1/completions", None, body) for _ in range(6)))

    asyncio.run(ask_six_times())
    assert stub.max_in_flight == 6
    taken = [request.slot_taken or 0 for request in stub.requests]
    released = [request.slot_released or 0 for request in stub.requests]
    assert taken == sorted(taken)
    assert taken[1] < released[0]
    assert all(before <= after for before, after in zip(released, taken[2:]))
    assert all(after - before > 0.09 for before, after in zip(taken, released))


def test_a_request_that_is_held_is_answered_when_it_is_released() -> None:
    with OpenAIServer() as server, ThreadPoolExecutor(1) as pool:
        server.hold(lambda request: request.number >= 1)
        assert post(server.url)["choices"]
        held = pool.submit(post, server.url)
        wait_until(lambda: server.in_flight)
        assert not held.done()
        server.release()
        assert held.result(timeout=LIMIT)["choices"]


def test_busy_share_counts_from_the_first_request_to_the_last_response() -> None:
    first = Request(0, "/", {}, None, started=10.0, slot_taken=11.0, slot_released=12.0)
    second = Request(1, "/", {}, None, started=10.5, slot_taken=12.0, slot_released=14.0)
    failed = Request(2, "/", {}, None, started=9.0, status=500)
    assert busy_share([first, second, failed], slots=2) == 3 / 8


def test_latencies_repeat_with_the_seed_and_have_the_mean() -> None:
    servers = [OpenAIServer(latency=1.0, sigma=0.5, seed=seed) for seed in (1, 1, 2)]
    same, again, other = ([server._draw_latency() for _ in range(4000)] for server in servers)
    assert same == again != other
    assert sum(same) / 4000 == pytest.approx(1.0, abs=0.03)


def test_a_client_that_leaves_frees_its_slot_and_is_not_completed() -> None:
    with OpenAIServer(slots=1, latency=LIMIT) as server:
        client = http.client.HTTPConnection("127.0.0.1", server.port)
        client.request("POST", "/v1/completions", json.dumps({"model": "stub-model", "prompt": "1."}))
        wait_until(lambda: server.in_flight)
        client.close()
        server.latency = 0.0
        assert post(server.url)["choices"][0]["finish_reason"] == "stop"
    assert [request.completed for request in server.requests] == [False, True]


def test_a_failing_answer_function_is_told_to_the_client() -> None:
    with (
        OpenAIServer(answer=lambda body: body["no such key"]) as server,
        pytest.raises(urllib.error.HTTPError, match="500"),
    ):
        post(server.url)


def is_refused(url: str) -> bool:
    try:
        return not post(url)["choices"]
    except urllib.error.URLError as error:
        return isinstance(error.reason, ConnectionRefusedError)


def test_an_outage_refuses_connections_until_it_recovers() -> None:
    with OpenAIServer() as server:
        server.outage()
        assert is_refused(server.url)
        server.recover()
        assert not is_refused(server.url)


def test_an_outage_ends_by_itself() -> None:
    with OpenAIServer() as server:
        server.outage(0.1)
        wait_until(lambda: not is_refused(server.url))


def test_an_outage_that_has_ended_by_itself_can_be_ended() -> None:
    with OpenAIServer() as server:
        server.outage(0.05)
        wait_until(lambda: not is_refused(server.url))
        server.recover()
        assert not is_refused(server.url)


def test_what_an_outage_cuts_is_not_completed() -> None:
    stub = Stub(answer=lambda body: "Yes")

    async def cut_before_the_answer() -> None:
        await stub.listen()
        reader, writer = await asyncio.open_connection("127.0.0.1", stub.port)
        content = json.dumps({"model": "stub-model", "prompt": "1."}).encode()
        head = f"POST /v1/completions HTTP/1.1\r\nContent-Length: {len(content)}\r\n\r\n"
        writer.write(head.encode() + content)
        while not any(connection.task for connection in stub._connections):
            await asyncio.sleep(0)
        await stub.close()
        assert await reader.read() == b""
        writer.close()

    asyncio.run(cut_before_the_answer())
    assert [request.completed for request in stub.requests] in ([], [False])


def test_leaving_during_an_outage_leaves_no_thread() -> None:
    with OpenAIServer() as server:
        server.outage(LIMIT)
    assert not [thread for thread in threading.enumerate() if thread.name == "openai-server"]


class TestProcess:
    def test_it_answers_logs_and_takes_control(self, tmp_path: Path) -> None:
        log = tmp_path / "requests.jsonl"
        with OpenAIServerProcess(model=["a", "b"], slots=4, log=log) as server:
            post(server.url, model="b", prompt="Hello")
            server.control(faults=[vars(status(429)), None])
            with pytest.raises(urllib.error.HTTPError, match="429"):
                post(server.url, model="a")
            post(server.url, model="a")
            assert [request.status for request in server.requests] == [200, 429, 200]
            assert server.requests[0].body == {"model": "b", "prompt": "Hello"}
            counts = server.control()
            assert (counts["requests"], counts["max_in_flight"]) == (3, 1)
        assert [json.loads(line)["status"] for line in log.read_text().splitlines()] == [200, 429, 200]

    def test_it_ends_with_the_context(self) -> None:
        with OpenAIServerProcess() as server:
            process = server._process
            assert process.poll() is None
        assert process.poll() == 0

    def test_a_wrong_answer_function_is_an_error(self, capfd: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(RuntimeError, match="did not start"):
            OpenAIServerProcess(answer="tests.support.openai_server:nothing").__enter__()
        assert "nothing" in capfd.readouterr().err
