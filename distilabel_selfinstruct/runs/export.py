"""The dataset of a run, or any other, in the forms that trainers read: files of a folder, whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from distilabel_selfinstruct.data.columns import columns_of
from distilabel_selfinstruct.data.dataset import features_of
from distilabel_selfinstruct.data.files import write_whole
from distilabel_selfinstruct.data.folder import RunFolder
from distilabel_selfinstruct.data.sources import iter_source
from distilabel_selfinstruct.data.tasks import Task, tasks_of
from distilabel_selfinstruct.data.trainers import (
    Shape,
    axolotl_options,
    llama_factory_entry,
    llama_factory_options,
)
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.recipe import Column
from distilabel_selfinstruct.steps.format import as_alpaca, as_messages, as_prompt_completion
from distilabel_selfinstruct.text.conversations import exchanges

ExportFormat = Literal[
    "jsonl", "openai", "sharegpt", "chatml", "alpaca", "prompt_completion", "csv", "parquet", "preference"
]
FORMATS: tuple[ExportFormat, ...] = get_args(ExportFormat)
Row = dict[str, Any]

_PAIRS = ("prompt", "chosen", "rejected")
_NAME = "self_instruct"  # of the dataset in LLaMA-Factory's list
_HELD_OUT = "self_instruct_held_out"
_INFO, _LLAMA_FACTORY, _AXOLOTL = "dataset_info.json", "llama_factory.yaml", "axolotl.yaml"
_FEWEST = 10  # examples that OpenAI's fine-tuning takes: platform.openai.com/docs/guides/supervised-fine-tuning
_ONE_ANSWER = ("alpaca", "prompt_completion")  # forms with one answer a row
_SHAPES: dict[ExportFormat, Shape] = {
    "openai": "messages",
    "chatml": "messages",
    "sharegpt": "conversations",
    "alpaca": "fields",
    "prompt_completion": "prompt_completion",
    "preference": "pairs",
}


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Attributes:
        files: each with how many rows it has.
        notes: what a user should know.
        extras: files that describe the data to tools.
    """

    files: dict[Path, int]
    notes: list[str] = field(default_factory=list)
    extras: list[Path] = field(default_factory=list)


def export(
    what: str,
    to: ExportFormat,
    out: Path | None = None,
    config: str | None = None,
    share: float | None = None,
    seed: int = 0,
) -> Exported:
    """Writes `train` and, where it is split, `test`, each with an ending that says its form.

    Rows of the same instruction are never on both sides of the split, and each text is written once.

    Args:
        what: a run folder, or any other source, see `data.sources.read_source`.
        to: the form: `jsonl`, `csv` and `parquet` keep all columns; the others are those of trainers.
        out: the folder; of a run its `export` by default.
        config: of the dataset; by default the instances, or, for preference pairs, those.
        share: of the instructions, that goes into `train`; all of it where None.
        seed: of the split, and of the templates of prompts.

    Raises:
        ConfigError: if there is nothing of the kind, or the folder holds something else.
    """
    if share is not None and not 0 < share < 1:
        raise ConfigError(f"--split: expected a share between 0 and 1, such as 0.95, got {share}.")
    run = RunFolder(what)
    if out is None and not run.is_run:
        raise ConfigError(f"{what}: is no run folder; say where to write to: --out FOLDER.")
    folder = out or run.path / "export" / to
    config = config or ("preferences" if to == "preference" and run.is_run else None)
    _check_config(run, config, what, to)
    notes: list[str] = []
    rows = list(iter_source(what, config, notes=notes))
    made, lacking = _made(rows, to, what, seed)
    if lacking:
        notes.append(f"{lacking:,} rows without an instruction or an answer were left out.")
    if not made:
        raise ConfigError(f"{what}: there are no rows to export.")
    train, test = _split(made, share, seed)
    if to == "openai" and len(train) < _FEWEST:
        notes.append(f"OpenAI's fine-tuning takes no fewer than {_FEWEST} examples, and these are {len(train)}.")
    columns = columns_of(run.recipe()) if run.is_run else None
    return _write(folder, to, train, test, notes, columns)


def _check_config(run: RunFolder, config: str | None, what: str, to: ExportFormat) -> None:
    if not run.is_run or config is None or (run.dataset_path / config).is_dir():
        return
    there = ", ".join(sorted(path.name for path in run.dataset_path.glob("[!.]*"))) or "none yet"
    more = f" Make pairs of it with: self-instruct run preferences --source {what}." if to == "preference" else ""
    raise ConfigError(f"{what}: the run has no config {config!r}; there are: {there}.{more}")


