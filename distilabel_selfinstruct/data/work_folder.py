"""WorkFolder: a folder that a command works in, one process at a time, whose files appear whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar

from distilabel_selfinstruct.data.files import clear_drafts, write_whole
from distilabel_selfinstruct.errors import RunFolderError

_LOCK = ".lock"
_RESTORE = "restore it from a copy, or choose another folder"


class WorkFolder(PathLike[str]):
    """A folder that a command works in.

    Args:
        path: where it is; it need not be there.
    """

    mending: ClassVar[Mapping[str, str]] = {}
    """What to do about damaged files, by name, where something else helps than a copy."""

    def __init__(self, path: str | PathLike[str]) -> None:
        self._given = str(path)
        self.path = Path(path).absolute()  # libraries read a relative one, and `~` or `a:b` in it, each in its own way

    def __str__(self) -> str:
        return self._given

    def __fspath__(self) -> str:
        return str(self.path)

    @property
    def name(self) -> str:
        """What the folder is called."""
        return self.path.resolve().name

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing here that new work would write over."""
        return not self.path.exists() or all(item.name == _LOCK for item in self.path.iterdir())

    def make(self) -> None:
        """Makes the folder.

        Raises:
            RunFolderError: if it cannot be made.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunFolderError(f"{self.path}: cannot be made ({error.strerror}); choose another --out.") from None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes away.

        Raises:
            RunFolderError: if one is at work here.
        """
        from filelock import FileLock, Timeout

        try:
            lock = FileLock(self.path / _LOCK, timeout=0).acquire()
        except Timeout:
            raise RunFolderError(
                f"{self.path}: another process is at work here; wait for it, or choose another folder."
            ) from None
        with lock:
            yield

    def clear_drafts(self) -> None:
        """Removes what processes that were killed have left half-written."""
        clear_drafts(self.path)

    def read_json(self, name: str) -> Any:
        """What is in a JSON file.

        Raises:
            RunFolderError: if it is damaged.
        """
        with self.checked(name):
            return json.loads((self.path / name).read_text(encoding="utf-8"))

    def read_object(self, name: str) -> dict[str, Any]:
        """The values of a JSON file, which is damaged where it holds something else."""
        values = self.read_json(name)
        if not isinstance(values, dict):
            raise self.damaged(name)
        return values

    def read_yaml(self, name: str) -> dict[str, Any]:
        """The values of a YAML file, which is damaged where it holds something else."""
        import yaml

        with self.checked(name, yaml.YAMLError):
            values = yaml.safe_load((self.path / name).read_text(encoding="utf-8"))
        if not isinstance(values, dict):
            raise self.damaged(name)
        return values

    def write_json(self, name: str, values: Any) -> None:
        """Writes a JSON file."""
        self.write_text(name, json.dumps(values, indent=2, ensure_ascii=False) + "\n")

    def write_lines(self, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Writes a JSON object a line."""
        self.write_text(name, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))

    def write_text(self, name: str, text: str) -> None:
        """Writes a text file."""
        path = self.path / name
        path.parent.mkdir(exist_ok=True)
        write_whole(path, text)

    @contextmanager
    def checked(self, name: str, *errors: type[Exception]) -> Iterator[None]:
        """Says that a file is damaged where its content cannot be read, or is not what it should be."""
        damage: tuple[type[Exception], ...] = (ValueError, KeyError, TypeError, AttributeError, RecursionError, *errors)
        try:
            yield
        except damage:
            raise self.damaged(name) from None

    def damaged(self, name: str) -> RunFolderError:
        """The error of a file that cannot be believed."""
        path = self.path / name
        return RunFolderError(f"{path}: is damaged; {self.mending.get(path.name, _RESTORE)}.")
