"""A look at a run before it is made: the first prompt of each stage as it is sent, and a few rows."""

from __future__ import annotations

import json
import shutil
import tempfile
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from distilabel_selfinstruct.data.summary import Summary
from distilabel_selfinstruct.errors import Interrupted
from distilabel_selfinstruct.models.records import first_requests
from distilabel_selfinstruct.recipe import Recipe
from distilabel_selfinstruct.runs.config import RunConfig
from distilabel_selfinstruct.runs.run import Run

if TYPE_CHECKING:
    from distilabel_selfinstruct.engine.pipeline import WholePipeline

_SPARE = 2  # instructions beside those that are to be shown: some are rejected
_INDENT = 4
_OUTAGE = 20  # seconds without an answer at most: somebody is looking


class PreviewStopped(Interrupted):
    """The preview was stopped by a signal."""

    def __str__(self) -> str:
        return f"Stopped by {self.signal_name}. Of a preview nothing is kept."


def preview(
    recipe: Recipe, config: RunConfig, build: Callable[[Run[Any]], WholePipeline], finish: Any = None
) -> tuple[str, Summary]:
    """What a small run in a folder of its own shows, of which nothing is left.

    Args:
        recipe: that the pipeline follows.
        config: whose `preview` says how many rows are shown.
        build: makes the pipeline for a run.
        finish: see `Run.execute`.

    Returns:
        The prompts and the rows, for a terminal; and the summary of the small run.
    """
    rows = config.preview or 1
    with tempfile.TemporaryDirectory(prefix="self-instruct-preview-", ignore_cleanup_errors=True) as folder:
        aside = {"out": f"{folder}/run", "outage": min(config.outage, _OUTAGE)}
        sized = config.of_size(rows + _SPARE).model_copy(update=aside)
        run = Run(sized, recipe)
        try:
            summary = run.execute(build, show=not config.quiet, finish=finish)
        except Interrupted as stopped:
            raise PreviewStopped(stopped.signal_name) from None
        shown = run.folder.rows(recipe.main_config)[:rows]
        requests = first_requests(run.folder.completions)
        stages = [
            _request(stage, *requests[stage])
            if stage in requests
            else _title(f"stage {stage}: none of so few rows came to it")
            for stage in run.stages
        ]
    blocks = [*stages, *(_row(recipe.main_config, at, row) for at, row in enumerate(shown, start=1))]
    return "\n\n".join(blocks), summary


def _request(stage: str, prompt: str, parameters: str) -> str:
    """A request: how it is sent, its decoding parameters, and the text, or each message."""
    decoding = ", ".join(f"{name} {json.dumps(value)}" for name, value in json.loads(parameters).items())
    try:
        read: Any = json.loads(prompt)
    except ValueError:
        read = prompt
    schema = None
    if isinstance(read, list) and len(read) == 2 and isinstance(read[0], list):
        read, schema = read
    is_chat = isinstance(read, list) and all(isinstance(each, dict) and "role" in each for each in read)
    how = "messages" if is_chat else "raw text"
    lines = [_title(f"stage {stage}: the first prompt, {how}"), *_wrapped(f"decoding: {decoding}")]
    if schema is not None:
        lines += _wrapped(f"schema: {json.dumps(schema, ensure_ascii=False)}")
    for role, text in ((each["role"], each["content"]) for each in read) if is_chat else (("text", prompt),):
        lines += [f"{role}:", *_wrapped(str(text), _INDENT)]
    return "\n".join(lines)


def _row(config: str, number: int, row: Mapping[str, Any]) -> str:
    """A row, each column by its name; those without a value are left out."""
    lines = [_title(f"row {number} of {config}")]
    for name, value in row.items():
        if value in (None, "", []):
            continue
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        is_short = "\n" not in text and len(name) + len(text) + 2 <= _width()
        lines += [f"{name}: {text}"] if is_short else [f"{name}:", *_wrapped(text, _INDENT)]
    return "\n".join(lines)


def _title(text: str) -> str:
    return f"--- {text} ".ljust(_width(), "-")


def _wrapped(text: str, indent: int = 0) -> Sequence[str]:
    """The lines of a text, none wider than the terminal."""
    lines: list[str] = []
    for line in text.split("\n"):
        lines += textwrap.wrap(line, _width() - indent, replace_whitespace=False, break_on_hyphens=False) or [""]
    return [" " * indent + line if line else "" for line in lines]


def _width() -> int:
    return max(40, min(120, shutil.get_terminal_size().columns))
