"""A record names its text, and a correction is only what really differs."""

from __future__ import annotations

import pytest

from distilabel_selfinstruct.review.curate import curated_rows
from distilabel_selfinstruct.review.records import Answer, ReviewRecord, corrections_of, record_of
from tests.review.runs import CAPITAL, DOSE, SIGN

RECORD = ReviewRecord("r", {"instruction": "Add the numbers.", "input": "1\n2", "output": "3"})


def test_the_id_names_instance_and_text() -> None:
    assert record_of(CAPITAL).id == "000001-00-0-4266b5219830"
    assert record_of(CAPITAL).id == record_of({**CAPITAL, "round": 7}).id
    assert record_of(CAPITAL).id != record_of({**CAPITAL, "output": "Lyon"}).id


def test_the_document_is_part_of_what_is_judged() -> None:
    record = record_of(DOSE)
    assert record.document == "Paracetamol\n\nTake one tablet every six hours, <b>not more</b>."
    assert record_of({**DOSE, "title": None}).document == DOSE["document"]
    assert record_of({**CAPITAL, "title": "Europe"}).document == ""
    assert record.id != record_of({**DOSE, "document": "Take two."}).id


CHAT = [
    {"role": "user", "content": "Name the capital of France."},
    {"role": "assistant", "content": "Paris"},
    {"role": "user", "content": "And of Spain?"},
    {"role": "assistant", "content": "Madrid"},
]


def test_a_conversation_is_shown_whole_and_is_another_record() -> None:
    record = record_of({**DOSE, "messages": CHAT})
    assert record.beside == (
        "Paracetamol\n\nTake one tablet every six hours, <b>not more</b>.\n\nThe conversation goes on after the output:"
        "\n\nUser: And of Spain?\n\nAssistant: Madrid"
    )
    assert record.document == record_of(DOSE).document
    assert record.id != record_of(DOSE).id
    assert record_of({**CAPITAL, "messages": CHAT[:2]}).id == record_of(CAPITAL).id


def test_a_corrected_conversation_begins_with_the_correction() -> None:
    row = {**CAPITAL, "messages": CHAT, "turns": 2}
    record = record_of(row)
    answer = Answer(
        record.id, "ada", {"valid_task": True, "appropriate_input": True, "correct_output": False},
        {"output": "Paris, on the Seine"},
    )  # fmt: skip
    (made,) = curated_rows({record.id: record}, [answer], 1, {record.id: row})
    assert [message["content"] for message in made["messages"][1:]] == [
        "Paris, on the Seine",
        "And of Spain?",
        "Madrid",
    ]


def test_a_row_without_an_id_is_named_by_its_text_alone() -> None:
    row = {"instruction": "Tell me a joke.", "input": None, "output": "No."}
    record = record_of(row)
    assert record.id.startswith("record-")
    assert record.texts["input"] == ""


def test_metadata_that_is_not_known_is_left_out() -> None:
    assert record_of({**SIGN, "max_similarity": None}, "paper").metadata == {
        "kind": "classification", "round": 2, "instruction_words": 6, "input_words": 1, "output_words": 1,
        "model": "demo", "preset": "paper",
    }  # fmt: skip


@pytest.mark.parametrize(
    "given",
    [
        {"instruction": "Add the numbers."},
        {"instruction": "", "input": "  ", "output": None},
        {"input": "1\r\n2"},
        {"input": "1 \n2\n"},
        {"instruction": "Add\u00a0the numbers."},
    ],
)
def test_what_is_left_as_it_was_is_no_correction(given: dict[str, str | None]) -> None:
    assert corrections_of(RECORD, given) == {}


def test_a_correction_is_taken_with_its_line_breaks_and_spaces() -> None:
    given = {"input": "1\r\n  2\u00a0 3\n", "output": "6"}
    assert corrections_of(RECORD, given) == {
        "input": "1\n  2  3",
        "output": "6",
    }


def test_noinput_takes_the_input_away() -> None:
    assert corrections_of(RECORD, {"input": " <noinput>\n"}) == {"input": ""}


def test_noinput_is_a_text_as_any_other_where_it_is_the_input() -> None:
    record = ReviewRecord("r", {"instruction": "Which tag is it?", "input": "<noinput>", "output": "noinput"})
    assert corrections_of(record, {"input": "<noinput>"}) == {}
