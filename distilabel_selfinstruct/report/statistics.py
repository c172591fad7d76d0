"""The figures of a dataset: what is in it, what was thrown away, how diverse it is, whether more rounds pay."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from distilabel_selfinstruct.recipe import Recipe
from distilabel_selfinstruct.recipe import Stage as RecipeStage
from distilabel_selfinstruct.report.measures import Measures
from distilabel_selfinstruct.report.rounds import Round, rounds_of
from distilabel_selfinstruct.report.rows import ReportRows, Row
from distilabel_selfinstruct.report.verbs import VerbObject
from distilabel_selfinstruct.runs.verdicts import verdict_notes, verdicts_of
from distilabel_selfinstruct.text.labels import folded_label
from distilabel_selfinstruct.text.rules import count_words
from distilabel_selfinstruct.usage import Prices, Usage

COMMONEST_VERBS, COMMONEST_OBJECTS = 20, 4  # paper, figure 3
_CANDIDATE = {
    "candidate": "instruction",
    "instruction": "instruction",
    "instance": "instance_id",
    "pair": "instruction_id",
    "topic": "topic",
    "turn": "instance_id",
}
"""The column that is None in a row without anything to judge."""
UNITS = {
    "candidate": "candidates",
    "instruction": "instructions",
    "instance": "instances",
    "pair": "pairs",
    "topic": "topics",
    "turn": "turns",
}
"""What a stage counts, by what it judges."""
_COMMONEST_LABELS = 15
_LENGTH_BINS = 25


@dataclass(frozen=True, slots=True)
class Overview:
    """The paper's table 1. Words are means; None where there is nothing to count, or where it was not recorded."""

    instructions: int
    classification: int | None
    not_classification: int | None
    instances: int
    empty_input: int
    instruction_words: float | None
    input_words: float | None
    output_words: float | None


PAPER = Overview(
    instructions=52_445,
    classification=11_584,
    not_classification=40_861,
    instances=82_439,
    empty_input=35_878,
    instruction_words=15.9,
    input_words=12.7,
    output_words=18.9,
)  # arXiv 2212.10560, table 1
PAPER_PAIRS, PAPER_COVERED = 26_559, 0.14  # section 3.1


