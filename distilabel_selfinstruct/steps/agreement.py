"""AgreeingAnswers: an instance is answered again, and kept where most of the answers agree (arXiv 2203.11171)."""

# distilabel looks for `StepInput` in the signature itself: no postponed evaluation of annotations here.
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from distilabel.mixins.runtime_parameters import RuntimeParameter
from distilabel.steps.base import StepInput
from pydantic import Field

from distilabel_selfinstruct.data.checks import AGREEMENT_STAGE
from distilabel_selfinstruct.data.columns import AGREEMENT_COLUMN
from distilabel_selfinstruct.data.rows import Answer, Row, answer_of, answers_of, excerpt, reject, take_answer
from distilabel_selfinstruct.presets import AGREEING, AgreeBy, Decoding
from distilabel_selfinstruct.steps.answer import DECODING, AnswerInstructions, fault
from distilabel_selfinstruct.steps.asking import decoding_kwargs
from distilabel_selfinstruct.steps.prompting import Prompts
from distilabel_selfinstruct.text.agreement import agreeing, parse_agreement
from distilabel_selfinstruct.text.conversations import with_input
from distilabel_selfinstruct.text.reading.remarks import plain

if TYPE_CHECKING:
    from distilabel.typing import FormattedInput, StepColumns, StepOutput

STAGE = AGREEMENT_STAGE.name
PROMPTS = Prompts(__package__)
_SAMPLING = replace(DECODING, temperature=0.7)  # section 3.1
_JUDGING = Decoding(max_new_tokens=256)


