"""A Ray cluster, by way of a process of its own that speaks to Ray.

Ray takes signal handlers over, prints, tries a wrong address or token again for a minute, notices the loss of its head
after another, and then ends the process. In a process of its own it may; the main one waits for none of it.
"""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing as mp
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from distilabel_selfinstruct.errors import ConfigError, MissingExtraError, SelfInstructError

_TICK = 0.2  # seconds between two looks at the workers
_LOOK = 2.0  # seconds between two looks at the nodes
_ANSWER = 3.0  # seconds that a node may take to answer
_AWAY = 10.0  # seconds that a node may be away
_SILENCE = 25.0  # seconds without a word after which the process that speaks to Ray is taken for stuck
_IMPORT = 60.0  # seconds to import Ray, which may lie on slow storage
_CONNECT, _START = 15.0, 120.0  # seconds to reach a cluster from then on, and to start one on this machine
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))  # what a client of gRPC says first
_OBJECT_STORE = 100 * 2**20  # bytes; little above Ray's least, for nothing of ours goes through it

Resources = dict[str, float]  # amounts by Ray's names: CPU, GPU, memory, or a user's own
Key = tuple[str, int]  # names a worker: its step and its replica


@dataclass(frozen=True)
class Node:
    """A machine of the cluster."""

    address: str
    resources: Resources
    id: str = ""  # Ray's


@dataclass
class Cluster:
    """A Ray cluster to run workers on; a context manager, and at its end nothing of ours is left there.

    Attributes:
        address: that of its head, `HOST:PORT`; `auto` for the one this machine belongs to; `local` for a new one on
            this machine, with a token of its own, that ends with the context.
        is_stopped: asked while it is waited for; true ends the wait.
        host: the address of this machine in the cluster.
        nodes: its machines.
        silent: addresses of nodes that do not answer any more.
        ended: workers that have ended; with the error of this package that they raised, or what Ray says, where they
            died.

    Raises:
        ConfigError: if there is no cluster, or it refuses the token; within 30 s.
        MissingExtraError: if Ray is not installed.
    """

    address: str = "local"
    is_stopped: Callable[[], bool] = lambda: False
    host: str = ""
    nodes: list[Node] = field(default_factory=list)
    silent: set[str] = field(default_factory=set)
    ended: dict[Key, SelfInstructError | str | None] = field(default_factory=dict)

    def __enter__(self) -> Cluster:
        if find_spec("ray") is None:
            raise MissingExtraError.of("A run on a Ray cluster", "ray")
        self._check_address()
        self._folder = Path(tempfile.mkdtemp(prefix="ray-", dir=_short_folder()))
        self._lost: str | None = None
        ours, theirs = mp.Pipe()
        self._channel = ours
        self._process = mp.get_context("fork").Process(
            target=_speak_to_ray, args=(theirs, ours, self.address, self._folder), name="ray"
        )
        self._process.start()
        theirs.close()
        try:
            self._wait_until_connected()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()
        self._process.join(timeout=0 if self._lost is not None else 20)
        if self._process.is_alive():
            self._process.kill()
        self._process.join()
        self._process.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self, key: Key, visit: Callable[[], None], resources: Resources) -> None:
        """Starts a worker that calls `visit` on some node with these resources; waits for neither."""
        with contextlib.suppress(OSError):  # `lost` tells
            self._channel.send((key, visit, resources))

    def lost(self) -> str | None:
        """Why nothing is known of the workers any more, after listening to what there is to hear of them."""
        while self._lost is None:
            try:
                if not self._channel.poll():
                    break
                self._take(*self._channel.recv())
            except (OSError, EOFError):
                self._lost = "The connection to the Ray cluster was lost."
        if self._lost is None and time.monotonic() - self._last_word > _SILENCE:
            self._lost = "The Ray cluster does not answer any more."
        return self._lost

    @property
    def log(self) -> str:
        """What Ray has printed."""
        with contextlib.suppress(OSError):
            return (self._folder / "driver.log").read_text(errors="replace")
        return ""

    def _take(self, word: str, *rest: Any) -> None:
        self._last_word = time.monotonic()
        if word == "imported":
            self._wait(_START if self.address == "local" else _CONNECT)
        elif word == "connected":
            self.host, self.nodes = rest
        elif word == "silent":
            (self.silent,) = rest
        elif word == "ended":
            self.ended[rest[0]] = rest[1]
        elif word == "lost":
            self._lost = str(rest[0])

    def _wait(self, seconds: float) -> None:
        """Grants so much time until the next word."""
        self._last_word = time.monotonic() + seconds - _SILENCE

    def _check_address(self) -> None:
        """Whether a cluster may be at the address: Ray itself would try for a minute."""
        if self.address in ("local", "auto"):
            return
        host, _, port = self.address.rpartition(":")
        if not host or not port.isdecimal() or "/" in host:
            raise ConfigError(
                f"{self.address!r} is no address of a Ray cluster: expected HOST:PORT of its head, as"
                " `ray start --head` prints it, or auto, on a machine of the cluster."
            )
        if ":" in host:
            raise ConfigError(
                f"{self.address!r} is an IPv6 address. Give the IPv4 address of the cluster's head, as HOST:PORT."
            )
        try:
            _call(host, int(port))
        except (OSError, UnicodeError, OverflowError) as error:
            why = getattr(error, "strerror", None) or error
            raise ConfigError(f"There is no Ray cluster at {self.address} ({why}).") from None

    def _wait_until_connected(self) -> None:
        self._wait(_IMPORT)
        while not self.host:
            if (lost := self.lost()) is not None or "InvalidAuthToken" in self.log:
                raise ConfigError(self._explained(lost or ""))
            if self.is_stopped():
                self._lost = "stopped"
                return
            time.sleep(_TICK)

    def _explained(self, lost: str) -> str:
        where = "A Ray cluster on this machine" if self.address == "local" else f"The Ray cluster at {self.address}"
        self._lost = lost
        if "InvalidAuthToken" in self.log:
            return f"{where} refuses the token. Set RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH to the cluster's own."
        if "no authentication token was found" in lost:
            return (
                f"{where}: there is no token for it. Set RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH, or"
                " RAY_AUTH_MODE=disabled for a cluster without authentication."
            )
        return f"{where} cannot be used: {lost}"


