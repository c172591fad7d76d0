"""`--skip-classification`: nobody is asked about it, and every instruction goes through the input-first prompt."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from distilabel_selfinstruct import InputFirstInstances
from distilabel_selfinstruct.data.folder import RunFolder
from distilabel_selfinstruct.hub.contents import read_finished_run, statistics_of
from distilabel_selfinstruct.recipe import get_recipe
from distilabel_selfinstruct.report.card import CardFacts, render_card
from distilabel_selfinstruct.report.rows import read_run
from distilabel_selfinstruct.report.statistics import funnel_of, overview_of
from tests.steps.scripted_llm import ScriptedLLM
from tests.support.recipes import COLUMNS, Made, run_here, types_of

RECIPE = get_recipe("self-instruct")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("skipped") / "run"
    return run_here(RECIPE, folder, "--num-instructions", 15, "--skip-classification")


def test_an_instruction_that_nobody_has_classified_is_asked_about_input_first(seed_file: str) -> None:
    input_first = InputFirstInstances(llm=ScriptedLLM().answering("Output: Lima"), seed_files=[seed_file])
    input_first.load()
    ((row,),) = input_first.process([{"instruction": "Name the capital of Peru."}])
    assert row["instances"] == [{"input": "", "output": "Lima", "reject_reason": None}]
    assert row["is_classification"] is None


@pytest.mark.slow
class TestRun:
    def test_every_instruction_gets_instances_input_first(self, made: Made) -> None:
        assert made.status == 0
        prompts = [path.name.partition("-")[0] for path in sorted(made.folder.completions.glob("*.sqlite"))]
        assert prompts == ["bootstrap", "input_first"]
        (path,) = made.folder.completions.glob("input_first-*.sqlite")
        with sqlite3.connect(path) as connection:
            assert connection.execute("SELECT count(*) FROM completions").fetchone() == (15,)
        connection.close()
        assert all(row["is_classification"] is None for row in made.rows("instances"))
        assert types_of(made.path) == COLUMNS

    def test_the_folder_says_that_it_was_left_out(self, made: Made) -> None:
        folder = RunFolder(made.path)
        assert folder.config()["skip_classification"] is True
        assert [stage.name for stage in folder.recipe().stages] == ["bootstrap", "instances", "judgement"]
        assert not any("Classification" in paragraph for paragraph in folder.recipe().how)

    def test_the_counts_of_the_report_add_up(self, made: Made) -> None:
        rows = read_run(made.path)
        bootstrap, instances = funnel_of(rows)
        assert (bootstrap.name, bootstrap.admitted) == ("bootstrap", 15)
        assert instances.candidates == instances.admitted + sum(instances.rejected.values())
        assert instances.admitted == len(made.rows("instances"))
        assert overview_of(rows.instructions, rows.instances).classification is None

    def test_the_card_does_not_speak_of_it(self, made: Made) -> None:
        run = read_finished_run(made.path)
        card = render_card(CardFacts("me/tasks", statistics_of(run), run.datasets, run.settings, run.recipe))
        assert "whether it is a classification task was not asked" in card
        assert "| Classification |" not in card
        assert "**Classification.**" not in card

    def test_it_is_part_of_what_a_run_is(self, made: Made) -> None:
        before = (made.path / "config.yaml").read_bytes()
        again = run_here(RECIPE, made.path, "--num-instructions", 15)
        assert again.status == 1
        assert "skip_classification is True there, False here" in again.err
        assert (made.path / "config.yaml").read_bytes() == before

    def test_no_limit_is_given_to_a_stage_that_is_left_out(self, tmp_path: Path) -> None:
        options = ("--num-instructions", 5, "--skip-classification", "--max-tokens", "classification=9")
        refused = run_here(RECIPE, tmp_path / "run", *options)
        assert refused.status == 1
        assert "there is no stage 'classification'" in refused.err