# --- rows -------------------------------------------------------------------------------------------------------------


def _made(rows: Sequence[Row], to: ExportFormat, what: str, seed: int) -> tuple[list[tuple[str, Row]], int]:
    """The rows in their form, each text once and with its instruction, and how many rows have nothing to write."""
    made: dict[str, tuple[str, Row]] = {}
    lacking = 0
    for number, row in enumerate(rows, 1):
        where = f"{what}, row {number}"
        found = _pair(row, where) if to == "preference" else _instances(row, to, where, seed)
        lacking += not found
        for task, instruction, each in found:
            made.setdefault(task, (instruction, each))
    return list(made.values()), lacking


def _instances(row: Row, to: ExportFormat, where: str, seed: int) -> list[tuple[str, str, Row]]:
    """What tells it from others, its instruction, and how it is written."""
    found = []
    for at, task in enumerate([*tasks_of(row, where), *(_later(row) if to in _ONE_ANSWER else [])]):
        if not (task.instruction and task.output):
            continue
        if to in ("jsonl", "csv", "parquet"):
            return [(repr(task), task.instruction, row)]
        choice = random.Random(f"{seed}-{row.get('instance_id') or f'{where}-{at}'}")
        written = _WRITERS[to](row, task.told, task.input, task.output, choice)
        if task.system and "messages" in written and "messages" not in row:
            question = as_messages(task.instruction, task.input, task.output, choice)["messages"]
            written = {"messages": [_said("system", task.system), *question]}
        found.append((repr(task), task.instruction, written if to != "sharegpt" else _as_conversations(written)))
    return found


def _later(row: Row) -> list[Task]:
    """The later turns of a conversation, each below what was said before."""
    messages = row.get("messages") if row.get("turns") else None
    return [Task("", *texts) for texts in exchanges(row)[1:]] if messages else []


def _chat(row: Row, instruction: str, given: str, output: str, choice: random.Random) -> Row:
    """The messages of the row, where it has some, with nothing but role and content; else question and answer."""
    messages = row.get("messages")
    if not (isinstance(messages, list) and messages and all(isinstance(each, dict) for each in messages)):
        return as_messages(instruction, given, output, choice)
    return {"messages": [_said(each["role"], each["content"]) for each in messages]}


def _chat_with_thoughts(row: Row, instruction: str, given: str, output: str, choice: random.Random) -> Row:
    """The same, with what the model thought, where that was kept."""
    written, thoughts = _chat(row, instruction, given, output, choice), row.get("reasoning")
    if thoughts and written["messages"][-1]["role"] == "assistant":
        written["messages"][-1]["thinking"] = thoughts
    return written


def _said(role: str, content: str) -> Row:
    return {"role": role, "content": content}


def _as_conversations(chat: Row) -> Row:
    """As ShareGPT has them."""
    speakers = {"user": "human", "assistant": "gpt"}
    return {
        "conversations": [
            {"from": speakers.get(each["role"], each["role"]), "value": each["content"]} for each in chat["messages"]
        ]
    }


_WRITERS: dict[str, Callable[[Row, str, str, str, random.Random], Row]] = {
    "openai": _chat,
    "sharegpt": _chat,
    "chatml": _chat_with_thoughts,
    "alpaca": lambda row, *task: as_alpaca(*task),
    "prompt_completion": lambda row, *task: as_prompt_completion(*task),
}


def _pair(row: Row, where: str) -> list[tuple[str, str, Row]]:
    """A preference pair as TRL has it: a chat and two answers."""
    if missing := [name for name in _PAIRS if name not in row]:
        raise ConfigError(f"{where}: preference pairs have the columns {', '.join(_PAIRS)}; there is no {missing[0]}.")
    prompt = _messages(row["prompt"], "user")
    chosen, rejected = (_messages(row[name], "assistant")[-1:] for name in _PAIRS[1:])
    if not (prompt and chosen and rejected and all(each["content"] for each in (prompt[0], *chosen, *rejected))):
        return []
    asked = next((each["content"] for each in prompt if each["role"] == "user"), "")
    pair = {"prompt": prompt, "chosen": chosen, "rejected": rejected}
    return [(repr(pair), asked, pair)]


def _messages(value: Any, role: str) -> list[Row]:
    if isinstance(value, str):
        return [_said(role, value)]
    return [_said(each["role"], each["content"]) for each in value or []]


