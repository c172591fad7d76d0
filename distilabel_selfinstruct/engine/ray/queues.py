"""Queues of the main process that workers on other machines read and write, over TCP.

Ray's own queues are actors: each is a process of its own, that dies with its node and takes what it holds along.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import socket
import threading
from dataclasses import dataclass, field
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection
from typing import Any

from distilabel_selfinstruct.models.slots.handshake import Handshake, new_secret
from distilabel_selfinstruct.models.slots.wire import keep_alive, limit_silence

_REACH = 10.0  # seconds that a connection may take
_GREETING = 60.0  # seconds that a stranger may take for each part of the proof that it knows the secret
_LONGEST_GREETING = 256  # bytes of each part
_END = b""  # a message to who waits at a queue that is closed; one from a worker asks for the next item


class QueueServer:
    """Serves queues to whoever knows the secret, which is never sent; a context manager.

    Args:
        host: address of this machine to listen on.
    """

    def __init__(self, host: str) -> None:
        self._socket = socket.create_server((host, 0), backlog=1024)
        self._address: tuple[str, int] = self._socket.getsockname()[:2]
        self._secret = new_secret()
        self._queues: list[ServedQueue] = []
        self._acceptor = self._thread(self._accept)
        self._serving: dict[socket.socket, threading.Thread] = {}

    def __enter__(self) -> QueueServer:
        self._acceptor.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._acceptor.join()  # nobody comes in any more
        for served in self._queues:
            served.end()
        serving = dict(self._serving)
        for accepted in serving:
            with contextlib.suppress(OSError):  # the other end was faster
                accepted.shutdown(socket.SHUT_RDWR)
        for thread in serving.values():
            thread.join()

    def queue(self) -> ServedQueue:
        """A new queue."""
        served = ServedQueue(RemoteQueue(self._address, self._secret, len(self._queues)))
        self._queues.append(served)
        return served

    @staticmethod
    def _thread(target: Any, *args: Any) -> threading.Thread:
        return threading.Thread(target=target, args=args, name="queue-server", daemon=True)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the socket is closed
            while True:
                accepted, _ = self._socket.accept()
                self._serving[accepted] = thread = self._thread(self._serve, accepted)
                thread.start()

    def _serve(self, accepted: socket.socket) -> None:
        with accepted, contextlib.suppress(OSError, EOFError, AuthenticationError), _connection(accepted) as connection:
            limit_silence(accepted, _GREETING)
            _let_in(connection, self._secret)
            served = self._queues[int(connection.recv_bytes())]
            limit_silence(accepted, 0)
            while True:
                if (message := connection.recv_bytes()) != _END:
                    served.items.put(message)
                    continue
                if (item := served.items.get()) == _END:
                    served.end()  # for the next who waits
                    break
                connection.send_bytes(item)
        del self._serving[accepted]


def _let_in(connection: Connection, secret: str) -> None:
    """Raises AuthenticationError unless the client knows the secret; then it is told that this end does too."""
    connection.send_bytes((challenge := new_secret()).encode())
    said = connection.recv_bytes(_LONGEST_GREETING).decode("ascii", "replace")
    handshake = Handshake(secret, challenge, said[: len(challenge)])
    if not handshake.is_proof("client", said[len(challenge) :]):
        raise AuthenticationError
    connection.send_bytes(handshake.proof("server").encode())


def _come_in(connection: Connection, secret: str) -> None:
    """Raises AuthenticationError unless the server knows the secret."""
    challenge = connection.recv_bytes(_LONGEST_GREETING).decode("ascii", "replace")
    handshake = Handshake(secret, challenge, new_secret())
    connection.send_bytes(f"{handshake.of_client}{handshake.proof('client')}".encode())
    if not handshake.is_proof("server", connection.recv_bytes(_LONGEST_GREETING).decode("ascii", "replace")):
        raise AuthenticationError


def _connection(connected: socket.socket) -> Connection:
    keep_alive(connected)
    connected.settimeout(None)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Connection(os.dup(connected.fileno()))


@dataclass
class ServedQueue:
    """A queue in the main process; pickled it becomes a `RemoteQueue`."""

    remote: RemoteQueue
    items: queue.SimpleQueue[bytes] = field(default_factory=queue.SimpleQueue)

    def __reduce__(self) -> Any:
        return self.remote.__reduce__()

    def put(self, obj: Any) -> None:
        self.items.put(pickle.dumps(obj, pickle.HIGHEST_PROTOCOL))

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        return pickle.loads(self.items.get(block, timeout))

    def end(self) -> None:
        """Lets nobody wait any longer."""
        self.items.put(_END)


class RemoteQueue:
    """A queue of the main process as a worker sees it. Errors of the connection say that the main process is gone."""

    def __init__(self, address: tuple[str, int], secret: str, number: int) -> None:
        self.address, self._secret, self._number = address, secret, number
        self._lock = threading.Lock()
        self._opened: Connection | None = None

    def __reduce__(self) -> Any:
        return RemoteQueue, (self.address, self._secret, self._number)

    def put(self, obj: Any) -> None:
        message = pickle.dumps(obj, pickle.HIGHEST_PROTOCOL)
        with self._lock:
            self._connection().send_bytes(message)

    def get(self) -> Any:
        with self._lock:
            self._connection().send_bytes(_END)
            return pickle.loads(self._connection().recv_bytes())

    def wait_for_end(self) -> None:
        """Returns when the main process has closed its queues, or is gone."""
        with contextlib.suppress(OSError):
            self._connection().poll(None)

    def _connection(self) -> Connection:
        if self._opened is None:
            with socket.create_connection(self.address, timeout=_REACH) as connected:
                self._opened = _connection(connected)
            _come_in(self._opened, self._secret)
            self._opened.send_bytes(str(self._number).encode())
        return self._opened
