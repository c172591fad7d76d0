"""The options of the recipe."""

from __future__ import annotations

from distilabel_selfinstruct.runs.config import SeedConfig


class SelfInstructConfig(SeedConfig):
    """What a run of this recipe is told."""
