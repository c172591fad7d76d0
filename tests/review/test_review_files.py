"""Review by file: any spreadsheet opens it, no formula in it runs, and every text comes back as it went."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from distilabel_selfinstruct.errors import ReviewError
from distilabel_selfinstruct.review.files import COLUMNS, read_review_file, write_review_file
from distilabel_selfinstruct.review.records import Answer, ReviewRecord, record_of
from tests.review.runs import CAPITAL, DOSE, SIGN, fill_in, instance, verdicts

RECORD = record_of(CAPITAL)
ANSWERED = Answer(
    RECORD.id, "annotator-1", {"valid_task": True, "appropriate_input": True, "correct_output": False}, {}
)


def records(*rows: dict[str, object]) -> dict[str, ReviewRecord]:
    return {record.id: record for record in map(record_of, rows)}


def written(tmp_path: Path, *rows: dict[str, object], name: str = "review.csv") -> Path:
    file = tmp_path / name
    write_review_file(file, list(records(*rows).values()), "annotator-1")
    return file


def cells(file: Path) -> list[dict[str, str]]:
    """What a spreadsheet finds in the cells."""
    return list(csv.DictReader(io.StringIO(file.read_bytes().decode("utf-8-sig"), newline="")))


# Out


def test_a_row_shows_the_texts_leaves_the_verdicts_open_and_holds_the_texts_to_correct(tmp_path: Path) -> None:
    [row] = cells(written(tmp_path, CAPITAL))
    assert tuple(row) == COLUMNS
    assert row == {
        "record_id": RECORD.id, "annotator": "annotator-1", "document": "",
        "instruction": "Name the capital of the country.", "input": "France", "output": "Paris",
        "valid_task": "", "appropriate_input": "", "correct_output": "",
        "corrected_instruction": "Name the capital of the country.", "corrected_input": "France",
        "corrected_output": "Paris",
    }  # fmt: skip


def test_a_row_shows_its_document_with_the_title(tmp_path: Path) -> None:
    [row] = cells(written(tmp_path, DOSE))
    assert row["document"] == "Paracetamol\n\nTake one tablet every six hours, <b>not more</b>."
    assert [column for column in row if column.startswith("corrected_")] == [
        "corrected_instruction", "corrected_input", "corrected_output"
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-7", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "'quoted'", " =1", "＝1", "=cmd|' /C calc'!A0",
     "007", "2008-05-30", "1/2", "May 5", "1e5", "true", "FALSE"],
)  # fmt: skip
def test_what_a_spreadsheet_would_run_or_convert_begins_with_an_apostrophe(tmp_path: Path, text: str) -> None:
    [row] = cells(written(tmp_path, instance(1, text, text, text)))
    assert [row[name] for name in ("instruction", "input", "output", "corrected_output")] == [f"'{text}"] * 4


@pytest.mark.parametrize("text", ["Paris", "Name = value", "naïve", "日本の首都", "true story", "x-1y" * 20])
def test_other_texts_stand_as_they_are(tmp_path: Path, text: str) -> None:
    [row] = cells(written(tmp_path, instance(1, text, "", "Yes")))
    assert row["instruction"] == text


def test_csv_begins_with_a_byte_order_mark_or_excel_spoils_other_scripts(tmp_path: Path) -> None:
    assert written(tmp_path, CAPITAL).read_bytes().startswith(b"\xef\xbb\xbf")


def test_a_text_too_long_for_a_cell_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ReviewError, match=r"the output of .* does not fit into a .* cell; choose a file that ends in \.jsonl"
    ):
        written(tmp_path, instance(1, "Count.", "", "x" * 32_768))
    assert written(tmp_path, instance(1, "Count.", "", "x" * 32_768), name="review.jsonl").exists()


def test_a_file_with_answers_is_not_written_over(tmp_path: Path) -> None:
    file = written(tmp_path, CAPITAL)
    assert written(tmp_path, CAPITAL) == file
    fill_in(file, {RECORD.id: verdicts("yyn")})
    with pytest.raises(ReviewError, match="is there already and may hold answers"):
        written(tmp_path, CAPITAL)


def test_the_ending_says_what_is_written(tmp_path: Path) -> None:
    with pytest.raises(ReviewError, match=r"expected a file that ends in \.csv or \.jsonl"):
        written(tmp_path, CAPITAL, name="review.xlsx")


# Back


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=3, max_size=3),
    name=st.sampled_from(["review.csv", "review.jsonl"]),
)
def test_every_text_comes_back_exactly(tmp_path: Path, texts: list[str], name: str) -> None:
    record = record_of(dict(zip(("instruction", "input", "output"), texts)))
    file = tmp_path / name
    file.unlink(missing_ok=True)
    write_review_file(file, [record], "anna")
    text = file.read_bytes().decode("utf-8-sig")
    if name.endswith(".jsonl"):
        row = json.loads(text)
    else:
        [row] = csv.DictReader(io.StringIO(text, newline=""))
        row = {column: cell.removeprefix("'") for column, cell in row.items()}
    assert [row["instruction"], row["input"], row["output"]] == texts
    assert read_review_file(file, {record.id: record}) == ([], 0)


@pytest.mark.parametrize("name", ["review.csv", "review.jsonl"])
def test_verdicts_and_corrections_come_back(tmp_path: Path, name: str) -> None:
    file = written(tmp_path, CAPITAL, SIGN, name=name)
    filled = verdicts("yyn", corrected_output="-5, or 'five'\nbelow zero")
    if name.endswith(".csv"):
        fill_in(file, {RECORD.id: filled})
    else:
        rows = [json.loads(line) for line in file.read_text().splitlines()]
        rows[0] |= {**filled, "valid_task": True}
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    expected = Answer(RECORD.id, "annotator-1", ANSWERED.verdicts, {"output": "-5, or 'five'\nbelow zero"})
    assert read_review_file(file, records(CAPITAL, SIGN)) == ([expected], 0)


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_a_file_saved_with_another_separator_and_other_line_ends_is_read(tmp_path: Path, delimiter: str) -> None:
    row = instance(1, "List two, or more;\nthings.", "", "=a\r\nb")
    file = written(tmp_path, row)
    [saved] = cells(file)
    saved |= verdicts("yYn".lower())
    text = io.StringIO()
    writer = csv.DictWriter(text, [*saved, "my notes"], delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    writer.writerow({column: cell.replace("\r\n", "\n") for column, cell in saved.items()} | {"my notes": "hm"})
    file.write_text(text.getvalue() + delimiter * len(saved) + "\n", encoding="utf-8")
    [answer], unfinished = read_review_file(file, records(row))
    assert (answer.verdicts, answer.corrections, unfinished) == (ANSWERED.verdicts, {}, 0)


def test_rows_with_some_questions_answered_are_counted_and_not_taken(tmp_path: Path) -> None:
    file = written(tmp_path, CAPITAL)
    fill_in(file, {RECORD.id: {"valid_task": "yes"}})
    assert read_review_file(file, records(CAPITAL)) == ([], 1)


def test_an_annotator_without_a_name_is_named_after_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, CAPITAL, name="anna.csv")
    fill_in(file, {RECORD.id: verdicts("yyn")}, annotator="")
    [answer], _ = read_review_file(file, records(CAPITAL))
    assert answer.annotator == "anna"


# Mistakes


def test_a_shown_text_that_was_edited_is_an_error_that_says_where_to_write(tmp_path: Path) -> None:
    file = written(tmp_path, SIGN, CAPITAL)
    fill_in(file, {RECORD.id: {**verdicts("yyn"), "output": "Lyon"}})
    with pytest.raises(ReviewError, match=r"review.csv, line 3, column 'output': is not the text .*'corrected_output'"):
        read_review_file(file, records(SIGN, CAPITAL))


def test_a_document_that_was_edited_is_an_error(tmp_path: Path) -> None:
    file = written(tmp_path, DOSE)
    [row] = cells(file)
    fill_in(file, {row["record_id"]: {**verdicts("yyy"), "document": "Take two."}})
    with pytest.raises(ReviewError, match=r"review.csv, line 2, column 'document': is not the text .* Put it back\.$"):
        read_review_file(file, records(DOSE))


def test_a_word_that_is_no_verdict(tmp_path: Path) -> None:
    file = written(tmp_path, CAPITAL)
    fill_in(file, {RECORD.id: {"valid_task": "perhaps"}})
    with pytest.raises(ReviewError, match="line 2, column 'valid_task': expected yes or no, found 'perhaps'"):
        read_review_file(file, records(CAPITAL))


def test_a_record_of_another_run(tmp_path: Path) -> None:
    with pytest.raises(ReviewError, match=f"line 2: the record '{RECORD.id}' is none of this run"):
        read_review_file(written(tmp_path, CAPITAL), records(SIGN))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,b\n1,2\n", "line 1: no column 'record_id'"),
        (b"record_id,annotator\nr,a\n", r"line 1: no column 'document'; there must be record_id, annotator"),
        ("naïve".encode("latin-1"), "is not UTF-8; save it as CSV UTF-8"),
    ],
)  # fmt: skip
def test_a_file_that_is_something_else(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "review.csv"
    file.write_bytes(content)
    with pytest.raises(ReviewError, match=message):
        read_review_file(file, {})


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ReviewError, match=r"none\.csv: cannot be read \(No such file or directory\)"):
        read_review_file(tmp_path / "none.csv", {})


def test_a_line_that_is_not_json(tmp_path: Path) -> None:
    (tmp_path / "review.jsonl").write_text("{}x\n")
    with pytest.raises(ReviewError, match=r"review\.jsonl, line 1: is not JSON \(Extra data"):
        read_review_file(tmp_path / "review.jsonl", {})