@dataclass(frozen=True, slots=True)
class Stage:
    """What came into a stage and what became of it.

    Attributes:
        name: as in the recipe.
        title: as in the recipe.
        candidates: instructions, instances, preference pairs or topics that were looked at.
        admitted: how many of them passed.
        rejected: how many did not, by reason code, commonest first.
        barren: requests or instructions that brought no candidate at all, by reason code.
        meanings: of the reason codes.
        unit: what is counted, in the plural.
    """

    name: str
    title: str
    candidates: int
    admitted: int
    rejected: dict[str, int]
    barren: dict[str, int]
    meanings: dict[str, str]
    unit: str = "candidates"


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts between edges; `beyond` lie above the last edge."""

    edges: list[float]
    counts: list[int]
    beyond: int = 0


@dataclass(frozen=True, slots=True)
class Distribution:
    """One number of each text."""

    count: int
    mean: float | None
    median: float | None
    histogram: Histogram


@dataclass(frozen=True, slots=True)
class Verb:
    """A root verb with its commonest objects; `count` is that of its pairs, whatever their object."""

    verb: str
    count: int
    objects: list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Diversity:
    """Root verbs and direct objects (paper, section 3.1).

    Attributes:
        instructions: how many were parsed.
        pairs: how many have both a verb and an object.
        distinct_pairs: how many different pairs there are.
        entropy: of the pairs, in bits; None without pairs.
        verbs: the commonest verbs with their commonest objects.
        covered: instructions with one of these pairs.
    """

    instructions: int
    pairs: int
    distinct_pairs: int
    entropy: float | None
    verbs: list[Verb]
    covered: int


@dataclass(frozen=True, slots=True)
class Similarity:
    """The maximum ROUGE-L F of each instruction with the seeds; `identical` have 1."""

    seeds: int
    scores: Distribution
    identical: int


@dataclass(frozen=True, slots=True)
class Balance:
    """The labels of classification instances.

    Attributes:
        instances: instances of classification instructions.
        distinct: different labels, folded as in text.labels: "y" and "Yes." are one.
        labels: the commonest, with their counts.
        compared: instructions with at least two instances.
        one_sided: those of them with the same label in all instances.
        evenness: mean over `compared` of the labels' entropy over its maximum, 1 when all differ; None without any.
    """

    instances: int
    distinct: int
    labels: list[tuple[str, int]]
    compared: int
    one_sided: int
    evenness: float | None


@dataclass(frozen=True, slots=True)
class Statistics:
    """Everything the report says about a dataset; None where nothing was recorded to say it from.

    `notes` are what a user should know besides. `of_paper` says whether the paper's figures mean anything beside these,
    `more` counts the rows of the recipe's own configs, `barren` the admitted instructions without any instance;
    `seconds` is how long requests were in flight.
    """

    name: str
    models: list[str]
    overview: Overview
    funnel: list[Stage]
    diversity: Diversity | None
    similarity: Similarity | None
    lengths: dict[str, Distribution]
    rounds: list[Round]
    balance: Balance | None
    usage: dict[str, Usage] = field(default_factory=dict)
    prices: Prices | None = None
    titles: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    of_paper: bool = True
    more: dict[str, int] = field(default_factory=dict)
    barren: int = 0
    seconds: float | None = None


_JSON = TypeAdapter(Statistics)


def write_statistics(statistics: Statistics, path: Path) -> None:
    """Writes a file that `read_statistics` reads back as the same statistics."""
    path.write_bytes(_JSON.dump_json(statistics, indent=2) + b"\n")


def read_statistics(path: Path, recipe: Recipe | None = None) -> Statistics:
    """The statistics that `write_statistics` wrote.

    Args:
        path: the file.
        recipe: that the run followed: it says the titles and meanings that version 0.1.0 left out.

    Raises:
        ValueError: if the file is damaged.
    """
    if recipe is None:
        return _JSON.validate_json(path.read_bytes())
    try:
        values = json.loads(path.read_bytes())
        titles = titles_of(recipe)
        for stage in values["funnel"]:
            stage.setdefault("title", titles.get(stage["name"], stage["name"]))
            reasons = (*stage["rejected"], *stage["barren"])
            stage.setdefault("meanings", {reason: recipe.meaning_of(reason) for reason in reasons})
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path}: holds no statistics ({error!r}).") from None
    return _JSON.validate_python({"titles": titles, **values})


def compute_statistics(
    rows: ReportRows,
    usage: Mapping[str, Usage] | None = None,
    prices: Prices | None = None,
    *,
    measures: Measures | None = None,
    seconds: float | None = None,
) -> Statistics:
    """The statistics of a dataset; 52K instructions take about a minute.

    Raises:
        MissingExtraError: if the tagger is not installed.
    """
    texts = [row["instruction"] for row in rows.instructions]
    measures = measures or Measures(lambda: texts, lambda: rows.seeds)
    with_instance = {row.get("instruction_id") for row in rows.instances}
    return Statistics(
        name=rows.name,
        models=sorted({model for row in rows.instructions if (model := row.get("model_name"))}),
        overview=overview_of(rows.instructions, rows.instances),
        funnel=funnel_of(rows),
        diversity=_diversity(measures.pairs),
        similarity=_similarity(measures.nearest, len(rows.seeds)) if rows.seeds else None,
        lengths=lengths_of(texts, rows.instances),
        rounds=rounds_of_rows(rows),
        balance=balance_of(rows.instances),
        usage=dict(usage or {}),
        prices=prices,
        titles=titles_of(rows.recipe),
        notes=[
            *rows.notes,
            *measures.notes,
            *verdict_notes(verdicts_of(rows.instructions), rows.seed_verdicts),
        ],
        of_paper=rows.recipe is None or rows.recipe.of_paper,
        more=more_of(rows),
        barren=sum(row.get("instruction_id") not in with_instance for row in rows.instructions),
        seconds=seconds,
    )


def more_of(rows: ReportRows) -> dict[str, int]:
    """How many rows the recipe's own configs have, by what they are called."""
    if rows.recipe is None:
        return {}
    counted = {"preferences": ("preference pairs", rows.pairs), "topics": ("topics", rows.topics)}
    return dict(counted[name] for name in rows.recipe.configs if name in counted)


