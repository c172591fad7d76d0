"""Filters, of the user and ready ones, in every recipe."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from distilabel_selfinstruct.recipe import Recipe, recipes
from distilabel_selfinstruct.report.rows import read_run
from distilabel_selfinstruct.report.statistics import funnel_of
from tests.recipes.test_contract import SMALL
from tests.support.recipes import bytes_of, run_here

# distilabel reads all attributes of its tasks, those that are deprecated too.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")]

MINE = '''
def has_even_length(row):
    """Of an odd length."""
    return len(row["output"]) % 2 == 0, row["output"]
'''


@pytest.mark.parametrize("recipe", recipes().values(), ids=list(recipes()))
def test_what_a_filter_does_not_keep_is_rejected_for_its_reason(recipe: Recipe, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    options = [*SMALL[recipe.name], "--filter", f"{tmp_path / 'mine.py'}:has_even_length", "--filter", "json"]
    made = run_here(recipe, tmp_path / "run", *options)
    rejected = [row for row in made.rows("rejected") if row["stage"] == "filters"]
    odd = [row for row in rejected if row["reason"] == "has_even_length"]
    assert odd
    assert all(row["output"].startswith(row["detail"]) for row in odd)
    other = [row for row in rejected if row["reason"] == "invalid_json"]
    assert len(odd) + len(other) == len(rejected)
    assert all(row["detail"] and len(row["output"]) % 2 == 0 for row in other)
    assert all(len(row["output"]) % 2 == 0 and json.loads(row["output"]) for row in made.rows("instances"))
    summary = made.folder.summary()
    assert summary.rejected["filters"] == Counter(row["reason"] for row in rejected)
    (stage,) = [each for each in funnel_of(read_run(made.path)) if each.name == "filters"]
    assert stage.meanings == {
        reason: meaning
        for reason, meaning in {"has_even_length": "Of an odd length", "invalid_json": "is no JSON"}.items()
        if reason in summary.rejected["filters"]
    }
    if summary.main_rows:
        before = bytes_of(made.path)
        again = run_here(recipe, tmp_path / "run", *options)
        assert (again.status, bytes_of(made.path)) == (made.status, before)
