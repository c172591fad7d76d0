"""What a loop does, step by step: each step is a command that a user could give."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distilabel_selfinstruct.cli.iterations.config import (
    IterationsConfig,
    Values,
    options_of,
    recipe_of,
    takes_source,
)
from distilabel_selfinstruct.data.evaluation_sets import PREDICTIONS
from distilabel_selfinstruct.runs.options import CustomLLM

BASE = "base"
_OF_A_FILE = ("user-oriented", "rows")  # benchmarks that are read from a file
_PLAIN = {"repetition_penalty": 1.0}  # distilabel's class has 1.1, which no benchmark is answered with
_TRANSFORMERS = "distilabel.models.llms.TransformersLLM"


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a loop.

    Attributes:
        name: that the loop's folder knows it by, and its own folder.
        command: words of `self-instruct`, before the options.
        options: for its config file; none where it takes none.
        makes_data: whether it is a run, which may come to less than was asked for.
    """

    name: str
    command: list[str]
    options: Values = field(default_factory=dict)
    makes_data: bool = False


def steps_of(config: IterationsConfig, folder: Path, base: str, on_cpu: bool) -> Iterator[Step]:
    """All steps of a loop, in their order.

    Args:
        config: of the loop.
        folder: of the loop.
        base: where the model lies that is trained first, such that it can be loaded.
        on_cpu: whether transformers runs without a GPU.
    """
    model, evaluations = base, ["before"]
    for number in range(1, config.iterations + 1):
        place = f"iteration-{number}"
        yield from _runs(config, folder, place, number, served(config, model, on_cpu))
        tasks = _benchmark(config, folder)
        if number == 1:
            yield _evaluation("before", "M0", tasks | served(config, base, on_cpu))
        last = str(folder / place / _run_name(config, len(config.runs) - 1))
        # A later run begins with all instances of the one before, those that were set apart too.
        clear = {"keep_clear": tasks["tasks"]} if tasks["benchmark"] == "held-out" else {}
        options = config.train | {"method": config.method, "model": model} | clear
        yield Step(f"{place}/model", ["train", last], options)
        model = str(folder / place / "model" / "model")
        evaluations.append(f"{place}/evaluation")
        yield _evaluation(evaluations[-1], f"M{number}", tasks | served(config, model, on_cpu))
        compared = ["evaluate", "compare", *(str(folder / name) for name in evaluations)]
        yield Step(f"{place}/comparison", [*compared, "--to", str(folder / "comparison.html")])


def served(config: IterationsConfig, model: str, on_cpu: bool) -> Values:
    """The options by which a command asks a model that lies in a folder."""
    if config.serve == "vllm":
        return {"llm": "vllm", "model": model}
    if isinstance(config.serve, CustomLLM):
        return {"llm": {"class": config.serve.class_path, "arguments": config.serve.arguments | {"model": model}}}
    # On a machine without a GPU distilabel's class looks for one in vain.
    where = {"device": "cpu", "disable_cuda_device_placement": True} if on_cpu else {}
    return {"llm": {"class": _TRANSFORMERS, "arguments": {"model": model, **where, "generation_kwargs": _PLAIN}}}


def _runs(config: IterationsConfig, folder: Path, place: str, number: int, asked: Values) -> Iterator[Step]:
    for at, run in enumerate(config.runs):
        given = options_of(run)
        # The draws of an iteration are its own: those before have brought what there was to bring.
        options = given | {"seed": int(given.get("seed", 0)) + number - 1}
        if "llm" not in given:
            options |= asked
        if at and takes_source(run) and "source" not in given:
            options["source"] = str(folder / place / _run_name(config, at - 1))
        if number > 1 and at == config.sets_apart:
            options.pop("hold_out")  # all iterations are evaluated on what the first has set apart
        if asked_there := _asked(config, folder, number):  # beside a run of its own it would be found
            options["keep_clear_of"] = [*_listed(given.get("keep_clear_of")), asked_there]
        yield Step(f"{place}/{_run_name(config, at)}", ["run", recipe_of(run).name], options, makes_data=True)


def _asked(config: IterationsConfig, folder: Path, number: int) -> str | None:
    """Where the questions stand that the models are evaluated on; None where nobody knows yet."""
    if number > 1:
        return str(folder / "before" / PREDICTIONS)
    benchmark = config.benchmark
    return str(benchmark["tasks"]) if benchmark["benchmark"] in _OF_A_FILE and "tasks" in benchmark else None


def _listed(given: Any) -> list[str]:
    return [given] if isinstance(given, str) else list(given or [])


def _run_name(config: IterationsConfig, at: int) -> str:
    return f"run-{at + 1}-{recipe_of(config.runs[at]).name}"


def _benchmark(config: IterationsConfig, folder: Path) -> Values:
    benchmark = config.benchmark
    if "tasks" not in benchmark and config.sets_apart is not None:
        benchmark["tasks"] = str(folder / "iteration-1" / _run_name(config, config.sets_apart))
    return benchmark


def _evaluation(name: str, model: str, options: Values) -> Step:
    """The models are M0, M1 ... in tables, as in the paper, but where `model` says what is loaded."""
    return Step(name, ["evaluate"], {"model": model} | options)
