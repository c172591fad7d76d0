"""A pipeline as a picture, drawn on this machine: distilabel's own `draw` sends it to a server (mermaid.ink)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distilabel_selfinstruct.engine.canvas import BLUE, GRID, INK, MUTED, SURFACE, quiet_matplotlib, svg_of
from distilabel_selfinstruct.errors import ConfigError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_KINDS = (".png", ".svg")
_WIDTH, _HEIGHT = 2.1, 0.62  # inches of a box
_GAP_ALONG, _GAP_ACROSS = 0.42, 0.2  # inches between boxes
_LETTERS = 22  # that fit into a box


@dataclass(frozen=True, slots=True)
class Wiring:
    """The steps of a pipeline and what follows what.

    Attributes:
        steps: by name, the class of each.
        asking: the names of those that ask a model.
        edges: from and to.
    """

    steps: Mapping[str, str]
    asking: frozenset[str]
    edges: Sequence[tuple[str, str]]

    @classmethod
    def of_description(cls, description: Mapping[str, Any]) -> Wiring:
        """That of distilabel's description of a pipeline, as `pipeline.yaml` holds it.

        Raises:
            ConfigError: if it describes none.
        """
        try:
            pipeline = description["pipeline"]
            steps = {each["name"]: each["step"]["type_info"]["name"] for each in pipeline["steps"]}
            asking = frozenset(each["name"] for each in pipeline["steps"] if each["step"].get("llm"))
            edges = [(each["from"], to) for each in pipeline["connections"] for to in each["to"]]
        except (KeyError, TypeError, AttributeError):
            raise ConfigError("The description of the pipeline cannot be read: write it again with a run.") from None
        return cls(steps, asking, [edge for edge in edges if set(edge) <= steps.keys()])

    def columns(self) -> list[list[str]]:
        """The steps by how many steps are before them at most, each beside those that it follows."""
        before: dict[str, list[str]] = {name: [] for name in self.steps}
        for start, end in self.edges:
            before[end].append(start)
        depth: dict[str, int] = {}
        while len(depth) < len(before):
            ready = [name for name in before if name not in depth and all(each in depth for each in before[name])]
            for name in ready or [name for name in before if name not in depth]:  # a circle cannot be run, but drawn
                depth[name] = 1 + max((depth.get(each, -1) for each in before[name]), default=-1)
        columns: list[list[str]] = [[] for _ in range(1 + max(depth.values(), default=-1))]
        for name, at in depth.items():
            columns[at].append(name)
        place: dict[str, float] = {}
        for column in columns:
            column.sort(key=lambda name: sum(place[each] for each in before[name]) / max(1, len(before[name])))
            place |= {name: at - (len(column) - 1) / 2 for at, name in enumerate(column)}
        return columns


def write_picture(wiring: Wiring, path: Path, top_to_bottom: bool = False) -> Path:
    """Writes a picture of a pipeline.

    Args:
        wiring: of the pipeline.
        path: a file that ends in `.png` or `.svg`.
        top_to_bottom: whether the first step stands on top, and not on the left.

    Returns:
        The path.

    Raises:
        ConfigError: if it ends otherwise, or cannot be written.
        MissingExtraError: if matplotlib is not installed.
    """
    if path.suffix.lower() not in _KINDS:
        raise ConfigError(f"{path}: expected a file that ends in .png or .svg.")
    with quiet_matplotlib():
        figure = figure_of(wiring, top_to_bottom)
        try:
            if path.suffix.lower() == ".svg":
                path.write_text(svg_of(figure, "pipeline"), encoding="utf-8")
            else:
                figure.savefig(path, dpi=160)
        except OSError as error:
            raise ConfigError(f"{path}: cannot be written ({error.strerror}).") from None
    return path


def figure_of(wiring: Wiring, top_to_bottom: bool = False) -> Figure:
    """The figure, to be made within `quiet_matplotlib`."""
    from matplotlib.figure import Figure

    columns = wiring.columns()
    along, across = (_HEIGHT, _WIDTH) if top_to_bottom else (_WIDTH, _HEIGHT)
    length = len(columns) * along + (len(columns) - 1) * _GAP_ALONG
    breadth = max((len(column) * (across + _GAP_ACROSS) - _GAP_ACROSS for column in columns), default=across)
    width, height = (breadth, length) if top_to_bottom else (length, breadth)
    figure = Figure(figsize=(width + 0.1, height + 0.1))
    axes = figure.add_axes((0, 0, 1, 1), xlim=(-0.05, width + 0.05), ylim=(height + 0.05, -0.05))
    axes.set_axis_off()
    middles: dict[str, tuple[float, float]] = {}
    for at, column in enumerate(columns):
        start = (breadth - (len(column) * (across + _GAP_ACROSS) - _GAP_ACROSS)) / 2 + across / 2
        for place, name in enumerate(column):
            far, side = at * (along + _GAP_ALONG) + along / 2, start + place * (across + _GAP_ACROSS)
            middles[name] = (side, far) if top_to_bottom else (far, side)
    for start_name, end_name in wiring.edges:
        _arrow(axes, middles[start_name], middles[end_name], top_to_bottom)
    for name, (x, y) in middles.items():
        _box(axes, name, wiring.steps[name], x, y, name in wiring.asking)
    return figure


def _box(axes: Any, name: str, kind: str, x: float, y: float, asks: bool) -> None:
    from matplotlib.patches import FancyBboxPatch

    corner = (x - _WIDTH / 2 + 0.06, y - _HEIGHT / 2 + 0.06)
    axes.add_patch(
        FancyBboxPatch(
            corner,
            _WIDTH - 0.12,
            _HEIGHT - 0.12,
            boxstyle="round,pad=0.05",
            facecolor=SURFACE,
            edgecolor=BLUE if asks else GRID,
            linewidth=1.8 if asks else 1.2,
        )
    )
    axes.text(
        x,
        y - 0.1,
        _short(name),
        ha="center",
        va="center",
        color=INK,
        fontsize=10,
        fontweight="bold" if asks else "normal",
    )
    axes.text(x, y + 0.13, _short(kind), ha="center", va="center", color=MUTED, fontsize=8)


def _arrow(axes: Any, start: tuple[float, float], end: tuple[float, float], top_to_bottom: bool) -> None:
    (x1, y1), (x2, y2) = start, end
    if top_to_bottom:
        y1, y2 = y1 + _HEIGHT / 2, y2 - _HEIGHT / 2
    else:
        x1, x2 = x1 + _WIDTH / 2, x2 - _WIDTH / 2
    axes.annotate(
        "",
        (x2, y2),
        (x1, y1),
        arrowprops={"arrowstyle": "-|>", "color": MUTED, "linewidth": 1.1, "shrinkA": 0, "shrinkB": 0},
    )


def _short(text: str) -> str:
    return text if len(text) <= _LETTERS + 4 else text[: _LETTERS + 3] + "…"
