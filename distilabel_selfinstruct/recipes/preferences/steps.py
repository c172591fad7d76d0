"""GenerateResponses and PairResponses: preference pairs (Self-Rewarding Language Models, arXiv 2401.10020)."""

# distilabel looks for `StepInput` in the signature itself: no postponed evaluation of annotations here.
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, ClassVar

from distilabel.mixins.runtime_parameters import RuntimeParameter
from distilabel.steps.base import Step, StepInput
from pydantic import Field, PrivateAttr

from distilabel_selfinstruct.data.reasons import NO_MORE_ASKED
from distilabel_selfinstruct.data.rows import Answer, Row, answers_of, reject, take_answer
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.presets import Decoding
from distilabel_selfinstruct.recipes.preferences.config import RESPONSES, TEMPERATURE
from distilabel_selfinstruct.steps.answer import AnswerInstructions, fault
from distilabel_selfinstruct.steps.asking import decoding_kwargs
from distilabel_selfinstruct.text.reading.remarks import plain

if TYPE_CHECKING:
    from distilabel.typing import GenerateOutput, StepColumns, StepOutput

RESPONSES_STAGE, STAGE = "responses", "preferences"
_DECODING = Decoding(temperature=TEMPERATURE, top_p=0.9, max_new_tokens=2048, end_early=True)


class GenerateResponses(AnswerInstructions):
    """Answers each instruction several times: one row a response, those of an instruction one after the other.

    Rejected are responses that are empty (`empty_output`), cut by their length (`truncated`), loop (`repetition`),
    refuse (`refusal`), only greet (`greeting`), only say again what was asked (`repeats_question`) or are the same as
    one before (`duplicate`), and requests that failed, with their own reason codes.

    Attributes:
        num_generations: responses to each instruction.

    Runtime parameters:
        - `num_generations`: responses to each instruction.

    Input columns:
        - instruction_id (`str`): names the instruction.
        - instruction (`str`): the instruction.
        - reject_reason (`str`): rows that have one are passed on untouched. Optional.

    Output columns:
        - instance_id (`str`): names the response; None where there is none.
        - input (`str`): empty.
        - output (`str`): the response.
        - stage (`str`): the stage that rejected the row, or None.
        - reject_reason (`str`): the reason code, or None.
        - detail (`str`): what the reason code leaves open.
        - finish_reason (`str`): why the completion ended.
        - input_tokens (`int`): tokens of the prompt.
        - output_tokens (`int`): tokens of the response.
        - reasoning (`str`): what the model thought before it answered, where it says so.
        - model_name (`str`): the model that wrote it.

    Categories:
        - text-generation

    References:
        - [Self-Rewarding Language Models](https://arxiv.org/abs/2401.10020)

    Examples:
        Answer an instruction four times:

        ```python
        from distilabel_selfinstruct import DemoLLM, GenerateResponses

        responses = GenerateResponses(llm=DemoLLM(), num_generations=4)
        responses.load()
        rows = next(
            responses.process([{"instruction_id": "000000", "instruction": "Spell the word backwards.\\n\\nlamp"}])
        )
        ```
    """

    num_generations: RuntimeParameter[int] = Field(
        default=RESPONSES, ge=1, description="Responses to each instruction."
    )

    @property
    def inputs(self) -> "StepColumns":
        return ["instruction_id", "instruction"]

    def _decoding_kwargs(self) -> dict[str, Any]:
        return decoding_kwargs(self.llm, _DECODING, "chat")

    def _take_output(self, row: Row, output: "GenerateOutput") -> None:
        answers = answers_of(output)
        row.update(model_name=answers[0].model or self.llm.model_name, answers=answers)

    def process(self, inputs: StepInput) -> "StepOutput":
        """Asks for all responses to an instruction at once.

        Yields:
            One row a response.
        """
        for rows in super().process(inputs):
            yield [response for row in rows for response in self._responses(row)]

    def _responses(self, row: Row) -> Iterator[Row]:
        answers: list[Answer] | None = row.pop("answers", None)
        if answers is None:
            yield row
            return
        seen: set[str] = set()
        for at, answer in enumerate(answers):
            response = {**row, "instance_id": f"{row['instruction_id']}-{at}"}
            take_answer(response, answer)
            self._take(response, answer)
            if response["reject_reason"] is None and response["output"] in seen:
                reject(response, RESPONSES_STAGE, "duplicate")
            seen.add(response["output"])
            yield response

    def _take(self, row: Row, answer: Answer) -> None:
        if answer.completion is None:
            row["instance_id"] = None
            reject(row, RESPONSES_STAGE, answer.failure or "no_completion", answer.detail)
            return
        row.update(input="", output=plain(answer.completion).strip())
        if (reason := fault(row["output"], answer.cut_reason, row["instruction"])) is not None:
            reject(row, RESPONSES_STAGE, reason)


