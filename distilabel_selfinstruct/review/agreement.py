"""How far a judge model agrees with annotators: what is to be known before its scores are trusted."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from distilabel_selfinstruct.data.folder import RunFolder
from distilabel_selfinstruct.data.reasons import TRUNCATED, UNCLEAR_JUDGEMENT
from distilabel_selfinstruct.data.rubrics import Rubric, bounds_of
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.presets import JudgeWording

if TYPE_CHECKING:
    from distilabel.models.llms.base import LLM

_RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Judge:
    """A model as judge: all that its scores depend on beside the instances.

    Attributes:
        model: its name.
        judgements: of an instance, of which the mean counts.
        wording: how it is asked: `chat`, or `structured` with JSON.
        temperature: that it is asked with; None where the model takes none.
        prompts_version: of the question.
        rubric: a user's own, as JSON; empty for the points of the package.
    """

    model: str
    judgements: int
    wording: JudgeWording
    temperature: float | None
    prompts_version: int
    rubric: str = ""

    @classmethod
    def of(cls, llm: LLM, judgements: int, wording: JudgeWording, rubric: str | None = None) -> Judge:
        """The judge that this model is."""
        from distilabel_selfinstruct.steps.asking import decoding_kwargs
        from distilabel_selfinstruct.steps.judge import DECODING, PROMPTS_VERSION

        temperature = decoding_kwargs(llm, DECODING, wording).get("temperature")
        return cls(llm.model_name, judgements, wording, temperature, PROMPTS_VERSION, rubric or "")

    def __str__(self) -> str:
        judgements = f"{self.judgements:,} judgement" + ("" if self.judgements == 1 else "s")
        temperature = [] if self.temperature is None else [f"temperature {self.temperature:g}"]
        own = ["a rubric of yours"] if self.rubric else []
        details = [judgements, self.wording, *temperature, f"prompts version {self.prompts_version}", *own]
        return f"{self.model} ({', '.join(details)})"

    def command(self, run: str | PathLike[str]) -> str:
        """What compares it with people."""
        structured = " --structured" if self.wording == "structured" else ""
        rubric = " --judge-rubric FILE" if self.rubric else ""
        return f"self-instruct judge {run} --llm ...{structured} --judgements {self.judgements}{rubric}"

    def differences(self, there: Judge) -> str:
        """In what it differs from the judge of another run."""
        here = dataclasses.asdict(self)
        return ", ".join(
            f"{name} is {value!r} there and {here[name]!r} here" if name != "rubric" else "the rubric is another one"
            for name, value in dataclasses.asdict(there).items()
            if value != here[name]
        )


@dataclass(frozen=True, slots=True)
class Confusion:
    """What judge and people say of the same records: whether it passes, whether all three questions are answered yes.

    Attributes:
        threshold: the lowest score that passes.
        both: records that pass and are right.
        only_judge: that pass, and are not right.
        only_people: that are right, and do not pass.
        neither: that do not pass and are not right.
    """

    threshold: float
    both: int
    only_judge: int
    only_people: int
    neither: int

    @property
    def records(self) -> int:
        return sum(self._counts)

    @property
    def agreement(self) -> float | None:
        """The share of the records of which both say the same."""
        return (self.both + self.neither) / self.records if self.records else None

    @property
    def kappa(self) -> float | None:
        """Cohen's kappa (1960): 1 is perfect, 0 is chance; None where neither ever says anything else."""
        (kappa,) = _kappas(np.array([self._counts]))
        return None if np.isnan(kappa) else float(kappa)

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of kappa: percentiles of a bootstrap over the records, the same every time."""
        if self.kappa is None:
            return None
        shares = np.array(self._counts) / self.records
        kappas = _kappas(np.random.default_rng(0).multinomial(self.records, shares, _RESAMPLES))
        low, high = np.nanpercentile(kappas, [2.5, 97.5])
        return float(low), float(high)

    @property
    def _counts(self) -> tuple[int, int, int, int]:
        return self.both, self.only_judge, self.only_people, self.neither


def _kappas(tables: np.ndarray) -> np.ndarray:
    """Cohen's kappa of each row of counts: both, only the one, only the other, neither; nan where not defined."""
    both, one, other, neither = tables.T.astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        records = both + one + other + neither
        observed = (both + neither) / records
        chance = ((both + one) * (both + other) + (neither + one) * (neither + other)) / records**2
        kappas: np.ndarray = (observed - chance) / (1 - chance)
    return kappas


