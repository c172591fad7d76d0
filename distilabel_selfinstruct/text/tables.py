"""Tables as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class Link(str):
    """A cell that leads to an address; elsewhere than on a page it is its text."""

    href: str

    def __new__(cls, text: str, href: str) -> Link:
        made = super().__new__(cls, text)
        made.href = href
        return made


@dataclass(frozen=True, slots=True)
class Table:
    """A head and rows of texts; all columns but the first hold numbers, unless `numeric` says otherwise."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: bool = True

    def markdown(self) -> str:
        """As GitHub-flavoured Markdown."""
        rule = [":--", *(["--:"] if self.numeric else [":--"]) * (len(self.head) - 1)]
        return "\n".join(_line(cells) for cells in (self.head, rule, *self.rows)) + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"
