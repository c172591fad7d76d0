"""What options have follow the step that makes the instances of a run, whatever its recipe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from distilabel_selfinstruct.data.checks import AGREEMENT_STAGE, TAGS_STAGE, TURNS_STAGE
from distilabel_selfinstruct.data.reasons import JUDGEMENT_STAGE
from distilabel_selfinstruct.models.durable import DurableLLM
from distilabel_selfinstruct.runs.config import RunConfig
from distilabel_selfinstruct.steps.agreement import AgreeingAnswers
from distilabel_selfinstruct.steps.answer import AnswerInstructions
from distilabel_selfinstruct.steps.conversation import ContinueConversation
from distilabel_selfinstruct.steps.tags import TagInstances

if TYPE_CHECKING:
    from distilabel.steps.base import Step

AFTER_ANSWERS = tuple(stage.name for stage in (AGREEMENT_STAGE, TURNS_STAGE, TAGS_STAGE, JUDGEMENT_STAGE))
"""The stages that ask about instances which are there."""


def question_of(step: Step) -> dict[str, Any]:
    """How the step that answers instructions puts its question; nothing where it makes instances otherwise."""
    if not isinstance(step, AnswerInstructions):
        return {}
    return {"template": step.template, "columns": step.columns, "system_prompt": step.system_prompt}


@dataclass(frozen=True, slots=True)
class Following:
    """Makes the steps that follow, as far as the config wants them.

    Attributes:
        config: of the run.
        llm: makes the model of a stage.
        batch_size: of the steps.
    """

    config: RunConfig
    llm: Callable[[str], DurableLLM]
    batch_size: int

    def agreed(self, step: Step, question: dict[str, Any]) -> Step:
        """The step that is given, or, where instances are answered several times, what comes after it."""
        if not self.config.asks_again:
            return step
        more = {"num_answers": self.config.answers, "agree_by": self.config.agree_by, **question}
        return self._after(step, AgreeingAnswers, AGREEMENT_STAGE.name, more)

    def continued(self, step: Step, question: dict[str, Any]) -> Step:
        """The step that is given, or, where instances become conversations, what comes after it."""
        if self.config.most_turns < 2:
            return step
        more = {"num_turns": self.config.most_turns, "pre_query_template": self.config.template_of_turns, **question}
        return self._after(step, ContinueConversation, TURNS_STAGE.name, more)

    def tagged(self, step: Step) -> Step:
        """The step that is given, or, where instances are tagged, what comes after it."""
        if not self.config.is_tagged:
            return step
        more = {"keep": self.config.keep_tags, "wording": self.config.judge_wording}
        return self._after(step, TagInstances, TAGS_STAGE.name, more)

    def _after(self, step: Step, kind: type[Any], stage: str, options: dict[str, Any]) -> Step:
        new: Step = kind(name=stage, llm=self.llm(stage), input_batch_size=self.batch_size, **options)
        step >> new
        return new
