"""A Ray cluster of several nodes on this machine: each a `ray start` in a session and with an address of its own.

Nodes are ended by their process ids. The addresses are loopback ones (127.0.0.2 and so on), for Ray replaces 127.0.0.1
by an address of the network.
"""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from tests.support.folders import all_text
from tests.support.waiting import comes_true

ROOT = Path(__file__).parents[2]
_HEAD = "127.0.0.2"


def processes_of(session: int) -> dict[int, str]:
    """The living processes of a session: names by process id."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            name, _, rest = path.read_text().partition("(")[2].rpartition(")")
            state, _, _, of_session, *_ = rest.split()
            if int(of_session) == session and state not in "ZX":
                found[int(path.parent.name)] = name
    return found


def hold(path: Path, node: str) -> None:
    """What a worker does that keeps what it was given; the file tells that it is at it."""
    path.touch()
    threading.Event().wait()


class RayNode:
    """One node, as `ray start --block` starts it."""

    def __init__(self, address: str, environment: dict[str, str], folder: Path, *options: str) -> None:
        self.address = address
        self._log = folder / "start.log"
        with self._log.open("w") as output:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--num-cpus=1"),
                    *(
                        "--object-store-memory=80000000",
                        f"--node-ip-address={address}",
                        f"--temp-dir={folder}",
                        *options,
                    ),
                ],
                cwd="/",  # another one than that of any run
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def session(self) -> int:
        """That all its processes are in."""
        return self._process.pid

    def workers(self) -> set[str]:
        """The steps that have a worker here."""
        return set(processes_of(self.session).values())

    def freeze(self) -> None:
        """Stops all that runs here; connections stay open, and nothing comes over them any more."""
        for process in processes_of(self.session):
            os.kill(process, signal.SIGSTOP)

    def kill(self) -> None:
        while processes := processes_of(self.session):
            for process in processes:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
        self._process.wait()

    def wait(self) -> None:
        def has_started() -> bool:
            assert self._process.poll() is None, self._log.read_text()
            return "Ray runtime started" in self._log.read_text()

        assert comes_true(has_started), self._log.read_text()


class RayCluster:
    """A head and other nodes; a context manager.

    Args:
        options: of `ray start`, for each node; the first is the head.
        auth_mode: `token`, or `disabled` for a cluster that takes in everybody.
    """

    def __init__(self, *options: list[str], auth_mode: str = "token") -> None:
        self._options = options
        self._auth_mode = auth_mode
        self.token = secrets.token_hex(16)
        self.nodes: list[RayNode] = []

    def __enter__(self) -> RayCluster:
        self.folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))  # names of sockets have room for no long one
        self._port = _free_port()
        try:
            self.start_head()
            for options in self._options[1:]:
                self._start(f"--address={self.address}", *options)
            for node in self.nodes:
                node.wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for node in self.nodes:
            node.kill()
        shutil.rmtree(self.folder)

    @property
    def address(self) -> str:
        return f"{_HEAD}:{self._port}"

    def start_head(self) -> None:
        """Starts the head, for the first time or again after all nodes were killed."""
        self.nodes.clear()
        self._start("--head", f"--port={self._port}", "--include-dashboard=false", *self._options[0])
        self.nodes[0].wait()

    def logs(self) -> str:
        """All that Ray and the workers have logged."""
        return all_text(self.folder)

    def _start(self, *options: str) -> None:
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "RAY_AUTH_MODE": self._auth_mode,
            "RAY_AUTH_TOKEN": self.token,
            "RAY_USAGE_STATS_ENABLED": "0",
        }
        address = f"127.0.0.{2 + len(self.nodes)}"
        folder = Path(tempfile.mkdtemp(dir=self.folder))  # in a common one two nodes may give a socket the same name
        self.nodes.append(RayNode(address, environment, folder, *options))


def _free_port() -> int:
    """Below those that the system gives to clients: one of them could take it before the head does."""
    for port in random.sample(range(20_000, 30_000), 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((_HEAD, port))
            return port
    raise RuntimeError("no free port")
