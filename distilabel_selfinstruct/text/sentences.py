"""Documents: where their sentences end, and how they are shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise


@cache
def _border() -> re.Pattern[str]:
    return re.compile(
        r"(?P<wide>[。！？｡]+[」』”’）】]*)"  # needs no space after it
        r"|(?P<stop>[.!?…؟।۔]+[\"'”’»)\]]*)(?=\s|\Z)"
        r"|(?P<gap>\n[ \t]*\n)"  # headings have no full stop
    )


_WORD = re.compile(r"[^\s(\[\"'“‘«]*\Z")
_ALWAYS = (
    "dr mr mrs ms prof st jr sr gen col capt lt sgt rev hon mt ft vs etc cf viz ca approx est dept univ inc ltd co "
    "corp al ed eds resp incl excl e.g i.e jan feb aug sept oct nov dec "
)
_ABBREVIATIONS = frozenset(_ALWAYS.split())
_BEFORE_NUMBERS = frozenset(("no", "nos", "nr", "fig", "figs", "vol", "pp", "p", "ch", "sec", "eq", "art", "dist"))
_INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")  # "J", "U.S", "a.m"


def sentences(text: str) -> list[str]:
    """The sentences of a text, without the white space between them."""
    ends = [0, *sentence_ends(text), len(text)]
    return [sentence for start, end in pairwise(ends) if (sentence := text[start:end].strip())]


def sentence_ends(text: str) -> Iterator[int]:
    """The positions after the last sign of each sentence.

    A full stop after an abbreviation, an initial or the number of a list's item ends none, and neither does any sign
    that a lower-case letter follows: where that is a mistake, a piece is shorter than it could be, and still whole.
    """
    for border in _border().finditer(text):
        if border["gap"] is not None:
            yield border.start()
        elif border["wide"] is not None or not (_goes_on(text, border.end()) or _is_abbreviated(text, border)):
            yield border.end()


def _goes_on(text: str, end: int) -> bool:
    return text[end:].lstrip(" \t\r\n\"'“‘«([")[:1].islower()


def _is_abbreviated(text: str, border: re.Match[str]) -> bool:
    """Whether the full stop belongs to the word before it."""
    start = border.start()
    if border[0] != ".":
        return False
    before = _WORD.search(text, max(0, text.rfind("\n", 0, start) + 1, start - 40), start)
    word = before[0].lower() if before else ""
    if word in _BEFORE_NUMBERS:
        return text[start + 1 :].lstrip()[:1].isdigit()
    if word.replace(".", "").isdigit():
        return not text[text.rfind("\n", 0, start) + 1 : start - len(word)].strip()
    return word in _ABBREVIATIONS or bool(_INITIALS.fullmatch(word))


def with_title(document: str | None, title: str | None) -> str:
    """A document as it is shown to people and judges: below its title, if it has one; empty where there is none."""
    return f"{title}\n\n{document}" if document and title else document or ""