def _short_folder() -> str:
    """Where folders for temporary files go; the names of Ray's sockets in there have room for no long one."""
    return tempfile.gettempdir() if len(tempfile.gettempdir()) < 30 else "/tmp"


# --- the process that speaks to Ray ----------------------------------------------------------------------------------


def _speak_to_ray(channel: Connection, others: Connection, address: str, folder: Path) -> None:
    others.close()  # so that this end of the channel tells when the main process is gone
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    os.setpgrp()  # what a terminal or a group is sent is for the main process to judge
    sys.stdout = sys.stderr = log = (folder / "driver.log").open("w", buffering=1)
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    try:
        connected = _connected(address, folder, channel)
        nodes = _living(connected.nodes())
        channel.send(("connected", connected.util.get_node_ip_address(), nodes))
        _Watch(connected, channel, nodes).run()
    except (EOFError, BrokenPipeError):
        pass
    except Exception as error:
        with contextlib.suppress(OSError):
            channel.send(("lost", " ".join(str(error).split())))
    with contextlib.suppress(Exception):
        import ray

        ray.shutdown()
    shutil.rmtree(folder, ignore_errors=True)


def _connected(address: str, folder: Path, channel: Connection) -> Any:
    """The module `ray`, connected; with a token, unless the user has said that there is none."""
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    options: dict[str, Any] = {}
    if address == "local":
        options = {"include_dashboard": False, "object_store_memory": _OBJECT_STORE, "_temp_dir": str(folder)}
        if os.environ["RAY_AUTH_MODE"] == "token":
            token = folder / "token"
            token.touch(mode=0o600)
            token.write_text(secrets.token_hex(32))
            os.environ["RAY_AUTH_TOKEN_PATH"] = str(token)
            os.environ.pop("RAY_AUTH_TOKEN", None)
    import ray
    from ray._raylet import Config  # type: ignore[attr-defined]

    channel.send(("imported",))
    Config.initialize("")  # where the main process had imported it: it reads the environment only once
    ray.init(address, log_to_driver=False, configure_logging=False, **options)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it has set a handler
    return ray


