"""Documents of all kinds, cut where a sentence ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct import LoadDocuments
from distilabel_selfinstruct.data.documents import Document, read_documents
from distilabel_selfinstruct.errors import ConfigError
from tests.conftest import ROOT

SKIN = "The skin is an organ. It covers the body, and it is the largest one. It has layers."
HEART = "The heart pumps blood."


def write(path: Path, *rows: dict[str, Any]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def loaded(source: str, **options: Any) -> list[dict[str, Any]]:
    load = LoadDocuments(source=source, **options)
    load.load()
    rows = [row for batch, _ in load.process() for row in batch]
    assert all(list(row) == list(load.outputs) for row in rows)
    return rows


class TestRead:
    @pytest.mark.parametrize(
        ("row", "options"),
        [
            ({"title": "Skin", "text": SKIN}, {}),
            ({"term": "Skin", "description": SKIN}, {}),
            ({"name": "Skin", "abstract": SKIN}, {"text_column": "abstract", "title_column": "name"}),
            ({"text": "other", "title": "other", "abstract": SKIN, "name": " Skin "},
             {"text_column": "abstract", "title_column": "name"}),
        ],
    )  # fmt: skip
    def test_columns(self, row: dict[str, Any], options: dict[str, str], tmp_path: Path) -> None:
        assert read_documents(write(tmp_path / "d.jsonl", row), **options) == [Document("Skin", SKIN)]

    def test_a_title_is_optional(self, tmp_path: Path) -> None:
        source = write(tmp_path / "d.jsonl", {"text": SKIN}, {"text": HEART, "title": None})
        assert read_documents(source) == [Document(None, SKIN), Document(None, HEART)]

    def test_no_more_than_are_wanted(self, tmp_path: Path) -> None:
        source = write(tmp_path / "d.jsonl", {"text": SKIN}, {"text": HEART})
        assert read_documents(source, max_documents=1) == [Document(None, SKIN)]

    @pytest.mark.parametrize(
        ("rows", "options", "said"),
        [
            ([], {}, ": there are no documents in it."),
            ([{"body": SKIN}], {}, ": which column has the documents? Name it with --text-column; there are: body."),
            ([{"text": SKIN}], {"text_column": "body"}, ", row 1: there is no column 'body'; there are: text."),
            ([{"text": SKIN}], {"title_column": "name"}, ", row 1: there is no column 'name'; there are: text."),
            ([{"text": SKIN}, {"text": 5}], {}, ", row 2, column 'text': expected a text, found '5'."),
            ([{"text": ""}, {"text": None}], {}, ", column 'text': every document is empty."),
        ],
    )
    def test_what_cannot_be_read(
        self, rows: list[dict[str, Any]], options: dict[str, str], said: str, tmp_path: Path
    ) -> None:
        source = write(tmp_path / "d.jsonl", *rows)
        with pytest.raises(ConfigError) as caught:
            read_documents(source, **options)
        assert str(caught.value) == f"{source}{said}"


class TestLoad:
    def test_the_first_piece_of_each(self, tmp_path: Path) -> None:
        source = write(tmp_path / "d.jsonl", {"title": "Skin", "text": SKIN}, {"title": "Heart", "text": HEART})
        rows = loaded(source, max_characters=30, batch_size=1)
        assert [(row["document_id"], row["title"], row["document"]) for row in rows] == [
            ("000000", "Skin", "The skin is an organ."), ("000001", "Heart", HEART),
        ]  # fmt: skip
        assert all(row["reject_reason"] is None for row in rows)

    def test_further_pieces_are_numbered(self, tmp_path: Path) -> None:
        source = write(tmp_path / "d.jsonl", {"text": SKIN}, {"text": HEART})
        rows = loaded(source, max_characters=50, num_pieces=2)
        assert [(row["document_id"], row["document"]) for row in rows] == [
            ("000000-0", "The skin is an organ."),
            ("000000-1", "It covers the body, and it is the largest one."),
            ("000001-0", HEART),
        ]

    def test_pieces_of_so_many_tokens(self, tmp_path: Path) -> None:
        tokenizers = pytest.importorskip("tokenizers", reason="needs the extra `documents`")
        words = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
        words.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()  # a full stop is a token of its own
        words.save(str(tmp_path / "tokenizer.json"))
        source = write(tmp_path / "d.jsonl", {"text": SKIN})
        for name in (tmp_path, tmp_path / "tokenizer.json"):
            rows = loaded(source, piece_tokens=17, tokenizer=str(name), num_pieces=9)
            assert [row["document"] for row in rows] == [
                "The skin is an organ.",
                "It covers the body, and it is the largest one. It has layers.",
            ]

    def test_a_tokenizer_that_cannot_be_read(self, tmp_path: Path) -> None:
        pytest.importorskip("tokenizers", reason="needs the extra `documents`")
        (tmp_path / "tokenizer.json").write_text("{}")
        source = write(tmp_path / "d.jsonl", {"text": SKIN})
        with pytest.raises(ConfigError, match=f"^--tokenizer {tmp_path}: cannot be read"):
            loaded(source, piece_tokens=18, tokenizer=str(tmp_path))
        with pytest.raises(ConfigError, match="`piece_tokens` needs `tokenizer`"):
            loaded(source, piece_tokens=18)

    def test_the_section_of_a_piece(self, tmp_path: Path) -> None:
        rows = loaded(write(tmp_path / "d.jsonl", {"text": f"# Skin\n\n{SKIN}"}), num_pieces=2, max_characters=60)
        assert [row["section"] for row in rows] == ["Skin", "Skin"]

    def test_an_empty_document_is_a_rejected_row(self, tmp_path: Path) -> None:
        rows = loaded(write(tmp_path / "d.jsonl", {"text": SKIN}, {"text": " "}))
        assert [(row["document"], row["stage"], row["reject_reason"]) for row in rows] == [
            (SKIN, None, None), (None, "queries", "empty_document"),
        ]  # fmt: skip


def test_the_projects_medical_terms() -> None:
    documents = read_documents(str(ROOT / "seeds" / "medical_terms.jsonl"))
    assert len(documents) >= 60
    assert len({(document.title or "").lower() for document in documents}) == len(documents)
    assert all(300 <= len(document.text) <= 700 and document.text.endswith(".") for document in documents)
    assert not [document for document in documents if set(document.text) & set("*_#`<>[]|\\\n\t")]


def test_what_is_not_read_is_said_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("a.md", "b.odt"):
        (tmp_path / name).write_text(HEART)
    assert len(loaded(str(tmp_path))) == 1
    assert "left out, as they cannot be read: 1 file (1 .odt): b.odt." in caplog.text
