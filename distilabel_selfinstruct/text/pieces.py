"""Pieces of documents: they end where a sentence does, a heading stays with what it stands above, code stays whole."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from distilabel_selfinstruct.text.sentences import sentence_ends

PAGE_BREAK = "\f"
"""What stands between two pages of a document."""

Limit = Callable[[str, int], int]
"""How many characters of a text, from a position on, a piece may have."""

_HEADING = re.compile(  # one of markdown, or perhaps a short paragraph of one line; with the white space below it
    r"^#{1,6}[ \t][^\n]*\n\s*|(?<!\S\n)^(?P<line>\S[^\n]{0,99})\n[ \t]*\n\s*", re.MULTILINE
)
_MARKDOWN_HEADING = re.compile(r"^(?P<signs>#{1,6})[ \t]+(?P<title>[^\n]*?)[ \t#]*$\s*", re.MULTILINE)
_BLOCK = re.compile(  # code between fences, also where the second is missing; or a table
    r"^(?P<opening>[ \t]*(?P<fence>`{3,}|~{3,})[^\n`]*)$(?:\n.*?)??(?:\n[ \t]*(?P=fence)[`~]*[ \t]*$|\Z)"
    r"|(?:^[ \t]*\|[^\n]*\|[ \t]*(?:\n|\Z)){2,}",
    re.MULTILINE | re.DOTALL,
)
_FILLER, _END = "\0", "。"  # which ends a sentence wherever it stands
_SEEN = 80  # characters beyond a piece: what follows a sign decides whether it ends a sentence


class Piece(NamedTuple):
    """A piece, and where it is from: `page 3`, the headings that it stands below, or None."""

    text: str
    section: str | None


class _Block(NamedTuple):
    start: int
    end: int
    opening: str  # the first line of code; empty for a table
    closing: str


def of_characters(most: int) -> Limit:
    """The limit of a piece that has so many characters at most."""
    return lambda text, start: most


def pieces(text: str, limit: int | Limit, most: int = 1) -> list[Piece]:
    """The first pieces of a text, each as many whole sentences as fit; none goes over a page's end.

    Args:
        text: what to cut, with headings, code and tables as Markdown has them, and form feeds between pages.
        limit: the greatest length of a piece, in characters or whatever is counted. A sentence that is longer is cut
            between two words, a word that is longer anywhere; code or a table that is longer between two lines, and
            code then stands between fences in each piece.
        most: how many pieces are wanted.
    """
    measure = of_characters(limit) if isinstance(limit, int) else limit
    pages, found = text.split(PAGE_BREAK), list[Piece]()
    for number, page in enumerate(pages, 1):
        blocks = [_block(block) for block in _BLOCK.finditer(page)]
        headings = [] if len(pages) > 1 else list(_headings(page, blocks))
        for start, piece in _cut(page, measure, blocks):
            if len(found) == most:
                return found
            found.append(Piece(piece, f"page {number}" if len(pages) > 1 else _section(page, start, headings)))
    return found


def _block(found: re.Match[str]) -> _Block:
    end = found.end() - (1 if found[0].endswith("\n") else 0)
    return _Block(found.start(), end, found["opening"] or "", found["fence"] or "")


def _cut(page: str, limit: Limit, blocks: Sequence[_Block]) -> Iterator[tuple[int, str]]:
    """The pieces of a page, each with its position."""
    ends = [block.end for block in blocks]
    start = _past_space(page, 0)
    while start < len(page):
        size = limit(page, start)
        at = bisect_left(ends, start + 1)
        here = blocks[at] if at < len(blocks) and blocks[at].start < start else None
        if here is not None and here.opening and size > 2 * (len(here.opening) + len(here.closing) + 2):
            end = _within(page, start, size - len(here.opening) - 1, here)
            opening, closing = f"{here.opening}\n", _closed(here, end)
        else:
            end = _end(page, start, size, blocks[at:])
            cut = next((block for block in blocks[at:] if start <= block.start < end < block.end), None)
            opening, closing = "", _closed(cut, end) if cut and cut.opening else ""
            if end + len(closing) > start + size:
                closing = ""
        if piece := page[start:end].rstrip():  # else nothing but the indentation of code has fitted
            yield start, f"{opening}{piece}{closing}"
        in_code = any(block.start < end < block.end for block in blocks[at:])
        start = end + (page[end : end + 1] == "\n") if in_code else _past_space(page, end)


def _past_space(page: str, at: int) -> int:
    while page[at : at + 1].isspace():
        at += 1
    return at


def _closed(block: _Block, end: int) -> str:
    return f"\n{block.closing}" if end < block.end else ""


def _within(page: str, start: int, size: int, block: _Block) -> int:
    """Where a piece ends that begins in code: with the code, or with a line of it."""
    if block.end - start <= size:
        return block.end
    return _line_end(page, start, start + max(1, size - len(block.closing) - 1))


def _line_end(page: str, start: int, most: int) -> int:
    at = page.rfind("\n", start + 1, most + 1)
    return at if page[start:at].strip() and at > start else most


def _end(page: str, start: int, size: int, blocks: Sequence[_Block]) -> int:
    """Where the piece ends that begins here."""
    if len(page) - start <= size:
        return len(page)
    seen = page[start : start + size + _SEEN]
    masked = _masked(seen, start, blocks)
    joined = _HEADING.sub(_joined, masked)
    is_before_block = any(block.start < start + size for block in blocks)
    if not (is_before_block or joined[:size].strip(f"{_FILLER}\n")):  # a list, or a heading longer than a piece
        joined = masked
    ends = [end for end in sentence_ends(joined) if end <= size]
    spaces = [space.start() for space in re.finditer(rf"(?<!{_FILLER})\s+", joined[: size + 1])]
    end = start + next((at[-1] for at in (ends, spaces) if at and at[-1]), size)
    cut = next((block for block in blocks if block.start < end < block.end), None)
    if cut is None:
        return end
    if start < cut.start and cut.end - cut.start <= size and page[start : cut.start].strip():
        return cut.start
    return _line_end(page, start, start + max(1, size - len(cut.closing) - 1 if cut.opening else size))


def _masked(seen: str, start: int, blocks: Sequence[_Block]) -> str:
    """The text, as long as it was, without a place to cut it within code or a table."""
    parts, at = [], 0
    for block in blocks:
        first, last = max(block.start - start, 0), min(block.end - start, len(seen))
        if first >= len(seen) or last - first < 2:
            break
        whole = block.end - start <= len(seen)
        parts += [seen[at:first], _FILLER * (last - first - whole), _END * whole]
        at = last
    return "".join([*parts, seen[at:]])


def _joined(found: re.Match[str]) -> str:
    """A heading, as long as it was, without a place to cut it; a text with a sentence, but for a question, as it is."""
    line = (found["line"] or "").rstrip()
    ends = list(sentence_ends(line))
    if ends and not (ends == [len(line)] and line.endswith(("?", "？", "؟"))):
        return found[0]
    return _FILLER * (len(found[0]) - 1) + "\n"


def _headings(page: str, blocks: Sequence[_Block]) -> Iterator[tuple[int, int, str]]:
    """Where each heading of Markdown begins and ends, and what it and those above it say."""
    above: list[tuple[int, str]] = []
    starts = [block.start for block in blocks]
    for found in _MARKDOWN_HEADING.finditer(page):
        at = bisect_left(starts, found.start() + 1) - 1
        if at >= 0 and found.start() < blocks[at].end:
            continue  # a comment in code
        level = len(found["signs"])
        above = [*(each for each in above if each[0] < level), (level, found["title"])]
        yield found.start(), found.end(), " › ".join(title for _, title in above if title)


def _section(page: str, start: int, headings: Sequence[tuple[int, int, str]]) -> str | None:
    """The heading that a piece stands below, or that it begins with."""
    section: str | None = None
    for begins, ends, title in headings:
        if begins > start:
            break
        section, start = title, max(start, ends) if begins == start else start
    return section or None