def _living(listed: list[dict[str, Any]]) -> list[Node]:
    """The nodes that answer: Ray notices the death of one only after a minute."""

    def answers(node: dict[str, Any]) -> bool:
        return bool(node["Alive"]) and _answers(node["NodeManagerAddress"], node["NodeManagerPort"])

    with ThreadPoolExecutor(32) as pool:
        alive = list(pool.map(answers, listed))
    return [
        Node(node["NodeManagerAddress"], node["Resources"], node["NodeID"])
        for node, lives in zip(listed, alive)
        if lives
    ]


def _answers(host: str, port: int) -> bool:
    try:
        _call(host, port)
    except OSError:
        return False
    return True


def _call(host: str, port: int) -> None:
    """Waits until a server of Ray answers; one that hangs still accepts connections, but says nothing.

    Raises:
        OSError: if none does.
    """
    with socket.create_connection((host, port), timeout=_ANSWER) as connection:
        connection.sendall(_PREFACE)
        with contextlib.suppress(ConnectionResetError):  # by one that expects TLS
            if connection.recv(6) == b"HTTP/1":
                raise OSError("a web server is there, such as that of Ray's dashboard")


class _Watch:
    """Starts the workers that the main process asks for, and tells which have ended, until that one closes the channel.

    Raises:
        EOFError, BrokenPipeError: when it does.
    """

    def __init__(self, ray: Any, channel: Connection, nodes: list[Node]) -> None:
        self._ray, self._channel = ray, channel
        self._head: str = ray.get_runtime_context().gcs_address
        self._workers: dict[Any, tuple[Key, Any]] = {}  # by the result that each will have
        self._next_node = itertools.cycle([node.id for node in nodes])
        self._looked = self._head_answered = time.monotonic()
        self._answered: dict[str, float] = {}  # when each node did last, by its id

    def run(self) -> None:
        while True:
            if self._channel.poll(_TICK):
                self._start(*self._channel.recv())
            self._look_at_workers()
            if time.monotonic() - self._looked > _LOOK:
                self._looked = time.monotonic()
                self._look_at_nodes()
            self._channel.send(("alive",))

    def _start(self, key: Key, visit: Callable[[], None], resources: Resources) -> None:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        own = dict(resources)
        options = {"num_cpus": own.pop("CPU", 0), "num_gpus": own.pop("GPU", 0), "memory": own.pop("memory", None)}
        # Ray would put workers that need nothing all on one node, or on one whose death it does not know of yet.
        place = "DEFAULT" if resources else NodeAffinitySchedulingStrategy(next(self._next_node), soft=False)
        kind = self._ray.remote(_Worker).options(scheduling_strategy=place, resources=own, **options)
        worker = kind.remote()
        self._workers[worker.work.remote(visit)] = (key, worker)

    def _look_at_workers(self) -> None:
        if not self._workers:
            return
        ended, _ = self._ray.wait(list(self._workers), num_returns=len(self._workers), timeout=0)
        for result in ended:
            key, worker = self._workers.pop(result)
            try:
                self._ray.get(result)
                self._channel.send(("ended", key, None))
            except Exception as error:
                cause = getattr(error, "cause", None)
                how = cause if isinstance(cause, SelfInstructError) else " ".join(str(error).split())
                self._channel.send(("ended", key, how))
            self._ray.kill(worker)  # what it has held is for the next stage

    def _look_at_nodes(self) -> None:
        """Ray itself would notice the loss of one after a minute, and end this process if it is the head."""
        host, _, port = self._head.rpartition(":")
        if not _answers(host, int(port)):
            if self._looked - self._head_answered > _AWAY:
                raise RuntimeError(f"The head of the Ray cluster at {self._head} does not answer any more.")
            return
        self._head_answered = self._looked
        nodes = [node for node in self._ray.nodes() if node["Alive"]]
        self._answered |= {node.id: self._looked for node in _living(nodes)}
        silent = {
            node["NodeManagerAddress"]
            for node in nodes
            if self._looked - self._answered.setdefault(node["NodeID"], self._looked) > _AWAY
        }
        self._channel.send(("silent", silent))


class _Worker:
    """A process on some node."""

    def work(self, visit: Callable[[], None]) -> None:
        visit()
