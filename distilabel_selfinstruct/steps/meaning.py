"""SemanticDedup: what means the same as an earlier text is rejected, in any pipeline; and the same for loops."""

# distilabel looks for `StepInput` in the signature itself: no postponed evaluation of annotations here.
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from distilabel.mixins.runtime_parameters import RuntimeParameter
from distilabel.models.llms.base import LLM
from distilabel.steps.base import Step, StepInput
from pydantic import BaseModel, Field, PrivateAttr, SerializeAsAny

from distilabel_selfinstruct.data.reasons import SAME_MEANING, SEMANTIC_STAGE
from distilabel_selfinstruct.data.rows import Answer, Row, answer_of, reject
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.models.embedding import read_static, static_vectors, vector_of
from distilabel_selfinstruct.models.local.weights import STATIC_MODEL
from distilabel_selfinstruct.models.slots import STOP_REASONS, RunStopped
from distilabel_selfinstruct.steps.dedup import check_alone
from distilabel_selfinstruct.text.semantic import SemanticIndex

if TYPE_CHECKING:
    from distilabel.typing import StepColumns, StepOutput


class Meaning:
    """Texts no two of which mean the same, and which of others do.

    Args:
        threshold: the cosine of two embeddings above which texts mean the same.
        embedder: what embeds: an LLM whose completions are embeddings, or the name of static ones.
        stage: the name of the stage in which rows are rejected.

    Raises:
        ConfigError: if the threshold is none, or there are no such static embeddings.
    """

    def __init__(self, threshold: float, embedder: LLM | str, stage: str = SEMANTIC_STAGE.name) -> None:
        try:
            self._index = SemanticIndex(threshold)
        except ValueError as error:
            raise ConfigError(f"semantic {error}") from None
        self._embedder, self._stage = embedder, stage
        self._known: dict[str, Any] = {}  # embeddings, or why there are none, of texts that were made ready
        self._texts: list[tuple[str, str | None]] = []  # that were admitted, with their names
        if isinstance(embedder, LLM):
            embedder.load()
        else:
            read_static(embedder)

    def unload(self) -> None:
        """Releases the model."""
        if isinstance(self._embedder, LLM):
            self._embedder.unload()

    def refer(self, texts: Sequence[tuple[str, str | None]]) -> None:
        """Texts that others are compared with, with their names."""
        self.prepare([text for text, _ in texts])
        usable = [(text, name) for text, name in texts if not isinstance(self._known[text], Answer)]
        self._index.admit_batch([self._known[text] for text, _ in usable], whatever=True)
        self._texts += usable

    def prepare(self, texts: Sequence[str]) -> None:
        """Embeds texts together, before they are judged one by one.

        Raises:
            RunStopped: if the model may not be asked for any more.
        """
        wanted = list(dict.fromkeys(texts))
        self._known = dict(zip(wanted, self._embedded(wanted)))

    def _embedded(self, texts: list[str]) -> list[Any]:
        if not texts:
            return []
        if isinstance(self._embedder, str):
            return static_vectors(self._embedder, texts)
        answers = [answer_of(output) for output in self._embedder.generate_outputs(inputs=texts)]
        if stopped := next((answer.failure for answer in answers if answer.failure in STOP_REASONS), None):
            raise RunStopped(stopped)
        return [answer if answer.completion is None else vector_of(answer.completion) for answer in answers]

    def admit(self, row: Row, text: str) -> bool:
        """Takes the text of a row in; where it means the same as one before, the row is rejected with that."""
        found = self._known[text]
        if isinstance(found, Answer):
            reject(row, self._stage, found.failure or "no_completion", found.detail)
            return False
        (near,) = self._index.admit_batch([found])
        if near is not None:
            neighbour, name = self._texts[near.position]
            row.update(neighbour=neighbour, neighbour_id=name, max_similarity=near.score)
            reject(row, self._stage, SAME_MEANING.code)
            return False
        self._texts.append((text, row.get("instruction_id")))
        return True


class WithMeaning(BaseModel):
    """Attributes of what rejects instructions that mean the same as earlier ones, besides what else it does."""

    semantic_threshold: float | None = None
    embedder: SerializeAsAny[LLM | str | None] = None

    def meaning(self) -> Meaning | None:
        """What compares texts; None where that is not asked for."""
        if self.semantic_threshold is None:
            return None
        return Meaning(self.semantic_threshold, self.embedder or STATIC_MODEL)


