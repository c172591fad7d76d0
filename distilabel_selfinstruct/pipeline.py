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
import multiprocessing as mp
import os
import queue
import shutil
import signal
import sys
import threading
import time
import traceback
from abc import abstractmethod
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

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
from distilabel_selfinstruct.errors import PipelineError, SelfInstructError
from distilabel_selfinstruct.llms.durable import DurableLLM
from distilabel_selfinstruct.llms.slots import Budget, SlotServer

if TYPE_CHECKING:
    from distilabel.steps.base import GeneratorStep, Step, _Step
    from distilabel.typing import InputDataset, LoadGroups, StepLoadStatus

_FINISHED = "finished.json"
_TICK = 0.5  # seconds between two looks at the workers
_LEAF_ROWS = 5000  # rows of a leaf kept in memory before they are written
_BATCHES_AHEAD = 1000  # batches under way downstream before a generator is asked for more
_NOISY_LOGGERS = ("httpx", "httpx2", "httpcore", "openai", "urllib3", "filelock", "fsspec", "asyncio", "datasets",
                  "huggingface_hub")  # fmt: skip


class Interrupted(PipelineError):
    """The run was stopped by a signal."""

    def __init__(self, signal_name: str) -> None:
        super().__init__(signal_name)
        self.signal_name = signal_name

    def __str__(self) -> str:
        return f"Stopped by {self.signal_name}. Run the same command again to go on: nothing that was answered is lost."


@dataclass(frozen=True)
class _StepFailed:
    """A step's error, as text: an exception itself may not survive the way to the main process."""

    step_name: str
    message: str
    trace: str


class _Worker(_StepWrapper):
    """Runs a step. An error in it is told to the main process, and no batch goes on with made-up outputs.

    A Task with `concurrent_batches` works on several batches at once, so that no request waits for the slowest one
    of another batch; their results are sent in order.
    """

    def run(self) -> str:
        name = str(self.step.name)
        try:
            try:
                self.step.load()
                self._notify_load()
                if self.step.is_generator:
                    self._generator_step_process_loop()
                else:
                    self._non_generator_process_loop()
            finally:
                with contextlib.suppress(Exception):
                    self.step.unload()
            self._notify_unload()
        except BaseException as error:
            error = error.subprocess_exception if hasattr(error, "subprocess_exception") else error
            self.output_queue.put(_StepFailed(name, _said(error), traceback.format_exc()))  # type: ignore[arg-type]
        return name

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
                self.output_queue.put(_StepFailed(str(self.step.name), _said(error), traceback.format_exc()))  # type: ignore[arg-type]
            finally:
                slots.release()

    def _process(self, batch: _Batch) -> _Batch:
        if batch.data_path is not None:
            batch.read_batch_data_from_fs()
        step = cast("Step", self.step)
        inputs = batch.data if step.has_multiple_inputs else batch.data[:1]
        batch.set_data([next(step.process_applying_mappings(*inputs)) if any(inputs) else []])
        return batch

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
        return str(error)
    return f"{type(error).__name__}: {error}"


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
        pq.write_table(pa.Table.from_pylist(self._buffers[step_name]), self._path / step_name / f"{number:06d}.parquet")
        self._clean_buffer(step_name)

    def close(self) -> None:
        for step_name, rows in self._buffers.items():
            if rows:
                self._write(step_name)


