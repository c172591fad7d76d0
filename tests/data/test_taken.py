"""The rows that a loop has made, kept from session to session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct.data.folder import RunFolder
from distilabel_selfinstruct.data.summary import Summary
from distilabel_selfinstruct.data.taken import TakenRows

COLUMNS = ["instruction", "reject_reason", "max_similarity", "shot_ids"]
TAKEN: list[tuple[list[bytes], list[dict[str, Any]]]] = [
    (
        [b"\x0a"],
        [{"instruction": "Name a river.", "reject_reason": None, "max_similarity": 0.1, "shot_ids": ["a", "b"]}],
    ),
    ([b"\x1b", b"\x1c"], [{"instruction": None, "reject_reason": "refusal", "max_similarity": None, "shot_ids": []}]),
    (
        [b"\x2d"],
        [
            {"instruction": "Nenne\neinen “Fluß”. 河", "reject_reason": None, "max_similarity": 1 / 3, "shot_ids": []},
            {"instruction": "\ud800", "reject_reason": "similar", "max_similarity": 1.0, "shot_ids": None},
        ],
    ),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "taken" / "bootstrap.jsonl"


def rows_at(path: Path, **depends_on: Any) -> TakenRows:
    return TakenRows(path, {"seed": 0, **depends_on}, COLUMNS)


def session(
    rows: TakenRows, made: list[Any] | None = None, holds: Callable[[Any, Any], bool] = lambda *_: True
) -> list[Any]:
    """What is there as a session begins, which then keeps what it makes."""
    there = list(rows.read(holds))
    for each in made or []:
        rows.keep(*each)
    rows.close()
    return there


def test_what_was_kept_is_there_again(path: Path) -> None:
    assert session(rows_at(path), TAKEN) == []
    rows = rows_at(path)
    assert session(rows) == TAKEN
    assert list(rows.rows()) == [row for _, made in TAKEN for row in made]


def test_a_later_session_goes_on_behind_it(path: Path) -> None:
    session(rows_at(path), TAKEN[:1])
    rows = rows_at(path)
    assert session(rows, TAKEN[1:2]) == TAKEN[:1]
    assert list(rows.rows()) == TAKEN[0][1]  # what this session makes itself it has already
    assert session(rows_at(path)) == TAKEN[:2]


def test_rows_that_depend_on_something_else_are_not_believed(path: Path) -> None:
    session(rows_at(path), TAKEN)
    rows = rows_at(path, seed=1)
    assert session(rows, TAKEN[2:]) == list(rows.rows()) == []
    assert session(rows_at(path, seed=1)) == TAKEN[2:]
    assert session(rows_at(path)) == []


def test_nothing_half_written_is_believed(path: Path) -> None:
    session(rows_at(path), TAKEN)
    whole = path.read_bytes()
    ends = [at + 1 for at, byte in enumerate(whole) if byte == ord("\n")]
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        known = max(0, sum(end <= size for end in ends) - 1)
        assert session(rows_at(path), TAKEN[known:]) == TAKEN[:known]
        assert path.read_bytes() == whole


@pytest.mark.parametrize(
    "damage",
    [b"\0" * 40, b"[]\n", b'{"asked": ["2d"]}\n', b"\xff\xfe\n", b'{"rows": 1}\n', b'{"asked": ["?"], "rows": []}\n'],
)
def test_what_follows_damage_is_not_believed(path: Path, damage: bytes) -> None:
    session(rows_at(path), TAKEN)
    head, first, *others = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([head, first, damage, *others]))
    rows = rows_at(path)
    assert session(rows, TAKEN[1:]) == TAKEN[:1]
    assert list(rows.rows()) == TAKEN[0][1]
    assert session(rows_at(path)) == TAKEN


def test_what_follows_rows_that_hold_no_longer_is_not_believed(path: Path) -> None:
    session(rows_at(path), TAKEN)
    rows = rows_at(path)
    assert session(rows, TAKEN[1:], holds=lambda asked, made: asked != TAKEN[1][0]) == TAKEN[:1]
    assert list(rows.rows()) == TAKEN[0][1]
    assert session(rows_at(path)) == TAKEN


@pytest.mark.parametrize("name", ["taken", "taken/bootstrap.jsonl"])
def test_where_no_file_can_be_nothing_is_kept(tmp_path: Path, path: Path, name: str) -> None:
    if name.endswith("jsonl"):
        path.mkdir(parents=True)
    else:
        (tmp_path / name).write_text("no folder")
    rows = rows_at(path)
    assert session(rows, TAKEN) == list(rows.rows()) == []


def test_they_depend_on_what_the_run_has_read_and_last_while_there_is_something_to_ask(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write_config({"phrase_list": "abc", "max_cost": 1})

    def taken() -> TakenRows:
        return folder.taken_rows("bootstrap", {"lag": 4}, COLUMNS)

    session(taken(), TAKEN)
    assert session(taken()) == TAKEN
    folder.write_config({"phrase_list": "abc", "max_cost": 2})
    assert session(taken()) == TAKEN
    folder.write_config({"phrase_list": "def", "max_cost": 2})
    assert session(taken(), TAKEN) == []
    assert session(taken()) == TAKEN
    for ended, failed, is_over in (("budget", 0, False), ("complete", 1, False), ("complete", 0, True)):
        folder.write_summary(Summary(ended, 3, 3, 3, 3, 3, {}, failed, {}, 1.0, 0.0))
        assert session(taken()) == ([] if is_over else TAKEN)
