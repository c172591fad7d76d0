"""LoadInstructions and LoadSeedTasks: rows that are there already, as recipes start from them."""

# distilabel reads signatures at run time: no postponed evaluation of annotations here.
from typing import TYPE_CHECKING, Any

from distilabel.steps.base import GeneratorStep
from pydantic import Field, PrivateAttr

from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.seeds import load_seed_tasks, seed_row
from distilabel_selfinstruct.sources import read_source, text_of
from distilabel_selfinstruct.steps.rows import Row, task_row

if TYPE_CHECKING:
    from distilabel.steps.base import GeneratorStepOutput
    from distilabel.typing import StepColumns


def read_instructions(
    source: str, config: str | None = None, split: str = "train", max_instructions: int | None = None
) -> list[str]:
    """The instructions of a source, each once, in their order; an input stands below its instruction.

    Columns are `instruction` with an optional `input`, or `prompt`, or `messages`, of which the first of the user
    counts.

    Raises:
        ConfigError: if there are none.
    """
    rows = read_source(source, config, split)
    texts = dict.fromkeys(_instruction(row, f"{source}, row {number}") for number, row in enumerate(rows, 1))
    if not texts:
        raise ConfigError(f"{source}: there are no instructions in it.")
    return list(texts)[:max_instructions]


def _instruction(row: Row, where: str) -> str:
    if row.get("messages"):
        messages: list[dict[str, Any]] = row["messages"]
        asked = [message for message in messages if message.get("role") == "user"]
        return text_of(asked[0] if asked else {}, "content", f"{where}, messages")
    if "instruction" not in row and "prompt" in row:
        return text_of(row, "prompt", where)
    instruction, given = text_of(row, "instruction", where), row.get("input")
    if isinstance(instances := row.get("instances"), list) and instances:  # a seed task's, of which the first counts
        given = instances[0].get("input")
    return f"{instruction}\n\n{given.strip()}" if isinstance(given, str) and given.strip() else instruction


class LoadRows(GeneratorStep):
    """Yields the rows that `load` has read."""

    _rows: list[Row] = PrivateAttr(default_factory=list)

    def process(self, offset: int = 0) -> "GeneratorStepOutput":
        """Yields all rows.

        Yields:
            Rows, and whether they are the last.
        """
        size = self.batch_size or len(self._rows)
        for start in range(offset, len(self._rows), size):
            yield self._rows[start : start + size], start + size >= len(self._rows)


class LoadInstructions(LoadRows):
    """Yields the instructions of a run, a file, a saved dataset, or a dataset of the Hub, each once.

    Attributes:
        source: a run folder, a folder that `save_to_disk` wrote, a file (`.jsonl`, `.json`, `.csv`), or the name of a
            dataset on the Hub. Its columns are `instruction` with an optional `input`, or `prompt`, or `messages`.
        config: of the dataset; of a run its `instances` by default.
        split: of the dataset.
        max_instructions: how many are wanted at most.

    Output columns:
        - instruction_id (`str`): names the instruction: its number in the source.
        - instruction (`str`): the instruction; an input stands below it.
        - round (`int`): None.
        - shot_ids (`list[str]`): none.
        - most_similar (`list[dict]`): none.
        - max_similarity (`float`): None.
        - mean_similarity (`float`): None.
        - neighbour_id (`str`): None.
        - neighbour (`str`): None.
        - stage (`str`): None.
        - reject_reason (`str`): None.
        - detail (`str`): None.
        - finish_reason (`str`): None.
        - input_tokens (`int`): 0.
        - output_tokens (`int`): 0.
        - model_name (`str`): None.
        - is_classification (`bool`): None.
        - instance_id (`str`): None.
        - input (`str`): None.
        - output (`str`): None.

    Categories:
        - load

    Examples:
        Read a seed file as a dataset of instructions:

        ```python
        from distilabel_selfinstruct import LoadInstructions

        load = LoadInstructions(source="seeds/seed_tasks.jsonl")
        load.load()
        rows, is_last = next(load.process())
        ```
    """

    source: str = ""
    config: str | None = None
    split: str = "train"
    max_instructions: int | None = Field(default=None, gt=0)

    @property
    def outputs(self) -> "StepColumns":
        return list(task_row())

    def load(self) -> None:
        """Reads the source.

        Raises:
            ConfigError: if it cannot be used.
        """
        super().load()
        texts = read_instructions(self.source, self.config, self.split, self.max_instructions)
        self._rows = [task_row(instruction_id=f"{number:06d}", instruction=text) for number, text in enumerate(texts)]


class LoadSeedTasks(LoadRows):
    """Yields the seed tasks of seed files as rows.

    Attributes:
        seed_files: the files, in the authors' schema.

    Output columns:
        - id (`str`): names the seed task.
        - name (`str`): its short name.
        - instruction (`str`): the instruction.
        - instances (`list[dict]`): `input` and `output` of each instance.
        - is_classification (`bool`): whether it is a classification task.

    Categories:
        - load

    Examples:
        Read a seed file:

        ```python
        from distilabel_selfinstruct import LoadSeedTasks

        seeds = LoadSeedTasks(seed_files=["seeds/seed_tasks.jsonl"])
        seeds.load()
        rows, is_last = next(seeds.process())
        ```
    """

    seed_files: list[str] = Field(default_factory=list)

    @property
    def outputs(self) -> "StepColumns":
        return ["id", "name", "instruction", "instances", "is_classification"]

    def load(self) -> None:
        """Reads the files.

        Raises:
            SeedFileError: if one cannot be used.
        """
        super().load()
        self._rows = [seed_row(task) for task in load_seed_tasks(*self.seed_files)]
