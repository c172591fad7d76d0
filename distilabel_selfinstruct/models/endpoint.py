"""An endpoint before the first request: its address, its list of models, and what stands in the way to it."""

from __future__ import annotations

import asyncio
import difflib
import json
import logging
import os
import re
import socket
import ssl
import time
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from distilabel_selfinstruct.errors import EndpointError
from distilabel_selfinstruct.models.completion import ReplyError, error_in
from distilabel_selfinstruct.models.connection import Connection, NotReached, StatusError, proxy_of
from distilabel_selfinstruct.secrets import mask_url, shown

MODELS_SHOWN = 20
_ROUTE = re.compile(
    r"/(?:chat/completions|completions|models|responses|embeddings)$|(?<=/v\d)/(?:chat|messages)$", re.I
)
_NO_LIST = (404, 405, 429, 501)  # statuses of servers that work all the same
_PASSING = (408, 409, 425)
_SIGN_OF_LIFE = 10.0  # seconds between two lines while it is waited for an endpoint
_LONGEST_WAIT = 10.0
_WEB_PAGE = re.compile(r"\s*(?:<\?xml[^>]*>\s*|<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.DOTALL)
_TITLE = re.compile(r"<title[^>]*>\s*(.*?)\s*</title>", re.I | re.DOTALL)

_CONTEXT_NAMES = (
    "max_model_len",
    "context_window",
    "context_length",
    "max_context_length",
    "max_context_window_tokens",
)
_OF_THOUGHTS = re.compile("think|reason|thought|channel", re.I)  # in a chat template
_SMALLEST_CONTEXT = 256  # tokens: what is less is no context, but a number that means something else

_FAILURES = (StatusError, ReplyError, *NotReached)
Listed = dict[str, dict[str, Any]]


class Served(NamedTuple):
    """What an endpoint says of a model.

    Attributes:
        window: tokens that its context holds.
        software: of the server, such as `llamacpp` or `vllm`.
        begin: the mark with which a text begins.
        may_think: whether thoughts may stand in the answer of a chat; so they may where nothing is known of it.
    """

    window: int | None = None
    software: str = ""
    begin: str = ""
    may_think: bool = True

    @property
    def is_llama_cpp(self) -> bool:
        """Whether llama.cpp answers, which counts the tokens of a text, too."""
        return self.software == "llamacpp"


class NoList(Exception):
    """An answer that is no list of models; says what it is."""


def without_route(url: str) -> tuple[str, str]:
    """The address that requests go below, and the route that was given along with it, if one was."""
    try:
        parts = urlsplit(url)
    except ValueError:  # no address at all, which is told when it is used
        return url, ""
    path = parts.path.rstrip("/")
    if (route := _ROUTE.search(path)) is None:
        return url, ""
    return urlunsplit(parts._replace(path=path[: route.start()])), route[0]


def check_address(url: str) -> None:
    """Raises EndpointError for what is no address of HTTP."""
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 0) >= 0
    except ValueError:
        is_address = False
    if not is_address:
        raise EndpointError(
            shown(
                f"base_url is {mask_url(url)!r}, which is no address of an endpoint: it begins with http:// or https://,"
                " and most end in /v1."
            )
        )


def check_models(connection: Connection, url: str, model: str, outage: float, log: logging.Logger) -> Served:
    """What the endpoint says of the model.

    A server that is not up, or busy, is asked again for `outage` seconds.

    Raises:
        EndpointError: unless the endpoint answers and offers the model, as far as it can tell.
    """
    try:
        offered = _offered(connection, url, model, outage, log)
    except NoList as error:
        _check_v1(connection, url)
        raise EndpointError(
            shown(
                f"The endpoint {url} does not answer with a list of models but with {error}. Is base_url right"
                f" (most end in /v1)? Model asked for: {model}."
            )
        ) from None
    except _FAILURES as error:
        status = getattr(error, "status_code", None)
        if status not in _NO_LIST:
            raise EndpointError(shown(_unusable(error, connection, url, model))) from None
        if status == 404:
            _check_v1(connection, url)
        log.debug(shown(f"{url} does not list its models: {error}"))
        return Served()
    if not _offers(offered, model):
        nearest = difflib.get_close_matches(model, offered, MODELS_SHOWN, cutoff=0.0)
        raise EndpointError(
            shown(
                f"The endpoint {url} does not offer the model {model}. It offers "
                f"{len(offered)}{', the nearest first' if offered else ''}: {', '.join(nearest)}."
            )
        )
    entry = next((offered[name] for name in (model, f"{model}:latest") if name in offered), None)
    entry = entry or (next(iter(offered.values())) if len(offered) == 1 else {})
    software = str(entry.get("owned_by") or "")
    props = _props(connection, url) if software == "llamacpp" else {}
    window = _context_of(entry) or _context_of({"meta": props.get("default_generation_settings")})
    template = str(props.get("chat_template") or "")
    return Served(
        window=window,
        software=software,
        begin=str(props.get("bos_token") or props.get("eos_token") or ""),
        may_think=not template or _OF_THOUGHTS.search(template) is not None,
    )


