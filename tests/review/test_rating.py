"""People rate the answers of models: out blind and shuffled, back into the folders of the evaluations."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from distilabel_selfinstruct.cli import self_instruct
from distilabel_selfinstruct.errors import ConfigError, ReviewError
from distilabel_selfinstruct.evaluation import EvaluationFolder, compare
from distilabel_selfinstruct.review import pull_answers, push_answers, render_ratings
from tests.evaluation.evaluations import CAPITALS, predicted

Fill = Callable[[dict[str, str]], str]


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Nine answers, of which the two to Peru are the same, and base says nothing of Egypt."""
    predicted(tmp_path, "base", {"Peru": "Lima", "Chile": "=Paris", "Kenya": "Paris", "Japan": "Paris"})
    predicted(tmp_path, "tuned", CAPITALS)
    return [tmp_path / "base", tmp_path / "tuned"]


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def fill(file: Path, level: Fill) -> None:
    rows = [row | {"level": level(row)} for row in rows_of(file)]
    with file.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def right(row: dict[str, str]) -> str:
    return "a" if row["response"] in CAPITALS.values() else "D"


def test_out_blind_and_shuffled(folders: list[Path], tmp_path: Path) -> None:
    said = push_answers(folders, to_file=tmp_path / "answers.csv", sample=None)
    assert said == f"8 answers to rate: {tmp_path / 'answers.csv'}"
    text = (tmp_path / "answers.csv").read_text(encoding="utf-8-sig")
    assert "base" not in text
    assert "tuned" not in text
    rows = rows_of(tmp_path / "answers.csv")
    assert list(rows[0]) == ["record_id", "annotator", "instruction", "input", "response", "level"]
    assert "'=Paris" in {row["response"] for row in rows}  # no formula
    countries = [row["instruction"].split()[-1].rstrip(".") for row in rows]
    assert countries != sorted(countries, key=list(CAPITALS).index)
    push_answers(folders[::-1], to_file=tmp_path / "turned.csv", sample=None)
    assert rows_of(tmp_path / "turned.csv") == rows  # the order says nothing of the models
    push_answers(folders, to_file=tmp_path / "other.csv", sample=None, seed=1)
    assert [row["record_id"] for row in rows_of(tmp_path / "other.csv")] != [row["record_id"] for row in rows]


def test_a_sample_is_of_questions_with_all_answers(folders: list[Path], tmp_path: Path) -> None:
    push_answers(folders, to_file=tmp_path / "answers.csv", sample=2)
    rows = rows_of(tmp_path / "answers.csv")
    assert len({row["instruction"] for row in rows}) == 2
    both = [row["instruction"] for row in rows if "Chile" in row["instruction"] or "Kenya" in row["instruction"]]
    assert all(both.count(instruction) == 2 for instruction in both)


def test_back_with_the_agreement_of_two(folders: list[Path], tmp_path: Path) -> None:
    push_answers(folders, to_file=tmp_path / "answers.csv", sample=None, annotators=2)
    files = [tmp_path / "answers-1.csv", tmp_path / "answers-2.csv"]
    fill(files[0], right)
    fill(files[1], lambda row: "B" if row["response"] == "Cairo" else right(row))
    found = pull_answers(folders, from_files=files)
    base, tuned = found.rated
    assert dict(base.counts) == {"A": 1, "B": 0, "C": 0, "D": 3}
    assert dict(tuned.counts) == {"A": 4, "B": 1, "C": 0, "D": 0}  # between A and B the worse one counts
    assert found.agreement is not None
    assert found.agreement.answers == 8
    assert found.agreement.kappa == pytest.approx((7 / 8 - 29 / 64) / (1 - 29 / 64))
    assert found.waiting == 0
    assert "| tuned | people | 4 | 1 | 0 | 0 | 100% |" in render_ratings(found)
    assert [each.by for each in compare(folders).rated] == ["people", "people"]
    kept = json.dumps(EvaluationFolder(folders[0]).ratings())
    assert "annotator-1" not in kept  # by pseudonym


def test_what_was_pulled_stays_and_may_be_changed(folders: list[Path], tmp_path: Path) -> None:
    push_answers(folders, to_file=tmp_path / "answers.csv", sample=None)
    fill(tmp_path / "answers.csv", lambda row: "C" if "Peru" in row["instruction"] else "")
    found = pull_answers(folders, from_files=[tmp_path / "answers.csv"])
    assert [each.counts["C"] for each in found.rated] == [1, 1]  # one answer of both models, rated once
    assert (found.agreement, found.waiting) == (None, 7)
    fill(tmp_path / "answers.csv", lambda row: "A" if "Peru" in row["instruction"] else "")
    found = pull_answers(folders, from_files=[tmp_path / "answers.csv"])
    assert [(each.counts["A"], each.counts["C"]) for each in found.rated] == [(1, 0), (1, 0)]


def test_what_was_said_of_another_answer_does_not_count(folders: list[Path], tmp_path: Path) -> None:
    """As after a request that had failed, and was answered by the next run."""
    push_answers(folders, to_file=tmp_path / "answers.csv", sample=None)
    fill(tmp_path / "answers.csv", right)
    pull_answers(folders, from_files=[tmp_path / "answers.csv"])
    base = EvaluationFolder(folders[0])
    scores = base.scores()
    base.write_predictions(replace(each, response="Rome") for each in base.predictions())
    base.write_scores(scores)
    assert [(each.model, each.by) for each in compare(folders).rated] == [("tuned", "people")]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"level": "E"}, r"answers\.csv, line \d+, column 'level': expected A, B, C, D, found 'E'\."),
        ({"level": "A", "response": "other"}, "column 'response': is not the text that was pushed"),
        ({"level": "A", "record_id": "x"}, "the record 'x' is no answer of these evaluations"),
    ],
)
def test_what_cannot_be_taken_in(folders: list[Path], tmp_path: Path, change: dict[str, str], said: str) -> None:
    file = tmp_path / "answers.csv"
    push_answers(folders, to_file=file, sample=None)
    rows = [row | change for row in rows_of(file)]
    with file.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    with pytest.raises(ReviewError, match=said):
        pull_answers(folders, from_files=[file])
    assert EvaluationFolder(folders[0]).ratings() == []


def test_where_to_and_where_from(folders: list[Path], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="review push needs --argilla-url URL, or --to FILE"):
        push_answers(folders)
    with pytest.raises(ConfigError, match="review pull --evaluation needs --from FILE"):
        pull_answers(folders)
    predicted(tmp_path, "silent", {})
    with pytest.raises(ReviewError, match="no question has an answer to be rated"):
        push_answers([tmp_path / "silent"], to_file=tmp_path / "x.csv")


def test_the_command(folders: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evaluations = ["--evaluation", *map(str, folders)]
    file = tmp_path / "answers.csv"
    assert self_instruct(["review", "push", *evaluations, "--to", str(file), "--all"]) == 0
    assert capsys.readouterr().out == f"8 answers to rate: {file}\n"
    fill(file, right)
    assert self_instruct(["review", "pull", *evaluations, "--from", str(file)]) == 0
    assert "| base | people | 1 | 0 | 0 | 3 | 25% |" in capsys.readouterr().out
    assert self_instruct(["review", "pull", "--from", str(file)]) == 1
    assert "review pull needs a run folder, or --evaluation FOLDER ..." in capsys.readouterr().err
