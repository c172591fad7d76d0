"""Models side by side, as one HTML page that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from distilabel_selfinstruct.data.files import write_whole
from distilabel_selfinstruct.engine.canvas import (
    BLUE,
    GRID,
    INK,
    MUTED,
    ORANGE,
    SURFACE,
    new_figure,
    quiet_matplotlib,
    svg_of,
)
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.evaluation import tables
from distilabel_selfinstruct.evaluation.comparing import Comparison
from distilabel_selfinstruct.report.page import page_template

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from distilabel_selfinstruct.evaluation.intervals import Difference, Estimate

_WIDTH, _LINE = 6.4, 0.42  # inches
_LONGEST_NAME = 32
_PAGE_COLOURS = {  # the style sheet's names for them, which has dark ones too
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    GRID: "var(--grid)",
    SURFACE: "var(--surface)",
    BLUE: "var(--blue)",
    ORANGE: "var(--orange)",
}
_CAPTION = "What each model scores, and the difference of each two, with 95% intervals"


def write_comparison(comparison: Comparison, path: Path) -> Path:
    """Writes the page.

    Returns:
        Where it is.

    Raises:
        ConfigError: if it cannot be written there.
        MissingExtraError: if matplotlib is not installed.
    """
    page = page_template("comparison.html.jinja2")
    text = page.render(comparison=comparison, tables=tables, figure=Markup(_chart(comparison)), caption=_CAPTION)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror}); choose another --to.") from None
    return path


def _chart(comparison: Comparison) -> str:
    """The scores, metric by metric, and below them the differences: a point with its interval on a line each."""
    metrics = list(next(iter(comparison.models.values())).scores)
    panels = [
        (tables.named(metric), [(_short(name), each.scores[metric]) for name, each in comparison.models.items()])
        for metric in metrics
        if all(metric in each.scores for each in comparison.models.values())
    ]
    panels += [
        (
            f"difference in {metric}",
            [(f"{_short(each.second)}\nagainst {_short(each.first)}", each.estimate) for each in of_metric],
        )
        for metric in dict.fromkeys(each.metric for each in comparison.differences)
        if (of_metric := [each for each in comparison.differences if each.metric == metric])
    ]
    if not panels:
        return ""
    heights = [0.75 + _LINE * len(points) for _, points in panels]
    with quiet_matplotlib():
        figure = new_figure(_WIDTH, sum(heights))
        rows = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)
        for (axes,), (title, points) in zip(rows, panels):
            _draw(axes, title, points, is_difference=title.startswith("difference"))
        return _for_page(svg_of(figure, "comparison"))


def _for_page(svg: str) -> str:
    """Without the XML prologue, with the page's colours and fonts, and with a name for screen readers."""
    svg = svg[svg.index("<svg") :]
    for colour, variable in _PAGE_COLOURS.items():
        svg = svg.replace(colour, variable)
    svg = svg.replace("'DejaVu Sans'", "var(--font)")
    return svg.replace("<svg", f'<svg role="img" aria-label="{_CAPTION}"', 1)


def _draw(axes: Axes, title: str, points: Sequence[tuple[str, Estimate]], is_difference: bool) -> None:
    for place, (_, estimate) in enumerate(points):
        if estimate.low is not None and estimate.high is not None:
            axes.plot([estimate.low, estimate.high], [place, place], color=BLUE, linewidth=2, solid_capstyle="butt")
        axes.plot([estimate.value], [place], "o", color=ORANGE if is_difference else BLUE, markersize=6)
        axes.annotate(
            f"{estimate.value:.1f}",
            (estimate.value, place),
            xytext=(0, 6),
            textcoords="offset points",
            ha="center",
            fontsize=8.5,
            color=INK,
        )
    if is_difference:
        axes.axvline(0, color=MUTED, linewidth=1, linestyle=":")
    axes.set_yticks(range(len(points)), [name for name, _ in points])
    axes.set_ylim(len(points) - 0.4, -0.75)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.grid(axis="x")
    axes.set_title(title)


def _pair(each: Difference) -> str:
    return f"{_short(each.second)}\nagainst {_short(each.first)}"


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"
