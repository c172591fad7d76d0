"""What `text` imports, also inside functions: itself, the presets, the errors, and nothing of distilabel."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = "distilabel_selfinstruct"
OWN = (f"{PACKAGE}.text.", f"{PACKAGE}.presets.", f"{PACKAGE}.errors.")
OTHERS = {*sys.stdlib_module_names, "regex", "numpy", "numba", "py3langid"}


def module_name(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


FILES = {module_name(file): file for file in sorted((ROOT / PACKAGE / "text").rglob("*.py"))}


def imported(file: Path) -> Iterator[str]:
    """The modules that the imports of a file name, wherever they stand; `a.b`, too, where `from a import b` is one."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: a relative import"
            yield node.module or ""
            yield from (name for each in node.names if (name := f"{node.module}.{each.name}") in FILES)


@pytest.mark.parametrize("name", FILES)
def test_text_imports_nothing_above_it(name: str) -> None:
    for each in imported(FILES[name]):
        assert f"{each}.".startswith(OWN) or each.partition(".")[0] in OTHERS, f"{name} imports {each}"


def test_the_modules_of_text_import_each_other_in_no_circle() -> None:
    left = {name: {each for each in imported(file) if each in FILES} for name, file in FILES.items()}
    while free := {name for name, needs in left.items() if not needs & left.keys()}:
        left = {name: needs for name, needs in left.items() if name not in free}
    assert not left
