"""The process that speaks to Ray.

Ray takes signal handlers over, prints, tries a wrong address or token again for a minute, notices the loss of its head
after another, and then ends the process. In a process of its own it may.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import pickle
import secrets
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from distilabel_selfinstruct.engine.ray.forks import ForkServer
from distilabel_selfinstruct.engine.ray.place import Key, Node, Resources, answers, living
from distilabel_selfinstruct.errors import SelfInstructError

_TICK = 0.2  # seconds between two looks at the workers
_LOOK = 2.0  # seconds between two looks at the nodes
_AWAY = 10.0  # seconds that a node may be away
_AT_ONCE = 10  # nodes that get ready before anybody asks for a worker: a recipe has about so many
_OBJECT_STORE = 100 * 2**20  # bytes; little above Ray's least, for nothing of ours goes through it
PRIVATE = {"ray": ("_raylet",)}  # holds the settings that Ray has read from the environment


def speak_to_ray(channel: Connection, others: Connection, address: str, folder: Path) -> None:
    """What the process does: it connects, and starts and watches workers until the main process closes the channel."""
    others.close()  # so that this end of the channel tells when the main process is gone
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    os.setpgrp()  # what a terminal or a group is sent is for the main process to judge
    sys.stdout = sys.stderr = log = (folder / "driver.log").open("w", buffering=1)
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    try:
        connected = _connected(address, folder, channel)
        nodes = living(connected.nodes())
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


class _Watch:
    """Starts the workers that the main process asks for, and tells which have ended, until that one closes the channel.

    Raises:
        EOFError, BrokenPipeError: when it does.
    """

    def __init__(self, ray: Any, channel: Connection, nodes: list[Node]) -> None:
        self._ray, self._channel = ray, channel
        self._head: str = ray.get_runtime_context().gcs_address
        self._workers: dict[Any, tuple[Key, Any]] = {}  # by the result that each will have, with an actor of its own
        self._fork_servers: dict[str, Any] = {}  # by node
        self._next_node = itertools.cycle(nodes)
        self._looked = self._head_answered = time.monotonic()
        self._answered: dict[str, float] = {}  # when each node did last, by its id
        for node in nodes[:_AT_ONCE]:
            self._fork_server(node)

    def run(self) -> None:
        while True:
            if self._channel.poll(_TICK):
                self._start(*self._channel.recv())
            self._look_at_workers()
            if time.monotonic() - self._looked > _LOOK:
                self._looked = time.monotonic()
                self._look_at_nodes()
            self._channel.send(("alive",))

    def _start(self, key: Key, work: bytes, resources: Resources, modules: Sequence[str]) -> None:
        """A worker that needs something is an actor of its own, for Ray to find room for."""
        if resources:
            actor = self._actor(resources)
            self._workers[actor.run.remote(work)] = (key, actor)
        else:
            server = self._fork_server(next(self._next_node))
            self._workers[server.run.remote(work, modules)] = (key, None)

    def _actor(self, resources: Resources) -> Any:
        own = dict(resources)
        options = {"num_cpus": own.pop("CPU", 0), "num_gpus": own.pop("GPU", 0), "memory": own.pop("memory", None)}
        return self._ray.remote(_Actor).options(resources=own, **options).remote()

    def _fork_server(self, node: Node) -> Any:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        if node.id not in self._fork_servers:  # Ray's own choice might be a node of whose death it does not know yet
            place = NodeAffinitySchedulingStrategy(node.id, soft=False)
            kind = self._ray.remote(ForkServer).options(num_cpus=0, num_gpus=0, scheduling_strategy=place)
            self._fork_servers[node.id] = kind.remote(node.address)
        return self._fork_servers[node.id]

    def _look_at_workers(self) -> None:
        if not self._workers:
            return
        ended, _ = self._ray.wait(list(self._workers), num_returns=len(self._workers), timeout=0)
        for result in ended:
            key, actor = self._workers.pop(result)
            try:
                self._ray.get(result)
                self._channel.send(("ended", key, None))
            except Exception as error:
                cause = getattr(error, "cause", None)
                how = cause if isinstance(cause, SelfInstructError) else " ".join(str(error).split())
                self._channel.send(("ended", key, how))
            if actor is not None:
                self._ray.kill(actor)  # what it has held is for the next stage

    def _look_at_nodes(self) -> None:
        """Ray itself would notice the loss of one after a minute, and end this process if it is the head."""
        host, _, port = self._head.rpartition(":")
        if not answers(host, int(port)):
            if self._looked - self._head_answered > _AWAY:
                raise RuntimeError(f"The head of the Ray cluster at {self._head} does not answer any more.")
            return
        self._head_answered = self._looked
        nodes = [node for node in self._ray.nodes() if node["Alive"]]
        self._answered |= {node.id: self._looked for node in living(nodes)}
        silent = {
            node["NodeManagerAddress"]
            for node in nodes
            if self._looked - self._answered.setdefault(node["NodeID"], self._looked) > _AWAY
        }
        self._channel.send(("silent", silent))


class _Actor:
    """A process on some node."""

    def run(self, work: bytes) -> None:
        import ray

        pickle.loads(work)(ray.util.get_node_ip_address())
