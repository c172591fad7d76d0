"""The options of the recipe."""

from __future__ import annotations

from distilabel_selfinstruct.recipe import Recipe
from distilabel_selfinstruct.recipes.self_instruct.recipe import without_classification
from distilabel_selfinstruct.runs.config import SeedConfig
from distilabel_selfinstruct.runs.options import option


class SelfInstructConfig(SeedConfig):
    """What a run of this recipe is told."""

    skip_classification: bool = option(
        False, "ask nothing about classification: every input comes before its output, as in Stanford Alpaca"
    )
    ask_together: int = option(
        1,
        "instructions in one request about classification, for chat models that keep the form (default: 1)",
        "N",
        ge=1,
        le=50,
    )
    no_check: bool = option(False, "ask a real model no questions before the run begins", recorded=False)

    def carried_out(self, recipe: Recipe, is_kept_clear: bool = False) -> Recipe:
        """Without the stage that is left out."""
        recipe = super().carried_out(recipe, is_kept_clear)
        return without_classification(recipe) if self.skip_classification else recipe
