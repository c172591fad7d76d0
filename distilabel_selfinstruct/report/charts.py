"""The figures of the page as numbers: every bar, point and piece with the rows that it leads to."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeAlias
from urllib.parse import quote

import numpy as np
import pyarrow.compute as pc

from distilabel_selfinstruct.engine.drawing import Wiring
from distilabel_selfinstruct.recipe import Chart as Declared
from distilabel_selfinstruct.report.links import admitted_config, link
from distilabel_selfinstruct.report.listings import NOTHING, RowTable, word
from distilabel_selfinstruct.report.rounds import merge_rounds
from distilabel_selfinstruct.report.statistics import Distribution, Statistics

Chart: TypeAlias = dict[str, Any]

_MOST_BARS = 25
_MOST_PARTS = 7
_MOST_POINTS = 1000
_MOST_ROUNDS = 40
_BINS = 20
_LENGTHS = {  # of a statistic: the rows and the column
    "instruction": ("instructions", "words of instruction"),
    "input": ("instances", "words of input"),
    "output": ("instances", "words of output"),
}


def charts_of(
    statistics: Statistics,
    listings: Sequence[RowTable] = (),
    declared: Sequence[Declared] = (),
    wanted: Mapping[str, Any] | None = None,
) -> list[Chart]:
    """All figures there is something to draw for.

    Args:
        statistics: of the dataset.
        listings: the rows that figures lead to.
        declared: the figures of the recipe.
        wanted: the options of the run.
    """
    tables = {table.name: table for table in listings}
    found = [
        *(_declared(each, tables, wanted or {}, place) for place, each in enumerate(declared)),
        _funnel(statistics, tables),
        *_reasons(statistics),
        *_verbs(statistics),
        _similarity(statistics),
        *_lengths(statistics, tables),
        _tokens(tables),
        _rounds(statistics),
        _labels(statistics, tables),
    ]
    return [chart for chart in found if chart is not None]


def pipeline_chart(wiring: Wiring) -> Chart:
    """The steps of the pipeline from top to bottom, each with its place, and what follows what."""
    places = {
        name: (at - (len(column) - 1) / 2, row)
        for row, column in enumerate(wiring.columns())
        for at, name in enumerate(column)
    }
    steps = [
        {"name": name, "kind": kind, "asks": name in wiring.asking, "x": places[name][0], "y": places[name][1]}
        for name, kind in wiring.steps.items()
    ]
    return _chart(
        "pipeline",
        "overview",
        "The pipeline",
        "wiring",
        steps=steps,
        edges=[{"from": places[start], "to": places[end]} for start, end in wiring.edges],
        note="What asks a model has a bold frame.",
    )


def _chart(id: str, section: str, title: str, kind: str, **rest: Any) -> Chart:
    return {"id": id, "section": section, "title": title, "kind": kind, **rest}


# --- of every recipe --------------------------------------------------------------------------------------------------


def _funnel(statistics: Statistics, tables: Mapping[str, RowTable]) -> Chart | None:
    """One bar a stage, all on one scale."""
    bars = []
    for stage in statistics.funnel:
        config = admitted_config(stage)
        to_admitted = link(config) if config in tables else None
        parts = [{"name": "admitted", "value": stage.admitted, "href": to_admitted}]
        rejected = stage.candidates - stage.admitted
        parts += (
            [{"name": "rejected", "value": rejected, "href": link("rejected", stage=stage.name)}] if rejected else []
        )
        bars.append({"label": f"{stage.title}: {stage.unit}", "value": stage.candidates, "parts": parts})
    if not any(bar["value"] for bar in bars):
        return None
    return _chart(
        "funnel",
        "funnel",
        "What became of what came",
        "bars",
        bars=bars,
        unit="rows",
        note="One scale for all stages; a stage counts what its name says.",
    )


def _reasons(statistics: Statistics) -> list[Chart]:
    """The reasons of each stage that rejects, all on one scale too."""
    by_stage = {
        stage.name: Counter(stage.rejected) + Counter(stage.barren)
        for stage in statistics.funnel
        if stage.rejected or stage.barren
    }
    most = max((number for reasons in by_stage.values() for number in reasons.values()), default=0)
    return [
        _chart(
            f"reasons-{stage.name}",
            "funnel",
            f"{stage.title}: rejected because",
            "bars",
            unit="rows",
            most=most,
            bars=[
                {
                    "label": stage.meanings.get(reason, reason),
                    "value": number,
                    "href": link("rejected", stage=stage.name, reason=reason),
                }
                for reason, number in by_stage[stage.name].most_common()
            ],
            note=_barren_note(stage.barren),
        )
        for stage in statistics.funnel
        if stage.name in by_stage
    ]


def _barren_note(barren: Mapping[str, int]) -> str:
    number = sum(barren.values())
    if not number:
        return ""
    return f"{number:,} of these {'is a request' if number == 1 else 'are requests'} that brought nothing to count."


def _verbs(statistics: Statistics) -> list[Chart]:
    diversity = statistics.diversity
    if diversity is None or not diversity.verbs:
        return []
    is_whole = diversity.instructions == statistics.overview.instructions

    def rows(**filters: str) -> str | None:
        return link("instructions", **filters) if is_whole else None

    bars = [{"label": verb.verb, "value": verb.count, "href": rows(verb=verb.verb)} for verb in diversity.verbs]
    ring = [
        {
            "label": verb.verb,
            "value": verb.count,
            "href": rows(verb=verb.verb),
            "parts": [
                {"label": noun, "value": number, "href": rows(verb=verb.verb, object=noun)}
                for noun, number in verb.objects
            ],
        }
        for verb in diversity.verbs
    ]
    rest = diversity.pairs - sum(verb.count for verb in diversity.verbs)
    without = diversity.instructions - diversity.pairs
    return [
        _chart(
            "verbs",
            "diversity",
            "The commonest verbs",
            "bars",
            bars=bars,
            unit="instructions",
            note=f"{rest:,} more with other verbs; {without:,} have no English verb with an object.",
        ),
        _chart(
            "ring",
            "diversity",
            "Verbs and their commonest objects",
            "ring",
            verbs=ring,
            note=f"{diversity.covered:,} instructions have one of these pairs (paper, figure 3).",
        ),
    ]


def _similarity(statistics: Statistics) -> Chart | None:
    similarity = statistics.similarity
    if similarity is None or not similarity.scores.count:
        return None
    is_whole = similarity.scores.count == statistics.overview.instructions
    bars = _binned(similarity.scores, "instructions" if is_whole else "", "nearest seed")
    return _chart(
        "similarity",
        "diversity",
        "Distance from the seed tasks",
        "histogram",
        bars=bars,
        x="maximum ROUGE-L with a seed task",
        unit="instructions",
        mean=similarity.scores.mean,
    )


def _lengths(statistics: Statistics, tables: Mapping[str, RowTable]) -> list[Chart]:
    charts = []
    for name, lengths in statistics.lengths.items():
        config, column = _LENGTHS[name]
        if not lengths.count:
            continue
        beyond = lengths.histogram.beyond
        bars = _binned(lengths, config if config in tables else "", column, whole=True, skip_zero=name == "input")
        charts.append(
            _chart(
                f"words-{name}",
                "lengths",
                f"Words of the {name}",
                "histogram",
                x=f"words of the {name}",
                unit=config,
                mean=lengths.mean,
                bars=bars,
                note=f"{beyond:,} are longer." if beyond else "",
            )
        )
    return charts


def _tokens(tables: Mapping[str, RowTable]) -> Chart | None:
    table = tables.get("instances")
    if table is None or not table.has("output_tokens"):
        return None
    chart = _histogram(table, "output_tokens")
    return chart and _chart(
        "tokens",
        "lengths",
        "Tokens of the completion with the instance",
        "histogram",
        x="tokens, as the endpoint counts them",
        unit="instances",
        **chart,
    )


def _rounds(statistics: Statistics) -> Chart | None:
    rounds = merge_rounds(statistics.rounds, _MOST_ROUNDS)
    if len(rounds) < 2:
        return None
    points, first = [], 0
    for each in rounds:
        href = link("instructions", round=f"{first}..{each.number}")
        for series, value in (("acceptance", each.acceptance), ("novelty", each.novelty)):
            if value is not None:
                points.append({"series": series, "x": each.number + 1, "y": value, "href": href})
        first = each.number + 1
    return _chart("rounds", "saturation", "Acceptance and novelty", "lines", points=points, x="round", y="share")


def _labels(statistics: Statistics, tables: Mapping[str, RowTable]) -> Chart | None:
    balance = statistics.balance
    if balance is None or not balance.labels:
        return None
    bars = [
        {"label": label or "(empty)", "value": number, "href": link("instances", label=label)}
        for label, number in balance.labels
    ]
    rest = balance.instances - sum(number for _, number in balance.labels)
    note = f"{rest:,} instances have one of {balance.distinct - len(balance.labels):,} other labels." if rest else ""
    return _chart("labels", "labels", "The commonest labels", "bars", bars=bars, unit="instances", note=note)


def _binned(
    values: Distribution, config: str, column: str, whole: bool = False, skip_zero: bool = False
) -> list[dict[str, Any]]:
    """The bars of a histogram; whole numbers have closed ranges."""
    bars = []
    last = len(values.histogram.counts) - 1
    for place, ((low, high), number) in enumerate(zip(pairwise(values.histogram.edges), values.histogram.counts)):
        low_end = max(low, 1) if skip_zero else low
        if whole:  # numpy's last bin holds its upper edge
            reach = f"{low_end:.12g}..{high if place == last else high - 1:.12g}"
        else:
            reach = f"{low_end:.12g}..{'' if place == last else '<'}{high:.12g}"
        bars.append(
            {"x1": low, "x2": high, "value": number, "href": link(config, **{column: reach}) if config else None}
        )
    return bars


# --- declared by a recipe ---------------------------------------------------------------------------------------------


def _declared(chart: Declared, tables: Mapping[str, RowTable], wanted: Mapping[str, Any], place: int) -> Chart | None:
    table = tables.get(chart.config)
    if table is None or not table.has(chart.column):
        return None
    drawn = {"bars": _bars, "histogram": _of_histogram, "points": _points}[chart.kind](table, chart, wanted)
    if drawn is None:
        return None
    label = table.label(chart.column)
    return _chart(
        f"own-{place}",
        "own",
        chart.title,
        chart.kind,
        **{"x": label, "unit": table.listing.title.lower(), "note": chart.note, **drawn},
    )


def _of_histogram(table: RowTable, chart: Declared, wanted: Mapping[str, Any]) -> dict[str, Any] | None:
    return _histogram(table, chart.column)


def _bars(table: RowTable, chart: Declared, wanted: Mapping[str, Any]) -> dict[str, Any] | None:
    of_value: dict[str, dict[str, int]] = {}
    parts = table.values(chart.against).to_pylist() if chart.against and table.has(chart.against) else None
    values = table.values(chart.column).to_pylist()
    is_number = table.kind(chart.column) == "number"
    for value, part in zip(values, parts or [""] * len(values)):
        counts = of_value.setdefault(word(value), {})
        counts[word(part)] = counts.get(word(part), 0) + 1
    asked = wanted.get(chart.wanted) if chart.wanted else None
    if isinstance(asked, Mapping):
        for value in asked:
            of_value.setdefault(str(value), {})
    order = sorted(
        of_value, key=(lambda name: _number(name)) if is_number else (lambda n: (-sum(of_value[n].values()), n))
    )
    shown, rest = order[:_MOST_BARS], order[_MOST_BARS:]
    names = _commonest_parts(of_value) if parts is not None else []
    bars = []
    for value in shown:
        counts = of_value[value]
        bar: dict[str, Any] = {
            "label": value,
            "value": sum(counts.values()),
            "href": link(table.name, **{chart.column: value}),
        }
        if isinstance(asked, Mapping) and value in asked:
            bar["wanted"] = int(asked[value])
        if parts is not None:
            bar["parts"] = [
                {
                    "name": name,
                    "value": counts[name],
                    "href": link(table.name, **{chart.column: value, chart.against: name}),
                }
                for name in names
                if counts.get(name)
            ]
            if other := sum(number for name, number in counts.items() if name not in names):
                bar["parts"].append({"name": "other", "value": other, "href": bar["href"]})
        bars.append(bar)
    note = chart.note
    if rest:
        number = sum(sum(of_value[value].values()) for value in rest)
        note = f"{note} {number:,} more in {len(rest):,} others.".strip()
    return {"bars": bars, "note": note} if bars else None


def _commonest_parts(of_value: Mapping[str, Mapping[str, int]]) -> list[str]:
    whole: dict[str, int] = {}
    for counts in of_value.values():
        for name, number in counts.items():
            whole[name] = whole.get(name, 0) + number
    commonest = sorted(whole, key=lambda name: (-whole[name], name))[:_MOST_PARTS]
    return sorted(commonest, key=_number) if all(_is_number(name) for name in commonest) else commonest


def _is_number(name: str) -> bool:
    return name.lstrip("-").isdecimal() or name == NOTHING


def _number(name: str) -> tuple[int, float]:
    try:
        return 0, float(name)
    except ValueError:
        return 1, 0.0


def _histogram(table: RowTable, column: str) -> dict[str, Any] | None:
    """Bars of a column of numbers, and how many rows lie beyond."""
    if table.kind(column) != "number":
        return None
    values = pc.drop_null(table.values(column)).to_numpy(zero_copy_only=False)
    values = values[np.isfinite(values.astype(float))]
    if not len(values):
        return None
    whole = bool((values == np.round(values)).all())
    edges = _edges(values, whole)
    counts, _ = np.histogram(values, edges)
    bars = []
    for place, ((low, high), number) in enumerate(zip(pairwise(edges), counts.tolist())):
        last = place == len(counts) - 1
        reach = (
            f"{low:.12g}..{high - 1 if whole and not last else high:.12g}"
            if whole
            else f"{low:.12g}..{'' if last else '<'}{high:.12g}"
        )
        bars.append({"x1": low, "x2": high, "value": number, "href": link(table.name, **{column: reach})})
    below, above = int((values < edges[0]).sum()), int((values > edges[-1]).sum())
    missing = len(table) - len(values)
    beyond = ((below, "is lower", "are lower"), (above, "is higher", "are higher"), (missing, "has none", "have none"))
    rest = [f"{number:,} {one if number == 1 else more}" for number, one, more in beyond if number]
    drawn: dict[str, Any] = {"bars": bars, "mean": float(values.mean())}
    return drawn | ({"rest": ", ".join(rest) + "."} if rest else {})


def _edges(values: Any, whole: bool) -> list[float]:
    """Round edges around all but the farthest hundredths."""
    low, high = (float(each) for each in np.percentile(values, (1, 99)))
    if whole:
        width = max(1, math.ceil((high - low + 1) / _BINS))
        start = math.floor(low / width) * width
        return [float(each) for each in range(int(start), int(high) + width + 1, width)]
    step = _round_width((high - low) / _BINS)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(each * step, 10) for each in range(first, max(last, first + 1) + 1)]


def _round_width(width: float) -> float:
    """1, 2 or 5 times a power of ten that is no smaller."""
    if width <= 0:
        return 0.1
    power = 10.0 ** math.floor(math.log10(width))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= width - 1e-12)


def _points(table: RowTable, chart: Declared, wanted: Mapping[str, Any]) -> dict[str, Any] | None:
    """A point a row, of so many drawn evenly."""
    if not table.has(chart.against) or not table.table.num_rows:
        return None
    xs, ys = table.values(chart.against).to_pylist(), table.values(chart.column).to_pylist()
    step = max(1, math.ceil(len(table) / _MOST_POINTS))
    places = range(0, len(table), step)
    keys = table.table[table.key].to_pylist() if table.key else None
    points = [
        {"x": xs[at], "y": ys[at], "href": f"#row={quote(table.name)}/{quote(str(keys[at] if keys else at), safe='')}"}
        for at in places
        if xs[at] is not None and ys[at] is not None
    ]
    note = chart.note + (f" One point of {step:,} rows." if step > 1 else "")
    diagonal = chart.column.startswith("words of ") and chart.against.startswith("words of ")
    return (
        {
            "points": points,
            "x": table.label(chart.against),
            "y": table.label(chart.column),
            "note": note.strip(),
            "diagonal": diagonal,
        }
        if points
        else None
    )
