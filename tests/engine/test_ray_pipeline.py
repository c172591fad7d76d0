"""RayPipeline on two nodes: whole or raises, as Pipeline is, and nothing of it is left in the cluster or here."""

# distilabel looks for `StepInput` in the signature itself: no postponed evaluation of annotations here.
import asyncio
import contextlib
import io
import logging
import multiprocessing as mp
import os
import pickle
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import pytest
from distilabel.steps import StepInput, StepResources
from pydantic import PrivateAttr

from distilabel_selfinstruct import Pipeline, RayPipeline, __version__
from distilabel_selfinstruct.engine.ray.cluster import Cluster
from distilabel_selfinstruct.engine.ray.place import Node
from distilabel_selfinstruct.engine.ray.queues import QueueServer, RemoteQueue
from distilabel_selfinstruct.engine.ray.room import step_without_room
from distilabel_selfinstruct.engine.ray.visit import WorkerTerms, check_node, run_job
from distilabel_selfinstruct.errors import ConfigError, Interrupted, MissingExtraError, PipelineError
from distilabel_selfinstruct.models.slots import RateLimits, Slots, SlotServer
from distilabel_selfinstruct.usage import Budget
from tests.engine.test_pipeline import DOUBLES, TWO, Count, Double, Numbers, doubles, process_as_before
from tests.support.ray_cluster import RayCluster, hold
from tests.support.waiting import ends_in_time, wait_until

pytest.importorskip("ray", reason='needs Ray: pip install "distilabel-selfinstruct[ray]"')
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning"),
]

ROOT = Path(__file__).parents[2]
ONE_GPU = StepResources(gpus=1)


class Where(Double):
    """The node that each number was doubled on, and the GPUs that the worker was given."""

    @property
    def outputs(self) -> list[str]:
        return ["node", "gpus"]

    def process(self, inputs: StepInput) -> Iterator[list[dict[str, Any]]]:  # type: ignore[override]
        here = {"node": os.getsid(0), "gpus": os.environ.get("CUDA_VISIBLE_DEVICES", "")}
        time.sleep(0.2)
        yield [row | here for row in inputs]


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    with RayCluster([], ["--num-gpus=1"]) as cluster:
        yield cluster


@pytest.fixture(autouse=True)
def no_hang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A test that would hang fails, and so does one that leaves something behind."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))  # names of sockets have room for no long one
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    with ends_in_time():
        yield
    assert not active_children()
    assert list(folder.iterdir()) == []
    folder.rmdir()


