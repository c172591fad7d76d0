"""The options of the recipe."""

from __future__ import annotations

from typing import Literal

from distilabel_selfinstruct.presets import PRESETS
from distilabel_selfinstruct.runs.config import SeedConfig
from distilabel_selfinstruct.runs.options import MODEL, option


class AlpacaConfig(SeedConfig):
    """What a run of this recipe is told."""

    wording: Literal["chat", "base"] = option("chat", "how the model is asked", None, MODEL)
    preset: str = option("alpaca", f"{', '.join(PRESETS)} (default: alpaca)", "NAME")
