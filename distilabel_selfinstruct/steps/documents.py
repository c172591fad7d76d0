"""LoadDocuments: what a recipe about documents starts from, and how a question shows one."""

# distilabel reads signatures at run time: no postponed evaluation of annotations here.
from typing import TYPE_CHECKING, Any

from pydantic import Field

from distilabel_selfinstruct.data.documents import Document, read_documents
from distilabel_selfinstruct.data.rows import Row, reject, task_row
from distilabel_selfinstruct.data.tokens import of_tokens
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.steps.load import LoadRows
from distilabel_selfinstruct.text.pieces import Limit, of_characters, pieces

if TYPE_CHECKING:
    from distilabel.typing import StepColumns

STAGE = "queries"
COLUMNS = ["document_id", "title", "section", "document"]
"""The columns that the rows of a document keep."""


class LoadDocuments(LoadRows):
    """Yields documents, each cut where a sentence ends.

    A row is a piece of a document: as many whole sentences as fit; where the first one does not, as many words. A
    heading stays with what it stands above, code between fences and tables stay whole where they fit, and no piece goes
    over the end of a page. A document without a text is a row that is rejected (`empty_document`).

    Attributes:
        source: a file (of rows, such as `.jsonl`, `.csv` or `.parquet`, or a document, such as `.md`, `.pdf`, `.docx`
            or `.html`), a folder of them, a run folder, a folder that `save_to_disk` wrote, or the name of a dataset
            on the Hub.
        text_column: the column with the texts; by default `text` or `description`, whichever is there.
        title_column: the column with the titles; by default `title` or `term`, if one is there.
        config: of the dataset.
        split: of the dataset.
        max_documents: how many documents are read at most.
        max_characters: the greatest length of a piece.
        piece_tokens: the greatest length of a piece in tokens, instead of that in characters.
        tokenizer: what counts them: a `tokenizer.json`, a folder with one, or a model of the Hub.
        num_pieces: how many pieces of a document are used at most.

    Output columns:
        - instruction_id (`str`): the same as `document_id`.
        - instruction (`str`): None.
        - round (`int`): None.
        - shot_ids (`list[str]`): none.
        - most_similar (`list[dict]`): none.
        - max_similarity (`float`): None.
        - mean_similarity (`float`): None.
        - neighbour_id (`str`): None.
        - neighbour (`str`): None.
        - stage (`str`): `queries` if the document is empty, or None.
        - reject_reason (`str`): the reason code, or None.
        - detail (`str`): None.
        - finish_reason (`str`): None.
        - input_tokens (`int`): 0.
        - output_tokens (`int`): 0.
        - model_name (`str`): None.
        - is_classification (`bool`): None.
        - instance_id (`str`): None.
        - input (`str`): None.
        - output (`str`): None.
        - document_id (`str`): the number of the document in the source; with several pieces, and that of the piece.
        - title (`str`): its title, if it has one.
        - section (`str`): what the piece is from: its page, or the headings that it stands below; or None.
        - document (`str`): the piece.

    Categories:
        - load

    Examples:
        Read the project's medical terms:

        ```python
        from distilabel_selfinstruct import LoadDocuments

        load = LoadDocuments(source="seeds/medical_terms.jsonl", max_characters=300)
        load.load()
        rows, is_last = next(load.process())
        ```
    """

    source: str = ""
    text_column: str | None = None
    title_column: str | None = None
    config: str | None = None
    split: str = "train"
    max_documents: int | None = Field(default=None, gt=0)
    max_characters: int = Field(default=300, gt=0)
    piece_tokens: int | None = Field(default=None, gt=0)
    tokenizer: str | None = None
    num_pieces: int = Field(default=1, gt=0)

    @property
    def outputs(self) -> "StepColumns":
        return [*task_row(), *COLUMNS]

    def load(self) -> None:
        """Reads the source.

        Raises:
            ConfigError: if it cannot be used.
        """
        super().load()
        notes: list[str] = []
        documents = read_documents(
            self.source, self.text_column, self.title_column, self.config, self.split, self.max_documents, notes
        )
        self.tell(notes)
        limit = self._limit()
        self._rows = [row for number, document in enumerate(documents) for row in self._pieces(number, document, limit)]

    def _limit(self) -> Limit:
        if self.piece_tokens is None:
            return of_characters(self.max_characters)
        if self.tokenizer is None:
            raise ConfigError("LoadDocuments: `piece_tokens` needs `tokenizer`, which counts them.")
        return of_tokens(self.piece_tokens, self.tokenizer)

    def _pieces(self, number: int, document: Document, limit: Limit) -> list[Row]:
        if not document.text:
            row = _row(f"{number:06d}", document.title, None, None)
            reject(row, STAGE, "empty_document")
            return [row]
        cut = pieces(document.text, limit, self.num_pieces)
        ids = [f"{number:06d}" if self.num_pieces == 1 else f"{number:06d}-{at}" for at in range(len(cut))]
        return [_row(document_id, document.title, *piece) for document_id, piece in zip(ids, cut)]


def _row(document_id: str, title: str | None, piece: str | None, section: str | None) -> Row:
    known: dict[str, Any] = {"document_id": document_id, "title": title, "section": section, "document": piece}
    return task_row(instruction_id=document_id) | known


def context_of(row: Row) -> str:
    """The piece below the title of its document."""
    return f"{row['title']}\n\n{row['document']}" if row.get("title") else str(row["document"])
