"""What several tests share: the seed files, and runs of the script as a user starts it."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from distilabel_selfinstruct.recipe import get_recipe
from tests.support.waiting import LIMIT

if TYPE_CHECKING:
    from tests.support.recipes import Made

# No test is about seconds. The gate draws the same examples every time, a developer's machine new ones in each run.
settings.register_profile("here", deadline=None)
settings.register_profile("gate", deadline=None, derandomize=True)
settings.load_profile("gate" if os.environ.get("CI") else "here")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--max-seconds",
        type=float,
        metavar="N",
        help="fail a test that takes longer and is marked neither slow nor server",
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Wall time, because most of what is slow here waits for other processes; so only where the option is given."""
    report = yield
    limit = item.config.getoption("--max-seconds")
    marked = any(item.get_closest_marker(name) for name in ("slow", "server"))
    if limit is not None and not marked and report.when == "call" and report.passed and call.duration > limit:
        report.outcome = "failed"
        report.longrepr = (
            f"took {call.duration:.1f} s, more than {limit:g}: make it faster, or mark it as slow or server"
        )
    return report


ROOT = Path(__file__).parents[1]
WITHOUT_REPORT = os.pathsep.join([str(ROOT / "tests" / "support" / "without_report"), str(ROOT)])
Script = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def seed_file() -> str:
    """The project's own seed tasks."""
    return str(ROOT / "seeds" / "seed_tasks.jsonl")


@pytest.fixture(scope="session")
def official_data() -> Path:
    """What the authors published: their seed tasks and a recorded run."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.exists():
        pytest.skip(f"needs the authors' recorded runs in {folder}")
    return folder


def run_script(
    *options: object,
    pipeline: str = "self_instruct",
    cwd: Path | None = None,
    report: bool = False,
    **environment: str,
) -> subprocess.CompletedProcess[str]:
    """`python pipelines/self_instruct.py`, or that of another recipe, with these options; without the user's keys."""
    from tests.support.warm import ended, start, start_anew

    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    arguments = [str(ROOT / "pipelines" / f"{pipeline}.py"), *map(str, options), *no_check(pipeline, options)]
    variables = {**inherited, "PYTHONPATH": str(ROOT) if report else WITHOUT_REPORT, **environment}
    begin = start_anew if environment else start  # variables may change what is imported
    result = ended(begin(arguments, cwd or ROOT, variables), LIMIT)
    result.stderr = without_progress(result.stderr)
    return result


def no_check(pipeline: str, options: Sequence[object]) -> list[str]:
    """What keeps a run from asking a model questions before it begins, for tests that know each request."""
    return ["--no-check"] if pipeline == "self_instruct" and "--llm" in options else []


def without_progress(stderr: str) -> str:
    """What is left without the lines that say every ten seconds how far a run is: on a slow machine there are some."""
    return _PROGRESS.sub("", stderr)


_DURATION = r"(?:\d+ h \d+ min|(?:\d+ min )?\d+ s)"
_PROGRESS = re.compile(
    rf"^(?:starting|.*requests \(.*/s\), .* tokens in, .* out.*, {_DURATION}(?: left)?"
    rf"|(?:getting|building|reading|writing|sending|comparing)\b.*, {_DURATION})\n",
    re.MULTILINE,
)


@pytest.fixture(scope="session")
def script() -> Script:
    return run_script


def first_line(folder: object, pipeline: str = "self_instruct", model: str | None = None) -> str:
    """What a run says on stderr at once, before anything else: all that stderr holds where nothing goes wrong."""
    name = f"the model {model}" if model else "the embedded demo model"
    return f"{get_recipe(pipeline.replace('_', '-')).title}: {name}, in {folder}\n"


@dataclass(frozen=True)
class ScriptRun:
    """A finished run of the script: what it printed, and the folders it was given."""

    result: subprocess.CompletedProcess[str]
    home: Path
    cwd: Path
    folder: Path

    def rows(self, config: str) -> list[dict[str, Any]]:
        from datasets import load_from_disk

        rows: list[dict[str, Any]] = load_from_disk(str(self.folder / "dataset" / config))["train"].to_list()
        return rows


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory: pytest.TempPathFactory) -> ScriptRun:
    """The first command of the README; its folder is for reading only."""
    return run_apart(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A run of the main recipe that takes a second or two; its folder is for reading only."""
    from tests.support.recipes import run_here

    return run_here(get_recipe("self-instruct"), tmp_path_factory.mktemp("small") / "run", "--num-instructions", 15)


def run_apart(base: Path, *options: object, pipeline: str = "self_instruct") -> ScriptRun:
    """A run into the folder `made`, in a working directory and with a home of its own."""
    home, cwd = base / "home", base / "cwd"
    home.mkdir()
    cwd.mkdir()
    environment = {"HOME": str(home), "HF_HOME": str(home / "hf"), "TMPDIR": str(home), "PYTHONHASHSEED": "1"}
    result = run_script("--out", "made", *options, pipeline=pipeline, cwd=cwd, report=True, **environment)
    return ScriptRun(result, home, cwd, cwd / "made")
