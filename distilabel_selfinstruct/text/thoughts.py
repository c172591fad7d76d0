"""What stands around an answer: thoughts at its beginning, marks of a chat template at its end.

A thought is only what begins an answer: text that speaks of `<think>` stays as it is. A mark ends an answer only where
the model's turn is over there: at the end of the text, or where an invented turn of somebody else follows.
"""

from __future__ import annotations

import re
from functools import cache

_NAMES = r"(?:think|thinking|thought|thoughts|reasoning|reason|reflection|seed:think|analysis|scratchpad|internal)"


@cache
def _forms() -> tuple[tuple[re.Pattern[str], re.Pattern[str]], ...]:
    """How thoughts begin and how they end, form by form."""
    return (
        (re.compile(rf"<({_NAMES})>", re.I), re.compile(rf"</{_NAMES}>", re.I)),
        (re.compile(r"\[THINK\]", re.I), re.compile(r"\[/THINK\]", re.I)),
        (re.compile(r"◁think▷"), re.compile(r"◁/think▷")),
        (
            re.compile(r"<\|(?:begin_of_thought|start_thinking|START_THINKING|thinking)\|>"),
            re.compile(r"<\|(?:end_of_thought|end_thinking|END_THINKING|/thinking)\|>"),
        ),
        (re.compile(r"<\|channel\|?>\s*thought\b"), re.compile(r"<channel\|>")),  # Gemma
    )


_HARMONY = re.compile(r"(?:<\|start\|>assistant)?<\|channel\|>(?:analysis|commentary)\b[^<]*<\|message\|>")
_HARMONY_FINAL = re.compile(r"<\|channel\|>final\b[^<]*<\|message\|>")
_HARMONY_BARE = re.compile(r"analysis(?=[A-Z\"'(])(.*?)assistant\s?final", re.DOTALL)  # the marks are stripped
_GRANITE = re.compile(r"Here is my thought process:(.*?)Here is my response:\s*", re.DOTALL)
_UNOPENED = re.compile(rf"\n[ \t]*</{_NAMES}>[ \t]*(?:\n|\Z)|\[/THINK\][ \t]*(?:\n|\Z)", re.I)
_ANSWER = re.compile(r"\A\s*<(answer|response|output)>\s*(.*?)\s*</\1>\s*\Z", re.DOTALL | re.I)


def split_thoughts(text: str) -> tuple[str | None, str]:
    """The thoughts that begin a text, if there are any, and the answer, empty if it was cut before it began."""
    start = text.lstrip()
    if (found := _HARMONY.match(start)) is not None:
        final = _HARMONY_FINAL.search(start)
        thought = start[found.end() : final.start() if final else len(start)]
        return _thought(re.sub(r"<\|[^|>]*\|>(?:assistant)?", " ", thought)), start[final.end() :] if final else ""
    if (final := _HARMONY_FINAL.match(start.removeprefix("<|start|>assistant"))) is not None:
        return None, start.removeprefix("<|start|>assistant")[final.end() :]
    for bare in (_HARMONY_BARE, _GRANITE):
        if (found := bare.match(start)) is not None:
            return _thought(found[1]), start[found.end() :].lstrip()
    thoughts: list[str] = []
    rest = start
    while (parts := _leading_thought(rest)) is not None:
        thoughts.append(parts[0])
        rest = parts[1]
    if thoughts:
        inner = _ANSWER.match(rest)
        return _thought("\n\n".join(filter(None, thoughts))), inner[2] if inner else rest.lstrip()
    if (end := _UNOPENED.search(text)) is not None and not any(begin.search(text) for begin, _ in _forms()):
        return _thought(text[: end.start()]), text[end.end() :].lstrip()  # the template has opened it
    return None, text


def _leading_thought(text: str) -> tuple[str, str] | None:
    """The thought that a text begins with, and what follows; nothing follows one that is not closed."""
    start = text.lstrip()
    for begin, end in _forms():
        if (opened := begin.match(start)) is not None:
            closed = end.search(start, opened.end())
            if closed is None:
                return start[opened.end() :].strip(), ""
            return start[opened.end() : closed.start()].strip(), start[closed.end() :]
    return None


def _thought(text: str) -> str | None:
    return text.strip() or None


_MARK = re.compile(
    r"<\|(?:im_end|eot_id|eom_id|end|end_of_text|endoftext|return|END_OF_TURN_TOKEN|end_of_turn|eot|im_start|start"
    r"|start_header_id|user|assistant|system|User|endofturn)\|>|<end_of_turn>|<start_of_turn>|</s>|<｜end▁of▁sentence｜>"
    r"|<eos>|\[/?INST\]"
)
_NEXT_TURN = re.compile(
    r"\s*(?:\Z|<\|[^|>\n]{1,30}\|>|<start_of_turn>|<end_of_turn>|</?s>|\[INST\]|(?:user|assistant|system|human)\b\s*(?:\n|:|\Z))",
    re.I,
)
_QUOTES = "`'\"“”‘’«»"


def cut_at_turn_end(text: str) -> str:
    """The answer up to the mark that ends the model's turn; a text that speaks of such a mark stays as it is."""
    for mark in _MARK.finditer(text):
        before = text[: mark.start()].rstrip(" ")[-1:]
        if before in _QUOTES and before and text[mark.end() : mark.end() + 1] in _QUOTES:
            continue
        if _NEXT_TURN.match(text, mark.end()) is not None:
            return text[: mark.start()].rstrip()
    return text
