"""RougeDedup: the ROUGE-L filter of Self-Instruct as a step of its own, for any pipeline."""

# distilabel looks for `StepInput` in the signature itself: no postponed evaluation of annotations here.
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from distilabel.mixins.runtime_parameters import RuntimeParameter
from distilabel.steps.base import Step, StepInput
from pydantic import Field, PrivateAttr

from distilabel_selfinstruct.data.rows import reject
from distilabel_selfinstruct.data.sources import read_lines, read_source, text_of
from distilabel_selfinstruct.data.streams import ending_of
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.text.rouge import RougeLIndex, TokenizerName

if TYPE_CHECKING:
    from distilabel.typing import StepColumns, StepOutput


STAGE = "dedup"


def check_alone(step: Step) -> None:
    """Raises ConfigError where a step that compares each row with all before it is to be several workers."""
    if step.resources.replicas not in (None, 1):
        raise ConfigError(
            f"{type(step).__name__} compares each row with all before it and cannot run as {step.resources.replicas}"
            " replicas; leave `resources.replicas` at 1."
        )


class RougeDedup(Step):
    """Marks each row whose text is too similar to a reference text or to the text of an earlier row.

    A text is a duplicate when its ROUGE-L F score with one of them is above the threshold, exactly as `rouge_score`
    computes it. Texts that are not duplicates join those that later rows are compared with, in the order of the rows;
    rows whose text is None are passed on, and so are rows with a `reject_reason`. Where that column is there and is
    None, a duplicate is rejected in it as `similar`, with the text it is too similar to. No row is dropped.

    Every row is compared with all before it, so the step cannot have replicas.

    Attributes:
        column: the column with the text.
        threshold: the score above which a text is a duplicate.
        tokenizer: `unicode`, with words of any script, or `rouge`, rouge_score's own: ASCII letters and digits only, so
            that texts of other scripts are never duplicates.
        references: texts to stay clear of.
        reference_file: a file with texts to stay clear of: one of rows with a column, see `data.sources.read_source`,
            or a text a line (`.txt`).
        reference_dataset: a dataset with texts to stay clear of, such as an evaluation set: `NAMESPACE/NAME` on the
            Hub, a run folder, or a folder with a saved dataset or data files.
        reference_config: its config.
        reference_split: its split.
        reference_column: the column of the file or dataset; the same as `column` if not given.

    Runtime parameters:
        - `threshold`: the score above which a text is a duplicate.

    Input columns:
        - dynamic (determined by `column` attribute): the text (`str`), or None.
        - reject_reason (`str`): rows that have one are passed on untouched. Optional.

    Output columns:
        - is_duplicate (`bool`): whether the text is a duplicate.
        - duplicate_of (`str`): the most similar of the texts it was compared with, or None if it is no duplicate.
        - duplicate_score (`float`): the ROUGE-L F score of the two, or None.

    Categories:
        - filtering

    References:
        - [Self-Instruct: Aligning Language Models with Self-Generated Instructions](https://arxiv.org/abs/2212.10560)

    Examples:
        Mark what distilabel's own `SelfInstruct` writes twice, and what an evaluation set has already:

        ```python
        from distilabel.models import OpenAILLM
        from distilabel.pipeline import Pipeline
        from distilabel.steps import ExpandColumns, LoadDataFromHub
        from distilabel.steps.tasks import SelfInstruct

        from distilabel_selfinstruct import RougeDedup

        with Pipeline() as pipeline:
            documents = LoadDataFromHub(repo_id="me/documents", output_mappings={"text": "input"})
            self_instruct = SelfInstruct(llm=OpenAILLM(model="gpt-4o-mini"), num_instructions=10)
            one_a_row = ExpandColumns(columns={"instructions": "instruction"})
            dedup = RougeDedup(reference_dataset="me/evaluation", reference_split="test")
            documents >> self_instruct >> one_a_row >> dedup

        if __name__ == "__main__":
            rows = pipeline.run()["default"]["train"].filter(lambda row: not row["is_duplicate"])
        ```

        Mark the second of two rows:

        ```python
        from distilabel_selfinstruct import RougeDedup

        dedup = RougeDedup(column="text")
        dedup.load()
        rows = next(
            dedup.process([{"text": "Write a poem about the sea."}, {"text": "Write a short poem about the sea."}])
        )
        # [{'text': 'Write a poem about the sea.', 'is_duplicate': False,
        #   'duplicate_of': None, 'duplicate_score': None},
        #  {'text': 'Write a short poem about the sea.', 'is_duplicate': True,
        #   'duplicate_of': 'Write a poem about the sea.', 'duplicate_score': 0.923076923076923}]
        ```

    Citations:
        ```
        @inproceedings{wang-etal-2023-self-instruct,
            title = "Self-Instruct: Aligning Language Models with Self-Generated Instructions",
            author = "Wang, Yizhong and Kordi, Yeganeh and Mishra, Swaroop and Liu, Alisa and Smith, Noah A. and
                Khashabi, Daniel and Hajishirzi, Hannaneh",
            booktitle = "Proceedings of the 61st Annual Meeting of the Association for Computational Linguistics",
            year = "2023",
            url = "https://arxiv.org/abs/2212.10560",
        }
        ```
    """

    column: str = "instruction"
    threshold: RuntimeParameter[float] = Field(
        default=0.7, description="The ROUGE-L F score above which a text is a duplicate."
    )
    tokenizer: TokenizerName = "unicode"
    references: list[str] | None = None
    reference_file: str | None = None
    reference_dataset: str | None = None
    reference_config: str | None = None
    reference_split: str = "train"
    reference_column: str | None = None

    keeps_state: ClassVar[bool] = True

    _index: RougeLIndex = PrivateAttr()

    @property
    def inputs(self) -> "StepColumns":
        return [self.column]

    @property
    def outputs(self) -> "StepColumns":
        return ["is_duplicate", "duplicate_of", "duplicate_score"]

    def load(self) -> None:
        """Reads the reference texts.

        Raises:
            ConfigError: for what cannot be used, before the first row.
        """
        super().load()
        check_alone(self)
        try:
            self._index = RougeLIndex(self.threshold, self.tokenizer)
        except ValueError as error:
            raise ConfigError(f"RougeDedup: {error}") from None
        self._index.load(self._reference_texts())

    def process(self, inputs: StepInput) -> "StepOutput":
        """Marks the rows.

        Yields:
            The rows, in their order.
        """
        rows = [{**row, "is_duplicate": False, "duplicate_of": None, "duplicate_score": None} for row in inputs]
        with_text = [row for row in rows if row[self.column] is not None and row.get("reject_reason") is None]
        for row in with_text:
            if not isinstance(row[self.column], str):
                raise ConfigError(
                    f"RougeDedup needs a text in column {self.column!r}, found {type(row[self.column]).__name__}; "
                    "put ExpandColumns before it to make one row of each text of a list."
                )
        for row, match in zip(with_text, self._index.admit_batch([row[self.column] for row in with_text])):
            if match is not None:
                row["is_duplicate"] = True
                row["duplicate_of"] = self._index.texts[match.position]
                row["duplicate_score"] = match.score
                if "reject_reason" in row:
                    row.update(neighbour=row["duplicate_of"], max_similarity=match.score)
                    reject(row, STAGE, "similar")
        yield rows

    def _reference_texts(self) -> list[str]:
        texts = list(self.references or [])
        if self.reference_file is not None:
            texts += self._texts_of("reference_file", self.reference_file)
        if self.reference_dataset is not None:
            texts += self._texts_of("reference_dataset", self.reference_dataset)
        return texts

    def _texts_of(self, attribute: str, source: str) -> list[str]:
        column = self.reference_column or self.column
        try:
            if ending_of(Path(source)) == ".txt":
                return read_lines(Path(source))
            rows = read_source(source, self.reference_config, self.reference_split, columns=[column])
            if rows and column not in rows[0]:
                there = ", ".join(map(str, rows[0]))
                raise ConfigError(
                    f"{source}: there is no column {column!r}; name the one with the texts in `reference_column`:"
                    f" {there}."
                )
            texts = (text_of(row, column, f"{source}, row {number}") for number, row in enumerate(rows, 1))
            return [text for text in texts if text]
        except ConfigError as error:
            raise ConfigError(f"RougeDedup: {attribute}: {error}") from None
