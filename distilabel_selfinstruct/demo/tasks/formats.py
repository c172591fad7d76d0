"""Data formats, tables and tiny snippets of code."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from random import Random

from distilabel_selfinstruct.demo.tasks import tables
from distilabel_selfinstruct.demo.tasks.grammar import GENERAL_LEADS, GENERAL_TAILS, Family, Slot, Values
from distilabel_selfinstruct.demo.tasks.numbers import draw_numbers, join, parse_numbers

LEADS = (
    *GENERAL_LEADS,
    "Our data team exchanges small records every day.",
    "You maintain the export scripts of a web shop.",
    "A junior developer needs a hand.",
)
TAILS = (
    *GENERAL_TAILS,
    "Return the raw text without a code fence.",
    "Output just the converted data.",
)
CODE_TAILS = (
    *GENERAL_TAILS,
    "Write exactly what appears on the screen.",
    "Assume Python 3.",
)
COLUMNS = ("name", "city", "age")
SEPARATORS = {"semicolons": ";", "vertical bars": "|", "slashes": "/"}


def _family(
    name: str,
    cores: Sequence[str],
    answer: Callable[[Values, str], str],
    draw: Callable[[Random, Values], str] | None,
    slots: Mapping[str, Slot] | None = None,
    tails: Sequence[str] = TAILS,
) -> Family:
    return Family(name, tuple(cores), answer, draw, slots or {}, LEADS, tuple(tails))


def _draw_records(rng: Random, values: Values) -> str:
    """CSV with a header."""
    cities = rng.sample(tuple(tables.CAPITALS.values()), 4)
    people = zip(rng.sample(tables.NAMES, rng.randint(2, 4)), cities)
    return "\n".join([",".join(COLUMNS), *(f"{name},{city},{rng.randint(18, 80)}" for name, city in people)])


def _records(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def _draw_record(rng: Random, values: Values) -> str:
    """A JSON object."""
    record = {"name": rng.choice(tables.NAMES), "city": rng.choice(tuple(tables.CAPITALS.values())),
              "age": rng.randint(18, 80)}  # fmt: skip
    return json.dumps(record)


def _oldest(records: list[dict[str, str]]) -> str:
    highest = max(int(record["age"]) for record in records)
    return " and ".join(record["name"] for record in records if int(record["age"]) == highest)


def _markdown_table(rows: list[list[str]]) -> str:
    head, *body = ("| " + " | ".join(row) + " |" for row in rows)
    return "\n".join([head, "|" + " --- |" * len(rows[0]), *body])


def _draw_pairs(rng: Random, values: Values) -> str:
    goods = rng.sample(tuple(tables.PRODUCTS), rng.randint(2, 4))
    return ", ".join(f"{each} = {rng.randint(1, 60)}" for each in goods)


def _pairs(text: str) -> dict[str, int]:
    return {name: int(number) for name, number in (pair.split(" = ") for pair in text.split(", "))}


def _draw_expression(rng: Random, values: Values) -> str:
    a, b, c = rng.randint(12, 60), rng.randint(3, 9), rng.randint(2, 11)
    return f"print({a} {rng.choice(('//', '%', '*', '-'))} {b} + {c})"


def _evaluated(values: Values, text: str) -> str:
    a, operator, b, _, c = text.removeprefix("print(").removesuffix(")").split()
    operations = {"//": int.__floordiv__, "%": int.__mod__, "*": int.__mul__, "-": int.__sub__}
    return str(operations[operator](int(a), int(b)) + int(c))


def _draw_call(rng: Random, values: Values) -> str:
    return f"print({rng.choice(tuple(CALLS))}([{draw_numbers(3, 5)(rng, values)}]))"


CALLS: Mapping[str, Callable[[list[int]], object]] = {"len": len, "max": max, "min": min, "sum": sum, "sorted": sorted}


def _called(values: Values, text: str) -> str:
    name, numbers = text.removeprefix("print(").removesuffix("]))").split("([")
    return str(CALLS[name](parse_numbers(numbers)))


def _draw_method(rng: Random, values: Values) -> str:
    return f'print("{rng.choice(tables.WORDS)}".{rng.choice(tuple(METHODS))}())'


METHODS = {"upper": str.upper, "capitalize": str.capitalize, "title": str.title}


def _method_called(values: Values, text: str) -> str:
    word, method = text.removeprefix('print("').removesuffix("())").split('".')
    return METHODS[method](word)


FAMILIES = (
    _family(
        "csv_to_json",
        (
            "Convert the CSV table to a JSON array of objects in which all values are strings.",
            "Parse the comma-separated records and print them as JSON, one list of objects, all values as strings.",
            "An API expects JSON but we have CSV with a header; translate it, keeping every value a string.",
        ),
        lambda values, text: json.dumps(_records(text)),
        _draw_records,
    ),
    _family(
        "csv_to_markdown",
        (
            "Build a Markdown table from the CSV data.",
            "For the README, the comma-separated rows should be a table in Markdown.",
            "Format the spreadsheet export as a Markdown table with a header row.",
        ),
        lambda values, text: _markdown_table([line.split(",") for line in text.split("\n")]),
        _draw_records,
    ),
    _family(
        "csv_column",
        (
            "List the values in the column {column} of the CSV data, separated by commas.",
            "Extract the {column} of every person in the table and join them with commas.",
            "From the comma-separated records, I need only the field {column}, all on one line with commas.",
        ),
        lambda values, text: ", ".join(record[values["column"]] for record in _records(text)),
        _draw_records,
        {"column": COLUMNS},
    ),
    _family(
        "csv_count",
        (
            "How many records does the CSV data hold, not counting the header?",
            "Count the people in the table below its heading line.",
        ),
        lambda values, text: str(len(_records(text))),
        _draw_records,
        tails=GENERAL_TAILS,
    ),
    _family(
        "csv_oldest",
        (
            "Who is the oldest person in the table, or who are they?",
            "Name the person, or in case of a tie the persons joined by and, with the highest age in the records.",
        ),
        lambda values, text: _oldest(_records(text)),
        _draw_records,
        tails=GENERAL_TAILS,
    ),
    _family(
        "json_value",
        (
            "Read the JSON object and return the value of {column}.",
            "What does the key {column} hold in this JSON document?",
            "Look into the JSON record and tell me the {column} of the person.",
        ),
        lambda values, text: str(json.loads(text)[values["column"]]),
        _draw_record,
        {"column": COLUMNS},
        GENERAL_TAILS,
    ),
    _family(
        "json_keys",
        (
            "Sort the keys of the JSON object alphabetically and keep their values.",
            "Rewrite the JSON record with its fields ordered by name.",
            "A diff tool wants JSON keys in alphabetical order, so rearrange the object.",
        ),
        lambda values, text: json.dumps(json.loads(text), sort_keys=True),
        _draw_record,
    ),
    _family(
        "json_to_csv",
        (
            "Turn the JSON object into CSV with a header line and one data line.",
            "Flatten this JSON record to two comma-separated lines, names above values.",
            "Export the object for a spreadsheet: first the keys, then the values, with commas and no spaces.",
        ),
        lambda values, text: "\n".join((",".join(row := json.loads(text)), ",".join(map(str, row.values())))),
        _draw_record,
    ),
    _family(
        "pairs_to_json",
        (
            "Write the stock list as one JSON object with numbers as values.",
            "Each entry has the form name = number; make a JSON object out of them.",
            "Serialize these assignments to JSON, without quotes around the numbers.",
        ),
        lambda values, text: json.dumps(_pairs(text)),
        _draw_pairs,
    ),
    _family(
        "pairs_total",
        (
            "How many pieces are in stock altogether?",
            "Ignore the names and add up the quantities behind the equals signs.",
            "Total the inventory over all its articles.",
        ),
        lambda values, text: str(sum(_pairs(text).values())),
        _draw_pairs,
        tails=GENERAL_TAILS,
    ),
    _family(
        "pairs_to_table",
        (
            "Present the stock as a Markdown table with the headings Item and Quantity.",
            "Make a two-column Markdown table, Item and Quantity, from the entries.",
        ),
        lambda values, text: _markdown_table(
            [["Item", "Quantity"], *([name, str(number)] for name, number in _pairs(text).items())]
        ),
        _draw_pairs,
    ),
    _family(
        "html_list",
        (
            "Mark the items up as an HTML unordered list on a single line.",
            "Write HTML, in one line and without attributes, for a bullet list of the entries.",
        ),
        lambda values, text: "<ul>" + "".join(f"<li>{item}</li>" for item in text.split(", ")) + "</ul>",
        lambda rng, values: ", ".join(rng.sample(tables.WORDS, rng.randint(2, 4))),
    ),
    _family(
        "markdown_list",
        (
            "Make a Markdown bullet list with hyphens from the comma-separated items.",
            "Break the items into lines, each beginning with a hyphen and a space.",
        ),
        lambda values, text: "\n".join(f"- {item}" for item in text.split(", ")),
        lambda rng, values: ", ".join(rng.sample(tables.WORDS, rng.randint(3, 5))),
    ),
    _family(
        "change_separator",
        (
            "Use {separator} instead of commas between the fields, and no spaces.",
            "The importer understands neither commas nor spaces, so separate the values by {separator} alone.",
            "Change the delimiter of the line to {separator}, with no spaces around it.",
        ),
        lambda values, text: SEPARATORS[values["separator"]].join(text.split(", ")),
        draw_numbers(4, 7),
        {"separator": tuple(SEPARATORS)},
    ),
    _family(
        "python_expression",
        (
            "What does the Python statement print?",
            "Evaluate the arithmetic in this line of Python and show its output.",
            "Mind operator precedence: which number appears when the line runs?",
        ),
        _evaluated,
        _draw_expression,
        tails=CODE_TAILS,
    ),
    _family(
        "python_call",
        (
            "Predict the output of the Python call.",
            "Without a computer, say what this built-in function call displays.",
            "A tutorial asks what Python shows for the following; answer it.",
        ),
        _called,
        _draw_call,
        tails=CODE_TAILS,
    ),
    _family(
        "python_method",
        (
            "Which text does this string method produce on the screen?",
            "Trace the Python line with the string method and write its output.",
        ),
        _method_called,
        _draw_method,
        tails=CODE_TAILS,
    ),
    _family(
        "python_list",
        (
            "Write the numbers as a Python list literal.",
            "Wrap the values in square brackets to get valid Python.",
            "I want to paste this data into a Python script as a list.",
        ),
        lambda values, text: f"[{text}]",
        draw_numbers(3, 7),
    ),
    _family(
        "sql_in",
        (
            "Complete the SQL query SELECT * FROM orders WHERE id IN with the given ids and end it with a semicolon.",
            "Select all columns of the SQL table orders where id is one of the numbers, using IN and a semicolon.",
        ),
        lambda values, text: f"SELECT * FROM orders WHERE id IN ({join(parse_numbers(text))});",
        draw_numbers(2, 5, 100, 999),
    ),
)