class AgreeingAnswers(AnswerInstructions):
    """Answers each instance several times more, and keeps it where more than half of all answers agree.

    Labels of classification tasks agree where they are equal but for case and signs. Other answers agree by ROUGE-L
    (short ones must have the same numbers as well), or as the model says as a judge, in one question an instance. An
    answer that `AnswerInstructions` would reject agrees with nothing. The output of a row is its own where that is one
    of those that agree, else the first of them; one that does not agree makes a preference pair with it. Rejected is an
    instance whose answers do not agree (`no_agreement`), of which the judge does not say which do (`unclear_agreement`,
    or `truncated`), or of which a request failed.

    Attributes:
        num_answers: answers to each instance, its own among them.
        agree_by: what says that open answers agree: `rouge_l`, or `judge`.
        threshold: the ROUGE-L F from which open answers agree.
        system_prompt: as in distilabel's `TextGeneration`.
        template: the question, as a jinja2 template; by default instruction and input.
        columns: the columns that the template takes.

    Runtime parameters:
        - `num_answers`: answers to each instance, its own among them.
        - `threshold`: the ROUGE-L F from which open answers agree.

    Input columns:
        - instruction (`str`): the instruction.
        - output (`str`): the first answer.
        - input (`str`): the input. Optional.
        - is_classification (`bool`): whether the answers are labels. Optional.
        - reject_reason (`str`): rows that have one are passed on untouched. Optional.

    Output columns:
        - output (`str`): the answer that most agree with.
        - agreement (`float`): the share of the answers that agree.
        - is_chosen (`bool`): whether there is an answer that does not agree, for a preference pair.
        - rejected_output (`str`): that answer.
        - rejected_score (`float`): the share of the answers that agree with that one.
        - stage (`str`): the stage that rejected the row, or None.
        - reject_reason (`str`): the reason code, or None.
        - detail (`str`): what the reason code leaves open.

    Categories:
        - filtering

    References:
        - [Self-Consistency Improves Chain of Thought Reasoning in Language Models](https://arxiv.org/abs/2203.11171)

    Examples:
        Keep what three answers agree on:

        ```python
        from distilabel_selfinstruct import AgreeingAnswers, DemoLLM

        answers = AgreeingAnswers(llm=DemoLLM(), num_answers=3)
        answers.load()
        rows = next(
            answers.process([{"instruction": "Reverse the letters of the word.", "input": "lamp", "output": "pmal"}])
        )
        ```
    """

    num_answers: RuntimeParameter[int] = Field(
        default=5, ge=2, description="Answers to each instance, its own among them."
    )
    agree_by: AgreeBy = "rouge_l"
    threshold: RuntimeParameter[float] = Field(
        default=AGREEING, ge=0, le=1, description="The ROUGE-L F from which open answers agree."
    )

    @property
    def inputs(self) -> "StepColumns":
        return dict.fromkeys([*self.columns, "output"], True)

    @property
    def outputs(self) -> "StepColumns":
        return [
            "output",
            AGREEMENT_COLUMN,
            "is_chosen",
            "rejected_output",
            "rejected_score",
            "stage",
            "reject_reason",
            "detail",
        ]

    def _decoding_kwargs(self) -> dict[str, Any]:
        return decoding_kwargs(self.llm, _SAMPLING, "chat")

    def _question(self, row: Row) -> "FormattedInput":
        question: FormattedInput = self.format_input(row | {"instruction": with_input(row)})
        return question

    def process(self, inputs: StepInput) -> "StepOutput":
        """Asks for the other answers to each instance, and looks which agree.

        Yields:
            The rows, in their order.
        """
        rows: list[Row] = [dict.fromkeys(self.outputs) | row for row in inputs]
        asked = [row for row in rows if row["reject_reason"] is None]
        if asked:
            makes = [partial(self._question, row) for row in asked]
            outputs = self._outputs(makes, self._decoding_kwargs(), int(self.num_answers or 2) - 1)
            self._compare(
                [(row, others) for row, output in zip(asked, outputs) if (others := self._whole(row, output))]
            )
        yield rows

    def _whole(self, row: Row, output: Any) -> list[Answer]:
        """The other answers, none of which may be missing."""
        answers = answers_of(output)
        failed = next((each for each in answers if each.completion is None), None)
        if failed is not None:
            reject(row, STAGE, failed.failure or "no_completion", failed.detail)
            return []
        return answers

    def _compare(self, answered: list[tuple[Row, list[Answer]]]) -> None:
        texts = [[row["output"], *(_text(each, row) for each in others)] for row, others in answered]
        judged = [
            at for at, (row, _) in enumerate(answered) if self.agree_by == "judge" and not row.get("is_classification")
        ]
        groups: dict[int, list[int]] = {
            at: agreeing(texts[at], bool(row.get("is_classification")), float(self.threshold))
            for at, (row, _) in enumerate(answered)
            if at not in judged
        }
        if judged:
            makes = [partial(_which_agree, answered[at][0], texts[at]) for at in judged]
            verdicts = self._outputs(makes, decoding_kwargs(self.llm, _JUDGING, "chat"))
            for at, output in zip(judged, verdicts):
                groups[at] = self._verdict(answered[at][0], texts[at], answer_of(output))
        for at, (row, others) in enumerate(answered):
            if groups[at]:
                _settle(row, others, texts[at], groups[at], self.llm.model_name)

    @staticmethod
    def _verdict(row: Row, texts: Sequence[str | None], answer: Answer) -> list[int]:
        """The group that a judge names; none where the row is rejected instead."""
        if answer.completion is None:
            reject(row, STAGE, answer.failure or "no_completion", answer.detail)
            return []
        there = [at for at, text in enumerate(texts) if text is not None]
        named = None if answer.is_cut else parse_agreement(answer.completion, len(there))
        if named is None:
            reject(row, STAGE, "truncated" if answer.is_cut else "unclear_agreement", excerpt(answer.completion))
            return []
        return [there[place] for place in named]


def _text(answer: Answer, row: Row) -> str | None:
    """The text of an answer; None where it is none that a dataset should hold."""
    output = plain(answer.completion or "").strip()
    return None if fault(output, answer.cut_reason, row["instruction"]) else output


def _which_agree(row: Row, texts: Sequence[str | None]) -> "FormattedInput":
    there = [text for text in texts if text is not None]
    prompt: FormattedInput = PROMPTS.render("agreement", "chat", instruction=with_input(row), answers=there)
    return prompt


def _settle(row: Row, others: Sequence[Answer], texts: Sequence[str | None], group: Sequence[int], model: str) -> None:
    """Takes the answer that most agree with, or rejects the row."""
    row[AGREEMENT_COLUMN] = len(group) / len(texts)
    if 2 * len(group) <= len(texts):
        reject(row, STAGE, "no_agreement", f"{len(group)} of {len(texts)} answers agree")
        return
    if group[0]:  # not its own
        taken = others[group[0] - 1]
        row.update(output=texts[group[0]], model_name=taken.model or model)
        take_answer(row, taken)
    other = next((at for at, text in enumerate(texts) if text is not None and at not in group), None)
    row["is_chosen"] = other is not None
    if other is not None:
        row.update(rejected_output=texts[other], rejected_score=texts.count(texts[other]) / len(texts))
