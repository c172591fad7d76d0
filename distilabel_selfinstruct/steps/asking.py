"""What all Tasks of the method share: preset, wording, seed tasks, and the way a question is put to the model."""

# distilabel looks for `StepInput` in the signature itself: no postponed evaluation of annotations here.
import random
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from distilabel.mixins.runtime_parameters import RuntimeParameter
from distilabel.steps.base import StepInput
from distilabel.steps.tasks.base import Task
from pydantic import BaseModel, Field, PrivateAttr, field_validator

from distilabel_selfinstruct.data.rows import Answer, Row, answer_of, take_answer
from distilabel_selfinstruct.data.seeds import SeedTask, load_seed_tasks
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.models.durable import DurableLLM
from distilabel_selfinstruct.presets import ROOM, Decoding, Wording, get_preset
from distilabel_selfinstruct.steps.fitting import most_after_refusal, room_for_answer
from distilabel_selfinstruct.steps.prompting import Manner, put_in
from distilabel_selfinstruct.text.conversations import last_exchange
from distilabel_selfinstruct.text.sentences import with_title

if TYPE_CHECKING:
    from distilabel.models.llms.base import LLM
    from distilabel.typing import FormattedInput, GenerateOutput, StepColumns, StepOutput

TOO_LONG = "context_length"
"""The reason code of a prompt that is longer than the model's context."""
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
    if wording == "chat" and decoding.chat_form:
        asked["chat_form"] = decoding.chat_form
    if decoding.end_early:
        asked["end_early"] = True
    return named_for(llm, asked) | (llm.get_generation_kwargs() or {})


def named_for(llm: "LLM", parameters: dict[str, Any]) -> dict[str, Any]:
    """Those of these decoding parameters that this LLM takes, by the names that it has for them."""
    taken = {parameter.name for parameter in llm.generate_parameters}
    named = {name: next((n for n in _NAMES_OF.get(name, (name,)) if n in taken), None) for name in parameters}
    given = {known: parameters[name] for name, known in named.items() if known is not None}
    if given.get("temperature") == 0 and "do_sample" in taken:  # transformers refuses a temperature of 0
        del given["temperature"]
        given["do_sample"] = False
    return given


def cut_at_stop(answer: Answer, decoding: Decoding, wording: Wording, llm: "LLM") -> Answer:
    """The answer up to the first stop sequence, which may be the LLM's own, for models that know none."""
    if wording != "base" or answer.completion is None:
        return answer
    own = llm.generation_kwargs or {}
    given = next((own[name] for name in _NAMES_OF["stop"] if own.get(name)), decoding.stop)
    ends = [at for stop in given if (at := answer.completion.find(stop)) >= 0]
    if not ends:
        return answer
    return replace(answer, completion=answer.completion[: min(ends)], finish_reason="stop")


def answer_room(kwargs: dict[str, Any]) -> int:
    """The most tokens that an answer may have, by the decoding parameters of a question."""
    return next((int(kwargs[name]) for name in _NAMES_OF["max_new_tokens"] if kwargs.get(name)), ROOM)


class Putting(BaseModel):
    """How a Task puts its questions: in a user's own templates, in another language, into the model's context.

    Attributes:
        own_templates: texts that stand for templates of the package, by the names of their files.
        language: the language of what the model writes, in English; None leaves it to the prompt.
        system_message: stands before every chat.
    """

    own_templates: dict[str, str] = Field(default_factory=dict)
    language: str | None = None
    system_message: str | None = None

    takes_system_message: ClassVar[bool] = True
    """Whether its questions are chats."""

    language_sentence: ClassVar[str | None] = (
        "Write in {language}; only the words that mark the parts of an answer, such as Input and Output, stay as they"
        " are."
    )
    """Stands before a question where a language is asked for; None where an answer is no text to keep."""

    def sampling(self) -> dict[str, Any]:
        """The decoding parameters of its questions, as the model is sent them; for a Task that is not loaded."""
        task: Any = self
        if hasattr(task, "load_preset"):
            task.load_preset()
        kwargs: dict[str, Any] = task._decoding_kwargs()
        return kwargs

    def put(self, make: "Callable[[], FormattedInput]", kwargs: dict[str, Any], most: int | None = None) -> Any:
        """The prompt that `make` makes, as it is sent.

        Args:
            make: makes it.
            kwargs: the decoding parameters, which say how long the answer may be.
            most: tokens that the prompt may have; by default as many as fit into the model's context beside an answer.
        """
        sentence = self.language_sentence if self.language else None
        spoken = sentence and sentence.format(language=self.language)
        manner = Manner(self.own_templates, spoken, most, system=self.system_message)
        if most is None and (window := self.window) is not None:
            manner.most, manner.count = window - room_for_answer(window, answer_room(kwargs)), self.count_tokens
        with put_in(manner):
            prompt = make()
        return manner.spoken(prompt)

    def put_shorter(
        self, make: "Callable[[], FormattedInput]", kwargs: dict[str, Any], refused: Any, detail: str | None
    ) -> Any | None:
        """The prompt with less to show, where the model has refused it for its length; None if there is none."""
        most = most_after_refusal(refused, detail or "", answer_room(kwargs))
        shorter = self.put(make, kwargs, most)
        return shorter if shorter != refused else None

    def count_tokens(self, text: str) -> int | None:
        """How many tokens the model makes of a text; None where it does not say."""
        llm: Any = getattr(self, "llm", None)
        return llm.count_tokens(text) if isinstance(llm, DurableLLM) else None

    @property
    def window(self) -> int | None:
        """Tokens that the model's context holds, prompt and answer together, if that is known."""
        llm: Any = getattr(self, "llm", None)
        return llm.window if isinstance(llm, DurableLLM) else None


