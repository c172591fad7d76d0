"""GenerateQueries: what users may ask about a document, by distilabel's SelfInstruct."""

# distilabel looks for `StepInput` in the signature itself: no postponed evaluation of annotations here.
import random
import warnings
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from distilabel.mixins.runtime_parameters import RuntimeParameter
from distilabel.steps.base import StepInput
from distilabel.steps.tasks.self_instruct import SelfInstruct
from pydantic import Field

from distilabel_selfinstruct.data.rows import Answer, Row, excerpt, reject
from distilabel_selfinstruct.presets import get_preset
from distilabel_selfinstruct.steps.asking import MarkingTask, decoding_kwargs
from distilabel_selfinstruct.steps.documents import STAGE, context_of
from distilabel_selfinstruct.text.copying import TOLD, copies
from distilabel_selfinstruct.text.reading.answers import list_instructions
from distilabel_selfinstruct.text.reading.remarks import declines, plain
from distilabel_selfinstruct.text.repetition import begins_to_repeat
from distilabel_selfinstruct.text.requests import is_request
from distilabel_selfinstruct.text.rules import check_instruction, check_wording

if TYPE_CHECKING:
    from distilabel.typing import ChatType, StepColumns, StepOutput


def _asks_nothing(text: str) -> bool:
    return not is_request(text)


class GenerateQueries(MarkingTask, SelfInstruct):
    """Has the model write queries about each document, and makes one row of each query.

    The prompt is that of distilabel's `SelfInstruct`. Its answer is read by this package's parser, which knows the
    numbers, bullets and preambles that models write though they are told not to, and each query must pass the rules of
    the preset but that of the keywords (`too_short`, `too_long`, `program`, `punctuation`), and ask or order something
    (`no_request`). Rejected are also a query that the length cut off (`truncated`), what repeats itself (`repetition`)
    and good queries beyond `num_instructions` (`over_limit`); a document without any
    query stays one row (`no_instructions`, or why its request failed). The rows of a document come one after the other,
    and each keeps its columns.

    Attributes:
        num_instructions: how many queries a document.
        criteria_for_query_generation: as in distilabel's `SelfInstruct`.
        application_description: as in distilabel's `SelfInstruct`.
        principles: of these one is drawn for each document, and stands below the criteria.
        preset: name of the preset with the rules and the decoding parameters.
        seed: seed of the draws.

    Runtime parameters:
        - `seed`: seed of the draws.

    Input columns:
        - document_id (`str`): names the document.
        - document (`str`): the document, or a piece of it.
        - title (`str`): its title. Optional.
        - reject_reason (`str`): rows that have one are passed on untouched. Optional.

    Output columns:
        - instruction_id (`str`): names the query: its document and its place in the answer.
        - instruction (`str`): the query; None where the answer gave none.
        - stage (`str`): the stage that rejected the row, or None.
        - reject_reason (`str`): the reason code, or None.
        - detail (`str`): what the reason code leaves open.
        - finish_reason (`str`): why the completion ended.
        - input_tokens (`int`): tokens of the prompt.
        - output_tokens (`int`): tokens of the completion with all queries of the document.
        - reasoning (`str`): what the model thought before it answered, where it says so.
        - model_name (`str`): the model that wrote it.

    Categories:
        - text-generation

    References:
        - [Self-Instruct: Aligning Language Models with Self-Generated Instructions](https://arxiv.org/abs/2212.10560)

    Examples:
        Queries about a medical term:

        ```python
        from distilabel_selfinstruct import DemoLLM, GenerateQueries

        queries = GenerateQueries(llm=DemoLLM(), num_instructions=3)
        queries.load()
        document = "The aorta is the largest artery of the body. It begins at the left ventricle of the heart."
        rows = next(queries.process([{"document_id": "000000", "title": "Aorta", "document": document}]))
        ```

    Citations:
        ```
        @misc{wang2022selfinstruct,
            title={Self-Instruct: Aligning Language Models with Self-Generated Instructions},
            author={Yizhong Wang and Yeganeh Kordi and Swaroop Mishra and Alisa Liu and Noah A. Smith and
                Daniel Khashabi and Hannaneh Hajishirzi},
            year={2022},
            eprint={2212.10560},
            archivePrefix={arXiv},
            primaryClass={cs.CL}
        }
        ```
    """

    writes_instructions = True

    principles: list[str] = Field(default_factory=list)
    preset: str = "default"
    seed: RuntimeParameter[int] = Field(default=0, description="Seed of the draws.")

    @property
    def inputs(self) -> "StepColumns":
        return ["document_id", "document"]

    def _own_outputs(self) -> list[str]:
        return ["instruction_id", "instruction"]

    def _decoding_kwargs(self) -> dict[str, Any]:
        return decoding_kwargs(self.llm, get_preset(self.preset).bootstrap, "chat")

    def _asks_about(self, row: Row) -> bool:
        return True

    def load(self) -> None:
        """Loads the model and distilabel's template, whose file distilabel does not close itself."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "unclosed file", ResourceWarning)
            super().load()

    def format_input(self, input: Row) -> "ChatType":
        """distilabel's prompt, with a principle below the criteria."""
        criteria = [self.criteria_for_query_generation]
        if self.principles:
            criteria.append(random.Random(f"{self.seed}-{input['document_id']}").choice(self.principles))
        with_principle = self.model_copy(update={"criteria_for_query_generation": "\n".join(criteria)})
        return SelfInstruct.format_input(with_principle, {"input": context_of(input)})

    def process(self, inputs: StepInput) -> "StepOutput":
        """Asks about each document.

        Yields:
            One row a query; those without a query are passed on as they are.
        """
        for rows in super().process(inputs):
            yield [each for row in rows for each in self._one_a_query(row)]

    def _take(self, row: Row, answer: Answer) -> None:
        if answer.completion is None:
            reject(row, STAGE, answer.failure or "no_completion", answer.detail)
            return
        listed = list_instructions(answer.completion, answer.finish_reason, self.preset, of_lines=True)
        row["queries"] = [
            *self._checked(listed.items, row["document"]),
            *((text, answer.cut_reason) for text in listed.truncated),
        ]
        if not row["queries"]:
            reason = "refusal" if declines(plain(answer.completion)) else "no_instructions"
            reject(row, STAGE, answer.cut_reason or reason, excerpt(answer.completion))

    def _checked(self, queries: list[str], document: str) -> Iterator[tuple[str, str | None]]:
        """The queries, each with its reason code; once they repeat themselves, one row stands for the rest."""
        left, end = self.num_instructions, begins_to_repeat(queries)
        for text in queries[:end]:
            reason = check_instruction(text, self.preset, keywords=False) or check_wording(
                text, self.preset, self._frame, is_no_request=_asks_nothing
            )
            if reason is None and "?" not in text and copies(text, document, TOLD):
                reason = "copied_prompt"
            if reason is None:
                reason, left = (None, left - 1) if left else ("over_limit", 0)
            yield text, reason
        yield from ((text, "repetition") for text in queries[end : end + 1])

    @cached_property
    def _frame(self) -> str:
        """The prompt without a document."""
        return str(SelfInstruct.format_input(self, {"input": ""})[0]["content"])

    def _one_a_query(self, row: Row) -> Iterator[Row]:
        queries = row.pop("queries", None)
        if not queries:
            yield row
        for at, (text, reason) in enumerate(queries or []):
            query = row | {"instruction_id": f"{row['document_id']}-{at:02d}", "instruction": text}
            if reason is not None:
                reject(query, STAGE, reason)
            yield query
