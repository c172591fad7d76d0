"""Leaf steps: each selects the rows and columns of one config of the dataset."""

# distilabel looks for `StepInput` in the signature itself: no postponed evaluation of annotations here.
from abc import abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from distilabel.steps.base import Step, StepInput
from pydantic import Field, PrivateAttr

from distilabel_selfinstruct.data.reasons import CLEAR_STAGE, NO_MORE_ASKED, SAME_MEANING
from distilabel_selfinstruct.data.rows import Row
from distilabel_selfinstruct.text.conversations import with_input

if TYPE_CHECKING:
    from distilabel.typing import StepColumns, StepOutput

INSTANCE_COLUMNS = (
    "instance_id",
    "instruction_id",
    "instruction",
    "input",
    "output",
    "is_classification",
    "round",
    "max_similarity",
    "finish_reason",
    "input_tokens",
    "output_tokens",
    "model_name",
)
INSTRUCTION_COLUMNS = (
    "instruction_id",
    "instruction",
    "is_classification",
    "round",
    "shot_ids",
    "most_similar",
    "max_similarity",
    "mean_similarity",
    "model_name",
)
REJECTED_COLUMNS = (
    "stage",
    "reason",
    "detail",
    "instruction_id",
    "instance_id",
    "instruction",
    "input",
    "output",
    "is_classification",
    "round",
    "neighbour_id",
    "neighbour",
    "score",
    "finish_reason",
    "input_tokens",
    "output_tokens",
    "model_name",
)
PREFERENCE_COLUMNS = (
    "instruction_id",
    "prompt",
    "chosen",
    "rejected",
    "score_chosen",
    "score_rejected",
    "model_name",
)


_COMPARED = {
    "similar",
    SAME_MEANING.code,
    *(reason.code for reason in CLEAR_STAGE.reasons),
}  # reasons with a neighbour and a score


class _Select(Step):
    """A leaf: rows in, the rows of one config out."""

    columns: ClassVar[tuple[str, ...]]
    more_columns: list[str] = Field(default_factory=list)

    @property
    def inputs(self) -> "StepColumns":
        return ["instruction_id", "instruction", "is_classification", "reject_reason"]

    @property
    def outputs(self) -> "StepColumns":
        return [*self.columns, *self.more_columns]

    @abstractmethod
    def _selected(self, rows: Iterable[Row]) -> Iterable[Row]:
        """The rows of this config."""

    def process(self, inputs: StepInput) -> "StepOutput":
        """Selects.

        Yields:
            The selected rows with the columns of this config.
        """
        columns = [*self.columns, *self.more_columns]
        yield [{column: row.get(column) for column in columns} for row in self._selected(inputs)]


class SelectInstances(_Select):
    """Selects the accepted instances: the dataset.

    Attributes:
        more_columns: columns that a recipe adds, kept after the usual ones.

    Input columns:
        - instruction_id (`str`): names the instruction.
        - instruction (`str`): the instruction.
        - is_classification (`bool`): whether it is a classification task.
        - reject_reason (`str`): None in an accepted row.

    Output columns:
        - instance_id (`str`): names the instance.
        - instruction_id (`str`): names its instruction.
        - instruction (`str`): the instruction.
        - input (`str`): the input, which may be empty.
        - output (`str`): the output.
        - is_classification (`bool`): whether it is a classification task.
        - round (`int`): the bootstrap round.
        - max_similarity (`float`): the highest ROUGE-L with a pool item, where it was computed.
        - finish_reason (`str`): why the completion with this instance ended.
        - input_tokens (`int`): tokens of its prompt.
        - output_tokens (`int`): its tokens.
        - model_name (`str`): the model.

    Categories:
        - columns
    """

    columns = INSTANCE_COLUMNS

    def _selected(self, rows: Iterable[Row]) -> Iterable[Row]:
        return (row for row in rows if row["reject_reason"] is None)


class SelectInstructions(_Select):
    """Selects the admitted instructions, each once, whatever became of their instances.

    Attributes:
        more_columns: columns that a recipe adds, kept after the usual ones.
        stages: the stages that make instructions; a row rejected in one of them, because an
            evaluation set has it, or for its meaning, is no admitted instruction.

    Input columns:
        - instruction_id (`str`): names the instruction; rows of one come one after the other.
        - instruction (`str`): the instruction.
        - is_classification (`bool`): whether it is a classification task.
        - reject_reason (`str`): with `stage`, tells whether the bootstrap admitted it.

    Output columns:
        - instruction_id (`str`): names the instruction.
        - instruction (`str`): the instruction.
        - is_classification (`bool`): whether it is a classification task, if that was found out.
        - round (`int`): the bootstrap round.
        - shot_ids (`list[str]`): the pool items its prompt showed.
        - most_similar (`list[dict]`): `id` and `score` of the most similar pool items, if the preset asks.
        - max_similarity (`float`): the highest ROUGE-L with a pool item, where it was computed.
        - mean_similarity (`float`): the mean over the pool, if the preset asks.
        - model_name (`str`): the model.

    Categories:
        - columns
    """

    columns = INSTRUCTION_COLUMNS
    stages: list[str] = Field(default_factory=lambda: ["bootstrap"])

    keeps_state: ClassVar[bool] = True

    _last: str | None = PrivateAttr(None)

    def _selected(self, rows: Iterable[Row]) -> Iterable[Row]:
        for row in rows:
            admitted = row["instruction"] is not None and row["stage"] not in (*self.stages, *NO_MORE_ASKED)
            if admitted and row["instruction_id"] != self._last:
                self._last = row["instruction_id"]
                yield row | {"model_name": row.get("instruction_model") or row.get("model_name")}


