"""A pipeline as a picture, drawn without a server."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest

from distilabel_selfinstruct import DemoLLM, FilterInstances, Pipeline, SelectInstances, SelectRejected
from distilabel_selfinstruct.engine.drawing import Wiring, write_picture
from distilabel_selfinstruct.errors import ConfigError, MissingExtraError
from distilabel_selfinstruct.recipes.self_instruct.bootstrap import BootstrapInstructions
from tests.support.waiting import LIMIT

SEEDS = Path(__file__).parents[2] / "seeds" / "seed_tasks.jsonl"
DIAMOND = Wiring(
    {"load": "Load", "ask": "Ask", "judge": "Judge", "keep": "Keep"},
    frozenset({"ask", "judge"}),
    [("load", "ask"), ("ask", "judge"), ("judge", "keep"), ("load", "keep")],
)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """distilabel's own `draw` asks mermaid.ink."""

    def refuse(*args: Any) -> NoReturn:
        raise AssertionError("a picture needs no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def pipeline() -> Pipeline:
    with Pipeline("small") as made:
        bootstrap = BootstrapInstructions(llm=DemoLLM(), seed_files=[str(SEEDS)], num_instructions=2)
        bootstrap >> FilterInstances() >> [SelectInstances(name="instances"), SelectRejected(name="rejected")]
    return made


@pytest.mark.slow  # imports matplotlib
def test_a_pipeline_is_drawn_as_svg(pipeline: Pipeline, tmp_path: Path) -> None:
    path = pipeline.draw(tmp_path / "small.svg")
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", Path(path).read_text(encoding="utf-8"))
    assert texts == [
        "bootstrap_instructions_0", "BootstrapInstructions", "filter_instances_0", "FilterInstances",
        "instances", "SelectInstances", "rejected", "SelectRejected",
    ]  # fmt: skip


def test_a_pipeline_is_drawn_as_png(pipeline: Pipeline, tmp_path: Path) -> None:
    path = pipeline.draw(str(tmp_path / "small.png"), top_to_bottom=True)
    assert path == str(tmp_path / "small.png")
    assert Path(path).read_bytes().startswith(b"\x89PNG\r\n")


def test_a_notebook_shows_it_without_asking_a_server(pipeline: Pipeline) -> None:
    assert repr(pipeline) == ("<Pipeline 'small': bootstrap_instructions_0, filter_instances_0, instances, rejected>")


def test_steps_stand_behind_all_that_they_follow() -> None:
    assert DIAMOND.columns() == [["load"], ["ask"], ["judge"], ["keep"]]


def test_the_description_of_a_run_is_drawn_too(pipeline: Pipeline) -> None:
    assert Wiring.of_description(pipeline.dump()) == pipeline.wiring()


def test_the_same_pipeline_gives_the_same_picture(tmp_path: Path) -> None:
    one, other = (write_picture(DIAMOND, tmp_path / name) for name in ("one.svg", "other.svg"))
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("name", ["picture.pdf", "picture", "nowhere/picture.svg"])
def test_a_file_that_cannot_be_written_is_one_line(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=re.escape(name)):
        write_picture(DIAMOND, tmp_path / name)


@pytest.mark.parametrize("description", [{}, {"pipeline": None}, {"pipeline": {"steps": [1], "connections": []}}])
def test_what_describes_no_pipeline_is_one_line(description: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        Wiring.of_description(description)


def test_a_missing_matplotlib_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r'pip install "distilabel-selfinstruct\[report\]"'):
        write_picture(DIAMOND, tmp_path / "picture.svg")


@pytest.mark.slow
def test_nothing_is_printed_and_nothing_left_by_it(tmp_path: Path) -> None:
    """In a fresh process with an empty home: matplotlib would announce, and leave, a font cache there."""
    home, temporary = tmp_path / "home", tmp_path / "temporary"
    home.mkdir()
    temporary.mkdir()
    code = (
        "import sys, pathlib, distilabel_selfinstruct.engine.drawing as drawing\n"
        "wiring = drawing.Wiring({'a': 'A', 'b': 'B'}, frozenset('a'), [('a', 'b')])\n"
        "drawing.write_picture(wiring, pathlib.Path(sys.argv[1]))"
    )
    variables = {name: value for name, value in os.environ.items() if name not in {"MPLCONFIGDIR", "XDG_CONFIG_HOME"}}
    result = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.svg")], capture_output=True, text=True, check=False,
        timeout=LIMIT,
        env=variables | {"HOME": str(home), "TMPDIR": str(temporary), "PYTHONPATH": str(SEEDS.parents[1]),
                         "XDG_CACHE_HOME": str(home / "cache")},
    )  # fmt: skip
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert list(temporary.iterdir()) == []
    assert [path for path in home.rglob("*") if "matplotlib" in path.name] == []
