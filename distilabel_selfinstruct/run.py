"""A run is a folder: its config, its completions, its log, its dataset, its summary."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import yaml
from datasets import disable_progress_bars
from distilabel.models.llms.base import LLM
from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_serializer, field_validator

from distilabel_selfinstruct import __version__
from distilabel_selfinstruct.dataset import load_dataset, save_dataset
from distilabel_selfinstruct.errors import ConfigError, MissingExtraError, RunFolderError
from distilabel_selfinstruct.files import write_whole
from distilabel_selfinstruct.llms.demo import DemoLLM
from distilabel_selfinstruct.llms.durable import DurableLLM
from distilabel_selfinstruct.llms.openai import OpenAICompatibleLLM
from distilabel_selfinstruct.llms.records import Usage, usage_by_stage
from distilabel_selfinstruct.llms.slots import STOP_REASONS, Budget
from distilabel_selfinstruct.llms.vllm import VLLM
from distilabel_selfinstruct.pipeline import Pipeline
from distilabel_selfinstruct.presets import get_preset
from distilabel_selfinstruct.prompts import VERSION as PROMPTS_VERSION
from distilabel_selfinstruct.prompts import Wording
from distilabel_selfinstruct.report import Prices, write_report
from distilabel_selfinstruct.review import write_review
from distilabel_selfinstruct.screen import show_progress
from distilabel_selfinstruct.seeds import load_seed_tasks
from distilabel_selfinstruct.steps.formatting import TrainingFormat
from distilabel_selfinstruct.steps.pool import default_lag

_HERE = Path(__file__).parent
_SEED_FOLDERS = (_HERE / "seed_files", _HERE.parent / "seeds")  # in an installed wheel, in a clone
PROJECT_SEEDS = next(folder for folder in _SEED_FOLDERS if folder.is_dir()) / "seed_tasks.jsonl"
_FAILURES = frozenset({
    "bad_request", "not_found", "context_length", "content_filter", "invalid_response", "timeout", "rate_limited",
    "server_error", "unavailable", "model_error", "no_completion",
})  # fmt: skip


_SECRET = re.compile(r"(?:\A|_)(?:key|token|secret|password|credentials)\Z")


class CustomLLM(BaseModel):
    """Any distilabel LLM: its class path and arguments."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    class_path: str = Field(alias="class")
    arguments: dict[str, Any] = Field(default_factory=dict)

    @field_serializer("arguments")
    def _without_secrets(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """What a run folder records: a key may change between two runs, and stands in no file."""
        return {name: "***" if _SECRET.search(name) else value for name, value in arguments.items()}


class RunConfig(BaseModel):
    """Everything a run is told. What the result depends on is fixed by the first run in a folder."""

    model_config = ConfigDict(extra="forbid")

    llm: Literal["demo", "openai", "vllm"] | CustomLLM = "demo"
    model: str | None = None
    base_url: str | None = None
    wording: Wording = "chat"
    num_instructions: int = Field(default=100, gt=0)
    seeds: list[str] = Field(default_factory=lambda: [str(PROJECT_SEEDS)])
    preset: str = "default"
    seed: int = 0
    temperature: float | None = Field(default=None, ge=0)
    lag: int | None = Field(default=None, gt=0)
    patience: int = Field(default=5, gt=0)
    pilot_rounds: int | None = Field(default=None, gt=0)
    training_format: TrainingFormat = "messages"
    out: str = "runs/self-instruct"
    concurrency: int = Field(default=8, gt=0)
    stage_by_stage: bool | None = None
    timeout: float = Field(default=600.0, gt=0)
    outage: float = Field(default=600.0, ge=0)
    max_tokens_total: int | None = Field(default=None, gt=0)
    max_cost: float | None = Field(default=None, gt=0)
    input_price: float = Field(default=0.0, ge=0)
    output_price: float = Field(default=0.0, ge=0)
    push_to_hub: str | None = None
    private: bool = False
    license: str | None = None
    argilla_url: str | None = None
    verbose: bool = False

    @field_validator("seeds", mode="before")
    @classmethod
    def _one_seed_file(cls, given: Any) -> Any:
        return [given] if isinstance(given, str) else given


_UNRECORDED = {"out", "verbose", "push_to_hub", "private", "license", "argilla_url"}  # what a run does, not what it is
# What may change between two runs in the same folder: the result does not depend on it, or only grows.
_FREE = _UNRECORDED | {
    "num_instructions",
    "patience",
    "pilot_rounds",
    "base_url",
    "concurrency",
    "stage_by_stage",
    "timeout",
    "outage",
    "max_tokens_total",
    "max_cost",
    "input_price",
    "output_price",
}


def read_config(given: dict[str, Any], of_file: dict[str, Any] | None = None, file: str = "config") -> RunConfig:
    """The config of these options; where there is none of a name, of the values of a config file.

    Raises:
        ConfigError: names the first value that cannot be used.
    """
    try:
        config = RunConfig(**((of_file or {}) | given))
    except ValidationError as error:
        raise ConfigError(_explained(error, given, file)) from None
    if config.llm in ("openai", "vllm") and not config.model:
        raise ConfigError(f"--llm {config.llm} needs --model, the name of the model.")
    if config.max_cost is not None and not (config.input_price or config.output_price):
        raise ConfigError("--max-cost needs --input-price and --output-price, money per million tokens.")
    get_preset(config.preset)
    return config


def _explained(error: ValidationError, given: dict[str, Any], file: str) -> str:
    """The first thing that is wrong, by the name that the user gave it."""
    first = error.errors()[0]
    name = str(first["loc"][0])
    where = f"--{name.replace('_', '-')}" if name in given else f"{file}: {name}"
    if first["type"] == "extra_forbidden" and len(first["loc"]) == 1:
        return f"{file}: there is no option {name!r}; there are: {', '.join(RunConfig.model_fields)}."
    if name == "llm":
        return f"{where}: expected demo, openai, vllm, or a `class` with its `arguments`."
    return f"{where}: {first['msg']}, got {first['input']!r}."


def read_config_file(path: str) -> dict[str, Any]:
    """The values of a YAML file.

    Raises:
        ConfigError: if it cannot be read, or holds something else than options.
    """
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}).") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected options as `name: value`, found something else.")
    return {str(name).replace("-", "_"): value for name, value in values.items()}


