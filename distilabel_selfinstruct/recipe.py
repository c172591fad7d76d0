"""What a recipe is: a method with its stages, reasons, columns and prompts, found by its name.

The recipes of this package are the folders of `recipes`. Another package brings one by an entry point of the group
`distilabel_selfinstruct.recipes`, whose value is the recipe.
"""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from distilabel_selfinstruct.errors import ConfigError, did_you_mean

ENTRY_POINTS = "distilabel_selfinstruct.recipes"
DEFAULT = "self-instruct"
_HERE = Path(__file__).parent
_CODE = ("config", "script", "demo", "check")  # of a recipe: the names of its modules and its script
_SCRIPT_FOLDERS = (_HERE / "pipelines", _HERE.parent / "pipelines")  # in an installed wheel, in a clone


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a row was rejected.

    Attributes:
        code: as in the column `reason` of the config `rejected`.
        meaning: in words, for tables.
    """

    code: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the dataset.

    Attributes:
        meaning: in words, for the card.
        type: `text`, `number`, `score`, `flag`, `texts`, `chat` (role and content of each message), `similar` (id and
            score of each) or `instances` (input and output of each).
    """

    meaning: str
    type: Literal["text", "number", "score", "flag", "texts", "chat", "similar", "instances"] = "text"


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage that can reject rows.

    Attributes:
        name: as in the column `stage` of the config `rejected`.
        title: as in reports.
        judges: what it lets pass or rejects: candidate instructions, admitted ones, instances, preference pairs,
            topics, or further turns of conversations.
        reasons: for which it rejects, besides failed requests.
        optional: whether runs may go without it.
        asks: `each` row by itself, in `rounds` until there are enough, or `before` these rounds, so that its requests
            do not grow with the instructions.
    """

    name: str
    title: str
    judges: Literal["candidate", "instruction", "instance", "pair", "topic", "turn"]
    reasons: tuple[Reason, ...] = ()
    optional: bool = False
    asks: Literal["each", "rounds", "before"] = "each"


@dataclass(frozen=True, slots=True)
class Listing:
    """Rows of one kind, as the report's page lists them.

    A column is one of the dataset, or is made from some: `words of COLUMN`, `COLUMN - COLUMN`, `opening` (the first
    word of an instruction), `place` (of an instruction in its completion).

    Attributes:
        config: of the dataset.
        title: what the rows are called, in the plural.
        columns: of a line; the first is the text that is read.
        filters: columns by which rows are chosen.
        of: the column whose values these rows are, gathered from the other configs; empty where `config` has them.
    """

    config: str
    title: str
    columns: tuple[str, ...]
    filters: tuple[str, ...] = ()
    of: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """A figure of the report's page, each part of which leads to its rows.

    Attributes:
        title: what it shows.
        config: whose rows it counts.
        column: what is counted or measured; as in a `Listing`.
        kind: `bars`, a bar a value; `histogram`, of numbers; `points`, a point a row, over `against`.
        against: the second column of points; of bars, by which each is parted.
        note: what it is read for.
        wanted: the option of the run that says how many of each value were asked for.
    """

    title: str
    config: str
    column: str
    kind: Literal["bars", "histogram", "points"] = "bars"
    against: str = ""
    note: str = ""
    wanted: str = ""


@dataclass(frozen=True, slots=True)
class Recipe:
    """A method, as its declaration has it, or as a run folder recorded it.

    Attributes:
        name: as recorded in a run folder.
        title: of the method.
        url: of its paper or of its authors' code.
        makes: what it makes, for a list of recipes.
        stages: in the order in which rows come to them.
        how: what happens, a paragraph of Markdown a step.
        citation: BibTeX.
        columns: the columns that it adds.
        configs: the configs that it adds, with their meaning.
        main_config: the config that it is for; a run that leaves it empty has failed.
        listings: what the report's page lists besides, or otherwise than, the usual configs.
        charts: what that page shows of this recipe.
        of_paper: whether the dataset is what table 1 of the Self-Instruct paper describes.
        prompts_version: of its prompts; a change of a template raises it.
        config: its config class, `module:Class`.
        script: the pipeline script: its name in `pipelines`, or a path.
        demo: the module with the demo model's answers to its questions, if it has questions of its own.
        check: what asks a model a few questions before a run and says what speaks against it, `module:function`.
        groups: what options may call stages that ask, one or several, besides their own names.
    """

    name: str
    title: str
    url: str
    makes: str
    stages: tuple[Stage, ...]
    how: tuple[str, ...]
    citation: str
    columns: Mapping[str, Column] = field(default_factory=dict)
    configs: Mapping[str, str] = field(default_factory=dict)
    main_config: str = "instances"
    listings: tuple[Listing, ...] = ()
    charts: tuple[Chart, ...] = ()
    of_paper: bool = False
    prompts_version: int = 1
    config: str = ""
    script: str = ""
    demo: str | None = None
    check: str | None = None
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def maker_of(self, what: str) -> Stage | None:
        """The first stage that judges this kind of row; None where the recipe makes none of it."""
        return next((stage for stage in self.stages if stage.judges == what), None)

    def stages_that_ask(self, *how: str) -> tuple[str, ...]:
        """The names of the stages that ask in one of these ways."""
        return tuple(stage.name for stage in self.stages if stage.asks in how)

    def meaning_of(self, reason: str) -> str:
        """A reason code in words; a failed request is named after its code."""
        known = (each.meaning for stage in self.stages for each in stage.reasons if each.code == reason)
        return next(known, "request failed: " + reason.replace("_", " "))

    def load_config(self) -> type[Any]:
        """The class of its config."""
        kind: type[Any] = _named(self.config)
        return kind

    def load_check(self) -> Callable[[Any], list[str]] | None:
        """What asks a model before a run; None where it has no such thing."""
        return _named(self.check) if self.check else None

    def script_path(self) -> Path:
        """The pipeline script on this machine.

        Raises:
            ConfigError: if it is not there.
        """
        candidates = [folder / self.script for folder in (*_SCRIPT_FOLDERS, Path())]
        for path in candidates:
            if self.script and path.is_file():
                return path
        raise ConfigError(f"The recipe {self.name!r} has no script {self.script!r}: install its package again.")

    def record(self) -> dict[str, Any]:
        """What a run folder keeps of it, so that a reader needs no recipe installed: all but its code."""
        return {name: value for name, value in dataclasses.asdict(self).items() if name not in _CODE}

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Recipe:
        """The recipe that was recorded; what a later version has added is passed over.

        Raises:
            ValueError: if something is missing, or of another kind.
        """
        from pydantic import TypeAdapter

        recorded = TypeAdapter(cls).validate_python(record)
        return dataclasses.replace(recorded, config="", script="", demo=None, check=None)  # a folder names no code


def _named(name: str) -> Any:
    """What `module:name` stands for."""
    module, _, name = name.partition(":")
    return getattr(importlib.import_module(module), name)


def recipes() -> dict[str, Recipe]:
    """All recipes by name: those of this package, `self-instruct` first, then those of others.

    Raises:
        ConfigError: if that of another package cannot be loaded.
    """
    found = dict(_own_recipes())
    for point in metadata.entry_points(group=ENTRY_POINTS):
        recipe = _load(point)
        found.setdefault(recipe.name, recipe)
    return found


@cache
def _own_recipes() -> dict[str, Recipe]:
    package = importlib.import_module("distilabel_selfinstruct.recipes")
    modules = (f"{package.__name__}.{found.name}.recipe" for found in pkgutil.iter_modules(package.__path__))
    own: list[Recipe] = [importlib.import_module(module).RECIPE for module in modules]
    return {recipe.name: recipe for recipe in sorted(own, key=lambda each: (each.name != DEFAULT, each.name))}


@cache
def _load(point: metadata.EntryPoint) -> Recipe:
    try:
        recipe = point.load()
    except Exception as error:  # whatever the other package does when it is imported
        said = " ".join(f"{type(error).__name__}: {error}".split())
        raise ConfigError(
            f"The recipe {point.name!r} ({point.value}) cannot be loaded ({said}). Mend or uninstall its package."
        ) from None
    if not isinstance(recipe, Recipe):
        raise ConfigError(f"The entry point {point.name!r} ({point.value}) is no Recipe; its package must be mended.")
    return recipe


def get_recipe(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        ConfigError: if there is none.
    """
    known = _own_recipes() if name in _own_recipes() else recipes()
    if name not in known:
        raise ConfigError(f"There is no recipe {name!r}{did_you_mean(name, known)}; there are: {', '.join(known)}.")
    return known[name]


def with_page(recipe: Recipe) -> Recipe:
    """A recipe that was recorded before recipes said what their page shows, with what that of its name says now."""
    known = _own_recipes().get(recipe.name)
    if known is None:
        return recipe
    return dataclasses.replace(recipe, listings=known.listings, charts=known.charts, of_paper=known.of_paper)
