"""Finds the private names of other packages that this one uses, by reading its source and the classes it makes."""

from __future__ import annotations

import ast
import dis
import importlib
import inspect
import pkgutil
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import distilabel_selfinstruct

DOCUMENTED = {"_asdict", "_exit", "_replace"}  # in spite of their underscore: of named tuples, and `os._exit`


def modules() -> list[ModuleType]:
    """Those of this package."""
    found = pkgutil.walk_packages(distilabel_selfinstruct.__path__, f"{distilabel_selfinstruct.__name__}.")
    return [importlib.import_module(each.name) for each in found if not each.name.endswith("__main__")]


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__") and name != "_" and name not in DOCUMENTED


def of_bases(module: ModuleType) -> set[tuple[str, str]]:
    """What the module's classes use, or define again, of what their foreign bases have: `module:Class` and name."""
    own = (each for each in vars(module).values() if isinstance(each, type) and each.__module__ == module.__name__)
    return {(owner, name) for kind in own for name in _used_by(kind) if (owner := _owner(kind, name))}


def imported(module: ModuleType) -> set[tuple[str, str]]:
    """Private names that the module imports from other packages, and private modules of theirs: where, and name."""
    found = set()
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.ImportFrom) and not str(node.module).startswith("distilabel_selfinstruct"):
            found |= {(str(node.module), alias.name) for alias in node.names if is_private(alias.name)}
            names = str(node.module).split(".")
        elif isinstance(node, ast.Import):
            names = [part for alias in node.names for part in alias.name.split(".")]
        else:
            continue
        found |= {(names[0], name) for name in names if is_private(name)}
    return found


def of_objects(module: ModuleType) -> set[str]:
    """Private names that the module reads from an object that is not `self`, and that this package does not define.

    A name that is given to `getattr` is always that of another package.
    """
    nodes = list(ast.walk(tree_of(module)))
    read = {node.attr for node in nodes if isinstance(node, ast.Attribute) and not _is_own(node.value)}
    calls = [node for node in nodes if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "getattr"]
    given = {str(each.value) for call in calls for each in call.args if isinstance(each, ast.Constant)}
    return set(filter(is_private, read - defined_in("distilabel_selfinstruct") | given))


@cache
def defined_in(package: str) -> frozenset[str]:
    """Every private name that some file of a package defines."""
    folder = Path(str(importlib.import_module(package).__file__)).parent
    trees = (ast.parse(file.read_text(encoding="utf-8")) for file in folder.rglob("*.py"))
    return frozenset(name for tree in trees for node in ast.walk(tree) for name in _defined(node) if is_private(name))


@cache
def tree_of(module: ModuleType) -> ast.Module:
    return ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))


def _is_own(value: ast.expr) -> bool:
    """Whether this is `self`, `cls` or `super()`."""
    if isinstance(value, ast.Call):
        return getattr(value.func, "id", "") == "super"
    return isinstance(value, ast.Name) and value.id in ("self", "cls")


def _defined(node: ast.AST) -> Iterator[str]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name
    elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
        yield node.attr
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id


def _used_by(kind: type) -> set[str]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    accessed = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and _is_own(node.value)}
    (made,) = tree.body
    assert isinstance(made, ast.ClassDef)
    body = [node for each in made.body for node in (each, *getattr(each, "targets", ()), getattr(each, "target", each))]
    return {name for name in accessed | {name for node in body for name in _defined(node)} if is_private(name)}


def _owner(kind: type, name: str) -> str:
    """The first class, base before subclass, of another package that has the name; empty where none has."""
    for each in reversed(kind.__mro__):
        if not each.__module__.startswith("distilabel_selfinstruct") and name in _given_by(each):
            return f"{each.__module__}:{each.__name__}"
    return ""


@cache
def _given_by(kind: type) -> frozenset[str]:
    names = {*vars(kind), *vars(kind).get("__annotations__", ()), *vars(kind).get("__private_attributes__", ())}
    for each in vars(kind).values():
        function = inspect.unwrap(getattr(each, "fget", None) or getattr(each, "__func__", each))
        if inspect.isfunction(function):
            stores = (step for step in dis.get_instructions(function) if step.opname == "STORE_ATTR")
            names |= {str(step.argval) for step in stores}
    return frozenset(filter(is_private, names))
