"""Files that are a document each, or a mailbox of them: read as rows with `title` and `text`.

Pages and slides are parted by form feeds, and headings are Markdown's, whatever the file has.
"""

from __future__ import annotations

import io
import json
import logging
import re
import tempfile
from collections.abc import Collection, Iterator
from contextlib import closing, suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from distilabel_selfinstruct.data.formats import Reader, Row
from distilabel_selfinstruct.data.storable import storable
from distilabel_selfinstruct.data.streams import ending_of, is_packed, open_bytes, read_text, stem_of
from distilabel_selfinstruct.errors import ConfigError, MissingExtraError
from distilabel_selfinstruct.text.pieces import PAGE_BREAK

EXTRA = "documents"

_FRONT_MATTER = re.compile(r"(?P<fence>---|\+\+\+)[ \t]*\n(?P<body>.*?)\n(?P=fence)[ \t]*(?:\n|\Z)", re.DOTALL)
_UNDERLINED = re.compile(  # a heading of reStructuredText, below a line of the same signs or not
    r"^(?:(?P<over>[=\-~^\"'`*+#.:_])(?P=over){2,}[ \t]*\n)?"
    r"[ \t]*(?P<line>\S[^\n]*)\n(?P<sign>[=\-~^\"'`*+#.:_])(?P=sign){2,}[ \t]*$",
    re.MULTILINE,
)
_TABLES = (".csv", ".tsv", ".json", ".jsonl", ".log")  # which are texts where they are attached to a mail
_SLIDE = re.compile(r"\s*<!-- Slide number: \d+ -->\s*")
_PICTURE = re.compile(r"!\[[^\]\n]*\]\([^)\n]*\)")
_HYPHEN = re.compile(r"(?<=[^\W\d_])[-\u00ad]\n(?=[^\W\d_])")
_LINE_END = re.compile(r"[ \t]*\n(?!\s*(?:[-•▪◦*–]|\d{1,3}[.)])\s)[ \t]*")  # none before the item of a list


def _plain(path: Path, columns: Collection[str] | None = None) -> Iterator[Row]:
    yield {"title": stem_of(path), "text": read_text(path)}


def _markdown(path: Path, columns: Collection[str] | None = None) -> Iterator[Row]:
    """Without its front matter, whose values are further columns, and whose title is that of the document."""
    text, about = read_text(path), {}
    if (found := _FRONT_MATTER.match(text.lstrip())) and (about := _metadata(found["body"], found["fence"])):
        text = text.lstrip()[found.end() :].lstrip("\n")
    yield about | {"title": about.get("title") or stem_of(path), "text": text}


def _metadata(body: str, fence: str) -> dict[str, str]:
    """What stands in front matter, as texts; nothing where it is none, but a text between two lines."""
    import yaml

    try:
        values = _toml(body) if fence == "+++" else yaml.safe_load(body)
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    if not isinstance(values, dict):
        return {}
    return {str(name): _as_text(value) for name, value in storable(values).items() if value is not None}


def _toml(body: str) -> Any:
    if find_spec("tomllib") is None:  # Python 3.10
        return dict(re.findall(r'^(\w+)\s*=\s*"([^"\n]*)"', body, re.MULTILINE))
    import tomllib

    return tomllib.loads(body)


def _as_text(value: Any) -> str:
    if isinstance(value, (dict, list)):
        is_flat = isinstance(value, list) and not any(isinstance(each, (dict, list)) for each in value)
        return ", ".join(map(str, value)) if is_flat else json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def _restructured(path: Path, columns: Collection[str] | None = None) -> Iterator[Row]:
    """With headings as Markdown has them, by the order in which their signs occur; all else stays as it is written."""
    kinds: list[tuple[str | None, str]] = []

    def heading(found: re.Match[str]) -> str:
        kind = (found["over"], found["sign"])
        if kind not in kinds:
            kinds.append(kind)
        return f"{'#' * min(6, kinds.index(kind) + 1)} {found['line'].strip()}"

    yield {"title": stem_of(path), "text": _UNDERLINED.sub(heading, read_text(path))}


def _converted(path: Path, columns: Collection[str] | None = None) -> Iterator[Row]:
    """As Markdown, by markitdown."""
    with open_bytes(path) as stream:
        title, text = _as_markdown(stream, ending_of(path), str(path))
    slides = [slide for slide in _SLIDE.split(text) if slide.strip()] if ending_of(path) == ".pptx" else [text]
    if not any(slide.strip() for slide in slides):
        raise ConfigError(f"{path}: there is no text in it.")
    yield {"title": title or stem_of(path), "text": PAGE_BREAK.join(slide.strip() for slide in slides)}


def _as_markdown(stream: Any, ending: str, where: str) -> tuple[str | None, str]:
    try:
        from markitdown import StreamInfo
    except ImportError:
        raise MissingExtraError.of(f"{where}: {ending}", EXTRA) from None
    if ending in (".html", ".htm"):
        stream = io.BytesIO(_decoded(stream.read()).encode(errors="replace"))
    try:
        result = _converter(ending).convert(stream, StreamInfo(extension=ending, charset="utf-8"))
    except Exception as error:  # whatever is wrong with the file
        said = " ".join(str(error).split())[:200]
        raise ConfigError(f"{where}: cannot be read as {ending} ({type(error).__name__}: {said}).") from None
    return result.title, storable(_PICTURE.sub("", result.markdown))


