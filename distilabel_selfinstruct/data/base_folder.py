"""A folder of files that belong together: one process at work in it, files written whole, damage said in one line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from distilabel_selfinstruct.data.files import write_whole
from distilabel_selfinstruct.errors import RunFolderError

LOCK = ".lock"
_RESTORE = "restore it from a copy, or choose another folder"
T = TypeVar("T")


class BaseFolder(PathLike[str]):
    """A folder; it need not be there.

    Args:
        path: where it is.
    """

    mending: ClassVar[Mapping[str, str]] = {}
    """By the name of a file, what to do where it is damaged; of others: restore it."""

    def __init__(self, path: str | PathLike[str]) -> None:
        self._given = str(path)
        self.path = Path(path).absolute()  # libraries read a relative one, and `~` or `a:b` in it, each in its own way

    def __str__(self) -> str:
        return self._given

    def __fspath__(self) -> str:
        return str(self.path)

    @property
    def name(self) -> str:
        """What it is called."""
        return self.path.resolve().name

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing here that could be written over."""
        return not self.path.exists() or all(item.name == LOCK for item in self.path.iterdir())

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
            lock = FileLock(self.path / LOCK, timeout=0).acquire()
        except Timeout:
            raise RunFolderError(
                f"{self.path}: another process is at work here; wait for it, or choose another folder."
            ) from None
        with lock:
            yield

    def _read_json(self, name: str) -> Any:
        with self._checked(name):
            return json.loads((self.path / name).read_text(encoding="utf-8"))

    def _read_object(self, name: str) -> dict[str, Any]:
        values = self._read_json(name)
        if not isinstance(values, dict):
            raise self._damaged(name)
        return values

    def _read_yaml(self, name: str) -> dict[str, Any]:
        import yaml

        with self._checked(name, yaml.YAMLError):
            values = yaml.safe_load((self.path / name).read_text(encoding="utf-8"))
        if not isinstance(values, dict):
            raise self._damaged(name)
        return values

    def _read_lines(self, name: str, of_row: Callable[[dict[str, Any]], T]) -> list[T]:
        """What is made of each row of a file of JSON lines; nothing where there is no file."""
        if not (self.path / name).exists():
            return []
        with self._checked(name):
            lines = (self.path / name).read_text(encoding="utf-8").split("\n")
            return [of_row(json.loads(line)) for line in lines if line]

    def _write_yaml(self, name: str, values: Mapping[str, Any]) -> None:
        import yaml

        self._write(name, yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True))

    def _write_json(self, name: str, values: Any) -> None:
        self._write(name, json.dumps(values, indent=2, ensure_ascii=False) + "\n")

    def _write_lines(self, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
        self._write(name, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))

    def _write(self, name: str, text: str) -> None:
        path = self.path / name
        path.parent.mkdir(exist_ok=True)
        write_whole(path, text)

    @contextmanager
    def _checked(self, name: str, *errors: type[Exception]) -> Iterator[None]:
        """Says that a file is damaged where its content cannot be read, or is not what it should be."""
        damage: tuple[type[Exception], ...] = (ValueError, KeyError, TypeError, AttributeError, RecursionError, *errors)
        try:
            yield
        except damage:
            raise self._damaged(name) from None

    def _damaged(self, name: str) -> RunFolderError:
        path = self.path / name
        return RunFolderError(f"{path}: is damaged; {self.mending.get(path.name, _RESTORE)}.")
