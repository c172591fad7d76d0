"""Answers that a model has given elsewhere, put to the questions that they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from distilabel_selfinstruct.data.sources import read_source, shown
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.evaluation.questions import Prediction, Question

_SAID = ("response", "prediction", "completion")  # the columns that are looked for


def read_predictions(file: str, questions: Sequence[Question], limit: int | None = None) -> list[Prediction]:
    """The questions with the answers of a file: a row each in their order, or rows with `id`.

    Args:
        file: rows with `response` (or `prediction`, as Tk-Instruct writes it).
        questions: of the benchmark.
        limit: how many questions were asked for; then there may be more rows than questions.

    Raises:
        ConfigError: if a row has no response, or it is not known which question it answers.
    """
    rows = read_source(file)
    responses = [_response(row, f"{file}, row {number}") for number, row in enumerate(rows, 1)]
    ids = [str(row["id"]) for row in rows if row.get("id") is not None]
    if len(ids) == len(rows) and {question.id for question in questions} & set(ids):
        return _by_id(file, ids, responses, questions)
    if len(rows) < len(questions) or (len(rows) > len(questions) and limit is None):
        raise ConfigError(
            f"{file}: has {len(rows):,} rows, and the benchmark {len(questions):,} questions; give a row for each in"
            " their order, or rows with the ids of the questions."
        )
    for number, (row, question) in enumerate(zip(rows, questions), 1):
        if isinstance(asked := row.get("instruction"), str) and _plain(asked) != _plain(question.instruction):
            raise ConfigError(
                f"{file}, row {number}: answers another instruction ({shown(asked)}) than question {number} of the"
                f" benchmark ({shown(question.instruction)}); the rows must be in the order of the questions."
            )
    return [_prediction(question, said) for question, said in zip(questions, responses)]


def _response(row: dict[str, Any], where: str) -> str:
    column = next((name for name in _SAID if name in row), None)
    if column is None:
        raise ConfigError(f"{where}: there is no column 'response'; there are: {', '.join(map(str, row))}.")
    said = row[column]
    if said is not None and not isinstance(said, str):
        raise ConfigError(f"{where}, column {column!r}: expected a text, found {shown(said)}.")
    return said or ""


def _by_id(file: str, ids: list[str], responses: list[str], questions: Sequence[Question]) -> list[Prediction]:
    said = dict(zip(ids, responses))
    if len(said) < len(ids):
        twice = next(name for at, name in enumerate(ids) if name in ids[:at])
        raise ConfigError(f"{file}: the id {twice!r} is there twice.")
    if missing := [question.id for question in questions if question.id not in said]:
        raise ConfigError(f"{file}: {len(missing):,} questions have no response, such as {missing[0]!r}.")
    return [_prediction(question, said[question.id]) for question in questions]


def _prediction(question: Question, said: str) -> Prediction:
    return Prediction.of(question, response=said)


def _plain(text: str) -> str:
    return " ".join(text.split())
