"""A judge beside the annotators of a reviewed run: Cohen's kappa, before anyone trusts the judge."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from distilabel.models.llms.base import LLM

from distilabel_selfinstruct.cli import self_instruct
from distilabel_selfinstruct.cli.finish import judge_notes
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.recipe import get_recipe
from distilabel_selfinstruct.report.page import render_page
from distilabel_selfinstruct.report.rows import read_rows
from distilabel_selfinstruct.report.statistics import compute_statistics
from distilabel_selfinstruct.review import judge_note, pull_review, push_review, read_agreements, render_agreements
from distilabel_selfinstruct.review.agreement import Agreement, Confusion, Judge, Judged
from distilabel_selfinstruct.runs.config import read_config
from distilabel_selfinstruct.runs.run import Run
from distilabel_selfinstruct.steps.judge import PROMPTS_VERSION as VERSION
from tests.review.runs import fill_in, instance, make_run, record_id, verdicts

DEMO = Judge("demo", 3, "chat", 0.7, VERSION)
WORDS = ("lamp", "stone", "river", "cloud", "garden", "bottle")
RIGHT = [instance(n, "Spell the word backwards.", word, word[::-1]) for n, word in enumerate(WORDS)]
WRONG = [instance(n, "Spell the word backwards.", word.upper(), "I do not know.") for n, word in enumerate(WORDS, 6)]


class Sampling(LLM):
    """A model of the user's own, which takes a temperature."""

    name: str

    @property
    def model_name(self) -> str:
        return self.name

    def generate(self, inputs: list[Any], num_generations: int = 1, temperature: float = 1.0) -> list[Any]:  # type: ignore[override]
        assert temperature == 0.2
        return [{"generations": ["Score: 4"] * num_generations, "statistics": {}} for _ in inputs]


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


def agreement(*pairs: tuple[float | None, bool]) -> Agreement:
    judged = (
        Judged(str(n), score, "unclear_judgement" if score is None else None, is_right)
        for n, (score, is_right) in enumerate(pairs)
    )
    return Agreement(Judge("judge", 3, "chat", 0.7, 1), tuple(judged))


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
    assert "They always say the same" in render_agreements([found])


def test_where_no_record_has_a_score_nothing_is_compared() -> None:
    said = render_agreements([agreement(*[(None, True)] * 20)])
    assert "20 without a clear judgement are left out. Nothing is left to compare: no score says how far" in said
    assert "They always say the same" not in said


def test_requests_that_failed_are_told() -> None:
    reasons = (None, "unclear_judgement", "timeout")
    judged = tuple(Judged(str(reason), None if reason else 5.0, reason, True) for reason in reasons)
    said = render_agreements([Agreement(Judge("judge", 3, "chat", 0.7, 1), judged)])
    assert "2 without a clear judgement are left out. Of 1 the requests failed; the same command asks for those" in said


def test_a_judge_in_words() -> None:
    assert str(Judge("gpt", 3, "chat", 0.7, 1)) == "gpt (3 judgements, chat, temperature 0.7, prompts version 1)"
    assert str(Judge("mine", 1, "structured", None, 2)) == "mine (1 judgement, structured, prompts version 2)"


# --- the command -----------------------------------------------------------------------------------------------------


