"""A Ray cluster as the main process sees it: through a process of its own that speaks to Ray, and without waiting."""

from __future__ import annotations

import contextlib
import multiprocessing as mp
import pickle
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from distilabel_selfinstruct.engine.ray.driver import speak_to_ray
from distilabel_selfinstruct.engine.ray.forks import Work
from distilabel_selfinstruct.engine.ray.place import Key, Node, Resources, check_address
from distilabel_selfinstruct.errors import ConfigError, MissingExtraError, SelfInstructError

_TICK = 0.2  # seconds between two looks at whether it is connected
_SILENCE = 25.0  # seconds without a word after which the process that speaks to Ray is taken for stuck
_IMPORT = 60.0  # seconds to import Ray, which may lie on slow storage
_CONNECT, _START = 15.0, 120.0  # seconds to reach a cluster from then on, and to start one on this machine


@dataclass
class Cluster:
    """A Ray cluster to run workers on; a context manager, and at its end nothing of ours is left there.

    Whoever knows early that it will be used may `begin`, and imports in the meantime, as the nodes do.

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
    _process: BaseProcess | None = None

    def __enter__(self) -> Cluster:
        if self._process is None:
            self.begin()
        try:
            self._wait_until_connected()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def begin(self) -> None:
        """Sets out for the cluster, and waits for nothing but a word from its address."""
        if find_spec("ray") is None:
            raise MissingExtraError.of("A run on a Ray cluster", "ray")
        check_address(self.address)
        self.nodes, self.silent, self.ended = [], set(), {}
        self._folder = Path(tempfile.mkdtemp(prefix="ray-", dir=_short_folder()))
        self._lost: str | None = None
        ours, theirs = mp.Pipe()
        self._channel = ours
        self._process = mp.get_context("fork").Process(
            target=speak_to_ray, args=(theirs, ours, self.address, self._folder), name="ray"
        )
        self._process.start()
        theirs.close()

    def end(self) -> None:
        """Leaves the cluster, if it was set out for."""
        if self._process is None:
            return
        self._channel.close()
        self._process.join(timeout=20 if self.host and self._lost is None else 0)
        if self._process.is_alive():
            self._process.kill()
        self._process.join()
        self._process.close()
        self._process, self.host = None, ""
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self, key: Key, work: Work, resources: Resources, modules: Sequence[str] = ()) -> None:
        """Starts a worker that calls `work` on some node with these resources; waits for neither.

        `modules` are imported before, once for all workers of a node.
        """
        with contextlib.suppress(OSError):  # `why_lost` tells
            self._channel.send((key, pickle.dumps(work), resources, modules))

    def why_lost(self) -> str | None:
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

    def _wait_until_connected(self) -> None:
        self._wait(_IMPORT)
        while not self.host:
            if (lost := self.why_lost()) is not None or "InvalidAuthToken" in self.log:
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
