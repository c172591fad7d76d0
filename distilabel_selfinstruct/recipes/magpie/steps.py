"""MagpieInstructions: what a model says as a user, by distilabel's Magpie (arXiv 2406.08464)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Literal

from distilabel.mixins.runtime_parameters import RuntimeParameter
from distilabel.models.llms.base import LLM
from distilabel.models.mixins.magpie import MAGPIE_PRE_QUERY_TEMPLATES, MagpieChatTemplateMixin
from distilabel.steps.tasks.magpie.base import MagpieBase
from pydantic import Field

from distilabel_selfinstruct.data.rows import Answer, Row, candidate_row
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.models.durable import DurableLLM
from distilabel_selfinstruct.models.providers import ANSWERS_MESSAGES, ProviderLLM
from distilabel_selfinstruct.presets import Decoding, Preset
from distilabel_selfinstruct.steps.loops.loop import Candidate, Loop
from distilabel_selfinstruct.steps.loops.task import LoopingGenerator
from distilabel_selfinstruct.text.repetition import repeats_itself
from distilabel_selfinstruct.text.requests import is_talk
from distilabel_selfinstruct.text.rules import check_instruction, check_wording
from distilabel_selfinstruct.text.thoughts import cut_at_turn_end

if TYPE_CHECKING:
    from distilabel.typing import FormattedInput, StepColumns

STAGE = "magpie"
# appendix: temperature 1; room for 150 words
_DECODING = Decoding(temperature=1.0, max_new_tokens=512, end_early=True)
PRE_QUERY_TEMPLATES = (
    f"{', '.join(MAGPIE_PRE_QUERY_TEMPLATES)}, or the text that begins a user's turn in the model's chat template"
)
_NAME = re.compile(r"[\w.\s-]*")


def with_template(model: LLM, template: str | None) -> MagpieChatTemplateMixin:
    """The model with a pre-query template: this one, or by default its own.

    Raises:
        ConfigError: if it takes none, continues no text, or there is none, or a name that distilabel does not know.
    """
    if not isinstance(model, MagpieChatTemplateMixin):
        raise ConfigError(f"Magpie needs a model that takes a pre-query template; {type(model).__name__} takes none.")
    if isinstance(model, ProviderLLM):
        raise ConfigError(f"{model.model_name} {ANSWERS_MESSAGES}")
    if template is not None:
        model.magpie_pre_query_template = template  # a known name becomes its text
    if model.magpie_pre_query_template is None:
        raise ConfigError(f"--pre-query-template is needed: {PRE_QUERY_TEMPLATES}.")
    if _NAME.fullmatch(model.magpie_pre_query_template):
        given = model.magpie_pre_query_template
        raise ConfigError(f"--pre-query-template: there is none called {given!r}; it is {PRE_QUERY_TEMPLATES}.")
    return model


class MagpieLoop(Loop):
    """Takes one instruction an answer; all prompts are the same.

    Args:
        preset: limits and rules.
        wanted: how many instructions to admit, exactly.
        lag: prompts in a round.
        patience: rounds without an admission after which the loop ends.
        model_name: recorded in the rows.
    """

    stage = STAGE

    def __init__(self, preset: Preset, wanted: int, lag: int, patience: int, model_name: str = "") -> None:
        super().__init__(preset, wanted, lag, patience, expected=0.5, model_name=model_name)

    def _draw(self, number: int) -> None:
        return None

    def _row(self, number: int, at: int, answer: Answer) -> Row:
        return super()._row(number, at, answer) | {"is_classification": None}

    def _listed(self, number: int, answer: Answer) -> Iterable[Candidate]:
        text = cut_at_turn_end(answer.completion or "").strip()
        if not text:
            return []
        return [Candidate(text, answer.cut_reason)]

    def _broken_rule(self, row: Row) -> str | None:
        text = row["instruction"]
        return (
            check_instruction(text, self.preset, keywords=False, punctuation=False)
            or ("repetition" if repeats_itself(text) else None)
            or check_wording(text, self.preset, is_no_request=is_talk)
        )


class MagpieInstructions(LoopingGenerator, MagpieBase):
    """Has a model write instructions from nothing but the beginning of a user's turn, by distilabel's `Magpie`.

    The model, or the model in a `DurableLLM`, must take a pre-query template, as `VLLM` and, by raw completions,
    `OpenAICompatibleLLM` do. An instruction passes the preset's rules but those of the keywords and of signs at the
    beginning, the last of them ROUGE-L against all that were admitted; it may tell something of the user, and otherwise
    asks or orders. Exactly `num_instructions` are admitted; rejected ones go along, each with its `reject_reason`. Only
    instructions are asked for: `AnswerInstructions` answers those that were admitted.

    Attributes:
        num_instructions: how many instructions to admit.
        pre_query_template: how a user's turn begins: `llama3`, `qwen2`, or the text; by default the model's own.
        system_prompt: steers the instructions, where the model takes one.
        preset: name of the preset with the limits.
        lag: prompts in a round; by default the preset's, or a few times the concurrency.
        patience: rounds without an admission after which the loop ends.
        pilot_rounds: rounds after which the loop ends, to see what it takes; by default none.
        folder: where `magpie.json` (how the loop ended) is written, if given.
        batch_size: most rows sent downstream at once.

    Runtime parameters:
        - `num_instructions`: how many instructions to admit.
        - `patience`: rounds without an admission after which the loop ends.

    Output columns:
        - instruction_id (`str`): names the instruction: number of its prompt.
        - instruction (`str`): the instruction; None where there is none.
        - round (`int`): the number of its prompt over `lag`.
        - shot_ids (`list[str]`): none.
        - most_similar (`list[dict]`): `id` and ROUGE-L `score` of the most similar instructions, if the preset asks.
        - max_similarity (`float`): the highest score with an instruction, where it was computed.
        - mean_similarity (`float`): the mean score, if the preset asks.
        - neighbour_id (`str`): the instruction that a `similar` one is too similar to.
        - neighbour (`str`): its text.
        - stage (`str`): `magpie` if rejected here, or None.
        - reject_reason (`str`): the reason code, or None if admitted.
        - detail (`str`): what the reason code leaves open.
        - finish_reason (`str`): why the completion ended.
        - input_tokens (`int`): tokens of the prompt.
        - output_tokens (`int`): tokens of the completion.
        - model_name (`str`): the model.
        - is_classification (`bool`): None: nobody has asked.

    Categories:
        - text-generation

    References:
        - [Magpie: Alignment Data Synthesis from Scratch by Prompting Aligned LLMs with Nothing](https://arxiv.org/abs/2406.08464)

    Examples:
        Admit an instruction of the embedded demo model:

        ```python
        from distilabel_selfinstruct import DemoLLM, MagpieInstructions

        magpie = MagpieInstructions(llm=DemoLLM(seed=1), num_instructions=1, pre_query_template="qwen2")
        magpie.load()
        rows, is_last = next(magpie.process())
        ```

    Citations:
        ```
        @misc{xu2024magpie,
            title={Magpie: Alignment Data Synthesis from Scratch by Prompting Aligned LLMs with Nothing},
            author={Zhangchen Xu and Fengqing Jiang and Luyao Niu and Yuntian Deng and Radha Poovendran and
                Yejin Choi and Bill Yuchen Lin},
            year={2024},
            eprint={2406.08464},
            archivePrefix={arXiv},
            primaryClass={cs.CL}
        }
        ```
    """

    shows_pool: ClassVar[bool] = False
    wording: Literal["chat"] = "chat"
    num_instructions: RuntimeParameter[int] = Field(default=100, gt=0, description="How many instructions to admit.")
    pre_query_template: str | None = None
    system_prompt: str | None = None
    only_instruction: Literal[True] = True

    takes_system_message: ClassVar[bool] = False

    @property
    def outputs(self) -> StepColumns:
        return [*candidate_row(), "is_classification"]

    def load(self) -> None:
        """Loads the model, and has it begin a user's turn where a chat ends, as distilabel's `MagpieGenerator` does.

        Raises:
            ConfigError: if the model takes no pre-query template, or there is none.
        """
        model = with_template(self.llm.llm if isinstance(self.llm, DurableLLM) else self.llm, self.pre_query_template)
        model.use_magpie_template = True
        super().load()

    def _loop(self) -> MagpieLoop:
        wanted = self.num_instructions or 0
        return MagpieLoop(self._preset, wanted, self._lag(wanted), self.patience or 1, self.llm.model_name)

    def format_prompt(self, drawn: None) -> FormattedInput:
        """An empty chat, or the system prompt alone: what is asked is left to the model."""
        return [{"role": "system", "content": self.system_prompt}] if self.system_prompt is not None else []

    def _decoding(self) -> Decoding:
        return _DECODING
