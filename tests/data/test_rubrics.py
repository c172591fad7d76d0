"""A user's own rubric: how it is read, and what is said of one that is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from distilabel_selfinstruct.data.rubrics import Rubric, bounds_of, read_rubric
from distilabel_selfinstruct.errors import ConfigError

MINE = """
criteria:
  - It names a source.
  - It is short.
scale:
  5: both
  1: neither
"""


def written(folder: Path, text: str, name: str = "mine.yaml") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def test_criteria_and_scale(tmp_path: Path) -> None:
    rubric = read_rubric(written(tmp_path, MINE))
    assert rubric.criteria == ["It names a source.", "It is short."]
    assert list(rubric.scale.items()) == [(1, "neither"), (5, "both")]
    assert (bounds_of(rubric), bounds_of(None)) == ((1, 5), (0, 5))
    assert Rubric.of(rubric.text) == rubric
    assert Rubric.of(None) is None


def test_json_says_the_same(tmp_path: Path) -> None:
    text = '{"criteria": ["It names a source.", "It is short."], "scale": {"1": "neither", "5": "both"}}'
    assert read_rubric(written(tmp_path, text, "mine.json")) == read_rubric(written(tmp_path, MINE))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("criteria: [It is short.]", "scale: Field required; expected `criteria`"),
        ("scale: {1: no, 2: yes}", "criteria: Field required"),
        ("criteria: []\nscale: {1: bad, 2: good}", "criteria: List should have at least 1 item"),
        ("criteria: [short]\nscale: {1: bad}", "scale: Dictionary should have at least 2 items"),
        ("criteria: [short]\nscale: {bad: 1, good: 2}", "scale.bad: Input should be a valid integer"),
        ("criteria: [short]\nscale: {-1: bad, 2: good}", "scale.-1: Input should be greater than or equal to 0"),
        ("criteria: [short]\nscales: {1: bad, 2: good}", "scale: Field required"),
        ("criteria: short\nscale: {1: bad, 2: good}", "criteria: Input should be a valid list"),
        ("- short", "Input should be a valid dictionary"),
        ("criteria: [short", "is no YAML or JSON"),
        ("", "Input should be a valid dictionary"),
    ],
)
def test_what_is_no_rubric_is_told_in_one_line(text: str, said: str, tmp_path: Path) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as error:
        read_rubric(path)
    assert str(error.value).startswith(f"--judge-rubric {path}: {said}")
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match=r"--judge-rubric none\.yaml: cannot be read \(No such file or directory\)\."):
        read_rubric("none.yaml")
