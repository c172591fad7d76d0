"""The tables of the report, for the page and, as Markdown, for the dataset card."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from distilabel_selfinstruct.report.links import admitted_config, link
from distilabel_selfinstruct.report.rounds import merge_rounds
from distilabel_selfinstruct.report.statistics import (
    PAPER,
    PAPER_COVERED,
    PAPER_PAIRS,
    Balance,
    Diversity,
    Overview,
    Similarity,
    Stage,
    Statistics,
)
from distilabel_selfinstruct.report.wording import (
    NOTHING,
    count,
    duration,
    mean,
    money,
    share,
)
from distilabel_selfinstruct.text.tables import Link, Table
from distilabel_selfinstruct.usage import CURRENCY, Usage

_MOST_ROUNDS = 12
_CONFIG_OF = {"preference pairs": "preferences"}  # what is counted, where it is not so called


def overview_table(overview: Overview, of_paper: bool = True, more: Mapping[str, int] = MappingProxyType({})) -> Table:
    """The paper's table 1, beside the paper's own figures where these are of the same method.

    Args:
        overview: of the dataset.
        of_paper: whether it is; without, what was not recorded is left out.
        more: how many rows there are of the recipe's own.
    """
    columns = (overview, PAPER) if of_paper else (overview,)

    def paper(figure: Callable[[Overview], float | None]) -> list[str]:
        return [count(figure(PAPER))] if of_paper else []

    table = Table(
        ["", "this dataset", *(["Self-Instruct paper"] if of_paper else [])],
        [
            *([name, _rows(number, _CONFIG_OF.get(name, name))] for name, number in more.items()),
            ["instructions", _rows(overview.instructions, "instructions"), *paper(lambda each: each.instructions)],
            [
                "· classification",
                _rows(overview.classification, "instructions", is_classification="yes"),
                *paper(lambda each: each.classification),
            ],
            [
                "· not classification",
                _rows(overview.not_classification, "instructions", is_classification="no"),
                *paper(lambda each: each.not_classification),
            ],
            ["instances", _rows(overview.instances, "instances"), *paper(lambda each: each.instances)],
            [
                "· with empty input",
                _rows(overview.empty_input, "instances", **{"words of input": "0"}),
                *paper(lambda each: each.empty_input),
            ],
            ["mean words of an instruction", *(mean(each.instruction_words) for each in columns)],
            ["mean words of a non-empty input", *(mean(each.input_words) for each in columns)],
            ["mean words of an output", *(mean(each.output_words) for each in columns)],
        ],
    )
    if of_paper:
        return table
    told = [row for row in table.rows if row[1] != NOTHING]
    if overview.empty_input == overview.instances:  # a recipe without inputs
        told = [row for row in told if row[0] != "· with empty input"]
    return replace(table, rows=told)


def _rows(number: int | None, config: str, **filters: str) -> str:
    """A number of rows, with the way to them where there are any."""
    return Link(count(number), link(config, **filters)) if number else count(number)


def funnel_table(funnel: Sequence[Stage], rows: Mapping[str, int] = MappingProxyType({})) -> Table:
    """One row a stage.

    Args:
        funnel: the stages.
        rows: how many rows configs have: what a stage admitted leads to a config that holds just that.
    """

    def admitted(stage: Stage) -> str:
        config = admitted_config(stage)
        return _rows(stage.admitted, config) if rows.get(config) == stage.admitted else count(stage.admitted)

    return Table(
        ["stage", "came", "admitted", "rejected", "share admitted"],
        [
            [
                f"{stage.title} ({stage.unit})",
                count(stage.candidates),
                admitted(stage),
                _rows(stage.candidates - stage.admitted, "rejected", stage=stage.name),
                share(stage.admitted, stage.candidates),
            ]
            for stage in funnel
        ],
    )


def reasons_table(stage: Stage) -> Table:
    """One row a reason, with its share of the candidates; requests without a candidate have none."""
    rejected = [
        [
            _reason_and_code(stage, reason),
            _rows(number, "rejected", stage=stage.name, reason=reason),
            share(number, stage.candidates),
        ]
        for reason, number in stage.rejected.items()
    ]
    barren = [[_reason_and_code(stage, reason), count(number), NOTHING] for reason, number in stage.barren.items()]
    return Table(["rejected because", "rows", "share"], rejected + barren)


def _reason_and_code(stage: Stage, reason: str) -> str:
    words = stage.meanings[reason]
    return words if words == reason.replace("_", " ") else f"{words} ({reason})"


def diversity_table(diversity: Diversity, of_paper: bool = True) -> Table:
    """How many pairs, beside the paper's own figures where these are of the same method."""
    whole = diversity.instructions
    table = Table(
        ["", "this dataset", "Self-Instruct paper"],
        [
            [
                "instructions with verb and object",
                f"{count(diversity.pairs)} ({share(diversity.pairs, whole)})",
                f"{count(PAPER_PAIRS)} ({share(PAPER_PAIRS, PAPER.instructions)})",
            ],
            ["different pairs", count(diversity.distinct_pairs), NOTHING],
            ["entropy of the pairs (bits)", mean(diversity.entropy, 2), NOTHING],
            ["covered by the pairs below", share(diversity.covered, whole), share(PAPER_COVERED, 1)],
        ],
    )
    return table if of_paper else replace(table, head=["", ""], rows=[row[:2] for row in table.rows])


