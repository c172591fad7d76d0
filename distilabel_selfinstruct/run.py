"""A run is a folder: its config, its completions, its log, its dataset, its summary."""

from __future__ import annotations

import dataclasses
import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic

import yaml
from datasets import disable_progress_bars
from distilabel.models.llms.base import LLM
from distilabel.steps.base import Step
from filelock import FileLock, Timeout
from pydantic import ValidationError

from distilabel_selfinstruct import __version__
from distilabel_selfinstruct.config import C, CustomLLM, ModelConfig
from distilabel_selfinstruct.dataset import load_dataset, save_dataset
from distilabel_selfinstruct.errors import ConfigError, MissingExtraError, RunFolderError
from distilabel_selfinstruct.files import write_whole
from distilabel_selfinstruct.llms.demo import DemoLLM
from distilabel_selfinstruct.llms.durable import DurableLLM
from distilabel_selfinstruct.llms.openai import OpenAICompatibleLLM
from distilabel_selfinstruct.llms.records import Usage, usage_by_stage
from distilabel_selfinstruct.llms.slots import STOP_REASONS, Budget
from distilabel_selfinstruct.llms.vllm import VLLM
from distilabel_selfinstruct.pipeline import Pipeline, WholePipeline
from distilabel_selfinstruct.prompts import VERSION as PROMPTS_VERSION
from distilabel_selfinstruct.ray_pipeline import RayPipeline
from distilabel_selfinstruct.report import LOOPS, ONCE, write_report
from distilabel_selfinstruct.review import Judge, find_agreement, judge_note, write_review
from distilabel_selfinstruct.screen import show_progress
from distilabel_selfinstruct.secrets import masked
from distilabel_selfinstruct.steps.judging import STAGE as JUDGEMENT
from distilabel_selfinstruct.steps.judging import FilterByJudge

if TYPE_CHECKING:
    from distilabel.steps.base import _Step

_FAILURES = frozenset({
    "bad_request", "not_found", "context_length", "content_filter", "invalid_response", "timeout", "rate_limited",
    "server_error", "unavailable", "model_error", "no_completion",
})  # fmt: skip


RECORDED = frozenset({"recipe", "prompts_version", "package_version", "seed_tasks", "originals", "principle_list"})
"""What a run's config.yaml holds beside the options; the last three are the names of what was read."""
_USUAL_CONFIGS = frozenset({"instances", "instructions", "rejected", "seeds", "sft", "reviewed", "curated"})


@dataclasses.dataclass(frozen=True)
class Summary:
    """What a run has come to.

    Attributes:
        ended: `complete`, `stalled`, `pilot`, or why requests stopped: `budget`, `unavailable`.
        admitted: instructions.
        wanted: instructions asked for; None where that depends on what came in.
        candidates: instructions in the answers of the loop that made them; None without a loop.
        prompts: that it has asked; None without a loop.
        instances: rows of the dataset.
        rejected: rows by stage and reason code.
        failed: requests that were given up, and are asked again by the next run.
        usage: what each stage has asked for, over all sessions.
        seconds: of the last session.
        cost: in money, over all sessions.
        rows: of the configs that the recipe adds to the usual ones.
        notes: what else a user should know.
    """

    ended: str
    admitted: int
    wanted: int | None
    candidates: int | None
    prompts: int | None
    instances: int
    rejected: dict[str, dict[str, int]]
    failed: int
    usage: dict[str, Usage]
    seconds: float
    cost: float
    rows: dict[str, int] = dataclasses.field(default_factory=dict)
    notes: list[str] = dataclasses.field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        return self.ended == "complete" and not self.failed

    def write(self, path: Path) -> None:
        write_whole(path, json.dumps(dataclasses.asdict(self), indent=2, ensure_ascii=False) + "\n")

    @classmethod
    def read(cls, path: Path) -> Summary:
        values = json.loads(path.read_text(encoding="utf-8"))
        values["usage"] = {stage: Usage(**usage) for stage, usage in values["usage"].items()}
        return cls(**values)