def test_the_reviewed_records_are_judged_and_compared(reviewed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert self_instruct(["judge", str(reviewed), "--llm", "demo"]) == 0
    said, complained = capsys.readouterr()
    assert complained == ""
    assert said.startswith(f"{DEMO} as judge of 11 reviewed instances, beside what people say: right is")
    assert re.search(r"\n3 +5 +1 +0 +5 +91% +0\.82 +0\.\d\d to 1\.00\n", said)
    [kept] = read_agreements(reviewed)
    assert said == render_agreements([kept]) + "\n"
    assert (kept.judge, len(kept.judged)) == (DEMO, 11)
    assert {each.record_id for each in kept.judged if each.is_right} == {record_id(row) for row in RIGHT[1:]}


def test_a_judge_with_a_rubric_is_another_judge(reviewed: Path, tmp_path: Path, capsys: Any) -> None:
    rubric = tmp_path / "mine.yaml"
    rubric.write_text("criteria: [It is right.]\nscale: {0: wrong, 3: right}\n")
    assert self_instruct(["judge", str(reviewed), "--llm", "demo", "--judge-rubric", str(rubric)]) == 0
    said = capsys.readouterr().out
    assert "prompts version 1, a rubric of yours) as judge of" in said
    found = read_agreements(reviewed)[0]
    assert json.loads(found.judge.rubric)["criteria"] == ["It is right."]
    assert [each.threshold for each in found.thresholds] == [1, 2, 3]
    assert all(each.score is None or each.score <= 3 for each in found.judged)


def test_nothing_is_asked_twice(reviewed: Path) -> None:
    self_instruct(["judge", str(reviewed), "--llm", "demo"])
    before = {path.name: path.stat().st_size for path in (reviewed / "review" / "completions").iterdir()}
    kept = (reviewed / "review" / "judge.json").read_text()
    self_instruct(["judge", str(reviewed), "--llm", "demo"])
    assert (reviewed / "review" / "judge.json").read_text() == kept
    assert {path.name: path.stat().st_size for path in (reviewed / "review" / "completions").iterdir()} == before
    assert [name for name in before if name.startswith("judgement")]


def test_each_judge_is_kept_once_the_last_one_first(reviewed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for options in (["--judgements", "1"], [], ["--structured"], ["--judgements", "1"]):
        capsys.readouterr()
        assert self_instruct(["judge", str(reviewed), "--llm", "demo", *options]) == 0
    judges = [(each.judge.judgements, each.judge.wording) for each in read_agreements(reviewed)]
    assert judges == [(1, "chat"), (3, "structured"), (3, "chat")]
    said = capsys.readouterr().out
    assert re.findall(r"^demo \((.*), temperature 0.7, prompts", said, re.M) == [
        "1 judgement, chat",
        "3 judgements, structured",
        "3 judgements, chat",
    ]
    assert said.count("Cohen's kappa") == 3


def test_any_model_of_distilabel_judges_with_its_own_temperature(
    reviewed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    llm = {
        "class": f"{Sampling.__module__}.Sampling",
        "arguments": {"name": "mine", "generation_kwargs": {"temperature": 0.2}},
    }
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({"llm": llm, "judgements": 2}))
    assert self_instruct(["judge", str(reviewed), "--config", str(tmp_path / "mine.yaml")]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"mine (2 judgements, chat, temperature 0.2, prompts version {VERSION}) as judge of 11")
    assert [each.score for each in read_agreements(reviewed)[0].judged] == [4.0] * 11


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "Error: --llm: expected demo, local, openai, litellm, vllm, or a `class` with its `arguments`."),
        (["--config", "no.yaml"], "Error: no.yaml: cannot be read (No such file or directory)."),
        (["--llm", "openai"], "Error: --llm openai needs --model, the name of the model."),
        (["--llm", "demo", "--judgements", "0"], "Error: --judgements: Input should be greater than 0, got 0."),
    ],
)
def test_bad_options(reviewed: Path, options: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert self_instruct(["judge", str(reviewed), *options]) == 1
    assert capsys.readouterr().err.strip() == said


def test_a_run_that_nobody_has_reviewed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(tmp_path / "run", RIGHT)
    assert self_instruct(["judge", str(run), "--llm", "demo"]) == 1
    assert capsys.readouterr().err.startswith(f"Error: {run}: no record was reviewed by as many annotators as it needs")
    assert not (run / "review" / "completions").exists()


def test_the_page_shows_it_below_the_quality(reviewed: Path) -> None:
    self_instruct(["judge", str(reviewed), "--llm", "demo"])
    quality, statistics = pull_review(reviewed), compute_statistics(read_rows(RIGHT))
    assert "A model as judge" not in render_page(statistics, {}, quality)
    page = render_page(statistics, {}, quality, read_agreements(reviewed))
    assert page.index("Quality") < page.index("<h3>A model as judge</h3>") < page.index("Cohen&#39;s kappa")


def test_the_page_shows_every_judge(reviewed: Path) -> None:
    self_instruct(["judge", str(reviewed), "--llm", "demo", "--judgements", "1"])
    self_instruct(["judge", str(reviewed), "--llm", "demo"])
    quality, statistics = pull_review(reviewed), compute_statistics(read_rows(RIGHT))
    page = render_page(statistics, {}, quality, read_agreements(reviewed))
    assert page.index("demo (3 judgements") < page.index("demo (1 judgement,")
    assert (page.count("<h3>A model as judge</h3>"), page.count('<th scope="col">Cohen&#39;s kappa</th>')) == (1, 2)


def keep(run: Path, judge: Judge, score: float | None, reason: str | None = None) -> None:
    """Writes what a judge said of one record."""
    judged = Judged("000001-00-0", score, reason, is_right=True)
    row = dataclasses.asdict(Agreement(judge, (judged,)))
    (run / "review" / "judge.json").write_text(json.dumps([row]))


# --- a run with a judge ----------------------------------------------------------------------------------------------


def notes(tmp_path: Path, **options: object) -> list[str]:
    """What a run that is about to begin says of its judge."""
    recipe = get_recipe("self-instruct")
    given = {"out": str(tmp_path / "next"), "judge_threshold": 3.0, **options}
    return judge_notes(Run(read_config(given, {}, "config", recipe.load_config()), recipe))


def test_a_judge_that_was_never_compared_is_told(tmp_path: Path) -> None:
    (note,) = notes(tmp_path)
    assert note == (
        f"The judge {DEMO} was never compared with people. Review a run,"
        " compare them with `self-instruct judge RUN --llm ... --judgements 3`, and give"
        " --judge-agreement RUN."
    )


def test_the_agreement_of_the_same_judge_is_told(tmp_path: Path, reviewed: Path) -> None:
    self_instruct(["judge", str(reviewed), "--llm", "demo"])
    (note,) = notes(tmp_path, judge_agreement=str(reviewed))
    assert note.startswith(
        f"The judge {DEMO} agrees with people on 91% of 11 reviewed"
        " instances with a threshold of 3: Cohen's kappa 0.82, 95% interval "
    )


def test_the_entry_of_the_same_judge_is_found_among_others(tmp_path: Path, reviewed: Path) -> None:
    for options in ([], ["--judgements", "1"]):
        self_instruct(["judge", str(reviewed), "--llm", "demo", *options])
    (note,) = notes(tmp_path, judge_agreement=str(reviewed))
    assert note.startswith("The judge demo (3 judgements, chat")


def test_without_a_threshold_the_best_is_told() -> None:
    found = agreement((5.0, True), (5.0, True), (2.0, False), (1.0, False))
    assert "with a threshold of 3: Cohen's kappa 1.00" in judge_note(found, None)


def test_instances_without_a_score_are_told() -> None:
    found = agreement((5.0, True), (5.0, True), (2.0, False), (None, False))
    assert "on 100% of 3 reviewed instances" in judge_note(found, 3.0)
    assert judge_note(found, 3.0).endswith(" 1 without a clear judgement are left out.")


def test_where_they_always_say_the_same_kappa_says_nothing() -> None:
    note = judge_note(agreement((5.0, True), (4.0, True)), 3.0)
    assert "always say the same of 2 reviewed instances, so that kappa says nothing" in note


def test_no_judge_was_compared(tmp_path: Path, reviewed: Path) -> None:
    with pytest.raises(ConfigError, match="no judge was compared with people there; do it with"):
        notes(tmp_path, judge_agreement=str(reviewed))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"model": "gpt"}, "model is 'gpt' there and 'demo' here"),
        ({"judgements": 1}, "judgements is 1 there and 3 here"),
        ({"wording": "structured"}, "wording is 'structured' there and 'chat' here"),
        ({"temperature": 0.2}, "temperature is 0.2 there and 0.7 here"),
        ({"prompts_version": 0}, f"prompts_version is 0 there and {VERSION} here"),
        ({"model": "gpt", "judgements": 1}, "model is 'gpt' there and 'demo' here, judgements is 1 there and 3 here"),
    ],
)
def test_another_judge_is_no_comparison(tmp_path: Path, reviewed: Path, changed: dict[str, Any], said: str) -> None:
    keep(reviewed, dataclasses.replace(DEMO, **changed), 5.0)
    with pytest.raises(ConfigError) as caught:
        notes(tmp_path, judge_agreement=str(reviewed))
    assert str(caught.value) == (
        f"--judge-agreement {reviewed}: another judge was compared with people there: {said}. Compare this one with"
        f" `self-instruct judge {reviewed} --llm ... --judgements 3`, or judge as there."
    )
    assert not (tmp_path / "next").exists()


