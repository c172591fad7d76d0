"""FormatForTraining: accepted instances in the format a trainer takes (paper, section 2.3)."""

# distilabel looks for `StepInput` in the signature itself: no postponed evaluation of annotations here.
import hashlib
import random
import re
from collections.abc import Callable, Iterable
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING, ClassVar

from distilabel.mixins.runtime_parameters import RuntimeParameter
from distilabel.steps.base import Step, StepInput
from pydantic import Field, PrivateAttr

from distilabel_selfinstruct.data.columns import REASONING_COLUMN, TrainingFormat
from distilabel_selfinstruct.data.rows import Row
from distilabel_selfinstruct.data.seeds import load_seed_tasks
from distilabel_selfinstruct.text.conversations import exchanges

if TYPE_CHECKING:
    from distilabel.typing import StepColumns, StepOutput


# encode_instance of the authors' prepare_for_finetuning.py: one of these is drawn for each instance.
_WITH_INPUT = (
    "{instruction}\nInput: {input}\nOutput:",
    "{instruction}\n\nInput: {input}\n\nOutput:",
    "Task: {instruction}\nInput: {input}\nOutput:",
    "{instruction}\n\n{input}\n\nOutput:",
    "{instruction}\n\n{input}\n",
    "{instruction}\n{input}\n",
    "Task: {instruction}\n\n{input}\n",
)
_WITHOUT_INPUT = (
    "{instruction} Output:",
    "{instruction}\nOutput:",
    "{instruction}\n\nOutput:",
    "{instruction}\n",
    "{instruction}\n\n",
    "Task: {instruction}\n\n",
)
_END = "<|endoftext|>"
ROW_NAMES = ("instance_id", "instruction_id")
"""What says where a row comes from."""
_FIELD_NAME = re.compile(r"^\w+:\s*", re.MULTILINE)


def as_messages(instruction: str, given: str, output: str, choice: random.Random) -> Row:
    """A chat of one question, with the input below the instruction, and one answer."""
    question = f"{instruction}\n\n{given}" if given else instruction
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": output}]}


def as_alpaca(instruction: str, given: str, output: str, choice: random.Random) -> Row:
    """Alpaca's three fields."""
    return {"instruction": instruction, "input": given, "output": output}


def as_prompt_completion(instruction: str, given: str, output: str, choice: random.Random) -> Row:
    """The authors' pairs: one of several templates; half of the time the input loses its one field name."""
    if choice.random() < 0.5:
        names = set(_FIELD_NAME.findall(given))
        if len(names) == 1:
            given = given.replace(names.pop(), "").strip()
        given = given.replace("\n\n", "\n")
    template = choice.choice(_WITH_INPUT if given else _WITHOUT_INPUT)
    return {"prompt": template.format(instruction=instruction, input=given), "completion": f" {output}{_END}"}


_FORMATS: dict[TrainingFormat, tuple[Callable[[str, str, str, random.Random], Row], list[str]]] = {
    "messages": (as_messages, ["messages"]),
    "alpaca": (as_alpaca, ["instruction", "input", "output"]),
    "prompt_completion": (as_prompt_completion, ["prompt", "completion"]),
}


