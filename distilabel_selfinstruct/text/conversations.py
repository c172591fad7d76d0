"""Conversations: messages of a user and an assistant in turn, as texts, as tasks, and as a model is given them raw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from distilabel_selfinstruct.text.phrases import begins_with
from distilabel_selfinstruct.text.requests import is_request
from distilabel_selfinstruct.text.sentences import sentences

Message = dict[str, Any]
Texts = tuple[str, str, str]

_SPEAKERS = {"user": "User", "assistant": "Assistant", "system": "System"}
_MARKS = (  # how a turn begins and ends in the chat templates of ChatML, Llama 3 and Gemma, and who answers there
    ("<|im_start|>{}\n", "<|im_end|>\n", "assistant"),
    ("<|start_header_id|>{}<|end_header_id|>\n\n", "<|eot_id|>", "assistant"),
    ("<start_of_turn>{}\n", "<end_of_turn>\n", "model"),
)
_TEXT_BEGIN = "<|begin_of_text|>"  # which whoever reads a raw text puts before it


def transcript(messages: Sequence[Mapping[str, Any]]) -> str:
    """The messages as a text, each below who says it."""
    return "\n\n".join(f"{_SPEAKERS.get(each['role'], each['role'])}: {each['content']}" for each in messages)


def exchanges(row: Mapping[str, Any]) -> list[Texts]:
    """Instruction, input and output of each answer of a row: before those of later turns stands what was said.

    Args:
        row: an instance; `messages`, where it has some, begin with its instruction and output.
    """
    messages = row.get("messages") or []
    later = range(3, len(messages), 2)
    return [
        (row["instruction"], row.get("input") or "", row["output"]),
        *((transcript(messages[:at]), "", messages[at]["content"]) for at in later),
    ]


def with_input(row: Mapping[str, Any]) -> str:
    """An instruction with the input below it, if it has one."""
    return "\n\n".join(filter(None, (row["instruction"], row.get("input"))))


def last_exchange(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """Instruction, input and output of the last answer of a row: of a conversation below all that was said before."""
    return exchanges(row)[-1]


def with_first(messages: Sequence[Message], question: str, answer: str) -> list[Message]:
    """The messages with another first question and answer."""
    first, second, *rest = messages
    return [{**first, "content": question}, {**second, "content": answer}, *rest]


def turn_end(begin: str) -> str | None:
    """What ends a turn where this begins a user's; None where that is not known."""
    return next((end for form, end, _ in _MARKS if begin.endswith(form.format("user"))), None)


def raw_chat(messages: Sequence[Mapping[str, Any]], begin: str) -> str:
    """The messages as the model has them inside, and the beginning of a user's turn.

    Args:
        messages: those of a conversation so far.
        begin: how a user's turn begins, perhaps with a system turn before the first.

    Raises:
        ValueError: if nobody knows how such a turn ends.
    """
    mark = next((mark for mark in _MARKS if begin.endswith(mark[0].format("user"))), None)
    if mark is None:
        raise ValueError(f"how a turn ends is known of ChatML, Llama 3 and Gemma, and not of {begin!r}")
    form, end, assistant = mark
    names = {"assistant": assistant}
    said = (form.format(names.get(each["role"], each["role"])) + each["content"] + end for each in messages)
    user = form.format("user")
    return begin.removesuffix(user).removeprefix(_TEXT_BEGIN) + "".join(said) + user


def says_goodbye(text: str) -> bool:
    """Whether a user only thanks, takes leave, or has nothing more to ask."""
    said = sentences(text)
    rest = [each for each in said if not begins_with("goodbye", each) or each.rstrip().endswith(("?", "？"))]
    return len(rest) < len(said) and not (rest and is_request(" ".join(rest)))
