"""What all Tasks of the method share: preset, wording, seed tasks, and the way a question is put to the model."""

# distilabel looks for `StepInput` in the signature itself: no postponed evaluation of annotations here.
import random
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from distilabel.mixins.runtime_parameters import RuntimeParameter
from distilabel.steps.base import StepInput
from distilabel.steps.tasks.base import Task
from pydantic import BaseModel, Field, PrivateAttr, field_validator

from distilabel_selfinstruct.data.rows import Answer, Row, answer_of, take_answer
from distilabel_selfinstruct.data.seeds import SeedTask, load_seed_tasks
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.presets import ROOM, Decoding, Wording, get_preset

if TYPE_CHECKING:
    from distilabel.models.llms.base import LLM
    from distilabel.typing import FormattedInput, GenerateOutput, StepColumns, StepOutput

_NAMES_OF = {  # what LLM classes call a decoding parameter
    "max_new_tokens": ("max_new_tokens", "max_tokens"),
    "stop": ("stop", "stop_sequences", "stop_strings"),
}


def decoding_kwargs(llm: "LLM", decoding: Decoding, wording: Wording) -> dict[str, Any]:
    """The decoding parameters that this LLM takes, overridden by the LLM's own generation kwargs."""
    asked: dict[str, Any] = {
        "temperature": decoding.temperature,
        "top_p": decoding.top_p,
        "frequency_penalty": decoding.frequency_penalty,
        "presence_penalty": decoding.presence_penalty,
        "max_new_tokens": decoding.max_new_tokens if wording == "base" else max(ROOM, decoding.max_new_tokens),
    }
    if wording == "base" and decoding.stop:
        asked["stop"] = list(decoding.stop)
    if wording == "chat" and decoding.chat_stop:
        asked["chat_stop"] = list(decoding.chat_stop)
    return named_for(llm, asked) | (llm.get_generation_kwargs() or {})


def named_for(llm: "LLM", parameters: dict[str, Any]) -> dict[str, Any]:
    """Those of these decoding parameters that this LLM takes, by the names that it has for them."""
    taken = {parameter.name for parameter in llm.generate_parameters}
    named = {name: next((n for n in _NAMES_OF.get(name, (name,)) if n in taken), None) for name in parameters}
    return {known: parameters[name] for name, known in named.items() if known is not None}


def cut_at_stop(answer: Answer, decoding: Decoding, wording: Wording) -> Answer:
    """The answer up to the first stop sequence, for models that know none."""
    if wording != "base" or answer.completion is None:
        return answer
    ends = [at for stop in decoding.stop if (at := answer.completion.find(stop)) >= 0]
    if not ends:
        return answer
    return replace(answer, completion=answer.completion[: min(ends)], finish_reason="stop")


class AskingByPreset(BaseModel):
    """Attributes that all Tasks of the method share."""

    preset: str = "default"
    wording: Wording = "chat"

    _preset: Any = PrivateAttr(None)

    @field_validator("preset")
    @classmethod
    def _preset_exists(cls, name: str) -> str:
        return get_preset(name).name

    def load_preset(self) -> None:
        """Reads the preset."""
        self._preset = get_preset(self.preset)


class Asking(AskingByPreset):
    """Attributes that the Tasks share whose prompts show seed tasks."""

    seed_files: list[str] = Field(default_factory=list)
    seed: RuntimeParameter[int] = Field(default=0, description="Seed of all random draws.")

    _seed_tasks: list[SeedTask] = PrivateAttr(default_factory=list)

    def load_preset(self) -> None:
        """Reads preset and seed files.

        Raises:
            ConfigError: if there is no seed file.
            SeedFileError: if one cannot be used.
        """
        super().load_preset()
        if not self.seed_files:
            raise ConfigError("No seed tasks: give `seed_files`, the path of at least one seed file.")
        self._seed_tasks = load_seed_tasks(*self.seed_files)

    def shots(self, question: str, tasks: Sequence[SeedTask], count: int) -> list[SeedTask]:
        """The seed tasks shown with a question: drawn once, the same for the whole run and in every process."""
        tasks = list(tasks)
        return random.Random(f"{self.seed}-{question}").sample(tasks, min(count, len(tasks)))


class MarkingTask(Task):
    """A Task that asks about some rows and passes the others on untouched; it never adds or drops a row.

    A subclass may take a task of distilabel as its second base: its prompt and its way to read answers are then used,
    and what fails is marked in the row with a reason code instead of becoming None.
    """

    add_raw_input: RuntimeParameter[bool] = False
    add_raw_output: RuntimeParameter[bool] = False

    # `process` puts one question a row and keeps no state, so several batches may be under way at once.
    concurrent_batches: ClassVar[bool] = True

    @property
    def outputs(self) -> "StepColumns":
        return [*self._own_outputs(), "stage", "reject_reason", "detail", "finish_reason", "input_tokens",
                "output_tokens", "reasoning", "model_name"]  # fmt: skip

    @abstractmethod
    def _own_outputs(self) -> list[str]:
        """The columns that an answer fills, beside those of every Task."""

    @abstractmethod
    def _decoding_kwargs(self) -> dict[str, Any]:
        """The decoding parameters of the question."""

    @abstractmethod
    def _asks_about(self, row: Row) -> bool:
        """Whether the model is asked about this row, which no stage before has rejected."""

    @abstractmethod
    def _take(self, row: Row, answer: Answer) -> None:
        """Fills the columns, or rejects the row."""

    def _question(self, row: Row) -> "FormattedInput":
        """What the model is asked about this row."""
        return self.format_input(row)

    def _read(self, answer: Answer) -> Answer:
        """The answer as far as it counts."""
        return answer

    def _take_output(self, row: Row, output: "GenerateOutput") -> None:
        """Fills the row from what the model gave."""
        answer = self._read(answer_of(output))
        row["model_name"] = self.llm.model_name
        take_answer(row, answer)
        self._take(row, answer)

    def format_output(self, output: str | None, input: Row | None = None) -> dict[str, Any]:
        """The columns that a completion gives a row."""
        row = dict.fromkeys(self._own_outputs()) | (input or {})
        self._take(row, Answer(output))
        return row

    def process(self, inputs: StepInput) -> "StepOutput":
        """Asks the model about its own kind of row.

        Yields:
            The same rows, each with all output columns.
        """
        columns = dict.fromkeys([*self._own_outputs(), "stage", "reject_reason", "detail"])
        rows = [columns | row for row in inputs]
        asked = [row for row in rows if row["reject_reason"] is None and self._asks_about(row)]
        if asked:
            outputs: "list[GenerateOutput]" = self.llm.generate_outputs(
                inputs=[self._question(row) for row in asked],
                num_generations=int(self.num_generations or 1),
                **self._decoding_kwargs(),
            )
            for row, output in zip(asked, outputs):
                self._take_output(row, output)
        yield rows


class AskingTask(MarkingTask, Asking):
    """A Task of the method: its prompt shows seed tasks, its limits and decoding parameters are the preset's."""

    def load(self) -> None:
        """Loads the model and the seed tasks."""
        self.load_preset()
        super().load()

    @abstractmethod
    def _decoding(self) -> Decoding:
        """The preset's decoding parameters for this question."""

    def _decoding_kwargs(self) -> dict[str, Any]:
        return decoding_kwargs(self.llm, self._decoding(), self.wording)

    def _read(self, answer: Answer) -> Answer:
        return cut_at_stop(answer, self._decoding(), self.wording)
