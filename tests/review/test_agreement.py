"""A judge beside the annotators of a reviewed run: Cohen's kappa, before anyone trusts the judge."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from distilabel_selfinstruct.__main__ import main
from distilabel_selfinstruct.config import read_config
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.report.page import render_page
from distilabel_selfinstruct.report.rows import read_rows
from distilabel_selfinstruct.report.statistics import compute_statistics
from distilabel_selfinstruct.review import judge_note, pull_review, push_review, read_agreement, render_agreement
from distilabel_selfinstruct.review.agreement import Agreement, Confusion, Judged
from distilabel_selfinstruct.run import Run
from tests.review.runs import fill_in, instance, make_run, record_id, verdicts

WORDS = ("lamp", "stone", "river", "cloud", "garden", "bottle")
RIGHT = [instance(n, "Spell the word backwards.", word, word[::-1]) for n, word in enumerate(WORDS)]
WRONG = [instance(n, "Spell the word backwards.", word.upper(), "I do not know.") for n, word in enumerate(WORDS, 6)]


@pytest.fixture
def reviewed(tmp_path: Path) -> Path:
    """A run that an annotator has looked at: the right instances found right, but for one."""
    run = make_run(tmp_path / "run", [*RIGHT, *WRONG])
    push_review(run, to_file=tmp_path / "review.csv", sample=None)
    answers = {record_id(row): verdicts("yyy") for row in RIGHT[1:]}
    answers |= {record_id(row): verdicts("yyn") for row in [RIGHT[0], *WRONG[:5]]}
    fill_in(tmp_path / "review.csv", answers)
    pull_review(run)
    return run


def agreement(*pairs: tuple[float | None, bool], model: str = "judge") -> Agreement:
    judged = (Judged(str(n), score, None, is_right) for n, (score, is_right) in enumerate(pairs))
    return Agreement(model, 3, tuple(judged))


# --- kappa -----------------------------------------------------------------------------------------------------------


def test_cohens_kappa_by_hand() -> None:
    # 35 of 50 agree: 0.7. By chance 25/50 * 30/50 + 25/50 * 20/50 = 0.5. (0.7 - 0.5) / (1 - 0.5) = 0.4
    confusion = Confusion(3, both=20, only_judge=5, only_people=10, neither=15)
    assert (confusion.records, confusion.agreement) == (50, 0.7)
    assert confusion.kappa == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("counts", "kappa"), [((7, 0, 0, 3), 1.0), ((0, 5, 5, 0), -1.0), ((4, 4, 4, 4), 0.0), ((9, 0, 0, 0), None)]
)
def test_perfect_opposite_chance_and_not_defined(counts: tuple[int, int, int, int], kappa: float | None) -> None:
    assert Confusion(3, *counts).kappa == kappa


def test_the_interval_narrows_with_the_records() -> None:
    # The large-sample standard error of (20, 5, 10, 15) times 40 is 0.0204: an interval of about 0.36 to 0.44.
    few, many = Confusion(3, 20, 5, 10, 15).interval, Confusion(3, 800, 200, 400, 600).interval
    assert few is not None
    assert many is not None
    assert few[0] < many[0] < 0.4 < many[1] < few[1]
    assert many == pytest.approx((0.36, 0.44), abs=0.01)
    assert few == Confusion(3, 20, 5, 10, 15).interval


def test_each_threshold_counts_the_same_records() -> None:
    found = agreement((4.5, True), (4.0, True), (2.0, True), (3.0, False), (0.5, False), (None, True))
    assert found.thresholds == [
        Confusion(1, both=3, only_judge=1, only_people=0, neither=1),
        Confusion(2, both=3, only_judge=1, only_people=0, neither=1),
        Confusion(3, both=2, only_judge=1, only_people=1, neither=1),
        Confusion(4, both=2, only_judge=0, only_people=1, neither=2),
        Confusion(5, both=0, only_judge=0, only_people=3, neither=2),
    ]
    assert found.best == found.at(4)
    assert found.without_score == 1


def test_where_all_are_right_no_threshold_is_best() -> None:
    found = agreement((5.0, True), (5.0, True))
    assert found.best is None
    assert "They always say the same" in render_agreement(found)


def test_requests_that_failed_are_told() -> None:
    reasons = (None, "unclear_judgement", "timeout")
    judged = tuple(Judged(str(reason), None if reason else 5.0, reason, True) for reason in reasons)
    said = render_agreement(Agreement("judge", 3, judged))
    assert "2 without a clear judgement are left out. Of 1 the requests failed; the same command asks for those" in said


# --- the command -----------------------------------------------------------------------------------------------------


def test_the_reviewed_records_are_judged_and_compared(reviewed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["judge", str(reviewed), "--llm", "demo"]) == 0
    said, complained = capsys.readouterr()
    assert complained == ""
    assert said.startswith("demo as judge of 11 reviewed instances, the mean of 3 judgements, beside what people say:")
    assert re.search(r"\n3 +5 +1 +0 +5 +91% +0\.82 +0\.\d\d to 1\.00\n", said)
    kept = read_agreement(reviewed)
    assert kept is not None
    assert said == render_agreement(kept) + "\n"
    assert (kept.model, kept.judgements, len(kept.judged)) == ("demo", 3, 11)
    assert {each.record_id for each in kept.judged if each.is_right} == {record_id(row) for row in RIGHT[1:]}


def test_nothing_is_asked_twice(reviewed: Path) -> None:
    main(["judge", str(reviewed), "--llm", "demo"])
    before = {path.name: path.stat().st_size for path in (reviewed / "completions").iterdir()}
    kept = (reviewed / "review" / "judge.json").read_text()
    main(["judge", str(reviewed), "--llm", "demo"])
    assert (reviewed / "review" / "judge.json").read_text() == kept
    assert {path.name: path.stat().st_size for path in (reviewed / "completions").iterdir()} == before
    assert [name for name in before if name.startswith("judgement")]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--llm", "openai"], "Error: --llm openai needs --model, the name of the model."),
        (["--llm", "demo", "--judgements", "0"], "Error: --judgements: Input should be greater than 0, got 0."),
    ],
)
def test_bad_options(reviewed: Path, options: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["judge", str(reviewed), *options]) == 1
    assert capsys.readouterr().err.strip() == said


def test_a_run_that_nobody_has_reviewed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(tmp_path / "run", RIGHT)
    assert main(["judge", str(run), "--llm", "demo"]) == 1
    assert capsys.readouterr().err.startswith(f"Error: {run}: no record was reviewed by as many annotators as it needs")
    assert not (run / "completions").exists()


def test_the_page_shows_it_below_the_quality(reviewed: Path) -> None:
    main(["judge", str(reviewed), "--llm", "demo"])
    quality, statistics = pull_review(reviewed), compute_statistics(read_rows(RIGHT))
    assert "A model as judge" not in render_page(statistics, {}, quality)
    page = render_page(statistics, {}, quality, read_agreement(reviewed))
    assert page.index("Quality") < page.index("<h3>A model as judge</h3>") < page.index("Cohen&#39;s kappa")


# --- a run with a judge ----------------------------------------------------------------------------------------------


def make(tmp_path: Path, **options: object) -> Run:
    return Run(read_config({"out": str(tmp_path / "next"), "judge_threshold": 3.0, **options}))


def test_a_judge_that_was_never_compared_is_told(tmp_path: Path) -> None:
    (note,) = make(tmp_path).judge_notes()
    assert note.startswith("The judge demo was never compared with people. Review a run, compare them with")


def test_the_agreement_of_the_same_judge_is_told(tmp_path: Path, reviewed: Path) -> None:
    main(["judge", str(reviewed), "--llm", "demo"])
    (note,) = make(tmp_path, judge_agreement=str(reviewed)).judge_notes()
    assert note.startswith(
        "The judge demo agrees with people on 91% of 11 reviewed instances with a threshold of 3:"
        " Cohen's kappa 0.82, 95% interval "
    )


def test_without_a_threshold_the_best_is_told() -> None:
    found = agreement((5.0, True), (5.0, True), (2.0, False), (1.0, False))
    assert "with a threshold of 3: Cohen's kappa 1.00" in judge_note(found, None)


def test_another_judge_or_none(tmp_path: Path, reviewed: Path) -> None:
    with pytest.raises(ConfigError, match="no judge was compared with people there; do it with"):
        make(tmp_path, judge_agreement=str(reviewed))
    agreement((5.0, True), model="gpt").write(reviewed / "review" / "judge.json")
    with pytest.raises(ConfigError, match="'gpt' was the judge there, and it is 'demo' here"):
        make(tmp_path, judge_agreement=str(reviewed))
    assert not (tmp_path / "next").exists()


def test_a_damaged_file_is_told(reviewed: Path) -> None:
    (reviewed / "review" / "judge.json").write_text(json.dumps({"model": "demo"}))
    with pytest.raises(Exception, match=r"judge\.json: is damaged; run the command `judge` again"):
        read_agreement(reviewed)