def titles_of(recipe: Recipe | None) -> dict[str, str]:
    """The title of each stage."""
    return {stage.name: stage.title for stage in recipe.stages} if recipe else {}


def rounds_of_rows(rows: ReportRows) -> list[Round]:
    """The rounds of the recipe's loop; none where nobody recorded them."""
    if rows.recipe is None:
        return []
    loops = rows.recipe.stages_that_ask("rounds")
    return rounds_of(rows.instructions, rows.instances, rows.rejected, loops)


def overview_of(instructions: Sequence[Row], instances: Sequence[Row]) -> Overview:
    """The paper's table 1. Words are counted as in text.rules: in scripts without spaces each character is one."""
    kinds = Counter(row.get("is_classification") for row in instructions)
    recorded = bool(kinds[True] or kinds[False]) or not instructions
    return Overview(
        instructions=len(instructions),
        classification=kinds[True] if recorded else None,
        not_classification=kinds[False] if recorded else None,
        instances=len(instances),
        empty_input=sum(not row["input"] for row in instances),
        instruction_words=_mean([count_words(row["instruction"]) for row in instructions]),
        input_words=_mean([count_words(row["input"]) for row in instances if row["input"]]),
        output_words=_mean([count_words(row["output"]) for row in instances]),
    )


def funnel_of(rows: ReportRows) -> list[Stage]:
    """What became of the candidates of each stage of the recipe; nothing where no recipe is known."""
    if rows.recipe is None:
        return []
    by_stage: dict[str, _Rejected] = defaultdict(_Rejected)
    judged = {stage.name: _CANDIDATE[stage.judges] for stage in rows.recipe.stages}
    for row in rows.rejected:
        rejected = by_stage[row["stage"]]
        has_candidate = row.get(judged.get(row["stage"], "")) is not None
        (rejected.reasons if has_candidate else rejected.barren)[row["reason"]] += 1
    classified = sum(row.get("is_classification") is not None for row in rows.instructions)
    passed = {
        "candidate": len(rows.instructions),
        "instruction": classified,
        "instance": len(rows.instances),
        "pair": rows.pairs,
        "topic": rows.topics,
        "turn": rows.turns,
    }
    funnel: list[Stage] = []
    for stage in reversed(rows.recipe.stages):
        if stage.optional and stage.name not in by_stage:
            continue
        funnel.append(_stage(rows.recipe, stage, passed[stage.judges], by_stage[stage.name]))
        if stage.judges != "instruction":  # what comes into a stage is what the stage before has let pass
            passed[stage.judges] = funnel[-1].candidates
    return funnel[::-1]


@dataclass(frozen=True, slots=True)
class _Rejected:
    """Rows of a stage by their reason: those with something to judge, and those without."""

    reasons: Counter[str] = field(default_factory=Counter)
    barren: Counter[str] = field(default_factory=Counter)


def _stage(recipe: Recipe, stage: RecipeStage, admitted: int, rejected: _Rejected) -> Stage:
    """What a stage let pass, and what it rejected."""
    reasons, barren = rejected.reasons, rejected.barren
    in_order = dict([*reasons.most_common(), *barren.most_common()])
    return Stage(
        name=stage.name,
        title=stage.title,
        candidates=admitted + reasons.total(),
        admitted=admitted,
        rejected=dict(reasons.most_common()),
        barren=dict(barren.most_common()),
        meanings={reason: recipe.meaning_of(reason) for reason in in_order},
        unit=UNITS[stage.judges],
    )


def diversity_of(instructions: Iterable[str]) -> Diversity:
    """Verbs and objects of the instructions.

    Raises:
        MissingExtraError: if the tagger is not installed.
    """
    return _diversity(Measures(lambda: list(instructions)).pairs)


