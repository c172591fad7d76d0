"""The main pipeline on a Ray cluster of three nodes: the same dataset, and nothing lost when nodes are."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Script
from tests.support.answers import answer, prompt_of, question_of
from tests.support.commands import (
    CONCURRENCY,
    KEY,
    Command,
    Ended,
    Reference,
    dataset,
    hold_from,
    paid_twice,
    stored,
)
from tests.support.openai_server import OpenAIServer
from tests.support.ray_cluster import RayCluster, RayNode
from tests.support.waiting import wait_until

pytest.importorskip("ray", reason='needs Ray: pip install "distilabel-selfinstruct[ray]"')
pytestmark = pytest.mark.slow

REPLICAS = "identify=2,output_first=2"


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """A run on this machine, without Ray."""
    folder = tmp_path_factory.mktemp("reference") / "run"
    with OpenAIServer(answer=answer) as server:
        command = Command(server.url, folder)
        try:
            assert command.wait().status == 0
        finally:
            command.end()
        return Reference(folder, dataset(folder), server.requests)


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    with RayCluster([], [], []) as cluster:
        yield cluster


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer(answer=answer, latency=0.1, api_keys=[KEY]) as server:
        yield server


@pytest.fixture
def start(
    server: OpenAIServer, cluster: RayCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Command]]:
    """Starts a run in the folder of the test."""
    monkeypatch.setenv("RAY_AUTH_TOKEN", cluster.token)
    commands: list[Command] = []

    def start(*options: str) -> Command:
        commands.append(Command(server.url, tmp_path / "run", *options))
        return commands[-1]

    yield start
    for command in commands:
        command.end()


def last_line(ended: Ended) -> str:
    """What stands below the lines that say how far it is."""
    return ended.err.splitlines()[-1]


def test_the_same_dataset_wherever_the_workers_are(
    start: Callable[..., Command], server: OpenAIServer, cluster: RayCluster, reference: Reference, tmp_path: Path
) -> None:
    def has_come_to_the_last_question(_: Any = None) -> bool:
        return any(question_of(request.body) == "input_first" for request in server.requests)

    server.hold(has_come_to_the_last_question)
    command = start("--ray", cluster.address, "--replicas", REPLICAS)
    wait_until(has_come_to_the_last_question)
    asking = {"bootstrap", "identify", "output_first", "input_first"}
    wait_until(lambda: all(node.workers() & asking for node in cluster.nodes))
    server.release()
    ended = command.wait()
    assert ended.status == 0
    assert dataset(tmp_path / "run") == reference.dataset
    assert paid_twice(server.requests) == []
    assert server.max_in_flight <= CONCURRENCY
    assert KEY not in cluster.logs()


def test_the_same_dataset_whatever_the_layout(
    start: Callable[..., Command], server: OpenAIServer, cluster: RayCluster, reference: Reference, tmp_path: Path
) -> None:
    server.latency = 0.0
    assert start("--ray", cluster.address, "--replicas", "identify=3,input_first=2").wait().status == 0
    assert dataset(tmp_path / "run") == reference.dataset
    assert paid_twice(server.requests) == []


def test_the_same_dataset_of_another_recipe(
    cluster: RayCluster, tmp_path: Path, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", cluster.token)
    for name, options in {"here": (), "there": ("--ray", cluster.address)}.items():
        ended = script("--out", tmp_path / name, *options, pipeline="preferences")
        assert ended.returncode == 0, ended.stderr
    assert dataset(tmp_path / "there") == dataset(tmp_path / "here")


def test_a_wrong_address_and_a_wrong_token(
    start: Callable[..., Command], cluster: RayCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", "0" * 32)
    for address, said in [
        ("127.0.0.2:1", "Error: There is no Ray cluster at 127.0.0.2:1 (Connection refused)."),
        (
            cluster.address,
            f"Error: The Ray cluster at {cluster.address} refuses the token. Set RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH"
            " to the cluster's own.",
        ),
    ]:
        ended = start("--ray", address).wait()
        assert (ended.status, last_line(ended)) == (1, said)


@pytest.fixture
def lose(start: Callable[..., Command], server: OpenAIServer, cluster: RayCluster) -> Callable[..., Ended]:
    """Starts a run, kills a node in the middle of it, and gives the run's end."""

    def lose(choose: Callable[[], RayNode]) -> Ended:
        command = start("--ray", cluster.address)
        hold_from(server, 15)
        choose().kill()
        server.release()
        ended = command.wait()
        assert ended.status == 1
        assert last_line(ended).endswith("Run the same command again to go on: nothing that was answered is lost.")
        return ended

    return lose


def test_a_node_is_lost(
    lose: Callable[..., Ended],
    start: Callable[..., Command],
    server: OpenAIServer,
    cluster: RayCluster,
    reference: Reference,
    tmp_path: Path,
) -> None:
    # The bootstrap may have come to its end; of the next three steps one is on each node.
    waiting = {"identify", "output_first", "input_first"}
    ended = lose(lambda: next(node for node in cluster.nodes[1:] if waiting & node.workers()))
    assert last_line(ended).startswith("Error: The worker of step '")
    assert "is gone; what Ray says stands in the log." in last_line(ended)
    kept, number = stored(tmp_path / "run"), len(server.requests)

    assert start("--ray", cluster.address).wait().status == 0
    assert dataset(tmp_path / "run") == reference.dataset
    assert not kept & {prompt_of(request.body) for request in server.requests[number:]}
    assert len(paid_twice(server.requests)) <= 2 * CONCURRENCY  # their answers were on the way to a worker or the disk


def test_the_head_is_lost(
    lose: Callable[..., Ended],
    start: Callable[..., Command],
    server: OpenAIServer,
    cluster: RayCluster,
    reference: Reference,
    tmp_path: Path,
) -> None:
    lose(lambda: cluster.nodes[0])
    kept, number = stored(tmp_path / "run"), len(server.requests)
    shutil.copytree(tmp_path / "run", tmp_path / "copy")

    for node in cluster.nodes[1:]:
        node.kill()
    cluster.start_head()
    assert start("--ray", cluster.address).wait().status == 0
    assert dataset(tmp_path / "run") == reference.dataset
    assert not kept & {prompt_of(request.body) for request in server.requests[number:]}
    assert len(paid_twice(server.requests)) <= 2 * CONCURRENCY

    number = len(server.requests)  # and the same folder, completed without Ray
    without_ray = Command(server.url, tmp_path / "copy", "--replicas", REPLICAS)
    assert without_ray.wait().status == 0
    assert dataset(tmp_path / "copy") == reference.dataset
    assert not kept & {prompt_of(request.body) for request in server.requests[number:]}
