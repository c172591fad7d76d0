"""KeepClear: what an evaluation set has already is rejected, in any pipeline."""

# distilabel looks for `StepInput` in the signature itself: no postponed evaluation of annotations here.
from collections.abc import Sequence
from typing import TYPE_CHECKING

from distilabel.mixins.runtime_parameters import RuntimeParameter
from distilabel.steps.base import Step, StepInput
from pydantic import Field, PrivateAttr

from distilabel_selfinstruct.data.evaluation_sets import read_evaluation_texts
from distilabel_selfinstruct.data.reasons import CLEAR_STAGE
from distilabel_selfinstruct.data.rows import Row, reject
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.text.contamination import ROUGE_L, ContaminationIndex

if TYPE_CHECKING:
    from distilabel.typing import StepColumns, StepOutput


class KeepClear(Step):
    """Rejects each row whose texts an evaluation set has already.

    A row is not clear when one of its texts shares 13 words in a row with an evaluation text, when shared runs of 8
    words cover more than half of one (both `ngram_overlap`), or when its ROUGE-L F with one is above the threshold
    (`similar_to_evaluation`). Words are those of any script, in lower case. The evaluation text, the score and the rule
    are kept in the row. Rows that have a `reject_reason` are passed on untouched, and no row is dropped.

    Attributes:
        sources: evaluation sets: files, folders, or datasets of the Hub, `NAMESPACE/NAME[:CONFIG[:SPLIT]]`.
        texts: evaluation texts, besides.
        columns: the columns with the texts; with several each is looked at, and all of them as one text.
        threshold: the ROUGE-L F above which a text is too similar.
        stage: the name of the stage in which rows are rejected.

    Runtime parameters:
        - `threshold`: the ROUGE-L F above which a text is too similar.

    Input columns:
        - dynamic (determined by `columns` attribute): texts (`str`), or None.
        - reject_reason (`str`): rows that have one are passed on untouched. Optional.

    Output columns:
        - stage (`str`): the stage that rejected the row, or None.
        - reject_reason (`str`): the reason code, or None.
        - detail (`str`): the rule.
        - neighbour (`str`): the evaluation text.
        - max_similarity (`float`): how much of it is covered by shared runs of words, or the ROUGE-L F.

    Categories:
        - filtering

    References:
        - [Language Models are Few-Shot Learners](https://arxiv.org/abs/2005.14165)
        - [Tulu 3: Pushing Frontiers in Open Language Model Post-Training](https://arxiv.org/abs/2411.15124)

    Examples:
        Reject what GSM8K's test questions have already:

        ```python
        from distilabel_selfinstruct import KeepClear

        clear = KeepClear(texts=["How many apples has Ada left, if she had twelve and gave five of them to Ben?"])
        clear.load()
        rows = next(
            clear.process([{"instruction": "How many apples has Eva left, if she had twelve and gave five to Ben?"}])
        )
        # rows[0]["reject_reason"] == "similar_to_evaluation"
        ```
    """

    sources: list[str] = Field(default_factory=list)
    texts: list[str] = Field(default_factory=list)
    columns: list[str] = Field(default_factory=lambda: ["instruction"])
    threshold: RuntimeParameter[float] = Field(
        default=ROUGE_L, description="The ROUGE-L F above which a text is too similar."
    )
    stage: str = CLEAR_STAGE.name

    _index: ContaminationIndex = PrivateAttr()

    @property
    def inputs(self) -> "StepColumns":
        return self.columns

    @property
    def outputs(self) -> "StepColumns":
        return ["stage", "reject_reason", "detail", "neighbour", "max_similarity"]

    def load(self) -> None:
        """Reads the evaluation sets.

        Raises:
            ConfigError: for what cannot be used, before the first row.
        """
        super().load()
        if not 0 <= self.threshold <= 1:
            raise ConfigError(f"KeepClear: threshold must be from 0 to 1, got {self.threshold!r}")
        self._index = ContaminationIndex([*self.texts, *read_evaluation_texts(self.sources)], self.threshold)

    def process(self, inputs: StepInput) -> "StepOutput":
        """Marks the rows.

        Yields:
            The rows, in their order.
        """
        rows: list[Row] = [dict.fromkeys(self.outputs) | row for row in inputs]
        reject_overlaps(rows, self._index, self.columns, self.stage)
        yield rows


def reject_overlaps(rows: Sequence[Row], index: ContaminationIndex, columns: Sequence[str], stage: str) -> None:
    """Rejects rows whose texts an evaluation set has: those of each column, and of all of them as one."""
    asked = [(row, text) for row in rows if row["reject_reason"] is None for text in _texts_of(row, columns)]
    for (row, _), overlap in zip(asked, index.overlaps([text for _, text in asked])):
        if overlap is not None and row["reject_reason"] is None:
            row.update(neighbour=index.texts[overlap.position], max_similarity=overlap.score)
            reject(row, stage, overlap.reason, overlap.detail)


def _texts_of(row: Row, columns: Sequence[str]) -> list[str]:
    texts = [row[column] for column in columns if row.get(column)]
    return texts if len(texts) < 2 else [*texts, "\n\n".join(texts)]
