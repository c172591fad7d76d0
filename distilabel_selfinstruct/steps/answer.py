"""AnswerInstructions: one answer an instruction, by distilabel's TextGeneration."""

# distilabel reads signatures at run time: no postponed evaluation of annotations here.
from typing import Any

from distilabel.steps.tasks.text_generation import TextGeneration

from distilabel_selfinstruct.data.rows import Answer, Row, reject
from distilabel_selfinstruct.presets import Decoding
from distilabel_selfinstruct.steps.asking import MarkingTask, decoding_kwargs
from distilabel_selfinstruct.text.reading.remarks import plain
from distilabel_selfinstruct.text.refusals import fault_of_answer
from distilabel_selfinstruct.text.repetition import repeats_itself

STAGE = "answers"
DECODING = Decoding(max_new_tokens=2048, end_early=True)


class AnswerInstructions(MarkingTask, TextGeneration):
    """Answers each instruction once; what no dataset should hold is rejected.

    Rejected are answers that are empty (`empty_output`), cut by their length (`truncated`), loop (`repetition`),
    refuse (`refusal`), only greet (`greeting`) or only say again what was asked (`repeats_question`), and requests that
    failed, with their own reason codes. The text of a rejected answer stays in its row.

    Attributes:
        system_prompt: as in distilabel's `TextGeneration`.
        template: the question, as a jinja2 template; by default the instruction alone.
        columns: the columns that the template takes.

    Input columns:
        - instruction (`str`): the instruction.
        - instruction_id (`str`): names it. Optional.
        - reject_reason (`str`): rows that have one are passed on untouched. Optional.

    Output columns:
        - instance_id (`str`): names the instance.
        - input (`str`): empty.
        - output (`str`): the answer.
        - stage (`str`): the stage that rejected the row, or None.
        - reject_reason (`str`): the reason code, or None.
        - detail (`str`): what the reason code leaves open.
        - finish_reason (`str`): why the completion ended.
        - input_tokens (`int`): tokens of the prompt.
        - output_tokens (`int`): tokens of the answer.
        - reasoning (`str`): what the model thought before it answered, where it says so.
        - model_name (`str`): the model that wrote it.

    Categories:
        - text-generation

    Examples:
        Answer an instruction:

        ```python
        from distilabel_selfinstruct import AnswerInstructions, DemoLLM

        answers = AnswerInstructions(llm=DemoLLM())
        answers.load()
        rows = next(answers.process([{"instruction": "Reverse the letters of the word.\\n\\nlamp"}]))
        ```
    """

    language_sentence = "Answer in {language}."

    def model_post_init(self, context: Any) -> None:
        """TextGeneration's own: pydantic would take the first base's, which makes no list of `columns`."""
        TextGeneration.model_post_init(self, context)

    @property
    def inputs(self) -> dict[str, bool]:
        """The columns of the template."""
        return dict.fromkeys(self.columns, True)

    def _own_outputs(self) -> list[str]:
        return ["instance_id", "input", "output"]

    def _decoding_kwargs(self) -> dict[str, Any]:
        return decoding_kwargs(self.llm, DECODING, "chat")

    def _asks_about(self, row: Row) -> bool:
        return True

    def _take(self, row: Row, answer: Answer) -> None:
        if answer.completion is None:
            reject(row, STAGE, answer.failure or "no_completion", answer.detail)
            return
        output = plain(answer.completion).strip()
        row.update(instance_id=f"{row.get('instruction_id') or 'instance'}-0", input="", output=output)
        if (reason := fault(output, answer.cut_reason, row["instruction"])) is not None:
            reject(row, STAGE, reason)


def fault(output: str, cut_reason: str | None, instruction: str) -> str | None:
    """The reason code of the first thing that is wrong with an answer."""
    if cut_reason is not None:
        return cut_reason
    if not output:
        return "empty_output"
    if repeats_itself(output):
        return "repetition"
    return fault_of_answer(output, instruction)
