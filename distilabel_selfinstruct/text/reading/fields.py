"""The fields of an instance: its input and its output, or its class label."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from distilabel_selfinstruct.text.reading.json_lists import Found, json_elements, well_formed
from distilabel_selfinstruct.text.reading.marks import DRESS, EMPHASIS, UNDRESS, ends_in_colon, field_text, unfenced
from distilabel_selfinstruct.text.reading.remarks import is_remark, plain, without_closing
from distilabel_selfinstruct.text.rouge import unicode_tokens


@cache
def _field_mark(words: str) -> re.Pattern[str]:
    """The name of a field at the start of a line, in whatever dress, with its colon."""
    return re.compile(
        DRESS + r"(?:\d{1,2}[.)][ \t]*)?[*_]{0,3}"
        rf"(?:{words})[ \t]*#?\d{{0,3}}[ \t]*[*_]{{0,3}}[ \t]*[:：]" + UNDRESS,
        re.I | re.M,
    )


class _Fields(NamedTuple):
    """The marks of input and output: at the start of a line, and, for lines that hold both, anywhere."""

    on_lines: re.Pattern[str]
    anywhere: re.Pattern[str]


@cache
def _fields(output: str) -> _Fields:
    words = rf"(?P<input>(?:Sample )?Input)|(?P<output>{output})"
    return _Fields(_field_mark(words), re.compile(rf"\b(?:{words})\s?\d{{0,3}}\s?:"))


_OUTPUT, _LABEL_OR_OUTPUT = "(?:Expected |Sample )?Output", "Class label|Label|Output"
_LABEL_ANYWHERE, _LABEL_END = re.compile(r"\b(?:Class label|Label)\s?\d{0,3}\s?:", re.I), re.compile(r"\n|\sInput\s?:")


@cache
def _example() -> re.Pattern[str]:
    return re.compile(
        DRESS + r"Example(?:[ \t]*#?\d{1,3}[ \t]*[*_]{0,3}[ \t]*(?:[:.)]|$|(?=[(–—-]|[*_]{0,3}(?:Input|Output)\b))"
        # Without a number the word may as well stand in an output, unless a field follows.
        r"|[*_]{0,3}[ \t]*[:：]?[*_]{0,3}[ \t]*$(?=\s{0,9}[*_]{0,3}(?:Input|Output)\b))" + UNDRESS,
        re.I | re.M,
    )


_EXAMPLE_ANYWHERE = re.compile(r"Example\s?\d+\s?[:.)]?")


@cache
def _any_mark() -> re.Pattern[str]:
    return re.compile(
        DRESS + r"(?:Example[ \t]*#?\d|(?:Input|Output|Class label|Label)[ \t]*#?\d{0,3}[ \t]*[*_]{0,3}[ \t]*[:：])",
        re.I | re.M,
    )


_SAME_TASK = 0.6  # of the words of the shorter one that two wordings of one task share
_NO_INPUT = re.compile(
    r"[*_`]*(?:[<(\[]|&lt;)? ?"
    r"(?:no[ _-]?input(?: (?:is )?(?:needed|required|necessary|provided|given))?|none|n/a|empty)"
    r" ?(?:[>)\]]|&gt;)?\.?[*_`]*",
    re.I,
)


@cache
def _next_task() -> re.Pattern[str]:
    """The border of an answer in the form of our prompts, behind which a model goes on with the next task."""
    return re.compile(r"^[ \t]*[#>*_ ]{0,6}(?:Task[*_]{0,3}[ \t]*[:：]|Is it classification\?)[*_]{0,3}", re.I | re.M)


def begins_with_task(text: str) -> bool:
    """Whether an answer begins by naming a task, before which there may be a remark."""
    return _task_at_begin(text) is not None


def _task_at_begin(text: str) -> re.Match[str] | None:
    if (task := _next_task().search(text)) is None:
        return None
    before = text[: task.start()].strip()
    return task if not before or ("\n" not in before and is_remark(before)) else None


def begins_with_field(text: str) -> bool:
    """Whether an answer begins with the mark of an instance or of one of its fields."""
    return _any_mark().match(plain(text).lstrip()) is not None


def names_other_task(completion: str, instruction: str) -> bool:
    """Whether an answer begins with another task than the one it was asked about: then it is about that one."""
    text = plain(completion)
    if (task := _task_at_begin(text)) is None or not _any_mark().search(text, task.end()):
        return False
    named = Counter(unicode_tokens(text[task.end() :].strip().partition("\n")[0]))
    asked = Counter(unicode_tokens(instruction))
    shorter = min(named.total(), asked.total())
    return bool(shorter) and (named & asked).total() < _SAME_TASK * shorter


def _own_part(text: str) -> str:
    """The answer up to the next task; one that is named first is the one that was asked about."""
    task = _task_at_begin(text)
    border = _next_task().search(text, task.end() if task else 0)
    return text[: border.start()] if border else text


def find_instances(completion: str, is_classification: bool) -> Found:
    """The pairs of input and output that an answer gives, in order."""
    text = plain(completion)
    if (listed := json_elements(text, "instances", of_objects=True)) is not None:
        return Found([pair for each in listed if (pair := _json_pair(each)) is not None], is_json=True)
    text = without_closing(_own_part(unfenced(text, _any_mark())))
    pairs = _output_first(text) if is_classification else _input_first(text, _fields(_OUTPUT))
    return Found([(input_text(field_text(given)), field_text(output)) for given, output in pairs], is_json=False)


def input_text(text: str) -> str:
    """An input; empty where it says that there is none."""
    return "" if _NO_INPUT.fullmatch(text) else text


def _input_first(text: str, fields: _Fields) -> Iterator[tuple[str, str]]:
    """A pair or more of each part that `Example` divides, or of the whole; none without `Example` and `Output:`."""
    text = text.strip()
    is_one_line = "\n" not in text and _EXAMPLE_ANYWHERE.match(text)
    lead, *examples = _divided(text, _EXAMPLE_ANYWHERE if is_one_line else _example())
    unnamed, *named = _named(lead, fields)
    if any(name == "output" for name, _ in named):
        yield from _pairs(_without_preamble(unnamed[1]), named)
    for example in examples:
        unnamed, *named = _named(unfenced(example, _any_mark()), fields)
        if named:
            yield from _pairs(unnamed[1], named)
        elif unnamed[1]:
            yield "", unnamed[1]


def _divided(text: str, mark: re.Pattern[str]) -> list[str]:
    """The parts of a text between its marks, as `split` gives them, which cannot leave out the groups of a pattern."""
    spans = [found.span() for found in mark.finditer(text)]
    begins, ends = [0, *(end for _, end in spans)], [*(start for start, _ in spans), len(text)]
    return [text[begin:end].strip() for begin, end in zip(begins, ends)]


def _named(part: str, fields: _Fields) -> list[tuple[str, str]]:
    """The name and the text of each field of a part. What stands before the first name has none, and may be empty."""
    marks = list(fields.on_lines.finditer(part))
    pattern = fields.on_lines
    if not any(mark["output"] for mark in marks):
        pattern = fields.anywhere
        marks = list(pattern.finditer(part))
    names = ["", *("input" if mark["input"] else "output" for mark in marks)]
    return list(zip(names, _divided(part, pattern)))


def _pairs(unnamed: str, named: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """A pair for each input, with its first output or an empty one; without inputs one pair, with the first output."""
    given, output = unnamed if named[0][0] == "output" else "", None
    for name, text in named:
        if name == "output":
            output = text if output is None else output
        else:
            if given or output is not None:
                yield given, output or ""
            given, output = text, None
    yield given, output or ""


def _without_preamble(unnamed: str) -> str:
    """The text before the first field, which is an input without a name; without what a model says about the task."""
    if task := _field_mark("Task").match(unnamed):
        unnamed = unnamed[task.end() :].partition("\n")[2].strip()
    first, _, rest = unnamed.partition("\n")
    unnamed = rest.strip() if is_remark(first) else unnamed
    return "" if ends_in_colon(unnamed) else unnamed


def _output_first(text: str) -> Iterator[tuple[str, str]]:
    """After each `Class label:` the label to the end of the line, then the input.

    Where the input stands before its label all the same, or there is no label, it is read input first.
    """
    text = text.strip()
    is_one_line = "\n" not in text and len(_LABEL_ANYWHERE.findall(text)) > 1
    marks = (_LABEL_ANYWHERE,) if is_one_line else (_field_mark("Class label"), _field_mark("Label"))
    mark = next((mark for mark in marks if mark.search(text)), None)
    if mark is None or _field_mark("Input").search(_divided(text, mark)[0]):
        yield from _input_first(text, _fields(_LABEL_OR_OUTPUT))
        return
    for part in _divided(text, mark)[1:]:
        output, given = [*_LABEL_END.split(part, maxsplit=1), ""][:2]
        given = _divided(given, _example())[0]
        if (lead := _field_mark("Input").match(given)) is not None:
            given = given[lead.end() :]
        yield given, EMPHASIS.sub(r"\1", output.strip())


def _json_pair(element: Any) -> tuple[str, str] | None:
    """The pair that an object gives; None where it has no output."""
    if not isinstance(element, dict) or not isinstance(element.get("output"), str):
        return None
    given = element.get("input")
    return (
        input_text(well_formed(given).strip()) if isinstance(given, str) else "",
        well_formed(element["output"]).strip(),
    )
