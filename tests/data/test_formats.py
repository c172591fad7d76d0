"""Files of rows: each ending gives the same rows, however they are packed, encoded and separated."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from datasets import Dataset
from pyarrow import feather, parquet

from distilabel_selfinstruct.data import formats
from distilabel_selfinstruct.data.sources import iter_source, read_source
from distilabel_selfinstruct.errors import ConfigError, MissingExtraError

ROWS = [{"title": "Lock", "text": "A lock lifts boats; slowly."}, {"title": "Quay", "text": "Ships, old\nand new"}]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)
CSV = 'title,text\nLock,A lock lifts boats; slowly.\nQuay,"Ships, old\nand new"\n'
SEMICOLONS = 'title;text\r\nLock;"A lock lifts boats; slowly."\r\nQuay;"Ships, old\nand new"\r\n'
TABS = 'title\ttext\nLock\tA lock lifts boats; slowly.\nQuay\t"Ships, old\nand new"\n'


def read(path: Path, content: str | bytes, **options: Any) -> list[dict[str, Any]]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_source(str(path), **options)


def refusal(path: Path, content: str | bytes) -> str:
    with pytest.raises(ConfigError) as caught:
        read(path, content)
    return str(caught.value).removeprefix(f"{path}")


class TestJson:
    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("rows.jsonl", LINES),
            ("rows.ndjson", f"\n{LINES}\n"),
            ("rows.JSONL", LINES.replace("\n", "\r\n")),
            ("rows.json", LINES),
            ("rows.json", LINES.splitlines()[0] + "\n\n" + LINES.splitlines()[1]),
            ("rows.json", json.dumps(ROWS)),
            ("rows.json", "\n \n" + json.dumps(ROWS, indent=2) + "\n"),
            ("rows.json", "\n".join(json.dumps(row, indent=1) for row in ROWS)),
            ("rows.json", json.dumps({"version": 1, "data": ROWS})),
            ("rows.json", json.dumps({"version": 1, "data": ROWS}, indent=2)),
            ("rows.json", json.dumps({"my_rows": ROWS})),
            ("rows.json", json.dumps({name: [row[name] for row in ROWS] for name in ROWS[0]})),
            ("rows.json", json.dumps({name: {str(at): row[name] for at, row in enumerate(ROWS)} for name in ROWS[0]})),
        ],
    )
    def test_rows(self, name: str, text: str, tmp_path: Path) -> None:
        assert read(tmp_path / name, text) == ROWS

    def test_one_object_is_one_row(self, tmp_path: Path) -> None:
        task = {"id": "a", "instruction": "Sing.", "instances": [{"input": "", "output": "La."}]}
        assert read(tmp_path / "row.json", json.dumps(task)) == [task]
        assert read(tmp_path / "row.json", json.dumps([task])) == [task]

    @pytest.mark.parametrize("text", ["", " \n", "[]", '{"data": []}'])
    def test_no_rows(self, text: str, tmp_path: Path) -> None:
        assert read(tmp_path / "rows.json", text) == []

    def test_an_array_is_read_block_by_block(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(formats, "_BLOCK", 7)
        assert read(tmp_path / "rows.json", json.dumps([*ROWS, {"n": 12345678901234567890}])) == [
            *ROWS,
            {"n": 12345678901234567890},
        ]

    def test_an_array_is_not_read_further_than_is_asked(self, tmp_path: Path) -> None:
        assert read(tmp_path / "rows.json", json.dumps(ROWS, indent=1)[:-1] + ", broken", limit=2) == ROWS

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ('[{"a": 1},\n {"b" 2}]', ", line 2: not JSON (Expecting ':' delimiter)."),
            ('[{"a": 1},\n {"b": 2}\n', ", line 3: not JSON (Expecting value)."),
            ('[{"a": 1}, 2]', ", row 2: expected a JSON object."),
            ('"a"', ", row 1: expected a JSON object."),
            ("[1, 2", ", row 1: expected a JSON object."),
            ('{"a": 1}\n{"b" 2}\n', ", line 2: not JSON (Expecting ':' delimiter: line 1 column 6 (char 5))."),
            ("title,text\n", ", line 1: not JSON (Expecting value)."),
        ],
    )
    def test_what_is_wrong_and_where(self, text: str, said: str, tmp_path: Path) -> None:
        assert refusal(tmp_path / "rows.json", text) == said


class TestTables:
    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("rows.csv", CSV),
            ("rows.csv", SEMICOLONS),
            ("rows.csv", "sep=;\r\n" + SEMICOLONS),
            ("rows.csv", "\ufeffsep=;\n" + SEMICOLONS),
            ("rows.csv", TABS),
            ("rows.tsv", TABS),
            ("rows.tsv", CSV),
            ("rows.csv", CSV.replace("title,text\n", '"title","text"\n') + ",\n\n"),
            ("rows.csv", SEMICOLONS.replace(";text", ";text;").replace("slowly.\"", "slowly.\";")
             .replace("new\"", "new\";")),
        ],
    )  # fmt: skip
    def test_rows_by_the_separator_of_the_first_line(self, name: str, text: str, tmp_path: Path) -> None:
        assert read(tmp_path / name, text) == ROWS

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("title;text\nLock;A;B\n", ", line 2: number of fields 3, and 2 in the first line; a text with a semicolon"
             " stands in quotes."),
            ("sep=;\ntitle;text\nLock\n", ", line 3: number of fields 1, and 2 in the first line; a text with a"
             " semicolon stands in quotes."),
            ("text,text\na,b\n", ", line 1: there are two columns 'text'; give one another name."),
            ("text,\na,b\n", ", line 2: column 2 has no name in the first line, and 'b' stands in it."),
        ],
    )  # fmt: skip
    def test_what_is_wrong_and_where(self, text: str, said: str, tmp_path: Path) -> None:
        assert refusal(tmp_path / "rows.csv", text) == said


class TestEncodings:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
    @pytest.mark.parametrize(("name", "text"), [("rows.csv", SEMICOLONS), ("rows.jsonl", LINES), ("rows.json", LINES)])
    def test_unicode_of_any_width(self, encoding: str, name: str, text: str, tmp_path: Path) -> None:
        assert read(tmp_path / name, text.encode(encoding)) == ROWS

    def test_a_text_that_ends_within_a_character(self, tmp_path: Path) -> None:
        said = ": is no UTF-16 text; save it as UTF-8."
        assert refusal(tmp_path / "rows.csv", "title,text\nLöck,ok".encode("utf-16")[:-1]) == said

    def test_the_line_that_is_not_utf_8(self, tmp_path: Path) -> None:
        content = b'{"title": "a"}\n{"title": "L\xf6ck"}\n'
        assert refusal(tmp_path / "rows.jsonl", content) == ", line 2: is not UTF-8 text; save it as UTF-8."
        assert (
            refusal(tmp_path / "r.jsonl.gz", gzip.compress(content)) == ", line 2: is not UTF-8 text; save it as UTF-8."
        )


def zstd(content: bytes) -> bytes:
    return bytes(pa.compress(content, codec="zstd", asbytes=True))


class TestCompressed:
    @pytest.mark.parametrize(
        ("ending", "pack"), [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress), ("zst", zstd)]
    )
    @pytest.mark.parametrize(
        ("name", "text"), [("rows.jsonl", LINES), ("rows.json", json.dumps(ROWS)), ("rows.csv", CSV)]
    )
    def test_rows(self, ending: str, pack: Callable[[bytes], bytes], name: str, text: str, tmp_path: Path) -> None:
        assert read(tmp_path / f"{name}.{ending}", pack(text.encode())) == ROWS

    def test_zstd_in_two_frames(self, tmp_path: Path) -> None:
        halves = [zstd(line.encode()) for line in LINES.splitlines(keepends=True)]
        assert read(tmp_path / "rows.jsonl.zst", b"".join(halves)) == ROWS

    def test_a_compressed_text_is_called_by_its_name(self, tmp_path: Path) -> None:
        assert read(tmp_path / "lock.txt.gz", gzip.compress(b"Up.")) == [{"title": "lock", "text": "Up."}]

    @pytest.mark.parametrize("name", ["rows.jsonl.gz", "rows.jsonl.bz2", "rows.jsonl.xz", "rows.jsonl.zst"])
    def test_what_is_damaged(self, name: str, tmp_path: Path) -> None:
        assert refusal(tmp_path / name, LINES).startswith(": cannot be read (")

    def test_what_was_cut(self, tmp_path: Path) -> None:
        assert refusal(tmp_path / "rows.jsonl.gz", gzip.compress(LINES.encode())[:-12]).startswith(": cannot be read (")


class TestArrow:
    def test_parquet(self, tmp_path: Path) -> None:
        parquet.write_table(pa.Table.from_pylist(ROWS), tmp_path / "rows.parquet")
        assert read_source(str(tmp_path / "rows.parquet")) == ROWS
        assert read_source(str(tmp_path / "rows.parquet"), limit=1) == ROWS[:1]
        assert read_source(str(tmp_path / "rows.parquet"), columns=["title"])[0] == {"title": "Lock", "text": None}
        packed = zstd((tmp_path / "rows.parquet").read_bytes())
        assert read(tmp_path / "rows.parquet.zst", packed) == ROWS

    def test_arrow_files_and_streams(self, tmp_path: Path) -> None:
        feather.write_feather(pa.Table.from_pylist(ROWS), tmp_path / "file.arrow")
        Dataset.from_list(ROWS).save_to_disk(str(tmp_path / "saved"))
        (stream,) = (tmp_path / "saved").glob("*.arrow")
        for path in (tmp_path / "file.arrow", stream):
            assert read_source(str(path)) == ROWS
            assert read_source(str(path), columns=["title"])[1] == {"title": "Quay", "text": None}

    @pytest.mark.parametrize(("name", "kind"), [("rows.parquet", "parquet"), ("rows.arrow", "Arrow")])
    def test_what_is_damaged(self, name: str, kind: str, tmp_path: Path) -> None:
        assert refusal(tmp_path / name, LINES).startswith(f": is no {kind} file that can be read (")


class TestWorkbooks:
    def test_the_first_sheet_as_texts(self, tmp_path: Path) -> None:
        openpyxl = pytest.importorskip("openpyxl")
        book = openpyxl.Workbook()
        for cells in ([None, None], ["title", "text"], ["Lock", "A lock."], [None, None], [7, 2.5], [True, None]):
            book.active.append(cells)
        book.save(tmp_path / "rows.xlsx")
        rows = [{"title": "Lock", "text": "A lock."}, {"title": "7", "text": "2.5"}, {"title": "true", "text": ""}]
        assert read_source(str(tmp_path / "rows.xlsx")) == rows
        assert read(tmp_path / "rows.xlsx.gz", gzip.compress((tmp_path / "rows.xlsx").read_bytes())) == rows

    def test_what_is_none(self, tmp_path: Path) -> None:
        pytest.importorskip("openpyxl")
        assert refusal(tmp_path / "rows.xlsx", CSV).startswith(": is no Excel workbook that can be read (")

    def test_the_extra_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
        with pytest.raises(MissingExtraError, match=r"rows.xlsx: an Excel workbook needs .*\[documents\]"):
            read(tmp_path / "rows.xlsx", b"")


def test_rows_come_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(LINES + "broken\n")
    rows = iter_source(str(tmp_path / "rows.jsonl"))
    assert [next(rows), next(rows)] == ROWS
    with pytest.raises(ConfigError, match="line 3: not JSON"):
        next(rows)
