"""The instructions that a source has, whatever form its rows have."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from distilabel_selfinstruct.data.sources import read_lines, read_source
from distilabel_selfinstruct.data.streams import ending_of
from distilabel_selfinstruct.data.tasks import COLUMNS, task_of
from distilabel_selfinstruct.errors import ConfigError

_OPTION = "--instruction-column"


class Instructions(NamedTuple):
    """What a source has: its instructions, each once, and the numbers of the rows without one."""

    texts: list[str]
    empty: list[int]


def read_instructions(
    source: str,
    config: str | None = None,
    split: str = "train",
    max_instructions: int | None = None,
    column: str | None = None,
    notes: list[str] | None = None,
) -> Instructions:
    """The instructions of a source, in their order.

    An instruction is the text of a column, or, where that holds messages, what the user says first in them. What
    belongs to it is part of it: what the system says (a message before the user's, or a column `system` or
    `system_prompt`) stands above it, and a column `input` or `context` below it. Messages may be written as JSON; a row
    whose user shows a picture has no instruction.

    Args:
        source: see `read_source`; a `.txt` file has an instruction a line, unless a column is named.
        config: of the dataset; of a run its `instances` by default.
        split: of the dataset.
        max_instructions: how many rows are read at most.
        column: the column with the instructions; by default `messages`, `conversations`, `instruction`, `prompt`,
            `question`, `query` or `problem`, the first of them that a row has something in.
        notes: takes what a user should know of files that are not read.

    Raises:
        ConfigError: if there are none, or a row holds something else.
    """
    path, said = Path(source), notes if notes is not None else []
    if column is None and ending_of(path) == ".txt" and not path.is_dir():
        rows = [{"instruction": line} for line in read_lines(path, max_instructions)]
    else:
        columns = [*COLUMNS, *([column] if column else [])]
        rows = read_source(source, config, split, max_instructions, columns, said)
    texts = [
        task_of(row, f"{source}, row {number}", column, "--instruction-column").whole
        for number, row in enumerate(rows, 1)
    ]
    if not any(texts):
        raise ConfigError(" ".join([f"{source}: there are no instructions in it.", *said]))
    empty = [number for number, text in enumerate(texts, 1) if not text]
    return Instructions(list(dict.fromkeys(filter(None, texts))), empty)
