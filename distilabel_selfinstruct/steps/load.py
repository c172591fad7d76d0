"""LoadInstructions and LoadSeedTasks: rows that are there already, as recipes start from them."""

# distilabel reads signatures at run time: no postponed evaluation of annotations here.
import logging
from typing import TYPE_CHECKING

from distilabel.steps.base import GeneratorStep
from pydantic import Field, PrivateAttr

from distilabel_selfinstruct.data.evaluation_sets import read_evaluation_texts
from distilabel_selfinstruct.data.instructions import read_instructions
from distilabel_selfinstruct.data.reasons import CLEAR_STAGE
from distilabel_selfinstruct.data.rows import Row, reject, task_row
from distilabel_selfinstruct.data.seeds import load_seed_tasks, seed_row
from distilabel_selfinstruct.steps.clear import reject_overlaps
from distilabel_selfinstruct.steps.meaning import WithMeaning, reject_same
from distilabel_selfinstruct.text.contamination import ContaminationIndex

if TYPE_CHECKING:
    from distilabel.steps.base import GeneratorStepOutput
    from distilabel.typing import StepColumns


class LoadRows(GeneratorStep):
    """Yields the rows that `load` has read."""

    _rows: list[Row] = PrivateAttr(default_factory=list)

    def tell(self, notes: list[str]) -> None:
        """Says in the log what was not read."""
        for note in notes:
            logging.getLogger(__name__).warning(note)

    def process(self, offset: int = 0) -> "GeneratorStepOutput":
        """Yields all rows.

        Yields:
            Rows, and whether they are the last.
        """
        size = self.batch_size or len(self._rows)
        for start in range(offset, len(self._rows), size):
            yield self._rows[start : start + size], start + size >= len(self._rows)


class LoadInstructions(WithMeaning, LoadRows):
    """Yields the instructions of a run, a file, a saved dataset, or a dataset of the Hub, each once.

    A row without an instruction is a row that is rejected (`empty_instruction`), and comes after the instructions.

    Attributes:
        source: a run folder, a folder that `save_to_disk` wrote, a file (of rows, such as `.jsonl`, `.csv` or
            `.parquet`, or `.txt` with an instruction a line), a folder of them, or the name of a dataset on the Hub.
        instruction_column: the column with the instructions, as texts or messages; by default `messages`,
            `conversations`, `instruction`, `prompt`, `question`, `query` or `problem`, the first of them that a row has
            something in.
        config: of the dataset; of a run its `instances` by default.
        split: of the dataset.
        max_instructions: how many rows are read at most.
        stage: the name of the stage in which rows without an instruction are rejected.
        keep_clear_of: evaluation sets, see `KeepClear`; what they have already is rejected, and comes at the end.
        semantic_threshold: the cosine above which an instruction means the same as an earlier one, and is rejected.
        embedder: what embeds them, see `SemanticDedup`.

    Output columns:
        - instruction_id (`str`): names the instruction: its number among those of the source.
        - instruction (`str`): the instruction with what belongs to it: what the system says above it, an input below
          it; None where there is none.
        - round (`int`): None.
        - shot_ids (`list[str]`): none.
        - most_similar (`list[dict]`): none.
        - max_similarity (`float`): None.
        - mean_similarity (`float`): None.
        - neighbour_id (`str`): None.
        - neighbour (`str`): None.
        - stage (`str`): the stage that rejected the row, or None.
        - reject_reason (`str`): the reason code, or None.
        - detail (`str`): which row of the source has no instruction.
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
    instruction_column: str | None = None
    config: str | None = None
    split: str = "train"
    max_instructions: int | None = Field(default=None, gt=0)
    stage: str = "load"
    keep_clear_of: list[str] = Field(default_factory=list)

    @property
    def outputs(self) -> "StepColumns":
        return list(task_row())

    def load(self) -> None:
        """Reads the source.

        Raises:
            ConfigError: if it cannot be used.
        """
        super().load()
        notes: list[str] = []
        texts, empty = read_instructions(
            self.source, self.config, self.split, self.max_instructions, self.instruction_column, notes
        )
        self.tell(notes)
        self._rows = [
            task_row(instruction_id=f"{number:06d}", instruction=text)
            for number, text in enumerate([*texts, *[None] * len(empty)])
        ]
        # At the end: where an instruction becomes N rows, one row in between would shift all batches of N.
        for row, number in zip(self._rows[len(texts) :], empty):
            reject(row, self.stage, "empty_instruction", f"row {number} of the source")
        if self.keep_clear_of:
            index = ContaminationIndex(read_evaluation_texts(self.keep_clear_of))
            reject_overlaps(self._rows, index, ["instruction"], CLEAR_STAGE.name)
        if (meaning := self.meaning()) is not None:
            reject_same([row for row in self._rows if row["reject_reason"] is None], meaning, "instruction")
            meaning.unload()
        self._rows.sort(key=lambda row: row["reject_reason"] is not None)


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
