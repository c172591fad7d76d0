"""WholePipeline: a pipeline of distilabel, made to finish whole or raise.

distilabel 1.5.3 hangs, or returns empty, partial or stale results without an error, when a step fails, a worker dies
or a run is interrupted. `WholePipeline` replaces its main loop and its workers' loop by ones that do not. Tests show
each case with the stock class.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import shutil
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datasets import Dataset, DatasetDict
from datasets.table import InMemoryTable
from distilabel.constants import DISTILABEL_METADATA_KEY, STEP_ATTR_NAME, STEPS_OUTPUTS_PATH
from distilabel.distiset import Distiset
from distilabel.utils.serialization import TYPE_INFO_KEY

from distilabel_selfinstruct.data.files import write_whole, writing
from distilabel_selfinstruct.data.growing import GrowingRows
from distilabel_selfinstruct.engine.leaves import LeafWriter, read_leaf
from distilabel_selfinstruct.engine.logs import logging_to
from distilabel_selfinstruct.engine.loop import MainLoop
from distilabel_selfinstruct.engine.signals import signals_go_to
from distilabel_selfinstruct.engine.stock import AnyStep, BatchManager
from distilabel_selfinstruct.engine.worker import Worker, WorkerJob
from distilabel_selfinstruct.errors import ConfigError, Interrupted
from distilabel_selfinstruct.models.slots import RateLimits, SlotServer
from distilabel_selfinstruct.secrets import masked
from distilabel_selfinstruct.text.phrases import Phrase
from distilabel_selfinstruct.usage import Budget
from distilabel_selfinstruct.version import __version__

if TYPE_CHECKING:
    from distilabel.typing import InputDataset, LoadGroups

    from distilabel_selfinstruct.engine.drawing import Wiring

_FINISHED = "finished.json"
_FILES = ("seed_files", "data_files", "dataset_path", "source")  # attributes of steps that name files to read
_TYPE = {"module": "distilabel_selfinstruct", "name": "Pipeline"}  # what a saved pipeline is, wherever it ran
PRIVATE = {"datasets": ("_fingerprint",)}  # names a dataset's rows, and what was done to them


class WholePipeline(MainLoop):
    """What a pipeline that finishes whole or raises has, wherever its workers run.

    A subclass says how workers are started, watched and ended, and which queues reach them.
    """

    name: str

    def __init__(
        self,
        name: str | None = None,
        *,
        concurrency: int = 8,
        budget: Budget | None = None,
        limits: RateLimits | None = None,
        log_file: str | Path | None = None,
        verbose: bool = False,
        phrases: Sequence[Phrase] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(name, **kwargs)
        self.phrases = list(phrases)
        self.concurrency, self.budget, self.limits = concurrency, budget, limits
        self.log_file, self.verbose = Path(log_file) if log_file else None, verbose
        self.slots = None
        self.growing: GrowingRows | None = None  # that shows the rows of leaves while it runs
        self._signatures: tuple[str, str] | None = None  # within a run
        self._forget_run()

    def draw(
        self, path: str | Path | None = "pipeline.png", top_to_bottom: bool = False, show_edge_labels: bool = True
    ) -> str:
        """Draws the pipeline on this machine; distilabel's own sends it to a server.

        Args:
            path: a file that ends in `.png` or `.svg`.
            top_to_bottom: whether the first step stands on top, and not on the left.
            show_edge_labels: as in distilabel's, and without effect: columns are not drawn.

        Returns:
            The path.

        Raises:
            ConfigError: if it ends otherwise, or cannot be written.
            MissingExtraError: if matplotlib is not installed.
        """
        from distilabel_selfinstruct.engine.drawing import write_picture

        return str(write_picture(self.wiring(), Path(path or "pipeline.png"), top_to_bottom))

    def wiring(self) -> Wiring:
        """The steps, and what follows what."""
        from distilabel_selfinstruct.engine.drawing import Wiring

        steps = {name: self.dag.get_step(name)["step"] for name in self.dag}
        edges = [(name, to) for name in steps for to in self.dag.get_step_successors(name)]
        asking = frozenset(name for name, step in steps.items() if hasattr(step, "llm"))
        return Wiring({name: type(step).__name__ for name, step in steps.items()}, asking, edges)

    def __repr__(self) -> str:
        """Without the picture that distilabel has a server draw in notebooks."""
        return f"<{type(self).__name__} {self.name!r}: {', '.join(self.dag)}>"

    # --- what a subclass gives, besides what the main loop asks for --------------------------------------------------

    def _check_script(self) -> None:
        """Ends a run that cannot even start its workers."""

    @contextlib.contextmanager
    def _reachable(self) -> Iterator[str]:
        """Opens the place where the workers run; gives the address at which they find this process."""
        yield "127.0.0.1"

    @abstractmethod
    def _end_workers(self, at_once: bool) -> None:
        """Waits for workers that have finished, or ends them at once, whatever they do."""

    @property
    def waits_for(self) -> str:
        """What others hold that its workers need, where they have waited for it for long."""
        return ""

    @property
    def troubles(self) -> list[str]:
        """What came instead of answers, of each stage that waits for one; before the first request the last warning."""
        if self.slots is None:
            return []
        if not self.slots.spent:
            return list(self.warnings)[-1:]
        return [event["trouble"] for event in list(self.slots.events.values()) if event.get("trouble")]

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
            ConfigError: if a step that remembers rows is to run in replicas, or the script that calls it would call it
                again in each worker.
            PipelineError: if a step fails, a worker dies, or the steps wait for each other for ever.
            Interrupted: after SIGINT or SIGTERM.
        """
        self._check_script()
        self._set_runtime_parameters(parameters or {})
        if dataset is not None:
            self._add_dataset_generator_step(dataset, dataset_batch_size)
        self._set_pipeline_name()
        self._load_groups = self._built_load_groups(load_groups)
        self._validate()
        self._check_replicas()
        with self._named_after_content():
            location = self._cache_location
            finished = location["pipeline"].parent / _FINISHED
            if use_cache and (distiset := self._cached(finished)) is not None:
                return distiset
            shutil.rmtree(self._cache_dir / self.name, ignore_errors=True)
            with logging_to(self.log_file or location["log_file"], self.verbose, logging_handlers):
                self._check_requirements()
                self._prepare(storage_parameters, use_fs_to_pass_data)
                rows = self._run_workers()
            if not self._dry_run:
                write_whole(finished, json.dumps({"rows": rows}))
            return self._distiset()

    def _steps(self) -> Iterator[tuple[str, AnyStep]]:
        for name in self.dag:
            yield name, self.dag.get_step(name)[STEP_ATTR_NAME]

    def _check_replicas(self) -> None:
        """Replicas share rows out: a step that must see all of them, or says that it keeps state, can have none."""
        for name, step in self._steps():
            if (step.resources.replicas or 1) > 1 and (not step.is_normal or getattr(step, "keeps_state", False)):
                raise ConfigError(
                    f"Step '{name}' must see every row, and cannot run as {step.resources.replicas} replicas; only"
                    " steps that treat each row by itself can, such as those that ask the model."
                )

    def _prepare(self, storage_parameters: dict[str, Any] | None, use_fs_to_pass_data: bool) -> None:
        """Sets what the main loop works with."""
        self._set_pipeline_artifacts_path_in_steps()
        self._init_steps_load_status()
        self._load_stages_status(use_cache=False)
        self._batch_manager = BatchManager.from_dag(dag=self.dag, use_cache=False)
        self._setup_fsspec(storage_parameters)
        self._use_fs_to_pass_data = use_fs_to_pass_data
        self._forget_run()
        path = self._cache_location["pipeline"]
        with writing(path):
            self.save(path=path, format="yaml")  # type: ignore[arg-type]

    def _run_workers(self) -> dict[str, int]:
        """Runs the main loop, with everything around it that must be gone afterwards: the numbers of leaves' rows."""
        leaves = LeafWriter(self._cache_location["data"] / STEPS_OUTPUTS_PATH, self.dag.leaf_steps, self.growing)
        self._write_buffer = leaves
        with (
            signals_go_to(self._note_signal),
            self._reachable() as host,
            SlotServer(self.concurrency, self.budget, host, self.limits) as self.slots,
        ):
            self._output_queue = self.QueueClass()
            is_whole = False
            try:
                with self._listening():
                    self._loop_or_let_requests_finish()
                is_whole = True
            finally:
                self._end_workers(at_once=not is_whole)
        if self._signals:
            raise Interrupted(self._signals[0])
        leaves.close()
        return dict(leaves.rows)

    def _loop_or_let_requests_finish(self) -> None:
        try:
            self._output_queue_loop()
        except BaseException as error:
            self._let_requests_finish("interrupted" if isinstance(error, Interrupted) else "failed")
            raise

    def _job(self, worker: Worker) -> WorkerJob:
        assert self.slots is not None
        log_file = self.log_file or self._cache_location["log_file"]
        return WorkerJob(worker, self.name, self.signature, self.slots.address, log_file, self.verbose, self.phrases)

    # --- the result -------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _named_after_content(self) -> Iterator[None]:
        """Adds the fingerprint to the name, which is that of the folder in the cache; makes signatures only once."""
        base_name = self.name
        self._signatures = self.signature, self.aggregated_steps_signature
        self.name = f"{base_name}-{self._fingerprint()}"
        try:
            yield
        finally:
            self.name = base_name
            self._signatures = None

    @property
    def signature(self) -> str:
        """As distilabel's."""
        return self._signatures[0] if self._signatures else super().signature

    @property
    def aggregated_steps_signature(self) -> str:
        """As distilabel's."""
        return self._signatures[1] if self._signatures else super().aggregated_steps_signature

    def _fingerprint(self) -> str:
        """Names everything that the result depends on: steps, order, their data, and this package's version."""
        parts: list[Any] = [__version__, self.signature, self.aggregated_steps_signature]
        if self.phrases:
            parts.append(self.phrases)
        for _, step in self._steps():
            parts += [getattr(step, "data", None), getattr(getattr(step, "_dataset", None), "_fingerprint", None)]
            for attribute in _FILES:
                given = getattr(step, attribute, None) or []
                parts += map(_content_hash, [given] if isinstance(given, (str, Path)) else given)
        return hashlib.sha256(json.dumps(parts, default=repr).encode()).hexdigest()[:12]

    def dump(self, **kwargs: Any) -> dict[str, Any]:
        """As distilabel's, without secrets; a `Pipeline` on a Ray cluster too, for where it ran is not what it is."""
        dumped: dict[str, Any] = masked(super().dump(**kwargs))
        dumped["pipeline"][TYPE_INFO_KEY] = _TYPE
        return dumped

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
            if (table := read_leaf(folder / name)) is None:
                continue
            if not self._enable_metadata and DISTILABEL_METADATA_KEY in table.column_names:
                table = table.drop_columns([DISTILABEL_METADATA_KEY])
            distiset[name] = DatasetDict({"train": Dataset(InMemoryTable(table))})
        if len(self.dag.leaf_steps) == 1 and distiset:
            distiset["default"] = distiset.pop(next(iter(distiset)))
        distiset.pipeline_path = self._cache_location["pipeline"]
        distiset.log_filename_path = self.log_file or self._cache_location["log_file"]
        return distiset


def _content_hash(path: str | Path) -> str:
    """Of a file or of all files in a folder; empty where there is none on this machine."""
    folder = Path(path)
    files = sorted(file for file in folder.rglob("*") if file.is_file()) if folder.is_dir() else [folder]
    return "".join(hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.is_file())
