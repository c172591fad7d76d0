"""HTTP to an endpoint: what goes there and what comes back, and nothing of what it means.

aiohttp costs a tenth of the CPU that openai's client takes for a request, and says all that is needed.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import urllib.request
import weakref
from base64 import b64encode
from collections.abc import Callable, Coroutine, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit, urlunsplit

import aiohttp
import certifi
from yarl import URL

from distilabel_selfinstruct.errors import EndpointError
from distilabel_selfinstruct.secrets import mask_url, shown
from distilabel_selfinstruct.version import __version__

CONNECT_SECONDS = 10.0
CHECK_SECONDS = 20.0
_IDLE_SECONDS = 4.0  # for which a connection is kept that nobody uses: uvicorn closes it after 5
_LONGEST_HEADER = 65_536
_ACCOUNT = {"OPENAI_ORG_ID": "OpenAI-Organization", "OPENAI_PROJECT_ID": "OpenAI-Project"}

T = TypeVar("T")

NotReached = (aiohttp.ClientError, OSError, asyncio.TimeoutError)
"""What a request raises that gets no answer, or none that is whole."""


class StatusError(Exception):
    """An answer whose status says that it failed.

    Attributes:
        status_code: the status.
        body: the error in the body; all of the body where it has none, as a text where it is no JSON.
        code: the error's code, if it has one.
        param: the parameter that it is about, if it says so.
        headers: those of the answer, by their names in small letters.
    """

    def __init__(self, status_code: int, content: bytes, headers: Mapping[str, str]) -> None:
        text = content.decode("utf-8-sig", "replace")
        try:
            body = json.loads(text)
        except (ValueError, RecursionError):
            body = text
        super().__init__(status_code, content, dict(headers))
        said = body.get("error", body) if isinstance(body, Mapping) else body
        self._text = (text if body is text else f"Error code: {status_code} - {body}") or f"Error code: {status_code}"
        self.status_code, self.body = status_code, said
        self.headers = {name.lower(): value for name, value in headers.items()}
        about = said if isinstance(said, Mapping) else {}
        self.code, self.param = about.get("code"), about.get("param")

    def __str__(self) -> str:
        return self._text


class Connection:
    """Requests to one endpoint, over connections that stay open for the event loop that uses them.

    Args:
        url: the endpoint's address; routes go below it, and its query stays behind them.
        key: what it is shown, if it wants one; a user in the address counts more.
        headers: sent besides.

    Raises:
        EndpointError: the environment names a proxy that cannot be used.
    """

    def __init__(self, url: str, key: str | None = None, headers: Mapping[str, str] | None = None) -> None:
        parts = urlsplit(url)
        self.url, self.key = url, key
        host = parts.netloc.rpartition("@")[2]
        self._base = urlunsplit(parts._replace(netloc=host, query="", fragment="")).rstrip("/")
        self._query = f"?{parts.query}" if parts.query else ""
        self._headers = _headers(key, parts.username, parts.password) | dict(headers or {})
        self._proxy = _proxy(url)
        self._tls = parts.scheme == "https"
        self._routes: dict[str, URL] = {}
        self.last_headers: Iterable[tuple[str, str]] = ()  # of whatever was answered last
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def at(self, url: str) -> Connection:
        """To another address, with the same key."""
        return Connection(url, self.key)

    async def ask(self, route: str, body: Mapping[str, Any] | None = None) -> bytes:
        """The body of the answer to one request: a GET, or a POST where there is something to send.

        Raises:
            StatusError: the answer's status says that it failed.
            aiohttp.ClientError, OSError, asyncio.TimeoutError: there is no whole answer.
        """
        return await self._send(route, None if body is None else _as_json(body))

    async def stream(self, route: str, body: Mapping[str, Any], take: Callable[[bytes], bool]) -> bytes | None:
        """As `ask`, of an answer that is streamed: gives the data of each event to `take` until that has enough.

        Whoever has enough before the end ends the request. Where the answer does not come in events, `take` is given
        nothing, and the body is returned.
        """
        once = {"Connection": "close"}  # llama.cpp's server closes it behind a stream, and does not say so
        async with self._request(route, _as_json(body), once) as got:
            if got.status >= 400 or got.content_type != "text/event-stream":
                return await self._whole(got)
            self.last_headers = got.headers.items()
            async for line in got.content:
                name, _, data = line.partition(b":")
                if name == b"data" and take(data.strip()):
                    break
            got.close()
            return None

    async def upload(self, route: str, fields: Mapping[str, str], name: str, content: bytes) -> bytes:
        """As `ask`, of a form with a file."""
        form = aiohttp.FormData(fields)
        form.add_field("file", content, filename=name, content_type="application/octet-stream")
        sent = form()
        return await self._send(route, sent, {"Content-Type": sent.content_type or ""})

    async def _send(self, route: str, data: Any, headers: Mapping[str, str] | None = None) -> bytes:
        async with self._request(route, data, headers) as got:
            return await self._whole(got)

    def _request(self, route: str, data: Any, headers: Mapping[str, str] | None = None) -> Any:
        method = "GET" if data is None else "POST"
        return self._open().request(method, self._at(route), data=data, headers=headers, proxy=self._proxy)

    async def _whole(self, got: aiohttp.ClientResponse) -> bytes:
        self.last_headers = got.headers.items()
        content = await got.read()
        if got.status >= 400:
            raise StatusError(got.status, content, got.headers)
        return content

    def ask_once(self, route: str, body: Mapping[str, Any] | None = None) -> bytes:
        """As `ask`, waited for, over a connection of its own, for `CHECK_SECONDS` at most."""

        async def asked() -> bytes:
            own = self.at(self.url)
            try:
                return await asyncio.wait_for(own.ask(route, body), CHECK_SECONDS)
            finally:
                await own.aclose()

        return _waited_for(asked())

    async def aclose(self) -> None:
        """Closes the connections; in the event loop that used them."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        if self._session is None or self._loop is not loop:
            self._loop = loop
            self._session = aiohttp.ClientSession(
                connector=_connector(self._proxy, self._tls),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=self._headers,
                timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS),
                max_line_size=_LONGEST_HEADER,
                max_field_size=_LONGEST_HEADER,
            )
            weakref.finalize(self, _close, self._session, loop)
        return self._session

    def _at(self, route: str) -> URL:
        if route not in self._routes:
            url = f"{self._base}{route}{self._query}"
            self._routes[route] = URL(url, encoded=url.isascii() and " " not in url)
        return self._routes[route]


