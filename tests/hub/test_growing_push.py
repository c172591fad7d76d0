"""A run on the Hub while it goes on: whole commits, nothing twice, and the whole dataset in their place at the end."""

from __future__ import annotations

import os
import signal
from itertools import pairwise
from pathlib import Path
from typing import Any

import datasets
import pytest

from distilabel_selfinstruct.data.growing import GrowingRows
from distilabel_selfinstruct.hub import distiset_from_hub
from distilabel_selfinstruct.hub.growing import GrowingPush
from distilabel_selfinstruct.recipe import get_recipe
from distilabel_selfinstruct.report.card import split_card
from tests.conftest import ROOT
from tests.hub.conftest import SECRET
from tests.support.hub_server import Fault, HubServer
from tests.support.recipes import rows_of, run_here
from tests.support.waiting import LIMIT, wait_until
from tests.support.warm import ended, start

pytestmark = [
    # The client's own way of uploading without Xet.
    pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning"),
]
NAME = "ada/tasks"
RECIPE = get_recipe("self-instruct")
COLUMNS = {"instances": ["instruction"], "rejected": ["reason"]}


def grow(folder: Path, *texts: str) -> list[str]:
    """Publishes these as they become whole, two to a file; gives what it has to say."""
    push = GrowingPush(NAME, RECIPE, 2)
    rows = GrowingRows(folder, COLUMNS, size=2, whole=push)
    rows.add("rejected", [{"reason": "similar"}] * 3)
    for text in texts:
        rows.add("instances", [{"instruction": text}])
    push.close()
    return push.notes


def data_of(hub: HubServer) -> list[str]:
    return sorted(path for path in hub.repositories[NAME].files if path.endswith(".parquet"))


def card_of(hub: HubServer) -> tuple[dict[str, Any], str]:
    return split_card(hub.repositories[NAME].files["README.md"].decode())


def test_whole_files_with_a_card_that_says_so(hub: HubServer, tmp_path: Path) -> None:
    assert grow(tmp_path / "data", "a", "b", "c", "d", "e") == []
    assert data_of(hub) == [
        "instances/part-00000.parquet", "instances/part-00001.parquet", "rejected/part-00000.parquet",
    ]  # fmt: skip
    values, text = card_of(hub)
    assert "> **Unfinished.** Self-Instruct goes on writing this dataset: 4 rows of `instances` so far." in text
    assert [entry["config_name"] for entry in values["configs"]] == ["instances", "rejected"]
    loaded = datasets.load_dataset(NAME, split="train")
    assert loaded["instruction"] == ["a", "b", "c", "d"]
    assert distiset_from_hub(NAME)["instances"]["train"]["instruction"] == ["a", "b", "c", "d"]


def test_what_is_there_is_not_pushed_again(hub: HubServer, tmp_path: Path) -> None:
    grow(tmp_path / "data", "a", "b", "c", "d")
    commits = len(hub.repositories[NAME].commits)
    grow(tmp_path / "data", "a", "b", "c", "d", "e")
    assert len(hub.repositories[NAME].commits) == commits
    grow(tmp_path / "data", "a", "b", "c", "d", "e", "f")
    assert len(hub.repositories[NAME].commits) == commits + 1
    assert data_of(hub)[:3] == [f"instances/part-0000{number}.parquet" for number in range(3)]


def test_a_commit_whose_answer_was_lost_is_there_once(hub: HubServer, tmp_path: Path) -> None:
    hub.add_fault(Fault("POST", "/commit/", status=503, acts=True))
    assert grow(tmp_path / "data", "a", "b") == []
    titles = [commit.title for commit in hub.repositories[NAME].commits]
    assert titles.count("Self-Instruct: 2 rows so far") == 1


def test_what_fails_is_said_and_left_to_the_next_time(hub: HubServer, tmp_path: Path) -> None:
    hub.add_fault(Fault("POST", "/commit/", status=403))
    (note,) = grow(tmp_path / "data", "a", "b")
    assert note.startswith(f"Not published while it ran: Could not publish {NAME}: the token may not do that")
    assert grow(tmp_path / "data", "a", "b") == []
    assert data_of(hub) == ["instances/part-00000.parquet", "rejected/part-00000.parquet"]


def test_a_secret_is_not_published(hub: HubServer, tmp_path: Path) -> None:
    (note,) = grow(tmp_path / "data", "a", f"The token is {SECRET}.")
    assert "instances/part-00000.parquet, row 2, column 'instruction': holds a key" in note
    assert SECRET not in note
    assert NAME not in hub.repositories


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
class TestARun:
    def test_at_the_end_there_is_the_whole_dataset(self, hub: HubServer, tmp_path: Path) -> None:
        options = ["--num-instructions", "15", "--push-to-hub", NAME, "--push-every", "5"]
        made = run_here(RECIPE, tmp_path / "run", *options)
        assert made.status == 0, made.err
        titles = [commit.title for commit in hub.repositories[NAME].commits]
        assert any(title.endswith(" rows so far") for title in titles[1:-1])
        assert titles[-1].startswith("Self-Instruct: 15 instructions")
        assert not [path for path in data_of(hub) if "/part-" in path]
        values, text = card_of(hub)
        assert "Unfinished" not in text
        assert "parts" not in values["distilabel_selfinstruct"]
        assert distiset_from_hub(NAME)["instances"]["train"].to_list() == rows_of(made.path, "instances")
        assert not (made.path / "data").exists()

    @pytest.mark.slow
    def test_kill_9_between_two_commits_and_the_same_command(self, hub: HubServer, tmp_path: Path) -> None:
        options = ["--num-instructions", "60", "--push-to-hub", NAME, "--push-every", "5"]
        arguments = [str(ROOT / "pipelines" / "self_instruct.py"), "--out", str(tmp_path / "run"), *options]
        env = {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": SECRET, "HF_HOME": str(tmp_path / "home")}
        process = start(arguments, ROOT, {**os.environ, **env})
        try:
            wait_until(lambda: NAME in hub.repositories and len(hub.repositories[NAME].commits) > 2)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            ended(process, LIMIT)
        before = dict(hub.repositories[NAME].files)
        assert [path for path in before if "/part-" in path]
        made = run_here(RECIPE, tmp_path / "run", *options)
        assert made.status == 0, made.err
        parts = [commit.files for commit in hub.repositories[NAME].commits if "rows so far" in commit.title]
        for earlier, later in pairwise(parts):  # each commit adds to the one before, and changes nothing of it
            assert all(later.get(path) == content for path, content in earlier.items() if "/part-" in path)
            assert len(later) > len(earlier)
        assert distiset_from_hub(NAME)["instances"]["train"].to_list() == rows_of(made.path, "instances")


def test_it_needs_a_repository(tmp_path: Path) -> None:
    made = run_here(RECIPE, tmp_path / "run", "--push-every", "5")
    assert made.status == 1
    assert "--push-every needs --push-to-hub NAMESPACE/NAME, which says where to." in made.err
