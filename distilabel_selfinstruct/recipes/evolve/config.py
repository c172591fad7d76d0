"""The options of the recipe."""

from __future__ import annotations

from typing import Literal

from distilabel_selfinstruct.runs.config import SourceConfig
from distilabel_selfinstruct.runs.options import MODEL, option


class EvolveConfig(SourceConfig):
    """What a run that evolves instructions is told."""

    wording: Literal["chat"] = option("chat", "how the model is asked", None, MODEL)
    generations: int = option(4, "how often each is evolved (default: 4, as in the paper)", "K", gt=0)
    similarity_threshold: float = option(
        0.9,
        "ROUGE-L with an original or an earlier evolution above which one is dropped (default: 0.9)",
        "F",
        ge=0,
        le=1,
    )
