"""The four questions of Self-Instruct: more instructions, classification or not, and instances of both kinds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Literal

from distilabel_selfinstruct.demo.completion import Completion
from distilabel_selfinstruct.demo.tasks import GRAMMAR, noise
from distilabel_selfinstruct.presets import Wording
from distilabel_selfinstruct.text.reading.answers import Instance

BASE_NEW_INSTRUCTIONS = 8
MAX_INSTANCES = 5
UNKNOWN_TASK = "This demo model cannot do this task: it only knows the ones that it makes up itself."

# --- which question is asked ---------------------------------------------------------------------------------------

_CLASSIFICATION_END = "Is it classification?"
_FIRST_LABEL = "Class label 1:"
_BASE_LIST_END = re.compile(r"\n(\d+)\.\Z")
_CHAT_LIST = re.compile(r"\nContinue the list with (\d+) new instructions(?:, numbered (\d+) to)?")
_SEVERAL = "\nNow these "
_TOGETHER = re.compile(r"^Task \d+: (.+)$", re.M)
_SHOT = re.compile(r"^\d+\. (.+)$", re.M)
_UP_TO = re.compile(r"\nNow this task,[^\n]* with up to (\d+) ")


@dataclass(frozen=True, slots=True)
class ListQuestion:
    """For more instructions."""

    wording: Wording
    shots: list[str]
    first: int
    new: int
    classification_only: bool


@dataclass(frozen=True, slots=True)
class TaskQuestion:
    """About one instruction."""

    about: Literal["classification", "output_first", "input_first"]
    wording: Wording
    instruction: str
    max_instances: int = MAX_INSTANCES
    numbers_labels: bool = False

    @property
    def is_begun(self) -> bool:
        """Whether the prompt ends with the mark of the first label."""
        return self.numbers_labels and self.wording == "base"


def read_question(prompt: str) -> ListQuestion | TaskQuestion | None:
    """Which of the four questions a prompt asks; None for any other prompt."""
    prompt = prompt.strip()
    head, _, _ = prompt.partition("\n")
    return _read_list_question(prompt, head) or _read_task_question(prompt, head)


def _read_list_question(prompt: str, head: str) -> ListQuestion | None:
    shots = _SHOT.findall(prompt)
    only = "classification tasks" in head
    if (asked := _CHAT_LIST.search(prompt)) is not None:
        new, first = asked.groups()
        return ListQuestion("chat" if first else "structured", shots, len(shots) + 1, int(new), only)
    if (number := _BASE_LIST_END.search(prompt)) is not None:
        return ListQuestion("base", shots, int(number[1]), BASE_NEW_INSTRUCTIONS, only)
    return None


def _read_task_question(prompt: str, head: str) -> TaskQuestion | None:
    before, mark, task = prompt.rpartition("\nTask: ")
    if not mark:
        return None
    instruction = task.removesuffix(_CLASSIFICATION_END).strip()
    wording: Wording = "structured" if "JSON object" in head else "chat" if "\nNow this task" in before else "base"
    if task.endswith(_CLASSIFICATION_END) or "is_classification" in head:
        return TaskQuestion("classification", wording, instruction)
    most = _UP_TO.search(before)
    about: Literal["output_first", "input_first"] = "output_first" if "class label" in head.lower() else "input_first"
    instruction, numbered = instruction.removesuffix(_FIRST_LABEL).strip(), f"\n{_FIRST_LABEL}" in prompt
    return TaskQuestion(about, wording, instruction, int(most[1]) if most else MAX_INSTANCES, numbered)


def answer(prompt: str, rng: Random, scale: float) -> Completion | None:
    """The answer to one of the four questions; None to any other prompt."""
    if _SEVERAL in prompt:
        return _classify_together(_TOGETHER.findall(prompt.rpartition(_SEVERAL)[2]), rng, scale)
    question = read_question(prompt)
    if question is None:
        return None
    if isinstance(question, ListQuestion):
        return _list_instructions(question, rng, scale)
    if question.about == "classification":
        return _classify(question, rng, scale)
    return _give_instances(question, rng, scale)


# --- instructions --------------------------------------------------------------------------------------------------


def _list_instructions(question: ListQuestion, rng: Random, scale: float) -> Completion:
    wrong = noise.pick(rng, noise.BOOTSTRAP_SHARES, scale)
    if wrong == "empty":
        return Completion("")
    if wrong == "off_topic":
        return Completion("" if question.wording == "base" else noise.OFF_TOPIC)
    candidates = [_candidate(question, rng, scale) for _ in range(question.new)]
    if question.wording == "structured":
        text = json.dumps({"instructions": candidates}, ensure_ascii=False)
    elif question.wording == "base":
        text = _numbered(noise.PLAIN_FORM, candidates, question.first).removeprefix(f"{question.first}.")
    else:
        text = _chat_list(candidates, question, rng, scale)
    return _finished(text, wrong, rng)


def _candidate(question: ListQuestion, rng: Random, scale: float) -> str:
    wrong = noise.pick(rng, noise.CANDIDATE_SHARES, scale) if question.shots else None
    if wrong is not None:
        return noise.candidate(wrong, question.shots, rng)
    return GRAMMAR.propose(rng, question.classification_only)


def _numbered(form: str, candidates: list[str], first: int) -> str:
    return "\n".join(form.format(number, text) for number, text in enumerate(candidates, first))


def _chat_list(candidates: list[str], question: ListQuestion, rng: Random, scale: float) -> str:
    style = noise.pick(rng, noise.CHAT_STYLES, scale)
    lines = _numbered(noise.CHAT_FORMS.get(style, noise.PLAIN_FORM), candidates, question.first)
    if style != "chatter":
        return lines
    return f"{rng.choice(noise.CHATTER).format(new=question.new)}\n\n{lines}\n\n{noise.CLOSING}"


# --- classification ------------------------------------------------------------------------------------------------

_LABEL_WORDS = re.compile(
    r"\b(?:classify|classification|label|labels|category|categorize|yes or no|true or false|choose one|one of|"
    r"(?:determine|decide|tell|say|judge|check) (?:if|whether)|which (?:type|kind|class|category))\b",
    re.IGNORECASE,
)


def _classify(question: TaskQuestion, rng: Random, scale: float) -> Completion:
    wrong = noise.pick(rng, noise.CLASSIFICATION_SHARES, scale)
    task = GRAMMAR.recognise(question.instruction)
    verdict = task.family.is_classification if task else bool(_LABEL_WORDS.search(question.instruction))
    if question.wording == "structured":
        return Completion(json.dumps({"is_classification": "maybe" if wrong else verdict}))
    word = rng.choice(noise.UNCLEAR) if wrong else "Yes" if verdict else "No"
    if question.wording == "base":
        return Completion(f" {word}")
    return Completion(rng.choice(("{}", "{}", "{}.", "**{}**")).format(word) if scale else word)


def _classify_together(instructions: list[str], rng: Random, scale: float) -> Completion:
    """A line each; where one is not as it was asked for, nobody can know which others are."""
    asked = [TaskQuestion("classification", "chat", each) for each in instructions]
    return Completion("\n".join(f"{at}. {_classify(each, rng, scale).text}" for at, each in enumerate(asked, start=1)))


# --- instances -----------------------------------------------------------------------------------------------------


def _give_instances(question: TaskQuestion, rng: Random, scale: float) -> Completion:
    task = GRAMMAR.recognise(question.instruction)
    wrong = noise.pick(rng, noise.INSTANCES_SHARES, scale)
    if task is None or wrong in ("malformed", "empty"):
        return Completion(_no_instances(question, "" if wrong == "empty" else _excuse(task is None, rng)))
    most = question.max_instances
    instances = task.instances(rng, most + rng.randint(1, 2) if wrong == "surplus" else rng.randint(1, most))
    if instances and wrong in noise.SPOILS:
        instances = noise.spoil(wrong, instances, rng)
    return _finished(_write_instances(question, instances), wrong, rng)


def _excuse(is_unknown: bool, rng: Random) -> str:
    return UNKNOWN_TASK if is_unknown else rng.choice(noise.MALFORMED)


def _no_instances(question: TaskQuestion, text: str) -> str:
    if question.is_begun:
        return ""  # a text that has begun with a label does not go on with an excuse
    return json.dumps({"instances": []}) if question.wording == "structured" and text else text


def _write_instances(question: TaskQuestion, instances: list[Instance]) -> str:
    if question.wording == "structured":
        first, second = ("output", "input") if question.about == "output_first" else ("input", "output")
        listed = [{first: getattr(each, first), second: getattr(each, second)} for each in instances]
        return json.dumps({"instances": listed}, ensure_ascii=False)
    is_output_first, numbered = question.about == "output_first", question.numbers_labels
    lines = _output_first(instances, numbered) if is_output_first else _input_first(instances)
    text = "\n".join(lines)
    return text.removeprefix(_FIRST_LABEL) if question.is_begun else text


def _output_first(instances: list[Instance], numbered: bool) -> Iterator[str]:
    for number, each in enumerate(instances, 1):
        yield f"Class label {number}: {each.output}" if numbered else f"Class label: {each.output}"
        if each.input and each.output:  # below an empty label, the input would be read as the label
            yield each.input


def _input_first(instances: list[Instance]) -> Iterator[str]:
    for number, each in enumerate(instances, 1):
        if each.input or len(instances) > 1:
            yield f"Example {number}"
        if each.input:
            yield f"Input: {each.input}"
        yield f"Output: {each.output}"


def _finished(text: str, wrong: str | None, rng: Random) -> Completion:
    """The text as it comes out: cut off, or with the line ends of another system."""
    if wrong == "truncated":
        return Completion(noise.cut(text, rng), "length")
    return Completion(text.replace("\n", "\r\n") if wrong == "crlf" else text)
