"""The figures of the card, as files with a light background; the page draws its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from distilabel_selfinstruct.engine.canvas import BLUE, INK, ORANGE, SURFACE, new_figure, quiet_matplotlib, svg_of
from distilabel_selfinstruct.engine.drawing import Wiring, figure_of
from distilabel_selfinstruct.report.rounds import merge_rounds
from distilabel_selfinstruct.report.statistics import Distribution, Statistics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

CAPTIONS = {
    "verbs": "The 20 commonest root verbs (inner ring) and their 4 commonest direct objects (outer ring)",
    "funnel": "What was admitted and what was rejected, by stage and reason",
    "similarity": "Maximum ROUGE-L of each instruction with the seed tasks",
    "lengths": "Words of instructions, non-empty inputs and outputs",
    "rounds": "Acceptance and novelty over the rounds of prompts",
    "pipeline": "The steps of the pipeline, with what each asks a model in bold",
}

# Paul Tol's light scheme, made for cells with dark text in them.
_RING = ("#77aadd", "#ee8866", "#eedd88", "#ffaabb", "#99ddff", "#44bb99", "#bbcc33", "#dddddd")
_RING_INK = "#111418"

_PHONE_WIDTH = 4.9  # inches; at this width the letters keep their size on a phone
_FUNNEL_WIDTH = 5.4
_RING_WIDTH = 9.0
_MOST_POINTS = 40
_SMALLEST = 7  # letters, in points
_LETTER = 0.6  # width of a letter by its size


def draw_figures(statistics: Statistics, folder: Path, wiring: Wiring | None = None) -> None:
    """Writes `NAME.png` and `NAME.svg` for each figure there is something to draw for.

    Args:
        statistics: of the dataset.
        folder: where to.
        wiring: of the pipeline, if it is known.

    Raises:
        MissingExtraError: if matplotlib is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with quiet_matplotlib():
        drawn = {name: draw(statistics) for name, draw in _DRAWINGS.items()}
        drawn["pipeline"] = figure_of(wiring) if wiring else None
        for name, figure in drawn.items():
            for stale in (folder / f"{name}.png", folder / f"{name}.svg"):
                stale.unlink(missing_ok=True)
            if figure is not None:
                (folder / f"{name}.svg").write_text(svg_of(figure, name), encoding="utf-8")
                figure.set_layout_engine("none")  # it is laid out, which is most of the work
                figure.savefig(folder / f"{name}.png", dpi=160)


def _draw_verbs(statistics: Statistics) -> Figure | None:
    diversity = statistics.diversity
    if diversity is None or not diversity.verbs:
        return None
    figure = new_figure(_RING_WIDTH, _RING_WIDTH)
    axes = figure.add_subplot(aspect="equal", xlim=(-1.01, 1.01), ylim=(-1.01, 1.01))
    axes.set_axis_off()
    angle, share_of_circle = 90.0, 360 / diversity.covered
    for place, verb in enumerate(diversity.verbs):
        meets_first = place and place == len(diversity.verbs) - 1 and place % len(_RING) == 0
        colour = _RING[3] if meets_first else _RING[place % len(_RING)]
        of_verb = sum(count for _, count in verb.objects) * share_of_circle
        _wedge(axes, verb.verb, angle, of_verb, 0.26, 0.60, colour)
        for noun, count in verb.objects:
            _wedge(axes, noun, angle, count * share_of_circle, 0.60, 1.0, _lighter(colour))
            angle -= count * share_of_circle
    return figure


def _wedge(axes: Axes, label: str, start: float, extent: float, inner: float, outer: float, colour: str) -> None:
    """A piece of a ring, clockwise from `start`, with its label along the radius where there is room for it."""
    from matplotlib.patches import Wedge

    piece = Wedge((0, 0), outer, start - extent, start, width=outer - inner, facecolor=colour, edgecolor=SURFACE)
    axes.add_patch(piece)
    points = _RING_WIDTH * 72 / 2.05  # of the radius
    radius, length = (inner + outer) / 2 * points, _LETTER * len(label)
    tilt = 0.8 * math.radians(min(extent, 90))
    at_inner_end = tilt * radius / (1 + tilt * length / 2)  # the largest size that fits where the label comes nearest
    size = min(10.5, at_inner_end, ((outer - inner) * points - 10) / length)
    if size < _SMALLEST or not _is_printable(label):
        return
    middle = start - extent / 2
    upright = middle if math.cos(math.radians(middle)) >= 0 else middle + 180
    x, y = (radius / points * of_angle(math.radians(middle)) for of_angle in (math.cos, math.sin))
    axes.text(
        x,
        y,
        label,
        fontsize=size,
        color=_RING_INK,
        rotation=upright,
        rotation_mode="anchor",
        ha="center",
        va="center_baseline",
    )


def _lighter(colour: str) -> str:
    parts = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(0.55 * part + 0.45 * 255):02x}" for part in parts)


def _is_printable(label: str) -> bool:
    """Whether the figures' font has all letters; words of other scripts stand in the page's table only."""
    from matplotlib import font_manager

    font = font_manager.get_font(font_manager.findfont("DejaVu Sans"))
    return all(font.get_char_index(ord(letter)) for letter in label)