def _diversity(found: Sequence[VerbObject]) -> Diversity:
    pairs = Counter((verb, noun) for verb, noun in found if verb is not None and noun is not None)
    by_verb: dict[str, Counter[str]] = defaultdict(Counter)
    for (verb, noun), count in pairs.items():
        by_verb[verb][noun] = count
    commonest = sorted(by_verb.items(), key=lambda item: (-item[1].total(), item[0]))[:COMMONEST_VERBS]
    verbs = [Verb(verb, nouns.total(), _commonest(nouns, COMMONEST_OBJECTS)) for verb, nouns in commonest]
    return Diversity(
        instructions=len(found),
        pairs=pairs.total(),
        distinct_pairs=len(pairs),
        entropy=_entropy(pairs.values()),
        verbs=verbs,
        covered=sum(count for verb in verbs for _, count in verb.objects),
    )


def similarity_of(instructions: Iterable[str], seeds: Sequence[str]) -> Similarity:
    """How near the instructions are to the seeds."""
    return _similarity(Measures(lambda: list(instructions), lambda: seeds).nearest, len(seeds))


def _similarity(scores: Sequence[float], seeds: int) -> Similarity:
    edges = [step / 20 for step in range(21)]
    return Similarity(
        seeds=seeds,
        scores=_distribution(scores, edges),
        identical=sum(score > 1 - 1e-9 for score in scores),
    )


def lengths_of(instructions: Iterable[str], instances: Sequence[Row]) -> dict[str, Distribution]:
    """Words of instructions, non-empty inputs and outputs."""
    words = {
        "instruction": [count_words(text) for text in instructions],
        "input": [count_words(row["input"]) for row in instances if row["input"]],
        "output": [count_words(row["output"]) for row in instances],
    }
    return {name: _distribution(counts, _length_edges(counts)) for name, counts in words.items()}


def _length_edges(counts: Sequence[int]) -> list[float]:
    """Whole numbers of words, up to what 98 of 100 texts do not exceed."""
    most = float(np.percentile(counts, 98)) if counts else 0.0
    width = max(1, math.ceil((most + 1) / _LENGTH_BINS))
    return [float(edge) for edge in range(0, width * _LENGTH_BINS + 1, width)]


def balance_of(instances: Iterable[Row]) -> Balance | None:
    """The labels of the classification instances; None where it is not recorded which are."""
    labels: dict[str, list[str]] = defaultdict(list)
    recorded = False
    for row in instances:
        recorded |= row.get("is_classification") is not None
        if row.get("is_classification"):
            labels[row["instruction"]].append(folded_label(row["output"]))
    if not recorded:
        return None
    every = Counter(label for of_one in labels.values() for label in of_one)
    compared = [Counter(of_one) for of_one in labels.values() if len(of_one) > 1]
    return Balance(
        instances=every.total(),
        distinct=len(every),
        labels=_commonest(every, _COMMONEST_LABELS),
        compared=len(compared),
        one_sided=sum(len(counter) == 1 for counter in compared),
        evenness=_mean([(_entropy(counter.values()) or 0.0) / math.log2(counter.total()) for counter in compared]),
    )


def _commonest(counter: Counter[str], number: int) -> list[tuple[str, int]]:
    return sorted(counter.items(), key=lambda item: (-item[1], item[0]))[:number]


def _distribution(values: Sequence[float], edges: list[float]) -> Distribution:
    counts, _ = np.histogram(values, bins=edges)
    return Distribution(
        count=len(values),
        mean=_mean(values),
        median=float(np.median(values)) if values else None,
        histogram=Histogram(edges, counts.tolist(), beyond=len(values) - int(counts.sum())),
    )


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _entropy(counts: Iterable[int]) -> float | None:
    """In bits."""
    shares = np.array(list(counts), dtype=float)
    if not len(shares):
        return None
    shares /= shares.sum()
    return max(0.0, float(-(shares * np.log2(shares)).sum()))