class AskingByPreset(Putting):
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


class MarkingTask(Task, Putting):
    """A Task that asks about some rows and passes the others on untouched; it never adds or drops a row.

    A subclass may take a task of distilabel as its second base: its prompt and its way to read answers are then used,
    and what fails is marked in the row with a reason code instead of becoming None.
    """

    add_raw_input: RuntimeParameter[bool] = False
    add_raw_output: RuntimeParameter[bool] = False

    # `process` puts one question a row and keeps no state, so several batches may be under way at once.
    concurrent_batches: ClassVar[bool] = True
    writes_instructions: ClassVar[bool] = False
    """Whether the instruction of a row is its answer; else that of the model which the row came with."""

    @property
    def outputs(self) -> "StepColumns":
        return [
            *self._own_outputs(),
            "stage",
            "reject_reason",
            "detail",
            "finish_reason",
            "input_tokens",
            "output_tokens",
            "reasoning",
            "model_name",
        ]

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
        row["model_name"] = answer.model or self.llm.model_name
        if self.writes_instructions:
            row["instruction_model"] = row["model_name"]
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
        rows = [columns | {"instruction_model": row.get("model_name")} | row for row in inputs]
        asked = [row for row in rows if row["reject_reason"] is None and self._asks_about(row)]
        if asked:
            for row, output in zip(asked, self._outputs_about(asked)):
                self._take_output(row, output)
        yield rows

    def _outputs_about(self, rows: list[Row]) -> "list[GenerateOutput]":
        """What the model gives to the question about each row."""
        makes = [partial(self._question, row) for row in rows]
        return self._outputs(makes, self._decoding_kwargs(), int(self.num_generations or 1))

    def _outputs(
        self, makes: "Sequence[Callable[[], FormattedInput]]", kwargs: dict[str, Any], samples: int = 1
    ) -> "list[GenerateOutput]":
        """What the model gives to each question that is made; one that is too long for it is asked for once more."""
        prompts = [self.put(make, kwargs) for make in makes]
        outputs = self.llm.generate_outputs(inputs=prompts, num_generations=samples, **kwargs)
        refused = list(range(len(makes)))
        while refused := [at for at in refused if answer_of(outputs[at]).failure == TOO_LONG]:
            shorter = {
                at: self.put_shorter(makes[at], kwargs, prompts[at], answer_of(outputs[at]).detail) for at in refused
            }
            refused = [at for at in refused if shorter[at] is not None]
            if not refused:
                break
            again = [shorter[at] for at in refused]
            for at, output in zip(refused, self.llm.generate_outputs(inputs=again, num_generations=samples, **kwargs)):
                prompts[at], outputs[at] = shorter[at], output
        return outputs


class InstanceTask(MarkingTask):
    """A Task that asks about whole instances: model, tokens and end of the completion stay those of the instance."""

    @property
    def inputs(self) -> "StepColumns":
        return ["instruction", "output"]

    @property
    def outputs(self) -> "StepColumns":
        return [*self._own_outputs(), "stage", "reject_reason", "detail"]

    def _asks_about(self, row: Row) -> bool:
        return True

    @staticmethod
    def _parts(row: Row) -> dict[str, str]:
        """What a question shows of an instance; of a conversation its last answer, below all that was said before."""
        instruction, given, output = last_exchange(row)
        document = with_title(row.get("document"), row.get("title"))
        return {"instruction": instruction, "input": given, "output": output, "document": document}


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
        return cut_at_stop(answer, self._decoding(), self.wording, self.llm)
