"""Filters of the user, in every recipe."""

from __future__ import annotations

from pathlib import Path

import pytest

from distilabel_selfinstruct.recipe import Recipe, recipes
from distilabel_selfinstruct.report.rows import read_run
from distilabel_selfinstruct.report.statistics import funnel_of
from tests.recipes.test_contract import SMALL
from tests.support.recipes import run_here

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
    made = run_here(
        recipe, tmp_path / "run", *SMALL[recipe.name], "--filter", f"{tmp_path / 'mine.py'}:has_even_length"
    )
    rejected = [row for row in made.rows("rejected") if row["stage"] == "filters"]
    assert rejected
    assert all(row["reason"] == "has_even_length" and row["output"].startswith(row["detail"]) for row in rejected)
    assert all(len(row["output"]) % 2 == 0 for row in made.rows("instances"))
    summary = made.folder.summary()
    assert summary.rejected["filters"] == {"has_even_length": len(rejected)}
    (stage,) = [each for each in funnel_of(read_run(made.path)) if each.name == "filters"]
    assert stage.meanings == {"has_even_length": "Of an odd length"}