@dataclass(frozen=True, slots=True)
class Judged:
    """A reviewed record: its score, the reason code where it has none, and what people say of it."""

    record_id: str
    score: float | None
    reason: str | None
    is_right: bool


@dataclass(frozen=True, slots=True)
class Agreement:
    """What a judge says of reviewed records.

    Attributes:
        judge: the judge.
        judged: the records with all the answers they need.
    """

    judge: Judge
    judged: tuple[Judged, ...]

    @property
    def scored(self) -> int:
        """Records that the judge gave a score."""
        return len(self.judged) - self.without_score

    @property
    def without_score(self) -> int:
        """Records that the judge gave no score; they count nowhere."""
        return sum(each.score is None for each in self.judged)

    @property
    def failed(self) -> int:
        """Those of them whose requests have failed."""
        return sum(each.reason not in (None, UNCLEAR_JUDGEMENT.code, TRUNCATED.code) for each in self.judged)

    @property
    def thresholds(self) -> list[Confusion]:
        """From the second fewest points to the most: from one to five, or by the rubric."""
        least, most = bounds_of(Rubric.of(self.judge.rubric))
        return [self.at(threshold) for threshold in range(least + 1, most + 1)]

    @property
    def best(self) -> Confusion | None:
        """The threshold with the highest kappa, the lowest of several; None where kappa is not defined."""
        defined = [each for each in self.thresholds if each.kappa is not None]
        return max(defined, key=lambda each: each.kappa or 0.0, default=None)

    def at(self, threshold: float) -> Confusion:
        """Judge and people with this threshold."""
        pairs = [(each.score >= threshold, each.is_right) for each in self.judged if each.score is not None]
        counts = (pairs.count(pair) for pair in ((True, True), (True, False), (False, True), (False, False)))
        return Confusion(threshold, *counts)

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> Agreement:
        return cls(Judge(**row["judge"]), tuple(Judged(**each) for each in row["judged"]))


def read_agreements(run: str | PathLike[str]) -> list[Agreement]:
    """What the command `judge` found on a run, once of each judge, the last one first.

    Raises:
        RunFolderError: if what it left is damaged.
    """
    return RunFolder(run).review_record("judge", lambda rows: [Agreement.of_row(row) for row in rows]) or []


def find_agreement(run: str | PathLike[str], judge: Judge) -> Agreement:
    """What was found of this very judge on a run.

    Raises:
        ConfigError: if it was not compared with people there, or gave no score.
        RunFolderError: if what was found there is damaged.
    """
    option, agreements = f"--judge-agreement {run}", read_agreements(run)
    if not agreements:
        raise ConfigError(f"{option}: no judge was compared with people there; do it with `{judge.command(run)}`.")
    found = next((each for each in agreements if each.judge == judge), None)
    if found is None:
        differences = "; ".join(judge.differences(each.judge) for each in agreements)
        raise ConfigError(
            f"{option}: another judge was compared with people there: {differences}. Compare this one with"
            f" `{judge.command(run)}`, or judge as there."
        )
    if not found.scored:
        what_to_do = f"Ask again with `{judge.command(run)}`." if found.failed else "Choose another judge."
        raise ConfigError(
            f"{option}: the judge {judge} gave none of {len(found.judged):,} reviewed instances a score there."
            f" {what_to_do}"
        )
    return found
