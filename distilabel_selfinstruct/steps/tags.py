"""TagInstances: difficulty, category and quality of instances, as a model says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from distilabel_selfinstruct.data.checks import TAGS_STAGE
from distilabel_selfinstruct.data.columns import TAG_COLUMNS
from distilabel_selfinstruct.data.rows import Answer, Row, answer_of, excerpt, reject
from distilabel_selfinstruct.presets import Decoding, JudgeWording
from distilabel_selfinstruct.steps.asking import InstanceTask, decoding_kwargs
from distilabel_selfinstruct.steps.prompting import Prompts, object_schema
from distilabel_selfinstruct.text.tags import CATEGORIES, LEVELS, parse_tags, read_conditions

if TYPE_CHECKING:
    from distilabel.typing import FormattedInput, GenerateOutput

STAGE = TAGS_STAGE.name
_LEVEL = {"type": "integer", "minimum": LEVELS[0], "maximum": LEVELS[-1]}
PROMPTS = Prompts(
    __package__,
    {"tags": object_schema(category={"type": "string", "enum": list(CATEGORIES)}, difficulty=_LEVEL, quality=_LEVEL)},
)
_DECODING = Decoding(max_new_tokens=128)


class TagInstances(InstanceTask):
    """Has a model tag each instance in one question: what kind of task it is, how hard, and how well made.

    The categories are Magpie's. An answer that lacks a tag, or has one that there is not, rejects the row
    (`unclear_tags`; `truncated` where it was cut by its length), and so does a request that failed. With `keep` the
    rows whose tags are others are rejected (`unwanted_tags`).

    Attributes:
        keep: what tags must be, such as `quality>=4` or `category=coding,maths`; all of these.
        wording: `chat`, or `structured` with JSON.

    Input columns:
        - instruction (`str`): the instruction.
        - output (`str`): the output.
        - input (`str`): the input. Optional.
        - document (`str`): what the instruction is about. Optional.
        - title (`str`): the title of the document. Optional.
        - messages (`list[dict]`): the conversation that the instance has become. Optional.
        - reject_reason (`str`): rows that have one are passed on untouched. Optional.

    Output columns:
        - difficulty (`int`): from 1 to 5.
        - category (`str`): such as `coding`.
        - quality (`int`): from 1 to 5.
        - stage (`str`): the stage that rejected the row, or None.
        - reject_reason (`str`): the reason code, or None.
        - detail (`str`): what the reason code leaves open.

    Categories:
        - scorer
        - filtering

    References:
        - [Magpie: Alignment Data Synthesis from Scratch by Prompting Aligned LLMs with Nothing](https://arxiv.org/abs/2406.08464)

    Examples:
        Keep what is hard:

        ```python
        from distilabel_selfinstruct import DemoLLM, TagInstances

        tags = TagInstances(llm=DemoLLM(), keep=["difficulty>=3"])
        tags.load()
        rows = next(tags.process([{"instruction": "Reverse the letters.", "input": "lamp", "output": "pmal"}]))
        ```
    """

    keep: list[str] = Field(default_factory=list)
    wording: JudgeWording = "chat"

    language_sentence = None  # the answer is words of the question

    def _own_outputs(self) -> list[str]:
        return list(TAG_COLUMNS)

    def _decoding_kwargs(self) -> dict[str, Any]:
        return decoding_kwargs(self.llm, _DECODING, self.wording)

    def format_input(self, input: Row) -> FormattedInput:
        """The question about one instance."""
        return PROMPTS.render("tags", self.wording, **self._parts(input), categories=CATEGORIES)

    def _take_output(self, row: Row, output: GenerateOutput) -> None:
        self._take(row, answer_of(output))

    def _take(self, row: Row, answer: Answer) -> None:
        if answer.completion is None:
            reject(row, STAGE, answer.failure or "no_completion", answer.detail)
            return
        tags = None if answer.is_cut else parse_tags(answer.completion)
        if tags is None:
            reject(row, STAGE, "truncated" if answer.is_cut else "unclear_tags", excerpt(answer.completion))
            return
        row.update(tags)
        broken = next((each for each in read_conditions(self.keep) if not each.holds(tags)), None)
        if broken is not None:
            reject(row, STAGE, "unwanted_tags", f"{broken.name} is {tags[broken.name]}, not {broken}")
