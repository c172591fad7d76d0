"""Pipeline: distilabel's, made to finish whole or raise.

distilabel 1.5.3 hangs, or returns empty, partial or stale results without an error, when a step fails, a worker dies
or a run is interrupted. `WholePipeline` replaces its main loop and its workers' loop by ones that do not; `Pipeline`
runs it on this machine. Tests show each case with the stock class.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import math
import multiprocessing as mp
import os
import pickle
import queue
import shutil
import signal
import sys
import threading
import time
import traceback
from abc import abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from logging.handlers import QueueHandler
from multiprocessing.queues import Queue
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Dataset, DatasetDict
from datasets.table import InMemoryTable
from distilabel.constants import DISTILABEL_METADATA_KEY, LAST_BATCH_SENT_FLAG, STEP_ATTR_NAME, STEPS_OUTPUTS_PATH
from distilabel.distiset import Distiset
from distilabel.errors import DistilabelError
from distilabel.pipeline.base import (
    _STEP_NOT_LOADED_CODE,
    _STEP_UNLOADED_CODE,
    BasePipeline,
    set_pipeline_running_env_variables,
)
from distilabel.pipeline.batch import _Batch
from distilabel.pipeline.batch_manager import _BatchManager
from distilabel.pipeline.local import Pipeline as _LocalPipeline
from distilabel.pipeline.step_wrapper import _StepWrapper
from distilabel.pipeline.write_buffer import _WriteBuffer

from distilabel_selfinstruct import __version__
from distilabel_selfinstruct.errors import ConfigError, PipelineError, SelfInstructError
from distilabel_selfinstruct.files import write_whole
from distilabel_selfinstruct.llms.durable import DurableLLM
from distilabel_selfinstruct.llms.slots import Budget, SlotServer
from distilabel_selfinstruct.secrets import SecretFilter, masked, shown

if TYPE_CHECKING:
    from distilabel.steps.base import GeneratorStep, Step, _Step
    from distilabel.typing import InputDataset, LoadGroups

    from distilabel_selfinstruct.ray_pipeline import RayPipeline

GO_ON = "Run the same command again to go on: nothing that was answered is lost."
_FINISHED = "finished.json"
_TICK = 0.5  # seconds between two looks at the workers
_SILENCE = 5.0  # seconds after which nothing that a worker said before it ended can still be under way
_PATIENCE = 10.0  # seconds that open requests have to finish after a failure
_LEAF_ROWS = 5000  # rows of a leaf kept in memory before they are written
_BATCHES_AHEAD = 1000  # batches under way downstream before a generator is asked for more
_FILES = ("seed_files", "data_files", "dataset_path", "source")  # attributes of steps that name files to read
_NOISY_LOGGERS = ("httpx", "httpx2", "httpcore", "openai", "urllib3", "filelock", "fsspec", "asyncio", "datasets",
                  "huggingface_hub")  # fmt: skip


_NO_SECRETS = SecretFilter()


class Interrupted(PipelineError):
    """The run was stopped by a signal."""

    def __init__(self, signal_name: str) -> None:
        super().__init__(signal_name)
        self.signal_name = signal_name

    def __str__(self) -> str:
        return f"Stopped by {self.signal_name}. {GO_ON}"


@dataclass(frozen=True)
class _StepFailed:
    """A step's error, as text: an exception itself may not survive the way to the main process."""

    step_name: str
    message: str
    trace: str


class _Telling(logging.Handler):
    """Tells the main process what a model's class warns of, such as a parameter that an endpoint refuses."""

    def __init__(self, worker: _Worker) -> None:
        super().__init__(logging.WARNING)
        self.addFilter(_NO_SECRETS)
        self._worker = worker

    def emit(self, record: logging.LogRecord) -> None:
        said = {"name": self._worker.step.name, "status": "warned", "text": record.getMessage()}
        self._worker.output_queue.put(said)  # type: ignore[arg-type]


