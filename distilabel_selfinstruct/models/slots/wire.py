"""What the server of slots and its clients share: how they talk, what they count, and why a run sends nothing more."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from collections import defaultdict
from dataclasses import dataclass

from distilabel_selfinstruct.errors import SelfInstructError

_MOST_AT_FIRST = 3  # different requests, before the first answer: what refuses so many refuses all
_MOST_IN_A_ROW = 10  # of a stage of which some get through, or of another; a model may refuse some in a row

STOP_REASONS = ("budget", "interrupted", "failed", "unavailable")


class RunStopped(SelfInstructError):
    """No further request may be sent; its message is one of `STOP_REASONS`, and the reason code of rows not asked."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How large a request is, as far as one knows before it is answered; or several of them together.

    Attributes:
        characters: of the prompt.
        samples: that are asked for.
        most_tokens: that the samples may have together.
    """

    characters: int = 0
    samples: int = 0
    most_tokens: int = 0

    def __add__(self, other: Asked) -> Asked:
        return Asked(
            self.characters + other.characters, self.samples + other.samples, self.most_tokens + other.most_tokens
        )

    def __sub__(self, other: Asked) -> Asked:
        return Asked(
            self.characters - other.characters, self.samples - other.samples, self.most_tokens - other.most_tokens
        )

    def __str__(self) -> str:
        return f"{self.characters} {self.samples} {self.most_tokens}"


NO_SIZE = Asked()


class Refusals:
    """The different requests that were refused one after the other, with no answer in between."""

    def __init__(self) -> None:
        self._refused: defaultdict[str, set[str]] = defaultdict(set)
        self._has_answers = False

    def note_answer(self, stage: str) -> None:
        self._has_answers = True
        self._refused.pop(stage, None)

    def verdict(self, stage: str, key: str) -> str:
        """Before the first answer `few`, with this one, or `all` were refused; after it `some`, or `many` in a row."""
        self._refused[stage].add(key)
        if self._has_answers:
            return "many" if len(self._refused[stage]) >= _MOST_IN_A_ROW else "some"
        return "all" if sum(map(len, self._refused.values())) >= _MOST_AT_FIRST else "few"


class Lines(asyncio.Protocol):
    """Messages as lines, written together once a turn of the loop: thousands a second must cost little."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._unread = b""
        self._unsent: list[str] = []
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        keep_alive(transport.get_extra_info("socket"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if not self.closed.done():
            self.closed.set_result(None)

    def data_received(self, data: bytes) -> None:
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            word, _, rest = line.decode().partition(" ")
            self.received(word, rest)

    def received(self, word: str, rest: str) -> None:
        """Takes one message."""
        raise NotImplementedError

    def send(self, *words: object) -> None:
        """Sends one message, words with spaces between; nothing where the connection is gone."""
        if not self._unsent:
            asyncio.get_running_loop().call_soon(self._flush)
        self._unsent.append(" ".join(map(str, words)))

    def close(self) -> None:
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def _flush(self) -> None:
        if self._unsent and self._transport is not None:
            self._transport.write("".join(f"{line}\n" for line in self._unsent).encode())
        self._unsent.clear()


def keep_alive(connected: socket.socket) -> None:
    """Lets nobody on the way forget a connection that is idle for hours, and ends one to a machine that is gone."""
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if sys.platform == "linux":
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)


def limit_silence(connected: socket.socket, seconds: float) -> None:
    """Makes reading fail where nothing comes for so long; 0 is no limit."""
    whole = int(seconds)
    limit = struct.pack("ll", whole, int((seconds - whole) * 1e6))
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
