"""Files as streams of bytes and of text: unpacked, and in whatever Unicode encoding they are."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

from distilabel_selfinstruct.errors import ConfigError


def _zstd(path: Path) -> Any:
    import pyarrow

    # A buffer of bytes around it: `TextIOWrapper` reads from no other kind.
    return io.BufferedReader(cast("io.RawIOBase", pyarrow.input_stream(str(path), compression="zstd")))


_PACKED: dict[str, Callable[[Path], Any]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".zst": _zstd,
    ".zstd": _zstd,
}
_MARKS = {  # the longer first: that of UTF-32 begins as that of UTF-16 does
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
_DAMAGES = (EOFError, zlib.error, lzma.LZMAError, OSError)


def ending_of(path: Path) -> str:
    """The ending that says what a file holds, in lower case: `.jsonl` of `rows.JSONL.gz`."""
    return (path.with_suffix("") if is_packed(path) else path).suffix.lower()


def stem_of(path: Path) -> str:
    """The file's name without its endings."""
    return (path.with_suffix("") if is_packed(path) else path).stem


def is_packed(path: Path) -> bool:
    """Whether the file's name says that it is compressed."""
    return path.suffix.lower() in _PACKED


def open_bytes(path: Path) -> BinaryIO:
    """What is in the file, unpacked; only a file that is not compressed can be searched quickly."""
    return cast("BinaryIO", _PACKED.get(path.suffix.lower(), lambda plain: plain.open("rb"))(path))


@contextmanager
def open_text(path: Path, newline: str | None = None) -> Iterator[TextIO]:
    """The text of a file in UTF-8, UTF-16 or UTF-32, without the mark that its first bytes may be."""
    with open_bytes(path) as stream:
        encoding = _encoding(path)
        yield io.TextIOWrapper(stream, encoding=encoding, newline=newline)


def read_text(path: Path) -> str:
    """The whole text of a file."""
    with open_text(path) as text:
        return text.read()


def _encoding(path: Path) -> str:
    """By the mark that a file begins with; where there is none, by the zeros that UTF-16 has between Latin letters."""
    with open_bytes(path) as stream:
        head = stream.read(512)
    for mark, encoding in _MARKS.items():
        if head.startswith(mark):
            return encoding
    for encoding, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):
        if len(zeros) > 1 and zeros.count(0) > 0.4 * len(zeros) and head.count(0) <= len(zeros):
            return encoding
    return "utf-8-sig"


@contextmanager
def faults_told(path: Path) -> Iterator[None]:
    """Says what cannot be read in the block.

    Raises:
        ConfigError: names the file, and the line where it is no text.
    """
    try:
        yield
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file.") from None
    except UnicodeError:  # of UTF-16 some are no UnicodeDecodeError
        raise ConfigError(_no_text(path)) from None
    except _DAMAGES as error:
        raise ConfigError(f"{path}: cannot be read ({error}).") from None


def _no_text(path: Path) -> str:
    encoding = _encoding(path)
    if encoding != "utf-8-sig":
        return f"{path}: is no {encoding[:6].upper()} text; save it as UTF-8."
    with open_bytes(path) as stream:
        number = next(at for at, line in enumerate(stream, 1) if line.decode(errors="ignore").encode() != line)
    return f"{path}, line {number}: is not UTF-8 text; save it as UTF-8."
