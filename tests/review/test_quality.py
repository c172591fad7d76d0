"""Shares, intervals, groups and agreement, against figures computed by hand."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path

import pytest

from distilabel_selfinstruct.errors import RunFolderError
from distilabel_selfinstruct.recipe import get_recipe
from distilabel_selfinstruct.review.quality import Quality, judge, nominal_alpha, read_quality
from distilabel_selfinstruct.review.records import Answer, ReviewRecord, record_of
from distilabel_selfinstruct.review.store import ReviewStore
from distilabel_selfinstruct.review.tables import (
    agreement_table,
    kinds_table,
    quality_table,
    quality_tables,
    render_quality,
    stages_table,
)
from tests.review.runs import instance, make_run

NAMES = ("valid_task", "appropriate_input", "correct_output")


def answer(record: ReviewRecord, letters: str, annotator: str = "annotator-1") -> Answer:
    return Answer(record.id, annotator, {name: letter == "y" for name, letter in zip(NAMES, letters)})


def reviewed(*letters: str, needed: int = 1, recipe: str = "self-instruct", **columns: list[object]) -> Quality:
    """The quality of one record for each text of letters; several annotators' letters are divided by a space."""
    rows = [
        instance(number, f"Task {number}.", "", "Done.") | {name: values[number] for name, values in columns.items()}
        for number in range(len(letters))
    ]
    records = [record_of(row) for row in rows]
    answers = [
        answer(record, each, f"annotator-{number}")
        for record, given in zip(records, letters)
        for number, each in enumerate(given.split(), 1)
    ]
    return judge(
        {record.id: record for record in records}, answers, needed, population=len(rows), recipe=get_recipe(recipe)
    )


# One annotator


def test_the_papers_own_counts_give_the_papers_table() -> None:
    # 108 all right; 184 valid, 158 with the right input, 116 with the right output, of 200.
    quality = reviewed(*["yyy"] * 108, *["nyy"] * 8, *["yyn"] * 42, *["ynn"] * 34, *["nnn"] * 8)
    assert quality_table(quality).rows == [
        ["valid task", "184", "200", "92%", "87–95%", "92%"],
        ["appropriate input", "158", "200", "79%", "73–84%", "79%"],
        ["correct output", "116", "200", "58%", "51–65%", "58%"],
        ["all three right", "108", "200", "54%", "47–61%", "54%"],
    ]


def test_kinds_and_parts_of_the_run_have_rows_of_their_own() -> None:
    quality = reviewed(
        "yyy", "yyn", "yyy", "nyy",
        is_classification=[True, True, False, False], input=["a", "", "a", ""], round=[0, 1, 2, 5],
    )  # fmt: skip
    assert [(row[0], row[1], row[-1]) for row in kinds_table(quality).rows] == [
        ("all", "4", "50% (15–85%)"),
        ("classification", "2", "50% (9–91%)"),
        ("not classification", "2", "50% (9–91%)"),
        ("with input", "2", "100% (34–100%)"),
        ("without input", "2", "0% (0–66%)"),
        ("round 1", "1", "100% (21–100%)"),
        ("round 2", "1", "0% (0–79%)"),
        ("rounds 3–6", "2", "50% (9–91%)"),
    ]


def test_a_stage_is_judged_by_what_came_right_to_it() -> None:
    quality = reviewed("yyy", "yyn", "yny", "nyy")
    assert [row[:4] for row in stages_table(quality).rows] == [
        ["Bootstrap: a valid task", "3", "4", "75%"],
        ["Instances: of these, with an appropriate input", "2", "3", "67%"],
        ["Instances: of these, with a correct output", "1", "2", "50%"],
    ]


@pytest.mark.parametrize(
    ("recipe", "instructions", "instances"),
    [
        ("alpaca", "Bootstrap", "Instances"),
        ("domain", "Queries", "Answers"),
        ("topics", "Instructions", "Answers"),
        ("evolve", "Evolution", "Answers"),
        ("magpie", "Instructions", "Answers"),
        ("preferences", "Source", "Responses"),
    ],
)
def test_the_stages_are_those_of_the_recipe(recipe: str, instructions: str, instances: str) -> None:
    assert [row[0] for row in stages_table(reviewed("yyy", recipe=recipe)).rows] == [
        f"{instructions}: a valid task",
        f"{instances}: of these, with an appropriate input",
        f"{instances}: of these, with a correct output",
    ]


def test_one_annotator_has_nobody_to_agree_with() -> None:
    assert reviewed("yyy", "yyn").agreement == {}


# Several annotators


