"""Completion -> instructions, yes or no, instances.

A preset that is not `tolerant` reads exactly as the authors' scripts do (bootstrap_instructions.py,
prepare_for_finetuning.py). A tolerant one also understands what chat models do to a text: preambles, bold, bullets,
fences, other numberings, CRLF, JSON. No text makes a function here raise.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from distilabel_selfinstruct.presets import Preset, get_preset


@dataclass(frozen=True, slots=True)
class Instance:
    """One example of an instruction: an input, which may be empty, and its output."""

    input: str
    output: str


@dataclass(frozen=True, slots=True)
class Listed:
    """What a completion lists: the items it gives whole, and those that its length cut off."""

    items: list[Any]
    truncated: list[Any]


def parse_instructions(
    completion: str, finish_reason: str | None = None, preset: str | Preset = "default"
) -> list[str]:
    """The candidate instructions of a bootstrap completion, normalised, in order, before any rule.

    Args:
        completion: what the model wrote after the numbered shots.
        finish_reason: "length" where the completion was cut; what the cut spoiled is left out.
        preset: name or preset; decides how tolerantly it is read.
    """
    return list_instructions(completion, finish_reason, preset).items


def list_instructions(completion: str, finish_reason: str | None, preset: str | Preset) -> Listed:
    """As `parse_instructions`, with the candidates that the cut spoiled."""
    preset = get_preset(preset)
    if preset.tolerant:
        texts = [_clean(item) for item in _tolerant_items(completion)]
    else:
        texts = [" ".join(item.split()) for item in re.split(r"\n\d+\s?\. ", completion)]
    items = [normalise_instruction(text, preset) for text in texts if text]
    return _without_cut(items, finish_reason, preset.keep_truncated)


def normalise_instruction(text: str, preset: str | Preset = "default") -> str:
    """White space collapsed and the first letter raised; `paper` lowers all others, as the authors' code does."""
    text = " ".join(text.split())
    if get_preset(preset).lower_case_rest:
        return text.capitalize()
    return text[:1].upper() + text[1:]


def parse_classification(completion: str) -> bool | None:
    """Whether the answer to "Is it classification?" is yes or no; None where it is neither."""
    if (answer := _json_object(completion)) is not None:
        value = answer.get("is_classification")
        return value if isinstance(value, bool) else None
    line = next((line for line in completion.splitlines() if line.strip()), "")
    words = re.findall(r"[a-z]+", line.lower())
    said = {word for word in words if word in ("yes", "no")}
    if words and words[0] in said:
        return words[0] == "yes"
    return "yes" in said if len(said) == 1 else None


def parse_instances(
    completion: str,
    is_classification: bool,
    finish_reason: str | None = None,
    preset: str | Preset = "default",
) -> list[Instance]:
    """The instances of a completion, in order, before any rule.

    Args:
        completion: what the model wrote to the output-first (classification) or input-first prompt.
        is_classification: which of the two it was.
        finish_reason: "length" where the completion was cut; its last instance is left out then.
        preset: name or preset; decides how tolerantly it is read.
    """
    return list_instances(completion, is_classification, finish_reason, preset).items


def list_instances(
    completion: str, is_classification: bool, finish_reason: str | None, preset: str | Preset
) -> Listed:
    """As `parse_instances`, with the instance that the cut spoiled."""
    preset = get_preset(preset)
    marks = _TOLERANT if preset.tolerant else _AUTHORS
    if preset.tolerant:
        if (answer := _json_object(completion)) is not None:
            return _without_cut(list(_json_instances(answer)), finish_reason, keep=True)
        completion = _unfenced(completion)
    read = _output_first if is_classification else _input_first
    instances = list(read(completion, marks))
    if preset.tolerant:
        instances = [Instance(_NO_INPUT.sub("", each.input), each.output) for each in instances]
    return _without_cut(instances, finish_reason, keep=True)


def _without_cut(items: list[Any], finish_reason: str | None, keep: bool) -> Listed:
    """Splits off what a cut spoiled: the last item, or all of them."""
    if finish_reason != "length":
        return Listed(items, [])
    return Listed(items[:-1], items[-1:]) if keep else Listed([], items)


