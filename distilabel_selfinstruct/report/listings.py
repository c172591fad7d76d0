"""The rows that the report's page lists: of each config what is shown, searched, filtered and sorted, of any size."""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from distilabel_selfinstruct.data.columns import columns_of
from distilabel_selfinstruct.recipe import Listing, Recipe
from distilabel_selfinstruct.report.measures import Measures
from distilabel_selfinstruct.review.records import QUESTIONS
from distilabel_selfinstruct.text.labels import folded_label
from distilabel_selfinstruct.text.rules import count_words

PAGE = 50  # rows that are shown at once
INSIDE = 2000  # rows that a page from disk holds
LONGEST = 20_000  # characters of a text that such a page holds
NOTHING = "none"  # how a filter calls a value that is not there
_PART = 5_000  # values of a column that are in memory at once
_MOST_VALUES = 200  # of a column, to choose from
_NAMES = ("instance_id", "instruction_id", "topic_id", "document_id", "id", "key")
_OF = re.compile(r"words of (\w+)\Z")
_LESS = re.compile(r"(.+) - (.+)\Z")
_RANGE = re.compile(r"(-?[\d.]+(?:e-?\d+)?)?\.\.(<?)(-?[\d.]+(?:e-?\d+)?)?\Z")
_WORD = re.compile(r"\w[\w'’]*")
_PLACE = re.compile(r"\d+-(\d+)")

_FROM = {"place": "instruction_id", "opening": "instruction"}  # what is made of which column

Row: TypeAlias = dict[str, Any]
Made: TypeAlias = dict[str, Callable[[], Sequence[Any]]]

_USUAL = (
    Listing(
        "instances",
        "Instances",
        ("instruction", "output", "is_classification", "round"),
        (
            "is_classification",
            "label",
            "round",
            "max_similarity",
            "judge_score",
            "agreement",
            "turns",
            "category",
            "difficulty",
            "quality",
            "words of output",
            "reviewed",
        ),
    ),
    Listing(
        "instructions",
        "Instructions",
        ("instruction", "is_classification", "round", "max_similarity"),
        ("is_classification", "verb", "object", "round", "max_similarity", "nearest seed", "words of instruction"),
    ),
    Listing("rejected", "Rejected", ("instruction", "stage", "reason", "score"), ("stage", "reason", "round", "score")),
    Listing("preferences", "Pairs", ("prompt", "score_chosen", "score_rejected"), ("score_chosen", "score_rejected")),
    Listing("seeds", "Seed tasks", ("instruction", "is_classification"), ("is_classification",)),
    Listing(
        "reviewed",
        "Reviewed",
        ("instruction", "output", "annotator"),
        ("annotator", *(question.name for question in QUESTIONS)),
    ),
)
"""What every recipe's page lists, if there are such rows; what all have may be filtered by, whatever a recipe says."""


class Listed(Protocol):
    """Rows that a page can list."""

    @property
    def name(self) -> str:
        """The config, or what else they are known by."""

    def __len__(self) -> int: ...

    def description(self) -> dict[str, Any]:
        """What the page must know of these rows before it shows any."""

    def row(self, key: str) -> Row | None:
        """The row of that key, whole; None where there is none."""

    def find(
        self, filters: Mapping[str, str], words: str = "", sort: str = "", start: int = 0, length: int = PAGE
    ) -> tuple[int, list[Row]]:
        """How many rows there are that fit, and a page of them."""


