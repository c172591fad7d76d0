"""The options of the recipe."""

from __future__ import annotations

from typing import Literal

from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.runs.config import SourceConfig
from distilabel_selfinstruct.runs.options import MODEL, option

RESPONSES, TEMPERATURE = 4, 0.7  # Self-Rewarding, section 3.1.3


class PreferencesConfig(SourceConfig):
    """What a run that makes preference pairs is told."""

    wording: Literal["chat"] = option("chat", "how the model is asked", None, MODEL)
    temperature: float | None = option(
        TEMPERATURE, f"of the responses (default: {TEMPERATURE}, as in the paper)", "T", MODEL, ge=0
    )
    num_responses: int = option(
        RESPONSES, f"responses to each instruction (default: {RESPONSES}, as in the paper)", "N", gt=1
    )

    @property
    def judges(self) -> bool:
        """Always: the scores make the pairs."""
        return True

    def check(self) -> None:
        """Raises ConfigError for values that do not go together."""
        super().check()
        if self.judge_threshold is not None:
            raise ConfigError("--judge-threshold: a pair needs its worse response; leave it out.")
        if self.asks_again:
            raise ConfigError("--answers: this recipe compares several responses anyway; see --num-responses.")
        if self.is_tagged:
            raise ConfigError("--tags: this recipe makes pairs; tag the run that its instructions come from.")
