"""What an evaluation is told."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import field_validator

from distilabel_selfinstruct.data.files import local_path
from distilabel_selfinstruct.data.rubrics import bounds_of
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.evaluation.benchmarks import LM_EVAL, SUPERNI, Place, check_name
from distilabel_selfinstruct.presets import Decoding, JudgeWording
from distilabel_selfinstruct.runs.config import RubricConfig, SpendingConfig
from distilabel_selfinstruct.runs.options import MODEL, AnyLLM, option

_SUPERNI_TOKENS = 128  # Tk-Instruct's limit of an answer
_BEGINS_AGAIN = ("<|endoftext|>", "\nInstruction:", "\nInput:", "\nTask:")
"""Where a model that continues texts begins the next question, or ends one as our training format does."""


class EvaluationConfig(SpendingConfig):
    """What the command `evaluate` is told: a model or its predictions, and a benchmark."""

    benchmark: str = option(..., "user-oriented, superni, held-out, rows, lm-eval:TASK (extra lm-eval)", "NAME")
    tasks: str | None = option(
        None,
        "its tasks: a file like the authors' user_oriented_instructions.jsonl, a checkout of natural-instructions"
        ", a run made with --hold-out, rows with instruction, input and output (a file, a saved dataset, or one of the"
        " Hub), or a folder with tasks of lm-eval",
        "PATH",
        fixed=False,
    )
    limit: int | None = option(None, "the most questions, of superni of each task", "N", fixed=False, gt=0)
    subset: str | None = option(None, "config of the dataset with rows", "NAME")
    split: str | None = option(None, "of the dataset (default: train), or of superni (default: default)", "NAME")
    predictions: str | None = option(
        None,
        "a file with a `response` a line, in the order of the questions or with their ids, instead of a model",
        "FILE",
    )
    llm: AnyLLM | None = option(  # type: ignore[assignment]  # none where there are predictions
        None, "embedded demo model, llama.cpp on this machine, an OpenAI-compatible endpoint, or vLLM here", None, MODEL
    )
    wording: Literal["chat", "base"] = option("chat", "how the model is asked", None, MODEL)
    max_tokens: int | None = option(
        None,
        "most tokens of an answer, thoughts included (default: 1024; of a base model on superni 128)",
        "N",
        MODEL,
        gt=0,
    )
    out: str = option(..., "folder of the evaluation", "FOLDER", "", recorded=False)

    @field_validator("tasks", "predictions", "out")
    @classmethod
    def _of_this_machine(cls, given: str | None) -> str | None:
        return given if given is None else local_path(given)

    def check(self) -> None:
        """Raises ConfigError for values that do not go together."""
        super().check()
        check_name(self.benchmark)
        if (self.llm is None) == (self.predictions is None):
            raise ConfigError("evaluate needs a model (--llm NAME), or what one has answered (--predictions FILE).")
        if self.is_of_lm_eval and self.predictions:
            raise ConfigError(f"--predictions: {self.benchmark} asks a model itself; give --llm.")
        if self.tasks is None and not self.is_of_lm_eval:
            raise ConfigError(f"--benchmark {self.benchmark} needs --tasks PATH: see --help for what it takes.")

    @property
    def is_of_lm_eval(self) -> bool:
        """Whether the benchmark is a task of lm-eval."""
        return self.benchmark.startswith(LM_EVAL)

    @property
    def place(self) -> Place:
        """Where the benchmark is read from."""
        return Place(str(self.tasks), self.subset, self.split, self.limit)

    @property
    def decoding(self) -> Decoding:
        """Greedy, as the authors have it."""
        most = _SUPERNI_TOKENS if self.benchmark == SUPERNI else 1024
        return Decoding(temperature=0.0, max_new_tokens=most, stop=_BEGINS_AGAIN)

    def identity(self) -> dict[str, Any]:
        """What the result depends on, as the folder records it."""
        return self.model_dump(mode="json", by_alias=True, include=self.names(fixed=True))


class EvaluationJudgeConfig(SpendingConfig, RubricConfig):
    """What `evaluate judge` is told: it takes no model for granted."""

    llm: AnyLLM = option(..., "llama.cpp on this machine, an OpenAI-compatible endpoint, or vLLM here", None, MODEL)
    wording: JudgeWording = option("chat", "how the model is asked", None, MODEL)

    def check(self) -> None:
        """Raises ConfigError for values that do not go together."""
        super().check()
        bounds_of(self.rubric)  # which is read, and may be wrong
        if self.llm == "demo":
            raise ConfigError("--llm demo: the demo model cannot judge answers; name another model.")