@dataclass(frozen=True)
class RowTable:
    """The rows of one listing.

    Attributes:
        listing: what is shown of them.
        table: the rows as they are in the dataset.
        made: further columns, by name, computed when they are first asked for.
        labels: of the columns: their meaning.
        unoffered: columns that rows can be chosen by, but that take too long to be offered.
    """

    listing: Listing
    table: pa.Table
    made: Mapping[str, Callable[[], Sequence[Any]]] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    unoffered: frozenset[str] = frozenset()
    _arrays: dict[str, pa.Array] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        return self.listing.config

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @cached_property
    def key(self) -> str | None:
        """The column that names each row; None where its place does."""
        for name in _NAMES:
            if self.name != "rejected" and name in self.table.column_names:
                column = self.table[name]
                if column.null_count == 0 and pc.count_distinct(column).as_py() == len(self):
                    return name
        return None

    def has(self, column: str) -> bool:
        """Whether there is anything in such a column."""
        if (less := _LESS.fullmatch(column)) is not None:
            return self.has(less[1]) and self.has(less[2])
        if (of := _OF.fullmatch(column)) is not None:
            return of[1] in self.table.column_names
        if column in _FROM:
            return _FROM[column] in self.table.column_names
        return column in self.made or (column in self.table.column_names and self.table[column].null_count < len(self))

    def values(self, column: str) -> pa.Array:
        """A column, as numbers, flags or texts."""
        if column not in self._arrays:
            self._arrays[column] = _flat(self._made(column))
        return self._arrays[column]

    def _made(self, column: str) -> pa.Array | pa.ChunkedArray:
        if column in self.made:
            return pa.array(self.made[column]())
        if (less := _LESS.fullmatch(column)) is not None:
            return pc.subtract(self.values(less[1]), self.values(less[2]))
        if (of := _OF.fullmatch(column)) is not None:
            return pa.array([count_words(text) for text in map(text_of, _values(self.table[of[1]]))], pa.int64())
        if column == "opening":
            return pa.array([_opening(text or "") for text in _values(self.table["instruction"])], pa.string())
        if column == "place":
            places = (_PLACE.match(name or "") for name in _values(self.table["instruction_id"]))
            return pa.array([int(place[1]) if place else None for place in places], pa.int64())
        return self.table[column]

    def kind(self, column: str) -> str:
        """`number`, `flag` or `text`."""
        kind = self.values(column).type
        if pa.types.is_boolean(kind):
            return "flag"
        return "number" if pa.types.is_integer(kind) or pa.types.is_floating(kind) else "text"

    @cached_property
    def columns(self) -> list[str]:
        """Those of a line, as far as the dataset has them."""
        return [name for name in self.listing.columns if self.has(name)] or self.table.column_names[:1]

    @cached_property
    def filters(self) -> list[str]:
        """The columns to choose rows by."""
        usual = next((each.filters for each in _USUAL if each.config == self.name), ())
        named = dict.fromkeys((*self.listing.filters, *usual))
        return [name for name in named if name not in self.unoffered and self.has(name)]

    def label(self, column: str) -> str:
        """What a column is called on the page."""
        return _LABELS.get(column, column.replace("_", " "))

    def choices(self, column: str) -> list[tuple[str, int]]:
        """The values of a column with their counts, the commonest first."""
        counts = pc.value_counts(self.values(column)).to_pylist()
        found = Counter({word(each["values"]): each["counts"] for each in counts})
        return sorted(found.items(), key=lambda item: (-item[1], item[0]))[:_MOST_VALUES]

    def span(self, column: str) -> tuple[float, float] | None:
        """The smallest and the greatest number."""
        ends = pc.min_max(self.values(column)).as_py()
        return None if ends["min"] is None else (ends["min"], ends["max"])

    def description(self) -> dict[str, Any]:
        """What the page must know of these rows before it shows any."""
        filters = []
        for column in self.filters:
            kind = self.kind(column)
            entry: dict[str, Any] = {"name": column, "label": self.label(column), "kind": kind}
            filters.append(
                entry | ({"span": self.span(column)} if kind == "number" else {"values": self.choices(column)})
            )
        return {
            "name": self.name,
            "title": self.listing.title,
            "total": len(self),
            "key": self.key,
            "of": self.listing.of,
            "columns": [{"name": name, "label": self.label(name), "kind": self.kind(name)} for name in self.columns],
            "filters": filters,
            "meanings": {name: self.labels[name] for name in self.table.column_names if name in self.labels},
        }

    # --- rows -------------------------------------------------------------------------------------------------------

    def rows(self, places: Sequence[int], longest: int | None = LONGEST) -> list[Row]:
        """The rows at these places, with `_key`, `_at` and what was made of their columns; `_cut` names cut texts."""
        taken = self.table.take(pa.array(places, pa.int64())).to_pylist()
        more = [name for name in dict.fromkeys((*self.columns, *self.filters)) if name not in self.table.column_names]
        made = {name: self.values(name).take(pa.array(places, pa.int64())).to_pylist() for name in more}
        rows = []
        for number, (place, row) in enumerate(zip(places, taken)):
            row |= {name: values[number] for name, values in made.items()}
            row = {name: value for name, value in row.items() if value is not None}
            row["_key"] = str(row[self.key]) if self.key else str(place)
            cut: list[str] = []
            row = {name: _storable(value, longest, name, cut) for name, value in row.items()}
            rows.append(row | ({"_cut": sorted(set(cut))} if cut else {}))
        return rows

    def row(self, key: str) -> Row | None:
        """The row of that key, whole; None where there is none."""
        if self.key is None:
            place = int(key) if key.isdecimal() and len(key) < 19 else -1
        else:
            place = pc.index(self.table[self.key].cast(pa.string()), key).as_py()
        return self.rows([place], longest=None)[0] if 0 <= place < len(self) else None

    def find(
        self, filters: Mapping[str, str], words: str = "", sort: str = "", start: int = 0, length: int = PAGE
    ) -> tuple[int, list[Row]]:
        """How many rows there are that fit, and a page of them.

        Args:
            filters: by column: a value, or a range `LOW..HIGH`, `LOW..<HIGH` of numbers. A column that the rows lack
                fits nothing.
            words: that must all stand in a text of the row, whatever their case.
            sort: a column; with `-` in front the greatest first.
            start: of the page.
            length: of the page.
        """
        places = self._places(filters, words)
        column = sort.removeprefix("-")
        if column and self.has(column):
            order = "descending" if sort.startswith("-") else "ascending"
            keys = pa.table({"key": self.values(column).take(places), "place": places})
            ranks = pc.sort_indices(keys, sort_keys=[("key", order), ("place", "ascending")])  # nulls at the end
            places = places.take(ranks)
        return len(places), self.rows(places[start : start + length].to_pylist())

    def _places(self, filters: Mapping[str, str], words: str) -> pa.Array:
        fits = pa.array([True] * len(self)) if len(self) else pa.array([], pa.bool_())
        for column, wanted in filters.items():
            fits = pc.and_(fits, self._fit(column, wanted))
        for each in words.split():
            fits = pc.and_(fits, self._holds(each))
        return pc.indices_nonzero(fits).cast(pa.int64())

    def _fit(self, column: str, wanted: str) -> pa.Array:
        if not (self.has(column) or column in self.table.column_names):
            return pa.array([False] * len(self), pa.bool_())
        values = self.values(column)
        if self.kind(column) != "number":
            return pc.fill_null(pc.equal(_words_of(values), wanted), False)
        if wanted == NOTHING:
            return pc.is_null(values)
        low, high, is_open = bounds_of(wanted)
        numbers = values.cast(pa.float64())
        above = pc.greater_equal(numbers, low)
        below = pc.less(numbers, high) if is_open else pc.less_equal(numbers, high)
        return pc.fill_null(pc.and_(above, below), False)

    def _holds(self, each: str) -> pa.Array:
        fits = pa.array([False] * len(self), pa.bool_())
        for column in self.table.column_names:
            values = self._text(column)
            if values is not None:
                found = pc.match_substring(values, each, ignore_case=True)
                fits = pc.or_(fits, pc.fill_null(found, False))
        return fits

    def _text(self, column: str) -> pa.Array | None:
        """A column as texts to search in; None where it holds none."""
        kind = self.table.schema.field(column).type
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            return self.values(column)
        if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
            return None
        name = f"text of {column}"
        if name not in self._arrays:
            self._arrays[name] = pa.array([text_of(value) for value in _values(self.table[column])], pa.string())
        return self._arrays[name]


