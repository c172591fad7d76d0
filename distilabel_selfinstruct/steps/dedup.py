"""RougeDedup: the ROUGE-L filter of Self-Instruct as a step of its own, for any pipeline."""

# distilabel looks for `StepInput` in the signature itself: no postponed evaluation of annotations here.
import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from distilabel.mixins.runtime_parameters import RuntimeParameter
from distilabel.steps.base import Step, StepInput
from pydantic import Field, PrivateAttr

from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.steps.rows import reject
from distilabel_selfinstruct.text.rouge import RougeLIndex, TokenizerName

if TYPE_CHECKING:
    from distilabel.typing import StepColumns, StepOutput


STAGE = "dedup"


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
        reference_file: a file with texts to stay clear of: JSON lines or CSV with a column, or a text a line (`.txt`).
        reference_dataset: a dataset with texts to stay clear of, such as an evaluation set: its name on the Hub, or the
            folder it was saved to.
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
        if self.resources.replicas not in (None, 1):
            raise ConfigError(
                f"RougeDedup compares each row with all before it and cannot run as {self.resources.replicas} "
                "replicas; leave `resources.replicas` at 1."
            )
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
        column = self.reference_column or self.column
        texts = list(self.references or [])
        if self.reference_file is not None:
            texts += _read_file(Path(self.reference_file), column)
        if self.reference_dataset is not None:
            texts += _read_dataset(self.reference_dataset, self.reference_config, self.reference_split, column)
        return texts


def _read_file(path: Path, column: str) -> list[str]:
    readers = {".jsonl": _read_json_lines, ".csv": _read_csv, ".txt": _read_lines}
    if path.suffix.lower() not in readers:
        raise ConfigError(f"reference_file {path}: its name must end in {', '.join(readers)}.")
    try:
        return list(readers[path.suffix.lower()](path, column))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"reference_file {path} cannot be read: {error}") from None


def _read_json_lines(path: Path, column: str) -> Iterator[str]:
    with path.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                try:
                    row = json.loads(line)
                except json.JSONDecodeError as error:
                    raise ConfigError(f"reference_file {path}, line {number}: not a JSON object: {error}") from None
                if not isinstance(row, dict) or column not in row:
                    raise ConfigError(f"reference_file {path}, line {number}: no field {column!r}; {_HOW_TO_NAME_IT}")
                yield from _text(row[column], f"reference_file {path}, line {number}, field {column!r}")


def _read_csv(path: Path, column: str) -> Iterator[str]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        rows = csv.DictReader(lines)
        if column not in (rows.fieldnames or ()):
            raise ConfigError(f"reference_file {path}: no column {column!r} in its first line; {_HOW_TO_NAME_IT}")
        for row in rows:
            yield from _text(row[column], f"reference_file {path}, line {rows.line_num}, column {column!r}")


def _read_lines(path: Path, column: str) -> Iterator[str]:
    with path.open(encoding="utf-8-sig") as lines:
        yield from (line.strip() for line in lines if line.strip())


def _read_dataset(name: str, config: str | None, split: str, column: str) -> list[str]:
    from datasets import Dataset, load_dataset, load_from_disk

    folder = Path(name, config or "")
    try:
        if (folder / "dataset_dict.json").exists() or (folder / "state.json").exists():
            saved = load_from_disk(str(folder))
            dataset = saved if isinstance(saved, Dataset) else saved[split]
        else:
            dataset = load_dataset(name, config, split=split)
    except Exception as error:  # whatever the Hub, the network or the file format brings
        raise ConfigError(f"reference_dataset {name!r} cannot be read: {type(error).__name__}: {error}") from None
    if column not in dataset.column_names:
        raise ConfigError(f"reference_dataset {name!r}: no column {column!r}; {_HOW_TO_NAME_IT}")
    where = f"reference_dataset {name!r}, column {column!r}"
    return [text for value in dataset[column] for text in _text(value, where)]


_HOW_TO_NAME_IT = "name the column with the texts in `reference_column`."


def _text(value: Any, where: str) -> Iterator[str]:
    """The value, unless it is None; a reference that is no text is a mistake."""
    if isinstance(value, str):
        yield value
    elif value is not None:
        raise ConfigError(f"{where}: expected a text, found {type(value).__name__}.")
