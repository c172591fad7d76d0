"""`self-instruct run`: a recipe by its name, or a pipeline script by its path."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

from distilabel_selfinstruct.cli import script
from distilabel_selfinstruct.cli.parser import PROG, Parser
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.recipe import DEFAULT, get_recipe


def options(name: str = DEFAULT) -> Parser:
    """The options of a recipe."""
    return script.options(get_recipe(name), f"{PROG} run {name}")


def run(words: list[str]) -> int:
    """Runs the recipe or script that the first word names; the options of its own follow."""
    name = words.pop(0) if words and not words[0].startswith("-") else DEFAULT
    path, module = script_of(name)
    return script.run(module.RECIPE, module.build, getattr(module, "finish", None), words, f"{PROG} run {name}", path)


def script_of(name: str) -> tuple[Path, ModuleType]:
    """The script of a recipe, or that at a path: where it is, and what is in it.

    Raises:
        ConfigError: if there is none, or it is none.
    """
    path = Path(name) if name.endswith(".py") else get_recipe(name).script_path()
    return path, _load_script(path)


def _load_script(path: Path) -> ModuleType:
    if not path.is_file():
        raise ConfigError(f"{path}: there is no such pipeline script.")
    spec = importlib.util.spec_from_file_location(f"pipeline_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever a user's script does
        raise ConfigError(f"{path}: cannot be imported: {type(error).__name__}: {error}") from None
    if missing := [name for name in ("RECIPE", "build") if not hasattr(module, name)]:
        raise ConfigError(f"{path}: is no pipeline script: it has no {missing[0]}; begin with `{PROG} new NAME`.")
    return module