# --- instances -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Marks:
    """How the fields of an instance are marked."""

    example: re.Pattern[str]
    input: re.Pattern[str]
    output: re.Pattern[str]
    label: re.Pattern[str]


_AUTHORS = _Marks(
    example=re.compile(r"Example\s?\d*\.?"),
    input=re.compile(r"Input\s*\d*\s*:"),
    output=re.compile(r"Output\s*\d*\s*:"),
    label=re.compile(r"Class label:"),
)


def _line_mark(words: str, colon: str) -> re.Pattern[str]:
    """A mark at the start of a line, in any case, with whatever markdown a chat model puts around it."""
    return re.compile(rf"^[ \t]*[#>*_\-•]*[ \t]*[*_]*(?:{words})[ \t]*#?\d*[ \t]*[*_]*[ \t]*{colon}[ \t]*[*_]*", re.I | re.M)


_TOLERANT = _Marks(
    example=_line_mark("Example", r"(?:[:.)]|$)"),
    input=_line_mark("Input", "[:：]"),
    output=_line_mark("Output", "[:：]"),
    label=_line_mark("Class label|Label", "[:：]"),
)

_NO_INPUT = re.compile(r"\A[<(\[]?(?:no ?input(?: (?:is )?(?:needed|required|necessary))?|none|n/a|empty)[>)\]]?\.?\Z", re.I)


def _input_first(completion: str, marks: _Marks) -> Iterator[Instance]:
    """Parts that `Example` divides, or one part; text with neither `Example` nor `Output:` gives nothing."""
    if marks.example.search(completion):
        parts = [part.strip() for part in marks.example.split(completion)]
    elif marks.output.search(completion):
        parts = [completion.strip()]
    else:
        return
    if marks is _TOLERANT and parts and not marks.output.search(parts[0]):
        parts = parts[1:]  # what a chat model says before its first example
    for part in parts:
        if part:
            yield _input_and_output(part, marks)


def _input_and_output(part: str, marks: _Marks) -> Instance:
    """The first `Output:` divides input from output; an `Input:` inside the output ends it."""
    before, *after = marks.output.split(part)
    if after:
        given, output = before.strip(), after[0].strip()
    else:
        given, output = "", part
    output = marks.input.split(output)[0].strip()
    if (lead := marks.input.match(given)) is not None:
        given = given[lead.end():].strip()
    return Instance(given, output)


def _output_first(completion: str, marks: _Marks) -> Iterator[Instance]:
    """After each `Class label:` the label to the end of the line, then the input."""
    for part in marks.label.split(completion)[1:]:
        label, _, given = part.strip().partition("\n")
        given = given.strip()
        if marks is _TOLERANT and (lead := marks.input.match(given)) is not None:
            given = given[lead.end():].strip()
        label = label.strip()
        if marks is _TOLERANT and label.count("**") == 1:
            label = label.strip("*").strip()  # the other half stood before the mark
        yield Instance(given, label)


def _json_instances(answer: dict[str, Any]) -> Iterator[Instance]:
    listed = answer.get("instances")
    for each in listed if isinstance(listed, list) else []:
        if isinstance(each, dict) and isinstance(each.get("output"), str):
            given = each.get("input")
            yield Instance(given.strip() if isinstance(given, str) else "", each["output"].strip())


# --- tolerant reading ----------------------------------------------------------------------------------------------

