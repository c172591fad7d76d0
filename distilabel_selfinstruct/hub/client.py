"""Talking to the Hub: what can help is tried again for a bounded time; errors are our own and carry no token."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from huggingface_hub import HfApi, get_session, get_token
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_before_delay, wait_exponential, wait_random

from distilabel_selfinstruct.data.quiet import quiet_clients
from distilabel_selfinstruct.errors import SelfInstructError
from distilabel_selfinstruct.secrets import clean_key, remember, shown

T = TypeVar("T")

PATIENCE = 600.0  # seconds after which a call is given up
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0  # seconds between two tries
_ANSWER_TIMEOUT = 300.0  # seconds; the clients themselves would wait for ever
_SOMEBODY_COMMITTED = 412  # what is to be done is then looked up anew
_RETRYABLE_STATUS = frozenset({408, _SOMEBODY_COMMITTED, 425, 429})
_RETRYABLE_KINDS = frozenset({"TransportError", "ConnectionError", "TimeoutError", "Timeout", "JSONDecodeError"})
_OFFLINE = "OfflineModeIsEnabled"
_LOGGER = logging.getLogger(__name__)


class HubError(SelfInstructError):
    """The Hub, or what is to be put there, cannot be used."""


class Token(str):
    """An access token that no traceback with local variables shows."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


def hide(token: str | None) -> Token | None:
    """The token such that no traceback and no message shows it."""
    remember(token or "")
    return Token(token) if token else None


def find_token(token: str | None) -> Token:
    """The token given, or the one huggingface_hub finds: HF_TOKEN, or that of `hf auth login`.

    Raises:
        HubError: if there is none.
    """
    found = Token(clean_key(token or get_token() or "", "The token of the Hub (HF_TOKEN)"))
    remember(found)
    if not found:
        raise HubError(
            "There is no token for the Hub. Make one with write access at https://huggingface.co/settings/tokens, and"
            " set HF_TOKEN or run: hf auth login"
        )
    return found


def connect(token: str | None) -> HfApi:
    """The Hub's client; None: with the token that huggingface_hub finds, or with none."""
    return HfApi(token=token, library_name="distilabel-selfinstruct")


def ask(what: str, call: Callable[[], T], token: str | None = None) -> T:
    """The result of a call of the Hub's client.

    Args:
        what: what it is for, such as "publish ada/tasks", for the messages.
        call: made again after 429, 5xx, a lost connection, or a commit by somebody else: it must look up anew what it
            depends on.
        token: never to appear in a message.

    Raises:
        HubError: if it fails, or is given up.
    """
    retrying = Retrying(
        retry=retry_if_exception(lambda error: _failure_of(error).retryable),
        wait=_wait,
        stop=stop_before_delay(PATIENCE),
        before_sleep=lambda state: _LOGGER.warning(_next_try(what, state)),
        reraise=True,
    )
    remember(token or "")
    started = time.monotonic()
    try:
        with quiet_clients():
            return retrying(_call_bounded, call)
    except SelfInstructError:
        raise
    except Exception as error:
        message = _explain(what, _failure_of(error), time.monotonic() - started)
    # Raised out here, so that nothing leads back to the clients' error: their frames hold the token.
    raise HubError(message)


def _call_bounded(call: Callable[[], T]) -> T:
    session: Any = get_session()
    before = getattr(session, "timeout", None)
    session.timeout = _ANSWER_TIMEOUT
    try:
        return call()
    finally:
        session.timeout = before


# --- what went wrong --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Failure:
    message: str
    status: int | None = None
    retryable: bool = False
    retry_after: float | None = None
    kinds: frozenset[str] = frozenset()


def _failure_of(error: BaseException) -> _Failure:
    """What an exception, or the one it was raised from, means."""
    if isinstance(error, SelfInstructError) or not isinstance(error, Exception):
        return _Failure(str(error))
    kinds = frozenset(kind.__name__ for kind in type(error).__mro__)
    message = " ".join((getattr(error, "server_message", None) or str(error) or type(error).__name__).split())
    response: Any = getattr(error, "response", None)
    if response is not None:
        status = int(response.status_code)
        again = status in _RETRYABLE_STATUS or status >= 500
        return _Failure(message, status, again, _retry_after(response.headers), kinds)
    if kinds & _RETRYABLE_KINDS:
        return _Failure(message, retryable=_OFFLINE not in kinds, kinds=kinds)
    if error.__cause__ is not None:
        return _failure_of(error.__cause__)
    # Xet, the Hub's own way of storing files, reports all its troubles as RuntimeError.
    return _Failure(message, retryable=type(error) is RuntimeError, kinds=kinds)


def _retry_after(headers: Any) -> float | None:
    """Seconds the Hub asks to wait: `Retry-After`, a number or a date, or the time left in its `RateLimit`."""
    value = headers.get("retry-after", "").strip()
    if value.isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError):
        limit = re.search(r"r=0\s*;\s*t=(\d+)", headers.get("ratelimit", ""))
        return float(limit[1]) if limit else None


def _wait(state: RetryCallState) -> float:
    growing = wait_exponential(multiplier=FIRST_WAIT, max=LONGEST_WAIT) + wait_random(0, FIRST_WAIT)
    wait = growing(state)
    asked = _failure_of(_error_of(state)).retry_after
    return wait if asked is None else asked + min(wait, FIRST_WAIT)


def _error_of(state: RetryCallState) -> BaseException:
    error = state.outcome.exception() if state.outcome is not None else None
    assert error is not None
    return error


def _next_try(what: str, state: RetryCallState) -> str:
    failure = _failure_of(_error_of(state))
    wait = state.next_action.sleep if state.next_action is not None else 0.0
    return shown(f"Could not {what} ({_reason(failure)}); trying again in {wait:.0f} s.")


def _reason(failure: _Failure) -> str:
    return f"{failure.status}: {failure.message}" if failure.status else failure.message


def _explain(what: str, failure: _Failure, seconds: float) -> str:
    text = f"Could not {what}"
    if _OFFLINE in failure.kinds:
        text += ": the Hub's client is set to work offline. Unset HF_HUB_OFFLINE."
    elif failure.retryable:
        text += f": given up after {seconds:.0f} s ({_reason(failure)}). Run the same command again later."
    elif failure.status == 401:
        text += f": the Hub does not accept the token ({_reason(failure)}). Make one at https://huggingface.co/settings/tokens"
    elif failure.status == 403:
        text += f": the token may not do that ({_reason(failure)}). Use one with write access there."
    else:
        text += f": {_reason(failure)}"
    return shown(text)
