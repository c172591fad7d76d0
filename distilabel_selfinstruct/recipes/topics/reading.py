"""Lists of topics, and of instructions that keep their lines: options of a question, code, a text to work on."""

from __future__ import annotations

import re

from distilabel_selfinstruct.recipes.topics.rules import MOST_WORDS, has_options
from distilabel_selfinstruct.text.endings import CUTS
from distilabel_selfinstruct.text.reading.answers import Listed
from distilabel_selfinstruct.text.reading.lists import find_blocks, find_instructions
from distilabel_selfinstruct.text.reading.marks import undressed
from distilabel_selfinstruct.text.rules import count_words

_BOLD_NAME = re.compile(r"\A\*\*([^*\n]+?)(?:[:：]\*\*|\*\*[ \t]*(?:[:：–—-]|\Z))")
_EXPLANATION = re.compile(r"[ \t]+[–—-][ \t]+.*\Z", re.DOTALL)
# What a model adds below a question although it was told not to.
_ANSWER = re.compile(
    r"^[ \t]{0,8}[*_>]{0,3}(?:the )?(?:(?:correct|right|best) )?(?:answers?|solutions?|explanation)"
    r"(?: is| are| \([^()\n]{1,30}\))?[*_]{0,3}[ \t]?[:：]",
    re.IGNORECASE | re.MULTILINE,
)
_EMPTY_LINE = re.compile(r"\n[ \t]*\n")
_FENCED = re.compile(r"```.*?```", re.DOTALL)


def list_topics(completion: str, finish_reason: str | None = None) -> Listed:
    """The topics that a completion lists: of each line what is named, without what is said of it.

    Args:
        completion: the answer of a chat model.
        finish_reason: one of `CUTS` where it was cut; the last topic is apart then.
    """
    listed = find_blocks(completion) or _short_lines(completion)
    is_cut = finish_reason in CUTS and bool(listed) and "\n" not in listed[-1]
    return _without_cut([topic for each in listed if (topic := _topic(each))], finish_reason if is_cut else None)


def list_blocks(completion: str, finish_reason: str | None = None) -> Listed:
    """The instructions of a numbered list, each with its lines, without an answer that a model put below.

    Args:
        completion: the answer of a chat model.
        finish_reason: one of `CUTS` where it was cut; the last instruction is apart then.
    """
    blocks = [_block(text) for text in find_blocks(completion)]
    return _without_cut([block for block in blocks if block], finish_reason)


def _without_cut(items: list[str], finish_reason: str | None) -> Listed:
    return Listed(items[:-1], items[-1:]) if finish_reason in CUTS else Listed(items, [])


def _short_lines(completion: str) -> list[str]:
    """The lines of an answer without a list, if all of them may be topics."""
    lines = find_instructions(completion, of_lines=True).items
    return lines if all(count_words(line) <= MOST_WORDS for line in lines) else []


def _topic(text: str) -> str:
    first_line = text.strip().partition("\n")[0]
    if (bold := _BOLD_NAME.match(first_line)) is not None:
        first_line = bold[1]
    topic = undressed(_EXPLANATION.sub("", first_line)).rstrip(".,;:")
    return topic[:1].upper() + topic[1:]


def _block(text: str) -> str:
    """An instruction with its first line undressed; the others may be code, a table, options."""
    first_line, line_feed, rest = _without_answer(text).strip().partition("\n")
    first_line = undressed(first_line)
    return (first_line[:1].upper() + first_line[1:] + line_feed + rest).strip()


def _without_answer(text: str) -> str:
    """A question without its answer; whole where it may be a text to work on that has answers in it."""
    question = text
    for mark in reversed(list(_ANSWER.finditer(text))):
        if _EMPTY_LINE.search(question[mark.start() :].rstrip()):
            break
        question = question[: mark.start()]
    sentence = _FENCED.sub("", question).strip()
    is_question = has_options(question) or ("\n" not in sentence and sentence.endswith(("?", "？")))
    return question if is_question else text
