"""Where pictures for files are drawn: matplotlib, quiet, with a light background."""

from __future__ import annotations

import io
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from distilabel_selfinstruct.errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's blue and vermilion: told apart with every kind of colour vision.
INK, MUTED, GRID, SURFACE = "#1f2328", "#59636e", "#d8dee4", "#ffffff"
BLUE, ORANGE = "#0072b2", "#d55e00"

_STYLE: Any = {
    "font.family": ["DejaVu Sans"],
    "font.size": 10,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.titlecolor": INK,
    "axes.edgecolor": GRID,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "grid.color": GRID,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "figure.facecolor": SURFACE,
    "axes.facecolor": SURFACE,
    "svg.fonttype": "none",
    "text.parse_math": False,
    "legend.frameon": False,
}
_cache_folder: tempfile.TemporaryDirectory[str] | None = None


@contextmanager
def quiet_matplotlib() -> Iterator[None]:
    """Within it figures have the style; no messages, no files outside the run folder.

    matplotlib writes its font cache where `MPLCONFIGDIR` says when it is imported: here, a folder that goes when the
    process ends.
    """
    global _cache_folder
    logger = logging.getLogger("matplotlib")
    level, variable = logger.level, os.environ.get("MPLCONFIGDIR")
    logger.setLevel(logging.ERROR)
    if variable is None:
        _cache_folder = _cache_folder or tempfile.TemporaryDirectory(prefix="matplotlib-")
        os.environ["MPLCONFIGDIR"] = _cache_folder.name
    try:
        import matplotlib
        import matplotlib.font_manager
    except ImportError:
        raise MissingExtraError.of("The figures of the report", "report") from None
    else:
        with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
        if variable is None:
            del os.environ["MPLCONFIGDIR"]


def new_figure(width: float, height: float) -> Figure:
    """An empty one; its size in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def svg_of(figure: Figure, name: str) -> str:
    """The same text each time: no date, and ids that come from the name."""
    import matplotlib

    file = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": name}):
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return file.getvalue()