class _Worker(_StepWrapper):
    """Runs a step. An error in it is told to the main process, and no batch goes on with made-up outputs.

    A Task with `concurrent_batches` works on several batches at once, so that no request waits for the slowest one
    of another batch; their results are sent in order.
    """

    def run(self) -> str:
        failed = False
        logging.getLogger("distilabel.llm").addHandler(_Telling(self))
        try:
            self.step.load()
            self._notify_load()
            if self.step.is_generator:
                self._generator_step_process_loop()
            else:
                self._non_generator_process_loop()
        except BaseException as error:
            failed = True
            self._notify_failed(error)
        with contextlib.suppress(Exception):
            self.step.unload()
        if not failed:
            self._notify_unload()
        return str(self.step.name)

    def _notify_unload(self) -> None:
        """Says which replica it was, so that a worker that has ended can be told from one that has died."""
        self.output_queue.put({"name": self.step.name, "status": "unloaded", "replica": self.replica})  # type: ignore[arg-type]

    def _notify_failed(self, error: BaseException) -> None:
        failed = _StepFailed(str(self.step.name), _said(error), shown(traceback.format_exc()))
        self.output_queue.put(failed)  # type: ignore[arg-type]

    def _generator_step_process_loop(self) -> None:
        step = cast("GeneratorStep", self.step)
        batches: Iterator[tuple[list[dict[str, Any]], bool]] | None = None
        while (batch := self.input_queue.get()) is not None and batch != LAST_BATCH_SENT_FLAG:
            if batches is None:
                batches = iter(step.process_applying_mappings(offset=batch.seq_no * int(step.batch_size or 1)))
            made = next(batches, None)
            if made is None:
                raise PipelineError("it ended without a last batch; `process` must end with `yield rows, True`")
            rows, is_last = made
            batch.set_data([rows])
            batch.last_batch = self.dry_run or is_last
            self._send_batch(batch)
            if batch.last_batch:
                return

    def _non_generator_process_loop(self) -> None:
        with ThreadPoolExecutor(self._concurrent_batches(), thread_name_prefix="batch") as pool:
            slots = threading.Semaphore(self._concurrent_batches())
            results: queue.SimpleQueue[Future[_Batch] | None] = queue.SimpleQueue()
            sender = threading.Thread(target=self._send_in_order, args=(results, slots), name="sender")
            sender.start()
            try:
                while (batch := self.input_queue.get()) is not None and batch != LAST_BATCH_SENT_FLAG:
                    slots.acquire()
                    results.put(pool.submit(self._process, batch))
                    if batch.last_batch:
                        break
            finally:
                results.put(None)
                sender.join()
        if self._failure is not None:
            raise self._failure

    _failure: BaseException | None = None

    def _send_in_order(self, results: queue.SimpleQueue[Future[_Batch] | None], slots: threading.Semaphore) -> None:
        while (result := results.get()) is not None:
            try:
                self._send_batch(result.result())
            except BaseException as error:
                self._failure = self._failure or error
                self._notify_failed(error)
            finally:
                slots.release()

    def _process(self, batch: _Batch) -> _Batch:
        if batch.data_path is not None:
            batch.read_batch_data_from_fs()
        step = cast("Step", self.step)
        inputs = batch.data if step.has_multiple_inputs else batch.data[:1]
        with self._turn(batch):
            outputs = step.process_applying_mappings(*inputs) if any(inputs) else ()
            batch.set_data([[row for rows in outputs for row in rows]])
        return batch

    def _turn(self, batch: _Batch) -> AbstractContextManager[None]:
        """The batch's place in the order of the rows, where a step puts one question to the model for each row."""
        llm = getattr(self.step, "llm", None)
        if isinstance(llm, DurableLLM) and getattr(self.step, "concurrent_batches", False):
            return llm.turn(batch.seq_no)
        return contextlib.nullcontext()

    def _concurrent_batches(self) -> int:
        llm = getattr(self.step, "llm", None)
        if not getattr(self.step, "concurrent_batches", False) or not isinstance(llm, DurableLLM):
            return 1
        if not llm.is_asynchronous:
            return 1
        return 2 + 8 * int(llm.concurrency or 1) // max(1, int(self.step.input_batch_size or 1))  # type: ignore[union-attr]


