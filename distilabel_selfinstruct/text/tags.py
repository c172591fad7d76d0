"""Tags of an instance: what a model may say, how that is read, and conditions on it."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from distilabel_selfinstruct.errors import ConfigError, did_you_mean
from distilabel_selfinstruct.text.reading.remarks import plain

CATEGORIES = {  # Magpie's, arXiv 2406.08464, figure 5
    "information": "asks for facts or an explanation",
    "reasoning": "asks for a conclusion that takes several steps",
    "planning": "asks for a plan",
    "editing": "asks for a text that is given to be changed, corrected, translated or shortened",
    "coding": "asks for a program, or about one",
    "maths": "asks for a calculation or a proof",
    "role_play": "asks the assistant to speak as somebody",
    "data_analysis": "asks what data that are given say, or to sort or classify them",
    "creative_writing": "asks for a story, a poem or the like",
    "advice": "asks what the user should do",
    "brainstorming": "asks for ideas",
    "other": "is none of these",
}
LEVELS = range(1, 6)
_NUMBERS = ("difficulty", "quality")
_LINE = re.compile(r"\b(category|difficulty|quality)\b[\s*_`\"']{0,4}[:=：][\s*_`\"'<\[(]{0,4}([^\n,;}]+)", re.I)
_LEVEL = re.compile(r"([1-5])(?![\d.])(?:\s*(?:/|out of|of)\s*5)?(?!\s*[-–/]\s*\d)")
_CONDITION = re.compile(r"\s*(\w+)\s*(>=|<=|!=|=|>|<)\s*(\S.*?)\s*")
_OPERATORS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}

Tags = dict[str, "int | str"]


def parse_tags(completion: str) -> Tags | None:
    """The three tags of a completion, JSON or a line each; None where one is missing, or is none that there is."""
    text = plain(completion)
    said: dict[str, Any] = {name.lower(): value for name, value in _LINE.findall(text)}
    with suppress(ValueError):
        given = json.loads(text)
        said = given if isinstance(given, dict) else said
    category = re.sub(r"[\s&-]+", "_", str(said.get("category", "")).strip(" .*_`\"'()<>[]").casefold())
    levels = {name: _LEVEL.match(str(said.get(name, ""))) for name in _NUMBERS}
    if category not in CATEGORIES or not all(levels.values()):
        return None
    return {"category": category, **{name: int(found[1]) for name, found in levels.items() if found}}


@dataclass(frozen=True, slots=True)
class Condition:
    """What a tag must be, such as `quality>=4`, or `category=coding,maths`: one of these."""

    name: str
    sign: str
    values: tuple[int | str, ...]

    def holds(self, tags: Mapping[str, Any]) -> bool:
        """Whether these tags are so."""
        value = tags[self.name]
        if self.sign in _OPERATORS:
            return bool(_OPERATORS[self.sign](value, self.values[0]))
        return (value in self.values) == (self.sign == "=")

    def __str__(self) -> str:
        return f"{self.name}{self.sign}{','.join(map(str, self.values))}"


def read_conditions(texts: Sequence[str]) -> list[Condition]:
    """The conditions of `--keep-tags`.

    Raises:
        ConfigError: names the first that is none.
    """
    return [_condition(text) for text in texts]


def _condition(text: str) -> Condition:
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise ConfigError(f"--keep-tags {text}: expected NAME>=N in quotes, such as 'quality>=4', or category=coding.")
    name, sign, given = found.groups()
    values = [each.strip() for each in given.split(",")]
    if name not in (*_NUMBERS, "category"):
        known = ("difficulty", "category", "quality")
        raise ConfigError(
            f"--keep-tags {text}: there is no tag {name!r}{did_you_mean(name, known)}; there are: {', '.join(known)}."
        )
    if name == "category":
        unknown = next((each for each in values if each not in CATEGORIES), None)
        if sign in _OPERATORS or unknown is not None:
            raise ConfigError(
                f"--keep-tags {text}: a category is one of these (= or !=){did_you_mean(unknown or '', CATEGORIES)}:"
                f" {', '.join(CATEGORIES)}."
            )
        return Condition(name, sign, tuple(values))
    levels = [int(each) if each.isdecimal() else 0 for each in values]
    if not all(level in LEVELS for level in levels) or (sign in _OPERATORS and len(levels) > 1):
        raise ConfigError(f"--keep-tags {text}: {name} is a number from {LEVELS[0]} to {LEVELS[-1]}.")
    return Condition(name, sign, tuple(levels))
