"""Where numbers lead: to their rows on the page."""

from __future__ import annotations

from urllib.parse import quote

from distilabel_selfinstruct.report.statistics import Stage

_ADMITTED = {
    "candidates": "instructions",
    "instructions": "instructions",
    "instances": "instances",
    "pairs": "preferences",
    "topics": "topics",
}


def admitted_config(stage: Stage) -> str:
    """The config with what a stage admitted."""
    return _ADMITTED.get(stage.unit, "instances")


def link(config: str, **filters: str) -> str:
    """The address of rows on the page; of a name with spaces write `**{"words of output": "1..3"}`."""
    return "#" + "&".join(
        [f"rows={quote(config)}", *(f"{quote(name)}={quote(each)}" for name, each in filters.items())]
    )
