"""Markdown, numbers and labels around a text: the marks of a list, and a text without them."""

from __future__ import annotations

import re
from functools import cache

# Indentation, a heading or a quotation, a bullet, bold; bounded, so that a long run of one sign costs no time.
DRESS = r"^(?P<indent>[ \t]{0,40})(?:[#>]{1,6}[ \t]*)?(?:[-*•–][ \t]+)?[*_]{0,3}"
UNDRESS = r"(?:\*{1,3}|_{1,3}(?=\s|\Z))?[ \t]*"
BULLET = re.compile(r"^(?P<indent>[ \t]{0,40})[-*•–][ \t]+", re.M)
_FIRST_LINE = re.compile(r"\s*[^\n]*")
FENCE = re.compile(r"^[ \t]*```[^\n`]*(?:\n|\Z)", re.M)
EMPHASIS = re.compile(r"(?<![\w*])\*\*(?=[^\s*])([^*]+)(?<=\S)\*\*(?![\w*])")
_HALF_BOLD = re.compile(r"\A\*\*(?=[^\s*])|(?<=[^\s*])\*\*\Z")
_LABEL = re.compile(
    r"\A(?:\*\*[^*\n]{1,60}(?:[:：]\*\*|\*\*[ \t]*[:：–—-])|(?:Task|Instruction)[:：])[ \t]+(?=\S)", re.I
)
_LEADING = re.compile(r"\A(?:(?:[-*•–>]|#{1,6})[ \t]+)+")
QUOTED = re.compile(r'\A(?:"([^"]+)"|“([^“”]+)”|`([^`]+)`)\Z')
RULE = re.compile(r"\n[ \t]*(?:-{3,}|\*{3,}|_{3,}|={3,})[ \t]*\Z")
_COLONS = (":", "：")


@cache
def numbered() -> re.Pattern[str]:
    """The number that opens an item of a list, in whatever dress."""
    return re.compile(
        DRESS
        + r"(?:(?:Task|Instruction)[ \t]*#?[ \t]*(?P<task>\d{1,4})[ \t]*[*_]{0,3}[ \t]*(?:[.):：–—-]|$)"
        + r"|[(（]?(?P<number>\d{1,4})[ \t]?[*_]{0,3}[ \t]?[.)）、．]{1,2}(?!\d))"
        + r"(?:[*_]{1,3}(?=\s|\Z))?[ \t]*",
        re.I | re.M,
    )


def ends_in_colon(text: str) -> bool:
    """Whether a text, bold or not, ends in a colon."""
    return text.rstrip("*_ \t\n").endswith(_COLONS)


def _number(mark: re.Match[str]) -> int | None:
    """The number of an item; None for a bullet."""
    groups = mark.groupdict()
    number = groups.get("task") or groups.get("number")
    return int(number) if number else None


def indentation(mark: re.Match[str]) -> int:
    """How many columns stand before a mark."""
    return len(mark["indent"].expandtabs(4))


def top_marks(text: str, pattern: re.Pattern[str]) -> list[re.Match[str]]:
    """The marks of a list, without those of lists in its items."""
    top: list[re.Match[str]] = []
    for mark in pattern.finditer(text):
        if not top or not _is_nested(text, top, mark):
            top.append(mark)
    return top


def _is_nested(text: str, top: list[re.Match[str]], mark: re.Match[str]) -> bool:
    """Whether a mark is of a list in an item: one that does not count on, and is indented or follows a colon."""
    number, last = _number(mark), _number(top[-1])
    if number is not None and last is not None:
        if number == last + 1:
            return False
        first_line = _FIRST_LINE.match(text, top[-1].end())
        if first_line is not None and ends_in_colon(first_line[0]):
            return True
    return indentation(mark) >= indentation(top[0]) + 2


def undressed(text: str) -> str:
    """The text on one line, without quotation marks, marks of lists in lists, labels and bold."""
    text = " ".join(text.split())
    while True:
        bare = EMPHASIS.sub(r"\1", _LABEL.sub("", text))
        bare = _LEADING.sub("", numbered().sub("", bare, count=1))
        bare = _without_half_bold(bare)
        if quoted := QUOTED.match(bare):
            bare = quoted[quoted.lastindex or 0]
        bare = bare.strip()
        if bare == text:
            return text
        text = bare


def _without_half_bold(text: str) -> str:
    """The text without bold that only opens or only closes: the other half went with the mark before the text."""
    return _HALF_BOLD.sub("", text).strip() if text.count("**") == 1 else text


def field_text(text: str) -> str:
    """The text of a field, without bold of which the name had the other half, and without a rule below it."""
    return _without_half_bold(RULE.sub("", text.strip()).strip())


def unfenced(text: str, mark: re.Pattern[str]) -> str:
    """The text without the fence around the whole: one that opens just before a mark. Fences within a field stay."""
    opening = FENCE.search(text)
    if opening is None or mark.search(text, 0, opening.start()) or not mark.match(text, opening.end()):
        return text
    inner = text[opening.end() :]
    if inner.count("```") % 2:
        inner = "".join(inner.rpartition("```")[::2])
    return text[: opening.start()] + inner