class WholePipeline(BasePipeline):
    """What a pipeline that finishes whole or raises has, wherever its workers run.

    A subclass says how workers are started, watched and ended, and which queues reach them.
    """

    def __init__(self, name: str | None = None, *, concurrency: int = 8, budget: Budget | None = None,
                 log_file: str | Path | None = None, verbose: bool = False, **kwargs: Any) -> None:  # fmt: skip
        super().__init__(name, **kwargs)
        self.concurrency, self.budget = concurrency, budget
        self.log_file, self.verbose = Path(log_file) if log_file else None, verbose
        self.slots: SlotServer | None = None
        self.rows_done: Counter[str] = Counter()
        self._under_way: Counter[str] = Counter()
        self._aside: deque[_Batch] = deque()

    # --- what a subclass gives --------------------------------------------------------------------------------------

    @abstractmethod
    def _start_worker(self, worker: _Worker) -> None:
        """Starts a process that calls `worker.run()`."""

    @abstractmethod
    def _dead_worker(self) -> str | None:
        """Says which worker died without a word, if one did."""

    @abstractmethod
    def _end_workers(self, at_once: bool) -> None:
        """Waits for workers that have finished, or ends them at once, whatever they do."""

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
            PipelineError: if a step fails, a worker dies, or the steps wait for each other for ever.
            Interrupted: after SIGINT or SIGTERM.
        """
        self._set_runtime_parameters(parameters or {})
        if dataset is not None:
            self._add_dataset_generator_step(dataset, dataset_batch_size)
        self._set_pipeline_name()
        self._load_groups = self._built_load_groups(load_groups)
        self._validate()
        base_name = str(self.name)
        self.name = f"{base_name}-{self._fingerprint(dataset)}"
        try:
            location = self._cache_location
            finished = location["pipeline"].parent / _FINISHED
            if use_cache and finished.exists():
                return self._distiset()
            shutil.rmtree(self._cache_dir / self.name, ignore_errors=True)
            with _logging_to(self.log_file or location["log_file"], self.verbose, logging_handlers):
                self._check_requirements()
                self._run(storage_parameters, use_fs_to_pass_data)
            finished.write_text(json.dumps({"rows": dict(self._leaf_rows)}))
            return self._distiset()
        finally:
            self.name = base_name

    def _run(self, storage_parameters: dict[str, Any] | None, use_fs_to_pass_data: bool) -> None:
        self._set_pipeline_artifacts_path_in_steps()
        self._init_steps_load_status()
        self._load_stages_status(use_cache=False)
        self._batch_manager = _BatchManager.from_dag(dag=self.dag, use_cache=False)
        self._setup_fsspec(storage_parameters)
        self._use_fs_to_pass_data = use_fs_to_pass_data
        self._write_buffer = _LeafWriter(self._cache_location["data"] / STEPS_OUTPUTS_PATH, self.dag.leaf_steps)
        self._under_way.clear()
        self.rows_done.clear()
        self.save(path=self._cache_location["pipeline"], format="yaml")  # type: ignore[arg-type]
        with SlotServer(self.concurrency, self.budget) as self.slots, _signals_raise():
            whole = False
            try:
                self._output_queue = self.QueueClass()
                self._output_queue_loop()
                whole = True
            except Interrupted:
                self._let_requests_finish()
                raise
            finally:
                self._end_workers(at_once=not whole)
        self._write_buffer.close()
        self._leaf_rows = self._write_buffer.rows

    def _output_queue_loop(self) -> None:
        """The main loop: batches out of steps, batches into steps, until every step has given its last one."""
        assert self._batch_manager is not None
        self._create_steps_input_queues()
        self._load_stage()
        self._request_initial_batches()
        while self._batch_manager.can_generate():
            if not self._aside and not sum(self._under_way.values()):
                raise PipelineError(self._stuck())
            batch = self._aside.popleft() if self._aside else self._receive()
            self._under_way[batch.step_name] -= 1
            self._process_batch(batch)
            self.rows_done[batch.step_name] += batch.size
            if self._should_load_next_stage():
                self._wait_current_stage_to_finish()
                self._current_stage += 1
                self._load_stage()
            self._manage_batch_flow(batch)
            self._ask_generators()
        self._notify_steps_to_stop()
        self._wait_unloaded(list(self.dag))

    def _receive(self) -> _Batch:
        """The next batch that a step has made; what else workers say is taken note of on the way."""
        while True:
            try:
                said: Any = self._output_queue.get(timeout=_TICK)
            except queue.Empty:
                if (dead := self._dead_worker()) is not None:
                    raise PipelineError(dead) from None
                continue
            if isinstance(said, _Batch):
                return said
            self._hear(said)

    def _hear(self, said: StepLoadStatus | _StepFailed) -> None:
        if isinstance(said, _StepFailed):
            self._logger.error(f"Step '{said.step_name}' failed:\n{said.trace}")
            raise PipelineError(f"Step '{said.step_name}' failed: {said.message}")
        name = said["name"]
        if said["status"] == "loaded":
            self._steps_load_status[name] = max(0, self._steps_load_status[name]) + 1
        else:
            self._steps_load_status[name] -= 1
            if self._steps_load_status[name] == 0:
                self._steps_load_status[name] = _STEP_UNLOADED_CODE

    def _pump_until(self, done: Any) -> None:
        """Listens until the condition holds; batches that come meanwhile are put aside."""
        while not done():
            try:
                said: Any = self._output_queue.get(timeout=_TICK)
            except queue.Empty:
                if not done() and (dead := self._dead_worker()) is not None:
                    raise PipelineError(dead) from None
                continue
            if isinstance(said, _Batch):
                self._aside.append(said)
            else:
                self._hear(said)

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

    def _wait_current_stage_to_finish(self) -> None:
        stages, _ = self._get_steps_load_stages()
        self._wait_unloaded(stages[self._current_stage])

    def _ask_generators(self) -> None:
        """Asks each generator for its next batch as soon as the last one came, while downstream is not flooded.

        distilabel asks only after a downstream batch is finished, and leaves slots idle meanwhile.
        """
        assert self._batch_manager is not None
        for name in self.dag.root_steps:
            ahead = sum(count for step, count in self._under_way.items() if step not in self.dag.root_steps)
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
        )
        self._start_worker(worker)

    def _register_batch(self, batch: _Batch) -> None:
        """Without writing it to disk: an interrupted run is recomputed from its completions."""
        assert self._batch_manager is not None
        self._batch_manager.register_batch(batch)

    def _cache(self) -> None:
        """Nothing to do after every batch: only whole results are cached."""

    def _let_requests_finish(self) -> None:
        """Stops sending requests, and waits for the answers to those that have been sent: they are paid for."""
        assert self.slots is not None
        self.slots.stop("interrupted")
        time.sleep(0.05)
        while self.slots.in_flight and self._dead_worker() is None:
            time.sleep(0.05)
        time.sleep(0.3)  # what arrived last is being stored

    def _stuck(self) -> str:
        assert self._batch_manager is not None
        waiting = [name for name in self.dag if not self._batch_manager.step_has_finished(name)]
        return (
            f"The steps {', '.join(waiting)} wait for rows that nobody will send. distilabel does this when a step"
            " drops all rows of its last batch: mark rows instead, and select them in a leaf step."
        )

    # --- the result -------------------------------------------------------------------------------------------------

    def _fingerprint(self, dataset: InputDataset | None) -> str:
        """Names everything that the result depends on: steps, order, their data, and this package's version."""
        parts: list[Any] = [__version__, self.signature, self.aggregated_steps_signature]
        for name in self.dag:
            step = self.dag.get_step(name)[STEP_ATTR_NAME]
            parts += [getattr(step, "data", None)]
            parts += [_content_hash(path) for path in getattr(step, "seed_files", [])]
        parts.append(getattr(dataset, "_fingerprint", dataset))
        return hashlib.sha256(json.dumps(parts, default=repr).encode()).hexdigest()[:12]

    def _distiset(self) -> Distiset:
        """The rows of the leaf steps, from the files they were written to."""
        distiset = Distiset()
        folder = self._cache_location["data"] / STEPS_OUTPUTS_PATH
        for name in sorted(self.dag.leaf_steps):
            files = sorted((folder / name).glob("*.parquet"))
            if not files:
                continue
            table = pa.concat_tables(map(pq.read_table, files), promote_options="permissive")
            if not self._enable_metadata and DISTILABEL_METADATA_KEY in table.column_names:
                table = table.drop_columns([DISTILABEL_METADATA_KEY])
            distiset[name] = DatasetDict({"train": Dataset(InMemoryTable(table))})
        if len(distiset) == 1:
            distiset["default"] = distiset.pop(next(iter(distiset)))
        distiset.pipeline_path = self._cache_location["pipeline"]
        distiset.log_filename_path = self.log_file or self._cache_location["log_file"]
        return distiset


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
        self._workers: list[tuple[str, Any]] = []

    @property
    def QueueClass(self) -> Any:
        return mp.get_context().Queue

    def _start_worker(self, worker: _Worker) -> None:
        log_file = self.log_file or self._cache_location["log_file"]
        process = mp.get_context().Process(
            target=_work,
            args=(worker, self.name, self.signature, log_file, self.verbose, os.getpid()),
            name=worker.step.name,
        )
        process.start()
        self._workers.append((str(worker.step.name), process))

    def _dead_worker(self) -> str | None:
        for name, process in self._workers:
            if process.exitcode is not None and self._steps_load_status[name] != _STEP_UNLOADED_CODE:
                code = process.exitcode
                how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
                return (
                    f"The worker of step '{name}' {how} (out of memory?). Run the same command again to go on:"
                    " nothing that was answered is lost."
                )
        return None

    def _end_workers(self, at_once: bool) -> None:
        for _, process in self._workers:
            if not at_once:
                process.join(timeout=5)
            if process.exitcode is None:
                process.kill()
        for _, process in self._workers:
            process.join()
            process.close()
        self._workers.clear()
        for channel in (*self._steps_input_queues.values(), self._output_queue):
            channel.cancel_join_thread()
            channel.close()
        self._steps_input_queues.clear()


