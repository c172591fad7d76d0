"""A real Argilla server for tests: argilla-server, Redis, and an emulated Elasticsearch, on free local ports.

    with ArgillaStack(Path("folder")) as stack:
        stack.add_user("anna", workspace="reviews")
        argilla.Argilla(api_url=stack.url, api_key=stack.OWNER_KEY)

The server lives in a virtual environment of its own; `tests/integration/install_argilla.sh` makes it and says which
variable names it.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import ClassVar

from tests.support.waiting import LIMIT, is_served, wait_until

_INSTALL = "tests/integration/install_argilla.sh FOLDER installs it and says what to export"
CHROMIUM = "/usr/bin/chromium"
UNSUPPORTED = ("unsupported_by_mini_es", "mini_es_bug")


def missing() -> str | None:
    """What a test that needs the stack is skipped for, if anything."""
    server = os.environ.get("ARGILLA_SERVER_PYTHON")
    if not server or not Path(server).exists():
        return f"needs argilla-server: {_INSTALL} (ARGILLA_SERVER_PYTHON)"
    if shutil.which("redis-server") is None:
        return f"needs redis-server: {_INSTALL}"
    return None


class ArgillaStack:
    """The three servers; started on entry, stopped on exit.

    Attributes:
        url: of Argilla.
    """

    OWNER, OWNER_PASSWORD, OWNER_KEY = "argilla", "12345678", "argilla.apikey"
    _quiet: ClassVar[dict[str, str]] = {
        "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "ARGILLA_ENABLE_TELEMETRY": "0"
    }  # fmt: skip

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._python = os.environ["ARGILLA_SERVER_PYTHON"]
        self._open = ExitStack()
        search, redis, port = _free_ports(3)
        self._ports = {"search": search, "redis": redis, "argilla": port}
        self.url = f"http://127.0.0.1:{port}"
        self._environment = {
            **os.environ,
            **self._quiet,
            "ARGILLA_HOME_PATH": str(folder),
            "ARGILLA_ELASTICSEARCH": f"http://127.0.0.1:{search}",
            "ARGILLA_REDIS_URL": f"redis://127.0.0.1:{redis}/0",
        }

    def __enter__(self) -> ArgillaStack:
        with self._open:
            ports = {name: str(port) for name, port in self._ports.items()}
            self._start("redis", "redis-server", "--bind", "127.0.0.1", "--port", ports["redis"], "--save", "",
                        "--appendonly", "no", "--dir", str(self._folder))  # fmt: skip
            emulation = Path(__file__).with_name("mini_elasticsearch.py")
            self._start("search", sys.executable, str(emulation), "--port", ports["search"])
            self._manage("database", "migrate")
            self._manage("database", "users", "create", "--username", self.OWNER, "--first-name", "Owner", "--role",
                         "owner", "--password", self.OWNER_PASSWORD, "--api-key", self.OWNER_KEY)  # fmt: skip
            server = self._start("argilla", self._python, "-m", "argilla_server", "start", "--host", "127.0.0.1",
                                 "--port", ports["argilla"])  # fmt: skip
            self._wait_for(server)
            self._open = self._open.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def unsupported_searches(self) -> list[str]:
        """What Argilla asked of the emulated search that it cannot do; a test with any proves nothing."""
        log = (self._folder / "search.log").read_text(encoding="utf-8")
        return [line for line in log.splitlines() if any(word in line for word in UNSUPPORTED)]

    def _start(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        log = self._open.enter_context((self._folder / f"{name}.log").open("wb"))
        process = subprocess.Popen(
            command, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._folder
        )
        self._open.callback(_stop, process)
        return process

    def _manage(self, *command: str) -> None:
        done = subprocess.run(
            [self._python, "-m", "argilla_server", *command],
            env=self._environment, cwd=self._folder, capture_output=True, text=True, timeout=LIMIT, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    def _wait_for(self, server: subprocess.Popen[bytes]) -> None:
        def answers() -> bool:
            assert server.poll() is None, (self._folder / "argilla.log").read_text(encoding="utf-8")
            return is_served(f"{self.url}/api/v1/version")

        wait_until(answers)


def _free_ports(number: int) -> list[int]:
    """Ports that nobody listens at; all held until all are known, so that they differ."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
