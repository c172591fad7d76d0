"""The items of a list: numbered, of bullets, of lines, in one line, or JSON."""

from __future__ import annotations

import re
from functools import cache

from distilabel_selfinstruct.text.reading.json_lists import Found, json_elements, well_formed
from distilabel_selfinstruct.text.reading.marks import (
    BULLET,
    FENCE,
    ends_in_colon,
    field_text,
    indentation,
    numbered,
    top_marks,
    undressed,
    unfenced,
)
from distilabel_selfinstruct.text.reading.remarks import declines, is_remark, plain, without_closing
from distilabel_selfinstruct.text.requests import is_request

_TITLE = re.compile(r"\A[^*]*[^*.?!。？！]\*\*\Z")
_HEADING = re.compile(r"\s*#{1,6}\s")
_NOT_OF_ITEM = re.compile(
    r"#{1,6}\s|\*\*[^*]+\*\*:?\Z|[-*_=]{3,}\Z"
    r"|\**(?:(?:Expected |Sample )?(?:Input|Output|Answer|Response|Solution)s?)\**[ \t]*[:：]",
    re.I,
)
_EMPTY_LINE_AT_END = re.compile(r"\n[ \t]*\n[ \t]*\Z")


@cache
def _inline() -> re.Pattern[str]:
    # A number between two sentences; not that of a page, a chapter, a flat.
    return re.compile(
        r"(?:(?<=[.!?…:؟।۔]\s)|(?<=[.!?…][\"”’')]\s)|(?<=[。！？；：]))"
        r"(?<!\bno\.\s)(?<!\bnr\.\s)(?<!\bch\.\s)(?<!\bpp\.\s)(?<!\bp\.\s)(?<!\bvol\.\s)(?<!\bfig\.\s)(?<!\bart\.\s)"
        r"[*_]{0,2}(\d{1,4})(?:[.)][*_]{0,2}\s|[、．])\s?(?=[^\W\d_]|[\"“‘'(¿¡*])",
        re.I,
    )


def find_instructions(completion: str, of_lines: bool = False) -> Found:
    """The instructions that an answer lists, each on one line and without its dress.

    Args:
        completion: what the model wrote.
        of_lines: whether the prompt asked for lines, and not for a list: then each line counts, whatever it says.
    """
    text = plain(completion)
    if (listed := json_elements(text, "instructions")) is not None:
        texts = [well_formed(item) for item in listed if isinstance(item, str)]
    else:
        texts = _listed(FENCE.sub("", text), of_lines)
    return Found([item for text in texts for item in _cleaned(text) if item], listed is not None)


def find_blocks(completion: str) -> list[str]:
    """The items of a numbered list, else of bullets, as they stand, with all their lines; any other text has none."""
    text = plain(completion)
    if (listed := json_elements(text, "instructions")) is not None:
        return [well_formed(item) for item in listed if isinstance(item, str)]
    text = without_closing(unfenced(text, numbered()))
    marks = _block_marks(text, numbered()) or _block_marks(text, BULLET)
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    return [field_text(text[mark.end() : end]) for mark, end in zip(marks, ends)]


def _block_marks(text: str, pattern: re.Pattern[str]) -> list[re.Match[str]]:
    """The marks of the list, without those of lists in its items: indented ones, or close ones where others are not."""
    marks = top_marks(text, pattern)
    marks = [mark for mark in marks if indentation(mark) < indentation(marks[0]) + 2]
    spaced = [mark for mark in marks if mark is marks[0] or text.endswith("\n\n", 0, mark.start())]
    return spaced if len(spaced) > 1 else marks


def _listed(text: str, of_lines: bool) -> list[str]:
    """The texts of a numbered list, else of bullets, else of lines."""
    for pattern in (numbered(), BULLET):
        if marks := top_marks(text, pattern):
            ends = [mark.start() for mark in marks[1:]] + [len(text)]
            items = [
                _item(text[mark.end() : end], is_titled=bool(_HEADING.match(mark[0]))) for mark, end in zip(marks, ends)
            ]
            lead = text[: marks[0].start()]
            return items if _is_preamble(lead) else [_item(lead), *items]
    return _unmarked(text, of_lines)


def _is_preamble(lead: str) -> bool:
    """Whether what stands before a list is said about it. If not, it is the item in whose middle a prompt ended.

    A base model goes on with a space, and with no empty line before the next number.
    """
    first_line = lead.strip().partition("\n")[0]
    if _EMPTY_LINE_AT_END.search(lead) or is_remark(first_line):
        return True
    return ends_in_colon(lead) and not lead.startswith(" ")


def _item(text: str, is_titled: bool = False) -> str:
    """An item without its title, and without what follows it: an empty line, a remark, a field, a heading."""
    lines: list[str] = []
    for line in map(str.strip, text.strip().split("\n")):
        title = len(lines) == 1 and bool(_TITLE.match(lines[0].removeprefix("**")) or is_titled)
        if not line:
            if lines and not title and not ends_in_colon(lines[-1]):
                break
        elif lines and (is_remark(line) or _NOT_OF_ITEM.match(line) or (ends_in_colon(line) and not title)):
            break
        else:
            lines = [line] if title else [*lines, line]
            is_titled = is_titled and not title
    return " ".join(lines)


def _unmarked(text: str, of_lines: bool) -> list[str]:
    """The lines of a text, or the items of a list in one line; a refusal has none.

    Several lines are a list where each of them asks or orders something. One alone is none, and neither is a story.
    """
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    if lines and declines(lines[0]):
        return []
    if len(lines) > 1 and ends_in_colon(lines[0]):
        del lines[0]
    lines = [line for line in lines if len(_inline_items(line)) > 1 or not is_remark(line)]
    items = [item for line in lines for item in _inline_items(line) if not is_remark(item)]
    is_list = of_lines or len(items) > len(lines) or (len(items) > 1 and all(map(is_request, items)))
    return items if is_list else []


def _inline_items(line: str) -> list[str]:
    """The items of a list that a model wrote without line breaks; the line itself where it is no such list.

    Numbers that start at 1 count something within the item, unless a remark announces them.
    """
    marks = list(_inline().finditer(line))
    if not marks:
        return [line]
    lead, numbers = line[: marks[0].start()], [int(mark[1]) for mark in marks]
    announced = is_remark(lead)
    counted = numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    if not counted or not (announced or (numbers[0] > 1 and not ends_in_colon(lead))):
        return [line]
    ends = [mark.start() for mark in marks[1:]] + [len(line)]
    items = [line[mark.end() : end] for mark, end in zip(marks, ends)]
    return items if announced else [lead, *items]


def _cleaned(text: str) -> list[str]:
    """The text without its dress; several where it holds a list in one line."""
    text = undressed(text)
    items = _inline_items(text)
    return [text] if items == [text] else [item for each in items for item in _cleaned(each)]
