"""OpenAICompatibleLLM and what real servers make of the protocol, row by row."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from distilabel_selfinstruct.errors import EndpointError, RequestFailed
from distilabel_selfinstruct.models.completion import ReplyError
from distilabel_selfinstruct.models.connection import StatusError
from distilabel_selfinstruct.models.openai import OpenAICompatibleLLM
from tests.support.dialects import KINDS, LEFT_OUT, PARAMETERS, DialectServer, Reply, Row

CHAT = [{"role": "user", "content": "Which is the longest river of Italy?"}]
ROWS = [pytest.param(kind, row, id=f"{kind}-{row.name}") for kind, rows in KINDS.items() for row in rows]
LIST = Reply({"data": [{"id": "m"}]})
PAGE = Reply("<!doctype html>\n<html><title>Open WebUI</title></html>", kind="text/html")


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def server() -> Iterator[DialectServer]:
    with DialectServer() as server:
        yield server


def asked(llm: OpenAICompatibleLLM, times: int = 1, **options: Any) -> Any:
    """The outcome of requests one after the other: the last output, or the exception."""

    async def ask() -> Any:
        try:
            for _ in range(times):
                output = await llm.agenerate(input=CHAT, **options)
        except (RequestFailed, ReplyError, StatusError, aiohttp.ClientError) as error:
            return error
        finally:
            await llm.aclose()
        return output

    llm.load()
    return asyncio.run(ask())


def seen(outcome: Any) -> dict[str, Any]:
    """An outcome in the words of the table."""
    if isinstance(outcome, RequestFailed):
        fields = {name: getattr(outcome, name) for name in ("reason", "kind", "retryable")}
        return fields | {"says": str(outcome)}
    if isinstance(outcome, (ReplyError, StatusError)):
        return {"status": outcome.status_code}
    assert isinstance(outcome, dict), outcome
    counts = outcome["statistics"]
    return {
        "text": outcome["generations"][0],
        "finish_reason": outcome["finish_reason"][0],
        "reasoning": outcome["reasoning"][0],
        "tokens": tuple(counts[name][0] for name in ("input_tokens", "output_tokens", "cached_tokens")),
    }


@pytest.mark.parametrize(("kind", "row"), ROWS)
def test_a_dialect(server: DialectServer, kind: str, row: Row) -> None:
    expected = dict(row.expected)
    sent, says = expected.pop("sent", {}), expected.pop("says", "")
    llm = OpenAICompatibleLLM(model="m", base_url=server.url(kind, row), check_endpoint=False)
    outcome = seen(asked(llm, **row.options))
    assert {name: outcome.get(name) for name in expected} == expected
    assert says in outcome.get("says", "")
    last = server.sent[f"{kind}-{row.name}"][-1]
    assert {name: last.get(name, LEFT_OUT) for name in sent} == sent


def test_every_kind_has_rows_of_its_own() -> None:
    assert min(len(rows) for rows in KINDS.values()) >= 5
    for rows in KINDS.values():
        assert len({row.name for row in rows}) == len(rows)
        assert all(row.source == "invented" or row.source.startswith("https://") for row in rows)


class TestLearning:
    ROW = next(row for row in PARAMETERS if row.name == "claude-pair")
    OPTIONS = ROW.options

    def llm(self, server: DialectServer, **attributes: Any) -> OpenAICompatibleLLM:
        url = server.url("parameters", self.ROW)
        return OpenAICompatibleLLM(model="m", base_url=url, check_endpoint=False, **attributes)

    def sent(self, server: DialectServer) -> list[dict[str, Any]]:
        return server.sent["parameters-claude-pair"]

    def test_a_refusal_is_learned_once_and_warned_of_once(
        self, server: DialectServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        before = len(self.sent(server)) if "parameters-claude-pair" in server.sent else 0
        llm = self.llm(server)
        asked(llm, times=3, **self.OPTIONS)
        assert ["top_p" in body for body in self.sent(server)[before:]] == [True, False, False, False]
        assert llm.learned == {"top_p": "leave out"}
        assert [record.message for record in caplog.records if record.levelno == logging.WARNING] == [
            "m refuses `top_p`, which is left out from now on (`temperature` and `top_p` cannot both be specified for"
            " this model. Please use only one.)"
        ]

    def test_what_one_process_has_learned_the_others_know(
        self, server: DialectServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        memory = str(tmp_path / "run" / "learned.json")
        asked(self.llm(server, memory=memory), **self.OPTIONS)
        before, caplog.records[:] = len(self.sent(server)), []
        asked(self.llm(server, memory=memory), **self.OPTIONS)
        assert ["top_p" in body for body in self.sent(server)[before:]] == [False]
        assert not caplog.records
        known = json.loads(Path(memory).read_text())
        assert list(known.values()) == [{"top_p": "leave out"}]

    def test_a_process_that_runs_already_hears_of_it(self, server: DialectServer, tmp_path: Path) -> None:
        memory = str(tmp_path / "learned.json")
        late = self.llm(server, memory=memory)
        late.load()
        asked(self.llm(server, memory=memory), **self.OPTIONS)
        before = len(self.sent(server))

        async def ask() -> None:
            await late.agenerate(input=CHAT, **self.OPTIONS)
            await late.aclose()

        asyncio.run(ask())
        assert ["top_p" in body for body in self.sent(server)[before:]] == [False]

    @pytest.mark.parametrize("content", ["", "{", "[1]", '{"m": 3}'])
    def test_a_damaged_file_is_written_again(self, server: DialectServer, tmp_path: Path, content: str) -> None:
        memory = tmp_path / "learned.json"
        memory.write_text(content)
        asked(self.llm(server, memory=str(memory)), **self.OPTIONS)
        assert list(json.loads(memory.read_text()).values()) == [{"top_p": "leave out"}]

    def test_what_cannot_be_written_is_known_to_this_process(self, server: DialectServer, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        llm = self.llm(server, memory=str(tmp_path / "file" / "learned.json"))
        asked(llm, **self.OPTIONS)
        assert llm.learned == {"top_p": "leave out"}

    def test_no_dump_holds_it(self, server: DialectServer) -> None:
        dump = self.llm(server, memory="/x/learned.json", outage=5).dump()
        assert "memory" not in dump
        assert "outage" not in dump


def load_error(url: str | None, **attributes: Any) -> str:
    with pytest.raises(EndpointError) as caught:
        OpenAICompatibleLLM(**{"model": "m", "base_url": url, **attributes}).load()
    return str(caught.value)


def models(at: str, reply: Reply = LIST, other: Reply | None = None) -> Callable[[str], Reply | None]:
    """A server that lists its models at one path."""
    return lambda path: reply if path == at else other


class TestAddress:
    @pytest.mark.parametrize(
        "route",
        ["/chat/completions", "/completions", "/models", "/responses", "/chat/completions/", "/embeddings", "/chat",
         "/messages", "/Chat/Completions"],
    )  # fmt: skip
    def test_a_route_at_its_end_is_cut_with_one_warning(self, route: str, caplog: pytest.LogCaptureFixture) -> None:
        with DialectServer(models("/v1/models")) as server:
            llm = OpenAICompatibleLLM(model="m", base_url=f"{server.root}/v1{route}")
            llm.load()
            assert server.asked == ["/v1/models"]
        assert [record.message for record in caplog.records] == [
            f"base_url ends in {route.rstrip('/')}, which is cut: the endpoint is {server.root}/v1"
        ]

    def test_a_query_stays(self) -> None:
        with DialectServer(models("/openai/v1/models?api-version=1")) as server:
            OpenAICompatibleLLM(model="m", base_url=f"{server.root}/openai/v1/chat/completions?api-version=1").load()
            assert server.asked == ["/openai/v1/models?api-version=1"]

    @pytest.mark.parametrize(
        "other",
        [
            None,
            PAGE,
            Reply({"error": "Unexpected endpoint or method. (GET /models)"}),
            Reply({"detail": "Not Found"}, 404),
        ],
        ids=["404", "web page", "lm studio", "fastapi"],
    )
    def test_v1_that_lacks_is_told(self, other: Reply | None) -> None:
        with DialectServer(models("/v1/models", other=other)) as server:
            assert load_error(server.root) == (
                f"The endpoint {server.root} has no list of models, but {server.root}/v1 has: add /v1 to base_url."
            )

    @pytest.mark.parametrize("path", ["/api/generate", "/api/chat", "/chat"])
    def test_an_address_of_another_protocol_is_told_with_the_one_that_is_meant(self, path: str) -> None:
        with DialectServer(models("/v1/models")) as server:
            assert load_error(f"{server.root}{path}") == (
                f"The endpoint {server.root}{path} has no list of models, but {server.root}/v1 has: give that as"
                " base_url."
            )

    def test_an_endpoint_without_v1_may_be_right(self) -> None:
        with DialectServer(models("/api/models")) as server:
            OpenAICompatibleLLM(model="m", base_url=f"{server.root}/api").load()

    @pytest.mark.parametrize("given", ["", "  ", None])
    def test_an_empty_one_is_one_that_is_not_set(self, given: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
        with DialectServer(models("/v1/models")) as server:
            monkeypatch.setenv("OPENAI_BASE_URL", f"{server.root}/v1")
            OpenAICompatibleLLM(model="m", base_url=given).load()
            assert server.asked == ["/v1/models"]

    def test_an_empty_variable_is_one_that_is_not_set(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OPENAI_BASE_URL", "")
        assert OpenAICompatibleLLM(model="m", base_url=None)._url() == "https://api.openai.com/v1"

    @pytest.mark.parametrize(
        "given", ["127.0.0.1:9/v1", "localhost", "ftp://x/v1", "http://", "http://x:port/v1", "http://[::1/v1"]
    )
    def test_what_is_no_address(self, given: str) -> None:
        assert "is no address of an endpoint: it begins with http:// or https://" in load_error(given)

    @pytest.mark.parametrize(
        ("reply", "what"),
        [
            (PAGE, "a web page (Open WebUI)"),
            (Reply("<html></html>"), "a web page."),
            (Reply("", kind="text/plain"), "an empty body"),
            (Reply("pong", kind="text/plain"), "what is no JSON: 'pong'"),
            (Reply("hello"), "what is no JSON: 'hello'"),
            (Reply('"hello"'), "'\"hello\"'"),
        ],
    )
    def test_what_is_no_list_is_told_as_what_it_is(self, reply: Reply, what: str) -> None:
        with DialectServer(models("/v1/models", reply)) as server:
            message = load_error(f"{server.root}/v1")
        assert f"does not answer with a list of models but with {what}" in message


class TestBadMoments:
    @pytest.mark.parametrize(
        "reply",
        [
            Reply({"error": {"message": "loading"}}, 503),
            Reply("<html><title>Bad gateway</title></html>", 502, "text/html"),
            Reply({"error": {"message": "Upstream", "code": 502}}),
            Reply({}, 408),
        ],
        ids=["503", "page", "error in 200", "408"],
    )
    def test_one_is_waited_out(self, reply: Reply, caplog: pytest.LogCaptureFixture) -> None:
        replies = [reply, LIST]
        with DialectServer(lambda path: replies.pop(0)) as server:
            OpenAICompatibleLLM(model="m", base_url=f"{server.root}/v1", outage=20).load()
        assert not replies
        (record,) = caplog.records
        assert "Tried again for" in record.message
        assert "<html>" not in record.message

    def test_without_an_outage_it_is_an_error(self) -> None:
        with DialectServer(models("/v1/models", Reply({"error": {"message": "loading"}}, 503))) as server:
            message = load_error(f"{server.root}/v1")
            assert len(server.asked) == 1
        assert "cannot list its models" in message
        assert "loading" in message

    def test_it_ends_with_the_outage(self) -> None:
        with DialectServer(models("/v1/models", Reply({}, 503))) as server:
            started = time.monotonic()
            load_error(f"{server.root}/v1", outage=1)
        assert time.monotonic() - started < 5
        assert len(server.asked) == 2

    @pytest.mark.parametrize("status", [401, 403, 402, 400])
    def test_what_no_waiting_mends_is_told_at_once(self, status: int) -> None:
        with DialectServer(models("/v1/models", Reply({"error": {"message": "no"}}, status))) as server:
            load_error(f"{server.root}/v1", outage=60)
            assert len(server.asked) == 1

    def test_nobody_there_yet(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        threading.Timer(0.8, self.answer_once, (port,)).start()
        OpenAICompatibleLLM(model="m", base_url=f"http://127.0.0.1:{port}/v1", outage=30).load()

    def answer_once(self, port: int) -> None:
        with socket.create_server(("127.0.0.1", port), reuse_port=False) as listener:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                content = b'{"data": [{"id": "m"}]}'
                head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
                connection.sendall(head.encode() + content)

    def test_a_name_that_nobody_knows_is_told_at_once(self) -> None:
        started = time.monotonic()
        assert "cannot be reached" in load_error("http://no-such-host.invalid/v1", outage=60)
        assert time.monotonic() - started < 30


class TestCauses:
    @pytest.mark.parametrize("variable", ["HTTP_PROXY", "ALL_PROXY"])
    def test_a_dead_proxy_is_named(self, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
        if variable == "HTTP_PROXY":
            monkeypatch.setenv("http_proxy", "http://user:hunter22@127.0.0.1:9")
            variable = "http_proxy"
        else:
            monkeypatch.setenv(variable, "http://user:hunter22@127.0.0.1:9")
        message = load_error("http://endpoint.example/v1")
        assert "cannot be reached through the proxy http://" in message
        assert "127.0.0.1:9" in message
        assert f"The proxy is that of {variable}: unset it, or add the endpoint's host to NO_PROXY." in message
        assert "hunter22" not in message

    def test_a_proxy_that_is_not_used_is_not_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        message = load_error("http://127.0.0.1:9/v1")
        assert "proxy" not in message
        assert "Nothing listens there: is the server running?" in message

    def test_tls_that_fails_names_the_variable(self) -> None:
        with DialectServer() as server:
            message = load_error(server.root.replace("http://", "https://") + "/v1", outage=60)
        assert "cannot be reached safely" in message
        assert "SSL_CERT_FILE" in message


def test_a_dripping_answer_ends_with_the_time_of_the_request() -> None:
    """A read timeout would begin anew with every byte."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=drip, args=(listener,), daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        started = time.monotonic()
        outcome = asked(OpenAICompatibleLLM(model="m", base_url=url, check_endpoint=False, timeout=0.6))
    assert time.monotonic() - started < 5
    assert seen(outcome) == {
        "reason": "timeout", "kind": "service", "retryable": True, "says": "no whole answer within 0.6 s",
    }  # fmt: skip


def drip(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
        try:
            for _ in range(200):
                connection.sendall(b" ")
                time.sleep(0.1)
        except OSError:
            pass
