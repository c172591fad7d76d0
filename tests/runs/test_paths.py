"""Where a run lies: as the user wrote it, expanded once, or refused before anything is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct.cli import main
from distilabel_selfinstruct.data.files import local_path
from distilabel_selfinstruct.engine.pipelines import Pipeline
from distilabel_selfinstruct.errors import ConfigError, RunFolderError
from distilabel_selfinstruct.recipe import get_recipe
from distilabel_selfinstruct.recipes.self_instruct.config import SelfInstructConfig
from distilabel_selfinstruct.runs.config import read_config
from distilabel_selfinstruct.runs.run import Run

RECIPE = get_recipe("self-instruct")


class Built(Exception):
    """The pipeline was asked for."""


def build(run: Run) -> Pipeline:
    raise Built


def make(out: str, **options: Any) -> Run:
    return Run(read_config({}, {"out": out, **options}, "mine.yaml", SelfInstructConfig), RECIPE)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.mark.parametrize(
    ("out", "place"),
    [
        ("~/runs/x", "home/runs/x"),
        ("~", "home"),
        ("runs/x", "runs/x"),
        ("./x/", "x"),
        ("exp:3", "exp:3"),
        ("c:/x", "c:/x"),
        ("a b?#%", "a b?#%"),
        ("实验", "实验"),
        ("x/~/y", "x/~/y"),
    ],
)
def test_the_place_is_absolute_whatever_was_written(tmp_path: Path, out: str, place: str) -> None:
    run = make(out)
    assert run.folder.path == tmp_path / place
    assert run.folder.cache.is_absolute()
    with pytest.raises(Built):
        run.execute(build)
    assert (tmp_path / place / "config.yaml").exists()
    assert not (tmp_path / "~").exists()


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("s3://bucket/x", "is an address, and a path of this machine is needed"),
        ("hf://datasets/me/x", "is an address"),
        ("file:///tmp/x", "is an address"),
        ("runs/\0x", "a path cannot hold a NUL character"),
        ("~nobody-of-that-name/x", "there is no such home folder"),
        ("runs/\udcff", "a path must be text"),
    ],
)
def test_what_is_no_path_here_is_refused_in_a_line(tmp_path: Path, out: str, said: str) -> None:
    with pytest.raises(ConfigError, match=f"^mine.yaml: out: {said}") as caught:
        make(out)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


@pytest.mark.parametrize("kind", ["link", "dangling link", "file"])
def test_something_else_where_the_dataset_should_be(tmp_path: Path, kind: str) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").write_text("{}")
    dataset = tmp_path / "run" / "dataset"
    if kind == "file":
        dataset.write_text("")
    else:
        dataset.symlink_to(tmp_path / ("home" if kind == "link" else "nowhere"))
    with pytest.raises(RunFolderError, match=f"dataset: is a {kind.split()[-1]}, and a folder must be there; move it"):
        make("run")


def test_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(RECIPE, build, arguments=["--out", "s3://bucket/x"]) == 1
    assert capsys.readouterr().err == (
        "Error: --out: is an address, and a path of this machine is needed, got 's3://bucket/x'.\n"
    )


def test_expanded_once(home: Path) -> None:
    assert local_path("~/a") == str(home / "a")
    assert local_path(local_path("~/~")) == str(home / "~")