def _work(worker: _Worker, pipeline_name: str, cache_id: str, log_file: Path, verbose: bool, parent: int) -> None:
    """What a worker process does: only the main process handles signals, and nobody outlives it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.excepthook = sys.__excepthook__
    threading.Thread(target=_end_with_parent, args=(parent,), daemon=True).start()
    set_pipeline_running_env_variables(pipeline_name, cache_id)
    _log_to(log_file, verbose)
    worker.run()


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


@contextlib.contextmanager
def _signals_raise() -> Iterator[None]:
    """SIGINT and SIGTERM raise `Interrupted` in the main thread; a second one ends the wait for open requests."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, _: object) -> None:
        raise Interrupted(signal.Signals(number).name)

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _log_to(log_file: Path, verbose: bool, handlers: list[logging.Handler] | None = None) -> None:
    log_file.parent.mkdir(parents=True, exist_ok=True)
    to_file = logging.FileHandler(log_file, encoding="utf-8", delay=True)
    to_file.setFormatter(logging.Formatter("[%(asctime)s] %(levelname)-8s %(name)s: %(message)s"))
    on_screen = [logging.StreamHandler()] if verbose else []
    logging.getLogger().handlers = [to_file, *on_screen, *(handlers or [])]
    logging.getLogger().setLevel(logging.INFO)
    for name in _NOISY_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)


@contextlib.contextmanager
def _logging_to(log_file: Path, verbose: bool, handlers: list[logging.Handler] | None) -> Iterator[None]:
    """The log goes to the file, and to the screen if asked; afterwards logging is as it was before."""
    root = logging.getLogger()
    before = root.handlers[:], root.level, {name: logging.getLogger(name).level for name in _NOISY_LOGGERS}
    _log_to(log_file, verbose, handlers)
    try:
        yield
    finally:
        root.handlers[0].close()
        root.handlers, level, levels = before
        root.setLevel(level)
        for name, each in levels.items():
            logging.getLogger(name).setLevel(each)


def _content_hash(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