def _draw_funnel(statistics: Statistics) -> Figure | None:
    stages = [stage for stage in statistics.funnel if stage.candidates]
    if not stages:
        return None
    bars = [[("admitted", stage.admitted), *stage.rejected.items()] for stage in stages]
    most = max(count for of_stage in bars for _, count in of_stage)  # one scale for all stages
    figure = new_figure(_FUNNEL_WIDTH, sum(0.55 + 0.27 * len(of_stage) for of_stage in bars))
    rows = figure.subplots(len(stages), 1, squeeze=False, height_ratios=[len(of_stage) + 0.5 for of_stage in bars])
    for (axes,), stage, of_stage in zip(rows, stages, bars):
        counts = [count for _, count in of_stage]
        axes.barh(range(len(counts)), counts, color=[BLUE] + [ORANGE] * (len(counts) - 1), height=0.72)
        axes.set_yticks(range(len(counts)), [stage.meanings.get(reason, reason) for reason, _ in of_stage])
        axes.set_ylim(len(counts) - 0.4, -0.6)
        axes.set_xlim(0, most * 1.16 or 1)
        for place, count in enumerate(counts):
            axes.annotate(
                f"{count:,}", (count, place), xytext=(4, 0), textcoords="offset points", va="center", fontsize=9
            )
        axes.set_title(f"{stage.title}: {stage.candidates:,} {stage.unit}")
        axes.xaxis.set_visible(False)
        axes.spines["bottom"].set_visible(False)
        axes.tick_params(axis="y", length=0, labelcolor=INK)
    return figure


def _draw_similarity(statistics: Statistics) -> Figure | None:
    similarity = statistics.similarity
    if similarity is None or not similarity.scores.count:
        return None
    figure = new_figure(_PHONE_WIDTH, 2.8)
    axes = figure.add_subplot()
    _histogram(axes, similarity.scores, "maximum ROUGE-L with a seed task", digits=2)
    axes.set_xlim(0, 1)
    return figure


def _draw_lengths(statistics: Statistics) -> Figure | None:
    present = [(name, lengths) for name, lengths in statistics.lengths.items() if lengths.count]
    if not present:
        return None
    figure = new_figure(_PHONE_WIDTH, 0.2 + 2.1 * len(present))
    for (axes,), (name, lengths) in zip(figure.subplots(len(present), 1, squeeze=False), present):
        beyond = f" ({lengths.histogram.beyond:,} longer not shown)" if lengths.histogram.beyond else ""
        _histogram(axes, lengths, f"words of the {name}{beyond}")
        axes.set_xlim(0, lengths.histogram.edges[-1])
    return figure


def _histogram(axes: Axes, values: Distribution, label: str, digits: int = 1) -> None:
    edges = values.histogram.edges
    axes.bar(
        edges[:-1],
        values.histogram.counts,
        width=_widths(edges),
        align="edge",
        color=BLUE,
        edgecolor=SURFACE,
        linewidth=0.5,
    )
    axes.set_xlabel(label)
    axes.grid(axis="y")
    axes.tick_params(length=0)
    axes.yaxis.set_major_locator(_whole_numbers(4))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    if values.mean is not None and values.mean <= edges[-1]:
        axes.axvline(values.mean, color=ORANGE, linewidth=1.6)
        to_left = values.mean > 0.6 * edges[-1]
        axes.annotate(
            f"mean {values.mean:.{digits}f}",
            (values.mean, 1),
            xycoords=("data", "axes fraction"),
            va="bottom",
            xytext=(-3 if to_left else 3, 1),
            textcoords="offset points",
            ha="right" if to_left else "left",
            fontsize=9,
        )


def _whole_numbers(most: int) -> MaxNLocator:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(nbins=most, integer=True)


def _widths(edges: Sequence[float]) -> list[float]:
    return [right - left for left, right in pairwise(edges)]


def _draw_rounds(statistics: Statistics) -> Figure | None:
    rounds = merge_rounds(statistics.rounds, _MOST_POINTS)
    if len(rounds) < 2:
        return None
    figure = new_figure(_PHONE_WIDTH, 3.1)
    axes = figure.add_subplot()
    for label, colour, marker, line, values in (
        ("novelty", ORANGE, "s", "--", [each.novelty for each in rounds]),
        ("acceptance", BLUE, "o", "-", [each.acceptance for each in rounds]),
    ):
        known = [(each.number + 1, value) for each, value in zip(rounds, values) if value is not None]
        axes.plot(*zip(*known), color=colour, marker=marker, linestyle=line, markersize=4, linewidth=1.8, label=label)
    axes.set_ylim(0, 1.03)
    axes.set_xlabel("round")
    axes.xaxis.set_major_locator(_whole_numbers(8))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.grid(axis="y")
    axes.tick_params(length=0)
    figure.legend(loc="outside upper left", ncols=2)
    return figure


_DRAWINGS: dict[str, Callable[[Statistics], Figure | None]] = {
    "verbs": _draw_verbs,
    "funnel": _draw_funnel,
    "similarity": _draw_similarity,
    "lengths": _draw_lengths,
    "rounds": _draw_rounds,
}
