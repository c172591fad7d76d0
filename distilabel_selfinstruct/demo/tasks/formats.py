"""Data formats and tiny snippets of code."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from random import Random

from distilabel_selfinstruct.demo.tasks.grammar import GENERAL_TAILS, Family, Values
from distilabel_selfinstruct.demo.tasks.knowledge import COUNTRIES
from distilabel_selfinstruct.demo.tasks.numbers import draw_numbers, parse_numbers
from distilabel_selfinstruct.demo.tasks.words import draw_list

TAILS = (*GENERAL_TAILS, "Return the raw text without a code fence.", "Output just the converted data.")
NAMES = ("Anna", "Ben", "Clara", "David", "Elif", "Femi", "Greta", "Hugo", "Ines", "Jonas")
CALLS: Mapping[str, Callable[[list[int]], object]] = {"len": len, "max": max, "min": min, "sum": sum, "sorted": sorted}


def _draw_record(rng: Random, values: Values) -> str:
    """A JSON object."""
    return json.dumps({"name": rng.choice(NAMES), "city": rng.choice(tuple(COUNTRIES)), "age": rng.randint(18, 80)})


def _draw_call(rng: Random, values: Values) -> str:
    return f"print({rng.choice(tuple(CALLS))}([{draw_numbers(3, 5)(rng, values)}]))"


def _called(values: Values, text: str) -> str:
    name, numbers = text.removeprefix("print(").removesuffix("]))").split("([")
    return str(CALLS[name](parse_numbers(numbers)))


FAMILIES = (
    Family(
        "json_value",
        (
            "Read the JSON object and return the value of {column}.",
            "What does the key {column} hold in this JSON document?",
            "Look into the JSON record and tell me the {column} of the person.",
        ),
        lambda values, text: str(json.loads(text)[values["column"]]),
        _draw_record,
        {"column": ("name", "city", "age")},
    ),
    Family(
        "json_keys",
        (
            "Sort the keys of the JSON object alphabetically and keep their values.",
            "Rewrite the JSON record with its fields ordered by name.",
            "A diff tool wants JSON keys in alphabetical order, so rearrange the object.",
        ),
        lambda values, text: json.dumps(json.loads(text), sort_keys=True),
        _draw_record,
        tails=TAILS,
    ),
    Family(
        "html_list",
        (
            "Mark the items up as an HTML unordered list on a single line.",
            "Write HTML, in one line and without attributes, for a bullet list of the entries.",
        ),
        lambda values, text: "<ul>" + "".join(f"<li>{item}</li>" for item in text.split(", ")) + "</ul>",
        draw_list,
        tails=TAILS,
    ),
    Family(
        "python_call",
        (
            "Predict the output of the Python call.",
            "Without a computer, say what this built-in function call displays.",
            "A tutorial asks what Python shows for the following; answer it.",
        ),
        _called,
        _draw_call,
        tails=(*GENERAL_TAILS, "Write exactly what appears on the screen.", "Assume Python 3."),
    ),
)
