"""Push, pull and seeds through files: what a run folder remembers, and what a review makes of its dataset."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from distilabel_selfinstruct.data.dataset import load_dataset
from distilabel_selfinstruct.data.folder import RunFolder
from distilabel_selfinstruct.data.seeds import load_seed_tasks
from distilabel_selfinstruct.errors import ConfigError, MissingExtraError, RunFolderError
from distilabel_selfinstruct.report.page import render_page
from distilabel_selfinstruct.report.rows import read_rows
from distilabel_selfinstruct.report.statistics import compute_statistics
from distilabel_selfinstruct.review import (
    Quality,
    ReviewError,
    pull_review,
    push_review,
    read_quality,
    render_quality,
    review_seeds,
    write_review,
)
from distilabel_selfinstruct.review.store import ReviewStore
from distilabel_selfinstruct.text.reading.answers import Instance
from tests.review.runs import CAPITAL, DOSE, JOKE, SEA, SIGN, Row, fill_in, instance, make_run, record_id, verdicts


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path / "run", [CAPITAL, SIGN, JOKE])


def review(run: Path, answers: dict[str, dict[str, str]], annotator: str = "anna") -> Quality:
    """Pushes everything to a file, has it filled in, and pulls it."""
    file = run.parent / f"review-{len(ReviewStore(run).pushes())}.csv"
    push_review(run, to_file=file)
    fill_in(file, answers, annotator)
    return pull_review(run, from_file=file)


def rows(run: Path, config: str) -> list[Row]:
    listed: list[Row] = load_dataset(run / "dataset")[config]["train"].to_list()
    return listed


# Push


def test_the_sample_is_random_seeded_and_recorded(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", [instance(n, f"Task {n}.", "", "Done.") for n in range(50)])
    for number, options in enumerate([{"sample": 5}, {"sample": 5}, {"sample": 8}, {"sample": 5, "seed": 1}]):
        push_review(run, to_file=tmp_path / f"{number}.csv", **options)  # type: ignore[arg-type]
    small, same, large, other = ReviewStore(run).pushes()
    assert len(set(small.record_ids)) == 5
    assert (small.seed, small.population, other.seed) == (0, 50, 1)
    assert same.record_ids == small.record_ids == large.record_ids[:5]
    assert set(small.record_ids) != set(other.record_ids)
    assert list(small.record_ids) != sorted(small.record_ids)


def test_each_annotator_has_a_file(run: Path, tmp_path: Path) -> None:
    pushed = push_review(run, to_file=tmp_path / "review.csv", annotators=2)
    assert pushed.target.files == (str(tmp_path / "review-1.csv"), str(tmp_path / "review-2.csv"))
    assert str(pushed).startswith("3 of 3 instances to review, 3 of them new: ")
    for number, letters in ((1, "yyy"), (2, "yyn")):
        fill_in(tmp_path / f"review-{number}.csv", {record_id(JOKE): verdicts(letters)})
    quality = pull_review(run)
    assert (quality.records, quality.answers, quality.groups["all"]["correct_output"].right) == (1, 2, 0)


def test_a_run_without_a_dataset_has_nothing_to_review(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="is no run folder; give the folder that a pipeline wrote"):
        push_review(tmp_path, to_file=tmp_path / "review.csv")
    (tmp_path / "config.yaml").write_text("preset: default\n")
    with pytest.raises(RunFolderError, match="there is no dataset; run the pipeline to its end first"):
        push_review(tmp_path, to_file=tmp_path / "review.csv")


def test_a_run_without_instances_has_nothing_to_review(tmp_path: Path) -> None:
    with pytest.raises(ReviewError, match="there is no instance to review"):
        push_review(make_run(tmp_path / "run", []), to_file=tmp_path / "review.csv")


@pytest.mark.parametrize("options", [{}, {"argilla_url": "http://127.0.0.1:9", "to_file": Path("review.csv")}])
def test_it_goes_to_a_server_or_to_a_file(run: Path, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="needs --argilla-url URL, or --to FILE"):
        push_review(run, **options)


@pytest.mark.parametrize("options", [{"sample": 0}, {"annotators": 0}])
def test_numbers_are_above_0(run: Path, tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="expected a number above 0"):
        push_review(run, to_file=tmp_path / "review.csv", **options)


def test_without_argillas_sdk_it_says_what_to_install(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "argilla", None)
    with pytest.raises(MissingExtraError, match=r'pip install "distilabel-selfinstruct\[argilla\]"'):
        push_review(run, argilla_url="http://127.0.0.1:9")


def test_a_folder_in_use_is_left_alone(run: Path, tmp_path: Path) -> None:
    with FileLock(run / ".lock"), pytest.raises(RunFolderError, match="another process is at work here"):
        push_review(run, to_file=tmp_path / "review.csv")


# Pull


def test_every_answer_becomes_a_row_of_reviewed(run: Path) -> None:
    review(run, {record_id(SIGN): verdicts("ynn", corrected_output="minus")}, "anna")
    review(run, {record_id(SIGN): verdicts("yyy")}, "ben")
    first, second = rows(run, "reviewed")
    assert first == {
        "instance_id": "000002-00-0", "instruction_id": "000002-00",
        "instruction": "Is the number positive or negative?", "input": "-7", "output": "minus",
        "is_classification": True, "round": 2, "max_similarity": 0.25, "model_name": "demo",
        "original_instruction": "Is the number positive or negative?", "original_input": "-7",
        "original_output": "negative", "record_id": record_id(SIGN), "valid_task": True, "appropriate_input": False,
        "correct_output": False, "annotator": "annotator-1", "reviewed_at": None,
    }  # fmt: skip
    assert (second["annotator"], second["output"], second["correct_output"]) == ("annotator-2", "negative", True)


def test_rows_keep_the_columns_that_their_recipe_adds(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", [DOSE])
    review(run, {record_id(DOSE): verdicts("yyn", corrected_output="Every six hours at most.")})
    for config in ("reviewed", "curated"):
        [row] = rows(run, config)
        assert {name: row[name] for name in ("document_id", "title", "document", "output")} == {
            "document_id": "000000", "title": "Paracetamol", "document": DOSE["document"],
            "output": "Every six hours at most.",
        }  # fmt: skip


def test_the_quality_names_the_stages_of_the_recipe(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", [DOSE], recipe="domain")
    review(run, {record_id(DOSE): verdicts("yyn")})
    quality = read_quality(run)
    assert quality is not None
    page = render_page(compute_statistics(read_rows([DOSE])), {}, quality)
    for shown in (render_quality(quality), page):
        assert "Queries: a valid task" in shown
        assert "Answers: of these, with a correct output" in shown
        assert "Bootstrap" not in shown


def test_curated_is_what_is_right_or_was_corrected(run: Path) -> None:
    review(
        run,
        {
            record_id(CAPITAL): verdicts("yyy", corrected_instruction="Name the capital of this country."),
            record_id(SIGN): verdicts("yyn", corrected_output="It is negative."),
            record_id(JOKE): verdicts("yyn"),
        },
    )
    assert [(row["instruction"], row["input"], row["output"], row["is_corrected"]) for row in rows(run, "curated")] == [
        ("Name the capital of this country.", "France", "Paris", True),
        ("Is the number positive or negative?", "-7", "It is negative.", True),
    ]


def test_a_correction_mends_only_the_text_that_the_no_is_about(run: Path) -> None:
    review(run, {record_id(SIGN): verdicts("nyy", corrected_output="minus")})
    assert rows(run, "curated") == []


def test_shares_are_about_the_text_as_it_was_shown(run: Path) -> None:
    quality = review(run, {record_id(SIGN): verdicts("yyn", corrected_output="minus")})
    assert quality.groups["all"]["correct_output"].right == 0


def test_pulling_again_changes_nothing_and_a_second_file_adds_to_it(run: Path) -> None:
    first = review(run, {record_id(SIGN): verdicts("yyy")})
    before = (run / "review" / "answers.jsonl").read_text()
    assert pull_review(run, from_file=run.parent / "review-0.csv") == first
    assert (run / "review" / "answers.jsonl").read_text() == before
    assert review(run, {record_id(JOKE): verdicts("yyy")}).records == 2


def test_an_annotator_who_thinks_again_replaces_the_answer(run: Path) -> None:
    review(run, {record_id(SIGN): verdicts("yyy")})
    quality = review(run, {record_id(SIGN): verdicts("nnn")})
    assert (quality.answers, quality.groups["all"]["all_right"].right) == (1, 0)


def test_names_stay_in_one_file_out_of_the_dataset(run: Path) -> None:
    review(run, {record_id(SIGN): verdicts("yyy")}, "Anna Example")
    assert json.loads((run / "review" / "annotators.json").read_text()) == {"Anna Example": "annotator-1"}
    found = [path.name for path in run.rglob("*") if path.is_file() and b"Anna Example" in path.read_bytes()]
    assert found == ["annotators.json"]


def test_records_that_changed_meanwhile_are_said_and_not_counted(run: Path) -> None:
    review(run, {record_id(SIGN): verdicts("yyy"), record_id(JOKE): verdicts("yyy")})
    make_run(run, [CAPITAL, {**SIGN, "output": "below zero"}, JOKE])
    quality = pull_review(run)
    assert quality.records == 1
    assert quality.notes == (
        "1 reviewed records have changed in the dataset since they were pushed: their answers are kept in"
        " review/answers.jsonl and not counted. Push again to have the new texts reviewed.",
    )
    make_run(run, [CAPITAL, SIGN, JOKE])
    assert pull_review(run).records == 2


def test_rows_half_answered_are_said(run: Path) -> None:
    quality = review(run, {record_id(SIGN): {"valid_task": "yes"}})
    assert quality.notes == ("1 rows have only some of the questions answered: not counted.",)


def test_a_run_that_was_written_anew_gets_its_review_back(run: Path) -> None:
    quality = review(run, {record_id(SIGN): verdicts("yyy")})
    curated = rows(run, "curated")
    make_run(run, [CAPITAL, SIGN, JOKE])
    assert "curated" not in load_dataset(run / "dataset")
    assert write_review(run) == quality == read_quality(run)
    assert rows(run, "curated") == curated


def test_a_run_without_answers_has_no_quality(run: Path) -> None:
    assert read_quality(run) is None
    assert write_review(run) is None


def test_what_is_set_apart_for_evaluation_makes_no_seed_tasks(run: Path, tmp_path: Path) -> None:
    review(run, {record_id(SIGN): verdicts("yyy"), record_id(CAPITAL): verdicts("yyy")})
    RunFolder(run).write_sides({SIGN["instruction_id"]: "held_out", CAPITAL["instruction_id"]: "training"})
    assert review_seeds(run, tmp_path / "more.jsonl") == 1
    assert [task.instruction for task in load_seed_tasks(tmp_path / "more.jsonl")] == [CAPITAL["instruction"]]


def test_pull_needs_a_push(run: Path) -> None:
    with pytest.raises(ReviewError, match="nothing was pushed to be reviewed; begin with `review push`"):
        pull_review(run)


def test_pull_from_a_server_needs_a_push_to_a_server(run: Path, tmp_path: Path) -> None:
    push_review(run, to_file=tmp_path / "review.csv")
    with pytest.raises(ReviewError, match="nothing was pushed to a server, only to files; give --from FILE"):
        pull_review(run, argilla_url="http://127.0.0.1:9")


# Seeds


def test_curated_instances_become_seed_tasks_in_the_official_schema(tmp_path: Path) -> None:
    second = {**SIGN, "instance_id": "000002-00-1", "input": "8", "output": "positive"}
    run = make_run(tmp_path / "run", [CAPITAL, SIGN, second, JOKE])
    yes = {record_id(row): verdicts("yyy") for row in (CAPITAL, SIGN, second)}
    review(run, yes)
    out = tmp_path / "seeds" / "more.jsonl"
    assert review_seeds(run, out) == 2
    capital, sign = load_seed_tasks(out)
    assert capital.instances == (Instance("France", "Paris"),)
    assert (sign.instruction, sign.is_classification) == ("Is the number positive or negative?", True)
    assert sign.instances == (Instance("-7", "negative"), Instance("8", "positive"))
    assert sign.name == "run 000002-00"
    assert review_seeds(run, out) == 2


def test_what_old_seeds_hold_already_is_left_out(tmp_path: Path) -> None:
    of_run = instance(5, "Write a poem about the sea.", "", "Waves.")
    of_file = instance(6, "Name the capital of a country.", "", "Rome")
    rows = [of_run, of_file, JOKE]
    run = make_run(tmp_path / "run", rows, seeds=[SEA])
    old = tmp_path / "old.jsonl"
    task = {"id": "old", "instruction": CAPITAL["instruction"], "instances": [{"input": "Spain", "output": "Madrid"}],
            "is_classification": False}  # fmt: skip
    old.write_text(json.dumps(task) + "\n")
    review(run, {record_id(row): verdicts("yyy") for row in rows})
    assert review_seeds(run, tmp_path / "more.jsonl", [old]) == 1
    assert [task.instruction for task in load_seed_tasks(old, tmp_path / "more.jsonl")][1:] == ["Tell me a joke."]


def test_nobodys_own_seed_file_is_written_over(run: Path, tmp_path: Path) -> None:
    review(run, {record_id(JOKE): verdicts("yyy")})
    own = tmp_path / "own.jsonl"
    own.write_text(json.dumps(SEA) + "\n")
    with pytest.raises(ReviewError, match="holds seed tasks that do not come from a review"):
        review_seeds(run, own)


def test_nothing_approved_gives_no_seed_file(run: Path, tmp_path: Path) -> None:
    with pytest.raises(ReviewError, match="nothing was reviewed yet"):
        review_seeds(run, tmp_path / "more.jsonl")
    review(run, {record_id(JOKE): verdicts("nnn")})
    with pytest.raises(ReviewError, match="of the 0 curated instances none was approved"):
        review_seeds(run, tmp_path / "more.jsonl")
    assert not (tmp_path / "more.jsonl").exists()