def _said(error: BaseException) -> str:
    """What an error says to a user; its kind too, unless the message was written for users."""
    if isinstance(error, (SelfInstructError, DistilabelError)):
        return shown(error)
    return shown(f"{type(error).__name__}: {error}")


class _Sending(QueueHandler):
    """Sends log records to the main process: several machines cannot append to one file."""

    def enqueue(self, record: logging.LogRecord) -> None:
        self.queue.put(record)  # type: ignore[attr-defined]


@dataclass(frozen=True)
class _Errand:
    """What a worker's process is sent to do, wherever it runs; without a log file the main process writes its log."""

    worker: _Worker
    pipeline_name: str
    cache_id: str
    log_file: Path | None
    verbose: bool

    def run(self) -> None:
        sys.excepthook = sys.__excepthook__
        with contextlib.suppress(OSError):  # so that `top` says which step a process is
            Path("/proc/self/comm").write_text(str(self.worker.step.name))
        set_pipeline_running_env_variables(self.pipeline_name, self.cache_id)
        if self.log_file is None:
            _log_with([_Sending(self.worker.output_queue)])  # type: ignore[arg-type]
        else:
            _log_with(_handlers(self.log_file, self.verbose))
        self.worker.run()


class _LeafWriter(_WriteBuffer):
    """Writes the rows of leaf steps to Parquet, each part with the schema that its rows have."""

    def __init__(self, path: Path, leaf_steps: set[str]) -> None:
        super().__init__(path, leaf_steps)
        self._buffers_dump_batch_size = dict.fromkeys(leaf_steps, _LEAF_ROWS)
        self.rows: Counter[str] = Counter()

    def add_batch(self, batch: _Batch) -> None:
        self.rows[batch.step_name] += len(batch.data[0])
        super().add_batch(batch)

    def _write(self, step_name: str) -> None:
        number = self._buffers_last_file[step_name]
        self._buffers_last_file[step_name] += 1
        (self._path / step_name).mkdir(exist_ok=True)
        rows = self._buffers[step_name]
        columns = dict.fromkeys(column for row in rows for column in row)
        try:
            # Arrow takes the columns of the first row for those of all rows.
            table = pa.Table.from_pylist([columns | row for row in rows])
        except pa.ArrowException as error:
            raise PipelineError(f"The rows of step '{step_name}' do not fit into columns: {error}") from None
        pq.write_table(table, self._path / step_name / f"{number:06d}.parquet")
        self._clean_buffer(step_name)

    def close(self) -> None:
        for step_name, rows in self._buffers.items():
            if rows:
                self._write(step_name)


