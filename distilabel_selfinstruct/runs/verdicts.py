"""Whether a model calls about as many instructions classification as there are among the seed tasks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from distilabel_selfinstruct.shares import Share
from distilabel_selfinstruct.text.requests import asks_for_text

_FAR = 3.0  # times the odds: the paper's own run is at 1.7 (22 % of the instructions, 14 % of the seed tasks)
WHAT_TO_DO = (
    "in another folder (--out) take --base (a base model), --structured (guided decoding), another model, or"
    " --skip-classification"
)


def share_of_yes(verdicts: Iterable[bool | None]) -> Share:
    """Of the verdicts that there are, those that are yes."""
    given = [verdict for verdict in verdicts if verdict is not None]
    return Share(sum(given), len(given))


def verdicts_of(rows: Iterable[Mapping[str, Any]]) -> list[bool | None]:
    """What was said of instructions, but for those whose form tells what they are: nobody need be asked about them."""
    return [row.get("is_classification") for row in rows if not asks_for_text(row["instruction"])]


def is_far_off(said: Share, seeds: Share) -> bool:
    """Whether the share of yes is far from the seeds', and not by chance: their 95 % intervals do not meet."""
    if said.interval is None or seeds.interval is None:
        return False
    (low, high), (lowest, highest) = said.interval, seeds.interval
    ratio = _odds(said) / _odds(seeds)
    return (high < lowest or highest < low) and not 1 / _FAR <= ratio <= _FAR


def _odds(share: Share) -> float:
    """With half a one added to both counts (Haldane, 1956): none of a few is not never."""
    return (share.right + 0.5) / (share.of - share.right + 0.5)


def verdict_notes(verdicts: Iterable[bool | None], of_seeds: Iterable[bool | None]) -> list[str]:
    """A note where the share of yes is far off the seeds'.

    Args:
        verdicts: of the instructions, None where there is none.
        of_seeds: of the seed tasks.
    """
    said, seeds = share_of_yes(verdicts), share_of_yes(of_seeds)
    if not is_far_off(said, seeds):
        return []
    return [
        f"Of the instructions whose form does not tell, the model called {said.right:,} of {said.of:,} classification,"
        f" {said}, and of such seed tasks {seeds.value:.0%} are: see with `self-instruct check` whether it can tell"
        f" them apart, or {WHAT_TO_DO}."
    ]
