"""The options of the recipe."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, PositiveInt
from typing_extensions import Self

from distilabel_selfinstruct.recipes.topics.kinds import DEFAULT_QUOTAS, KINDS, Kind
from distilabel_selfinstruct.runs.config import LoopConfig, TurnsConfig
from distilabel_selfinstruct.runs.options import MODEL, numbers_by_name, option


class TopicsConfig(LoopConfig, TurnsConfig):
    """What a run of this recipe is told."""

    wording: Literal["chat"] = option("chat", "how the model is asked", None, MODEL)
    num_topics: int = option(30, "topics to admit (default: 30)", "N", gt=0)
    quotas: Annotated[dict[Kind, PositiveInt], BeforeValidator(numbers_by_name)] = option(
        DEFAULT_QUOTAS,
        f"instructions of each kind to admit, of {', '.join(KINDS)} (default: 100 of all)",
        "KIND=N,...",
        min_length=1,
    )

    @property
    def wanted(self) -> int:
        """How many instructions are asked for."""
        return sum(self.quotas.values())

    def of_size(self, rows: int) -> Self:
        """The config of a small run that makes about so many rows, to be looked at."""
        kinds = list(self.quotas)[:rows]
        quotas = {kind: -(-rows // len(kinds)) for kind in kinds}
        return self.model_copy(update={"num_topics": min(rows, self.num_topics), "quotas": quotas})