@cache
def _converter(ending: str) -> Any:
    """That of one format alone: `MarkItDown` itself would take a damaged file for a text."""
    from markitdown import converters

    return getattr(converters, {".docx": "Docx", ".pptx": "Pptx", ".epub": "Epub"}.get(ending, "Html") + "Converter")()


def _decoded(html: bytes) -> str:
    """By its mark, what it says of itself, or a guess."""
    from bs4.dammit import UnicodeDammit

    return UnicodeDammit(html, is_html=True).unicode_markup or ""


def _pdf(path: Path, columns: Collection[str] | None = None) -> Iterator[Row]:
    """Page by page, each paragraph on a line."""
    try:
        from pdfminer.high_level import extract_pages
        from pdfminer.layout import LTTextContainer
    except ImportError:
        raise MissingExtraError.of(f"{path}: a PDF", EXTRA) from None
    logging.getLogger("pdfminer").setLevel(logging.ERROR)
    try:
        with open_bytes(path) as stream:
            pages = [
                "\n\n".join(
                    filter(None, (_paragraph(box.get_text()) for box in page if isinstance(box, LTTextContainer)))
                )
                for page in extract_pages(cast("Any", stream))
            ]
    except Exception as error:  # whatever is wrong with the file: damaged, encrypted
        raise ConfigError(
            f"{path}: is no PDF that can be read ({type(error).__name__} {error})".strip() + "."
        ) from None
    if not pages:
        raise ConfigError(f"{path}: is no PDF that can be read (there are no pages in it).")
    if not any(pages):
        raise ConfigError(
            f"{path}: there is no text on its pages ({len(pages):,}), so they are pictures, such as of a scanner; have"
            " their text recognised first (OCR)."
        )
    yield {"title": stem_of(path), "text": storable(PAGE_BREAK.join(pages))}


def _paragraph(text: str) -> str:
    return _LINE_END.sub(" ", _HYPHEN.sub("", text.strip())).replace(PAGE_BREAK, " ")


def _mail(path: Path, columns: Collection[str] | None = None) -> Iterator[Row]:
    import email
    import email.policy

    with open_bytes(path) as stream:
        yield from _messages(email.message_from_binary_file(stream, policy=email.policy.default), path)


def _mailbox(path: Path, columns: Collection[str] | None = None) -> Iterator[Row]:
    import email
    import email.policy
    import mailbox

    if is_packed(path):
        raise ConfigError(f"{path}: a mailbox is read unpacked; unpack it first.")
    with closing(mailbox.mbox(path, create=False)) as box:
        for message in box:
            yield from _messages(email.message_from_bytes(message.as_bytes(), policy=email.policy.default), path)


def _messages(message: Any, path: Path) -> Iterator[Row]:
    """A message, and after it what is attached to it, each a document; without text where it cannot be read."""
    row = _message(message, path)
    yield row
    about = {name: row[name] for name in ("from", "date") if name in row} | {"attached_to": row["title"]}
    for part in message.iter_attachments():
        if part.get_content_type() == "message/rfc822":
            yield from _messages(part.get_content(), path)
        elif part.is_attachment():
            name = Path(part.get_filename() or "attachment").name
            for each in _attached(name, part.get_payload(decode=True) or b""):
                yield about | each


def _attached(name: str, content: bytes) -> list[Row]:
    ending = ending_of(Path(name))
    reader = _plain if ending in _TABLES else TEXTS.get(ending)
    if reader is not None:
        with tempfile.TemporaryDirectory(prefix="attachment-") as folder, suppress(ConfigError):
            place = Path(folder, "attached" + "".join(Path(name).suffixes[-2:]))
            place.write_bytes(content)
            rows = list(reader(place, None))
            return [row | {"title": stem_of(Path(name))} if row["title"] == stem_of(place) else row for row in rows]
    return [{"title": name, "text": ""}]


def _message(message: Any, path: Path) -> Row:
    """Subject and text of a message."""
    body = message.get_body(("plain", "html"))
    try:
        text = body.get_content() if body is not None else ""
    except (LookupError, ValueError):  # an encoding that nobody knows
        text = bytes(body.get_payload(decode=True) or b"").decode(errors="replace")
    if body is not None and body.get_content_type() == "text/html":
        text = _text_of_html(text)
    about = {name: str(message[name]) for name in ("from", "date") if message[name]}
    return storable({**about, "title": str(message["subject"] or stem_of(path)), "text": text})


def _text_of_html(html: str) -> str:
    if find_spec("markitdown") is not None:
        return _as_markdown(io.BytesIO(html.encode(errors="replace")), ".html", "mail")[1]
    from bs4 import BeautifulSoup

    return BeautifulSoup(html, "html.parser").get_text("\n", strip=True)


TEXTS: dict[str, Reader] = {
    ".txt": _plain,
    ".md": _markdown,
    ".markdown": _markdown,
    ".rst": _restructured,
    ".eml": _mail,
    ".mbox": _mailbox,
    ".pdf": _pdf,
    **dict.fromkeys((".docx", ".pptx", ".html", ".htm", ".epub"), _converted),
}
"""The readers of documents by the ending of their names."""

_PACKAGES = {".pdf": "pdfminer", ".xlsx": "openpyxl"} | {
    ending: "markitdown" for ending, reader in TEXTS.items() if reader is _converted
}


def lacks_extra(ending: str) -> bool:
    """Whether files with this ending can be read once the extra `documents` is installed, and not before."""
    return ending in _PACKAGES and find_spec(_PACKAGES[ending]) is None


def is_converted(ending: str) -> bool:
    """Whether files with this ending are no texts, but are made into some."""
    return ending in _PACKAGES
