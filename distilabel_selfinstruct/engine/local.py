"""LocalPipeline: a whole pipeline whose workers are processes of this machine."""

from __future__ import annotations

import multiprocessing as mp
import os
import pickle
import signal
import threading
import time
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from multiprocessing.queues import Queue
from typing import Any

from distilabel.pipeline.local import Pipeline as StockPipeline

from distilabel_selfinstruct.engine.guard import UNGUARDED, UnguardedScript, check_script
from distilabel_selfinstruct.engine.pipeline import WholePipeline
from distilabel_selfinstruct.engine.signals import ignore_signals, signals_held_back
from distilabel_selfinstruct.engine.stock import STEP_NOT_LOADED
from distilabel_selfinstruct.engine.worker import StepFailed, Worker, WorkerJob, error_text
from distilabel_selfinstruct.errors import GO_ON, PipelineError, SelfInstructError

_LOOK = 0.5  # seconds between two looks at the main process
PRIVATE = {"multiprocessing": ("_on_queue_feeder_error", "_reader", "_thread")}  # how a queue is closed at once


class PickledQueue(Queue):  # type: ignore[type-arg]
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
    def _on_queue_feeder_error(error: Exception, obj: Any) -> None:
        """Nobody reads any more: the run is ending."""


@dataclass(frozen=True)
class _WorkerProcess:
    step_name: str
    replica: int
    process: BaseProcess

    @property
    def key(self) -> tuple[str, int]:
        return self.step_name, self.replica


class LocalPipeline(WholePipeline, StockPipeline):
    """Runs each worker in a process of its own, started by whichever method is set for `multiprocessing`."""

    def __init__(self, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self._workers: list[_WorkerProcess] = []

    @property
    def QueueClass(self) -> Any:
        return PickledQueue

    def _check_script(self) -> None:
        check_script(_start_method())

    def _start_worker(self, worker: Worker) -> None:
        name, job = str(worker.step.name), self._job(worker)
        try:
            packed = None if _start_method() == "fork" else _packed(job)
            process = mp.get_context().Process(target=_work, args=(job, name, packed), name=name)
        except Exception as error:
            raise PipelineError(
                f"Step '{name}' cannot be sent to a process of its own, as the start method {_start_method()!r} asks:"
                f" {error_text(error)}"
            ) from None
        try:
            with signals_held_back():
                process.start()
        except (EOFError, OSError) as error:
            raise PipelineError(f"The worker of step '{name}' could not be started: {_start_problem(error)}") from None
        self._workers.append(_WorkerProcess(name, worker.replica, process))

    def _death(self, after_silence: bool) -> SelfInstructError | None:
        for worker in self._workers:
            code = worker.process.exitcode
            if worker.key not in self._finished_workers and code is not None and (code or after_silence):
                return self._death_of(worker.step_name, code)
        return None

    def _death_of(self, step_name: str, code: int) -> SelfInstructError:
        """Says what is known of a worker that is dead, and no more: an exit code is no cause."""
        method = _start_method()
        if code == UNGUARDED and method != "fork":
            return UnguardedScript.under(method)
        how = f"was killed by {_signal_name(-code)}" if code < 0 else f"ended with exit code {code}"
        when = " before it had loaded the step" if self._steps_load_status[step_name] == STEP_NOT_LOADED else ""
        return PipelineError(f"The worker of step '{step_name}' {how}{when}. {GO_ON}")

    def _end_workers(self, at_once: bool) -> None:
        for worker in self._workers:
            if not at_once:
                worker.process.join(timeout=5)
            if worker.process.exitcode is None:
                worker.process.kill()
        for worker in self._workers:
            worker.process.join()
            worker.process.close()
        self._workers.clear()
        for channel in (*self._steps_input_queues.values(), self._output_queue):
            channel.end()
        self._steps_input_queues.clear()


def _start_method() -> str:
    return str(mp.get_context().get_start_method())


def _start_problem(error: Exception) -> str:
    if _start_method() != "forkserver":
        return error_text(error)
    return (
        f"the fork server does not answer ({error_text(error)}). It imports the script too, which must run its pipeline"
        ' under `if __name__ == "__main__":`.'
    )


def _signal_name(number: int) -> str:
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}"


# --- in the worker ---------------------------------------------------------------------------------------------------


def _packed(job: WorkerJob) -> bytes:
    """Takes the step out of a job, pickled: a worker that cannot unpickle it says so."""
    packed = pickle.dumps(job.worker.step, pickle.HIGHEST_PROTOCOL)
    job.worker.step = None  # type: ignore[assignment]
    return packed


def _work(job: WorkerJob, step_name: str, packed: bytes | None) -> None:
    """What a worker's process does: it leaves signals to the main process, and does not outlive it."""
    ignore_signals()
    threading.Thread(target=_end_with_main_process, daemon=True).start()
    if packed is not None:
        try:
            job.worker.step = pickle.loads(packed)
        except Exception as error:
            job.worker.output_queue.put(
                StepFailed.by(error, step_name, "it cannot be loaded in a process of its own: ")
            )  # type: ignore[arg-type]
            return
    job.run()


def _end_with_main_process() -> None:
    """Ends this process as soon as the main one is gone; that is its parent, unless a fork server is."""
    main = mp.parent_process()
    assert main is not None
    is_parent = _start_method() != "forkserver"
    while main.is_alive() and (os.getppid() == main.pid or not is_parent):
        time.sleep(_LOOK)
    os._exit(1)
