"""What runs in a worker's process: one step, and what it tells the main process."""

from __future__ import annotations

import contextlib
import logging
import queue
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from distilabel.constants import LAST_BATCH_SENT_FLAG
from distilabel.errors import DistilabelError
from distilabel.pipeline.base import set_pipeline_running_env_variables

from distilabel_selfinstruct.engine.logs import LogRelay, handlers_for, log_with
from distilabel_selfinstruct.engine.stock import Batch, StepWrapper
from distilabel_selfinstruct.errors import PipelineError, SelfInstructError
from distilabel_selfinstruct.models.durable import DurableLLM
from distilabel_selfinstruct.models.slots import join_slots
from distilabel_selfinstruct.secrets import SecretFilter, shown
from distilabel_selfinstruct.text.phrases import Phrase, add_phrases

if TYPE_CHECKING:
    from distilabel.steps.base import GeneratorStep, Step


@dataclass(frozen=True)
class StepFailed:
    """A step's error, as text: an exception itself may not survive the way to the main process.

    Attributes:
        step_name: whose error it is.
        message: for the user.
        trace: for the log: where it was raised; of an error raised on purpose the message alone.
    """

    step_name: str
    message: str
    trace: str

    @classmethod
    def by(cls, error: BaseException, step_name: str, prefix: str = "") -> StepFailed:
        """The error that is being handled."""
        message = prefix + error_text(error)
        trace = message if isinstance(error, SelfInstructError) else shown(traceback.format_exc())
        return cls(step_name, message, trace)


def error_text(error: BaseException) -> str:
    """What an error says to a user; its kind too, unless the message was written for users."""
    if isinstance(error, (SelfInstructError, DistilabelError)):
        return shown(error)
    return shown(f"{type(error).__name__}: {error}")


class WarningRelay(logging.Handler):
    """Tells the main process what a model's class warns of, such as a parameter that an endpoint refuses."""

    def __init__(self, worker: Worker) -> None:
        super().__init__(logging.WARNING)
        self.addFilter(SecretFilter())
        self._worker = worker

    def emit(self, record: logging.LogRecord) -> None:
        message = {"name": self._worker.step.name, "status": "warned", "text": record.getMessage()}
        self._worker.output_queue.put(message)  # type: ignore[arg-type]


class Worker(StepWrapper):
    """Runs a step. An error in it is told to the main process, and no batch goes on with made-up outputs.

    A Task with `concurrent_batches` works on several batches at once, so that no request waits for the slowest one
    of another batch; their results are sent in order.
    """

    _failure: BaseException | None = None

    def run(self) -> str:
        failed = False
        logging.getLogger("distilabel.llm").addHandler(WarningRelay(self))
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
        self.output_queue.put(StepFailed.by(error, str(self.step.name)))  # type: ignore[arg-type]

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
            free = threading.Semaphore(self._concurrent_batches())
            results: queue.SimpleQueue[Future[Batch] | None] = queue.SimpleQueue()
            sender = threading.Thread(target=self._send_in_order, args=(results, free), name="sender")
            sender.start()
            try:
                while (batch := self.input_queue.get()) is not None and batch != LAST_BATCH_SENT_FLAG:
                    free.acquire()
                    results.put(pool.submit(self._process, batch))
                    if batch.last_batch:
                        break
            finally:
                results.put(None)
                sender.join()
        if self._failure is not None:
            raise self._failure

    def _send_in_order(self, results: queue.SimpleQueue[Future[Batch] | None], free: threading.Semaphore) -> None:
        while (result := results.get()) is not None:
            try:
                self._send_batch(result.result())
            except BaseException as error:
                self._failure = self._failure or error
                self._notify_failed(error)
            finally:
                free.release()

    def _process(self, batch: Batch) -> Batch:
        if batch.data_path is not None:
            batch.read_batch_data_from_fs()
        step = cast("Step", self.step)
        inputs = batch.data if step.has_multiple_inputs else batch.data[:1]
        with self._turn(batch):
            outputs = step.process_applying_mappings(*inputs) if any(inputs) else ()
            batch.set_data([[row for rows in outputs for row in rows]])
        return batch

    def _turn(self, batch: Batch) -> AbstractContextManager[None]:
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


@dataclass(frozen=True)
class WorkerJob:
    """What a worker's process has to do, wherever it runs; without a log file the main process writes its log.

    `phrases` are looked up there beside those of the package.
    """

    worker: Worker
    pipeline_name: str
    cache_id: str
    slots: str
    log_file: Path | None
    verbose: bool
    phrases: Sequence[Phrase] = ()

    def run(self) -> None:
        """Makes the process one of the run, and runs the step in it."""
        sys.excepthook = sys.__excepthook__
        with contextlib.suppress(OSError):  # so that `top` says which step a process is
            Path("/proc/self/comm").write_text(str(self.worker.step.name))
        set_pipeline_running_env_variables(self.pipeline_name, self.cache_id)
        join_slots(self.slots)
        add_phrases(self.phrases)
        if self.log_file is None:
            log_with([LogRelay(self.worker.output_queue)])  # type: ignore[arg-type]
        else:
            log_with(handlers_for(self.log_file, self.verbose))
        self.worker.run()