_LABELS = {
    "is_classification": "classification",
    "is_chosen": "chosen",
    "max_similarity": "nearest in the pool",
    "nearest seed": "nearest seed task",
    "judge_score": "score of the judge",
    "score_chosen": "chosen",
    "score_rejected": "rejected",
    "score_chosen - score_rejected": "margin",
    "words of chosen - words of rejected": "words more",
    "place": "place in the completion",
}


def bounds_of(wanted: str) -> tuple[float, float, bool]:
    """The ends of a range, and whether the upper one is outside; what is none holds nothing."""
    try:
        found = _RANGE.fullmatch(wanted)
        if found is None:
            return float(wanted), float(wanted), False
        low, high = (float(each) if each else None for each in (found[1], found[3]))
    except ValueError:
        return math.inf, -math.inf, False
    return -math.inf if low is None else low, math.inf if high is None else high, bool(found[2])


def _opening(text: str) -> str | None:
    """The first word, in lower case."""
    found = _WORD.search(text)
    return found[0].lower() if found else None


def word(value: Any) -> str:
    """A value as filters call it."""
    if value is None:
        return NOTHING
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _words_of(values: pa.Array) -> pa.Array:
    if pa.types.is_boolean(values.type):
        values = pc.if_else(values, "yes", "no")
    return pc.fill_null(values.cast(pa.string()), NOTHING)


