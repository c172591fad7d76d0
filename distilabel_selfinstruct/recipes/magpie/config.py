"""The options of the recipe."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.runs.config import LoopConfig, TurnsConfig
from distilabel_selfinstruct.runs.options import MODEL, option

PRE_QUERY_TEMPLATES = (
    "what stands before a user's turn in the chat template of the model: the text itself, or a name that distilabel"
    " knows, such as llama3 or qwen2"
)


class MagpieConfig(LoopConfig, TurnsConfig):
    """What a run of this recipe is told."""

    shows_pool: ClassVar[bool] = False
    wording: Literal["chat"] = option("chat", "how the model is asked", None, MODEL)
    num_instructions: int = option(100, "instructions to admit (default: 100)", "N", fixed=False, gt=0)
    stage_of_model: ClassVar[str] = "magpie"
    pre_query_template: str | None = option(None, PRE_QUERY_TEMPLATES, "TEXT", MODEL)

    def check(self) -> None:
        """Raises ConfigError for values that do not go together."""
        super().check()
        if self.language:
            raise ConfigError(
                "--language: Magpie asks nothing that could name one; let a --pre-query-template of your own begin with"
                " a system turn that does."
            )

    @property
    def wanted(self) -> int:
        """How many instructions are asked for."""
        return self.num_instructions

    @property
    def template(self) -> str | None:
        """The pre-query template; for the models that the package knows by default theirs: ChatML's."""
        known = self.llm == "demo" or (self.llm == "local" and self.model is None)
        return "qwen2" if known and self.pre_query_template is None else self.pre_query_template

    def check_model(self, llm: Any) -> None:
        """Raises ConfigError if the model cannot be given the beginning of a user's turn."""
        from distilabel_selfinstruct.recipes.magpie.steps import with_template
        from distilabel_selfinstruct.steps.conversation import template_of_turns

        model = with_template(llm, self.template)
        if self.turns > 1:
            template_of_turns(str(model.magpie_pre_query_template))

    @property
    def template_of_turns(self) -> str | None:
        """How a user's turn begins: the model goes on as the user."""
        return self.template
