"""Filters of the user: functions that say of an instance whether it is to be kept."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from distilabel_selfinstruct.data.ready import READY, ready_filter
from distilabel_selfinstruct.errors import ConfigError, did_you_mean
from distilabel_selfinstruct.recipe import Reason

ENTRY_POINTS = "distilabel_selfinstruct.filters"
FAILED = Reason("filter_error", "a filter could not say")

_CODE = re.compile(r"[a-z][a-z0-9_]*")
_DETAIL = 300  # characters of what a filter says


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter.

    Attributes:
        name: as it was given.
        function: takes a row, `instruction`, `input`, `output` and what else is known; gives a truth value, or that
            and a text that says more.
        reason: for which it rejects; its code is the function's name, its meaning the first line of its docstring.
    """

    name: str
    function: Callable[[dict[str, Any]], Any]
    reason: Reason

    def fault(self, row: dict[str, Any]) -> tuple[str, str | None] | None:
        """The reason code and what it leaves open; None where the row is kept."""
        try:
            given = self.function(dict(row))
            kept, detail = given if isinstance(given, tuple) else (given, None)
        except Exception as error:  # whatever a user's function does
            return FAILED.code, f"{self.name}: {type(error).__name__}: {error}"[:_DETAIL]
        return None if kept else (self.reason.code, None if detail is None else str(detail)[:_DETAIL])


@cache
def load_filter(name: str) -> Filter:
    """A filter by its name.

    Args:
        name: one of `READY`, `module:function`, `path/to/file.py:function`, or what an installed package calls it by an
            entry point of the group `distilabel_selfinstruct.filters`.

    Raises:
        ConfigError: if there is none, or it cannot be imported.
        MissingExtraError: if one that is ready needs packages that are not installed.
    """
    if (ready := ready_filter(name)) is not None:
        return Filter(name, *ready)
    function = _function(name)
    if not callable(function):
        raise ConfigError(f"--filter {name}: is no function.")
    code = str(getattr(function, "__name__", type(function).__name__))
    if not _CODE.fullmatch(code):
        raise ConfigError(
            f"--filter {name}: its name {code!r} is the reason code of what it rejects: small letters, digits and _."
        )
    meaning = (inspect.getdoc(function) or "").strip().partition("\n")[0].rstrip(".")
    return Filter(name, function, Reason(code, meaning or f"rejected by {name}"))


def load_filters(names: list[str]) -> list[Filter]:
    """The filters of these names.

    Raises:
        ConfigError: if one cannot be had, or two have one reason code.
    """
    filters = [load_filter(name) for name in names]
    codes = [each.reason.code for each in filters]
    if twice := next((code for code in codes if codes.count(code) > 1), None):
        raise ConfigError(f"--filter: two have the name {twice!r}, which is their reason code; rename one.")
    return filters


def _function(name: str) -> Any:
    known = {each.name: each for each in entry_points(group=ENTRY_POINTS)}
    try:
        if name in known:
            return known[name].load()
        place, colon, attribute = name.rpartition(":")
        if not (colon and place and attribute):
            more = did_you_mean(name, [*READY, *known])
            raise ConfigError(
                f"--filter {name}: expected module:function, file.py:function, or one of {', '.join(READY)}{more}."
            )
        return getattr(_module(place), attribute)
    except ConfigError:
        raise
    except AttributeError as error:
        raise ConfigError(f"--filter {name}: {error}.") from None
    except Exception as error:  # whatever a user's module does
        raise ConfigError(f"--filter {name}: cannot be imported ({type(error).__name__}: {error}).") from None


def _module(place: str) -> Any:
    """A module by its name, also of the folder that the command runs in, or by its file."""
    if not place.endswith(".py"):
        here = str(Path.cwd())
        sys.path.insert(0, here)
        try:
            return importlib.import_module(place)
        finally:
            sys.path.remove(here)
    path = Path(place).expanduser()
    if not path.is_file():
        raise ConfigError(f"--filter {place}: there is no such file.")
    spec = importlib.util.spec_from_file_location(f"filters_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
