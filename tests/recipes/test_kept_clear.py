"""Every recipe keeps clear of the evaluation sets that it is told, before it asks anything about what they have."""

from __future__ import annotations

import json

import pytest

from distilabel_selfinstruct.models.records import usage_by_stage
from distilabel_selfinstruct.recipe import recipes
from distilabel_selfinstruct.report.rows import read_run
from distilabel_selfinstruct.report.statistics import funnel_of
from tests.recipes.test_contract import SMALL
from tests.support.recipes import Made, bytes_of, run_here

# distilabel reads all attributes of its tasks, those that are deprecated too.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")]


@pytest.fixture(scope="module", params=list(recipes()))
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Made, Made]:
    """A run, and one that is kept clear of three of its instructions."""
    recipe, folder = recipes()[request.param], tmp_path_factory.mktemp(request.param)
    free = run_here(recipe, folder / "free", *SMALL[recipe.name])
    answered = dict.fromkeys(row["instruction"] for row in free.rows("instances"))
    rows = [{"question": text} for text in list(answered)[:3]]
    (folder / "evaluation.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = ["--keep-clear-of", folder / "evaluation.jsonl"]
    return free, run_here(recipe, folder / "clear", *SMALL[recipe.name], *options)


def evaluation_of(made: Made) -> set[str]:
    return {json.loads(line)["question"] for line in (made.path.parent / "evaluation.jsonl").read_text().splitlines()}


def test_what_is_asked_there_is_rejected_with_its_neighbour(both: tuple[Made, Made]) -> None:
    made = both[1]
    rejected = [row for row in made.rows("rejected") if row["stage"] in ("clear", "clear_inputs")]
    assert rejected
    assert {row["neighbour"] for row in rejected} <= evaluation_of(made)
    assert all(row["score"] is not None and row["detail"] for row in rejected)
    for config in ("instances", "instructions"):
        assert not evaluation_of(made) & {row["instruction"] for row in made.rows(config)}
    assert made.status == 0


def test_nothing_is_asked_about_it(both: tuple[Made, Made]) -> None:
    free, made = both
    rejected = {row["instruction_id"] for row in made.rows("rejected") if row["stage"] == "clear"}
    assert rejected
    assert not rejected & {row["instruction_id"] for row in made.rows("instances")}
    if made.folder.summary().wanted is None:  # the others ask for more until they have enough
        asked, before = (
            sum(used.requests for used in usage_by_stage(each.folder.completions).values()) for each in (made, free)
        )
        assert asked < before


def test_the_counts_add_up(both: tuple[Made, Made]) -> None:
    made = both[1]
    summary = made.folder.summary()
    assert (summary.instances, summary.admitted) == (len(made.rows("instances")), len(made.rows("instructions")))
    assert summary.wanted in (None, summary.admitted)
    declared = {(stage.name, reason.code) for stage in made.folder.recipe().stages for reason in stage.reasons}
    assert made.reasons <= declared
    funnel = {stage.name: stage for stage in funnel_of(read_run(made.path))}
    assert sum(funnel["clear"].rejected.values()) == summary.rejected["clear"]["ngram_overlap"] + summary.rejected[
        "clear"
    ].get("similar_to_evaluation", 0)


def test_the_same_command_changes_nothing_and_another_set_is_another_run(both: tuple[Made, Made]) -> None:
    made = both[1]
    evaluation = made.path.parent / "evaluation.jsonl"
    before = bytes_of(made.path)
    again = run_here(made.recipe, made.path, *SMALL[made.recipe.name], "--keep-clear-of", evaluation)
    assert (again.status, bytes_of(made.path)) == (0, before)
    other = made.path.parent / "other.jsonl"
    other.write_text('{"question": "What is the longest river of Asia?"}\n')
    refused = run_here(made.recipe, made.path, *SMALL[made.recipe.name], "--keep-clear-of", other)
    assert refused.status == 1
    assert "evaluation texts were read there that are not among those of this command" in refused.err