class FormatForTraining(Step):
    """Selects the accepted instances and writes each in a training format, each text once.

    A conversation (`messages`) is one chat; in the other formats each of its answers is a row, below what was said
    before.

    Attributes:
        training_format: `messages` (a chat), `alpaca` (instruction, input, output) or `prompt_completion` (the
            authors' templates, drawn at random).
        seed_files: seed files whose own instances are put first, if given.
        flag: a column that says which of the accepted instances count; all of them if None.
        keep_reasoning: whether the answer of a chat has the model's thoughts, as `thinking` (the field that TRL and
            chat templates know), and the question none.
        names_rows: whether each row says in `instance_id` and `instruction_id` where it comes from, for a run that sets
            rows apart.
        seed: seed of the draws.

    Runtime parameters:
        - `seed`: seed of the draws.

    Input columns:
        - instance_id (`str`): names the instance.
        - instruction (`str`): the instruction.
        - input (`str`): the input, which may be empty.
        - output (`str`): the output.
        - reject_reason (`str`): None in an accepted row.
        - messages (`list[dict]`): the conversation that the instance has become. Optional.

    Output columns:
        - messages (`list[dict]`): `role` and `content` of each message, with the format `messages`.
        - instruction (`str`): the instruction, with the format `alpaca`.
        - input (`str`): the input, with the format `alpaca`.
        - output (`str`): the output, with the format `alpaca`.
        - prompt (`str`): the prompt, with the format `prompt_completion`.
        - completion (`str`): the completion, with the format `prompt_completion`.

    Categories:
        - format

    References:
        - [Self-Instruct: Aligning Language Models with Self-Generated Instructions](https://arxiv.org/abs/2212.10560)

    Examples:
        Chats of accepted instances:

        ```python
        from distilabel_selfinstruct import FormatForTraining

        sft = FormatForTraining()
        sft.load()
        rows = next(
            sft.process(
                [
                    {
                        "instance_id": "000000-00-0",
                        "instruction": "Name a prime.",
                        "input": "",
                        "output": "7",
                        "reject_reason": None,
                    }
                ]
            )
        )
        ```
    """

    training_format: TrainingFormat = "messages"
    seed_files: list[str] = Field(default_factory=list)
    flag: str | None = None
    keep_reasoning: bool = False
    names_rows: bool = False
    seed: RuntimeParameter[int] = Field(default=0, description="Seed of the draws.")

    keeps_state: ClassVar[bool] = True
    is_trained_on: ClassVar[bool] = True

    _seen: set[bytes] = PrivateAttr(default_factory=set)  # digests of what was written
    _seeds: list[Row] = PrivateAttr(default_factory=list)

    @property
    def inputs(self) -> "StepColumns":
        return ["instance_id", "instruction", "input", "output", "reject_reason"]

    @property
    def outputs(self) -> "StepColumns":
        return _FORMATS[self.training_format][1]

    def load(self) -> None:
        """Reads the seed files, if any.

        Raises:
            SeedFileError: if one cannot be used.
        """
        super().load()
        if self.seed_files:
            self._seeds = [
                {
                    "instance_id": f"{task.id}-{at}",
                    "instruction": task.instruction,
                    "input": instance.input,
                    "output": instance.output,
                    "reject_reason": None,
                }
                for task in load_seed_tasks(*self.seed_files)
                for at, instance in enumerate(task.instances)
            ]

    def process(self, inputs: StepInput) -> "StepOutput":
        """Formats the accepted instances.

        Yields:
            One row an instance that was not there before.
        """
        seeds, self._seeds = self._seeds, []
        yield list(self._formatted([*seeds, *inputs]))

    def _formatted(self, rows: Iterable[Row]) -> Iterable[Row]:
        write, _ = _FORMATS[self.training_format]
        for row in rows:
            if row["reject_reason"] is not None or (self.flag is not None and not row[self.flag]):
                continue
            choice = random.Random(f"{self.seed}-{row['instance_id']}")
            if self.training_format == "messages" and row.get("messages"):
                written = [{"messages": row["messages"]}]
            else:
                written = [write(*texts, choice) for texts in exchanges(row)]
            for formatted in map(partial(self._with_thoughts, row), written):
                text = repr(formatted).encode()
                if (digest := hashlib.blake2b(text, digest_size=16).digest()) not in self._seen:
                    self._seen.add(digest)
                    names = {name: row.get(name) for name in ROW_NAMES} if self.names_rows else {}
                    yield formatted | names

    def _with_thoughts(self, row: Row, formatted: Row) -> Row:
        """With what the model thought before the first answer of a chat, if that is kept."""
        if not (self.keep_reasoning and "messages" in formatted):
            return formatted
        thoughts = [None, row.get(REASONING_COLUMN)]
        chat = zip_longest(formatted["messages"], thoughts)
        return {"messages": [message | {"thinking": thought} for message, thought in chat]}
