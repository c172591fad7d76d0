"""What a loop is told: the options of the commands that it carries out, in one file."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from distilabel_selfinstruct.data.files import local_path
from distilabel_selfinstruct.errors import ConfigError, did_you_mean
from distilabel_selfinstruct.evaluation.config import EvaluationConfig
from distilabel_selfinstruct.recipe import DEFAULT, Recipe, get_recipe
from distilabel_selfinstruct.runs.config import Options, SourceConfig, read_config
from distilabel_selfinstruct.runs.options import CustomLLM
from distilabel_selfinstruct.training.config import TrainConfig
from distilabel_selfinstruct.training.defaults import Method

Values = dict[str, Any]
K = TypeVar("K", bound=Options)
_RECIPE, _PLACE = "recipe", "PLACE"
_OWN = {  # what the loop itself decides, of each block
    "run": {"out", "preview", "pilot_rounds", "push_to_hub", "argilla_url"},
    "train": {"model", "out", "write", "push_to_hub", "keep_clear"},
    "evaluate": {"llm", "model", "predictions", "out"},
}


class IterationsConfig(BaseModel):
    """What a loop is told.

    Attributes:
        model: that is trained first; of later iterations it is what the one before has left.
        iterations: how often.
        runs: of an iteration, one after the other: `recipe`, and its options. One that names no `llm` asks the model
            that the iteration began with; one that starts from instructions takes those of the run before.
        train: options of `train`, which learns from the last run.
        evaluate: options of `evaluate`; without a benchmark the rows that the first run has set apart (`hold_out`).
        serve: what the trained model answers with: `transformers`, `vllm`, or a `class` with its `arguments`.
        allow_incomplete: whether to go on with a run that came to less than was asked for.
        out: the folder.
    """

    model_config = ConfigDict(extra="forbid")

    model: str | None = None
    iterations: int = Field(1, gt=0)
    runs: list[Values] = Field(default_factory=lambda: [Values()], min_length=1)
    train: Values = Field(default_factory=dict)
    evaluate: Values = Field(default_factory=dict)
    serve: Literal["transformers", "vllm"] | CustomLLM = "transformers"
    allow_incomplete: bool = False
    out: str = "loops/loop"

    @field_validator("out")
    @classmethod
    def _folder_of_this_machine(cls, given: str) -> str:
        return local_path(given)

    @field_validator("runs", mode="before")
    @classmethod
    def _one_run(cls, given: Any) -> Any:
        return [given] if isinstance(given, dict) else given

    @property
    def method(self) -> Method:
        """How it learns: from preference pairs, where the last run makes some."""
        given: Method = self.train.get("method") or ("dpo" if recipe_of(self.runs[-1]).name == "preferences" else "sft")
        return given

    @property
    def benchmark(self) -> Values:
        """What the models are evaluated on, but for the rows that a run is to set apart."""
        return {"benchmark": "held-out"} | self.evaluate

    @property
    def sets_apart(self) -> int | None:
        """The run of the first iteration that sets rows apart; None where none does."""
        return next((at for at, run in enumerate(self.runs) if run.get("hold_out")), None)


def recipe_of(run: Values) -> Recipe:
    """The recipe of a run."""
    return get_recipe(str(run.get(_RECIPE, DEFAULT)))


def options_of(run: Values) -> Values:
    """The options of a run, by the names that its config has."""
    return {name.replace("-", "_"): value for name, value in run.items() if name != _RECIPE}


def takes_source(run: Values) -> bool:
    """Whether a run starts from instructions."""
    return issubclass(recipe_of(run).load_config(), SourceConfig)


def read_iterations(values: Values, file: str) -> IterationsConfig:
    """The config of a loop, and that of each command that it will carry out, checked before anything begins.

    Raises:
        ConfigError: names the first value that cannot be used.
    """
    try:
        config = IterationsConfig(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name, known = str(first["loc"][0]), IterationsConfig.model_fields
        if first["type"] == "extra_forbidden" and len(first["loc"]) == 1:
            there = f"there are: {', '.join(known)}."
            raise ConfigError(f"{file}: there is no {name!r}{did_you_mean(name, known)}; {there}") from None
        said = first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{file}: {name}: {said}, got {first['input']!r}.") from None
    for at, run in enumerate(config.runs):
        asks = {} if "llm" in run else {"llm": "vllm", "model": _PLACE}
        _check(options_of(run), asks, f"{file}: runs[{at}]", recipe_of(run).load_config(), "run")
    _check(config.train, {"model": _PLACE, "method": config.method}, f"{file}: train", TrainConfig, "train")
    of_run = {"llm": "vllm", "model": _PLACE, "out": _PLACE, "tasks": config.benchmark.get("tasks", _PLACE)}
    _check(config.benchmark, of_run, f"{file}: evaluate", EvaluationConfig, "evaluate")
    _check_benchmark(config, file)
    return config


def _check(values: Values, decided: Values, where: str, kind: type[K], block: str) -> K:
    if own := _OWN[block] & {name.replace("-", "_") for name in values}:
        raise ConfigError(f"{where}: {min(own)}: the loop decides that itself; leave it out.")
    return read_config({}, values | decided, where, kind)


def _check_benchmark(config: IterationsConfig, file: str) -> None:
    if config.benchmark["benchmark"] == "held-out" and "tasks" not in config.evaluate and config.sets_apart is None:
        raise ConfigError(
            f"{file}: there is nothing to evaluate on: give a run `hold_out: 0.2`, or `evaluate` a benchmark and tasks."
        )
