"""How many answers of each stage were cut by their length, and what to do about it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

_MANY, _FEW = 0.2, 2  # a share of the answers, and a number that comes by chance where it is not most of them
_A_WORD = 16  # tokens: a base model that is asked for one word goes on, and is cut on purpose


@dataclass(frozen=True, slots=True)
class Cuts:
    """Answers of one stage: all, and those that were cut; the tokens of each."""

    answers: int = 0
    cut: int = 0
    tokens: int = 0
    cut_tokens: int = 0

    @property
    def are_many(self) -> bool:
        """Whether so many of the answers were cut that it is no chance."""
        return self.cut > _MANY * self.answers and (self.cut > _FEW or 2 * self.cut > self.answers)

    def __add__(self, other: Cuts) -> Cuts:
        return Cuts(
            self.answers + other.answers,
            self.cut + other.cut,
            self.tokens + other.tokens,
            self.cut_tokens + other.cut_tokens,
        )


def cuts_by_stage(completions: Path) -> dict[str, Cuts]:
    """What the completions in a folder say of it, which are known to be readable."""
    found: dict[str, Cuts] = {}
    for path in sorted(completions.glob("*.sqlite")):
        stage = path.name.rsplit("-", 2)[0]
        with closing(sqlite3.connect(path)) as connection:
            row = connection.execute(
                "SELECT count(*), total(finish_reason IS 'length'), total(output_tokens),"
                " total(output_tokens * (finish_reason IS 'length')) FROM completions WHERE reason IS NULL"
            ).fetchone()
        found[stage] = found.get(stage, Cuts()) + Cuts(*map(int, row))
    return found


def cut_notes(by_stage: Mapping[str, Cuts], continues_text: bool = False) -> list[str]:
    """A note on each stage of which many answers were cut.

    Args:
        by_stage: the answers.
        continues_text: whether a base model was asked, which ends only where it is cut or stopped.
    """
    return [
        f"{cuts.cut:,} of the {cuts.answers:,} answers of the stage {stage} were cut by their length limit:"
        f" {_share(cuts)} of its output tokens. A model that thinks needs more room: in another folder (--out)"
        f" --max-tokens {stage}=N."
        for stage, cuts in by_stage.items()
        if cuts.are_many and not (continues_text and cuts.cut_tokens <= _A_WORD * cuts.cut)
    ]


def _share(cuts: Cuts) -> str:
    return f"{cuts.cut_tokens / cuts.tokens:.0%}" if cuts.tokens else "an unknown share"