def _context_of(entry: Mapping[str, Any]) -> int | None:
    """The context that a model's entry in the list names; llama.cpp's is that of each of its slots."""
    meta = entry.get("meta")
    named = [entry.get(name) for name in _CONTEXT_NAMES] + [meta.get("n_ctx") if isinstance(meta, Mapping) else None]
    return next((each for each in named if isinstance(each, int) and each >= _SMALLEST_CONTEXT), None)


def _props(connection: Connection, url: str) -> Mapping[str, Any]:
    """What llama.cpp's server says of itself and of each of its slots, beside the routes of OpenAI."""
    try:
        props = json.loads(_beside(connection, url).ask_once("/props"))
    except (*_FAILURES, ValueError):
        return {}
    return props if isinstance(props, Mapping) else {}


def count_tokens(connection: Connection, url: str, text: str) -> int | None:
    """How many tokens llama.cpp's server makes of a text; None where it does not say."""
    try:
        answer: Any = json.loads(_beside(connection, url).ask_once("/tokenize", {"content": text}))
        return len(answer["tokens"])
    except (*_FAILURES, ValueError, KeyError, TypeError):
        return None


async def tokens_of(connection: Connection, url: str, text: str) -> list[int]:
    """The tokens that llama.cpp's server makes of a text, with the mark of its beginning where the model wants one."""
    beside = _beside(connection, url)
    try:
        return list(json.loads(await beside.ask("/tokenize", {"content": text, "add_special": True}))["tokens"])
    finally:
        await beside.aclose()


def _beside(connection: Connection, url: str) -> Connection:
    """For the routes that a server has beside those of OpenAI."""
    parts = urlsplit(url)
    return connection.at(urlunsplit(parts._replace(path=re.sub(r"/v1/?$", "", parts.path), query="")))


def _offered(connection: Connection, url: str, model: str, outage: float, log: logging.Logger) -> Listed:
    """The models that an endpoint lists, as soon as it answers."""
    started = said_at = time.monotonic()
    wait = 0.5
    while True:
        try:
            return _list_models(connection)
        except _FAILURES as error:
            now = time.monotonic()
            if not _passes(error) or now + wait > started + outage:
                raise
            if said_at == started or now - said_at >= _SIGN_OF_LIFE:
                said_at = now
                log.warning(shown(f"{_unusable(error, connection, url, model)} Tried again for {outage:g} s at most."))
        time.sleep(wait)
        wait = min(wait * 2, _LONGEST_WAIT)


def _list_models(connection: Connection) -> Listed:
    """The entries of a model list by their ids; some endpoints send the bare list."""
    text = connection.ask_once("/models").decode("utf-8-sig", "replace")
    try:
        listing: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise NoList(what_it_is(text)) from None
    if isinstance(listing, dict) and "data" not in listing and (error := error_in(listing)) is not None:
        raise error
    entries = listing.get("data") or [] if isinstance(listing, dict) else listing
    if not isinstance(entries, list):
        raise NoList(f"{text[:200]!r}")
    return {str(entry["id"]): entry for entry in entries if isinstance(entry, dict) and "id" in entry}


