"""A run that goes on from what is there already: more of it in the same folder extends the dataset."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct.data.dataset import load_dataset
from distilabel_selfinstruct.review import pull_review, push_review
from distilabel_selfinstruct.review.store import ReviewStore
from distilabel_selfinstruct.runs.config import read_config
from distilabel_selfinstruct.runs.run import Run
from tests.conftest import Script, first_line
from tests.review.runs import fill_in, verdicts
from tests.support.recipes import bytes_of, recipe_of, run_here

pytestmark = pytest.mark.slow

MOST = {
    "domain": "--max-documents",
    "evolve": "--max-instructions",
    "preferences": "--max-instructions",
}


@pytest.mark.parametrize("recipe", MOST)
def test_the_dataset_is_that_of_a_run_with_all_of_it_at_once(tmp_path: Path, recipe: str) -> None:
    def run(folder: str, most: int) -> None:
        result = run_here(recipe_of(recipe), tmp_path / folder, MOST[recipe], most)
        assert result.status == 0, result.err

    run("grown", 12)
    asked_first = requests_of(tmp_path / "grown")
    run("grown", 30)
    run("whole", 30)
    assert bytes_of(tmp_path / "grown" / "dataset") == bytes_of(tmp_path / "whole" / "dataset")
    asked = requests_of(tmp_path / "grown")
    assert asked_first < asked
    assert len(asked) <= 1.2 * len(requests_of(tmp_path / "whole"))  # what later originals made near-duplicates of


def test_a_run_that_was_reviewed_keeps_its_review(tmp_path: Path) -> None:
    run, file = tmp_path / "run", tmp_path / "review.csv"
    assert run_here(recipe_of("domain"), run, "--max-documents", 6).status == 0
    push_review(run, to_file=file, sample=3)
    reviewed = ReviewStore(run).records()
    fill_in(file, dict.fromkeys(reviewed, verdicts("yyy")))
    pull_review(run)
    grown = run_here(recipe_of("domain"), run, "--max-documents", 8)
    assert (grown.status, grown.err) == (0, first_line(run, "domain"))
    dataset = load_dataset(run / "dataset")
    assert len(dataset["reviewed"]["train"]) == len(dataset["curated"]["train"]) == len(reviewed) == 3


def test_one_that_was_stopped_while_it_grew_goes_on(script: Script, tmp_path: Path) -> None:
    def stop(run: Run[Any]) -> Any:
        raise KeyboardInterrupt

    documents = tmp_path / "documents"
    documents.mkdir()
    command = ("--out", tmp_path / "run", "--documents", documents)
    for name in ("aorta", "heart"):
        (documents / f"{name}.txt").write_text(f"The {name} is a part of the body. Blood flows through the {name}.")
    assert script(*command, "--max-documents", 1, pipeline="domain").returncode == 0
    given = {"out": str(tmp_path / "run"), "documents": str(documents)}
    recipe = recipe_of("domain")
    config = read_config(given, {}, "", recipe.load_config())
    with pytest.raises(KeyboardInterrupt):
        Run(config, recipe).execute(stop)
    assert script(*command, pipeline="domain").returncode == 0
    instructions = load_dataset(tmp_path / "run" / "dataset")["instructions"]["train"]
    assert set(instructions["title"]) == {"aorta", "heart"}


def requests_of(run: Path) -> set[tuple[str, str]]:
    """What was asked in each stage."""
    asked = set()
    for path in (run / "completions").glob("*.sqlite"):
        with closing(sqlite3.connect(path)) as connection:
            asked |= {
                (path.name.split("-")[0], str(key)) for (key,) in connection.execute("SELECT prompt FROM requests")
            }
    return asked
