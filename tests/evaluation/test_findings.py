"""What evaluations have found of models that were trained on a run, in its report and its card."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from distilabel_selfinstruct.evaluation.findings import Finding, find, record_findings
from distilabel_selfinstruct.report.card import card_text
from distilabel_selfinstruct.report.page import render_page
from distilabel_selfinstruct.report.rows import read_rows
from distilabel_selfinstruct.report.statistics import compute_statistics
from distilabel_selfinstruct.report.writing import write_report
from tests.evaluation.evaluations import CAPITALS, predicted
from tests.report.run_rows import whole_run
from tests.report.test_card import make_facts

ROWS = [{"instruction": "Name a prime.", "input": "", "output": "7"}]


@pytest.fixture
def findings(tmp_path: Path) -> list[Finding]:
    """One benchmark with two models, one of which has a name that is markup."""
    predicted(tmp_path, "base", {"Peru": "Lima"})
    predicted(tmp_path, "tuned", CAPITALS)
    found = find([tmp_path / "base", tmp_path / "tuned"])
    models = {name.replace("tuned", "<i>tuned</i>"): scores for name, scores in found[0].models.items()}
    return [Finding(found[0].benchmark, models, found[0].sentences)]


def test_the_page(findings: list[Finding]) -> None:
    statistics = compute_statistics(read_rows(ROWS))
    assert 'id="evaluation"' not in render_page(statistics)
    page = render_page(statistics, findings=findings)
    assert '<h2 id="evaluation">Evaluation</h2>' in page
    assert '<th scope="row">&lt;i&gt;tuned&lt;/i&gt;</th><td>100.00</td><td>100.00 to 100.00</td>' in page
    assert "tuned is better than base: +80.00 points of ROUGE-L" in page


def test_the_page_of_a_run_shows_what_its_folder_keeps(tmp_path: Path) -> None:
    run = whole_run(tmp_path / "run")
    predicted(tmp_path, "base", {"Peru": "Lima"})
    record_findings(run, [tmp_path / "base"])
    page = write_report(run).read_text(encoding="utf-8")
    assert '<a href="#evaluation">Evaluation</a>' in page
    assert '<th scope="row">base</th><td>20.00</td>' in page


def test_the_card(findings: list[Finding]) -> None:
    assert "## Evaluation" not in card_text(make_facts())
    text = card_text(make_facts(findings=findings))
    assert "## Evaluation\n" in text
    assert "| base | 20.00 | 0.00 to 60.00 | 20.00 | 0.00 to 60.00 | 1 of 5 |" in text
    assert "<i>" not in text
    assert re.search(r"tuned is better than base.{1,9} \+80\.00 points of ROUGE-L", text)
