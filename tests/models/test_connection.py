"""HTTP to an endpoint: one request, what its answer is, and nothing left open."""

from __future__ import annotations

import asyncio
import json
import pickle
import ssl
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import aiohttp
import openai
import pytest

from distilabel_selfinstruct.errors import EndpointError
from distilabel_selfinstruct.models.connection import Connection, StatusError
from distilabel_selfinstruct.models.faults import explain
from tests.conftest import ROOT
from tests.support.openai_server import CUT, OpenAIServer, html, status

BODY = {"model": "stub-model", "messages": [{"role": "user", "content": "Which river flows through Verona?"}]}
ROUTE = "/chat/completions"


class Recorder(ThreadingHTTPServer):
    """A server that keeps what it is asked: route, headers, body, and the port it came from."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/v1"
        self.requests: list[tuple[str, Mapping[str, str], bytes, int]] = []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, self.headers, body, self.client_address[1]))  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *said: object) -> None:
        """Nothing on screen."""


@pytest.fixture
def server() -> Iterator[Recorder]:
    with Recorder() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(url: str, route: str = ROUTE, key: str | None = None) -> bytes:
    return Connection(url, key).ask_once(route, BODY)


class TestWhatIsSent:
    def test_a_query_stays_behind_the_route(self, server: Recorder) -> None:
        ask(f"{server.url}/?api-version=2026-01-01&tier=a%2Fb")
        assert server.requests[0][0] == "/v1/chat/completions?api-version=2026-01-01&tier=a%2Fb"

    @pytest.mark.parametrize(
        ("user", "header"),
        [("", "Bearer sk-1"), ("ada:so%40so@", "Basic YWRhOnNvQHNv")],
        ids=["key", "user in the address"],
    )
    def test_who_asks(self, user: str, header: str, server: Recorder) -> None:
        ask(server.url.replace("://", f"://{user}"), key="sk-1")
        assert server.requests[0][1]["Authorization"] == header

    def test_nobody_is_named_where_there_is_no_key(self, server: Recorder) -> None:
        ask(server.url)
        assert "Authorization" not in server.requests[0][1]

    def test_the_account_that_the_environment_names(self, server: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
        ask(server.url)
        assert server.requests[0][1]["OpenAI-Organization"] == "org-1"

    def test_half_a_character_is_sent_as_json_writes_it(self, server: Recorder) -> None:
        Connection(server.url).ask_once(ROUTE, {"content": "à \ud83d"})
        assert server.requests[0][2] == '{"content":"à \\ud83d"}'.encode()


class TestWhatComesBack:
    @pytest.mark.parametrize("fault", [status(429, "slow down", code="rate", retry_after=7), html(503)])
    def test_a_status_says_what_openais_client_says_of_it(self, fault: dict) -> None:
        with OpenAIServer(faults=[fault, fault]) as server:
            with pytest.raises(StatusError) as ours:
                ask(server.url)
            client = openai.OpenAI(base_url=server.url, api_key="none", max_retries=0)
            with client, pytest.raises(openai.APIStatusError) as theirs:
                client.post(ROUTE, body=BODY, cast_to=bytes)
        for name in ("status_code", "code", "param"):
            assert getattr(ours.value, name) == getattr(theirs.value, name)
        assert (str(explain(ours.value)), explain(ours.value).__dict__) == (
            str(explain(theirs.value)),
            explain(theirs.value).__dict__,
        )

    def test_a_status_goes_from_process_to_process(self) -> None:
        error = StatusError(429, b'{"error": {"code": "slow"}}', {"Retry-After": "3"})
        copy = pickle.loads(pickle.dumps(error))
        assert (str(copy), copy.status_code, copy.code, copy.headers) == (str(error), 429, "slow", {"retry-after": "3"})

    @pytest.mark.parametrize(
        ("error", "reason"),
        [
            (aiohttp.ServerDisconnectedError(), "server_error"),
            (aiohttp.ClientPayloadError("Response payload is not completed"), "server_error"),
            (aiohttp.ClientOSError(104, "Connection reset by peer"), "server_error"),
            (aiohttp.ConnectionTimeoutError("Connection timeout"), "unavailable"),
            (aiohttp.SocketTimeoutError("Timeout on reading data"), "timeout"),
            (aiohttp.InvalidURL("http://"), "unavailable"),
            (aiohttp.ClientError("of a kind that nobody knows"), "unavailable"),
        ],
        ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
    )
    def test_each_way_to_get_no_answer_passes(self, error: Exception, reason: str) -> None:
        failure = explain(error)
        assert (failure.reason, failure.kind, failure.retryable) == (reason, "service", True)

    def test_nobody_listens(self) -> None:
        with pytest.raises(aiohttp.ClientConnectorError) as caught:
            ask("http://127.0.0.1:9/v1")
        assert explain(caught.value).reason == "unavailable"

    def test_a_connection_that_is_cut(self) -> None:
        with OpenAIServer(faults=[CUT]) as server, pytest.raises(aiohttp.ClientError) as caught:
            ask(server.url)
        assert explain(caught.value).reason == "server_error"

    def test_within_a_running_event_loop(self) -> None:
        async def main() -> bytes:
            return ask(server.url)

        with OpenAIServer() as server:
            assert json.loads(asyncio.run(main()))["object"] == "chat.completion"


class TestProxies:
    def test_http(self, server: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("http_proxy", server.url.replace("://", "://ada:so@").removesuffix("/v1"))
        monkeypatch.delenv("no_proxy", raising=False)
        ask("http://endpoint.invalid/v1")
        route, headers, *_ = server.requests[0]
        assert (route, headers["Proxy-Authorization"]) == (
            "http://endpoint.invalid/v1/chat/completions",
            "Basic YWRhOnNv",
        )

    def test_one_of_another_kind_is_told_before_anything_is_asked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("all_proxy", "socks5://ada:secret@127.0.0.1:9")
        with pytest.raises(EndpointError) as caught:
            Connection("http://endpoint.invalid/v1")
        assert str(caught.value) == (
            "all_proxy names the proxy socks5://***@127.0.0.1:9: a proxy of HTTP is needed, whose address begins with"
            " http://. Set one, unset the variable, or add the endpoint's host to NO_PROXY."
        )


class TestConnectionsStayOpen:
    def test_until_they_are_closed(self, server: Recorder) -> None:
        async def main() -> None:
            connection = Connection(server.url)
            for _ in range(3):
                await connection.ask(ROUTE, BODY)
            await connection.aclose()

        asyncio.run(main())
        assert len({port for *_, port in server.requests}) == 1

    def test_another_event_loop_has_its_own(self, server: Recorder) -> None:
        connection, loops = Connection(server.url), [asyncio.new_event_loop() for _ in range(2)]
        for loop in loops:
            loop.run_until_complete(connection.ask(ROUTE, BODY))
        del connection  # closes those of both
        for loop in loops:
            loop.close()
        assert len({port for *_, port in server.requests}) == 2

    def test_what_nobody_closes_says_nothing(self) -> None:
        code = """
            import asyncio, sys
            from distilabel_selfinstruct.models.connection import Connection

            async def main(connection):
                await connection.ask("/models")

            asyncio.run(main(Connection(sys.argv[1])))  # its loop ends before it
            loop = asyncio.new_event_loop()
            kept = Connection(sys.argv[1])  # its loop is never closed
            loop.run_until_complete(main(kept))
        """
        with OpenAIServer() as server:
            words = [sys.executable, "-W", "default", "-c", textwrap.dedent(code), server.url]
            ended = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
        assert "Unclosed" not in ended.stderr
        assert "never awaited" not in ended.stderr
        assert "aiohttp" not in ended.stderr


def test_authorities_are_those_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from distilabel_selfinstruct.models import connection

    loaded: list[str] = []
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", lambda self, path: loaded.append(path))
    for file, expected in (("", 1), (str(tmp_path / "own.pem"), 0)):
        monkeypatch.setenv("SSL_CERT_FILE", file)
        loaded.clear()
        connection._certificates.__wrapped__()
        assert len(loaded) == expected
