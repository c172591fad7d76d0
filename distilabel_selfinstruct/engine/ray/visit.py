"""What a worker does on a node of a Ray cluster."""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from distilabel_selfinstruct.engine.ray.queues import RemoteQueue, ServedQueue
from distilabel_selfinstruct.engine.worker import StepFailed, WorkerJob
from distilabel_selfinstruct.errors import PipelineError
from distilabel_selfinstruct.version import __version__


@dataclass(frozen=True)
class WorkerTerms:
    """What a worker is told before its job, which it may be unable to read."""

    step_name: str
    replica: int
    version: str
    folder: str  # that relative paths start from
    path: list[str]  # where the main process finds modules
    marker: Path  # a file that all nodes must see, and what stands in it
    text: str
    output: ServedQueue | RemoteQueue


def run_job(jobs: RemoteQueue, node: str) -> None:
    """What a worker does: it fetches its job from the main process, runs it, and does not outlive that process."""
    import cloudpickle

    terms = _fetch_terms(jobs, node)
    try:
        check_node(terms)
        sys.path += [folder for folder in terms.path if folder not in sys.path]
        job: WorkerJob = cloudpickle.loads(jobs.get())
        terms.output.put({"name": terms.step_name, "status": "arrived", "replica": terms.replica, "text": node})
        threading.Thread(target=_end_with_main_process, args=(jobs,), daemon=True).start()
        job.run()
    except Exception as error:
        terms.output.put(StepFailed.by(error, terms.step_name, f"node {node} "))


def _fetch_terms(jobs: RemoteQueue, node: str) -> WorkerTerms:
    try:
        terms: WorkerTerms = jobs.get()
    except OSError as error:
        host, port = jobs.address
        raise PipelineError(
            f"Node {node} does not reach {host}:{port}, where the main process listens ({error.strerror or error})."
            " Nodes must reach all ports of the machine that the command runs on."
        ) from None
    return terms


def check_node(terms: WorkerTerms) -> None:
    """Looks whether this node has what the others have.

    Raises:
        PipelineError: if it has another version, or does not see the same files.
    """
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


def _end_with_main_process(jobs: RemoteQueue) -> None:
    jobs.wait_for_end()
    os._exit(1)
