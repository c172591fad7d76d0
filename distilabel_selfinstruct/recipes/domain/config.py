"""The options of the recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import field_validator

from distilabel_selfinstruct.data.files import local_path
from distilabel_selfinstruct.data.shipped import MEDICAL_TERMS
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.runs.config import TurnsConfig
from distilabel_selfinstruct.runs.inputs import Input
from distilabel_selfinstruct.runs.options import MODEL, option


class DomainConfig(TurnsConfig):
    """What a run about documents is told."""

    wording: Literal["chat"] = option("chat", "how the model is asked", None, MODEL)
    documents: str = option(
        str(MEDICAL_TERMS),
        "a file or a folder of them: documents (.txt, .md, .rst, .pdf, .docx, .pptx, .html, .epub, .eml, .mbox), rows"
        " (.jsonl, .json, .csv, .tsv, .parquet, .arrow, .xlsx); a saved dataset, or one of the Hub (default: the"
        " project's medical terms)",
        "FILE|FOLDER|NAMESPACE/NAME",
        fixed=False,
    )
    text_column: str | None = option(None, "column with the texts (default: text or description)", "NAME", fixed=False)
    title_column: str | None = option(None, "column with the titles (default: title or term)", "NAME", fixed=False)
    subset: str | None = option(None, "config of the dataset", "NAME", fixed=False)
    split: str = option("train", "of the dataset (default: train)", "NAME", fixed=False)
    max_documents: int | None = option(None, "most documents that are read", "N", fixed=False, gt=0)
    max_characters: int = option(300, "of a piece, which ends where a sentence does (default: 300)", "N", gt=0)
    piece_tokens: int | None = option(
        None, "of a piece, counted by --tokenizer (default: --max-characters counts)", "N", gt=0
    )
    tokenizer: str | None = option(
        None, "that --piece-tokens are of: tokenizer.json, its folder, or a model of the Hub", "FILE|NAMESPACE/NAME"
    )
    pieces: int = option(1, "most pieces of a document, from its beginning (default: 1)", "N", gt=0)
    queries: int = option(5, "queries about a piece (default: 5)", "K", gt=0)
    application_description: str = option("AI assistant", "what the queries are for (default: AI assistant)", "TEXT")
    criteria: str | None = option(None, "for the queries (default: those of distilabel's SelfInstruct)", "TEXT")
    principles: str | None = option(
        None,
        "a file with a principle a line, of which each piece gets one beside the criteria",
        "FILE.txt",
        fixed=False,
    )
    closed_book: bool = option(False, "answer queries without showing their document")

    def check(self) -> None:
        """Raises ConfigError for values that do not go together."""
        super().check()
        if (self.piece_tokens is None) != (self.tokenizer is None):
            raise ConfigError("--piece-tokens and --tokenizer, which counts them, are given together.")
        if self.tokenizer is not None:
            from distilabel_selfinstruct.data.tokens import read_tokenizer

            read_tokenizer(self.tokenizer)

    @field_validator("documents", "principles")
    @classmethod
    def _of_this_machine(cls, given: str | None) -> str | None:
        return given if given is None else local_path(given)

    def inputs(self) -> dict[str, Input]:
        """The documents and the principles."""
        from distilabel_selfinstruct.data.documents import read_documents

        notes: list[str] = []
        read = read_documents(
            self.documents, self.text_column, self.title_column, self.subset, self.split, self.max_documents, notes
        )
        return {"originals": Input(read, may_grow=True, notes=notes), "principle_list": Input(self.principles_read())}

    def principles_read(self) -> list[str]:
        """The principles, if there are any."""
        from distilabel_selfinstruct.data.sources import read_lines

        return read_lines(Path(self.principles)) if self.principles else []
