"""Files that are a document each: their texts, titles, pages and headings; what is left out is told."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct import LoadDocuments
from distilabel_selfinstruct.data import texts
from distilabel_selfinstruct.data.documents import read_documents
from distilabel_selfinstruct.data.sources import read_source
from distilabel_selfinstruct.errors import ConfigError, MissingExtraError
from tests.conftest import ROOT
from tests.support.papers import write_docx, write_epub, write_pdf

CASES = ROOT.parent / "shared" / "cases"


@pytest.fixture
def _documents() -> None:
    pytest.importorskip("markitdown", reason="needs the extra `documents`")
    pytest.importorskip("pdfminer", reason="needs the extra `documents`")


def row_of(path: Path, text: str | None = None) -> dict[str, Any]:
    if text is not None:
        path.write_text(text, encoding="utf-8")
    (row,) = read_source(str(path))
    return row


def pieces_of(source: Path | str, **options: Any) -> list[tuple[str | None, str | None, str]]:
    load = LoadDocuments(source=str(source), num_pieces=99, **options)
    load.load()
    ((rows, _),) = list(load.process())
    return [(row["title"], row["section"], row["document"]) for row in rows]


class TestMarkdown:
    def test_front_matter_is_metadata(self, tmp_path: Path) -> None:
        text = "---\ntitle: Fees\ntags: [berth, night]\ndate: 2023-11-02\ndraft: false\n---\n\n# Berths\n\nTwo euros.\n"
        assert row_of(tmp_path / "fees.md", text) == {
            "title": "Fees", "tags": "berth, night", "date": "2023-11-02", "draft": "False",
            "text": "# Berths\n\nTwo euros.\n",
        }  # fmt: skip

    def test_front_matter_of_hugo(self, tmp_path: Path) -> None:
        assert row_of(tmp_path / "fees.md", '+++\ntitle = "Fees"\n+++\nTwo euros.') == {
            "title": "Fees", "text": "Two euros.",
        }  # fmt: skip

    @pytest.mark.parametrize("text", ["---\nA text between rules.\n---\nMore.", "---\n{{ title }}: {\n---\nMore."])
    def test_what_is_no_front_matter_stays(self, text: str, tmp_path: Path) -> None:
        assert row_of(tmp_path / "fees.markdown", text) == {"title": "fees", "text": text}


def test_headings_of_restructured_text(tmp_path: Path) -> None:
    text = "=======\nFerries\n=======\n\nThey cross.\n\nAt night\n--------\n\nThey rest.\n\n.. note:: Not on Sundays.\n"
    assert row_of(tmp_path / "f.rst", text) == {
        "title": "f",
        "text": "# Ferries\n\nThey cross.\n\n## At night\n\nThey rest.\n\n.. note:: Not on Sundays.\n",
    }


class TestMail:
    def letter(self, **options: Any) -> EmailMessage:
        letter = EmailMessage()
        letter["Subject"], letter["From"], letter["Date"] = "Größe", "a@b.example", "Mon, 02 Nov 2026 09:00:00 +0000"
        letter.set_content("The berth is too small.\n", **options)
        return letter

    def test_a_message(self, tmp_path: Path) -> None:
        letter = self.letter(charset="iso-8859-1")
        (tmp_path / "m.eml").write_bytes(bytes(letter))
        assert row_of(tmp_path / "m.eml") == {
            "from": "a@b.example", "date": "Mon, 02 Nov 2026 09:00:00 +0000", "title": "Größe",
            "text": "The berth is too small.\n",
        }  # fmt: skip

    @pytest.mark.parametrize("has_converter", [True, False])
    def test_a_message_in_html(self, has_converter: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(texts, "find_spec", lambda name: object() if has_converter else None)
        if has_converter:
            pytest.importorskip("markitdown")
        letter = EmailMessage()
        letter.set_content("<p>The <b>berth</b></p><p>is small.</p>", subtype="html")
        (tmp_path / "m.eml").write_bytes(bytes(letter))
        row = row_of(tmp_path / "m.eml")
        assert (row["title"], row["text"].replace("*", "").split()) == ("m", ["The", "berth", "is", "small."])

    def test_what_is_attached_is_a_document_of_its_own(self, tmp_path: Path) -> None:
        inner = EmailMessage()
        inner["Subject"] = "Forwarded"
        inner.set_content("The sluice is open.")
        letter = self.letter()
        letter.add_attachment("# Locks\n\nA lock lifts boats.\n", subtype="markdown", filename="../locks.md")
        letter.add_attachment("berth,size\n1,small\n", subtype="csv", filename="berths.csv")
        letter.add_attachment(inner)
        letter.add_attachment(b"\x89PNG", maintype="image", subtype="png", filename="photo.png")
        letter.add_attachment(b"no pdf", maintype="application", subtype="pdf", filename="broken.pdf")
        (tmp_path / "m.eml").write_bytes(bytes(letter))
        message, *attached = read_source(str(tmp_path / "m.eml"))
        assert message["text"].strip() == "The berth is too small."
        assert [(row["title"], row["text"].strip()) for row in attached] == [
            ("locks", "# Locks\n\nA lock lifts boats."),
            ("berths", "berth,size\n1,small"),
            ("Forwarded", "The sluice is open."),
            ("photo.png", ""),
            ("broken.pdf", ""),
        ]
        assert [row.get("attached_to") for row in attached] == ["Größe", "Größe", None, "Größe", "Größe"]
        assert attached[0]["from"] == "a@b.example"

    def test_a_mailbox_has_a_row_for_each_message(self, tmp_path: Path) -> None:
        one = b"From a@b.example Mon Nov  2 09:00:00 2026\n" + bytes(self.letter())
        (tmp_path / "all.mbox").write_bytes(one + b"\n" + one)
        assert [row["text"].strip() for row in read_source(str(tmp_path / "all.mbox"))] == [
            "The berth is too small."
        ] * 2


@pytest.mark.usefixtures("_documents")
class TestConverted:
    def test_a_pdf_page_by_page(self, tmp_path: Path) -> None:
        first = ["The harbour has a gau-", "ge, which floats", "in a pipe.", "", "", "Ships wait."]
        path = write_pdf(tmp_path / "gauge.pdf", first, ["Boats are lifted."])
        assert row_of(Path(path))["text"] == (
            "The harbour has a gauge, which floats in a pipe.\n\nShips wait.\fBoats are lifted."
        )
        assert pieces_of(path, max_characters=1000) == [
            ("gauge", "page 1", "The harbour has a gauge, which floats in a pipe.\n\nShips wait."),
            ("gauge", "page 2", "Boats are lifted."),
        ]

    def test_a_pdf_of_pictures(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError) as caught:
            read_source(write_pdf(tmp_path / "scan.pdf", [], []))
        assert str(caught.value) == (
            f"{tmp_path / 'scan.pdf'}: there is no text on its pages (2), so they are pictures, such as of a scanner;"
            " have their text recognised first (OCR)."
        )

    def test_a_word_file_by_its_headings(self, tmp_path: Path) -> None:
        path = write_docx(
            tmp_path / "locks.docx",
            ("Heading1", "Locks"),
            (None, "A lock lifts boats."),
            ("Heading2", "Gates"),
            (None, "They close."),
        )
        assert pieces_of(path, max_characters=30) == [
            ("locks", "Locks", "# Locks\n\nA lock lifts boats."),
            ("locks", "Locks › Gates", "## Gates\n\nThey close."),
        ]

    def test_slides(self, tmp_path: Path) -> None:
        pptx = pytest.importorskip("pptx")
        show = pptx.Presentation()
        for title in ("Locks", "Quays"):
            show.slides.add_slide(show.slide_layouts[5]).shapes.title.text = title
        show.save(tmp_path / "show.pptx")
        assert pieces_of(tmp_path / "show.pptx") == [("show", "page 1", "# Locks"), ("show", "page 2", "# Quays")]

    def test_a_web_page(self, tmp_path: Path) -> None:
        html = (
            "<html><head><title>Port</title><script>var a;</script></head><body><h1>Locks</h1>"
            '<p>Größe &amp; <b>tide</b>.<img src="data:image/png;base64,AAAA"></p></body></html>'
        )
        assert row_of(tmp_path / "p.html", html) == {"title": "Port", "text": "# Locks\n\nGröße & **tide**."}

    def test_a_book(self, tmp_path: Path) -> None:
        path = write_epub(tmp_path / "b.epub", "Tides", "<h1>Ebb</h1><p>Hm.</p>", "<h1>Flood</h1><p>It rises.</p>")
        assert [piece[1:] for piece in pieces_of(path, max_characters=20)][-2:] == [
            ("Ebb", "# Ebb\n\nHm."), ("Flood", "# Flood\n\nIt rises."),
        ]  # fmt: skip

    @pytest.mark.parametrize("name", ["a.pdf", "a.docx", "a.pptx", "a.epub"])
    def test_what_is_damaged(self, name: str, tmp_path: Path) -> None:
        (tmp_path / name).write_bytes(b"PK\x03\x04 not at all")
        with pytest.raises(ConfigError, match=f"{name}: (is no PDF that can be read|cannot be read as )"):
            read_source(str(tmp_path / name))

    @pytest.mark.skipif(not CASES.is_dir(), reason="needs ../shared/cases")
    def test_a_mixed_folder(self) -> None:
        notes: list[str] = []
        rows = read_source(str(CASES / "docs_mixed" / "docs"), columns=["text", "title"], notes=notes)
        assert [row.get("title") for row in rows] == ["F", "a", "b", "e", None, "h"]
        assert [note.partition(":")[0] for note in notes] == ["left out", "left out"]


class TestFolders:
    def test_of_a_folder_without_any_document_that_can_be_read_the_reason_is_said(self, tmp_path: Path) -> None:
        pytest.importorskip("pdfminer", reason="needs the extra `documents`")
        write_pdf(tmp_path / "scan.pdf", [])
        with pytest.raises(
            ConfigError, match=r"no documents in it. left out: .*scan.pdf: there is no text on its pages"
        ):
            read_documents(str(tmp_path))

    def test_what_cannot_be_read_is_told(self, tmp_path: Path) -> None:
        for name in ("a.md", "b.odt", "c.odt", "d", ".hidden.odt"):
            (tmp_path / name).write_text("Ships.")
        notes: list[str] = []
        assert len(read_source(str(tmp_path), notes=notes)) == 1
        assert notes == [
            f"{tmp_path}: left out, as they cannot be read: 3 files (2 .odt, 1 without an ending): b.odt, c.odt, d."
        ]

    def test_what_needs_the_extra_is_told(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(texts, "find_spec", lambda name: None)
        for name in ("a.md", "b.pdf", "c.docx", "d.PDF"):
            (tmp_path / name).write_text("Ships.")
        notes: list[str] = []
        assert len(read_source(str(tmp_path), notes=notes)) == 1
        assert notes == [
            f"{tmp_path}: left out were 3 files (2 .pdf, 1 .docx); to read them needs packages that are not installed;"
            ' install them with: pip install "distilabel-selfinstruct[documents]"'
        ]
        (tmp_path / "a.md").unlink()
        with pytest.raises(MissingExtraError, match=r"3 files \(2 .pdf, 1 .docx\) needs packages"):
            read_source(str(tmp_path))

    def test_data_beside_documents(self, tmp_path: Path) -> None:
        (tmp_path / "a.md").write_text("Ships.")
        (tmp_path / "b.csv").write_text("title;text\nQuay;Stone.\n")
        (tmp_path / "package.json").write_text('{"name": "docs"}')
        (tmp_path / "broken.json").write_text("{// a comment\n}")
        notes: list[str] = []
        assert read_source(str(tmp_path), columns=["text", "title"], notes=notes) == [
            {"title": "a", "text": "Ships."}, {"title": "Quay", "text": "Stone."},
        ]  # fmt: skip
        assert notes == [
            f"left out: {tmp_path / 'broken.json'}, line 1: not JSON (Expecting property name enclosed in double"
            " quotes).",
            f"left out: {tmp_path / 'package.json'}: it has none of the columns text, title.",
        ]

    def test_data_files_of_any_kind(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text("title;text\nQuay;Stone.\n")
        (tmp_path / "b.ndjson").write_text('{"title": "Lock"}\n')
        (tmp_path / "README.md").write_text("# About")
        assert read_source(str(tmp_path)) == [{"title": "Quay", "text": "Stone."}, {"title": "Lock"}]
