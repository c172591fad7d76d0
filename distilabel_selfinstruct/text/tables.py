"""Tables as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


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