_FENCE = re.compile(r"\A\s*```[^\n`]*\n(.*?)\n?\s*```\s*\Z", re.S)
_NUMBER = r"(?:\(?\d{1,4}\)?[ \t]*(?:[.)、．：:](?!\d)|\)\.)|\(\d{1,4}\))"
_MARKUP = r"[ \t]*[#>]*[ \t]*[*_]{0,3}[ \t]*"
_NUMBERED = re.compile(rf"^{_MARKUP}(?:[-•][ \t]+)?(?:(?:Task|Instruction)[ \t]*#?)?{_NUMBER}(?:[*_]{{1,3}}(?=\s))?[ \t]*", re.M | re.I)
_BULLET = re.compile(r"^[ \t]*[-*•–][ \t]+", re.M)
_INLINE = re.compile(r"(?:(?<=\s)|\A)(\d{1,4})[.)]\s+")
_CHATTER = re.compile(
    r"(?:sure|certainly|of course|absolutely|okay|ok|great|got it|no problem|happy to help)\s*[,!.:—–-]"
    r"|(?:here|below|these|following)\s+(?:are|is|'s|you go)\b"
    r"|here(?:'|’)s\b"
    r"|(?:please )?let me know\b|i hope\b|hope this\b|feel free\b|would you like\b|do you want\b|if you(?:'|’)d like\b"
    r"|i(?:'|’)m sorry\b|i apologi[sz]e\b|i can(?:'|’)?t\b|i cannot\b|as an ai\b",
    re.I,
)
_EMPHASIS = re.compile(r"(?<![\w*])(\*\*|__)(?=\S)(.+?)(?<=\S)\1(?![\w*])")
_LABEL = re.compile(r"\A(?:\*\*|__)[^*_\n]{1,60}(?::(?:\*\*|__)|(?:\*\*|__)[ \t]*[:–—-])[ \t]+(?=\S)")
_QUOTED = re.compile(r'\A(?:"([^"]+)"|“([^“”]+)”|`([^`]+)`)\Z')


def _tolerant_items(completion: str) -> list[str]:
    """The listed texts, still with their inner markup."""
    text = _unfenced(completion)
    if (answer := _json_object(text)) is not None:
        listed = answer.get("instructions")
        return [item for item in listed if isinstance(item, str)] if isinstance(listed, list) else []
    for mark in (_NUMBERED, _BULLET):
        if mark.search(text):
            lead, *items = map(_first_paragraph, mark.split(text))
            # After the shots a base model goes on in the middle of an item: what leads is then the first one.
            return items if _is_chatter(lead) else [lead, *items]
    lines = [line for line in text.splitlines() if line.strip() and not _is_chatter(line)]
    return _inline_items(lines[0]) if len(lines) == 1 else lines


def _inline_items(line: str) -> list[str]:
    """The items of a list that a model wrote without line breaks; the line itself where it is no such list."""
    marks = list(_INLINE.finditer(line))
    numbers = [int(mark[1]) for mark in marks]
    if len(numbers) < 2 or numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        return [line]
    ends = [mark.start() for mark in marks[1:]] + [len(line)]
    return [line[: marks[0].start()], *(line[mark.end() : end] for mark, end in zip(marks, ends))]


def _first_paragraph(item: str) -> str:
    """What follows an empty line or a remark is not the item's: a remark on the list, a heading of its next part."""
    lines: list[str] = []
    for line in item.strip().splitlines():
        if lines and (not line.strip() or _is_chatter(line)):
            break
        lines.append(line)
    return "\n".join(lines)


def _is_chatter(text: str) -> bool:
    """Whether a chat model says this about its list, or instead of one."""
    return text.rstrip("* \t").endswith(":") or bool(_CHATTER.match(text.strip()))


def _clean(text: str) -> str:
    """Without markup around it and without marks of lists in lists, until nothing more changes."""
    text = " ".join(text.split())
    while True:
        cleaned = _LABEL.sub("", text)
        cleaned = _EMPHASIS.sub(r"\2", cleaned)
        cleaned = _BULLET.sub("", _NUMBERED.sub("", cleaned, count=1), count=1)
        if cleaned.count("**") == 1:
            cleaned = cleaned.removeprefix("**").removesuffix("**")  # the other half went with the number
        if quoted := _QUOTED.match(cleaned):
            cleaned = next(group for group in quoted.groups() if group)
        cleaned = cleaned.strip("# \t")
        if cleaned == text:
            return text
        text = cleaned


def _unfenced(text: str) -> str:
    """The text with line feeds only, and without a fence around the whole of it."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    fenced = _FENCE.match(text)
    return fenced[1] if fenced else text


def _json_object(text: str) -> dict[str, Any] | None:
    """The JSON object that the text is; an empty one for an object cut off; None for any other text."""
    text = _unfenced(text).strip()
    if not re.match(r'\{\s*"', text):
        return None
    try:
        value = json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else None
