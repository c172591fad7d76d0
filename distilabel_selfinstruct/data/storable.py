"""Texts that every file can hold, made of what users and scrapers bring."""

from __future__ import annotations

from typing import Any

from distilabel_selfinstruct.text.reading.json_lists import well_formed


def storable(value: Any) -> Any:
    """The value with U+FFFD for each half of a surrogate pair, in whatever lists and objects it stands.

    JSON and YAML can spell such a half (an emoji that was cut), and no file can hold it. All else is kept, NUL too.
    """
    if isinstance(value, str):
        return value if value.isascii() else well_formed(value)
    if isinstance(value, (list, tuple)):
        return type(value)(map(storable, value))
    if isinstance(value, dict):
        return {storable(name): storable(each) for name, each in value.items()}
    return value