def _close(session: aiohttp.ClientSession, loop: asyncio.AbstractEventLoop) -> None:
    """Closes without a word what nobody has closed, at once: nobody may be left to wait for it."""
    if session.closed:
        return
    if loop.is_running() and _running_loop() is not loop:
        loop.call_soon_threadsafe(_close_at_once, session)
    elif loop.is_running() or loop.is_closed():
        _close_at_once(session)
    else:
        loop.run_until_complete(session.close())


def _close_at_once(session: aiohttp.ClientSession) -> None:
    closing = session.close()
    with suppress(StopIteration):
        closing.send(None)  # goes as far as there is nothing to wait for
    closing.close()


def proxy_of(url: str) -> tuple[str, str] | None:
    """The variable that names the proxy for an address, and the proxy; None where there is none."""
    parts = urlsplit(url)
    proxies = urllib.request.getproxies()
    if not parts.hostname or urllib.request.proxy_bypass(parts.hostname):
        return None
    for scheme in (parts.scheme, "all"):
        if given := proxies.get(scheme):
            names = [name for name in os.environ if name.lower() == f"{scheme}_proxy" and os.environ[name] == given]
            return (names or [f"the system for {scheme}"])[0], given
    return None


def _as_json(body: Mapping[str, Any]) -> bytes:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", "backslashreplace")  # of half a character, which JSON writes so


def _headers(key: str | None, user: str | None, password: str | None) -> dict[str, str]:
    sent = {"Content-Type": "application/json", "User-Agent": f"distilabel-selfinstruct/{__version__}"}
    if user or password:
        login = f"{unquote(user or '')}:{unquote(password or '')}"
        sent["Authorization"] = f"Basic {b64encode(login.encode()).decode()}"
    elif key:
        sent["Authorization"] = f"Bearer {key}"
    return sent | {header: os.environ[name] for name, header in _ACCOUNT.items() if os.environ.get(name)}


def _proxy(url: str) -> str | None:
    if (found := proxy_of(url)) is None:
        return None
    name, proxy = found
    if urlsplit(proxy).scheme not in ("http", "https"):
        raise EndpointError(
            shown(
                f"{name} names the proxy {mask_url(proxy)}: a proxy of HTTP is needed, whose address begins with"
                " http://. Set one, unset the variable, or add the endpoint's host to NO_PROXY."
            )
        )
    return proxy


def _connector(proxy: str | None, tls: bool) -> aiohttp.TCPConnector:
    context = _certificates() if tls or (proxy or "").startswith("https") else True
    return aiohttp.TCPConnector(limit=0, keepalive_timeout=_IDLE_SECONDS, ssl=context)


@cache
def _certificates() -> ssl.SSLContext:
    """The authorities that the user names (SSL_CERT_FILE, SSL_CERT_DIR), or else certifi's and the system's."""
    context = ssl.create_default_context()
    if not (os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")):
        context.load_verify_locations(certifi.where())
    return context


def _waited_for(asking: Coroutine[Any, Any, T]) -> T:
    """What comes of it, also where this thread runs an event loop."""
    if _running_loop() is None:
        return asyncio.run(asking)
    with ThreadPoolExecutor(1) as aside:
        return aside.submit(asyncio.run, asking).result()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
