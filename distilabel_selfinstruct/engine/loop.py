"""The main loop: batches out of steps, batches into steps, until every step has given its last one.

It takes the place of distilabel's, which waits for ever where a worker says nothing more.
"""

from __future__ import annotations

import contextlib
import logging
import math
import queue
import threading
import time
from abc import abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, ClassVar, cast

from distilabel.constants import STEP_ATTR_NAME
from distilabel.pipeline.base import BasePipeline

from distilabel_selfinstruct.engine.stock import STEP_NOT_LOADED, STEP_UNLOADED, AnyStep, Batch
from distilabel_selfinstruct.engine.worker import StepFailed, Worker
from distilabel_selfinstruct.errors import Interrupted, PipelineError, SelfInstructError
from distilabel_selfinstruct.models.slots import SlotServer

_TICK = 0.5  # seconds between two looks at the workers
_SILENCE = 5.0  # seconds after which nothing that a worker said before it ended can still be under way
_PATIENCE = 10.0  # seconds that open requests have to finish after a failure
_TELL = 1.0  # seconds after which it is told again how far it is
_BATCHES_AHEAD = 1000  # batches under way downstream before a generator is asked for more


class MainLoop(BasePipeline):
    """What the main process does while workers run: it routes batches, and notices at once when one is lost.

    A subclass says how workers are started and watched.
    """

    is_on_ray: ClassVar[bool] = False
    slots: SlotServer | None
    latest: str
    """The last instruction of a step that asks a model."""
    tell: Callable[[Mapping[str, float]], None] | None = None
    """Told of `shares_done` about every second, while batches come."""

    def _forget_run(self) -> None:
        """Sets back what is kept of one run."""
        self.warnings: dict[str, None] = {}  # what models' classes warn of, each text once
        self._messages: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._signals: list[str] = []
        self._finished_workers: set[tuple[str, int]] = set()  # by step and replica
        self._batches_under_way: Counter[str] = Counter()
        self._pending_batches: deque[Batch] = deque()
        self._batches_ahead_of_turn: dict[tuple[str, int], Batch] = {}
        self._next_in_order: Counter[str] = Counter()
        self._rows_under_way: dict[tuple[str, int], int] = {}  # by step and number of the batch
        self._rows_done: Counter[str] = Counter()  # that a step was given, and has dealt with
        self._rows_made: Counter[str] = Counter()
        self._ended_steps: set[str] = set()
        self.latest = ""
        self._told = 0.0

    # --- what a subclass gives --------------------------------------------------------------------------------------

    @abstractmethod
    def _start_worker(self, worker: Worker) -> None:
        """Starts a process that runs the worker's job."""

    @abstractmethod
    def _death(self, after_silence: bool) -> SelfInstructError | None:
        """The error that says which worker died without a word, if one did.

        What a worker that ended by itself has said may still be under way, unless nobody has said a thing for long.
        """

    # --- batches ----------------------------------------------------------------------------------------------------

    def _output_queue_loop(self) -> None:
        assert self._batch_manager is not None
        self._create_steps_input_queues()
        self._load_stage()
        self._request_initial_batches()
        while not all(self._batch_manager.step_has_finished(name) for name in self.dag):
            for batch in self._in_order(self._next_batch()):
                self._pass_on(batch)
        self._notify_steps_to_stop()
        self._wait_until_unloaded(list(self.dag))

    def _next_batch(self) -> Batch:
        """The next batch that a step has made."""
        if self._pending_batches:
            return self._pending_batches.popleft()
        while True:
            if not any(count for name, count in self._batches_under_way.items() if self._is_step_running(name)):
                raise PipelineError(self._stuck())
            if isinstance(message := self._next_message(), Batch):
                return message

    def _in_order(self, batch: Batch) -> Iterator[Batch]:
        """The batches of this batch's step whose turn it is: replicas finish theirs in any order."""
        name, waiting = batch.step_name, self._batches_ahead_of_turn
        waiting[name, batch.seq_no] = batch
        while (next_batch := waiting.pop((name, self._next_in_order[name]), None)) is not None:
            self._next_in_order[name] += 1
            yield next_batch

    def _pass_on(self, batch: Batch) -> None:
        """Gives a batch to the steps after its own."""
        name = batch.step_name
        self._batches_under_way[name] -= 1
        self._rows_done[name] += self._rows_under_way.pop((name, batch.seq_no), 0)
        self._rows_made[name] += sum(map(len, batch.data[:1]))
        if batch.last_batch:
            self._ended_steps.add(name)
        self._note_progress(name, batch.data[0] if batch.data else [])
        self._process_batch(batch)
        if self._should_load_next_stage():
            self._end_stage()
            self._current_stage += 1
            self._load_stage()
            self._request_initial_batches()
        self._manage_batch_flow(batch)
        self._ask_generators()

    def _note_progress(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        for row in reversed(rows if self._asks(name) else ()):
            if row.get("reject_reason") is None and isinstance(text := row.get("instruction"), str):
                self.latest = text
                break
        if self.tell is not None and time.monotonic() - self._told >= _TELL:
            self.tell(self.shares_done)
            self._told = time.monotonic()

    @property
    def shares_done(self) -> dict[str, float]:
        """By stage that asks a model the share of its rows that it has dealt with, from 0 to 1.

        How many will come is judged by how far the steps before it are.
        """
        events = {} if self.slots is None else dict(self.slots.events)

        @cache
        def share(name: str) -> float:
            if name in self._ended_steps:
                return 1.0
            if wanted := (loop := events.get(self._stage_of(name), {})).get("wanted"):
                return min(1.0, loop["admitted"] / wanted)
            before = list(self.dag.get_step_predecessors(name))
            rows = sum(self._rows_made[each] for each in before)
            return min(1.0, self._rows_done[name] / rows) * min(map(share, before)) if rows else 0.0

        shares: dict[str, float] = {}
        for name in self.dag:
            if self._asks(name):
                stage = self._stage_of(name)
                shares[stage] = min(share(name), shares.get(stage, 1.0))
        return shares

    def _asks(self, name: str) -> bool:
        """Whether a step asks a model."""
        return hasattr(self.dag.get_step(name)[STEP_ATTR_NAME], "llm")

    def _stage_of(self, name: str) -> str:
        """The stage of a step, by which its requests are counted; its name where it has none."""
        return str(getattr(getattr(self.dag.get_step(name)[STEP_ATTR_NAME], "llm", None), "stage", name))

    def _ask_generators(self) -> None:
        """Asks each generator for its next batch as soon as the last one came, while downstream is not flooded.

        distilabel asks only after a downstream batch is finished, and leaves slots idle meanwhile.
        """
        assert self._batch_manager is not None
        for name in self.dag.root_steps:
            last = self._batch_manager.get_last_batch(name)
            if last is None or last.last_batch or self._batches_under_way[name]:
                continue
            if self._batches_downstream() < _BATCHES_AHEAD:
                self._request_batch_from_generator(name)

    def _batches_downstream(self) -> int:
        return sum(
            count
            for step, count in self._batches_under_way.items()
            if step not in self.dag.root_steps and self._is_step_running(step)
        )

    def _send_batch_to_step(self, batch: Batch) -> None:
        self._batches_under_way[batch.step_name] += 1
        self._rows_under_way[batch.step_name, batch.seq_no] = sum(map(len, batch.data[:1]))
        super()._send_batch_to_step(batch)

    def _register_batch(self, batch: Batch) -> None:
        """Without writing it to disk: an interrupted run is recomputed from its completions."""
        assert self._batch_manager is not None
        self._batch_manager.register_batch(batch)

    def _cache(self) -> None:
        """Nothing to do after every batch: only whole results are cached."""

    def _stuck(self) -> str:
        assert self._batch_manager is not None
        waiting = [name for name in self.dag if not self._batch_manager.step_has_finished(name)]
        return (
            f"The steps {', '.join(waiting)} wait for rows that nobody will send. distilabel does this when the"
            " last batch of a step is empty: mark rows instead of dropping them, and select them in a leaf step."
        )

    # --- stages -----------------------------------------------------------------------------------------------------

    def _load_stage(self) -> None:
        """Starts the workers of this stage, and waits until all have loaded their steps."""
        steps = self._steps_to_be_loaded_in_stage(self._current_stage)
        for name in steps:
            self._steps_load_status[name] = STEP_NOT_LOADED
        self._run_steps(steps)
        self._listen_until(lambda: all(self._is_loaded(name) for name in steps))

    def _is_loaded(self, name: str) -> bool:
        """Whether all workers of a step have loaded it, and maybe are through with it."""
        return self._steps_load_status[name] in (self.dag.get_step_replica_count(name), STEP_UNLOADED)

    def _end_stage(self) -> None:
        """Waits until no worker of this stage is left; of a step with replicas all but one wait for another batch."""
        stages, _ = self._get_steps_load_stages()
        steps = stages[self._current_stage]
        for name in steps:
            for _ in range(self._steps_load_status[name]):
                self._send_to_step(name, None)
        self._wait_until_unloaded(steps)

    def _wait_until_unloaded(self, steps: list[str]) -> None:
        self._listen_until(lambda: all(self._steps_load_status[name] == STEP_UNLOADED for name in steps))

    def _run_step(self, step: AnyStep, input_queue: Any, replica: int) -> None:
        worker = Worker(
            step=cast("Any", step),
            replica=replica,
            input_queue=input_queue,
            output_queue=self._output_queue,
            load_queue=self._output_queue,
            dry_run=self._dry_run,
            ray_pipeline=self.is_on_ray,
        )
        self._start_worker(worker)

    # --- what workers say -------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _listening(self) -> Iterator[None]:
        """Takes what the workers say off their queue; in a thread, for one that is killed may leave half a message."""
        over = threading.Event()
        listener = threading.Thread(target=self._listen, args=(over,), name="listener", daemon=True)
        listener.start()
        ends_well = False
        try:
            yield
            ends_well = True
        finally:
            over.set()
            if ends_well:  # else a dead worker may keep the queue locked
                self._output_queue.put(None)
            listener.join(timeout=2 * _TICK)

    def _listen(self, over: threading.Event) -> None:
        while not over.is_set():
            try:
                message = self._output_queue.get(timeout=_TICK)
            except queue.Empty:
                continue
            except Exception as error:
                said = f"What a step has sent cannot be read: {type(error).__name__}: {error}"
                self._messages.put(PipelineError(said))
                return
            if isinstance(message, logging.LogRecord):
                logging.getLogger(message.name).handle(message)
            else:
                self._messages.put(message)

    def _note_signal(self, name: str) -> None:
        self._signals.append(name)
        self._messages.put(None)

    def _listen_until(self, is_done: Callable[[], bool]) -> None:
        """Listens until the condition holds; batches that come meanwhile are kept for later."""
        while not is_done():
            if isinstance(message := self._next_message(), Batch):
                self._pending_batches.append(message)

    def _next_message(self) -> Any:
        """The next thing that a worker says, after taking note of it.

        Raises:
            Interrupted: after a signal.
            PipelineError: if it says that its step failed, or died instead.
        """
        message = self._awaited_message()
        if isinstance(message, PipelineError):  # half a message: who sent it is likely dead, and that says more
            raise self._death(after_silence=True) or message
        if isinstance(message, StepFailed):
            self._logger.error(f"Step '{message.step_name}' failed:\n{message.trace}")
            raise PipelineError(f"Step '{message.step_name}' failed: {message.message}")
        if not isinstance(message, Batch):
            self._note_status(**message)
        return message

    def _awaited_message(self) -> Any:
        silence = 0.0
        while True:
            if self._signals:
                raise Interrupted(self._signals[0])
            if (death := self._death(after_silence=silence >= _SILENCE)) is not None:
                raise death
            try:
                if (message := self._messages.get(timeout=_TICK)) is not None:
                    return message
            except queue.Empty:
                silence += _TICK

    def _note_status(self, name: str, status: str, replica: int = 0, text: str = "") -> None:
        if status == "warned":
            self.warnings[text] = None
        elif status == "loaded":
            self._steps_load_status[name] = max(0, self._steps_load_status[name]) + 1
        else:
            self._finished_workers.add((name, replica))
            self._steps_load_status[name] = self._steps_load_status[name] - 1 or STEP_UNLOADED

    # --- the end ----------------------------------------------------------------------------------------------------

    def _let_requests_finish(self, reason: str) -> None:
        """Lets no further request be sent, and waits until the answers to all others are stored: they are paid for.

        Not for long after a failure, or once a worker is dead; and a signal ends the wait.
        """
        assert self.slots is not None
        self.slots.stop(reason)
        signals = len(self._signals)
        until = time.monotonic() + (_PATIENCE if reason == "failed" else math.inf)
        if self.slots.is_busy:
            self._logger.warning("Waiting for the answers to open requests; another signal ends the wait.")
        while self.slots.is_busy and len(self._signals) == signals and time.monotonic() < until:
            if until == math.inf and self._death(after_silence=False) is not None:
                until = time.monotonic() + _PATIENCE
            time.sleep(0.02)
