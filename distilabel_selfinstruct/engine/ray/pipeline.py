"""RayPipeline: the same run on the machines of a Ray cluster."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import threading
import traceback
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from distilabel.constants import STEP_ATTR_NAME
from distilabel.pipeline.ray import RayPipeline as _StockRayPipeline
from distilabel.utils.serialization import TYPE_INFO_KEY

from distilabel_selfinstruct.engine.pipeline import (
    GO_ON,
    Interrupted,
    Pipeline,
    WholePipeline,
    _said,
    _StepFailed,
    _Worker,
)
from distilabel_selfinstruct.engine.ray.cluster import Cluster, Key, Node, Resources
from distilabel_selfinstruct.engine.ray.queues import QueueServer, RemoteQueue, ServedQueue
from distilabel_selfinstruct.errors import ConfigError, PipelineError, SelfInstructError
from distilabel_selfinstruct.models.slots import join_slots
from distilabel_selfinstruct.version import __version__

if TYPE_CHECKING:
    from distilabel.steps.base import _Step

_LATE = 30.0  # seconds after which a worker that has not come to a node is late
_LAYOUTS = 200  # ways to place workers on nodes that are looked through at the same time
_Layout = frozenset[tuple[tuple[int, ...], int]]


@dataclass(frozen=True)
class _Terms:
    """What a worker is told before its errand, which it may be unable to read."""

    step_name: str
    replica: int
    version: str
    folder: str  # that relative paths start from
    path: list[str]  # where the main process finds modules
    marker: Path  # a file that all nodes must see, and what stands in it
    text: str
    slots: str
    output: ServedQueue | RemoteQueue


class RayPipeline(WholePipeline, _StockRayPipeline):
    """distilabel's `RayPipeline`, made to finish whole or raise, as `Pipeline` is on one machine.

    Each worker is an actor somewhere in the cluster; batches go through this process, which must be on a machine of
    the cluster. All nodes need this package, and the folder it runs in and its files on storage that they share. A
    lost worker, node or head ends the run with an exception within half a minute; a model's key goes to the workers
    and nowhere else.

    Args:
        name: name of the pipeline.
        address: of the cluster's head, `HOST:PORT`; `auto` for the cluster of this machine; `local` starts one on
            this machine, which ends with the run. A token comes from `RAY_AUTH_TOKEN`,
            `RAY_AUTH_TOKEN_PATH` or `~/.ray/auth_token`; a cluster without needs `RAY_AUTH_MODE=disabled`.

    The other arguments are those of `Pipeline`.

    Raises:
        ConfigError: if an argument of distilabel's own is given that `address` stands for here; from `run`, if there is
            no such cluster, it refuses the token, or is too small.
        MissingExtraError: from `run`, if Ray is not installed.
    """

    is_on_ray: ClassVar[bool] = True

    def __init__(self, name: str | None = None, *, address: str = "local", **kwargs: Any) -> None:
        for argument in ("ray_head_node_url", "ray_init_kwargs"):
            if kwargs.pop(argument, None):
                raise ConfigError(
                    f"RayPipeline takes no {argument}; give address, HOST:PORT of the head of a cluster, and start the"
                    " cluster with what else it needs."
                )
        super().__init__(name, **kwargs)
        self.address = address
        self._nodes: dict[Key, str] = {}  # of the workers that have come there
        self._is_late = False

    @property
    def QueueClass(self) -> Any:
        return self._queues.queue

    def _create_step_input_queue(self, step_name: str) -> Any:
        """As in any pipeline: distilabel's own gives Ray's queues names here, and names collide."""
        return super(_StockRayPipeline, self)._create_step_input_queue(step_name)

    def dump(self, **kwargs: Any) -> dict[str, Any]:
        """As a `Pipeline`: where it ran is not what it is."""
        dumped = super().dump(**kwargs)
        dumped["pipeline"][TYPE_INFO_KEY] = {"module": Pipeline.__module__, "name": Pipeline.__name__}
        return dumped

    @contextlib.contextmanager
    def _place(self) -> Iterator[str]:
        with Cluster(self.address, is_stopped=lambda: bool(self._signals)) as self._cluster:
            if self._signals:
                raise Interrupted(self._signals[0])
            self._check_room(sorted(self._cluster.nodes, key=lambda node: node.address))
            with self._queue_server() as self._queues, self._marked():
                yield self._cluster.host

    def _queue_server(self) -> QueueServer:
        try:
            return QueueServer(self._cluster.host)
        except OSError as error:
            raise ConfigError(
                f"This process cannot listen at {self._cluster.host}, the address of this machine in the Ray cluster"
                f" ({error.strerror}). Give `ray start` here --node-ip-address, an address of this machine that the"
                " other nodes reach."
            ) from None

    @contextlib.contextmanager
    def _marked(self) -> Iterator[None]:
        """A file in the cache that every node must see."""
        self._marker, self._text = (
            self._cache_location["pipeline"].with_name("all-nodes-see-this"),
            secrets.token_hex(8),
        )
        self._marker.write_text(self._text)
        try:
            yield
        finally:
            self._marker.unlink(missing_ok=True)

    def _load_stage(self) -> None:
        late = threading.Timer(_LATE, self._note_late)
        late.start()
        try:
            super()._load_stage()
        finally:
            late.cancel()
            late.join()
            self._is_late = False

    def _note_late(self) -> None:
        self._is_late = True
        if self.waits_for:
            self._logger.warning(f"Waiting for {self.waits_for}")

    @property
    def waits_for(self) -> str:
        if not self._is_late:
            return ""
        late = []
        for name in self._steps_to_be_loaded_in_stage(self._current_stage):
            needed = _resources(self.dag.get_step(name)[STEP_ATTR_NAME])
            count = sum((name, replica) not in self._nodes for replica in range(self.dag.get_step_replica_count(name)))
            if needed and count:
                late.append(f"{count} x {_listed(needed)} for step '{name}'")
        return f"{'; '.join(late)}: other jobs hold it, or its node is slow" if late else ""

    def _start_worker(self, worker: _Worker) -> None:
        assert self.slots is not None
        import cloudpickle

        name = str(worker.step.name)
        try:
            errand = cloudpickle.dumps(replace(self._errand(worker), log_file=None))
        except Exception as error:
            raise PipelineError(f"Step '{name}' cannot be sent to another machine: {_said(error)}") from None
        errands = self._queues.queue()
        errands.put(
            _Terms(
                name, worker.replica, __version__, os.getcwd(), sys.path, self._marker, self._text, self.slots.address,
                self._output_queue,
            )
        )  # fmt: skip
        errands.put(errand)
        self._cluster.start((name, worker.replica), partial(_visit, errands.remote), _resources(worker.step))

    def _note_status(self, name: str, status: str, replica: int = 0, text: str = "") -> None:
        if status == "arrived":
            self._nodes[name, replica] = text
            self._logger.info(f"Step '{name}', replica {replica}, runs on node {text}")
        else:
            super()._note_status(name, status, replica, text)

    def _dead_worker(self, after_silence: bool) -> str | None:
        lost = self._cluster.lost()
        for key, how in self._cluster.ended.items():
            if key not in self._ended and (how is not None or after_silence):
                return self._death(key, how or "it ended without a word")
        for key, node in self._nodes.items():
            if key not in self._ended and node in self._cluster.silent:
                return f"The worker of step '{key[0]}' is gone: its node {node} does not answer any more. {GO_ON}"
        if lost is None:
            return None
        self._logger.error(f"{lost} Ray's last words: {self._cluster.log[-2000:]}")
        return f"{lost} {GO_ON}"

    def _death(self, key: Key, how: SelfInstructError | str) -> str:
        self._logger.error(f"Worker of step '{key[0]}', replica {key[1]}: {how}")
        if isinstance(how, SelfInstructError):
            return str(how)
        if (node := self._nodes.get(key)) is None:
            if "No module named 'distilabel_selfinstruct'" in how:
                return f"A node has no distilabel-selfinstruct {__version__}, and none of its extra ray; install both."
            return f"The worker of step '{key[0]}' did not start; what Ray says stands in the log. {GO_ON}"
        return (
            f"The worker of step '{key[0]}' on node {node} is gone: killed, out of memory, or its node with it. {GO_ON}"
        )

    def _end_workers(self, at_once: bool) -> None:
        """They end with the cluster's context."""
        self._steps_input_queues.clear()
        self._nodes.clear()

    def _check_room(self, nodes: list[Node]) -> None:
        """Whether all workers of each stage find a node.

        Raises:
            ConfigError: if one never would.
        """
        stages, _ = self._get_steps_load_stages()
        for stage in stages:
            steps = [self.dag.get_step(name)[STEP_ATTR_NAME] for name in stage]
            needs = [
                (name, _resources(step))
                for name, step in zip(stage, steps)
                for _ in range(self.dag.get_step_replica_count(name))
            ]
            if (homeless := _without_room(needs, nodes)) is not None:
                raise ConfigError(self._no_room(homeless, needs, nodes))

    def _no_room(self, homeless: str, needs: list[tuple[str, Resources]], nodes: list[Node]) -> str:
        asked = "; ".join(
            f"{name} {count} x {_listed(dict(need))}"
            for (name, need), count in Counter((name, tuple(need.items())) for name, need in needs).items()
            if need
        )
        kinds = {kind for _, need in needs for kind in need}
        there = "; ".join(
            f"{node.address} {_listed({kind: node.resources.get(kind, 0) for kind in sorted(kinds)})}" for node in nodes
        )
        return (
            f"The Ray cluster has no room for all workers of step '{homeless}'. Asked for at the same time: {asked}."
            f" Its nodes have: {there}. Ask for fewer replicas or less for each, or add nodes."
        )


