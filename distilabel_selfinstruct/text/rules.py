"""The rules an instruction and its instances must pass; each names itself by a reason code.

Sources: section 2.2 of the paper; the authors' bootstrap_instructions.py and prepare_for_finetuning.py.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Sequence
from functools import cache

from distilabel_selfinstruct.presets import Preset, get_preset
from distilabel_selfinstruct.text.copying import copies
from distilabel_selfinstruct.text.phrases import begins_with
from distilabel_selfinstruct.text.reading.answers import Instance
from distilabel_selfinstruct.text.refusals import fault_of_answer, is_greeting
from distilabel_selfinstruct.text.repetition import repeats_itself, says_twice
from distilabel_selfinstruct.text.requests import is_statement
from distilabel_selfinstruct.text.rouge import unicode_tokens
from distilabel_selfinstruct.text.sentences import sentences

_PUNCTUATION = tuple(string.punctuation)


@cache
def _keyword_pattern(keywords: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, keywords))})\b", re.IGNORECASE)


def count_words(text: str, preset: str | Preset = "default") -> int:
    """White-space separated words; where any script is admitted, each character of a script without spaces is one."""
    words = text.split()
    if not get_preset(preset).any_script or text.isascii():
        return len(words)
    return sum(1 if word.isascii() else max(1, len(unicode_tokens(word))) for word in words)


def check_instruction(
    text: str, preset: str | Preset = "default", *, keywords: bool = True, punctuation: bool = True
) -> str | None:
    """The reason code of the first rule broken, in the authors' order, or None.

    `too_short`, `too_long`, `keyword`, `program`, `punctuation`, `non_ascii`. Similarity is the pool's business.

    Args:
        text: the instruction.
        preset: limits and rules.
        keywords: whether the preset's keywords reject. Only Self-Instruct and Alpaca have this rule: where a subject is
            given, it may be music or the theory of graphs.
        punctuation: whether a sign at the beginning rejects. What a user says may begin with code or a heading.
    """
    preset = get_preset(preset)
    words = count_words(text, preset)
    if words < preset.min_words:
        return "too_short"
    if words > preset.max_words:
        return "too_long"
    if keywords and preset.keywords and _keyword_pattern(preset.keywords).search(text):
        return "keyword"
    if text.startswith("Write a program"):
        return "program"
    if punctuation and text.startswith(_PUNCTUATION):
        return "punctuation"
    if not preset.any_script and not text[:1].isascii():
        return "non_ascii"
    return None


def check_wording(
    text: str, preset: str | Preset = "default", frame: str = "", is_no_request: Callable[[str], bool] = is_statement
) -> str | None:
    """The reason code of a text that was written where an instruction is expected and is none, or None.

    `refusal`, `copied_prompt`, `chatter` (the model speaks of its answer), `repetition`, `no_request`; none in `paper`.

    Args:
        text: the text.
        preset: name or preset.
        frame: the prompt without its shots.
        is_no_request: which texts ask and order nothing.
    """
    if not get_preset(preset).tolerant:
        return None
    has_no_request = is_no_request(text)
    if begins_with("refusal", text):
        return "refusal"
    if begins_with("apology", text) and (has_no_request or (len(sentences(text)) == 1 and "?" not in text)):
        return "refusal"
    if copies(text, frame):
        return "copied_prompt"
    if begins_with("chatter", text) or is_greeting(text):
        return "chatter"
    if says_twice(text):
        return "repetition"
    return "no_request" if has_no_request else None


def check_instances(
    instances: Sequence[Instance], preset: str | Preset = "default", instruction: str = ""
) -> list[str | None]:
    """For each instance of one instruction its reason code, or None.

    In this order `repetition`, `refusal`, `greeting`, `repeats_question` (but in `paper`), `input_equals_output`,
    `empty_output`, `trailing_colon`, then among the remaining `conflicting_outputs` (for all of them, when two give
    different outputs to the same non-empty input) or `duplicate` (all but the first, and but in
    `paper` one whose input is the end or the beginning of another's with the same output).
    """
    preset = get_preset(preset)
    colons = (":", "：") if preset.any_script else (":",)
    reasons = [
        (preset.tolerant and _check_answer(instance, instruction)) or _check_instance(instance, colons)
        for instance in instances
    ]
    conflicting = _is_conflicting([instance for instance, reason in zip(instances, reasons) if reason is None])
    seen: list[Instance] = []
    for at, instance in enumerate(instances):
        if reasons[at] is None:
            if conflicting:
                reasons[at] = "conflicting_outputs"
            elif instance in seen or (preset.tolerant and any(_is_part(instance, other) for other in seen)):
                reasons[at] = "duplicate"
            seen.append(instance)
    return reasons


def _is_part(one: Instance, other: Instance) -> bool:
    """Whether two instances have one output, and the input of one is the beginning or the end of the other's."""
    short, long = sorted((one.input.strip(), other.input.strip()), key=len)
    is_whole = len(short.split()) >= _FEWEST_WORDS
    return is_whole and one.output == other.output and (long.startswith(short) or long.endswith(short))


_FEWEST_WORDS = 5  # of an input whose repetition in a longer one is no chance


def _check_answer(instance: Instance, instruction: str) -> str | None:
    if repeats_itself(instance.input) or repeats_itself(instance.output):
        return "repetition"
    return fault_of_answer(instance.output, instruction)


def _check_instance(instance: Instance, colons: tuple[str, ...]) -> str | None:
    if instance.input == instance.output:
        return "input_equals_output"
    if not instance.output.strip():
        return "empty_output"
    if instance.input.rstrip().endswith(colons) or instance.output.rstrip().endswith(colons):
        return "trailing_colon"
    return None


def _is_conflicting(instances: Sequence[Instance]) -> bool:
    """Whether two of them give different outputs to the same non-empty input."""
    outputs: dict[str, str] = {}
    return any(outputs.setdefault(each.input, each.output) != each.output for each in instances if each.input)
