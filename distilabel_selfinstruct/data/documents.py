"""The documents that a source has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from distilabel_selfinstruct.data.formats import Row
from distilabel_selfinstruct.data.sources import read_source
from distilabel_selfinstruct.data.tasks import text_of
from distilabel_selfinstruct.errors import ConfigError

_TEXTS, _TITLES = ("text", "description"), ("title", "term")  # the columns that are looked for


class Document(NamedTuple):
    """A whole document as a source has it; its text may be empty, its title None."""

    title: str | None
    text: str


def read_documents(
    source: str,
    text_column: str | None = None,
    title_column: str | None = None,
    config: str | None = None,
    split: str = "train",
    max_documents: int | None = None,
    notes: list[str] | None = None,
) -> list[Document]:
    """The documents of a source, in their order.

    Args:
        source: see `read_source`.
        text_column: the column with the texts; by default `text` or `description`, whichever a row has.
        title_column: the column with the titles; by default `title` or `term`, if a row has one.
        config: of the dataset.
        split: of the dataset.
        max_documents: how many are read at most.
        notes: takes what a user should know of files that are not read.

    Raises:
        ConfigError: if there are none, or there is no such column.
    """
    columns = [name for name in (*_TEXTS, *_TITLES, text_column, title_column) if name]
    said = notes if notes is not None else []
    rows = read_source(source, config, split, max_documents, columns, said)
    if not rows:
        raise ConfigError(" ".join([f"{source}: there are no documents in it.", *said]))
    documents = [
        _document(row, text_column, title_column, source, f"{source}, row {number}")
        for number, row in enumerate(rows, 1)
    ]
    if not any(document.text for document in documents):
        column = text_column or _first(_TEXTS, rows[0])
        raise ConfigError(f"{source}, column {column!r}: every document is empty.")
    return documents


def _document(row: Row, text_column: str | None, title_column: str | None, source: str, where: str) -> Document:
    text_column = text_column or _first(_TEXTS, row)
    if text_column is None:
        there = ", ".join(map(str, row))
        raise ConfigError(f"{source}: which column has the documents? Name it with --text-column; there are: {there}.")
    text = text_of(row, text_column, where)
    title_column = title_column or _first([name for name in _TITLES if name != text_column], row)
    title = text_of(row, title_column, where) if title_column else ""
    return Document(" ".join(title.split()) or None, text)


def _first(names: Sequence[str], row: Row) -> str | None:
    return next((name for name in names if name in row), None)
