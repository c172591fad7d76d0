"""A run that goes on from what is there already: more of it in the same folder extends the dataset."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import Script
from tests.integration.test_demo_run import bytes_of

pytestmark = pytest.mark.slow

MOST = {
    "domain": "--max-documents",
    "evolve": "--max-instructions",
    "preferences": "--max-instructions",
}


@pytest.mark.parametrize("recipe", MOST)
def test_the_dataset_is_that_of_a_run_with_all_of_it_at_once(script: Script, tmp_path: Path, recipe: str) -> None:
    def run(folder: str, most: int) -> str:
        result = script("--out", tmp_path / folder, MOST[recipe], most, pipeline=recipe)
        assert result.returncode == 0, result.stderr
        return result.stdout

    run("grown", 12)
    asked_first = requests_of(tmp_path / "grown")
    run("grown", 30)
    run("whole", 30)
    assert bytes_of(tmp_path / "grown" / "dataset") == bytes_of(tmp_path / "whole" / "dataset")
    asked = requests_of(tmp_path / "grown")
    assert asked_first < asked
    assert len(asked) <= 1.2 * len(requests_of(tmp_path / "whole"))  # what later originals made near-duplicates of


def requests_of(run: Path) -> set[tuple[str, str]]:
    """What was asked in each stage."""
    asked = set()
    for path in (run / "completions").glob("*.sqlite"):
        with closing(sqlite3.connect(path)) as connection:
            asked |= {
                (path.name.split("-")[0], str(key)) for (key,) in connection.execute("SELECT prompt FROM requests")
            }
    return asked