def test_more_than_half_must_say_yes() -> None:
    quality = reviewed("yyy yyn", "yyy yny nnn", needed=2)
    assert {name: share.right for name, share in quality.groups["all"].items()} == {
        "valid_task": 2, "appropriate_input": 1, "correct_output": 1, "all_right": 0
    }  # fmt: skip


def test_records_that_wait_for_more_answers_are_not_counted() -> None:
    quality = reviewed("yyy yyy", "yyy", "yyy yyn", needed=2)
    assert (quality.records, quality.waiting, quality.answers) == (2, 1, 4)


# The examples of Krippendorff, Computing Krippendorff's alpha-reliability (2011); a dot is a missing rating.

TWO_BINARY = ("0100000010", "1110010000")
TWO_NOMINAL = ("aabbdcccedda", "babbbccceddd")
FOUR_WITH_GAPS = ("123321412...", "1233224125.3", ".3332342251.", "12332441251.")


def table(*rows: str) -> list[list[float]]:
    return [[math.nan if letter == "." else float(ord(letter)) for letter in row] for row in rows]


@pytest.mark.parametrize(("rows", "alpha"), [(TWO_BINARY, 0.095), (TWO_NOMINAL, 0.692), (FOUR_WITH_GAPS, 0.743)])
def test_alpha_of_the_published_examples(rows: tuple[str, ...], alpha: float) -> None:
    assert nominal_alpha(table(*rows)) == pytest.approx(alpha, abs=0.0005)


def test_alpha_of_perfect_agreement_is_1() -> None:
    assert nominal_alpha(table("aab", "aab", ".ab")) == 1


def test_alpha_of_disagreement_on_everything_is_below_chance() -> None:
    # By hand, of section A's formula: 1 - (4 - 1) * 4 / (2 * 2 + 2 * 2).
    assert nominal_alpha(table("ab", "ba")) == -0.5


@pytest.mark.parametrize(
    "rows",
    [("", ""), ("...", "..."), ("ab.", "..a"), ("aa", "aa"), ("aab", "aa.")],
    ids=["no records", "no ratings", "no pairs", "one value", "one value in pairs"],
)
def test_alpha_is_not_defined_without_values_to_tell_apart(rows: tuple[str, ...]) -> None:
    assert nominal_alpha(table(*rows)) is None


def test_agreement_is_krippendorffs_alpha() -> None:
    letters = [f"yy{'ny'[int(one)]} yy{'ny'[int(other)]}" for one, other in zip(*TWO_BINARY)]
    quality = reviewed(*letters, needed=2)
    assert quality.agreement["correct_output"] == pytest.approx(0.095, abs=0.0005)


def test_agreement_is_not_defined_where_all_answers_are_the_same() -> None:
    assert agreement_table(reviewed("yyy yyn", "yyy yyy", needed=2)).rows == [
        ["valid task", "not defined"], ["appropriate input", "not defined"], ["correct output", "0.00"]
    ]  # fmt: skip


# Shown and kept


def test_it_is_rendered_for_a_terminal() -> None:
    assert render_quality(reviewed("yyy", "yyn")).split("\n")[:7] == [
        "2 of 2 instances reviewed by 1 annotator, 2 answers",
        "",
        "                   right  of  share  95% interval  Self-Instruct paper",
        "valid task             2   2   100%       34–100%                  92%",
        "appropriate input      2   2   100%       34–100%                  79%",
        "correct output         1   2    50%         9–91%                  58%",
        "all three right        1   2    50%         9–91%                  54%",
    ]


def test_without_answers_there_are_no_shares() -> None:
    quality = judge({}, [], needed=1, population=7)
    assert quality_table(quality).rows[0] == ["valid task", "0", "0", "–", "–", "92%"]
    assert list(quality_tables(quality)) == ["Quality"]


def test_it_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    quality = reviewed("yyy yyn", "nyy nyy", needed=2, recipe="domain")
    run = make_run(tmp_path / "run", [])
    assert read_quality(run) is None
    ReviewStore(run).write_quality(quality)
    assert read_quality(run) == quality


def test_that_of_version_0_1_0_names_its_recipe() -> None:
    quality = reviewed("yyy yyn", needed=2, recipe="domain")
    record = json.loads(json.dumps(asdict(quality)))
    del record["makers"]
    assert Quality.of_record({**record, "recipe": "domain"}) == quality


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"groups": 1}', "[" * 5000, "\0", "\ud800"])
def test_a_damaged_one_is_one_clear_line(tmp_path: Path, text: str) -> None:
    run = make_run(tmp_path / "run", [])
    file = run / "review" / "quality.json"
    file.parent.mkdir()
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(RunFolderError) as caught:
        read_quality(run)
    assert str(caught.value) == (
        f"{file}: is damaged; delete it, and the command `review pull` makes it again: the answers are kept."
    )
