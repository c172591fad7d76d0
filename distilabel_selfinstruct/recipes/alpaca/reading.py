"""Alpaca's lists of tasks: instruction, input and output of each in one completion, `###` between them.

Alpaca's own reader (post_process_gpt3_response of generate_instruction.py) splits at `###` and wants the number of the
task before each of its three fields. This one also understands what chat models make of the form, and other spellings
of `<noinput>`. It is as strict about what it takes: a task has its three fields, in their order, each once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from distilabel_selfinstruct.text.reading.fields import input_text
from distilabel_selfinstruct.text.reading.json_lists import json_elements, well_formed
from distilabel_selfinstruct.text.reading.marks import DRESS, UNDRESS, field_text, undressed, unfenced
from distilabel_selfinstruct.text.reading.remarks import is_remark, plain, without_closing


@dataclass(frozen=True, slots=True)
class ListedTask:
    """What stands in a list where a task is expected.

    Attributes:
        instruction: on one line; None where there is none.
        input: empty where it says that there is none.
        output: as it stands.
        fault: the reason code of what spoils it: `truncated`, `missing_field` or `field_order` (the fields are there,
            one of them twice or in another order).
        text: the whole task as it stands.
    """

    instruction: str | None
    input: str
    output: str
    fault: str | None
    text: str


_FIELDS = ("instruction", "input", "output")


@cache
def _field() -> re.Pattern[str]:
    return re.compile(
        DRESS + r"(?:(?P<before>\d{1,3})[ \t]?[.)][ \t]*)?[*_]{0,3}(?P<name>Instruction|Input|Output|Response)"
        r"[ \t]*#?(?P<after>\d{0,3})[ \t]*[*_]{0,3}[ \t]*[:：]" + UNDRESS,
        re.I | re.M,
    )


@cache
def _heading() -> re.Pattern[str]:
    # A line such as "Task 5" or "5. **A title**" above the fields.
    return re.compile(
        DRESS + r"(?:(?:Task|Example|Item)[ \t]*#?\d{1,3}\b[^\n]{0,80}"
        r"|\d{1,3}[.)][*_]{0,3}[ \t]*(?:[*_]{2}[^\n]{1,80}[*_]{2})?)\s{0,9}\Z",
        re.I | re.M,
    )


_LONGEST_HEADING = 150
_SEPARATOR = re.compile(r"^[ \t]*#{2,}[ \t]*$", re.M)


def list_tasks(completion: str, cut_reason: str | None = None) -> list[ListedTask]:
    """The tasks that a completion lists, in their order, before any rule; also those that something is wrong with.

    Args:
        completion: what the model wrote; for one that went on with a text, after the mark that the text ended in.
        cut_reason: the reason code of its last task where it may have ended within that. What a `###` follows is
            whole all the same.
    """
    text = plain(completion)
    if (elements := json_elements(text, "tasks", of_objects=True)) is not None:
        return [_of_json(element) for element in elements if isinstance(element, dict)]
    text = unfenced(text, _field())
    is_cut = cut_reason is not None and not text.rstrip().endswith("###")
    tasks = [_task(piece) for piece in _pieces(text if is_cut else without_closing(text))]
    if is_cut and tasks:
        tasks[-1] = replace(tasks[-1], fault=cut_reason)
    return tasks


def _pieces(text: str) -> Iterator[str]:
    """The parts that hold a task, or should: between separators, and from an instruction to the next."""
    starts = [mark for mark in _field().finditer(text) if mark["name"].lower() == "instruction"]
    starts = [mark for mark in starts if _number(mark)] or starts
    borders = [mark.span() for mark in _SEPARATOR.finditer(text)]
    borders += [(_begin(text, mark), mark.start()) for mark in starts]
    begin = 0
    for number, (end, next_begin) in enumerate([*sorted(borders), (len(text), len(text))]):
        piece = text[begin:end].strip()
        if piece and (_field().search(piece) or (number and not is_remark(piece))):
            yield piece
        begin = next_begin


def _begin(text: str, instruction: re.Match[str]) -> int:
    """Where the task of this mark begins: at the heading above it, if its number stands there."""
    begin = instruction.start()
    heading = _heading().search(text, max(0, begin - _LONGEST_HEADING), begin)
    return begin if heading is None or _number(instruction) else heading.start()


def _number(mark: re.Match[str]) -> str:
    return mark["before"] or mark["after"]


def _task(piece: str) -> ListedTask:
    marks = _marks(piece)
    names = ["output" if mark["name"].lower() == "response" else mark["name"].lower() for mark in marks]
    ends = [*(mark.start() for mark in marks[1:]), len(piece)]
    fields = {name: piece[mark.end() : end].strip() for name, mark, end in zip(names, marks, ends)}
    return _of_fields(fields, piece, is_in_order=names == list(_FIELDS))


def _marks(piece: str) -> list[re.Match[str]]:
    """The marks of the fields. Where they carry the task's number, those without stand within a field."""
    marks = list(_field().finditer(piece))
    numbers = [_number(mark) for mark in marks]
    if not any(numbers[1:]):
        return marks
    own = next(filter(None, numbers))
    return [mark for at, mark in enumerate(marks) if at == 0 or numbers[at] == own]


def _of_json(element: dict[str, Any]) -> ListedTask:
    fields = {name: well_formed(element[name]) for name in _FIELDS if isinstance(element.get(name), str)}
    return _of_fields(fields, well_formed(str(element)), is_in_order=True)


def _of_fields(fields: dict[str, str], text: str, is_in_order: bool) -> ListedTask:
    fault = "missing_field" if len(fields) < len(_FIELDS) else None if is_in_order else "field_order"
    return ListedTask(
        instruction=undressed(fields["instruction"]) if "instruction" in fields else None,
        input=input_text(field_text(fields.get("input", ""))),
        output=field_text(fields.get("output", "")),
        fault=fault,
        text=text,
    )