class PairResponses(Step):
    """Pairs the best and the worst response to each instruction; of equally good ones the first counts.

    The better one is marked (`is_chosen`) and carries the text and the score of the worse one. An instruction without
    a pair gets a rejected row of its own: `tie` where best and worst are equally good, `too_few_responses` where fewer
    than two have a score. A row without an instruction, or that an evaluation set has, is passed on.
    The rows of an instruction must not be divided among batches: with N responses to each instruction,
    `input_batch_size` is a multiple of N.

    Input columns:
        - instruction_id (`str`): names the instruction; rows of one come one after the other.
        - instruction (`str`): the instruction.
        - output (`str`): the response.
        - judge_score (`float`): its score.
        - reject_reason (`str`): None in a row that counts.

    Output columns:
        - is_chosen (`bool`): whether it is the better response of a pair; None in a rejected row.
        - rejected_output (`str`): in a chosen row, the worse response.
        - rejected_score (`float`): in a chosen row, the score of the worse response.
        - stage (`str`): the stage that rejected the row, or None.
        - reject_reason (`str`): the reason code, or None.
        - detail (`str`): what the reason code leaves open.

    Categories:
        - preference

    References:
        - [Self-Rewarding Language Models](https://arxiv.org/abs/2401.10020)

    Examples:
        Pair two responses:

        ```python
        from distilabel_selfinstruct import PairResponses

        pairs = PairResponses()
        pairs.load()
        instruction = {"instruction_id": "000000", "instruction": "Name a prime.", "reject_reason": None}
        rows = next(
            pairs.process(
                [
                    {**instruction, "output": "Any number.", "judge_score": 1.0},
                    {**instruction, "output": "7", "judge_score": 5.0},
                ]
            )
        )
        ```

    Citations:
        ```
        @misc{yuan2024selfrewarding,
            title={Self-Rewarding Language Models},
            author={Weizhe Yuan and Richard Yuanzhe Pang and Kyunghyun Cho and Xian Li and Sainbayar Sukhbaatar and
                Jing Xu and Jason Weston},
            year={2024},
            eprint={2401.10020},
            archivePrefix={arXiv},
            primaryClass={cs.CL}
        }
        ```
    """

    keeps_state: ClassVar[bool] = True

    _last: str | None = PrivateAttr(None)

    @property
    def inputs(self) -> "StepColumns":
        return ["instruction_id", "instruction", "output", "judge_score", "reject_reason"]

    @property
    def outputs(self) -> "StepColumns":
        return ["is_chosen", "rejected_output", "rejected_score", "stage", "reject_reason", "detail"]

    def process(self, inputs: StepInput) -> "StepOutput":
        """Pairs the responses to each instruction.

        Yields:
            The same rows, and one more for each instruction without a pair.

        Raises:
            ConfigError: if the responses to one instruction come in two batches.
        """
        made: list[Row] = []
        for instruction_id, rows in groupby(inputs, key=lambda row: row["instruction_id"]):
            if instruction_id == self._last:
                raise ConfigError(
                    f"{self.name}: the responses to {instruction_id} came in two batches; make `input_batch_size` a"
                    " multiple of their number."
                )
            self._last = instruction_id
            made += _paired([{"stage": None, "detail": None, **row} for row in rows])
        yield made


def _paired(rows: Sequence[Row]) -> list[Row]:
    """The rows of one instruction, the better of a pair marked, or with one more that says why there is none."""
    judged = [row for row in rows if row["reject_reason"] is None]
    for row in rows:
        row.update(is_chosen=None if row["reject_reason"] else False, rejected_output=None, rejected_score=None)
    if rows[0]["instruction"] is None or rows[0]["stage"] in NO_MORE_ASKED:
        return list(rows)
    without = dict.fromkeys(rows[0]) | {name: rows[0][name] for name in ("instruction_id", "instruction")}
    if len(judged) < 2:
        reject(without, STAGE, "too_few_responses", f"{len(judged)} of {len(rows)} can be compared")
        return [*rows, without]
    best = max(judged, key=lambda row: row["judge_score"])
    worst = min(judged, key=lambda row: row["judge_score"])
    if best["judge_score"] == worst["judge_score"]:
        reject(without, STAGE, "tie", f"{len(judged)} responses with {best['judge_score']:.2f} points each")
        return [*rows, without]
    best.update(is_chosen=True, rejected_output=worst["output"], rejected_score=worst["judge_score"])
    return list(rows)
