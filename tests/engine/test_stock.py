"""The door to distilabel's insides: its list is exact, it is the only door, and it says what is missing behind it."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType

import pytest

from distilabel_selfinstruct.engine import stock
from tests.conftest import ROOT
from tests.engine.private_names import defined_in, imported, modules, of_bases, of_objects

MODULES = {module.__name__: module for module in modules()}
INSIDE = [module for name, module in MODULES.items() if name.startswith("distilabel_selfinstruct.engine")]
OUTSIDE = [module for module in MODULES.values() if module not in INSIDE]
LISTED = {(owner, name) for owner, names in stock.PRIVATE.items() for name in names}


def used_of_distilabel(module: ModuleType) -> set[tuple[str, str]]:
    return {(owner, name) for owner, name in imported(module) | of_bases(module) if owner.startswith("distilabel.")}


def read_of_distilabel(module: ModuleType) -> set[str]:
    return of_objects(module) & defined_in("distilabel") - listed_there(module)


def listed_there(module: ModuleType) -> set[str]:
    """Private names of other packages than distilabel, as the module lists them itself."""
    if module is stock:
        return set()
    return {name for names in getattr(module, "PRIVATE", {}).values() for name in names}


@pytest.mark.slow
def test_the_list_is_exact() -> None:
    used = set().union(*map(used_of_distilabel, INSIDE))
    read = set().union(*map(read_of_distilabel, INSIDE))
    assert used - LISTED == set()
    assert {name for _, name in LISTED - used} == read - {name for _, name in used}


def test_every_name_stands_there_once() -> None:
    assert len({name for _, name in LISTED}) == sum(map(len, stock.PRIVATE.values()))


def test_private_names_are_imported_through_the_door() -> None:
    for module in INSIDE:
        if module is not stock:
            assert {owner for owner, _ in imported(module) if owner.startswith("distilabel")} == set()


@pytest.mark.parametrize("module", OUTSIDE, ids=lambda module: module.__name__.partition(".")[2])
def test_nobody_else_uses_any(module: ModuleType) -> None:
    assert used_of_distilabel(module) == set()
    assert read_of_distilabel(module) == set()


@pytest.mark.parametrize("module", MODULES.values(), ids=lambda module: module.__name__.partition(".")[2])
def test_private_names_of_other_packages_are_listed_where_they_are_used(module: ModuleType) -> None:
    used = {(owner.split(".")[0].split(":")[0], name) for owner, name in imported(module) | of_bases(module)}
    read = of_objects(module) - {name for _, name in LISTED}
    assert {name for package, name in used if package != "distilabel"} | read == listed_there(module)


# --- what is behind the door -----------------------------------------------------------------------------------------

INSTALL = 'This package works with another: pip install "distilabel>=1.5.3,<1.6"'


def said() -> str:
    with pytest.raises(stock.WrongDistilabel) as caught:
        stock.check()
    return str(caught.value)


@pytest.mark.parametrize("version", ["1.5.2", "1.4", "1.6.0", "1.6.0rc1", "2.0.0"])
def test_another_version(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(stock.metadata, "version", lambda name: version)
    assert said() == f"distilabel {version} is installed. {INSTALL}"


@pytest.mark.parametrize("version", ["1.5.3", "1.5.4", "1.5.10.post1"])
def test_versions_that_do(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(stock.metadata, "version", lambda name: version)
    stock.check()


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stock.metadata, "version", lambda name: "1.5.9")
    gone = {
        "distilabel.pipeline.batch": ("_Batch", "_Parcel"),
        "distilabel.pipeline.base:BasePipeline": ("_run_steps", "_walk_steps"),
        "distilabel.pipeline.base:Pipes": ("_cache",),
        "distilabel.pipeline.nowhere": ("_x",),
    }
    monkeypatch.setattr(stock, "PRIVATE", gone)
    assert said() == (
        "distilabel 1.5.9 is installed, and lacks distilabel.pipeline.batch._Parcel,"
        " distilabel.pipeline.base:BasePipeline._walk_steps, distilabel.pipeline.base:Pipes._cache,"
        f" distilabel.pipeline.nowhere._x. {INSTALL}"
    )


def test_an_attribute_that_is_only_set_when_an_object_is_made_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stock, "PRIVATE", {"distilabel.pipeline.base:BasePipeline": ("_steps_input_queues", "_queues")})
    assert "lacks distilabel.pipeline.base:BasePipeline._queues. " in said()


@pytest.mark.slow
def test_a_run_on_this_machine_needs_no_part_of_ray() -> None:
    code = (
        "import sys; from distilabel_selfinstruct import Pipeline; import distilabel_selfinstruct.runs.run\n"
        "print([name for name in sys.modules if name.partition('.')[0] == 'ray' or '.engine.ray' in name])"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