class WholePipeline(BasePipeline):
    """What a pipeline that finishes whole or raises has, wherever its workers run.

    A subclass says how workers are started, watched and ended, and which queues reach them.
    """

    name: str
    is_on_ray: ClassVar[bool] = False

    def __init__(self, name: str | None = None, *, concurrency: int = 8, budget: Budget | None = None,
                 log_file: str | Path | None = None, verbose: bool = False, **kwargs: Any) -> None:  # fmt: skip
        super().__init__(name, **kwargs)
        self.concurrency, self.budget = concurrency, budget
        self.log_file, self.verbose = Path(log_file) if log_file else None, verbose
        self.slots: SlotServer | None = None
        self.rows_done: Counter[str] = Counter()
        self._forget_run()

    def _forget_run(self) -> None:
        self.rows_done.clear()
        self.warnings: dict[str, None] = {}  # what models' classes warn of, each text once
        self._heard: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._signals: list[str] = []
        self._ended: set[tuple[str, int]] = set()  # workers, by step and replica, that have said goodbye
        self._under_way: Counter[str] = Counter()
        self._aside: deque[_Batch] = deque()
        self._early: dict[tuple[str, int], _Batch] = {}
        self._next_in_order: Counter[str] = Counter()

    def dump(self, **kwargs: Any) -> dict[str, Any]:
        """What distilabel writes of a pipeline, without the secrets among the arguments of its models."""
        return cast("dict[str, Any]", masked(super().dump(**kwargs)))

    # --- what a subclass gives --------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _place(self) -> Iterator[str]:
        """Where the workers run; gives the address at which they find this process."""
        yield "127.0.0.1"

    @abstractmethod
    def _start_worker(self, worker: _Worker) -> None:
        """Starts a process that runs the worker's errand."""

    @abstractmethod
    def _dead_worker(self, after_silence: bool) -> str | None:
        """Says which worker died without a word, if one did.

        What a worker that ended by itself has said may still be under way, unless nobody has said a thing for long.
        """

    @abstractmethod
    def _end_workers(self, at_once: bool) -> None:
        """Waits for workers that have finished, or ends them at once, whatever they do."""

    @property
    def waits_for(self) -> str:
        """What others hold that its workers need, where they have waited for it for long."""
        return ""

    # --- running ----------------------------------------------------------------------------------------------------

    def run(  # type: ignore[override]
        self,
        parameters: dict[Any, dict[str, Any]] | None = None,
        load_groups: LoadGroups | None = None,
        use_cache: bool = True,
        storage_parameters: dict[str, Any] | None = None,
        use_fs_to_pass_data: bool = False,
        dataset: InputDataset | None = None,
        dataset_batch_size: int = 50,
        logging_handlers: list[logging.Handler] | None = None,
    ) -> Distiset:
        """Runs the pipeline; takes what distilabel's `run` takes.

        A run with the same steps, data and package version that finished before is served from the cache; anything
        else starts afresh, answered requests coming from the completions on disk.

        Returns:
            The whole result: every leaf step has seen every row that came to it.

        Raises:
            ConfigError: if a step that remembers rows is to run in replicas.
            PipelineError: if a step fails, a worker dies, or the steps wait for each other for ever.
            Interrupted: after SIGINT or SIGTERM.
        """
        self._set_runtime_parameters(parameters or {})
        if dataset is not None:
            self._add_dataset_generator_step(dataset, dataset_batch_size)
        self._set_pipeline_name()
        self._load_groups = self._built_load_groups(load_groups)
        self._validate()
        self._check_replicas()
        base_name = str(self.name)
        self.name = f"{base_name}-{self._fingerprint()}"
        try:
            location = self._cache_location
            finished = location["pipeline"].parent / _FINISHED
            if use_cache and (distiset := self._cached(finished)) is not None:
                return distiset
            shutil.rmtree(self._cache_dir / self.name, ignore_errors=True)
            with _logging_to(self.log_file or location["log_file"], self.verbose, logging_handlers):
                self._check_requirements()
                self._run(storage_parameters, use_fs_to_pass_data)
            if not self._dry_run:
                write_whole(finished, json.dumps({"rows": self._leaf_rows}))
            return self._distiset()
        finally:
            self.name = base_name

    def _check_replicas(self) -> None:
        """Replicas share rows out: a step that must see all of them, or says that it keeps state, can have none."""
        for name in self.dag:
            step = self.dag.get_step(name)[STEP_ATTR_NAME]
            if (step.resources.replicas or 1) > 1 and (not step.is_normal or getattr(step, "keeps_state", False)):
                raise ConfigError(
                    f"Step '{name}' must see every row, and cannot run as {step.resources.replicas} replicas; only"
                    " steps that treat each row by itself can, such as those that ask the model."
                )

    def _run(self, storage_parameters: dict[str, Any] | None, use_fs_to_pass_data: bool) -> None:
        self._set_pipeline_artifacts_path_in_steps()
        self._init_steps_load_status()
        self._load_stages_status(use_cache=False)
        self._batch_manager = _BatchManager.from_dag(dag=self.dag, use_cache=False)
        self._setup_fsspec(storage_parameters)
        self._use_fs_to_pass_data = use_fs_to_pass_data
        self._write_buffer = _LeafWriter(self._cache_location["data"] / STEPS_OUTPUTS_PATH, self.dag.leaf_steps)
        self._forget_run()
        self.save(path=self._cache_location["pipeline"], format="yaml")  # type: ignore[arg-type]
        with (
            _signals_go_to(self._note_signal),
            self._place() as host,
            SlotServer(self.concurrency, self.budget, host) as self.slots,
        ):
            self._output_queue = self.QueueClass()
            over = threading.Event()
            listener = threading.Thread(target=self._listen, args=(over,), name="listener", daemon=True)
            listener.start()
            whole = False
            try:
                self._output_queue_loop()
                whole = True
            except BaseException as error:
                self._let_requests_finish("interrupted" if isinstance(error, Interrupted) else "failed")
                raise
            finally:
                over.set()
                if whole:  # else a dead worker may keep the queue locked
                    self._output_queue.put(None)
                listener.join(timeout=2 * _TICK)
                self._end_workers(at_once=not whole)
        if self._signals:
            raise Interrupted(self._signals[0])
        self._write_buffer.close()
        self._leaf_rows = dict(self._write_buffer.rows)

    def _output_queue_loop(self) -> None:
        """The main loop: batches out of steps, batches into steps, until every step has given its last one."""
        assert self._batch_manager is not None
        self._create_steps_input_queues()
        self._load_stage()
        self._request_initial_batches()
        while not all(self._batch_manager.step_has_finished(name) for name in self.dag):
            for batch in self._in_order(self._receive()):
                self._take(batch)
        self._notify_steps_to_stop()
        self._wait_unloaded(list(self.dag))

    def _take(self, batch: _Batch) -> None:
        self._under_way[batch.step_name] -= 1
        self._process_batch(batch)
        self.rows_done[batch.step_name] += batch.size
        if self._should_load_next_stage():
            self._end_stage()
            self._current_stage += 1
            self._load_stage()
            self._request_initial_batches()
        self._manage_batch_flow(batch)
        self._ask_generators()

    def _in_order(self, batch: _Batch) -> Iterator[_Batch]:
        """The batches of this batch's step whose turn it is: replicas finish theirs in any order."""
        name = batch.step_name
        self._early[name, batch.seq_no] = batch
        while (next_batch := self._early.pop((name, self._next_in_order[name]), None)) is not None:
            self._next_in_order[name] += 1
            yield next_batch

    def _receive(self) -> _Batch:
        """The next batch that a step has made."""
        if self._aside:
            return self._aside.popleft()
        while True:
            if not any(count for name, count in self._under_way.items() if self._is_step_running(name)):
                raise PipelineError(self._stuck())
            if isinstance(said := self._hear(), _Batch):
                return said

    def _pump_until(self, done: Callable[[], bool]) -> None:
        """Listens until the condition holds; batches that come meanwhile are put aside."""
        while not done():
            if isinstance(said := self._hear(), _Batch):
                self._aside.append(said)

    def _listen(self, over: threading.Event) -> None:
        """Takes what the workers say off their queue; in a thread, for one that is killed may leave half a message."""
        while not over.is_set():
            try:
                said = self._output_queue.get(timeout=_TICK)
            except queue.Empty:
                continue
            except Exception as error:
                self._heard.put(PipelineError(f"What a step has sent cannot be read: {type(error).__name__}: {error}"))
                return
            if isinstance(said, logging.LogRecord):
                logging.getLogger(said.name).handle(said)
            else:
                self._heard.put(said)

    def _note_signal(self, name: str) -> None:
        self._signals.append(name)
        self._heard.put(None)

    def _hear(self) -> Any:
        """The next thing that a worker says, after taking note of it.

        Raises:
            Interrupted: after a signal.
            PipelineError: if it says that its step failed, or died instead.
        """
        said, silence = None, 0.0
        while said is None:
            if self._signals:
                raise Interrupted(self._signals[0])
            if (dead := self._dead_worker(after_silence=silence >= _SILENCE)) is not None:
                raise PipelineError(dead)
            try:
                said = self._heard.get(timeout=_TICK)
            except queue.Empty:
                silence += _TICK
        if isinstance(said, PipelineError):  # half a message: who sent it is likely dead, and that says more
            dead = self._dead_worker(after_silence=True)
            raise PipelineError(dead) if dead is not None else said
        if isinstance(said, _StepFailed):
            self._logger.error(f"Step '{said.step_name}' failed:\n{said.trace}")
            raise PipelineError(f"Step '{said.step_name}' failed: {said.message}")
        if not isinstance(said, _Batch):
            self._note_status(**said)
        return said

    def _note_status(self, name: str, status: str, replica: int = 0, text: str = "") -> None:
        if status == "warned":
            self.warnings[text] = None
            return
        if status == "loaded":
            self._steps_load_status[name] = max(0, self._steps_load_status[name]) + 1
            return
        self._ended.add((name, replica))
        self._steps_load_status[name] -= 1
        if self._steps_load_status[name] == 0:
            self._steps_load_status[name] = _STEP_UNLOADED_CODE

    def _load_stage(self) -> None:
        steps = self._steps_to_be_loaded_in_stage(self._current_stage)
        for name in steps:
            self._steps_load_status[name] = _STEP_NOT_LOADED_CODE
        self._run_steps(steps)
        self._pump_until(
            lambda: all(
                self._steps_load_status[name] in (self.dag.get_step_replica_count(name), _STEP_UNLOADED_CODE)
                for name in steps
            )
        )

    def _wait_unloaded(self, steps: list[str]) -> None:
        self._pump_until(lambda: all(self._steps_load_status[name] == _STEP_UNLOADED_CODE for name in steps))

    def _end_stage(self) -> None:
        """Waits until no worker of this stage is left; of a step with replicas all but one wait for another batch."""
        stages, _ = self._get_steps_load_stages()
        steps = stages[self._current_stage]
        for name in steps:
            for _ in range(self._steps_load_status[name]):
                self._send_to_step(name, None)
        self._wait_unloaded(steps)

    def _ask_generators(self) -> None:
        """Asks each generator for its next batch as soon as the last one came, while downstream is not flooded.

        distilabel asks only after a downstream batch is finished, and leaves slots idle meanwhile.
        """
        assert self._batch_manager is not None
        for name in self.dag.root_steps:
            ahead = sum(
                count
                for step, count in self._under_way.items()
                if step not in self.dag.root_steps and self._is_step_running(step)
            )
            last = self._batch_manager.get_last_batch(name)
            if last is None or last.last_batch or self._under_way[name] or ahead >= _BATCHES_AHEAD:
                continue
            self._request_batch_from_generator(name)

    def _send_batch_to_step(self, batch: _Batch) -> None:
        self._under_way[batch.step_name] += 1
        super()._send_batch_to_step(batch)

    def _run_step(self, step: _Step, input_queue: Any, replica: int) -> None:
        worker = _Worker(
            step=cast("Step | GeneratorStep", step),
            replica=replica,
            input_queue=input_queue,
            output_queue=self._output_queue,
            load_queue=self._output_queue,
            dry_run=self._dry_run,
            ray_pipeline=self.is_on_ray,
        )
        self._start_worker(worker)

    def _errand(self, worker: _Worker) -> _Errand:
        log_file = self.log_file or self._cache_location["log_file"]
        return _Errand(worker, str(self.name), self.signature, log_file, self.verbose)

    def _register_batch(self, batch: _Batch) -> None:
        """Without writing it to disk: an interrupted run is recomputed from its completions."""
        assert self._batch_manager is not None
        self._batch_manager.register_batch(batch)

    def _cache(self) -> None:
        """Nothing to do after every batch: only whole results are cached."""

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
            if until == math.inf and self._dead_worker(after_silence=False) is not None:
                until = time.monotonic() + _PATIENCE
            time.sleep(0.02)

    def _stuck(self) -> str:
        assert self._batch_manager is not None
        waiting = [name for name in self.dag if not self._batch_manager.step_has_finished(name)]
        return (
            f"The steps {', '.join(waiting)} wait for rows that nobody will send. distilabel does this when the"
            " last batch of a step is empty: mark rows instead of dropping them, and select them in a leaf step."
        )

    # --- the result -------------------------------------------------------------------------------------------------

    def _fingerprint(self) -> str:
        """Names everything that the result depends on: steps, order, their data, and this package's version."""
        parts: list[Any] = [__version__, self.signature, self.aggregated_steps_signature]
        for name in self.dag:
            step = self.dag.get_step(name)[STEP_ATTR_NAME]
            parts += [getattr(step, "data", None), getattr(getattr(step, "_dataset", None), "_fingerprint", None)]
            for attribute in _FILES:
                given = getattr(step, attribute, None) or []
                parts += map(_content_hash, [given] if isinstance(given, (str, Path)) else given)
        return hashlib.sha256(json.dumps(parts, default=repr).encode()).hexdigest()[:12]

    def _cached(self, finished: Path) -> Distiset | None:
        """The whole result of an earlier run, if all of it is still there."""
        try:
            rows = json.loads(finished.read_text())["rows"]
            distiset = self._distiset()
        except (OSError, ValueError, KeyError):
            return None
        is_whole = sum(len(config["train"]) for config in distiset.values()) == sum(rows.values())
        return distiset if is_whole else None

    def _distiset(self) -> Distiset:
        """The rows of the leaf steps, from the files they were written to."""
        distiset = Distiset()
        folder = self._cache_location["data"] / STEPS_OUTPUTS_PATH
        for name in sorted(self.dag.leaf_steps):
            files = sorted((folder / name).glob("*.parquet"))
            if not files:  # a leaf may have no rows
                continue
            table = pa.concat_tables(map(pq.read_table, files), promote_options="permissive")
            if not self._enable_metadata and DISTILABEL_METADATA_KEY in table.column_names:
                table = table.drop_columns([DISTILABEL_METADATA_KEY])
            distiset[name] = DatasetDict({"train": Dataset(InMemoryTable(table))})
        if len(self.dag.leaf_steps) == 1 and distiset:
            distiset["default"] = distiset.pop(next(iter(distiset)))
        distiset.pipeline_path = self._cache_location["pipeline"]
        distiset.log_filename_path = self.log_file or self._cache_location["log_file"]
        return distiset