class Run(Generic[C]):
    """A folder and the config it is for; opened by one process at a time.

    Args:
        config: what the run is told; values that depend on others are resolved here.
        recipe: name of the pipeline, fixed by the folder too.

    Raises:
        ConfigError: if the config or a file that it names cannot be used.
        RunFolderError: if the folder is another run's, is damaged, or is in use.
    """

    def __init__(self, config: C, recipe: str = "self-instruct") -> None:
        self.recipe = recipe
        self.folder = Path(config.out or f"runs/{recipe}")
        self._inputs = config.inputs()
        self._input_names = {name: read.name for name, read in self._inputs.items()}
        before = self._read_before()
        self.config = config.resolved(before)
        self._stages: dict[str, bool] = {}  # that ask a model, and whether what they gave up stays given up
        self._patience_before = int((before or {}).get("patience", 0))
        self._check_same(before)
        self._has_grown = before is not None and any(
            before.get(name) != value for name, value in self._input_names.items()
        )
        self.judge_notes()  # an agreement that cannot be used is said before anything is written

    # --- what a pipeline is built from ------------------------------------------------------------------------------

    def pipeline(self, name: str) -> WholePipeline:
        """An empty pipeline that runs in this folder."""
        options: dict[str, Any] = {
            "cache_dir": self.folder / "cache",
            "concurrency": self.config.concurrency,
            "budget": self._budget(),
            "log_file": self.folder / "run.log",
            "verbose": self.config.verbose,
        }
        if self.config.ray is not None:
            return RayPipeline(name, address=self.config.ray, **options)
        return Pipeline(name, **options)

    def llm(
        self, stage: str, temperature: float | None = None, keeps_failures: bool = False, model: LLM | None = None
    ) -> DurableLLM:
        """The model, or another, with the completions of one stage.

        Stages made first get slots first, so that the later ones never lack work; on a budget the later ones, so that
        it is spent on finishing what was begun.
        """
        self._stages[stage] = keeps_failures
        place = len(self._stages)
        return DurableLLM(
            llm=model or self._model(),
            folder=str(self.folder / "completions"),
            stage=stage,
            priority=-place if self.config.is_on_budget else place,
            keeps_failures=keeps_failures,
            concurrency=self.config.concurrency,
            outage=self.config.outage,
            generation_kwargs={} if temperature is None else {"temperature": temperature},
        )

    def owed(self, stage: str) -> dict[str, Any]:
        """What a loop is told of the requests that this stage, and the judge, make about its instructions."""
        used = usage_by_stage(self.folder / "completions")
        return {
            "requests_each": 1 + (self.config.judgements if self.config.judges else 0),
            "requests_made": sum(used.get(name, Usage()).requests for name in (stage, JUDGEMENT)),
        }

    def judge(self, threshold: float | None) -> FilterByJudge:
        """The judge of this run."""
        return FilterByJudge(
            name="judge",
            llm=self.llm(JUDGEMENT, model=self._judge_model()),
            threshold=threshold,
            wording=self.config.judge_wording,
            num_generations=self.config.judgements,
        )

    def judged(self, step: Step) -> Step:
        """The step that is given, or, where instances are to be judged, the judge that comes after it."""
        if not self.config.judges:
            return step
        judge = self.judge(self.config.judge_threshold)
        step >> judge
        return judge

    @staticmethod
    def batch_size(rows: int) -> int:
        """Small enough to stream so many rows, large enough that batches cost little."""
        return min(250, max(5, rows // 200))

    # --- running ----------------------------------------------------------------------------------------------------

    def execute(
        self, build: Callable[[Run[C]], WholePipeline], show: bool = True,
        finish: Callable[[Run[C]], Sequence[str]] | None = None,
    ) -> Summary:  # fmt: skip
        """Builds the pipeline, runs it to its end, and writes dataset and summary.

        Args:
            build: makes the pipeline.
            show: whether progress is shown on screen.
            finish: writes what the recipe leaves in the folder besides, once the dataset is there, and returns notes.

        Raises:
            SelfInstructError: if it cannot finish whole; what was answered so far is kept.
        """
        if (summary := self._finished()) is not None:
            return summary
        self._model()  # what is wrong with its arguments is said before anything is written
        self._make_folder()
        try:
            held = FileLock(self.folder / ".lock", timeout=0).acquire()
        except Timeout:
            raise RunFolderError(
                f"{self.folder}: another process is running here; wait for it, or choose another --out."
            ) from None
        with held:
            if self._has_grown:  # from here on the folder says so, and the summary is that of what was read before
                (self.folder / "summary.json").unlink(missing_ok=True)
            self._write_config()
            started = time.monotonic()
            pipeline = build(self)
            self._give_resources(pipeline)
            groups = "sequential_step_execution" if self._runs_stage_by_stage() else None
            disable_progress_bars()
            with show_progress(pipeline, show and not self.config.verbose):
                distiset = pipeline.run(use_cache=False, load_groups=groups)
            columns = {name: list(pipeline.dag.get_step(name)["step"].outputs) for name in pipeline.dag.leaf_steps}
            save_dataset(distiset, columns, self.folder / "dataset")
            shutil.copyfile(distiset.pipeline_path, self.folder / "pipeline.yaml")
            shutil.rmtree(self.folder / "cache", ignore_errors=True)
            notes = [*pipeline.warnings, *self.judge_notes(), *(finish(self) if finish else [])]
            summary = self._summarise(time.monotonic() - started, notes)
            summary.write(self.folder / "summary.json")
        write_review(self.folder)  # takes the lock itself
        self._write_report(summary)
        return summary

    def _give_resources(self, pipeline: WholePipeline) -> None:
        """What single steps were promised: workers and their GPUs."""
        config = self.config
        steps: dict[str, _Step] = {name: pipeline.dag.get_step(name)["step"] for name in pipeline.dag}
        if unknown := (config.replicas | config.gpus).keys() - steps:
            raise ConfigError(f"--replicas, --gpus: there is no step {min(unknown)!r}; there are: {', '.join(steps)}.")
        for name, step in steps.items():
            if isinstance(getattr(getattr(step, "llm", None), "llm", None), VLLM):
                step.resources.gpus = config.tensor_parallel
                if config.gpus.get(name, config.tensor_parallel) != config.tensor_parallel:
                    raise ConfigError(
                        f"--gpus {name}={config.gpus[name]}: vLLM there spreads its model over --tensor-parallel"
                        f" {config.tensor_parallel}; give both the same number, or --tensor-parallel alone."
                    )
            step.resources.gpus = config.gpus.get(name, step.resources.gpus)
            step.resources.replicas = config.replicas.get(name, step.resources.replicas)

    def judge_notes(self) -> list[str]:
        """How far the judge of this run agrees with people, or that nobody has ever compared them."""
        if not self.config.judges:
            return []
        judge = Judge.of(self._judge_model(), self.config.judgements, self.config.judge_wording)
        if self.config.judge_agreement:
            return [judge_note(find_agreement(self.config.judge_agreement, judge), self.config.judge_threshold)]
        return [
            f"The judge {judge} was never compared with people. Review a run, compare them with"
            f" `{judge.command('RUN')}`, and give --judge-agreement RUN."
        ]

    @property
    def page(self) -> Path:
        """The report, if it could be written."""
        return self.folder / "report" / "index.html"

    def _write_report(self, summary: Summary) -> None:
        """Figures need packages that are an extra; a run is whole without them."""
        shutil.rmtree(self.page.parent, ignore_errors=True)
        with suppress(MissingExtraError):
            write_report(self.folder, usage=summary.usage, prices=self.config.prices())

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunFolderError(f"{self.folder}: cannot be made ({error.strerror}); choose another --out.") from None

    def _finished(self) -> Summary | None:
        """The summary of a run in this folder that has nothing left to do."""
        path = self.folder / "summary.json"
        if self._has_grown or not path.exists() or not (self.folder / "dataset").exists():
            return None
        try:
            summary = Summary.read(path)
        except (ValueError, TypeError, KeyError):
            raise RunFolderError(f"{path}: is damaged; delete it, and the run is put together again.") from None
        patience = getattr(self.config, "patience", 0)
        has_stalled = summary.ended == "stalled" and self._patience_before >= patience
        done = summary.is_whole or has_stalled
        return summary if done and summary.wanted == self.config.wanted else None

    def _summarise(self, seconds: float, notes: list[str]) -> Summary:
        dataset = load_dataset(self.folder / "dataset")
        loops = [json.loads(path.read_text(encoding="utf-8")) for path in self._loop_reports()]
        last = loops[-1] if loops else {"admitted": len(dataset["instructions"]["train"])}
        rejected: dict[str, Counter[str]] = {}
        for stage, reason in zip(*(dataset["rejected"]["train"][column] for column in ("stage", "reason"))):
            rejected.setdefault(stage, Counter())[reason] += 1
        stopped = [reason for counts in rejected.values() for reason in counts if reason in STOP_REASONS]
        ended = next((loop["ended"] for loop in loops if loop["ended"] != "complete"), None)
        return Summary(
            ended=ended or (stopped[0] if stopped else "complete"),
            admitted=last["admitted"],
            wanted=self.config.wanted,
            candidates=last.get("candidates"),
            prompts=last.get("prompts"),
            instances=len(dataset["instances"]["train"]),
            rejected={stage: dict(counts.most_common()) for stage, counts in sorted(rejected.items())},
            failed=sum(
                count
                for stage, counts in rejected.items()
                for reason, count in counts.items()
                if reason in _FAILURES and not self._stages.get(stage)
            ),
            usage=usage_by_stage(self.folder / "completions"),
            seconds=seconds,
            cost=self._budget().cost(),
            rows={name: len(rows["train"]) for name, rows in dataset.items() if name not in _USUAL_CONFIGS},
            notes=notes,
        )

    def _loop_reports(self) -> list[Path]:
        """What the loops of this run have written about their end, in the order of the stages."""
        paths = [self.folder / f"{stage}.json" for stage in self._stages]
        return [path for path in paths if path.exists()]

    def _model(self) -> LLM:
        return make_model(self.config)

    def _judge_model(self) -> LLM:
        """As the model, but for its name and its endpoint."""
        config = self.config
        name, url = config.judge_model or config.model, config.judge_base_url or config.base_url
        if config.judge_base_url or (config.judge_model and config.llm == "openai"):
            return OpenAICompatibleLLM(model=name, base_url=url, timeout=config.timeout)
        return _vllm(config, config.judge_model) if config.judge_model else self._model()

    def _runs_stage_by_stage(self) -> bool:
        """Whether only one stage holds the model at a time: by default where it lives in the workers' processes."""
        if self.config.stage_by_stage is not None:
            return self.config.stage_by_stage
        return self.config.llm not in ("demo", "openai") and not getattr(self._model(), "agenerate", None)

    @property
    def has_budget_left(self) -> bool:
        """Whether it stopped because of what was kept back, and not because all is spent."""
        return not self._budget().is_used_up()

    def _budget(self) -> Budget:
        by_stage = usage_by_stage(self.folder / "completions")
        used = by_stage.values()
        later = [usage for stage, usage in by_stage.items() if stage not in (*LOOPS, ONCE)]
        requests = sum(usage.requests for usage in later)
        return Budget(
            max_tokens=self.config.max_tokens_total,
            max_cost=self.config.max_cost,
            input_price=self.config.input_price,
            output_price=self.config.output_price,
            spent_requests=sum(usage.requests for usage in used),
            spent_input=sum(usage.input_tokens for usage in used),
            spent_output=sum(usage.output_tokens for usage in used),
            owed_input=sum(usage.input_tokens for usage in later) / requests if requests else None,
            owed_output=sum(usage.output_tokens for usage in later) / requests if requests else None,
        )

    # --- the folder's config ----------------------------------------------------------------------------------------

    def _identity(self) -> dict[str, Any]:
        """What the result depends on, as the folder may record it."""
        identity = self.config.model_dump(mode="json", by_alias=True, include=self.config.names(fixed=True))
        return masked({**identity, "recipe": self.recipe, "prompts_version": PROMPTS_VERSION, **self._input_names})

    def _read_before(self) -> dict[str, Any] | None:
        """The config of the run in this folder; None where there is none, or nothing was answered in it yet."""
        path = self.folder / "config.yaml"
        if self.folder.exists() and not self.folder.is_dir():
            raise RunFolderError(f"{self.folder}: is a file; choose another --out.")
        if not path.exists():
            if self.folder.exists() and any(item.name != ".lock" for item in self.folder.iterdir()):
                raise RunFolderError(f"{self.folder}: is no run folder, and not empty; choose another --out.")
            return None
        try:
            before = yaml.safe_load(path.read_text(encoding="utf-8"))
            before["recipe"], before["prompts_version"]
            int(before.get("patience", 0))
        except (yaml.YAMLError, UnicodeDecodeError, TypeError, KeyError, ValueError):
            raise RunFolderError(f"{path}: is damaged; restore it from a copy, or choose another --out.") from None
        if not any((self.folder / "completions").glob("*.sqlite")):
            return None
        if before["recipe"] != self.recipe:
            raise RunFolderError(
                f"{self.folder}: holds a run of the recipe {before['recipe']!r}, and this is {self.recipe!r}. Choose"
                " another --out."
            )
        return dict(before)

    def _check_same(self, before: dict[str, Any] | None) -> None:
        if before is None:
            return
        defaults = {name: field.default for name, field in type(self.config).model_fields.items()}
        before = defaults | masked(before)  # an option that came later was at its default
        different = [
            f"{name} is {before.get(name)!r} there, {value!r} here"
            for name, value in self._identity().items()
            if name not in self._inputs and before.get(name) != value
        ]
        different += [
            f"{name.replace('_', ' ')} were read there that are not among those of this command"
            for name, read in self._inputs.items()
            if not read.continues(str(before.get(name)))
        ]
        if different:
            raise RunFolderError(
                f"{self.folder}: holds a run with another config: {'; '.join(different)}. Nothing was changed. Choose"
                " another --out, or the same options."
            )
        if (self.config.wanted or 0) < (most := before.get("num_instructions", 0)):
            raise RunFolderError(
                f"{self.folder}: holds a run of {most} instructions, and {self.config.wanted} were asked for. Ask for"
                " as many or more, or choose another --out."
            )

    def _write_config(self) -> None:
        values = masked(self.config.model_dump(mode="json", by_alias=True, include=self.config.names(recorded=True)))
        text = yaml.safe_dump(values | self._identity() | {"package_version": __version__}, sort_keys=False,
                              allow_unicode=True)  # fmt: skip
        write_whole(self.folder / "config.yaml", text)


def make_model(config: ModelConfig) -> LLM:
    """The model that a config names."""
    if isinstance(config.llm, CustomLLM):
        return _custom_llm(config.llm)
    if config.llm == "openai":
        return OpenAICompatibleLLM(model=config.model, base_url=config.base_url, timeout=config.timeout)
    if config.llm == "vllm":
        return _vllm(config, str(config.model))
    return DemoLLM(seed=config.seed)


def _vllm(config: ModelConfig, name: str) -> VLLM:
    if config.tensor_parallel == 1:
        return VLLM(model=name)
    # On Ray vLLM may take it for its own business to spread the model over the cluster.
    spread = {"tensor_parallel_size": config.tensor_parallel, "distributed_executor_backend": "mp"}
    return VLLM(model=name, extra_kwargs=spread)


def _custom_llm(custom: CustomLLM) -> LLM:
    module, _, name = custom.class_path.rpartition(".")
    try:
        kind: Any = getattr(import_module(module), name)
    except Exception as error:  # whatever a module does when it is imported
        raise ConfigError(f"llm.class: there is no {custom.class_path!r} ({error}).") from None
    if not (isinstance(kind, type) and issubclass(kind, LLM)):
        raise ConfigError(f"llm.class: {custom.class_path!r} is no distilabel LLM.")
    model: type[LLM] = kind
    try:
        return model.model_validate(custom.arguments)  # `kind(...)` leaves a half-made LLM, and that one's end fails
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"llm.arguments: {'.'.join(map(str, first['loc']))}: {first['msg']}.") from None
    except TypeError as error:
        raise ConfigError(f"llm.class: {error}.") from None