@pytest.fixture
def run(cluster: RayCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs a pipeline on the cluster: the rows of each leaf."""
    monkeypatch.setenv("RAY_AUTH_TOKEN", cluster.token)

    def run(
        build: Callable[[], Any], address: str = cluster.address, limits: RateLimits | None = None, **options: Any
    ) -> Any:
        with RayPipeline("test", cache_dir=tmp_path, address=address, limits=limits) as pipeline:
            build()
        distiset = pipeline.run(use_cache=False, **options)
        return {name: config["train"].to_list() for name, config in distiset.items()}

    return run


def wait_until_idle(cluster: RayCluster) -> None:
    """Until no worker of a step is left on any node."""
    steps = {"numbers_0", "double_0", "where_0"}
    wait_until(lambda: not any(steps & node.workers() for node in cluster.nodes))


# --- what comes out whole --------------------------------------------------------------------------------------------


def test_all_rows_in_their_order_from_replicas_on_several_nodes(run: Callable[..., Any], cluster: RayCluster) -> None:
    rows = run(lambda: Numbers() >> Where(resources=TWO, input_batch_size=1) >> Count())["default"]
    assert [row["number"] for row in rows] == list(range(20))
    assert {row["count"] for row in rows} == {20}
    assert len({row["node"] for row in rows}) == 2
    wait_until_idle(cluster)


class Asking(Double):
    """The moment at which a request for each number might be sent."""

    @property
    def outputs(self) -> list[str]:
        return ["at"]

    def process(self, inputs: StepInput) -> Iterator[list[dict[str, Any]]]:  # type: ignore[override]
        async def moments() -> list[float]:
            slots, found = await Slots.connect("asking", 1, 8), []
            for _ in inputs:
                await slots.acquire()
                found.append(time.time())
                slots.release()
            await slots.disconnect()
            return found

        yield [row | {"at": at} for row, at in zip(inputs, asyncio.run(moments()))]


def test_workers_on_several_nodes_share_a_limit_of_requests(run: Callable[..., Any]) -> None:
    rows = run(lambda: Numbers() >> Asking(resources=TWO, input_batch_size=2) >> Count(), limits=RateLimits(600))
    moments = sorted(row["at"] for row in rows["default"])
    assert moments[-1] - moments[0] > (len(moments) - 3) / 10  # ten a second, and one or two at once


class Talking(Double):
    """Says in the log, on whatever node it is, how many rows it was given."""

    def process(self, inputs: StepInput) -> Iterator[list[dict[str, Any]]]:  # type: ignore[override]
        logging.getLogger("distilabel.step.talking").info("%d rows", len(inputs))
        logging.getLogger("httpx").info("POST /v1/completions")
        yield from super().process(inputs)


def test_what_workers_log_is_written_by_the_main_process(
    cluster: RayCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", cluster.token)
    log, others = tmp_path / "log", io.StringIO()
    with RayPipeline("test", cache_dir=tmp_path, address=cluster.address, log_file=log) as pipeline:
        Numbers() >> Talking(resources=TWO)
    pipeline.run(logging_handlers=[logging.StreamHandler(others)])
    assert log.read_text().count("INFO     distilabel.step.talking: 5 rows\n") == 4
    assert others.getvalue().count("5 rows\n") == 4
    assert "POST" not in log.read_text()


def test_a_gpu_is_given_to_one_stage_after_the_other(run: Callable[..., Any], cluster: RayCluster) -> None:
    def build() -> None:
        Numbers() >> Where(name="a", resources=ONE_GPU) >> Where(name="b", resources=ONE_GPU)

    rows = run(build, load_groups="sequential_step_execution")["default"]
    assert {(row["node"], row["gpus"]) for row in rows} == {(cluster.nodes[1].session, "0")}


def test_the_process_is_as_before_and_a_second_run_of_the_same_name_works(run: Callable[..., Any]) -> None:
    with process_as_before():
        with pytest.raises(PipelineError, match="12 cannot be doubled"):
            run(lambda: Numbers() >> Double(behaviour="raise"))
        assert doubles(run(lambda: Numbers() >> Double())["default"]) == DOUBLES


# --- what goes wrong, and what it comes to ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: Numbers(behaviour="raise in load") >> Double(), "Step 'numbers_0' failed: no such file: numbers.txt"),
        (lambda: Numbers(behaviour="raise") >> Double(), "Step 'numbers_0' failed: ValueError: no more numbers"),
        (
            lambda: Numbers() >> Double(behaviour="exit"),
            r"The worker of step 'double_0' on node 127.0.0.[23] is gone; what Ray says stands in the log."
            " Run the same command again to go on: nothing that was answered is lost.",
        ),
    ],
    ids=["load", "generator", "dead worker"],
)
def test_an_error_ends_it(
    run: Callable[..., Any], cluster: RayCluster, capfd: pytest.CaptureFixture[str], build: Any, said: str
) -> None:
    with pytest.raises(PipelineError, match=said):
        run(build)
    assert capfd.readouterr() == ("", "")
    wait_until_idle(cluster)


def test_a_step_that_cannot_be_sent(run: Callable[..., Any]) -> None:
    class Rooted:
        def __deepcopy__(self, memo: Any) -> Any:
            return self

        def __reduce__(self) -> Any:
            raise TypeError("not from here")

    class WithRoots(Double):
        _rooted: Any = PrivateAttr(default_factory=Rooted)

    with pytest.raises(PipelineError, match="Step 'x' cannot be sent to another machine: TypeError: not from here"):
        run(lambda: Numbers() >> WithRoots(name="x"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it(run: Callable[..., Any], cluster: RayCluster, number: signal.Signals) -> None:
    over = threading.Event()

    def signal_once_loaded() -> None:
        while not any("double_0" in node.workers() for node in cluster.nodes):
            if over.wait(0.05):
                return
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=signal_once_loaded, daemon=True)
    thread.start()
    try:
        with pytest.raises(Interrupted):
            run(lambda: Numbers(batch_size=1) >> Where(name="double_0", input_batch_size=1))
    finally:
        over.set()
        thread.join()
    wait_until_idle(cluster)


def test_the_main_process_killed(cluster: RayCluster, tmp_path: Path) -> None:
    code = (
        "from tests.engine.test_pipeline import Numbers\n"
        "from tests.engine.test_ray_pipeline import Where, RayPipeline\n"
        f"with RayPipeline('test', cache_dir={str(tmp_path)!r}, address={cluster.address!r}) as pipeline:\n"
        "    Numbers(batch_size=1) >> Where(input_batch_size=1)\n"
        "pipeline.run()"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "RAY_AUTH_TOKEN": cluster.token}
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=environment, start_new_session=True)
    try:
        wait_until(lambda: process.poll() is not None or any("where_0" in node.workers() for node in cluster.nodes))
        assert process.poll() is None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    wait_until_idle(cluster)


@pytest.fixture
def freezing(run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Runs a pipeline on two nodes, of which one falls silent; then comes what else is given."""
    with RayCluster([], []) as cluster:
        monkeypatch.setenv("RAY_AUTH_TOKEN", cluster.token)
        over = threading.Event()

        def freeze_once_at_work(then: Callable[[], None]) -> None:
            while "where_0" not in cluster.nodes[1].workers():
                if over.wait(0.05):
                    return
            cluster.nodes[1].freeze()
            then()

        def run_freezing(then: Callable[[], None] = lambda: None) -> Any:
            thread = threading.Thread(target=freeze_once_at_work, args=(then,), daemon=True)
            thread.start()
            try:
                run(lambda: Numbers(batch_size=1) >> Where(resources=TWO, input_batch_size=1), cluster.address)
            finally:
                over.set()
                thread.join()

        yield run_freezing


def test_a_node_that_falls_silent(freezing: Callable[..., Any]) -> None:
    said = (
        r"The worker of step '(numbers|where)_0' is gone: its node 127\.0\.0\.3 does not answer any more\. Run the same"
        r" command again to go on: nothing that was answered is lost\."
    )
    with pytest.raises(PipelineError) as caught:
        freezing()
    assert re.fullmatch(said, str(caught.value))


def test_a_signal_while_a_node_is_silent(freezing: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SlotServer, "is_busy", True)  # as where workers on the silent node have requests in flight
    with pytest.raises(Interrupted):
        freezing(then=lambda: os.kill(os.getpid(), signal.SIGINT))


# --- as with distilabel's own ---


def test_a_pipeline_built_for_this_machine(run: Callable[..., Any], cluster: RayCluster, tmp_path: Path) -> None:
    budget = Budget(max_tokens=5)
    with Pipeline("test", cache_dir=tmp_path, concurrency=3, budget=budget, log_file=tmp_path / "log") as here:
        Numbers() >> Double()
    there = here.ray(cluster.address)
    assert type(there) is RayPipeline
    assert (there.address, there.concurrency, there.budget) == (cluster.address, 3, budget)
    assert (there.name, there.log_file, there.signature) == ("test", tmp_path / "log", here.signature)
    assert doubles(there.run()["default"]["train"].to_list()) == DOUBLES


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"ray_head_node_url": "ray://127.0.0.1:10001"}, "RayPipeline takes no ray_head_node_url; give address, "),
        ({"ray_init_kwargs": {"num_cpus": 2}}, "RayPipeline takes no ray_init_kwargs; give address, "),
    ],
    ids=["url", "kwargs"],
)
def test_arguments_of_distilabels_own(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        RayPipeline("test", **given)


# --- the way to the cluster ------------------------------------------------------------------------------------------


@contextlib.contextmanager
def saying(word: bytes) -> Iterator[str]:
    """The address of somebody who says one thing to all who come, and nothing else."""
    came: list[socket.socket] = []

    def welcome() -> None:
        with contextlib.suppress(OSError):  # the socket is closed
            while True:
                came.append(server.accept()[0])
                came[-1].sendall(word)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=welcome, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
    for each in came:
        each.close()


@pytest.mark.parametrize(
    ("word", "why"),
    [
        (b"", "timed out"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "a web server is there, such as that of Ray's dashboard"),
    ],
    ids=["nothing", "as a web server"],
)
def test_an_address_where_somebody_else_is(word: bytes, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distilabel_selfinstruct.engine.ray.cluster.speak_to_ray", os.abort)  # it does not come to that
    with saying(word) as address, pytest.raises(ConfigError) as caught, Cluster(address):
        pass
    assert str(caught.value) == f"There is no Ray cluster at {address} ({why})."


def test_a_server_that_speaks_as_ray_and_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distilabel_selfinstruct.engine.ray.cluster._CONNECT", 1.0)
    monkeypatch.setenv("RAY_AUTH_TOKEN", "0" * 32)
    with saying(bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))) as address, pytest.raises(ConfigError) as caught, Cluster(address):
        pass
    assert str(caught.value) == (
        f"The Ray cluster at {address} cannot be used: The Ray cluster does not answer any more."
    )