class _Queue(Queue):  # type: ignore[type-arg]
    """Pickles at once: what cannot be pickled is an error of the one that sends it, and not lost in a thread."""

    def __init__(self) -> None:
        super().__init__(ctx=mp.get_context())

    def put(self, obj: Any, block: bool = True, timeout: float | None = None) -> None:
        super().put(pickle.dumps(obj, pickle.HIGHEST_PROTOCOL), block, timeout)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        return pickle.loads(super().get(block, timeout))

    def end(self) -> None:
        """Ends the thread that writes, also where it waits for a reader that is gone."""
        self.cancel_join_thread()
        self._reader.close()  # type: ignore[attr-defined]
        self.close()
        if self._thread is not None:  # type: ignore[attr-defined]
            self._thread.join(timeout=1)  # type: ignore[attr-defined]

    @staticmethod
    def _on_queue_feeder_error(error: Exception, lost: Any) -> None:
        """Nobody reads any more: the run is ending."""


class Pipeline(WholePipeline, _LocalPipeline):
    """distilabel's `Pipeline` on this machine, made to finish whole or raise.

    Used like distilabel's own. One error, one dead worker or one signal ends it with an exception, within seconds and
    with nothing left running; what `DurableLLM`s recorded makes the next run go on from there.

    Args:
        name: name of the pipeline; in the cache a fingerprint of steps and data is added to it.
        concurrency: most requests of its `DurableLLM`s in flight at any moment, over all steps.
        budget: tokens or money after which no request is sent any more.
        log_file: where the log goes, instead of a file in the cache.
        verbose: whether the log is shown on screen too.
        cache_dir: where finished results are kept.
    """

    def __init__(self, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self._workers: list[tuple[str, int, Any]] = []

    def ray(self, ray_head_node_url: str | None = None, ray_init_kwargs: dict[str, Any] | None = None) -> RayPipeline:
        """The same steps in a `RayPipeline` of this package, on the cluster at `HOST:PORT` or a new one here.

        Raises:
            ConfigError: if `ray_init_kwargs` are given.
        """
        from distilabel_selfinstruct.ray_pipeline import RayPipeline

        pipeline = RayPipeline(
            self.name,
            address=ray_head_node_url or "local",
            ray_init_kwargs=ray_init_kwargs,
            description=self.description,
            cache_dir=self._cache_dir,
            enable_metadata=self._enable_metadata,
            requirements=self.requirements,
            concurrency=self.concurrency,
            budget=self.budget,
            log_file=self.log_file,
            verbose=self.verbose,
        )
        pipeline.dag = self.dag
        return pipeline

    @property
    def QueueClass(self) -> Any:
        return _Queue

    def _start_worker(self, worker: _Worker) -> None:
        process = mp.get_context().Process(
            target=_work, args=(self._errand(worker), os.getpid()), name=worker.step.name
        )
        process.start()
        self._workers.append((str(worker.step.name), worker.replica, process))

    def _dead_worker(self, after_silence: bool) -> str | None:
        for name, replica, process in self._workers:
            code = process.exitcode
            if (name, replica) not in self._ended and code is not None and (code or after_silence):
                how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
                return f"The worker of step '{name}' {how} (out of memory?). {GO_ON}"
        return None

    def _end_workers(self, at_once: bool) -> None:
        for *_, process in self._workers:
            if not at_once:
                process.join(timeout=5)
            if process.exitcode is None:
                process.kill()
        for *_, process in self._workers:
            process.join()
            process.close()
        self._workers.clear()
        for channel in (*self._steps_input_queues.values(), self._output_queue):
            channel.end()
        self._steps_input_queues.clear()


def _work(errand: _Errand, parent: int) -> None:
    """What a worker process does: only the main process handles signals, and nobody outlives it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, args=(parent,), daemon=True).start()
    errand.run()


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


@contextlib.contextmanager
def _signals_go_to(take: Callable[[str], None]) -> Iterator[None]:
    """SIGINT and SIGTERM are only taken note of: an exception could come anywhere, such as between a fork and its note.

    In another thread than the main one there are no signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        number: signal.signal(number, lambda number, _: take(signal.Signals(number).name))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _handlers(log_file: Path, verbose: bool) -> list[logging.Handler]:
    log_file.parent.mkdir(parents=True, exist_ok=True)
    to_file = logging.FileHandler(log_file, encoding="utf-8", delay=True)
    to_file.setFormatter(logging.Formatter("[%(asctime)s] %(levelname)-8s %(name)s: %(message)s"))
    return [to_file, logging.StreamHandler()] if verbose else [to_file]


def _log_with(handlers: list[logging.Handler]) -> None:
    for handler in handlers:
        handler.addFilter(_NO_SECRETS)
    logging.getLogger().handlers = handlers
    logging.getLogger().setLevel(logging.INFO)
    for name in _NOISY_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)


@contextlib.contextmanager
def _logging_to(log_file: Path, verbose: bool, handlers: list[logging.Handler] | None) -> Iterator[None]:
    """The log goes to the file, and to the screen if asked; afterwards logging is as it was before."""
    root = logging.getLogger()
    before = root.handlers[:], root.level, {name: logging.getLogger(name).level for name in _NOISY_LOGGERS}
    _log_with([*_handlers(log_file, verbose), *(handlers or [])])
    try:
        yield
    finally:
        root.handlers[0].close()
        root.handlers, level, levels = before
        root.setLevel(level)
        for name, each in levels.items():
            logging.getLogger(name).setLevel(each)


def _content_hash(path: str | Path) -> str:
    """Of a file or of all files in a folder; empty where there is none on this machine."""
    folder = Path(path)
    files = sorted(file for file in folder.rglob("*") if file.is_file()) if folder.is_dir() else [folder]
    return "".join(hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.is_file())
