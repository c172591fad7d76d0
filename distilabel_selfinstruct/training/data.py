"""What a training learns from: the rows of a run, a file or a dataset, as chats, as texts, or as preference pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from distilabel_selfinstruct.data.columns import HELD_OUT
from distilabel_selfinstruct.data.folder import RunFolder
from distilabel_selfinstruct.data.sources import read_source
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.text.rouge.python_pool import PythonPool
from distilabel_selfinstruct.text.rouge.tokens import unicode_tokens
from distilabel_selfinstruct.training.config import TrainConfig

Kind = Literal["chat", "text", "pair"]
Row = dict[str, Any]
_THRESHOLD = 0.7
END = "<|endoftext|>"
"""With this the authors' pairs end; a model is given its own token for it."""


@dataclass(frozen=True, slots=True)
class TrainingRows:
    """What a training learns from.

    Attributes:
        kind: `chat`: rows with `prompt` and `completion`, lists of messages; `text`: both are texts; `pair`: `prompt`,
            `chosen` and `rejected`, lists of messages.
        rows: one or more.
        passed_over: rows without an answer.
        too_similar: rows that were left out because they ask what a model is to be evaluated on.
    """

    kind: Kind
    rows: list[Row]
    passed_over: int = 0
    too_similar: int = 0


def read_training_rows(source: str, config: TrainConfig) -> TrainingRows:
    """The rows of a run, a file, or a dataset.

    Raises:
        ConfigError: says what cannot be read, or is missing, and where.
    """
    name = config.config_name
    run = RunFolder(source)
    if run.is_run and not (run.dataset_path / name).is_dir():
        raise ConfigError(_missing(run, source, config))
    rows = read_source(source, name if run.is_run else config.subset)
    read = _reader_of(rows[0], config, source) if rows else _of_messages
    made = [read(row, f"{source}, row {number:,}") for number, row in enumerate(rows, 1)]
    kept = [row for of_row in made for row in of_row]
    if not kept:
        raise ConfigError(f"{source}: there is nothing to learn from: the config {name!r} has no row with an answer.")
    first: Kind = "pair" if config.method == "dpo" else "text" if isinstance(kept[0]["prompt"], str) else "chat"
    passed_over = made.count([])
    if config.keep_clear is None:
        return TrainingRows(first, kept, passed_over)
    clear = _clear_of(_questions(config.keep_clear), kept)
    if not clear:
        raise ConfigError(f"{source}: every row is too similar to one of {config.keep_clear}; take another.")
    return TrainingRows(first, clear, passed_over, len(kept) - len(clear))


def _questions(source: str) -> list[str]:
    """What a model is to be evaluated on: of a run the rows that it has set apart."""
    run = RunFolder(source)
    rows = read_source(source, HELD_OUT if run.is_run else None)
    if not rows or "instruction" not in rows[0]:
        raise ConfigError(f"--keep-clear {source}: expected a run made with --hold-out, or rows with an instruction.")
    texts = ([row["instruction"], row.get("input")] for row in rows)
    return [text for one in texts for text in {one[0], "\n\n".join(filter(None, one))}]


def _clear_of(questions: list[str], rows: list[Row]) -> list[Row]:
    """The rows whose question has a ROUGE-L F of 0.7 at most with each of these: the paper's filter."""
    pool = PythonPool(_THRESHOLD)
    pool.load([unicode_tokens(text) for text in questions])
    return [row for row in rows if not any(True for _ in pool.neighbours(unicode_tokens(_question(row))))]


def _question(row: Row) -> str:
    prompt = row["prompt"]
    return prompt if isinstance(prompt, str) else str(prompt[-1]["content"])


def _missing(run: RunFolder, source: str, config: TrainConfig) -> str:
    if not run.has_dataset:
        return f"{source}: the run has no dataset yet; run its command again to finish it."
    there = ", ".join(sorted(path.name for path in run.dataset_path.iterdir() if path.is_dir()))
    if config.method == "dpo" and config.subset is None:
        return (
            f"{source}: --method dpo learns from preference pairs, and the run has none (it has: {there}). Make them"
            f" with: self-instruct run preferences --source {source}"
        )
    return f"{source}: the run has no config {config.config_name!r}; it has: {there}. Name one with --subset."


def _reader_of(row: Row, config: TrainConfig, source: str) -> Callable[[Row, str], list[Row]]:
    """What reads rows with these columns: what is learned from each, nothing where it has no answer."""
    known = _PAIRS if config.method == "dpo" else _ANSWERS
    for columns, read in known.items():
        if set(row) >= set(columns):
            return read
    needed = "; or ".join(", ".join(columns) for columns in known)
    raise ConfigError(f"{source}: --method {config.method} needs the columns {needed}; there are: {', '.join(row)}.")


def _of_messages(row: Row, where: str) -> list[Row]:
    """Of a conversation each answer is learned, after what was said before it."""
    messages = _chat(row["messages"], where)
    if len(messages) < 2 or messages[-1]["role"] != "assistant" or not messages[-1]["content"].strip():
        return []
    return [
        {"prompt": messages[:at], "completion": [message]}
        for at, message in enumerate(messages)
        if at and message["role"] == "assistant" and message["content"].strip()
    ]


def _of_texts(row: Row, where: str) -> list[Row]:
    if isinstance(row["prompt"], list):
        return _of_messages({"messages": [*row["prompt"], *row["completion"]]}, where)[-1:]
    prompt, completion = _text(row["prompt"], where), _text(row["completion"], where)
    if not completion.removesuffix(END).strip():
        return []
    return [{"prompt": prompt, "completion": completion}]


def _of_fields(row: Row, where: str) -> list[Row]:
    instruction, given = _text(row["instruction"], where), _text(row.get("input"), where)
    question = f"{instruction}\n\n{given}" if given else instruction
    answer = _text(row["output"], where)
    return _of_messages({"messages": [_message("user", question), _message("assistant", answer)]}, where)


def _of_pair(row: Row, where: str) -> list[Row]:
    prompt = row["prompt"] if isinstance(row["prompt"], list) else [_message("user", _text(row["prompt"], where))]
    answers = {}
    for name in ("chosen", "rejected"):
        given = row[name]
        chat = _chat(given, where) if isinstance(given, list) else [_message("assistant", _text(given, where))]
        answers[name] = chat[-1:]
        if not (chat and chat[-1]["content"].strip()):
            return []
    return [{"prompt": _chat(prompt, where), **answers}]


def _chat(messages: Any, where: str) -> list[Row]:
    """The messages, each with what it has: a `thinking` of None is none."""
    if not isinstance(messages, list) or not all(
        isinstance(m, Mapping) and {"role", "content"} <= {*m} for m in messages
    ):
        raise ConfigError(f"{where}: expected messages with role and content.")
    told = [{name: value for name, value in message.items() if value is not None} for message in messages]
    return [{**message, "content": _text(message.get("content"), where)} for message in told]


def _text(value: Any, where: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ConfigError(f"{where}: expected a text, found {type(value).__name__}.")
    return value


def _message(role: str, content: str) -> Row:
    return {"role": role, "content": content}


_PAIRS = {("prompt", "chosen", "rejected"): _of_pair}
_ANSWERS = {  # what reads rows with these columns; the first that fits
    ("messages",): _of_messages,
    ("prompt", "completion"): _of_texts,
    ("instruction", "output"): _of_fields,
}
