"""RayPipeline: the same run on the machines of a Ray cluster."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from distilabel.pipeline.ray import RayPipeline as StockRayPipeline

from distilabel_selfinstruct.engine.pipeline import WholePipeline
from distilabel_selfinstruct.engine.ray.cluster import Cluster
from distilabel_selfinstruct.engine.ray.place import Key, Node
from distilabel_selfinstruct.engine.ray.queues import QueueServer
from distilabel_selfinstruct.engine.ray.room import listed, no_room, resources_of, step_without_room
from distilabel_selfinstruct.engine.ray.visit import WorkerTerms, run_job
from distilabel_selfinstruct.engine.worker import Worker, error_text
from distilabel_selfinstruct.errors import GO_ON, ConfigError, Interrupted, PipelineError, SelfInstructError
from distilabel_selfinstruct.version import __version__

_LATE = 30.0  # seconds after which a worker that has not come to a node is late


class RayPipeline(WholePipeline, StockRayPipeline):
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
        cluster: that of the address, if somebody has set out for it already.

    The other arguments are those of `Pipeline`.

    Raises:
        ConfigError: if an argument of distilabel's own is given that `address` stands for here; from `run`, if there is
            no such cluster, it refuses the token, or is too small.
        MissingExtraError: from `run`, if Ray is not installed.
    """

    is_on_ray: ClassVar[bool] = True

    def __init__(
        self, name: str | None = None, *, address: str = "local", cluster: Cluster | None = None, **kwargs: Any
    ) -> None:
        for argument in ("ray_head_node_url", "ray_init_kwargs"):
            if kwargs.pop(argument, None):
                raise ConfigError(
                    f"RayPipeline takes no {argument}; give address, HOST:PORT of the head of a cluster, and start the"
                    " cluster with what else it needs."
                )
        super().__init__(name, **kwargs)
        self.address = address
        self._cluster = cluster or Cluster(address)
        self._nodes: dict[Key, str] = {}  # of the workers that have come there
        self._is_late = False

    @property
    def QueueClass(self) -> Any:
        return self._queues.queue

    def _create_step_input_queue(self, step_name: str) -> Any:
        """As in any pipeline: distilabel's own gives Ray's queues names here, and names collide."""
        return super(StockRayPipeline, self)._create_step_input_queue(step_name)

    @contextlib.contextmanager
    def _reachable(self) -> Iterator[str]:
        self._cluster.is_stopped = lambda: bool(self._signals)
        with self._cluster:
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
        self._marker = self._cache_location["pipeline"].with_name("all-nodes-see-this")
        self._text = secrets.token_hex(8)
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
        late, steps = [], dict(self._steps())
        for name in self._steps_to_be_loaded_in_stage(self._current_stage):
            needed = resources_of(steps[name])
            count = sum((name, replica) not in self._nodes for replica in range(self.dag.get_step_replica_count(name)))
            if needed and count:
                late.append(f"{count} x {listed(needed)} for step '{name}'")
        return f"{'; '.join(late)}: other jobs hold it, or its node is slow" if late else ""

    def _start_worker(self, worker: Worker) -> None:
        import cloudpickle

        name = str(worker.step.name)
        try:
            job = cloudpickle.dumps(replace(self._job(worker), log_file=None))
        except Exception as error:
            raise PipelineError(f"Step '{name}' cannot be sent to another machine: {error_text(error)}") from None
        jobs = self._queues.queue()
        jobs.put(self._terms(name, worker.replica))
        jobs.put(job)
        work, needed = partial(run_job, jobs.remote), resources_of(worker.step)
        self._cluster.start((name, worker.replica), work, needed, _modules_of(worker.step))

    def _terms(self, step_name: str, replica: int) -> WorkerTerms:
        return WorkerTerms(
            step_name=step_name,
            replica=replica,
            version=__version__,
            folder=os.getcwd(),
            path=sys.path,
            marker=self._marker,
            text=self._text,
            output=self._output_queue,
        )

    def _note_status(self, name: str, status: str, replica: int = 0, text: str = "") -> None:
        if status == "arrived":
            self._nodes[name, replica] = text
            self._logger.info(f"Step '{name}', replica {replica}, runs on node {text}")
        else:
            super()._note_status(name, status, replica, text)

    def _death(self, after_silence: bool) -> SelfInstructError | None:
        why_lost = self._cluster.why_lost()
        for key, how in self._cluster.ended.items():
            if key not in self._finished_workers and (how is not None or after_silence):
                return self._death_of(key, how or "it ended without a word")
        for (name, replica), node in self._nodes.items():
            if (name, replica) not in self._finished_workers and node in self._cluster.silent:
                return PipelineError(
                    f"The worker of step '{name}' is gone: its node {node} does not answer any more. {GO_ON}"
                )
        if why_lost is None:
            return None
        self._logger.error(f"{why_lost} Ray's last words: {self._cluster.log[-2000:]}")
        return PipelineError(f"{why_lost} {GO_ON}")

    def _death_of(self, key: Key, how: SelfInstructError | str) -> PipelineError:
        """Says what is known of a worker that is dead; Ray's own words are guesses, and for the log."""
        self._logger.error(f"Worker of step '{key[0]}', replica {key[1]}: {how}")
        if isinstance(how, SelfInstructError):
            return PipelineError(str(how))
        if (node := self._nodes.get(key)) is not None:
            return PipelineError(
                f"The worker of step '{key[0]}' on node {node} is gone; what Ray says stands in the log. {GO_ON}"
            )
        if "No module named 'distilabel_selfinstruct'" in how:
            return PipelineError(
                f"A node has no distilabel-selfinstruct {__version__}, and none of its extra ray; install both."
            )
        return PipelineError(f"The worker of step '{key[0]}' did not start; what Ray says stands in the log. {GO_ON}")

    def _end_workers(self, at_once: bool) -> None:
        """They end with the cluster's context."""
        self._steps_input_queues.clear()
        self._nodes.clear()

    def _check_room(self, nodes: list[Node]) -> None:
        """Whether all workers of each stage find a node.

        Raises:
            ConfigError: if one never would.
        """
        needed = {name: resources_of(step) for name, step in self._steps()}
        stages, _ = self._get_steps_load_stages()
        for stage in stages:
            needs = [(name, needed[name]) for name in stage for _ in range(self.dag.get_step_replica_count(name))]
            if (step_name := step_without_room(needs, nodes)) is not None:
                raise ConfigError(no_room(step_name, needs, nodes))


def _modules_of(part: Any) -> list[str]:
    """Those of this package that a step, its model, and the one inside of that are from."""
    modules = []
    while part is not None:
        modules.append(type(part).__module__)
        part = getattr(part, "llm", None)
    return [name for name in modules if name.startswith("distilabel_selfinstruct.")]
