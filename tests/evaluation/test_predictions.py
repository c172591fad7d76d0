"""Answers that were given elsewhere, put to the questions that they belong to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.evaluation.predictions import read_predictions
from distilabel_selfinstruct.evaluation.questions import Question

QUESTIONS = [Question(f"q{at}", f"q{at}", f"Say {at}.", "", (str(at),)) for at in range(3)]


def responses(tmp_path: Path, *rows: dict[str, Any], limit: int | None = None) -> list[str | None]:
    path = tmp_path / "said.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return [each.response for each in read_predictions(str(path), QUESTIONS, limit)]


def test_in_the_order_of_the_questions(tmp_path: Path) -> None:
    rows = [{"response": " 0"}, {"response": None}, {"response": ""}]
    assert responses(tmp_path, *rows) == [" 0", "", ""]  # as they stand


def test_with_ids_in_any_order_as_tk_instruct_writes_them(tmp_path: Path) -> None:
    rows = [{"id": f"q{at}", "prediction": f"said {at}"} for at in (2, 0, 1)] + [{"id": "other", "prediction": "x"}]
    assert responses(tmp_path, *rows) == ["said 0", "said 1", "said 2"]


def test_ids_of_another_kind_do_not_count(tmp_path: Path) -> None:
    assert responses(tmp_path, *({"id": at, "response": str(at)} for at in (7, 8, 9))) == ["7", "8", "9"]


def test_more_rows_than_questions_where_a_limit_was_given(tmp_path: Path) -> None:
    rows = [{"response": str(at)} for at in range(5)]
    assert responses(tmp_path, *rows, limit=3) == ["0", "1", "2"]
    with pytest.raises(ConfigError, match="has 5 rows, and the benchmark 3 questions"):
        responses(tmp_path, *rows)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"response": "0"}], "has 1 rows, and the benchmark 3 questions; give a row for each in their order"),
        ([{"answer": "0"}] * 3, r"row 1: there is no column 'response'; there are: answer\."),
        ([{"response": 0}] * 3, "row 1, column 'response': expected a text, found '0'"),
        ([{"id": "q0", "response": "0"}] * 2, "the id 'q0' is there twice"),
        ([{"id": "q0", "response": "0"}], "2 questions have no response, such as 'q1'"),
        (
            [{"response": "", "instruction": "Say 0. "}, {"response": "", "instruction": "Sing."}, {"response": ""}],
            r"row 2: answers another instruction \('Sing\.'\) than question 2",
        ),
    ],
)
def test_what_cannot_be_put_to_questions(tmp_path: Path, rows: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        responses(tmp_path, *rows)