class SemanticDedup(Step):
    """Rejects each row whose text means the same as that of an earlier row, or as a reference text.

    Two texts mean the same when the cosine of their embeddings is above the threshold. They are decided on in the order
    of the rows: the first stays, and what comes later is compared with all that stayed. The text that is too near, its
    id and the cosine are kept in the row. Rows that have a `reject_reason` are passed on untouched, and so are those
    without a text; no row is dropped.

    Every row is compared with all before it, so the step cannot have replicas.

    Attributes:
        column: the column with the text.
        threshold: the cosine above which two texts mean the same.
        embedder: an `EmbeddingLLM`, as it is or in a `DurableLLM`, or static embeddings: a folder that model2vec has
            written, or the name of one of its models on the Hub.
        references: texts to stay clear of.
        stage: the name of the stage in which rows are rejected.

    Runtime parameters:
        - `threshold`: the cosine above which two texts mean the same.

    Input columns:
        - dynamic (determined by `column` attribute): the text (`str`), or None.
        - reject_reason (`str`): rows that have one are passed on untouched. Optional.

    Output columns:
        - stage (`str`): the stage that rejected the row, or None.
        - reject_reason (`str`): the reason code, or None.
        - detail (`str`): of a text that could not be embedded, why.
        - neighbour (`str`): the text that means the same.
        - neighbour_id (`str`): the `instruction_id` of its row, where it has one.
        - max_similarity (`float`): the cosine.

    Categories:
        - filtering

    References:
        - [SemDeDup: Data-efficient learning at web-scale through semantic deduplication](https://arxiv.org/abs/2303.09540)
        - [Model2Vec](https://github.com/MinishLab/model2vec)

    Examples:
        Reject what asks for the same in other words, with the embeddings of an endpoint; static ones are named instead,
        such as `embedder="minishlab/potion-base-8M"`:

        ```python
        from distilabel_selfinstruct import EmbeddingLLM, SemanticDedup

        embeddings = EmbeddingLLM(model="nomic-embed-text", base_url="http://127.0.0.1:11434/v1")
        dedup = SemanticDedup(threshold=0.9, embedder=embeddings)
        ```
    """

    column: str = "instruction"
    threshold: RuntimeParameter[float] = Field(
        default=0.9, description="The cosine above which two texts mean the same."
    )
    embedder: SerializeAsAny[LLM | str] = STATIC_MODEL
    references: list[str] = Field(default_factory=list)
    stage: str = SEMANTIC_STAGE.name

    keeps_state: ClassVar[bool] = True

    _meaning: Meaning | None = PrivateAttr(None)

    @property
    def inputs(self) -> "StepColumns":
        return [self.column]

    @property
    def outputs(self) -> "StepColumns":
        return ["stage", "reject_reason", "detail", "neighbour", "neighbour_id", "max_similarity"]

    def load(self) -> None:
        """Loads the embeddings, and embeds the references.

        Raises:
            ConfigError: for what cannot be used, before the first row.
        """
        super().load()
        check_alone(self)
        self._meaning = Meaning(self.threshold, self.embedder, self.stage)
        self._meaning.refer([(text, None) for text in self.references])

    def unload(self) -> None:
        """Releases the model."""
        if self._meaning is not None:
            self._meaning.unload()
        super().unload()

    def process(self, inputs: StepInput) -> "StepOutput":
        """Marks the rows.

        Yields:
            The rows, in their order.
        """
        assert self._meaning is not None, "call load() first"
        rows: list[Row] = [dict.fromkeys(self.outputs) | row for row in inputs]
        judged = [row for row in rows if row["reject_reason"] is None and row[self.column] is not None]
        reject_same(judged, self._meaning, self.column, self.stage)
        yield rows


def reject_same(rows: Sequence[Row], meaning: Meaning, column: str, stage: str = SEMANTIC_STAGE.name) -> None:
    """Rejects rows whose text means the same as that of an earlier one; all, where the model may not be asked."""
    try:
        meaning.prepare([row[column] for row in rows])
    except RunStopped as stopped:
        for row in rows:
            reject(row, stage, str(stopped))
        return
    for row in rows:
        meaning.admit(row, row[column])
