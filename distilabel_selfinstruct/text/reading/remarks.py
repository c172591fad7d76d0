"""What a chat model says about its answer, before it and after it."""

from __future__ import annotations

import re

from distilabel_selfinstruct.text.phrases import begins_with
from distilabel_selfinstruct.text.reading.marks import QUOTED, RULE, ends_in_colon
from distilabel_selfinstruct.text.thoughts import cut_at_turn_end, split_thoughts

_WHOLE_FENCE = re.compile(r"\A```[^\n`]*\n(.*)\n[ \t]*```\Z", re.DOTALL)
_WHOLE_BOLD = re.compile(r"\A\*\*([^*]+)\*\*\Z")


def plain(completion: str) -> str:
    """The answer with line feeds only, and without what stands around it: thoughts, the marks of a chat template."""
    _, answer = split_thoughts(completion.replace("\r\n", "\n").replace("\r", "\n"))
    return cut_at_turn_end(answer)


def is_remark(text: str) -> bool:
    """Whether a text begins with what a chat model says about its answer."""
    return begins_with("chatter", text) or declines(text)


def declines(text: str) -> bool:
    """Whether a text begins by saying that the model will not give what it was asked for.

    An apology alone says so, unlike in an answer (`refusals.is_refusal`): no list begins with one.
    """
    return begins_with("refusal", text) or begins_with("apology", text)


def find_text(completion: str) -> str:
    """The one text that an answer gives, with its lines, without what a model says before and after it."""
    text = plain(completion).strip()
    first, _, rest = text.partition("\n")
    if rest and begins_with("chatter", first) and (ends_in_colon(first) or rest.startswith("\n")):
        text = rest.strip()
    text = without_closing(text)
    for dress in (_WHOLE_FENCE, _WHOLE_BOLD, QUOTED):
        if found := dress.match(text):
            text = found[found.lastindex or 0].strip()
    return text


def without_closing(text: str) -> str:
    """The text without the last paragraphs in which a chat model speaks about its examples, and rules around them."""
    while True:
        text = text.rstrip()
        before, empty_line, last = text.rpartition("\n\n")
        if not empty_line or not (begins_with("closing", last) or RULE.fullmatch(f"\n{last}")):
            return text
        text = before
