"""Lists in JSON, read as far as they are whole."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any, NamedTuple


class Found(NamedTuple):
    """What an answer holds. Of JSON only whole elements are read, so that a cut has spoiled none of them."""

    items: list[Any]
    is_json: bool


_BETWEEN = re.compile(r"[\s,]*")
_DECODER = json.JSONDecoder(strict=False)  # line ends within strings, which small models write


@cache
def _opening(name: str, first: str) -> re.Pattern[str]:
    return re.compile(rf'^[ \t]*\{{\s*"{name}"\s*:\s*\[|\A\s*(?:```\w*\s*)?\[(?=\s*{first})', re.M)


def json_elements(text: str, name: str, of_objects: bool = False) -> list[Any] | None:
    """The elements of a JSON list up to its end, a cut or an error; None where no such list opens.

    Args:
        text: what may hold one.
        name: the key of the list; a list that the text begins with needs none.
        of_objects: whether such a list begins with an object, and not with a text.
    """
    found = _opening(name, r'\{\s*"' if of_objects else '"').search(text)
    if found is None:
        return None
    elements: list[Any] = []
    at = found.end()
    while True:
        between = _BETWEEN.match(text, at)
        try:
            element, at = _DECODER.raw_decode(text, between.end() if between else at)
        except (ValueError, RecursionError):
            return elements
        elements.append(element)


def well_formed(text: str) -> str:
    """The text without halves of surrogate pairs, which JSON can spell and no file can hold."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