@dataclasses.dataclass(frozen=True)
class Summary:
    """What a run has come to.

    `ended` is `complete`, `stalled`, `pilot`, or why requests stopped: `budget`, `unavailable`.
    """

    ended: str
    admitted: int
    wanted: int
    candidates: int
    prompts: int
    instances: int
    rejected: dict[str, dict[str, int]]
    failed: int
    usage: dict[str, Usage]
    seconds: float
    cost: float
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


class Run:
    """A folder and the config it is for; opened by one process at a time.

    Args:
        config: what the run is told; values that depend on others are resolved here.
        recipe: name of the pipeline, fixed by the folder too.

    Raises:
        ConfigError: if the config or a seed file cannot be used.
        RunFolderError: if the folder is another run's, is damaged, or is in use.
    """

    def __init__(self, config: RunConfig, recipe: str = "self-instruct") -> None:
        self.recipe = recipe
        self.folder = Path(config.out)
        self.seed_tasks = load_seed_tasks(*config.seeds)
        before = self._read_before()
        if config.lag is None:
            preset = get_preset(config.preset)
            lag = before["lag"] if before else preset.lag or default_lag(config.concurrency, config.num_instructions)
            config = config.model_copy(update={"lag": lag})
        self.config = config
        self._stages: list[str] = []
        self._patience_before = int(before["patience"]) if before else 0
        self._check_same(before)

    # --- what a pipeline is built from ------------------------------------------------------------------------------

    def pipeline(self, name: str) -> Pipeline:
        """An empty pipeline that runs in this folder."""
        return Pipeline(
            name,
            cache_dir=self.folder / "cache",
            concurrency=self.config.concurrency,
            budget=self._budget(),
            log_file=self.folder / "run.log",
            verbose=self.config.verbose,
        )

    def llm(self, stage: str, temperature: float | None = None, keeps_failures: bool = False) -> DurableLLM:
        """The model, with the completions of one stage; stages made first get slots first."""
        self._stages.append(stage)
        return DurableLLM(
            llm=self._model(),
            folder=str(self.folder / "completions"),
            stage=stage,
            priority=len(self._stages),
            keeps_failures=keeps_failures,
            concurrency=self.config.concurrency,
            outage=self.config.outage,
            generation_kwargs={} if temperature is None else {"temperature": temperature},
        )

    @property
    def asking(self) -> dict[str, Any]:
        """What all Tasks of the method are told."""
        return {
            "preset": self.config.preset,
            "wording": self.config.wording,
            "seed_files": self.config.seeds,
            "seed": self.config.seed,
        }

    @property
    def batch_size(self) -> int:
        """Small enough to stream, large enough that batches cost little."""
        return min(250, max(5, self.config.num_instructions // 200))

    # --- running ----------------------------------------------------------------------------------------------------

    def execute(self, build: Callable[[Run], Pipeline], show: bool = True) -> Summary:
        """Builds the pipeline, runs it to its end, and writes dataset and summary.

        Raises:
            SelfInstructError: if it cannot finish whole; what was answered so far is kept.
        """
        if (summary := self._finished()) is not None:
            return summary
        self._model()  # what is wrong with its arguments is said before anything is written
        self._make_folder()
        lock = FileLock(self.folder / ".lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise RunFolderError(
                f"{self.folder}: another process is running here; wait for it, or choose another --out."
            ) from None
        with lock:
            self._write_config()
            started = time.monotonic()
            pipeline = build(self)
            groups = "sequential_step_execution" if self._runs_stage_by_stage() else None
            disable_progress_bars()
            with show_progress(pipeline, show and not self.config.verbose):
                distiset = pipeline.run(use_cache=False, load_groups=groups)
            columns = {name: list(pipeline.dag.get_step(name)["step"].outputs) for name in pipeline.dag.leaf_steps}
            save_dataset(distiset, columns, self.folder / "dataset")
            shutil.copyfile(distiset.pipeline_path, self.folder / "pipeline.yaml")
            shutil.rmtree(self.folder / "cache", ignore_errors=True)
            summary = self._summarise(time.monotonic() - started, list(pipeline.warnings))
            summary.write(self.folder / "summary.json")
        write_review(self.folder)  # takes the lock itself
        self._write_report(summary)
        return summary

    @property
    def page(self) -> Path:
        """The report, if it could be written."""
        return self.folder / "report" / "index.html"

    def prices(self) -> Prices | None:
        """What a million tokens cost, if the config says so."""
        config = self.config
        return Prices(config.input_price, config.output_price) if config.input_price or config.output_price else None

    def _write_report(self, summary: Summary) -> None:
        """Figures need packages that are an extra; a run is whole without them."""
        shutil.rmtree(self.page.parent, ignore_errors=True)
        with suppress(MissingExtraError):
            write_report(self.folder, usage=summary.usage, prices=self.prices())

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunFolderError(f"{self.folder}: cannot be made ({error.strerror}); choose another --out.") from None

    def _finished(self) -> Summary | None:
        """The summary of a run in this folder that has nothing left to do."""
        path = self.folder / "summary.json"
        if not path.exists() or not (self.folder / "dataset").exists():
            return None
        try:
            summary = Summary.read(path)
        except (ValueError, TypeError, KeyError):
            raise RunFolderError(f"{path}: is damaged; delete it, and the run is put together again.") from None
        has_stalled = summary.ended == "stalled" and self._patience_before >= self.config.patience
        done = summary.is_whole or has_stalled
        return summary if done and summary.wanted == self.config.num_instructions else None

    def _summarise(self, seconds: float, notes: list[str]) -> Summary:
        dataset = load_dataset(self.folder / "dataset")
        report = json.loads((self.folder / "bootstrap.json").read_text(encoding="utf-8"))
        rejected: dict[str, Counter[str]] = {}
        if "rejected" in dataset:
            rows = dataset["rejected"]["train"]
            for stage, reason in zip(rows["stage"], rows["reason"]):
                rejected.setdefault(stage, Counter())[reason] += 1
        stopped = [reason for counts in rejected.values() for reason in counts if reason in STOP_REASONS]
        ended = report["ended"]
        usage = usage_by_stage(self.folder / "completions")
        return Summary(
            ended=stopped[0] if ended == "complete" and stopped else ended,
            admitted=report["admitted"],
            wanted=report["wanted"],
            candidates=report["candidates"],
            prompts=report["prompts"],
            instances=len(dataset["instances"]["train"]),
            rejected={stage: dict(counts.most_common()) for stage, counts in sorted(rejected.items())},
            failed=sum(
                count
                for stage, counts in rejected.items()
                for reason, count in counts.items()
                if stage != "bootstrap" and reason in _FAILURES
            ),
            usage=usage,
            seconds=seconds,
            cost=self._budget().cost(),
            notes=notes,
        )

    def _model(self) -> LLM:
        config = self.config
        if isinstance(config.llm, CustomLLM):
            return _custom_llm(config.llm)
        if config.llm == "openai":
            return OpenAICompatibleLLM(model=config.model, base_url=config.base_url, timeout=config.timeout)
        if config.llm == "vllm":
            return VLLM(model=config.model)
        return DemoLLM(seed=config.seed)

    def _runs_stage_by_stage(self) -> bool:
        """Whether only one stage holds the model at a time: by default where it lives in the workers' processes."""
        if self.config.stage_by_stage is not None:
            return self.config.stage_by_stage
        return self.config.llm not in ("demo", "openai") and not getattr(self._model(), "agenerate", None)

    def _budget(self) -> Budget:
        used = usage_by_stage(self.folder / "completions").values()
        return Budget(
            max_tokens=self.config.max_tokens_total,
            max_cost=self.config.max_cost,
            input_price=self.config.input_price,
            output_price=self.config.output_price,
            spent_input=sum(usage.input_tokens for usage in used),
            spent_output=sum(usage.output_tokens for usage in used),
        )

    # --- the folder's config ----------------------------------------------------------------------------------------

    def _identity(self) -> dict[str, Any]:
        """What the result depends on."""
        identity = self.config.model_dump(mode="json", by_alias=True, exclude=_FREE | {"seeds"})
        content = [dataclasses.asdict(task) for task in self.seed_tasks]
        identity["recipe"] = self.recipe
        identity["prompts_version"] = PROMPTS_VERSION
        identity["seed_tasks"] = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
        return identity

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
            before["lag"], before["recipe"], before["seed_tasks"], before["num_instructions"]
            int(before["patience"])
        except (yaml.YAMLError, UnicodeDecodeError, TypeError, KeyError, ValueError):
            raise RunFolderError(f"{path}: is damaged; restore it from a copy, or choose another --out.") from None
        answered = any((self.folder / "completions").glob("*.sqlite"))
        return dict(before) if answered else None

    def _check_same(self, before: dict[str, Any] | None) -> None:
        if before is None:
            return
        identity = self._identity()
        different = [
            f"{name} is {before.get(name)!r} there, {value!r} here"
            for name, value in identity.items()
            if before.get(name) != value
        ]
        if different:
            raise RunFolderError(
                f"{self.folder}: holds a run with another config: {'; '.join(different)}. Nothing was changed. Choose"
                " another --out, or the same options."
            )
        if self.config.num_instructions < before["num_instructions"]:
            raise RunFolderError(
                f"{self.folder}: holds a run of {before['num_instructions']} instructions, and"
                f" {self.config.num_instructions} were asked for. Ask for as many or more, or choose another --out."
            )

    def _write_config(self) -> None:
        values = self.config.model_dump(mode="json", by_alias=True, exclude=_UNRECORDED)
        text = yaml.safe_dump(values | self._identity() | {"package_version": __version__}, sort_keys=False,
                              allow_unicode=True)  # fmt: skip
        write_whole(self.folder / "config.yaml", text)


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