def text_of(value: Any) -> str:
    """A text, or all the texts of a chat or a list, one below the other."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return "\n".join(text_of(each) for name, each in value.items() if name != "role" and each is not None)
    if isinstance(value, (list, tuple)):
        return "\n".join(map(text_of, value))
    return "" if value is None else str(value)


def _values(column: pa.ChunkedArray) -> Iterator[Any]:
    """The values of a column, not all of them at once."""
    for start in range(0, len(column), _PART):
        yield from column.slice(start, _PART).to_pylist()


def _flat(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    return (
        pa.concat_arrays(values.chunks)
        if isinstance(values, pa.ChunkedArray) and values.num_chunks
        else (values if isinstance(values, pa.Array) else pa.array([], values.type))
    )


def _storable(value: Any, longest: int | None, name: str, cut: list[str]) -> Any:
    """A value as JSON has it, texts cut where they are too long."""
    if isinstance(value, str):
        if longest is not None and len(value) > longest:
            cut.append(name)
            return value[:longest]
        return value
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _storable(each, longest, name, cut) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_storable(each, longest, name, cut) for each in value]
    return value


# --- the listings of a dataset ----------------------------------------------------------------------------------------


COSTLY = frozenset({"verb", "object", "nearest seed"})
"""The columns that take a minute for 52K instructions."""
_NOT_REVIEWED, _RIGHT, _WRONG = "not yet", "all right", "something wrong"


def listings_of(
    configs: Mapping[str, pa.Table], recipe: Recipe | None, measures: Measures, unoffered: frozenset[str] = frozenset()
) -> list[RowTable]:
    """The listings of a dataset: the recipe's own and the usual ones; that of its main config first.

    Args:
        configs: the rows by config.
        recipe: that made them; None where nobody knows.
        measures: of the instructions.
        unoffered: columns that take too long to be offered to choose rows by.
    """
    own = {each.config: each for each in recipe.listings} if recipe else {}
    wanted = own | {each.config: each for each in _USUAL if each.config not in own}
    main = recipe.main_config if recipe else "instances"
    order = sorted(wanted, key=lambda name: (name != main, *_rank(name)))
    known = {name: column.meaning for name, column in columns_of(recipe).items()} if recipe else {}
    made = {"instructions": _of_instructions(configs, measures), "instances": _of_instances(configs)}
    tables = []
    for listing in map(wanted.__getitem__, order):
        table = gathered(configs, listing.of) if listing.of else configs.get(listing.config)
        if table is not None and table.num_rows:
            tables.append(RowTable(listing, table, made.get(listing.config, {}), known, unoffered))
    return tables


def _of_instructions(configs: Mapping[str, pa.Table], measures: Measures) -> Made:
    if not measures.is_whole:
        return {}
    made: Made = {
        "verb": lambda: [pair.verb for pair in measures.pairs],
        "object": lambda: [pair.object for pair in measures.pairs],
    }
    return made | ({"nearest seed": lambda: measures.nearest} if "seeds" in configs else {})


def _of_instances(configs: Mapping[str, pa.Table]) -> Made:
    """The label of a classification task, folded; and what annotators have said, where they have said anything."""
    table, reviewed = configs.get("instances"), configs.get("reviewed")
    made: Made = {}
    if table is None:
        return made
    if "is_classification" in table.column_names and pc.any(table["is_classification"]).as_py():
        made["label"] = lambda: [
            folded_label(output) if is_classification else None
            for output, is_classification in zip(_values(table["output"]), _values(table["is_classification"]))
        ]
    if reviewed is not None and reviewed.num_rows:
        made["reviewed"] = lambda: _reviews(table, reviewed)
    return made


def _reviews(table: pa.Table, reviewed: pa.Table) -> list[str]:
    said: dict[str, bool] = {}
    for row in reviewed.select(["instance_id", *(question.name for question in QUESTIONS)]).to_pylist():
        is_right = all(row[question.name] for question in QUESTIONS)
        said[row["instance_id"]] = said.get(row["instance_id"], True) and is_right
    words = {True: _RIGHT, False: _WRONG, None: _NOT_REVIEWED}
    return [words[said.get(name)] for name in table["instance_id"].to_pylist()]


def _rank(config: str) -> tuple[int, str]:
    order = ("instances", "instructions", "rejected")
    return (order.index(config) if config in order else len(order), config)


def gathered(configs: Mapping[str, pa.Table], column: str) -> pa.Table | None:
    """One row a value of a column, with how many rows each config has of it, and what else belongs to it."""
    found: dict[str, Row] = {}
    counted = [name for name in ("instructions", "instances", "rejected") if column in _names(configs.get(name))]
    for config in counted:
        table = configs[config]
        more = [name for name in ("title", "document") if name in table.column_names]
        for row in table.select([column, *more]).to_pylist():
            if row[column] is not None:
                entry = found.setdefault(row[column], {**row, **dict.fromkeys(counted, 0)})
                entry[config] += 1
    return pa.Table.from_pylist(list(found.values())) if found else None


def _names(table: pa.Table | None) -> list[str]:
    return [] if table is None else list(table.column_names)


def sampled(tables: Iterable[RowTable], most: int = INSIDE, seed: int = 0) -> dict[str, list[int]]:
    """By config the places of the rows that a page holds, `most` in all, in their order.

    Each config has the same room; what one leaves the others have. Rows of the same instruction, and in a larger sample
    those of a smaller, are drawn together: their order is that of a hash of seed and name.
    """
    places, room, left = {}, most, sorted(tables, key=len)
    for number, table in enumerate(left):
        share = room // (len(left) - number)
        drawn = range(len(table)) if len(table) <= share else sorted(_order(table, seed)[:share])
        places[table.name] = list(drawn)
        room -= len(places[table.name])
    return places


def _order(table: RowTable, seed: int) -> list[int]:
    names = table.table["instruction_id"].to_pylist() if "instruction_id" in table.table.column_names else []
    named = [name or f"#{place}" for place, name in enumerate(names or [None] * len(table))]
    return sorted(range(len(table)), key=lambda at: hashlib.blake2b(f"{seed} {named[at]}".encode()).digest())
