"""A fork server a node: what workers import costs seconds each, so one process imports it, and workers are its forks.

The actor that Ray knows stands beside it, for no process with Ray's threads in it may fork.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import multiprocessing as mp
import os
import pickle
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection

from distilabel_selfinstruct.errors import SelfInstructError

Work = Callable[[str], None]  # called with the address of the node
_ALL = "distilabel_selfinstruct.engine.ray.visit"  # what every worker imports
_MOST_WORKERS = 1000  # of a node
_LONGEST_NAMES = 65_536  # bytes


class ForkServer:
    """An actor on a node: what it runs, it runs in forks of a process that has imported what workers need.

    Args:
        node: the address of the node.
    """

    def __init__(self, node: str) -> None:
        self._node = node
        self._waiting = ThreadPoolExecutor(_MOST_WORKERS)
        self._requests, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
        with theirs:
            code = f"import sys; sys.path[:] = {sys.path!r}; from {__name__} import serve; serve({theirs.fileno()})"
            self._process = subprocess.Popen([sys.executable, "-c", code], pass_fds=[theirs.fileno()])

    async def run(self, work: bytes, modules: Sequence[str]) -> None:
        """Runs pickled work in a fork, to its end, as others at the same time; modules are imported before."""
        await asyncio.get_running_loop().run_in_executor(self._waiting, self._run, work, modules)

    def _run(self, work: bytes, modules: Sequence[str]) -> None:
        ours, theirs = mp.Pipe()
        with ours:
            with theirs:
                socket.send_fds(self._requests, [" ".join([_ALL, *modules]).encode()], [theirs.fileno()])
            ours.send((self._node, work))
            try:
                error = ours.recv()
            except EOFError:
                error = RuntimeError("The worker's process ended without a word.")
            if error is not None:
                raise error


def serve(descriptor: int) -> None:
    """What the fork server does until its actor is gone: it forks a worker for each connection that it is sent."""
    _import(_ALL)
    with socket.socket(fileno=descriptor) as requests:
        while (request := socket.recv_fds(requests, _LONGEST_NAMES, 1))[0]:
            _import(*request[0].decode().split())
            mp.get_context("fork").Process(target=_work, args=request[1]).start()
            os.close(request[1][0])
    for worker in mp.active_children():
        worker.kill()


def _import(*modules: str) -> None:
    for name in modules:
        with contextlib.suppress(Exception):  # the worker that needs it will tell
            importlib.import_module(name)


def _work(descriptor: int) -> None:
    with Connection(descriptor) as connection:
        node, packed = connection.recv()
        threading.Thread(target=_end_with_actor, args=(connection,), daemon=True).start()
        work: Work = pickle.loads(packed)
        try:
            work(node)
        except SelfInstructError as error:
            connection.send(error)
        else:
            connection.send(None)


def _end_with_actor(connection: Connection) -> None:
    with contextlib.suppress(OSError):
        connection.poll(None)
    os._exit(1)
