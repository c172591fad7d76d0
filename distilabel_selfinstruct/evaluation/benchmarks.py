"""The benchmarks: where the questions come from, and what they are called on the command line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from distilabel_selfinstruct.data.columns import HELD_OUT
from distilabel_selfinstruct.data.folder import RunFolder
from distilabel_selfinstruct.data.sources import as_text, read_source, shown, text_of
from distilabel_selfinstruct.errors import ConfigError, did_you_mean
from distilabel_selfinstruct.evaluation.metrics import words_for
from distilabel_selfinstruct.evaluation.questions import Benchmark, Question
from distilabel_selfinstruct.evaluation.superni import read_superni

USER_ORIENTED, SUPERNI, HELD_OUT_ROWS, ROWS, LM_EVAL = "user-oriented", "superni", "held-out", "rows", "lm-eval:"
_ROW_COLUMNS = ("id", "instruction", "input", "output", "category")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a benchmark is read from.

    Attributes:
        tasks: a path, or a name of the Hub.
        subset: config of a dataset.
        split: of a dataset, or of SuperNI; None is the usual one.
        limit: the most questions, of SuperNI of each task.
    """

    tasks: str
    subset: str | None = None
    split: str | None = None
    limit: int | None = None


def read_benchmark(name: str, place: Place) -> Benchmark:
    """The questions of a benchmark, each with an id of its own.

    Raises:
        ConfigError: if there is none of that name, or it cannot be read.
        RunFolderError: if the folder of `held-out` is no run's.
    """
    check_name(name)
    benchmark = _READERS[name](place)
    if not benchmark.questions:
        raise ConfigError(f"{place.tasks}: there is no question in it that has a right answer.")
    return Benchmark(_with_own_ids(benchmark.questions), benchmark.notes)


def check_name(name: str) -> None:
    """Raises ConfigError if there is no benchmark of that name."""
    if name not in _READERS and not name.startswith(LM_EVAL):
        known = (*_READERS, f"{LM_EVAL}TASK")
        raise ConfigError(
            f"--benchmark: there is no {name!r}{did_you_mean(name, known)}; there are: {', '.join(known)}."
        )


def _with_own_ids(questions: list[Question]) -> list[Question]:
    """The second and further ones of a name are numbered."""
    seen: Counter[str] = Counter()
    named = []
    for question in questions:
        seen[question.id] += 1
        count = seen[question.id]
        named.append(question if count == 1 else replace(question, id=f"{question.id}#{count}"))
    return named


def _user_oriented(place: Place) -> Benchmark:
    """A file in the format of the authors' 252 tasks (human_eval/user_oriented_instructions.jsonl)."""
    questions = []
    for number, row in enumerate(read_source(place.tasks, limit=place.limit), 1):
        where = f"{place.tasks}, row {number}"
        instruction, instances = text_of(row, "instruction", where), row.get("instances")
        if not isinstance(instances, list) or not instances or not all(isinstance(each, dict) for each in instances):
            raise ConfigError(
                f"{where}, column 'instances': expected a list of inputs and outputs, found {shown(instances)}."
            )
        name = str(row.get("id") or f"task_{number}")
        for at, instance in enumerate(instances):
            questions.append(
                Question(
                    id=name if len(instances) == 1 else f"{name}-{at}",
                    task=name,
                    instruction=instruction,
                    input=_text(instance.get("input"), f"{where}, input"),
                    category=str(row.get("motivation_app") or ""),
                    **_right(instance.get("output"), f"{where}, output"),
                )
            )
    return _answerable(questions)


def _superni(place: Place) -> Benchmark:
    return read_superni(Path(place.tasks), place.split or "default", place.limit)


def _held_out(place: Place) -> Benchmark:
    run = RunFolder.open(place.tasks)
    rows = run.rows(HELD_OUT)[: place.limit]
    if not rows:
        raise ConfigError(f"{place.tasks}: no rows were set apart in this run; make one with --hold-out SHARE.")
    return _of_rows(rows, place.tasks)


def _rows(place: Place) -> Benchmark:
    rows = read_source(place.tasks, place.subset, place.split or "train", place.limit, _ROW_COLUMNS)
    return _of_rows(rows, place.tasks)


def _of_rows(rows: Sequence[dict[str, Any]], source: str) -> Benchmark:
    """Rows of one instruction are one task."""
    questions = []
    for number, row in enumerate(rows, 1):
        where = f"{source}, row {number}"
        if "output" not in row:
            text_of(row, "output", where)
        instruction = text_of(row, "instruction", where)
        questions.append(
            Question(
                id=str(row.get("id") or row.get("instance_id") or f"row_{number}"),
                task=str(row.get("instruction_id") or instruction),
                instruction=instruction,
                input=_text(row.get("input"), f"{where}, column 'input'"),
                category=str(row.get("category") or ""),
                **_right(row["output"], f"{where}, column 'output'"),
            )
        )
    return _answerable(questions)


def _right(value: Any, where: str) -> dict[str, Any]:
    """The right answers, a text or a list of texts, and how their words are told."""
    references = tuple(_text(each, where) for each in (value if isinstance(value, list) else [value]))
    return {"references": references, "words": words_for(references)}


def _text(value: Any, where: str) -> str:
    return str(value) if isinstance(value, (int, float)) else as_text(value, where)


def _answerable(questions: list[Question]) -> Benchmark:
    """Those that ask something and have a right answer; the others can be answered by nobody."""
    kept = [question for question in questions if question.instruction and any(question.references)]
    left_out = len(questions) - len(kept)
    return Benchmark(
        kept, [f"Rows without instruction or output, which are left out: {left_out:,}."] if left_out else []
    )


_READERS: dict[str, Callable[[Place], Benchmark]] = {
    USER_ORIENTED: _user_oriented,
    SUPERNI: _superni,
    HELD_OUT_ROWS: _held_out,
    ROWS: _rows,
}