def _resources(step: _Step) -> Resources:
    """What one replica of a step asks for, by Ray's names; most only wait for an endpoint, and need nothing."""
    own = step.resources
    named = {"CPU": own.cpus, "GPU": own.gpus, "memory": own.memory, **(own.resources or {})}
    return {name: amount for name, amount in named.items() if amount}


def _without_room(needs: list[tuple[str, Resources]], nodes: list[Node]) -> str | None:
    """The first step with a worker that finds no place beside those before it, whichever places these take."""
    asked = [(name, need) for name, need in needs if need]

    def too_many(count: int) -> bool:
        return not _may_fit([need for _, need in asked[:count]], nodes)

    if not too_many(len(asked)):
        return None
    return asked[bisect_left(range(1, len(asked)), True, key=too_many)][0]


def _may_fit(needs: list[Resources], nodes: list[Node]) -> bool:
    """Whether all find a place at the same time; true also where that would take long to tell."""
    kinds = sorted({kind for need in needs for kind in need})

    def amounts(resources: Resources) -> tuple[int, ...]:
        return tuple(round(resources.get(kind, 0) * 10_000) for kind in kinds)  # as exact as Ray is

    def has(free: tuple[int, ...], need: tuple[int, ...]) -> bool:
        return all(there >= part for there, part in zip(free, need))

    all_free, all_needed = [amounts(node.resources) for node in nodes], [amounts(need) for need in needs]
    there = tuple(map(sum, zip(*all_free)))
    if not has(there, tuple(map(sum, zip(*all_needed)))):
        return False
    if not all(any(has(free, need) for free in all_free) for need in all_needed):
        return False
    layouts = {frozenset(Counter(all_free).items())}  # what can be free after those before, with the number of nodes
    for need in sorted(all_needed, key=lambda need: -max(part / max(whole, 1) for part, whole in zip(need, there))):
        layouts = {_placed(layout, free, need) for layout in layouts for free, _ in layout if has(free, need)}
        if len(layouts) > _LAYOUTS:
            return True
    return bool(layouts)


