"""Models side by side: one table, one page, plain sentences; and what a run names."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from distilabel_selfinstruct.cli import self_instruct
from distilabel_selfinstruct.errors import ConfigError, RunFolderError
from distilabel_selfinstruct.evaluation import EvaluationFolder, compare
from distilabel_selfinstruct.evaluation.findings import read_findings, record_findings
from distilabel_selfinstruct.evaluation.scoring import score
from distilabel_selfinstruct.evaluation.tables import describe_comparison
from distilabel_selfinstruct.report.comparison import write_comparison
from tests.evaluation.evaluations import CAPITALS, predicted, write_rows

WRONG = dict.fromkeys(CAPITALS, "Paris") | {"Peru": "Lima"}
HOSTILE = CAPITALS | {"Chile": "<script>alert(1)</script>"}


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    predicted(tmp_path, "base", WRONG)
    predicted(tmp_path, "tuned", HOSTILE)
    return [tmp_path / "base", tmp_path / "tuned"]


def test_which_is_better_and_where_they_differ_most(folders: list[Path]) -> None:
    found = compare(folders)
    assert (found.benchmark, found.questions, list(found.models)) == ("rows", 5, ["base", "tuned"])
    rouge, exact = found.differences
    assert (rouge.metric, exact.metric) == ("ROUGE-L", "exact match")
    assert (rouge.wins, rouge.losses, rouge.ties, rouge.estimate.value) == (3, 0, 2, 60)
    assert rouge.sentence.startswith(
        "tuned is better than base: +60.00 points of ROUGE-L (95% interval 20.00 to 100.00"
    )
    rows = found.rows["base", "tuned"]
    assert {row.question.id for row in rows} == {"Kenya", "Japan", "Egypt"}
    assert (rows[0].responses[0], rows[0].scores) == ("Paris", (0.0, 100.0))


def test_two_evaluations_of_one_model_are_told_apart(tmp_path: Path) -> None:
    predicted(tmp_path, "base", WRONG)
    (tmp_path / "later").mkdir()
    predicted(tmp_path / "later", "base", CAPITALS)
    names = list(compare([tmp_path / "base", tmp_path / "later" / "base"]).models)
    assert names == [f"base ({tmp_path / 'base'})", f"base ({tmp_path / 'later' / 'base'})"]


def test_only_what_all_have_answered_counts(tmp_path: Path) -> None:
    predicted(tmp_path, "base", CAPITALS)
    predicted(tmp_path, "tuned", CAPITALS, limit=2)
    found = compare([tmp_path / "base", tmp_path / "tuned"])
    assert found.questions == 2
    assert found.notes == ["Compared on the 2 questions that all of them have answered, of 5."]


def test_nothing_to_compare(tmp_path: Path, folders: list[Path]) -> None:
    with pytest.raises(ConfigError, match="needs two folders at least"):
        compare(folders[:1])
    with pytest.raises(RunFolderError, match="holds no evaluation that has ended"):
        compare([folders[0], tmp_path / "nothing"])
    other = write_rows(tmp_path / "other.jsonl", [{"instruction": "Sing.", "output": "la"}] * len(CAPITALS))
    predicted(tmp_path, "other", {}, tasks=str(other))
    with pytest.raises(ConfigError, match="there is no question that all of them have answered"):
        compare([folders[0], tmp_path / "other"])


def test_one_folder_twice(folders: list[Path]) -> None:
    with pytest.raises(ConfigError, match="one folder is given twice"):
        compare([folders[0], folders[0]])


def test_answers_without_a_metric_of_their_own(folders: list[Path], tmp_path: Path) -> None:
    """As of tasks of lm-eval whose metrics are about all answers together."""
    for path in folders:
        folder = EvaluationFolder(path)
        predictions = [replace(each, scores={}) for each in folder.predictions()]
        folder.write_predictions(predictions)
        folder.write_scores(score(predictions, path.name, "rows", wording=None))
    found = compare(folders)
    assert (found.models["base"].scores, found.differences, found.rows["base", "tuned"]) == ({}, [], [])
    assert "<svg" not in write_comparison(found, tmp_path / "page.html").read_text(encoding="utf-8")


def test_what_was_not_answered_is_said_beside_the_difference(tmp_path: Path, folders: list[Path]) -> None:
    predicted(tmp_path, "silent", {})
    said = describe_comparison(compare([folders[0], tmp_path / "silent"]))
    assert "note: silent: 5 of 5 answers are empty and score 0." in said


def test_the_page_needs_nothing_but_itself_and_escapes_what_models_say(folders: list[Path], tmp_path: Path) -> None:
    page = write_comparison(compare(folders), tmp_path / "pages" / "one.html").read_text(encoding="utf-8")
    assert "tuned is better than base" in page
    assert "<svg" in page
    assert "<script>" not in page
    assert page.count("<h2") == 3
    assert re.findall(r"(?:src|href)=.(?!#)[^ >]*", page) == []
    assert "url(http" not in page


def test_the_command(folders: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert self_instruct(["evaluate", "compare", *map(str, folders)]) == 0
    shown = capsys.readouterr().out
    assert "| base | 20.00 |" in shown
    assert "tuned is better than base: +60.00 points of ROUGE-L" in shown
    assert (tmp_path / "comparison.html").is_file()
    assert self_instruct(["evaluate", "compare", *map(str, folders), "--to", str(tmp_path / "x.html"), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["differences"][0]["verdict"] == "better"
    assert record["page"] == str(tmp_path / "x.html")


def test_what_a_run_names_stays_in_its_folder(folders: list[Path], tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.yaml").write_text("recipe: self-instruct\n")
    assert read_findings(run) == []
    record_findings(run, folders)
    (finding,) = read_findings(run)
    assert (finding.benchmark, list(finding.models)) == ("rows", ["base", "tuned"])
    assert finding.models["tuned"].scores["exact_match"].value == 80
    assert finding.sentences[0].startswith("tuned is better than base")
    record_findings(run, folders[1:])
    assert list(read_findings(run)[0].models) == ["tuned"]
    (run / "evaluations.json").write_text("[1]")
    with pytest.raises(RunFolderError, match=r"evaluations\.json: is damaged; delete it and give `self-instr"):
        read_findings(run)