def _split(made: list[tuple[str, Row]], share: float | None, seed: int) -> tuple[list[Row], list[Row]]:
    """The rows of so large a share of the instructions, drawn, and the rest; both in their order."""
    if share is None:
        return [row for _, row in made], []
    keys = sorted({_key(instruction) for instruction, _ in made})
    if len(keys) < 2:
        raise ConfigError("--split: there is one instruction only, and one cannot be on both sides.")
    random.Random(seed).shuffle(keys)
    train = set(keys[: min(max(1, round(share * len(keys))), len(keys) - 1)])
    sides: tuple[list[Row], list[Row]] = ([], [])
    for instruction, row in made:
        sides[_key(instruction) not in train].append(row)
    return sides


def _key(instruction: str) -> str:
    return " ".join(instruction.casefold().split())


# --- files ------------------------------------------------------------------------------------------------------------


def _write(
    folder: Path,
    to: ExportFormat,
    train: list[Row],
    test: list[Row],
    notes: list[str],
    columns: Mapping[str, Column] | None,
) -> Exported:
    ending = to if to in ("csv", "parquet") else "jsonl"
    names = [f"train.{ending}", f"test.{ending}"]
    described = [f"{name}.jsonl" for name in (_NAME, _HELD_OUT)] if to == "preference" else names
    known = {*names, *described, _INFO, _LLAMA_FACTORY, _AXOLOTL}
    _check_folder(folder, known)
    folder.mkdir(parents=True, exist_ok=True)
    for name in known:
        (folder / name).unlink(missing_ok=True)
    files = {folder / name: rows for name, rows in zip(names, (train, test)) if rows}
    for path, rows in files.items():
        if to == "parquet":
            _write_parquet(path, rows, columns)
        else:
            (_write_table if to == "csv" else _write_lines)(path, rows)
    extras = _describe(folder, _SHAPES[to], names, described, train, test) if to in _SHAPES else []
    return Exported({path: len(rows) for path, rows in files.items()}, notes, extras)


def _check_folder(folder: Path, known: set[str]) -> None:
    """Raises ConfigError where there is anything that an export would not write again."""
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder}: is a file, and a folder is needed; choose another --out.")
    other = next((path.name for path in sorted(folder.glob("*")) if path.name not in known), None)
    if other is not None:
        raise ConfigError(f"{folder}: holds something else ({other}); choose another --out.")


def _describe(
    folder: Path, shape: Shape, names: list[str], described: list[str], train: list[Row], test: list[Row]
) -> list[Path]:
    """Writes what LLaMA-Factory and axolotl read besides; the former takes texts for the answers of pairs."""
    sides = [(name, file, rows) for name, file, rows in zip((_NAME, _HELD_OUT), described, (train, test)) if rows]
    if shape == "pairs":
        for _, file, rows in sides:
            _write_lines(folder / file, map(_pair_of_texts, rows))
    info = {name: llama_factory_entry(shape, file) for name, file, _ in sides}
    write_whole(folder / _INFO, json.dumps(info, indent=2) + "\n")
    held_out = _HELD_OUT if test else None
    _write_yaml(folder / _LLAMA_FACTORY, llama_factory_options(_NAME, held_out))
    _write_yaml(folder / _AXOLOTL, axolotl_options(shape, names[0], names[1] if test else None))
    return [folder / name for name in (_INFO, _LLAMA_FACTORY, _AXOLOTL)]


def _pair_of_texts(row: Row) -> Row:
    prompt = "\n\n".join(each["content"] for each in row["prompt"])
    return {"prompt": prompt, **{name: row[name][-1]["content"] for name in _PAIRS[1:]}}


def _write_yaml(path: Path, options: Mapping[str, Any]) -> None:
    import yaml

    options = json.loads(json.dumps(options))  # so that YAML writes nothing by reference
    write_whole(path, yaml.safe_dump(options, sort_keys=False, allow_unicode=True))


def _write_lines(path: Path, rows: Iterable[Row]) -> None:
    write_whole(path, "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows))


def _write_table(path: Path, rows: Sequence[Row]) -> None:
    """Lists and objects as JSON, which the reader of sources reads again as messages."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        cells = {
            name: json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, (list, dict)) else value
            for name, value in row.items()
        }
        writer.writerow(cells)
    write_whole(path, text.getvalue())


def _write_parquet(path: Path, rows: Sequence[Row], columns: Mapping[str, Column] | None) -> None:
    """With the types of the run's columns, also where nothing stands in them."""
    from datasets import Dataset, disable_progress_bars

    disable_progress_bars()
    known = features_of(rows[0], columns) if columns is not None and rows[0].keys() <= columns.keys() else None
    draft = path.with_suffix(".tmp")
    Dataset.from_list(list(rows), features=known).to_parquet(draft)
    draft.replace(path)
