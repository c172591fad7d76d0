"""The server of `self-instruct view`: the page of a run, on this machine and for this machine alone.

It answers from the run and reads no file that a request names. Requests that come under another name than this
machine's own (DNS rebinding) are turned away.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from distilabel_selfinstruct.errors import ConfigError, SelfInstructError
from distilabel_selfinstruct.report.listings import PAGE
from distilabel_selfinstruct.report.live import LiveRun

HOST = "127.0.0.1"
_NAMES = ("127.0.0.1", "localhost")
_MOST = 500  # rows in one answer
_OWN = frozenset({"rows", "key", "q", "sort", "start", "length"})
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class ViewServer(ThreadingHTTPServer):
    """Serves the page of a run on 127.0.0.1.

    Args:
        run: that is looked at.
        port: a free one if 0.

    Raises:
        ConfigError: if the port cannot be had.
    """

    daemon_threads = True

    def __init__(self, run: LiveRun, port: int = 0) -> None:
        self.run = run
        try:
            super().__init__((HOST, port), _Handler)
        except (OSError, OverflowError) as error:
            said = getattr(error, "strerror", None) or str(error)
            raise ConfigError(f"--port {port}: cannot be had ({said}); choose another, or leave it out.") from None

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://{HOST}:{self.server_address[1]}/"

    def server_bind(self) -> None:
        """Without the look-up of this machine's name that the base class makes, which may take long."""
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = HOST, int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that went away is no error."""


class _Handler(BaseHTTPRequestHandler):
    server: ViewServer
    timeout = 30
    server_version, sys_version = "self-instruct", ""

    def do_GET(self) -> None:
        """The page, or what its script asks."""
        if not self._is_ours():
            self._send(HTTPStatus.FORBIDDEN, "text/plain", b"This page is for this machine alone.\n")
            return
        address = urlsplit(self.path)
        try:
            query = dict(parse_qsl(address.query, keep_blank_values=True, max_num_fields=100))
            status, kind, body = self._answer(address.path, query)
        except ValueError:
            status, kind, body = HTTPStatus.BAD_REQUEST, "text/plain", b"This cannot be read.\n"
        except SelfInstructError as error:
            status, kind, body = HTTPStatus.CONFLICT, "application/json", _json({"error": str(error)})
        except OSError as error:  # of a file that a run has just replaced
            status, kind, body = HTTPStatus.SERVICE_UNAVAILABLE, "application/json", _json({"error": str(error)})
        self._send(status, kind, body)

    do_HEAD = do_GET

    def _is_ours(self) -> bool:
        """Whether it was asked for under a name of this machine, and not for a page of others."""
        port = self.server.server_port
        known = {f"{name}:{port}" for name in _NAMES}
        origin = self.headers.get("Origin")
        return self.headers.get("Host") in known and (origin is None or origin in {f"http://{name}" for name in known})

    def _answer(self, path: str, query: dict[str, str]) -> tuple[HTTPStatus, str, bytes]:
        run = self.server.run
        if path == "/":
            return HTTPStatus.OK, "text/html; charset=utf-8", run.page().encode()
        if path == "/api/state":
            return HTTPStatus.OK, "application/json", _json(run.state())
        if path == "/api/rows":
            filters = {name: value for name, value in query.items() if name not in _OWN}
            start, length = int(query.get("start", "0")), int(query.get("length", str(PAGE)))
            if not (0 <= start < 2**40 and 0 < length <= _MOST):
                raise ValueError(length)
            found = run.rows(query.get("rows", ""), filters, query.get("q", ""), query.get("sort", ""), start, length)
            return HTTPStatus.OK, "application/json", _json(found)
        if path == "/api/row" and (row := run.row(query.get("rows", ""), query.get("key", ""))) is not None:
            return HTTPStatus.OK, "application/json", _json(row)
        return HTTPStatus.NOT_FOUND, "text/plain", b"There is no such page.\n"

    def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: what a browser asks is no news."""


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, default=str).encode("utf-8", "replace")
