"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from distilabel_selfinstruct.errors import GO_ON

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_DRAFT = re.compile(r"\.(\d+)\.tmp(?:-journal)?\Z")


def local_path(given: str) -> str:
    """A path of this machine as the user wrote it, with `~` expanded here and nowhere else.

    Raises:
        ValueError: if it can be none.
    """
    if "\0" in given:
        raise ValueError("a path cannot hold a NUL character")
    if _ADDRESS.match(given):
        raise ValueError("is an address, and a path of this machine is needed")
    try:
        given.encode()
        return str(Path(given).expanduser()) if given.startswith("~") else given
    except UnicodeEncodeError:
        raise ValueError("a path must be text") from None
    except RuntimeError:
        raise ValueError("there is no such home folder") from None


def clear_drafts(folder: Path) -> None:
    """Removes what processes that are dead have left half-written."""
    for path in list(folder.rglob("*.tmp*")):
        if (draft := _DRAFT.search(path.name)) is None or _is_alive(int(draft[1])):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # somebody else's
        return True
    return True


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """While the block writes a file, an error says which, and what to do."""
    try:
        yield
    except OSError as error:
        raise type(error)(f"{path}: could not be written ({error.strerror}). {GO_ON}") from None


def write_whole(path: Path, content: str | bytes) -> None:
    """Writes a file by way of a draft, so that nobody ever reads half of it.

    Raises:
        OSError: if it cannot be written.
    """
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    with writing(path):
        draft.write_bytes(content if isinstance(content, bytes) else content.encode())
        os.replace(draft, path)


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """A draft that takes the folder's place once it is whole."""
    draft = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    shutil.rmtree(draft, ignore_errors=True)
    yield draft
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(draft, folder)
