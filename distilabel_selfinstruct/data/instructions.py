"""The instructions that a source has, whatever form its rows have."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from distilabel_selfinstruct.data.rows import Row
from distilabel_selfinstruct.data.sources import as_text, read_lines, read_source, shown, text_of
from distilabel_selfinstruct.errors import ConfigError

_CHATS, _TEXTS = ("messages", "conversations"), ("instruction", "prompt")  # the columns that are looked for
_ABOVE, _BELOW = ("system", "system_prompt"), ("input", "context")  # the columns that belong to an instruction
_SYSTEM, _USER = ("system", "developer"), ("user", "human")  # who a message is from


class Instructions(NamedTuple):
    """What a source has: its instructions, each once, and the numbers of the rows without one."""

    texts: list[str]
    empty: list[int]


def read_instructions(
    source: str,
    config: str | None = None,
    split: str = "train",
    max_instructions: int | None = None,
    column: str | None = None,
) -> Instructions:
    """The instructions of a source, in their order.

    An instruction is the text of a column, or, where that holds messages, what the user says first in them. What
    belongs to it is part of it: what the system says (a message before the user's, or a column `system` or
    `system_prompt`) stands above it, and a column `input` or `context` below it.

    Args:
        source: see `read_source`; a `.txt` file has an instruction a line, unless a column is named.
        config: of the dataset; of a run its `instances` by default.
        split: of the dataset.
        max_instructions: how many rows are read at most.
        column: the column with the instructions; by default `messages`, `conversations`, `instruction` or `prompt`,
            the first of them that a row has.

    Raises:
        ConfigError: if there are none, or a row holds something else.
    """
    path = Path(source)
    if column is None and path.suffix.lower() == ".txt" and not path.is_dir():
        rows = [{"instruction": line} for line in read_lines(path, max_instructions)]
    else:
        columns = [*_CHATS, *_TEXTS, *_ABOVE, *_BELOW, "instances", *([column] if column else [])]
        rows = read_source(source, config, split, max_instructions, columns)
    texts = [_instruction(row, column, f"{source}, row {number}") for number, row in enumerate(rows, 1)]
    if not any(texts):
        raise ConfigError(f"{source}: there are no instructions in it.")
    empty = [number for number, text in enumerate(texts, 1) if not text]
    return Instructions(list(dict.fromkeys(filter(None, texts))), empty)


def _instruction(row: Row, named: str | None, where: str) -> str:
    """What a row asks for; empty where it asks for nothing."""
    column = named or _column(row, where)
    given = row.get(column)
    if isinstance(given, list):
        parts = _first_turn(given, f"{where}, column {column!r}")
    elif named is None and column in _CHATS and given:
        raise ConfigError(
            f"{where}, column {column!r}: expected a list of messages, found {shown(given)}; a column of texts is named"
            " with --instruction-column."
        )
    else:
        text = text_of(row, column, where)
        parts = [text, *_inputs(row, column, where)] if text else []
    if parts:
        parts = [*(_belonging(row, name, where) for name in _ABOVE if name in row and name != column), *parts]
    return "\n\n".join(filter(None, parts))


def _column(row: Row, where: str) -> str:
    """The first of the known columns with something in it, or the first that is there."""
    there = [name for name in (*_CHATS, *_TEXTS) if name in row]
    if not there:
        raise ConfigError(
            f"{where}: which column has the instructions? Name it with --instruction-column; there are:"
            f" {', '.join(map(str, row))}."
        )
    return next((name for name in there if row[name]), there[0])


def _inputs(row: Row, column: str, where: str) -> list[str]:
    """What stands below an instruction."""
    if isinstance(instances := row.get("instances"), list) and instances:  # a seed task's, of which the first counts
        row, where = instances[0], f"{where}, column 'instances'"
        if not isinstance(row, dict):
            raise ConfigError(f"{where}: expected objects with input and output, found {shown(row)}.")
    return [_belonging(row, name, where) for name in _BELOW if name in row and name != column]


def _belonging(row: Row, name: str, where: str) -> str:
    """What belongs to an instruction: a text, or a number."""
    value = row[name]
    if value is None or isinstance(value, (str, int, float)):
        return str("" if value is None else value).strip()
    raise ConfigError(
        f"{where}, column {name!r}: expected a text that belongs to the instruction, found {shown(value)}; write it as"
        " a text, or give the column another name."
    )


def _first_turn(messages: list[Any], where: str) -> list[str]:
    """What the user says first, below what the system says before; nothing where the user says nothing."""
    parts = []
    for message in messages:
        known = message if isinstance(message, dict) else {}
        speaker = known.get("role") or known.get("from")
        if not isinstance(speaker, str) or not {"content", "value"} & known.keys():
            raise ConfigError(
                f"{where}: expected messages with role and content, or from and value, found {shown(message)}."
            )
        if speaker.lower() in (*_SYSTEM, *_USER):
            parts.append(_content(known.get("content") or known.get("value"), where))
        if speaker.lower() in _USER:
            return parts if parts[-1] else []
    return []


def _content(content: Any, where: str) -> str:
    """The text of a message, which may come in parts."""
    parts = content if isinstance(content, list) else [content]
    is_text = [isinstance(part, dict) and part.get("type") == "text" for part in parts]
    return "\n".join(as_text(part.get("text") if known else part, where) for part, known in zip(parts, is_text))