def test_a_cluster_that_was_set_out_for_and_is_not_needed() -> None:
    with saying(bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))) as address:
        cluster = Cluster(address)
        cluster.begin()
        assert [process.name for process in active_children()] == ["ray"]
        cluster.end()  # `no_hang` looks at what is left


@pytest.fixture
def certificate(tmp_path: Path) -> dict[str, str]:
    """What says to Ray where one of its own making is."""
    if (openssl := shutil.which("openssl")) is None:
        pytest.skip("needs the command openssl")
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "certificate.pem")
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=ray"),
            *("-addext", "subjectAltName=IP:127.0.0.2,IP:127.0.0.1", "-keyout", key, "-out", certificate),
        ],
        check=True,
        capture_output=True,
    )
    return {"RAY_TLS_SERVER_CERT": certificate, "RAY_TLS_SERVER_KEY": key, "RAY_TLS_CA_CERT": certificate}


@contextlib.contextmanager
def speaking_tls(certificate: dict[str, str]) -> Iterator[str]:
    """The address of somebody who speaks TLS and nothing else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate["RAY_TLS_SERVER_CERT"], certificate["RAY_TLS_SERVER_KEY"])

    def welcome() -> None:
        while True:
            with server.accept()[0] as accepted:
                if accepted.recv(1, socket.MSG_PEEK) == b"":
                    return
                with contextlib.suppress(OSError):
                    context.wrap_socket(accepted, server_side=True).close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=welcome, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        socket.create_connection(server.getsockname()).close()
        thread.join()


def test_a_cluster_with_tls_for_who_has_set_it(
    run: Callable[..., Any], certificate: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"RAY_USE_TLS": "1", **certificate}.items():
        monkeypatch.setenv(name, value)
    with RayCluster([]) as cluster:
        monkeypatch.setenv("RAY_AUTH_TOKEN", cluster.token)
        assert doubles(run(lambda: Numbers() >> Double(), cluster.address)["default"]) == DOUBLES


def test_a_cluster_with_tls_for_who_has_not_set_it(certificate: dict[str, str]) -> None:
    with speaking_tls(certificate) as address, pytest.raises(ConfigError) as caught, Cluster(address):
        pass
    assert str(caught.value) == (
        f"The Ray cluster at {address} speaks TLS. Set RAY_USE_TLS=1, RAY_TLS_SERVER_CERT, RAY_TLS_SERVER_KEY and"
        " RAY_TLS_CA_CERT here as for `ray start`."
    )


def test_a_cluster_without_tls_for_who_has_set_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_USE_TLS", "1")
    with (
        saying(bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))) as address,
        pytest.raises(ConfigError, match=f"^The Ray cluster at {address} does not speak TLS: unset RAY_USE_TLS.$"),
        Cluster(address),
    ):
        pass


def test_an_address_that_is_none(run: Callable[..., Any]) -> None:
    for address, said in [
        ("127.0.0.1:1", r"There is no Ray cluster at 127.0.0.1:1 \(Connection refused\)."),
        ("127.0.0.1", "'127.0.0.1' is no address of a Ray cluster: expected HOST:PORT"),
        ("ray://127.0.0.1:10001", "'ray://127.0.0.1:10001' is no address"),
    ]:
        with pytest.raises(ConfigError, match=said):
            run(lambda: Numbers() >> Double(), address)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (f"{'a' * 70}.b:6379", f"There is no Ray cluster at {'a' * 70}.b:6379 ("),
        ("127.0.0.1:65536", "There is no Ray cluster at 127.0.0.1:65536 ("),
    ],
    ids=["a name that is too long", "a port that is too large"],
)
def test_an_address_that_nobody_can_have(address: str, said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)), Cluster(address):
        pass


@pytest.mark.parametrize("address", ["[::1]:6379", "fd00::7:6379"])
def test_an_ipv6_address(address: str) -> None:
    said = f"{address!r} is an IPv6 address. Give the IPv4 address of the cluster's head, as HOST:PORT."
    with pytest.raises(ConfigError, match=re.escape(said)), Cluster(address):
        pass


def test_a_wrong_token_and_none(run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RAY_AUTH_TOKEN", "0" * 32)
    with pytest.raises(ConfigError, match=r"refuses the token. Set RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH"):
        run(lambda: Numbers() >> Double())
    monkeypatch.delenv("RAY_AUTH_TOKEN")
    with pytest.raises(ConfigError, match=r"there is no token for it. Set RAY_AUTH_TOKEN"):
        run(lambda: Numbers() >> Double())
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    with pytest.raises(ConfigError, match="refuses the token"):
        run(lambda: Numbers() >> Double())


def test_a_cluster_of_this_machine_has_a_token_of_its_own(
    run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("RAY_AUTH_TOKEN")
    assert doubles(run(lambda: Numbers() >> Double(), "local")["default"]) == DOUBLES
    assert list(home.iterdir()) == []


def test_a_cluster_of_this_machine_without_a_token_where_the_user_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    with Cluster() as cluster:
        assert not (cluster._folder / "token").exists()
        assert len(cluster.nodes) == 1


def test_a_cluster_without_a_token(run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("RAY_AUTH_TOKEN")
    with RayCluster([], auth_mode="disabled") as cluster:
        with pytest.raises(ConfigError, match="there is no token for it"):
            run(lambda: Numbers() >> Double(), cluster.address)
        monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
        assert doubles(run(lambda: Numbers() >> Double(), cluster.address)["default"]) == DOUBLES


def test_a_machine_that_is_not_at_its_address_in_the_cluster(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Translated(Cluster):
        def __enter__(self) -> Cluster:
            super().__enter__().host = "192.0.2.1"
            return self

    monkeypatch.setattr("distilabel_selfinstruct.engine.ray.pipeline.Cluster", Translated)
    with pytest.raises(ConfigError, match=r"cannot listen at 192\.0\.2\.1, the address of this machine in the"):
        run(lambda: Numbers() >> Double())


def test_a_main_process_that_no_node_reaches(run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(QueueServer):
        def __init__(self, host: str) -> None:
            super().__init__(host)
            self._address = ("127.0.0.1", 1)

    monkeypatch.setattr("distilabel_selfinstruct.engine.ray.pipeline.QueueServer", Closed)
    said = (
        r"Node 127\.0\.0\.[23] does not reach 127\.0\.0\.1:1, where the main process listens \(Connection refused\)\."
        r" Nodes must reach all ports of the machine that the command runs on\."
    )
    with pytest.raises(PipelineError) as caught:
        run(lambda: Numbers() >> Double())
    assert re.fullmatch(said, str(caught.value))


def test_ray_is_an_extra(run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distilabel_selfinstruct.engine.ray.cluster.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r'pip install "distilabel-selfinstruct\[ray\]"'):
        run(lambda: Numbers() >> Double())


# --- the nodes -------------------------------------------------------------------------------------------------------


def test_a_cluster_that_is_too_small(run: Callable[..., Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        run(lambda: Numbers() >> Double(resources=StepResources(gpus=1, replicas=2)))
    assert str(caught.value) == (
        "The Ray cluster has no room for all workers of step 'double_0'. Asked for at the same time: double_0 2 x 1"
        " GPU. Its nodes have: 127.0.0.2 0 GPU; 127.0.0.3 1 GPU. Ask for fewer replicas or less for each, or add nodes."
    )


def test_a_gpu_that_another_job_holds(
    run: Callable[..., Any], cluster: RayCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distilabel_selfinstruct.engine.ray.pipeline._LATE", 0.5)
    held, over = tmp_path / "held", threading.Event()
    with RayPipeline("test", cache_dir=tmp_path, address=cluster.address, log_file=tmp_path / "log") as pipeline:
        Numbers() >> Double(resources=ONE_GPU)

    def hold_until_waited_for() -> str:
        with Cluster(cluster.address) as job:
            job.start(("job", 0), partial(hold, held), {"GPU": 1})
            while not pipeline.waits_for and not over.wait(0.05):
                assert (job.why_lost(), job.ended) == (None, {})
            return pipeline.waits_for

    with ThreadPoolExecutor() as pool:
        job = pool.submit(hold_until_waited_for)
        try:
            while not held.exists() and not job.done():
                over.wait(0.05)
            assert doubles(pipeline.run()["default"]["train"].to_list()) == DOUBLES
        finally:
            over.set()
    assert job.result() == "1 x 1 GPU for step 'double_0': other jobs hold it, or its node is slow"
    assert f"Waiting for {job.result()}" in (tmp_path / "log").read_text()
    assert pipeline.waits_for == ""


def gpus(*amounts: float) -> list[dict[str, float]]:
    return [{"GPU": amount} for amount in amounts]


@pytest.mark.parametrize(
    ("needs", "nodes", "without_room"),
    [
        (gpus(2, 4), gpus(4, 2), None),
        (gpus(3, 3), gpus(4, 2), 1),
        (gpus(6, 5, 5), gpus(10, 6), None),
        (gpus(6, 5, 5), gpus(9, 7), 2),
        (gpus(5, 4, 4, 3, 2), gpus(9, 9), None),
        ([{}] * 100, gpus(1), None),
        ([{"TPU": 1.0}], gpus(8), 0),
        ([{"GPU": 1.0}, {"GPU": 1.0, "memory": 8e9}], [{"GPU": 1.0, "memory": 9e9}, {"GPU": 1.0, "memory": 4e9}], None),
        ([{"GPU": 1.0, "memory": 5e9}] * 2, [{"GPU": 2.0, "memory": 9e9}, {"memory": 9e9}], 1),
        (gpus(*[0.1] * 10), gpus(1), None),
        (gpus(*[2] * 401), gpus(*[8] * 100), 400),
        (gpus(*[3] * 200), gpus(*[8] * 100), None),
        (gpus(*[3] * 201), gpus(*[8] * 100), 200),
    ],
    ids=[
        "both",
        "one too large",
        "not the first",
        "too tight",
        "mixed",
        "nothing asked",
        "unknown",
        "memory",
        "all of it on one node",
        "tenths",
        "many too many",
        "many",
        "many with rests",
    ],
)
def test_room_is_looked_for_node_by_node(
    needs: list[dict[str, float]], nodes: list[dict[str, float]], without_room: int | None
) -> None:
    named = [(str(number), need) for number, need in enumerate(needs)]
    found = step_without_room(named, [Node(str(number), resources) for number, resources in enumerate(nodes)])
    assert found == (None if without_room is None else str(without_room))


def test_a_cluster_where_it_is_hard_to_tell_is_not_refused() -> None:
    nodes = [Node(str(number), {"GPU": 100.0 + number}) for number in range(20)]
    needs = [(str(number), {"GPU": 20.0 + number % 37}) for number in range(50)]
    assert step_without_room(needs, nodes) is None


def test_a_node_that_sees_other_files_or_has_another_version(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    terms = WorkerTerms("double_0", 0, __version__, str(ROOT), [], marker, "this run", RemoteQueue(("", 0), b"", 0))
    with pytest.raises(PipelineError, match=f"does not see {marker}. The folder that the run is started in"):
        check_node(terms)
    marker.write_text("another run")
    with pytest.raises(
        PipelineError, match=f"has another folder {tmp_path}; it must be on storage that all nodes share"
    ):
        check_node(terms)
    marker.write_text("this run")
    check_node(terms)
    with pytest.raises(PipelineError, match=f"has distilabel-selfinstruct {__version__}, the others 0.0.9"):
        check_node(replace(terms, version="0.0.9"))
    with pytest.raises(PipelineError, match="does not see /nowhere"):
        check_node(replace(terms, folder="/nowhere"))


class _Unprepared:
    """A job that comes to nothing before its step does."""

    def run(self) -> None:
        raise PermissionError(13, "Permission denied", "/shared")


def test_a_node_on_which_a_worker_cannot_be_prepared(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    marker.write_text("this run")
    with QueueServer("127.0.0.1") as queues:
        jobs, output = queues.queue(), queues.queue()
        terms = WorkerTerms("double_0", 0, __version__, str(ROOT), [], marker, "this run", output)
        jobs.put(terms)
        jobs.put(pickle.dumps(_Unprepared()))
        worker = mp.get_context("fork").Process(target=run_job, args=(jobs.remote, "127.0.0.1"))
        worker.start()
        assert output.get(timeout=30)["status"] == "arrived"
        failed = output.get(timeout=30)
        worker.join()
    assert failed.step_name == "double_0"
    assert re.fullmatch(r"node [0-9.]+ PermissionError: \[Errno 13\] Permission denied: '/shared'", failed.message)
