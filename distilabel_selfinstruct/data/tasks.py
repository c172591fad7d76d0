"""What a row of any dataset asks for, and how it answers: by the columns that well-known datasets have."""

from __future__ import annotations

import ast
import json
from typing import Any, NamedTuple

from distilabel_selfinstruct.data.formats import Row
from distilabel_selfinstruct.data.storable import storable
from distilabel_selfinstruct.errors import ConfigError

CHATS = ("messages", "conversations", "conversation")
QUESTIONS = ("instruction", "prompt", "question", "query", "problem", "inputs")
LAST = ("items", "chosen", "input")  # which mean something else where one of the others is there
ABOVE, BELOW = ("system", "system_prompt"), ("input", "context")
ANSWERS = ("output", "response", "answer", "completion", "solution", "target", "targets", "answers", "chosen")
COLUMNS = (*CHATS, *QUESTIONS, *LAST, *ABOVE, *BELOW, *ANSWERS, "instances")
"""All columns that are looked at."""

_SYSTEM, _USER = ("system", "developer"), ("user", "human", "prompter")  # who a message is from


class Task(NamedTuple):
    """What a row holds: texts, which are empty where there is none."""

    system: str
    instruction: str
    input: str
    output: str

    @property
    def whole(self) -> str:
        """The instruction with what belongs to it: what the system says above it, an input below it."""
        return "\n\n".join(filter(None, self[:3])) if self.instruction else ""

    @property
    def told(self) -> str:
        """The instruction below what the system says."""
        return "\n\n".join(filter(None, self[:2])) if self.instruction else ""


def tasks_of(row: Row, where: str) -> list[Task]:
    """The tasks of a row: one, or, where it is a seed task, one for each of its instances.

    Raises:
        ConfigError: if it holds something else.
    """
    instances = row.get("instances")
    if not (isinstance(instances, list) and instances and all(isinstance(each, dict) for each in instances)):
        return [task_of(row, where)]
    rest = {name: value for name, value in row.items() if name != "instances"}
    return [task_of(rest | each, where) for each in instances]


def task_of(row: Row, where: str, named: str | None = None, hint: str = "") -> Task:
    """The task of a row.

    Args:
        row: of any dataset.
        where: names the row in errors.
        named: the column with the instruction; by default the first of the known ones with something in it.
        hint: how a column is named, for errors.

    Raises:
        ConfigError: if there is no such column, or something else in it.
    """
    column = named or _column(row, where, hint)
    place = f"{where}, column {column!r}"
    chat = messages_in(row.get(column))
    if chat is not None:
        system, instruction, output = _turns(chat, place)
    elif named is None and column in (*CHATS, *LAST[:2]) and row.get(column):
        naming = f"; a column of texts is named with {hint}" if hint else ""
        raise ConfigError(f"{place}: expected a list of messages, found {shown(row[column])}{naming}.")
    else:
        system, instruction, output = "", text_of(row, column, where), ""
    below = "\n\n".join(filter(None, _below(row, column, where))) if instruction and chat is None else ""
    above = "\n\n".join(
        filter(None, [*(_belonging(row, name, where) for name in ABOVE if name in row and name != column), system])
    )
    return Task(above, instruction, below, output or _answer(row, column, where))


def messages_in(value: Any) -> list[Any] | None:
    """The messages of a chat, also where they are written as JSON, or as Python writes a list; None where none are."""
    if isinstance(value, str) and value.lstrip()[:1] == "[":
        value = _read_list(value)
        if not (isinstance(value, list) and value and all(isinstance(each, dict) for each in value)):
            return None
        if not all({"role", "from"} & each.keys() for each in value):
            return None
    return value if isinstance(value, list) else None


def _read_list(text: str) -> Any:
    try:
        return storable(json.loads(text))
    except (ValueError, RecursionError):
        pass
    try:
        return storable(ast.literal_eval(text.strip()))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def text_of(row: Row, column: str, where: str) -> str:
    """The text in a column, which may be empty: that is a fault of the data, and not of who names the column.

    Raises:
        ConfigError: if there is no such column, or something else than a text in it.
    """
    if column not in row:
        raise ConfigError(f"{where}: there is no column {column!r}; there are: {', '.join(map(str, row))}.")
    return as_text(row[column], f"{where}, column {column!r}")