def verbs_table(diversity: Diversity) -> Table:
    """The commonest verbs and their commonest objects."""
    return Table(
        ["verb", "pairs", "commonest objects"],
        [
            [
                verb.verb,
                _rows(verb.count, "instructions", verb=verb.verb),
                ", ".join(f"{noun} {number:,}" for noun, number in verb.objects),
            ]
            for verb in diversity.verbs
        ],
        numeric=False,
    )


def similarity_table(similarity: Similarity) -> Table:
    """How near the instructions are to the seeds."""
    return Table(
        ["maximum ROUGE-L with a seed task", ""],
        [
            ["seed tasks compared with", _rows(similarity.seeds, "seeds")],
            ["mean", mean(similarity.scores.mean, 2)],
            ["median", mean(similarity.scores.median, 2)],
            ["identical with a seed", _rows(similarity.identical, "instructions", **{"nearest seed": "1"})],
        ],
    )


def rounds_table(statistics: Statistics) -> Table:
    """Acceptance and novelty, rounds taken together where there are many."""
    rounds = merge_rounds(statistics.rounds, _MOST_ROUNDS)
    return Table(
        ["up to round", "prompts", "candidates", "admitted", "acceptance", "novelty"],
        [
            [
                count(each.number + 1),
                count(each.prompts),
                count(each.candidates),
                _rows(each.admitted, "instructions", round=f"{first}..{each.number}"),
                share(each.admitted, each.candidates),
                share(each.admitted, each.admitted + each.similar),
            ]
            for first, each in zip([0, *(each.number + 1 for each in rounds)], rounds)
        ],
    )


def balance_table(balance: Balance) -> Table:
    """How evenly the labels of classification instances are spread."""
    return Table(
        ["labels of classification instances", ""],
        [
            ["instances", _rows(balance.instances, "instances", is_classification="yes")],
            ["different labels", count(balance.distinct)],
            ["instructions with two or more instances", count(balance.compared)],
            [
                "· all of them with the same label",
                f"{count(balance.one_sided)} ({share(balance.one_sided, balance.compared)})",
            ],
            ["· evenness of their labels (1: all differ)", mean(balance.evenness, 2)],
        ],
    )


def labels_table(balance: Balance) -> Table:
    """The commonest labels."""
    return Table(
        ["label", "instances", "share"],
        [
            [_short(label), _rows(number, "instances", label=label), share(number, balance.instances)]
            for label, number in balance.labels
        ],
    )


def _short(label: str, most: int = 60) -> str:
    label = " ".join(label.split()) or "(empty)"
    return label if len(label) <= most else label[: most - 1] + "…"


def cost_table(statistics: Statistics) -> Table:
    """What each stage has asked for, and what one admitted instruction and one instance cost."""
    titles, prices = statistics.titles, statistics.prices
    used = {stage: each.at(prices) if prices else each for stage, each in statistics.usage.items()}
    total = sum(used.values(), Usage())
    columns = {name: column for name, column in _USAGE.items() if name not in _RARE or column(total)}
    currency = prices.currency if prices else CURRENCY
    has_money = bool(total.cost or total.unpriced)

    def cells(usage: Usage, share_of: int = 1) -> list[str]:
        write = count if share_of == 1 else _small
        of_usage = [
            *(write(column(usage) / share_of) for column in columns.values()),
            duration(usage.seconds / share_of),
        ]
        return [*of_usage, _money(usage, share_of, currency)] if has_money else of_usage

    rows = [
        *([titles.get(stage, stage.replace("_", " ").capitalize()), *cells(usage)] for stage, usage in used.items()),
        ["total", *cells(total)],
        *(
            [f"per {noun}", *cells(total, number)]
            for noun, number in (
                ("admitted instruction", statistics.overview.instructions),
                ("instance", statistics.overview.instances),
            )
            if number
        ),
    ]
    return Table(["", *columns, "model time", *(["money"] if has_money else [])], rows)


_USAGE: dict[str, Callable[[Usage], int]] = {
    "requests": lambda usage: usage.requests,
    "failed": lambda usage: usage.failures,
    "tokens in": lambda usage: usage.input_tokens,
    "of a cache": lambda usage: usage.cached_tokens,
    "tokens out": lambda usage: usage.output_tokens,
    "of thoughts": lambda usage: usage.reasoning_tokens,
}
_RARE = frozenset({"of a cache", "of thoughts"})  # which are left out where there are none


def _money(usage: Usage, share_of: int, currency: str) -> str:
    """What it costs; also that this is not known, or not of all."""
    if not usage.unpriced:
        return money(usage.cost / share_of, currency)
    return f"over {money(usage.cost / share_of, currency)}" if usage.cost else "price unknown"


def time_table(statistics: Statistics) -> Table | None:
    """How long the run has waited for the model, and how much came in that time; None where it was not recorded."""
    seconds, total = statistics.seconds, sum(statistics.usage.values(), Usage())
    if not seconds or not total.requests:
        return None
    rows = [
        ["time with requests in flight", duration(seconds)],
        ["tokens out a second", mean(total.output_tokens / seconds, 0 if total.output_tokens > 10 * seconds else 1)],
        ["tokens in a second", mean(total.input_tokens / seconds, 0 if total.input_tokens > 10 * seconds else 1)],
        ["requests a second", mean(total.requests / seconds)],
        ["requests in flight, on the average", mean(total.seconds / seconds)],
    ]
    return Table(["", ""], rows)


def _small(number: float) -> str:
    return mean(number, 0 if number >= 100 else 2)
