"""Queues over TCP: what workers elsewhere read and write, and who gets nothing."""

from __future__ import annotations

import os
import pickle
import queue
import socket
import threading
from collections.abc import Iterator
from multiprocessing import AuthenticationError
from typing import Any

import pytest

from distilabel_selfinstruct.engine.ray.queues import QueueServer, RemoteQueue, ServedQueue
from tests.support.waiting import LIMIT


@pytest.fixture
def server() -> Iterator[QueueServer]:
    with QueueServer("127.0.0.1") as server:
        yield server
    assert "queue-server" not in {thread.name for thread in threading.enumerate()}


def elsewhere(served: ServedQueue) -> RemoteQueue:
    """As another process gets it."""
    remote: RemoteQueue = pickle.loads(pickle.dumps(served))
    assert isinstance(remote, RemoteQueue)
    return remote


def test_items_come_in_order_each_to_one_reader(server: QueueServer) -> None:
    served = server.queue()
    for item in ("a", {"b": [1] * 100_000}, None):
        served.put(item)
    one, other = elsewhere(served), elsewhere(served)
    assert [one.get(), other.get(), one.get()] == ["a", {"b": [1] * 100_000}, None]


def test_what_is_put_elsewhere_comes_here(server: QueueServer) -> None:
    served, another = server.queue(), server.queue()
    writer = elsewhere(served)
    writer.put(1)
    writer.put("two")
    assert [served.get(timeout=LIMIT), served.get(timeout=LIMIT)] == [1, "two"]
    with pytest.raises(queue.Empty):
        another.get(timeout=0.05)


def test_what_cannot_be_pickled_is_an_error_of_the_sender(server: QueueServer) -> None:
    with pytest.raises(TypeError):
        elsewhere(server.queue()).put(threading.Lock())


def test_without_the_secret_there_is_nothing(server: QueueServer) -> None:
    served = server.queue()
    served.put("private")
    make, (address, _, number) = served.__reduce__()
    with pytest.raises((AuthenticationError, EOFError, OSError)):
        make(address, "guessed", number).get()
    with socket.create_connection(address) as silent:  # says nothing, and nobody waits for it
        assert elsewhere(served).get() == "private"
        silent.close()


def test_who_says_nothing_is_shown_out(server: QueueServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distilabel_selfinstruct.engine.ray.queues._GREETING", 0.05)
    with socket.create_connection(server.queue().remote.address, timeout=60) as silent:
        while silent.recv(1000):  # what it is asked
            pass
    for thread in list(server._serving.values()):
        thread.join()
    assert server._serving == {}


def test_who_knows_the_secret_may_be_silent_for_long(server: QueueServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distilabel_selfinstruct.engine.ray.queues._GREETING", 0.05)
    served = server.queue()
    remote = elsewhere(served)
    remote.put("first")
    assert served.get(timeout=60) == "first"
    with socket.create_connection(remote.address, timeout=60) as silent:  # until this one is shown out
        while silent.recv(1000):
            pass
    remote.put("second")
    assert served.get(timeout=60) == "second"


def test_a_connection_that_is_idle_for_long_is_kept_alive(server: QueueServer) -> None:
    served = server.queue()
    served.put("first")
    remote = elsewhere(served)
    remote.get()
    assert remote._opened is not None
    for descriptor in (remote._opened.fileno(), *(accepted.fileno() for accepted in server._serving)):
        with socket.socket(fileno=os.dup(descriptor)) as connected:
            assert connected.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1


def test_the_end_lets_nobody_wait() -> None:
    ended: list[Any] = []

    def wait(remote: RemoteQueue) -> None:
        try:
            remote.get()
        except (EOFError, OSError) as error:
            ended.append(type(error))

    with QueueServer("127.0.0.1") as server:
        remotes = [elsewhere(server.queue()) for _ in range(2)]
        served = server.queue()
        threads = [threading.Thread(target=wait, args=(elsewhere(served),)) for _ in range(3)]
        threads += [threading.Thread(target=remote.wait_for_end) for remote in remotes]
        served.put(0)
        elsewhere(served).get()
        for remote in remotes:
            remote.put(1)
        for thread in threads:
            thread.start()
    for thread in threads:
        thread.join(timeout=LIMIT)
        assert not thread.is_alive()
    assert len(ended) == 3
