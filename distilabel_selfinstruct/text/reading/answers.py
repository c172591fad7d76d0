"""Completion -> instructions, yes or no, instances.

A preset that is not `tolerant` reads exactly as the authors' scripts do (bootstrap_instructions.py,
prepare_for_finetuning.py). A tolerant one also understands what chat models do to a text: preambles, markdown, fences,
other numberings, remarks, JSON. It is generous in what it understands and strict in what it gives: the texts
themselves, without what a model put around them. No text makes a function here raise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from distilabel_selfinstruct.presets import Preset, get_preset
from distilabel_selfinstruct.text.endings import CUTS
from distilabel_selfinstruct.text.reading.fields import begins_with_task, find_instances
from distilabel_selfinstruct.text.reading.json_lists import Found
from distilabel_selfinstruct.text.reading.lists import find_instructions
from distilabel_selfinstruct.text.reading.remarks import plain


@dataclass(frozen=True, slots=True)
class Instance:
    """One example of an instruction: an input, which may be empty, and its output."""

    input: str
    output: str


@dataclass(frozen=True, slots=True)
class Listed:
    """What a completion lists: the items it gives whole, and those that its cut spoiled."""

    items: list[Any]
    truncated: list[Any]


def parse_instructions(
    completion: str, finish_reason: str | None = None, preset: str | Preset = "default"
) -> list[str]:
    """The candidate instructions of a bootstrap completion, normalised, in order, before any rule.

    Args:
        completion: what the model wrote after the numbered shots.
        finish_reason: one of `CUTS` where the completion was cut; what the cut spoiled is left out.
        preset: name or preset; decides how tolerantly it is read.
    """
    return list_instructions(completion, finish_reason, preset).items


def list_instructions(
    completion: str, finish_reason: str | None, preset: str | Preset, *, of_lines: bool = False
) -> Listed:
    """As `parse_instructions`, with the candidates that the cut spoiled.

    Args:
        completion: what the model wrote.
        finish_reason: one of `CUTS` where it was cut.
        preset: name or preset.
        of_lines: whether the prompt asked for lines without numbers.
    """
    preset = get_preset(preset)
    if preset.tolerant:
        found = find_instructions(completion, of_lines)
    else:
        found = Found([text for text in _SHOT_NUMBER.split(completion) if text.strip()], is_json=False)
    items = [normalise_instruction(text, preset) for text in found.items]
    return _without_cut(items, finish_reason in CUTS and not found.is_json, preset.keep_truncated)


def normalise_instruction(text: str, preset: str | Preset = "default") -> str:
    """White space collapsed and the first letter raised; `paper` lowers all others, as the authors' code does."""
    text = " ".join(text.split())
    if get_preset(preset).lower_case_rest:
        return text.capitalize()
    return text[:1].upper() + text[1:]


def parse_classification(completion: str) -> bool | None:
    """Whether the answer to "Is it classification?" is yes or no; None where it is neither.

    Where a model goes on with other tasks the first verdict counts, which is that on the task it was asked about.
    """
    text = plain(completion)
    if (value := _JSON_VERDICT.search(text)) is not None:
        return value[1] == "true"
    before, _, after = text.partition("Is it classification?")
    verdict = None if begins_with_task(before) else parse_yes_or_no(before)
    return parse_yes_or_no(after) if verdict is None else verdict


def parse_classifications(completion: str, count: int) -> list[bool]:
    """The verdicts on so many tasks, from an answer of one numbered line each and nothing else; else none at all."""
    lines = [line.replace("**", "").strip() for line in plain(completion).split("\n") if line.strip()]
    found = [_NUMBERED_VERDICT.fullmatch(line) for line in lines]
    numbers = [int(each[1]) for each in found if each]
    if len(found) != count or numbers != list(range(1, count + 1)):
        return []
    return [each[2].lower() == "yes" for each in found if each]


def parse_yes_or_no(completion: str) -> bool | None:
    """Whether the first line of an answer says yes or no; None where it says neither."""
    text = plain(completion)
    if _BOTH.match(text):
        return None
    line = next((line for line in text.split("\n") if line.strip()), "")
    verdicts = {verdict.lower() for verdict in _FIRST_WORD.findall(line) or _VERDICT.findall(line)}
    return "yes" in verdicts if len(verdicts) == 1 else None


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
        finish_reason: one of `CUTS` where the completion was cut; its last instance is left out then.
        preset: name or preset; decides how tolerantly it is read.
    """
    return list_instances(completion, is_classification, finish_reason, preset).items


def list_instances(completion: str, is_classification: bool, finish_reason: str | None, preset: str | Preset) -> Listed:
    """As `parse_instances`, with the instance that the cut spoiled."""
    if get_preset(preset).tolerant:
        found = find_instances(completion, is_classification)
    else:
        pairs = _output_first(completion) if is_classification else _input_first(completion)
        found = Found(list(pairs), is_json=False)
    items = [Instance(given, output) for given, output in found.items]
    return _without_cut(items, finish_reason in CUTS and not found.is_json, keep=True)


def _without_cut(items: list[Any], is_cut: bool, keep: bool) -> Listed:
    """Splits off what a cut spoiled: the last item, or all of them."""
    if not is_cut:
        return Listed(items, [])
    return Listed(items[:-1], items[-1:]) if keep else Listed([], items)


# --- yes or no -----------------------------------------------------------------------------------------------------

_NUMBERED_VERDICT = re.compile(r"(?:Task )?(\d+)[.):]? +(Yes|No)\.?", re.IGNORECASE)
_JSON_VERDICT = re.compile(r'"is_classification"\s*:\s*(true|false)\b')
_BOTH = re.compile(r"\W*yes\W+(?:or\W+|and\W+)?no\b", re.I)
_FIRST_WORD = re.compile(r"\A\W*(yes|no)\b", re.I)
# "There is no fixed answer" says neither.
_VERDICT = re.compile(r"\b(yes|no)\b(?!\s+\w)", re.I)

# --- instances as the authors read them ----------------------------------------------------------------------------

_SHOT_NUMBER = re.compile(r"\n\d+\s?\. ")
_EXAMPLE = re.compile(r"Example\s?\d*\.?")
_INPUT = re.compile(r"Input\s*\d*\s*:")
_OUTPUT = re.compile(r"Output\s*\d*\s*:")


def _input_first(completion: str) -> Iterator[tuple[str, str]]:
    """Parts that `Example` divides, or one part; text with neither `Example` nor `Output:` gives nothing."""
    if not (_EXAMPLE.search(completion) or _OUTPUT.search(completion)):
        return
    for part in _EXAMPLE.split(completion):
        if part.strip():
            yield _input_and_output(part.strip())


def _input_and_output(part: str) -> tuple[str, str]:
    """The first `Output:` divides input from output; an `Input:` inside the output ends it."""
    before, *after = _OUTPUT.split(part)
    given, output = (before.strip(), after[0].strip()) if after else ("", part)
    if (lead := _INPUT.match(given)) is not None:
        given = given[lead.end() :].strip()
    return given, _INPUT.split(output)[0].strip()


def _output_first(completion: str) -> Iterator[tuple[str, str]]:
    """After each `Class label:` the label to the end of the line, then the input."""
    for part in completion.split("Class label:")[1:]:
        label, _, given = part.strip().partition("\n")
        yield given.strip(), label.strip()
