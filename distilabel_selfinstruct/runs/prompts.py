"""A user's own templates: of the same names as the recipe's, and checked before anything is asked."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from importlib import resources
from pathlib import Path

import jinja2
from jinja2 import meta, nodes

from distilabel_selfinstruct.errors import ConfigError, did_you_mean
from distilabel_selfinstruct.presets import WORDINGS
from distilabel_selfinstruct.recipe import Recipe
from distilabel_selfinstruct.steps.prompting import environment

_SUFFIX = ".jinja2"
_STEPS = "distilabel_selfinstruct.steps"  # the package with the questions that several recipes have
_IN_OWN_WORDS = frozenset({"new", "last", "max_instances", "no_input"})
"""Numbers and words of the method, which a template may say itself."""
_FIELDS = frozenset({"id", "name", "instruction", "instances", "is_classification", "input", "output"})
"""Of seed tasks and their instances."""
_OF_LOOPS = frozenset({"index", "index0", "revindex", "revindex0", "first", "last", "length", "previtem", "nextitem"})


def read_templates(folder: str, recipe: Recipe, wordings: Collection[str]) -> dict[str, str]:
    """The templates in a folder, by their names.

    Args:
        folder: that a user names.
        recipe: whose templates they stand for.
        wordings: of the run's questions.

    Raises:
        ConfigError: names the first file that is none of the recipe's, or whose variables are not.
    """
    path, packages = Path(folder), _packages_by_name(recipe)
    if not path.is_dir():
        raise ConfigError(f"--prompts {folder}: there is no such folder.")
    files = sorted(each for each in path.rglob("*") if each.is_file() and not each.name.startswith("."))
    known = ", ".join(sorted(packages))
    if not files:
        raise ConfigError(f"--prompts {folder}: there is no template in it; the recipe {recipe.name} has {known}.")
    own: dict[str, str] = {}
    for file in files:
        name = file.relative_to(path).as_posix()
        if name not in packages:
            raise ConfigError(
                f"--prompts {folder}: the recipe {recipe.name} has no template {name!r}{did_you_mean(name, packages)};"
                f" it has {known}."
            )
        try:
            own[name] = file.read_text(encoding="utf-8-sig").rstrip("\n")
        except (OSError, UnicodeDecodeError) as error:
            said = getattr(error, "strerror", None) or "is no UTF-8"
            raise ConfigError(f"{file}: cannot be read ({said}).") from None
    if all(name.removesuffix(_SUFFIX).rpartition(".")[2] in {*WORDINGS} - {*wordings} for name in own):
        raise ConfigError(
            f"--prompts {folder}: none of its templates is of the wording of this run ({', '.join(sorted(wordings))})."
        )
    for name in own:
        _check(path / name, name, packages[name], own)
    return own


def template_texts(recipe: Recipe) -> dict[str, str]:
    """The recipe's templates, by their names, as `Prompts.template` gives them."""
    return {
        name: (resources.files(package) / "prompts" / name).read_text(encoding="utf-8").rstrip("\n")
        for name, package in _packages_by_name(recipe).items()
    }


def variables_of(text: str) -> set[str]:
    """The variables of a template that is made of no other."""
    return meta.find_undeclared_variables(jinja2.Environment(autoescape=False).parse(text))


def _packages_by_name(recipe: Recipe) -> dict[str, str]:
    """Which package has the template of this name: the recipe's own, or the one with the judge's questions."""
    package = recipe.config.partition(":")[0].rpartition(".")[0]
    found = dict.fromkeys(_names_below(_STEPS), _STEPS)
    return found | dict.fromkeys(_names_below(package), package)


def _names_below(package: str) -> Iterator[str]:
    with resources.as_file(resources.files(package) / "prompts") as folder:
        yield from (path.relative_to(folder).as_posix() for path in folder.rglob(f"*{_SUFFIX}"))


def _check(file: Path, name: str, package: str, own: dict[str, str]) -> None:
    """Raises ConfigError unless a template can be filled with what the recipe fills its own with."""
    given, original = environment(package, tuple(own.items())), environment(package)
    try:
        given.get_template(name)
        used, fields, _ = _names_in(given, name)
    except jinja2.TemplateSyntaxError as error:
        raise ConfigError(f"{file}: line {error.lineno}: {error.message}") from None
    except jinja2.TemplateNotFound as error:
        raise ConfigError(f"{file}: there is no template {str(error)!r} to be included.") from None
    except RecursionError:
        raise ConfigError(f"{file}: is made of itself.") from None
    known, known_fields, tested = _names_in(original, name)
    needed = known - tested - _IN_OWN_WORDS
    needed -= {"shots"} if needed - {"shots"} else set()  # else nothing would change from prompt to prompt
    there = f"there are: {', '.join(sorted(known))}"
    if unknown := sorted(used - known):
        raise ConfigError(f"{file}: there is no variable {unknown[0]!r}{did_you_mean(unknown[0], known)}; {there}.")
    if missing := sorted(needed - used):
        raise ConfigError(f"{file}: the variable {missing[0]!r} is missing, without which nothing is asked; {there}.")
    fields_there = known_fields | _FIELDS if "shots" in known else known_fields
    if unknown := sorted(fields - fields_there - _OF_LOOPS):
        raise ConfigError(f"{file}: there is no field {unknown[0]!r}{did_you_mean(unknown[0], fields_there)}.")


def _names_in(environment: jinja2.Environment, name: str) -> tuple[set[str], set[str], set[str]]:
    """The variables of a template and of those that it is made of, the fields, and what an `if` is about."""
    assert environment.loader is not None
    tree = environment.parse(environment.loader.get_source(environment, name)[0])
    variables = meta.find_undeclared_variables(tree)
    fields = {node.attr for node in tree.find_all(nodes.Getattr)}
    tests = [*(each.test for each in tree.find_all(nodes.If)), *(each.test for each in tree.find_all(nodes.CondExpr))]
    names = [each for test in tests for each in (test, *test.find_all(nodes.Name))]
    tested = {each.name for each in names if isinstance(each, nodes.Name)}
    for other in meta.find_referenced_templates(tree):
        more = _names_in(environment, other) if other else (set(), set(), set())
        variables, fields, tested = variables | more[0], fields | more[1], tested | more[2]
    return variables, fields, tested