def test_the_way_to_compare_a_judge_that_answers_in_json(tmp_path: Path, reviewed: Path) -> None:
    keep(reviewed, DEMO, 5.0)
    with pytest.raises(ConfigError, match=r"judge \S+ --llm \.\.\. --structured --judgements 3`"):
        notes(tmp_path, judge_agreement=str(reviewed), wording="structured")


@pytest.mark.parametrize(
    ("reason", "what_to_do"),
    [("unclear_judgement", r"Choose another judge\.$"), ("timeout", r"Ask again with `self-instruct judge")],
)
def test_a_judge_that_gave_no_score_is_no_comparison(
    tmp_path: Path, reviewed: Path, reason: str, what_to_do: str
) -> None:
    keep(reviewed, DEMO, None, reason)
    with pytest.raises(ConfigError, match=f"gave none of 1 reviewed instances a score there. {what_to_do}"):
        notes(tmp_path, judge_agreement=str(reviewed))


@pytest.mark.parametrize("text", ["[", "{}{}", '{"model": "demo"}', '[{"judge": {"model": "demo"}, "judged": []}]'])
def test_a_damaged_file_is_told_before_a_model_is_asked(
    reviewed: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = reviewed / "review" / "judge.json"
    file.write_text(text)
    assert self_instruct(["judge", str(reviewed), "--llm", "demo"]) == 1
    assert capsys.readouterr().err.startswith(f"Error: {file}: is damaged; delete it and run the command `judge` again")
    assert not (reviewed / "review" / "completions").exists()
