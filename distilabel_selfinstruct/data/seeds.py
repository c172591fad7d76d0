"""Seed tasks: the human-written tasks a run starts from, in the authors' schema, one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from distilabel_selfinstruct.data.storable import storable
from distilabel_selfinstruct.errors import SeedFileError
from distilabel_selfinstruct.text.reading.answers import Instance

_SCHEMA = (
    '{"id": "seed_task_0", "name": "greeting", "instruction": "...", '
    '"instances": [{"input": "", "output": "..."}], "is_classification": false}'
)


@dataclass(frozen=True, slots=True)
class SeedTask:
    """One human-written task with its instances."""

    id: str
    instruction: str
    instances: tuple[Instance, ...]
    is_classification: bool
    name: str = ""


def load_seed_tasks(*paths: str | Path) -> list[SeedTask]:
    """All seed tasks of the files, in their order; nothing is half-read.

    Files that have not changed are read once: by the process that starts a run, for all the workers that it forks.

    Raises:
        SeedFileError: names file, line, field and what was expected, for the first thing that is wrong.
    """
    return list(_load(tuple(map(str, paths)), tuple(map(_state_of, paths))))


def _state_of(path: str | Path) -> tuple[int, ...]:
    """What tells a file from what it was before; nothing where there is none."""
    try:
        state = Path(path).stat()
    except (OSError, ValueError):
        return ()
    return state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns


@lru_cache(maxsize=8)
def _load(paths: tuple[str, ...], states: tuple[tuple[int, ...], ...]) -> tuple[SeedTask, ...]:
    tasks: list[SeedTask] = []
    seen: dict[tuple[str, str], str] = {}
    for path in paths:
        for number, line in enumerate(_read_lines(Path(path)), start=1):
            if not line.strip():
                continue
            where = f"{path}, line {number}"
            task = _read_task(line, where)
            for field, value in (("id", task.id), ("instruction", task.instruction)):
                if (field, value) in seen:
                    raise SeedFileError(
                        f"{where}, field {field!r}: expected one that occurs once, "
                        f"found that of {seen[field, value]} ({_shown(value)})."
                    )
                seen[field, value] = where
            tasks.append(task)
    if not tasks:
        raise SeedFileError(f"{', '.join(paths)}: no seed tasks; expected JSON lines such as {_SCHEMA}")
    return tuple(tasks)


def seed_row(task: SeedTask) -> dict[str, Any]:
    """The task as a JSON object of the authors' schema."""
    return {
        "id": task.id,
        "name": task.name,
        "instruction": task.instruction,
        "instances": [{"input": instance.input, "output": instance.output} for instance in task.instances],
        "is_classification": task.is_classification,
    }


def write_seed_tasks(tasks: Iterable[SeedTask], path: str | Path) -> None:
    """Writes a seed file that `load_seed_tasks` reads back as the same tasks."""
    lines = (json.dumps(seed_row(task), ensure_ascii=False) + "\n" for task in tasks)
    Path(path).write_text("".join(lines), encoding="utf-8")


def _read_lines(path: Path) -> list[str]:
    try:
        # Not splitlines(): it also cuts at characters such as U+2028, which JSON allows inside a string.
        return path.read_text(encoding="utf-8-sig").split("\n")
    except FileNotFoundError:
        raise SeedFileError(f"{path}: there is no such seed file.") from None
    except IsADirectoryError:
        raise SeedFileError(f"{path}: is a folder; expected a file of JSON lines.") from None
    except OSError as error:
        raise SeedFileError(f"{path}: cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError as error:
        raise SeedFileError(f"{path}: is not UTF-8 text (byte {error.start}); save it as UTF-8.") from None


def _read_task(line: str, where: str) -> SeedTask:
    try:
        row = storable(json.loads(line))
    except (ValueError, RecursionError) as error:
        raise SeedFileError(
            f"{where}: not JSON ({_fault(error)}); expected one object a line, such as {_SCHEMA}"
        ) from None
    if not isinstance(row, dict):
        raise SeedFileError(f"{where}: expected a JSON object, found {_kind(row)}.")
    instances = _field(row, "instances", list, where)
    if not instances:
        raise SeedFileError(f"{where}, field 'instances': expected at least one instance, found none.")
    return SeedTask(
        id=_text(row, "id", where),
        instruction=_text(row, "instruction", where).strip(),
        instances=tuple(_read_instance(instance, f"{where}, instance {k}") for k, instance in enumerate(instances, 1)),
        is_classification=_field(row, "is_classification", bool, where),
        name=_text(row, "name", where, may_be_empty=True) if "name" in row else "",
    )


def _fault(error: ValueError | RecursionError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}, column {error.colno}"
    return "too deep" if isinstance(error, RecursionError) else "too long a number"


def _read_instance(instance: Any, where: str) -> Instance:
    if not isinstance(instance, dict):
        raise SeedFileError(f"{where}: expected an object with 'input' and 'output', found {_kind(instance)}.")
    return Instance(
        input=_text(instance, "input", where, may_be_empty=True).strip(),
        output=_text(instance, "output", where).strip(),
    )


def _text(row: dict[str, Any], field: str, where: str, may_be_empty: bool = False) -> str:
    text: str = _field(row, field, str, where)
    if not text.strip() and not may_be_empty:
        raise SeedFileError(f"{where}, field {field!r}: expected a text, found an empty one.")
    return text


def _field(row: dict[str, Any], field: str, kind: type, where: str) -> Any:
    if field not in row:
        raise SeedFileError(f"{where}, field {field!r}: missing; expected {_NAMES[kind]}.")
    if not isinstance(row[field], kind):
        raise SeedFileError(f"{where}, field {field!r}: expected {_NAMES[kind]}, found {_kind(row[field])}.")
    return row[field]


_NAMES = {str: "a text", list: "a list", bool: "true or false", dict: "an object", int: "a number", float: "a number"}


def _kind(value: Any) -> str:
    return "null" if value is None else f"{_NAMES[type(value)]} ({_shown(value)})"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:60]}..."
