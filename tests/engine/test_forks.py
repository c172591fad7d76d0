"""The fork server of a node: workers are forks of one process that has imported what they need."""

from __future__ import annotations

import asyncio
import os
import pickle
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from distilabel_selfinstruct.engine.ray.forks import ForkServer
from distilabel_selfinstruct.errors import PipelineError
from tests.support.waiting import ends_in_time, wait_until

pytestmark = pytest.mark.slow
MODULE = "distilabel_selfinstruct.models.openai"


@pytest.fixture(scope="module")
def server() -> Iterator[ForkServer]:
    server = ForkServer("127.0.0.9")
    yield server
    end(server)


@pytest.fixture(autouse=True)
def no_hang() -> Iterator[None]:
    with ends_in_time():
        yield


def end(server: ForkServer) -> None:
    """What the end of the actor comes to."""
    server._requests.close()
    server._process.wait()


@pytest.fixture
def run(server: ForkServer) -> Callable[..., None]:
    def run(work: Callable[[str], None], *modules: str) -> None:
        asyncio.run(server.run(pickle.dumps(work), modules))

    return run


def note(path: Path, node: str) -> None:
    path.write_text(f"{node} {MODULE in sys.modules} {os.getppid()}")


def wait(path: Path, node: str) -> None:
    path.write_text(str(os.getpid()))
    time.sleep(600)


def fail(path: Path, node: str) -> None:
    raise PipelineError(f"Node {node} does not see {path}.")


def die(path: Path, node: str) -> None:
    os._exit(3)


def test_workers_are_forks_of_one_process_that_has_imported_for_all(run: Callable[..., None], tmp_path: Path) -> None:
    notes = [tmp_path / "a", tmp_path / "b"]
    for path in notes:
        run(partial(note, path), MODULE, "distilabel_selfinstruct.there_is_no_such_module")
    first, second = (path.read_text().split() for path in notes)
    assert first == second
    assert first[:2] == ["127.0.0.9", "True"]


def test_what_a_worker_raises_for_the_user(run: Callable[..., None], tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"^Node 127\.0\.0\.9 does not see /shared\.$"):
        run(partial(fail, Path("/shared")))


def test_a_worker_that_dies(run: Callable[..., None], tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"^The worker's process ended without a word\.$"):
        run(partial(die, tmp_path))


def test_workers_do_not_outlive_the_actor(server: ForkServer, run: Callable[..., None], tmp_path: Path) -> None:
    path = tmp_path / "pid"
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(run, partial(wait, path))
        wait_until(lambda: path.exists() and path.read_text())
        end(server)
        wait_until(lambda: not Path(f"/proc/{path.read_text()}").exists())
        assert isinstance(waiting.exception(), RuntimeError)