class SelectRejected(_Select):
    """Selects what was rejected, with stage, reason, and the neighbour a candidate is too similar to.

    Attributes:
        more_columns: columns that a recipe adds, kept after the usual ones.

    Input columns:
        - instruction_id (`str`): names the instruction.
        - instruction (`str`): the instruction.
        - is_classification (`bool`): whether it is a classification task.
        - reject_reason (`str`): the reason code.

    Output columns:
        - stage (`str`): the stage that rejected it, such as `bootstrap`, `classification` or `instances`.
        - reason (`str`): the reason code.
        - detail (`str`): what the reason code leaves open.
        - instruction_id (`str`): names the candidate instruction.
        - instance_id (`str`): names the instance, if one was rejected.
        - instruction (`str`): the instruction; None in the row of a completion that gave none.
        - input (`str`): the input of a rejected instance.
        - output (`str`): the output of a rejected instance.
        - is_classification (`bool`): whether it is a classification task, if that was found out.
        - round (`int`): the bootstrap round.
        - neighbour_id (`str`): the pool item that a `similar` candidate is too similar to.
        - neighbour (`str`): its text.
        - score (`float`): their ROUGE-L F, the cosine of their embeddings, or how much of an evaluation text shared
          runs of words cover.
        - finish_reason (`str`): why the completion ended.
        - input_tokens (`int`): tokens of its prompt.
        - output_tokens (`int`): its tokens.
        - model_name (`str`): the model.

    Categories:
        - columns
    """

    columns = REJECTED_COLUMNS

    def _selected(self, rows: Iterable[Row]) -> Iterable[Row]:
        for row in rows:
            if row["reject_reason"] is not None:
                score = row["max_similarity"] if row["reject_reason"] in _COMPARED else None
                yield row | {"reason": row["reject_reason"], "score": score}


class SelectPreferences(_Select):
    """Selects the preference pairs, as TRL's `DPOTrainer` takes them.

    Attributes:
        more_columns: columns that a recipe adds, kept after the usual ones.
        score_column: the column with the score of a response.

    Input columns:
        - instruction_id (`str`): names the instruction.
        - instruction (`str`): the instruction.
        - output (`str`): the response.
        - judge_score (`float`): its score.
        - is_chosen (`bool`): whether it is the better response of a pair.
        - input (`str`): the input. Optional.
        - reject_reason (`str`): None in an accepted row. Optional.
        - rejected_output (`str`): the worse response of its pair.
        - rejected_score (`float`): the score of that.

    Output columns:
        - instruction_id (`str`): names the instruction.
        - prompt (`list[dict]`): the instruction as a message.
        - chosen (`list[dict]`): the better response as a message.
        - rejected (`list[dict]`): the worse response as a message.
        - score_chosen (`float`): the score of the better response.
        - score_rejected (`float`): the score of the worse response.
        - model_name (`str`): the model that wrote both.

    Categories:
        - columns

    References:
        - [Self-Rewarding Language Models](https://arxiv.org/abs/2401.10020)
    """

    columns = PREFERENCE_COLUMNS
    score_column: str = "judge_score"

    is_trained_on: ClassVar[bool] = True

    @property
    def inputs(self) -> "StepColumns":
        return [
            "instruction_id",
            "instruction",
            "output",
            self.score_column,
            "is_chosen",
            "rejected_output",
            "rejected_score",
        ]

    def _selected(self, rows: Iterable[Row]) -> Iterable[Row]:
        for row in rows:
            if row["is_chosen"] and row.get("reject_reason") is None:
                yield row | {
                    "prompt": [{"role": "user", "content": with_input(row)}],
                    "chosen": [{"role": "assistant", "content": row["output"]}],
                    "rejected": [{"role": "assistant", "content": row["rejected_output"]}],
                    "score_chosen": row[self.score_column],
                    "score_rejected": row["rejected_score"],
                }


class SelectTopics(_Select):
    """Selects the topics.

    Attributes:
        more_columns: columns that a recipe adds, kept after the usual ones.

    Input columns:
        - instruction_id (`str`): names the topic.
        - topic (`str`): the topic.
        - reject_reason (`str`): None in the row of a topic that was admitted.

    Output columns:
        - topic_id (`str`): names the topic.
        - topic (`str`): the topic.
        - round (`int`): the round of the prompt that brought it.
        - model_name (`str`): the model.

    Categories:
        - columns
    """

    columns = ("topic_id", "topic", "round", "model_name")

    @property
    def inputs(self) -> "StepColumns":
        return ["instruction_id", "topic", "reject_reason"]

    def _selected(self, rows: Iterable[Row]) -> Iterable[Row]:
        return (row | {"topic_id": row["instruction_id"]} for row in rows if row["reject_reason"] is None)
