"""Alpaca's question: more tasks, each with instruction, input and output."""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random

from distilabel_selfinstruct.demo.completion import Completion
from distilabel_selfinstruct.demo.tasks import GRAMMAR, noise
from distilabel_selfinstruct.text.reading.answers import Instance

_CHAT_END = re.compile(r"\nGo on with the tasks (\d+) to (\d+), in the same form")
_BASE_HEAD, _BASE_END = re.compile(r"\AA list of (\d+) tasks "), re.compile(r"\n(\d+)\. Instruction:\Z")
_SHOT = re.compile(r"^\d+\. Instruction: (.+)$", re.M)


@dataclass(frozen=True, slots=True)
class _Question:
    shots: list[str]
    first: int
    last: int
    is_base: bool


def _read_question(prompt: str) -> _Question | None:
    prompt = prompt.strip()
    shots = _SHOT.findall(prompt)
    if (asked := _CHAT_END.search(prompt)) is not None:
        return _Question(shots, int(asked[1]), int(asked[2]), is_base=False)
    head, end = _BASE_HEAD.search(prompt), _BASE_END.search(prompt)
    return _Question(shots, int(end[1]), int(head[1]), is_base=True) if head and end else None


def answer(prompt: str, rng: Random, scale: float) -> Completion | None:
    """The tasks that go on with the list of a prompt; None to any other prompt."""
    question = _read_question(prompt)
    if question is None:
        return None
    wrong = noise.pick(rng, noise.BOOTSTRAP_SHARES, scale)
    if wrong in ("empty", "off_topic"):
        return Completion("" if wrong == "empty" or question.is_base else noise.OFF_TOPIC)
    style = None if question.is_base else noise.pick(rng, noise.TASK_STYLES, scale)
    tasks = [
        _written(number, _fields(question.shots, rng, scale), style)
        for number in range(question.first, question.last + 1)
    ]
    text = ("\n\n" if style == "no_separators" else "\n###\n").join(tasks)
    if question.is_base:
        text = text.removeprefix(f"{question.first}. Instruction:")
    elif style == "chatter":
        text = f"{rng.choice(noise.CHATTER).format(new=len(tasks))}\n\n{text}\n###\n\n{noise.CLOSING}"
    elif style == "fenced":
        text = f"```\n{text}\n```"
    if wrong == "truncated":
        return Completion(noise.cut(text, rng), "length")
    return Completion(text.replace("\n", "\r\n") if wrong == "crlf" else text)


def _fields(shots: list[str], rng: Random, scale: float) -> dict[str, str]:
    """A task, field by field. What the rules do not reject by its instruction has no output, or the right one."""
    if shots and (wrong := noise.pick(rng, noise.CANDIDATE_SHARES, scale)) is not None:
        return {"Instruction": noise.candidate(wrong, shots, rng), "Input": "<noinput>", "Output": ""}
    instruction, instance = _task(rng)
    wrong = noise.pick(rng, noise.TASK_SHARES, scale)
    if wrong in noise.SPOILS:
        instance = noise.spoil(wrong, [instance], rng)[0]
    spelling = rng.choice(noise.NO_INPUT) if scale else noise.NO_INPUT[0]
    fields = {"Instruction": instruction, "Input": instance.input or spelling, "Output": instance.output}
    if wrong == "missing_field":
        del fields[rng.choice(("Input", "Output"))]
    return fields


def _task(rng: Random) -> tuple[str, Instance]:
    """A task of the grammar, with an instance."""
    while True:
        instruction = GRAMMAR.propose(rng)
        task = GRAMMAR.recognise(instruction)
        if task is not None and (instances := task.instances(rng, 1)):
            return instruction, instances[0]


def _written(number: int, fields: dict[str, str], style: str | None) -> str:
    form = {"bold": "**{0}. {1}:**{2}", "no_separators": "{1}:{2}"}.get(style or "", "{0}. {1}:{2}")
    gaps = {"Instruction": " "} if style in (None, "chatter", "fenced") else dict.fromkeys(fields, " ")
    return "\n".join(form.format(number, name, gaps.get(name, "\n") + text) for name, text in fields.items())
