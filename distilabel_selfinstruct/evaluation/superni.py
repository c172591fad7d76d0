"""Super-NaturalInstructions (arXiv 2204.07705): the test tasks of a checkout of natural-instructions.

As Tk-Instruct and Self-Instruct (arXiv 2212.10560, section 4.3) evaluate on it: the definition and the input are the
question, the first 100 instances of each task count.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from distilabel_selfinstruct.data.storable import storable
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.evaluation.questions import Benchmark, Question

INSTANCES = 100  # of a task that count
_LEFT_OUT = ("task1415",)  # by the authors of Self-Instruct
_LANGUAGES = ("Input_language", "Output_language")
_EXPECTED = "expected a checkout of github.com/allenai/natural-instructions, with splits/ and tasks/"


def read_superni(checkout: Path, split: str, limit: int | None) -> Benchmark:
    """The questions of a split.

    Args:
        checkout: the folder.
        split: a folder in `splits`, whose `test_tasks.txt` names a task a line.
        limit: instances of each task, 100 at most.

    Raises:
        ConfigError: names the file, and what was expected.
    """
    names = _test_tasks(checkout / "splits" / split / "test_tasks.txt", checkout)
    left_out = [name for name in names if _number(name) in _LEFT_OUT]
    kept = [name for name in names if name not in left_out]
    most = min(limit or INSTANCES, INSTANCES)
    questions = [each for name in kept for each in _questions(name, checkout, most)]
    notes = [f"{name} is left out, as its authors do." for name in left_out]
    return Benchmark(questions, notes)


def _test_tasks(path: Path, checkout: Path) -> list[str]:
    try:
        names = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError):
        splits = sorted(each.parent.name for each in checkout.glob("splits/*/test_tasks.txt"))
        there = f"; there are the splits: {', '.join(splits)}" if splits else ""
        raise ConfigError(f"{path}: cannot be read; {_EXPECTED}{there}.") from None
    if not names:
        raise ConfigError(f"{path}: names no task.")
    return list(dict.fromkeys(name.removesuffix(".json") for name in names))


def _number(name: str) -> str:
    return name.partition("_")[0]


def _file(name: str, checkout: Path) -> Path:
    """The file of a task, which may have been renamed (as task121 was): its number stays."""
    path = checkout / "tasks" / f"{name}.json"
    if path.is_file():
        return path
    renamed = sorted(path.parent.glob(f"{_number(name)}_*.json"))
    if len(renamed) != 1:
        raise ConfigError(f"{path}: there is no such file; {_EXPECTED}, with all tasks of the split.")
    return renamed[0]


def _questions(name: str, checkout: Path, most: int) -> Iterator[Question]:
    path = _file(name, checkout)
    try:
        task = storable(json.loads(path.read_text(encoding="utf-8-sig")))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}).") from None
    if not isinstance(task, dict):
        raise ConfigError(f"{path}: expected an object with Definition, Instances and Categories.")
    definition = _first(task.get("Definition"), f"{path}, Definition")
    languages = {str(each) for name in _LANGUAGES for each in _listed(task.get(name) or ["English"])}
    category = _listed(task.get("Categories") or [""])[0]
    instances = task.get("Instances")
    if not isinstance(instances, list) or not instances:
        raise ConfigError(f"{path}, Instances: expected a list of instances, found {str(instances)[:60]!r}.")
    for at, instance in enumerate(instances[:most]):
        where = f"{path}, Instances, number {at + 1}"
        if not isinstance(instance, dict) or not isinstance(instance.get("input"), str):
            raise ConfigError(f"{where}: expected an object with input and output, found {str(instance)[:60]!r}.")
        yield Question(
            id=str(instance.get("id") or f"{path.stem}-{at}"),
            task=path.stem,
            instruction=definition,
            input=instance["input"],
            references=tuple(_texts(instance.get("output"), f"{where}, output")),
            category=str(category),
            words="stemmed" if languages == {"English"} else "spaced",
        )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _first(value: Any, where: str) -> str:
    """A definition, which is a text, or the first of a list."""
    return _texts(value, where)[0].strip()


def _texts(value: Any, where: str) -> list[str]:
    """The texts of a list, or the one that there is in older files."""
    texts = _listed(value)
    if not texts or not all(isinstance(text, str) for text in texts):
        raise ConfigError(f"{where}: expected a text, or a list of texts, found {str(value)[:60]!r}.")
    return texts
