"""Names that a package imports when they are first used, so that who needs a small part of it waits for no other."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any


@contextmanager
def plain_tracebacks() -> Iterator[None]:
    """Keeps Python's tracebacks: distilabel, when imported, installs some that print local variables, keys too."""
    hook = sys.excepthook
    try:
        yield
    finally:
        sys.excepthook = hook


def lazy_names(
    package: str, homes: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The functions `__getattr__` and `__dir__` of a package (PEP 562).

    Args:
        package: its name.
        homes: the names of each module, modules by their dotted name in `distilabel_selfinstruct`.
    """
    home_of = {name: home for home, names in homes.items() for name in names}

    def get(name: str) -> Any:
        if name not in home_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        with plain_tracebacks():
            value = getattr(importlib.import_module(f"distilabel_selfinstruct.{home_of[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *home_of})

    return get, names
