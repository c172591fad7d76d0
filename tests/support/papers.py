"""Small documents in the formats of offices and publishers, made without them."""

from __future__ import annotations

import zipfile
from pathlib import Path


def write_pdf(path: Path, *pages: list[str]) -> str:
    """A PDF with these lines on its pages; two texts that an empty one stands between are two paragraphs."""
    kids = " ".join(f"{4 + 2 * at} 0 R" for at in range(len(pages)))
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Kids[{kids}]/Count {len(pages)}>>",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    for at, lines in enumerate(pages):
        shown = "".join(f"({line}) Tj T* " for line in lines)
        stream = f"BT /F1 12 Tf 14 TL 72 700 Td {shown}ET"
        resources = f"/Resources<</Font<</F1 3 0 R>>>>/Contents {5 + 2 * at} 0 R"
        objects.append(f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]{resources}>>")
        objects.append(f"<</Length {len(stream)}>>stream\n{stream}\nendstream")
    body, places = "%PDF-1.4\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(body))
        body += f"{number} 0 obj\n{each}\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    size = len(objects) + 1
    body += (
        f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer<</Root 1 0 R/Size {size}>>\nstartxref\n{len(body)}\n%%EOF"
    )
    path.write_bytes(body.encode("latin-1"))
    return str(path)


def write_docx(path: Path, *paragraphs: tuple[str | None, str]) -> str:
    """A Word file with these paragraphs, each with its style, such as `Heading1`."""
    styled = "".join(
        f"<w:p>{f'<w:pPr><w:pStyle w:val={style!r}/></w:pPr>' if style else ''}<w:r><w:t>{text}</w:t></w:r></w:p>"
        for style, text in paragraphs
    )
    names = "".join(
        f"<w:style w:type='paragraph' w:styleId='Heading{level}'><w:name w:val='heading {level}'/></w:style>"
        for level in (1, 2)
    )
    space = "xmlns:w='http://schemas.openxmlformats.org/wordprocessingml/2006/main'"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    relations = "http://schemas.openxmlformats.org/package/2006/relationships"
    kinds = "application/vnd.openxmlformats-officedocument.wordprocessingml"
    _zip(path, {
        "[Content_Types].xml": "<Types xmlns='http://schemas.openxmlformats.org/package/2006/content-types'>"
        "<Default Extension='rels' ContentType='application/vnd.openxmlformats-package.relationships+xml'/>"
        f"<Override PartName='/word/document.xml' ContentType='{kinds}.document.main+xml'/>"
        f"<Override PartName='/word/styles.xml' ContentType='{kinds}.styles+xml'/></Types>",
        "_rels/.rels": f"<Relationships xmlns='{relations}'><Relationship Id='r1' Type='{office}/officeDocument'"
        " Target='word/document.xml'/></Relationships>",
        "word/_rels/document.xml.rels": f"<Relationships xmlns='{relations}'><Relationship Id='r1'"
        f" Type='{office}/styles' Target='styles.xml'/></Relationships>",
        "word/styles.xml": f"<w:styles {space}>{names}</w:styles>",
        "word/document.xml": f"<w:document {space}><w:body>{styled}</w:body></w:document>",
    })  # fmt: skip
    return str(path)


def write_epub(path: Path, title: str, *chapters: str) -> str:
    """An e-book with these chapters, in HTML."""
    names = [f"c{at}.xhtml" for at in range(len(chapters))]
    manifest = "".join(f"<item id='{name}' href='{name}' media-type='application/xhtml+xml'/>" for name in names)
    spine = "".join(f"<itemref idref='{name}'/>" for name in names)
    _zip(path, {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": "<container xmlns='urn:oasis:names:tc:opendocument:xmlns:container' version='1.0'>"
        "<rootfiles><rootfile full-path='b.opf' media-type='application/oebps-package+xml'/></rootfiles></container>",
        "b.opf": "<package xmlns='http://www.idpf.org/2007/opf' version='3.0'>"
        f"<metadata xmlns:dc='http://purl.org/dc/elements/1.1/'><dc:title>{title}</dc:title></metadata>"
        f"<manifest>{manifest}</manifest><spine>{spine}</spine></package>",
        **{name: f"<html><body>{chapter}</body></html>" for name, chapter in zip(names, chapters)},
    })  # fmt: skip
    return str(path)


def _zip(path: Path, files: dict[str, str]) -> None:
    with zipfile.ZipFile(path, "w") as package:
        for name, content in files.items():
            package.writestr(name, content)
