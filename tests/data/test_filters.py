"""Filters of the user: how they are found, and what they say."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from distilabel_selfinstruct import ApplyFilters
from distilabel_selfinstruct.data import filters
from distilabel_selfinstruct.data.filters import load_filter, load_filters
from distilabel_selfinstruct.errors import ConfigError

MINE = '''
import json

def is_json(row):
    """Output that is no JSON.

    More about it.
    """
    try:
        json.loads(row["output"])
    except ValueError as error:
        return False, error
    row["output"] = "changed"
    return True

def is_short(row):
    return len(row["output"]) < 10

def breaks(row):
    return row["no_such_column"]

Loud = 5
LOUD = is_short
is_loud = lambda row: True
'''


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    load_filter.cache_clear()
    (tmp_path / "my_filters.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    return str(tmp_path / "my_filters.py")


def test_by_file_by_module_and_by_entry_point(mine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known = EntryPoint("short", "my_filters:is_short", filters.ENTRY_POINTS)
    monkeypatch.setattr(filters, "entry_points", lambda group: [known])
    monkeypatch.syspath_prepend(Path(mine).parent)
    for name in (f"{mine}:is_short", "my_filters:is_short", "my_filters.py:is_short", "short"):
        found = load_filter(name)
        assert (found.reason.code, found.reason.meaning) == ("is_short", f"rejected by {name}")
        assert found.fault({"output": "La."}) is None
        assert found.fault({"output": "La la la la la."}) == ("is_short", None)


def test_what_a_filter_says_of_a_row(mine: str) -> None:
    is_json, breaks = load_filters([f"{mine}:is_json", f"{mine}:breaks"])
    row = {"output": "[1]"}
    assert is_json.reason.meaning == "Output that is no JSON"
    assert (is_json.fault(row), row) == (None, {"output": "[1]"})
    assert is_json.fault({"output": "[1"}) == ("is_json", "Expecting ',' delimiter: line 1 column 3 (char 2)")
    assert breaks.fault(row) == ("filter_error", f"{mine}:breaks: KeyError: 'no_such_column'")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["is_json"], "--filter is_json: expected module:function, file.py:function, or one of json, code,"),
        (["my_filters.py:nothing"], "--filter my_filters.py:nothing: module 'filters_my_filters' has no attribute"),
        (["none.py:a"], "--filter none.py: there is no such file."),
        (["no_such_module:a"], "--filter no_such_module:a: cannot be imported (ModuleNotFoundError: No module named"),
        (["my_filters.py:Loud"], "--filter my_filters.py:Loud: is no function."),
        (["my_filters.py:is_loud"], "--filter my_filters.py:is_loud: its name '<lambda>' is the reason code"),
        (["my_filters.py:is_short", "my_filters.py:LOUD"], "--filter: two have the name 'is_short'"),
    ],
)
def test_what_is_no_filter(names: list[str], said: str, mine: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_filters(names)
    assert str(caught.value).startswith(said)


def test_the_step_marks_rows_by_the_first_filter_that_rejects(mine: str) -> None:
    step = ApplyFilters(filters=[f"{mine}:is_json", f"{mine}:is_short"])
    step.load()
    rows = [{"output": each, "reject_reason": None} for each in ("[1]", "la la la la la", "[1, 2, 3, 4, 5]")]
    rows += [{"output": "x", "reject_reason": "similar", "stage": "dedup"}]
    marked = next(step.process(rows))
    assert [(row["stage"], row["reject_reason"]) for row in marked] == [
        (None, None), ("filters", "is_json"), ("filters", "is_short"), ("dedup", "similar"),
    ]  # fmt: skip