def what_it_is(text: str) -> str:
    """What a body is that should be JSON and is not."""
    if not text.strip():
        return "an empty body"
    if _WEB_PAGE.match(text):
        title = _TITLE.search(text)
        return f"a web page{f' ({title[1][:100]})' if title and title[1] else ''}"
    if re.match(r"(?:event|data|id|:)\s*:?", text) and "data:" in text[:500]:
        return f"a stream of events, which was not asked for: {text[:100]!r}"
    return f"what is no JSON: {text[:200]!r}"


def _check_v1(connection: Connection, url: str) -> None:
    """Raises EndpointError where the same address with /v1, or the host's /v1, has what was looked for."""
    parts = urlsplit(url)
    if re.search(r"/v\d\w*(?:/|$)", parts.path):
        return
    for path in dict.fromkeys([f"{parts.path.rstrip('/')}/v1", "/v1"]):
        better = urlunsplit(parts._replace(path=path))
        try:
            _list_models(connection.at(better))
        except (*_FAILURES, NoList):
            continue
        advice = "add /v1 to base_url" if path != "/v1" or parts.path in ("", "/") else "give that as base_url"
        raise EndpointError(shown(f"The endpoint {url} has no list of models, but {better} has: {advice}."))


# --- what stands in the way -------------------------------------------------------------------------------------------


def _passes(error: BaseException) -> bool:
    """Whether it may be another thing in a moment."""
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return (status >= 500 and status not in _NO_LIST) or status in _PASSING
    if isinstance(error, asyncio.TimeoutError):
        return True
    causes = list(_causes(error))
    if any(isinstance(cause, socket.gaierror) and cause.errno != socket.EAI_AGAIN for cause in causes):
        return False
    return isinstance(error, NotReached) and not _is_tls(causes)


def _unusable(error: BaseException, connection: Connection, url: str, model: str) -> str:
    causes = list(_causes(error))
    detail = _detail(error)
    check = "Is base_url (or OPENAI_BASE_URL) right?"
    if isinstance(error, NotReached):
        problem, advice = "cannot be reached", check
        proxy = proxy_of(url)
        if _is_tls(causes):
            problem = "cannot be reached safely"
            advice = (
                "If its certificate is of an authority of your own, set SSL_CERT_FILE to the file of that authority."
            )
        elif proxy is not None:
            problem = f"cannot be reached through the proxy {mask_url(proxy[1])}"
            advice = f"The proxy is that of {proxy[0]}: unset it, or add the endpoint's host to NO_PROXY."
        elif any(isinstance(cause, ConnectionRefusedError) for cause in causes) or "refused" in detail:
            advice = f"Nothing listens there: is the server running? {check}"
    elif getattr(error, "status_code", None) in (401, 403):
        problem = "refuses the key" if connection.key else "wants a key"
        advice = "Set OPENAI_API_KEY or api_key; check_endpoint=False if the key may not list models."
    else:
        problem, advice = "cannot list its models", check
    return f"The endpoint {url} {problem}: {detail}. Model asked for: {model}. {advice}"


def _detail(error: BaseException) -> str:
    """What the error says on one line; of a page that a gateway sent its title."""
    below = error.__cause__ or error
    text = str(below) or type(below).__name__
    if isinstance(below, OSError) and not isinstance(below, (socket.gaierror, ssl.SSLError)) and below.errno:
        text = f"[Errno {below.errno}] {os.strerror(below.errno)}"  # without the words of whoever tried
    if _WEB_PAGE.match(text):
        text = what_it_is(text)
        text = f"{getattr(error, 'status_code', '')} {text}".strip()
    return " ".join(text.split())[:300].rstrip(".")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _is_tls(causes: list[BaseException]) -> bool:
    return any(isinstance(cause, ssl.SSLError) or "[SSL" in str(cause) for cause in causes)


# --- a model's names -------------------------------------------------------------------------------------------------


def _offers(offered: Collection[str], model: str) -> bool:
    """Whether a model list contains the model, under the liberties that servers take with its name."""
    if model in offered or f"{model}:latest" in offered:  # Ollama
        return True
    if model.partition(":")[0] in offered:  # a router's "model:provider"
        return True
    if len(offered) != 1:
        return False
    [only] = offered
    return "tgi" in (model, only) or _file_name(only) == _file_name(model)  # TGI; llama.cpp


def _file_name(model: str) -> str:
    return model.replace("\\", "/").rstrip("/").rpartition("/")[2].lower().removesuffix(".gguf")
