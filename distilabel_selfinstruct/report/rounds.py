"""The rounds of a loop: what each brought, and whether more of them pay."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from distilabel_selfinstruct.report.rows import Row
from distilabel_selfinstruct.shares import Share

_FEWEST_ROUNDS = 4  # that a trend is read from
_HARDLY = 0.10  # of the candidates admitted: hardly worth the requests
_FALLEN = 0.75  # of the first quarter's acceptance


@dataclass(frozen=True, slots=True)
class Round:
    """What one round brought.

    Attributes:
        number: the round's number, from 0; of merged rounds that of the last.
        prompts: prompts of the loop.
        candidates: instructions in their answers, without those that came when enough had been admitted.
        admitted: how many of them joined the pool.
        similar: how many were too similar to one of it.
        instances: instances of the admitted ones in the dataset.
    """

    number: int
    prompts: int
    candidates: int
    admitted: int
    similar: int
    instances: int

    @property
    def acceptance(self) -> float | None:
        """The share of the candidates that was admitted."""
        return self.admitted / self.candidates if self.candidates else None

    @property
    def novelty(self) -> float | None:
        """The share of the well-formed candidates that was not too similar to the pool."""
        well_formed = self.admitted + self.similar
        return self.admitted / well_formed if well_formed else None


@dataclass(slots=True)
class _Tally:
    prompts: set[str] = field(default_factory=set)
    candidates: int = 0
    admitted: int = 0
    similar: int = 0
    instances: int = 0


def rounds_of(
    instructions: Iterable[Row], instances: Iterable[Row], rejected: Iterable[Row], loops: Collection[str]
) -> list[Round]:
    """The rounds in their order; none where rows carry no round.

    An instruction id is that of its prompt, a hyphen, and its place in the answer.

    Args:
        instructions: those that were admitted.
        instances: of these instructions.
        rejected: rows of all stages.
        loops: the stages that ask round by round.
    """
    tallies: dict[int, _Tally] = defaultdict(_Tally)
    for row in instructions:
        if row.get("round") is not None:
            tally = tallies[row["round"]]
            tally.prompts.add(row["instruction_id"].split("-")[0])
            tally.candidates += 1
            tally.admitted += 1
    for row in rejected:
        if row["stage"] in loops and row.get("round") is not None:
            tally = tallies[row["round"]]
            tally.prompts.add((row.get("instruction_id") or "").split("-")[0])
            tally.candidates += row.get("instruction") is not None and row["reason"] != "surplus"
            tally.similar += row["reason"] in ("similar", "contained")
    for row in instances:
        if row.get("round") in tallies:
            tallies[row["round"]].instances += 1
    return [
        Round(number, len(tally.prompts), tally.candidates, tally.admitted, tally.similar, tally.instances)
        for number, tally in sorted(tallies.items())
    ]


def merge_rounds(rounds: Sequence[Round], most: int) -> list[Round]:
    """At most so many rounds, neighbours taken together."""
    size = -(-len(rounds) // most)
    return [_sum(rounds[at : at + size]) for at in range(0, len(rounds), size)] if rounds else []


def saturation_sentence(rounds: Sequence[Round]) -> str:
    """Whether more rounds pay, by the acceptance of the last quarter of the rounds against the first.

    A verdict stands only where the 95 % intervals bear it: hardly, if all of the last one lies below; less, if the two
    do not meet.
    """
    if len(rounds) < _FEWEST_ROUNDS:
        return f"Too few rounds ({len(rounds)}) to say whether more of them pay."
    quarter = len(rounds) // 4
    first, last = (_acceptance(part) for part in (rounds[:quarter], rounds[-quarter:]))
    if first.interval is None or last.interval is None:
        return "Too few candidates to say whether more rounds pay."
    then_and_now = f"the last quarter of them admitted {last} of the candidates, the first {first}"
    if last.interval[1] < _HARDLY:
        return f"More rounds hardly pay: {then_and_now}; other seeds or another model would bring more."
    if last.interval[1] < first.interval[0] and (last.value or 0.0) < _FALLEN * (first.value or 0.0):
        return f"More rounds still pay, but less and less: {then_and_now}."
    if last.interval[0] > _HARDLY:
        return f"More rounds pay: {then_and_now}."
    return f"Too few candidates to say whether more rounds pay: {then_and_now}."


def _acceptance(rounds: Sequence[Round]) -> Share:
    whole = _sum(rounds)
    return Share(whole.admitted, whole.candidates)


def _sum(rounds: Sequence[Round]) -> Round:
    return Round(
        number=rounds[-1].number,
        prompts=sum(each.prompts for each in rounds),
        candidates=sum(each.candidates for each in rounds),
        admitted=sum(each.admitted for each in rounds),
        similar=sum(each.similar for each in rounds),
        instances=sum(each.instances for each in rounds),
    )