def _placed(layout: _Layout, free: tuple[int, ...], need: tuple[int, ...]) -> _Layout:
    """The layout after a node that has so much free took a worker in."""
    after = Counter(dict(layout))
    after[free] -= 1
    after[tuple(there - part for there, part in zip(free, need))] += 1
    return frozenset((+after).items())


def _listed(resources: Resources) -> str:
    return ", ".join(f"{amount:g} {kind}" for kind, amount in resources.items())


# --- in the worker ---------------------------------------------------------------------------------------------------


def _visit(errands: RemoteQueue) -> None:
    """What a worker does: it fetches its errand from the main process, and does not outlive it."""
    import cloudpickle
    import ray

    node = ray.util.get_node_ip_address()
    try:
        terms: _Terms = errands.get()
    except OSError as error:
        host, port = errands.address
        raise PipelineError(
            f"Node {node} does not reach {host}:{port}, where the main process listens ({error.strerror or error})."
            " Nodes must reach all ports of the machine that the command runs on."
        ) from None
    try:
        _check(terms)
        sys.path += [folder for folder in terms.path if folder not in sys.path]
        join_slots(terms.slots)
        errand = cloudpickle.loads(errands.get())
        terms.output.put({"name": terms.step_name, "status": "arrived", "replica": terms.replica, "text": node})
        threading.Thread(target=_end_with_main_process, args=(errands,), daemon=True).start()
        errand.run()
    except Exception as error:
        terms.output.put(_StepFailed(terms.step_name, f"node {node} {_said(error)}", traceback.format_exc()))


def _check(terms: _Terms) -> None:
    if terms.version != __version__:
        raise PipelineError(f"has distilabel-selfinstruct {__version__}, the others {terms.version}; install the same.")
    try:
        os.chdir(terms.folder)
        text = terms.marker.read_text()
    except OSError as error:
        raise PipelineError(
            f"does not see {error.filename}. The folder that the run is started in and the run folder must be on"
            " storage that all nodes share."
        ) from None
    if text != terms.text:
        raise PipelineError(f"has another folder {terms.marker.parent}; it must be on storage that all nodes share.")


def _end_with_main_process(errands: RemoteQueue) -> None:
    errands.wait_for_end()
    os._exit(1)