def as_text(value: Any, where: str) -> str:
    """The text, or nothing where there is nothing.

    Raises:
        ConfigError: if it is something else.
    """
    if value is not None and not isinstance(value, str):
        raise ConfigError(f"{where}: expected a text, found {shown(value)}.")
    return (value or "").strip()


def shown(value: Any) -> str:
    """The beginning of a value, for an error."""
    return f"{str(value)[:60]!r}"


def _column(row: Row, where: str, hint: str) -> str:
    """The first of the known columns with something in it, or the first that is there."""
    there = [name for name in (*CHATS, *QUESTIONS) if name in row] or [name for name in LAST if name in row]
    if not there:
        raise ConfigError(
            f"{where}: which column has the instructions? {_named_so(hint)}; there are: {', '.join(map(str, row))}."
        )
    return next((name for name in there if row[name]), there[0])


def _named_so(hint: str) -> str:
    return f"Name it with {hint}" if hint else f"Known are {', '.join((*CHATS, *QUESTIONS))}"


def _below(row: Row, column: str, where: str) -> list[str]:
    """What stands below an instruction."""
    if isinstance(instances := row.get("instances"), list) and instances:  # a seed task's, of which the first counts
        row, where = instances[0], f"{where}, column 'instances'"
        if not isinstance(row, dict):
            raise ConfigError(f"{where}: expected objects with input and output, found {shown(row)}.")
    return [_belonging(row, name, where) for name in BELOW if name in row and name != column]


def _belonging(row: Row, name: str, where: str) -> str:
    """What belongs to an instruction: a text, or a number."""
    value = row[name]
    if value is None or isinstance(value, (str, int, float)):
        return str("" if value is None else value).strip()
    raise ConfigError(
        f"{where}, column {name!r}: expected a text that belongs to the instruction, found {shown(value)}; write it as"
        " a text, or give the column another name."
    )


def _answer(row: Row, column: str, where: str) -> str:
    """The first answer that a row has; empty where it has none that is a text."""
    if isinstance(instances := row.get("instances"), list) and instances and isinstance(instances[0], dict):
        row = instances[0]
    there = [row[name] for name in ANSWERS if row.get(name) is not None and name != column]
    return next((text for value in there if (text := _answer_in(value, where))), "")


def _answer_in(value: Any, where: str) -> str:
    """The text of an answer, which may be a number, one of several, or what is said in messages."""
    if isinstance(value, dict):
        value = value.get("text")  # as SQuAD has them
    chat = messages_in(value)
    if chat and all(isinstance(message, dict) for message in chat):
        return next(
            (
                text
                for message in chat
                if _speaker(message) not in (*_SYSTEM, *_USER) and (text := _content(message, where))
            ),
            "",
        )
    if isinstance(value, list):
        value = value[0] if value else ""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return str(value).strip() if isinstance(value, str) or is_number else ""


def _turns(messages: list[Any], where: str) -> tuple[str, str, str]:
    """What the system says, what the user says first, and what is answered; no instruction where that is no text."""
    system, asked, answered = [], None, ""
    for message in messages:
        speaker = _speaker(message)
        if speaker is None:
            raise ConfigError(
                f"{where}: expected messages with role and content, or from and value, found {shown(message)}."
            )
        if asked is None and speaker in _SYSTEM:
            system.append(_content(message, where) or "")
        elif asked is None and speaker in _USER:
            asked = _content(message, where)
            if not asked:
                break
        elif asked is not None:
            answered = (_content(message, where) or "") if speaker not in _USER else ""
            break
    return "\n\n".join(filter(None, system)), asked or "", answered


def _speaker(message: Any) -> str | None:
    """Who says it; None where it is no message."""
    known = message if isinstance(message, dict) else {}
    speaker = known.get("role") or known.get("from")
    return speaker.lower() if isinstance(speaker, str) and {"content", "value"} & known.keys() else None


def _content(message: Row, where: str) -> str | None:
    """The text of a message, which may come in parts; None where one of them is a picture or the like."""
    content = message.get("content") or message.get("value")
    parts = content if isinstance(content, list) else [content]
    texts = [part.get("text") if isinstance(part, dict) else part for part in parts]
    if any(isinstance(part, dict) and part.get("type", "text") != "text" for part in parts):
        return None
    return "\n".join(as_text(text, where) for text in texts)
