"""Our Pipeline finishes whole or raises, where distilabel's own hangs, or returns less than everything without a word.

Run as a script it shows what distilabel's own does: `python -m tests.engine.test_pipeline CASE FOLDER`.
"""

# distilabel looks for `StepInput` in the signature itself: no postponed evaluation of annotations here.
import contextlib
import gc
import logging
import os
import pickle
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import openai
import pandas as pd
import pytest
from datasets import Dataset
from distilabel.mixins.runtime_parameters import RuntimeParameter
from distilabel.pipeline import Pipeline as StockPipeline
from distilabel.pipeline import routing_batch_function
from distilabel.steps import (
    GeneratorStep,
    GlobalStep,
    LoadDataFromDicts,
    LoadDataFromFileSystem,
    Step,
    StepInput,
    StepResources,
)
from pydantic import PrivateAttr

from distilabel_selfinstruct.engine.local import PickledQueue
from distilabel_selfinstruct.engine.pipelines import Pipeline
from distilabel_selfinstruct.errors import ConfigError, Interrupted, PipelineError
from tests.support.openai_server import OpenAIServer
from tests.support.waiting import comes_true, ends_in_time

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning")

ROOT = Path(__file__).parents[2]


class Numbers(GeneratorStep):
    """0 to 19 in batches of 5, or as told."""

    behaviour: str = "well"
    batch_size: RuntimeParameter[int] = 5  # type: ignore[assignment]

    @property
    def outputs(self) -> list[str]:
        return ["number"]

    def load(self) -> None:
        super().load()
        if self.behaviour == "raise in load":
            raise ConfigError("no such file: numbers.txt")
        if self.behaviour == "raise what cannot be unpickled":
            with OpenAIServer(api_keys=["another"]) as server:
                openai.OpenAI(base_url=server.url, api_key="wrong", max_retries=0).models.list()

    def process(self, offset: int = 0) -> Iterator[tuple[list[dict[str, Any]], bool]]:  # type: ignore[override]
        for start in range(offset, 20, self.batch_size):
            rows = [{"number": number} for number in range(start, min(start + self.batch_size, 20))]
            is_last = start + self.batch_size >= 20
            if start and self.behaviour == "raise":
                raise ValueError("no more numbers")
            if is_last and self.behaviour == "end with an empty batch":
                rows = []
            yield rows, is_last and self.behaviour != "end without a last batch"


class Double(Step):
    """The double of each number; with 12, or with all from 15 on, as told."""

    behaviour: str = "well"
    input_batch_size: int = 5  # type: ignore[assignment]

    _done: int = PrivateAttr(0)

    @property
    def inputs(self) -> list[str]:
        return ["number"]

    @property
    def outputs(self) -> list[str]:
        return ["double"]

    def process(self, inputs: StepInput) -> Iterator[list[dict[str, Any]]]:  # type: ignore[override]
        numbers = [row["number"] for row in inputs]
        rows = [row | {"double": 2 * row["number"]} for row in inputs]
        if 12 in numbers:
            self._with_twelve()
        if self.behaviour == "late column":
            rows = [row | ({"late": [{"seen": True}]} if row["number"] > 9 else {}) for row in rows]
        if self.behaviour == "typed late":
            late = {"text": "x", "list": [{"a": 1}], "real": 0.5}
            early = {"text": None, "list": [], "real": 1}
            rows = [row | (late if row["number"] > 9 else early) for row in rows]
        if self.behaviour == "mixed types":
            rows = [row | {"double": {"a": 1} if row["number"] > 9 else "text"} for row in rows]
        if self.behaviour == "not picklable":
            rows[0]["double"] = threading.Lock()
        if self.behaviour == "drop all" or (self.behaviour == "drop the last" and 19 in numbers):
            rows = []
        if self.behaviour == "slow at first" and 0 in numbers:
            time.sleep(0.5)
        yield rows
        if self.behaviour == "yield twice":
            yield [row | {"double": -1} for row in rows]

    def _with_twelve(self) -> None:
        if self.behaviour == "raise":
            raise ValueError("12 cannot be doubled")
        if self.behaviour == "exit":
            os._exit(7)
        if self.behaviour == "exit with 0":
            os._exit(0)
        if self.behaviour == "be killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.behaviour == "be killed in the middle of a message":
            (to_main,) = (each for each in gc.get_objects() if isinstance(each, PickledQueue) and _was_written_to(each))
            os.write(to_main._writer.fileno(), struct.pack("!i", 1000) + b"only the beginning")
            os.kill(os.getpid(), signal.SIGKILL)
        if self.behaviour == "raise SystemExit":
            raise SystemExit(3)


def _was_written_to(channel: Any) -> bool:
    """Whether this process has: a worker has told that its step is loaded."""
    return channel._thread is not None


class Count(GlobalStep):
    """How many rows there are, with each of them."""

    @property
    def inputs(self) -> list[str]:
        return ["number"]

    @property
    def outputs(self) -> list[str]:
        return ["count"]

    def process(self, inputs: StepInput) -> Iterator[list[dict[str, Any]]]:  # type: ignore[override]
        yield [row | {"count": len(inputs)} for row in inputs]


class Merge(Step):
    """Rows of two steps side by side."""

    input_batch_size: int = 5  # type: ignore[assignment]

    @property
    def inputs(self) -> list[str]:
        return ["number", "double"]

    @property
    def outputs(self) -> list[str]:
        return ["sum"]

    def process(self, *inputs: StepInput) -> Iterator[list[dict[str, Any]]]:  # type: ignore[override]
        yield [one | {"sum": one["double"] + other["double"]} for one, other in zip(*inputs)]


@pytest.fixture(autouse=True)
def no_hang() -> Iterator[None]:
    """A test of ours that would hang fails, and so does one that leaves a process behind."""
    with ends_in_time():
        yield
    assert not active_children()


@contextlib.contextmanager
def process_as_before() -> Iterator[None]:
    """What is set for the whole process is set back, and no thread or file is left open."""

    def settings() -> Any:
        root = logging.getLogger()
        signals = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        return [*root.handlers], root.level, logging.getLogger("httpx").level, sys.excepthook, signals, os.getpgrp()

    def threads() -> set[threading.Thread]:
        return set(threading.enumerate())

    def open_files() -> set[str]:
        folder = "/proc/self/fd"
        links = [os.path.join(folder, name) for name in os.listdir(folder)]
        return {os.readlink(link) for link in links if os.path.lexists(link)}

    before, threads_before, files_before = settings(), threads(), open_files()
    environment = dict(os.environ)
    yield
    gc.collect()
    comes_true(lambda: threads() <= threads_before and open_files() <= files_before, limit=60)
    assert settings() == before
    assert not threads() - threads_before
    assert not open_files() - files_before
    assert not environment.items() ^ os.environ.items()


def run(build: Callable[[], Any], folder: Path, **options: Any) -> Any:
    """The rows of each leaf."""
    with Pipeline("test", cache_dir=folder) as pipeline:
        build()
    distiset = pipeline.run(**options)
    return {name: config["train"].to_list() for name, config in distiset.items()}


def error(build: Callable[[], Any], folder: Path, **options: Any) -> str:
    with pytest.raises(PipelineError) as caught:
        run(build, folder, **options)
    return str(caught.value)


def doubles(rows: list[dict[str, Any]]) -> list[int]:
    return [row["double"] for row in rows]


DOUBLES = [2 * number for number in range(20)]


# --- what goes wrong, and what it comes to ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        ("raise", "Step 'numbers_0' failed: ValueError: no more numbers"),
        ("raise in load", "Step 'numbers_0' failed: no such file: numbers.txt"),
        ("raise what cannot be unpickled", "Step 'numbers_0' failed: AuthenticationError: Error code: 401"),
        ("end without a last batch", "Step 'numbers_0' failed: it ended without a last batch"),
        ("end with an empty batch", "The steps double_0 wait for rows that nobody will send."),
    ],
)
def test_a_generator_that_does_not_end_well(tmp_path: Path, behaviour: str, said: str) -> None:
    assert error(lambda: Numbers(behaviour=behaviour) >> Double(), tmp_path).startswith(said)


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        ("raise", "Step 'double_0' failed: ValueError: 12 cannot be doubled"),
        ("raise SystemExit", "Step 'double_0' failed: SystemExit: 3"),
        ("not picklable", "Step 'double_0' failed: TypeError: cannot pickle '_thread.lock' object"),
        ("mixed types", "The rows of step 'double_0' do not fit into columns:"),
        ("exit", "The worker of step 'double_0' ended with exit code 7. Run the same command again"),
        pytest.param(
            "exit with 0",
            "The worker of step 'double_0' ended with exit code 0. Run the same command again",
            marks=pytest.mark.slow,
        ),
        ("be killed", "The worker of step 'double_0' was killed by signal 9 (SIGKILL). Run the same command again"),
        pytest.param(
            "be killed in the middle of a message",
            "The worker of step 'double_0' was killed by signal 9",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_step_that_fails(tmp_path: Path, behaviour: str, said: str) -> None:
    assert error(lambda: Numbers() >> Double(behaviour=behaviour), tmp_path).startswith(said)


def test_a_dead_worker_is_noticed_while_others_go_on_talking(tmp_path: Path) -> None:
    class Forever(Numbers):
        def process(self, offset: int = 0) -> Iterator[tuple[list[dict[str, Any]], bool]]:  # type: ignore[override]
            while True:
                time.sleep(0.01)
                yield [{"number": 1}], False

    def build() -> None:
        Forever(name="forever") >> Double(name="alive")
        Numbers() >> Double(behaviour="be killed")

    assert "The worker of step 'double_0' was killed" in error(build, tmp_path)


def test_the_error_leaves_its_traceback_in_the_log(tmp_path: Path) -> None:
    with Pipeline("test", cache_dir=tmp_path, log_file=tmp_path / "run.log") as pipeline:
        Numbers() >> Double(behaviour="raise")
    with pytest.raises(PipelineError):
        pipeline.run()
    log = (tmp_path / "run.log").read_text()
    assert "in _with_twelve" in log
    assert 'raise ValueError("12 cannot be doubled")' in log


def test_an_error_written_for_users_leaves_its_sentence_in_the_log_and_no_traceback(tmp_path: Path) -> None:
    with Pipeline("test", cache_dir=tmp_path, log_file=tmp_path / "run.log") as pipeline:
        Numbers(behaviour="raise in load") >> Double()
    with pytest.raises(PipelineError):
        pipeline.run()
    log = (tmp_path / "run.log").read_text()
    assert "no such file: numbers.txt" in log
    assert "Traceback" not in log


def test_an_error_says_nothing_else_on_screen(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    class Large(Numbers):
        def process(self, offset: int = 0) -> Iterator[tuple[list[dict[str, Any]], bool]]:  # type: ignore[override]
            for number in range(50):
                yield [{"number": number, "text": "x" * 1_000_000}], number == 49

    error(lambda: Large() >> Double(behaviour="raise", input_batch_size=1), tmp_path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
@pytest.mark.parametrize("behaviour", ["drop all", "drop the last"])
def test_rows_dropped_before_a_step_that_waits_for_them(tmp_path: Path, behaviour: str) -> None:
    assert error(lambda: Numbers() >> Double(behaviour=behaviour) >> Double(name="second"), tmp_path) == (
        "The steps second wait for rows that nobody will send. distilabel does this when the last batch of a step is"
        " empty: mark rows instead of dropping them, and select them in a leaf step."
    )

    def chain() -> None:
        Numbers() >> Double(behaviour=behaviour) >> Double(name="x") >> Double(name="y") >> Count()

    for groups in (None, "sequential_step_execution"):
        said = error(chain, tmp_path, load_groups=groups)
        assert said.startswith("The steps x, y, count_0 wait for rows")


def test_rows_dropped_in_a_leaf(tmp_path: Path) -> None:
    found = run(lambda: Numbers() >> [Double(name="none", behaviour="drop all"), Double(name="some")], tmp_path)
    assert list(found) == ["some"]
    assert doubles(found["some"]) == DOUBLES


# --- what comes out whole --------------------------------------------------------------------------------------------


def test_every_row_that_a_step_yields_counts(tmp_path: Path) -> None:
    rows = run(lambda: Numbers() >> Double(behaviour="yield twice"), tmp_path)["default"]
    assert len(rows) == 40
    assert sorted(doubles(rows)) == [-1] * 20 + DOUBLES


def test_columns_that_come_late_or_get_their_type_late(tmp_path: Path) -> None:
    rows = run(lambda: Numbers() >> Double(behaviour="late column"), tmp_path / "1")["default"]
    assert [row["late"] for row in rows] == [None] * 10 + [[{"seen": True}]] * 10
    rows = run(lambda: Numbers() >> Double(behaviour="typed late"), tmp_path / "2")["default"]
    assert [row["text"] for row in rows] == [None] * 10 + ["x"] * 10
    assert [row["list"] for row in rows] == [[]] * 10 + [[{"a": 1}]] * 10
    assert [row["real"] for row in rows] == [1.0] * 10 + [0.5] * 10


def test_columns_of_parts_that_were_written_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distilabel_selfinstruct.engine.leaves._LEAF_ROWS", 5)
    rows = run(lambda: Numbers() >> Double(behaviour="late column"), tmp_path / "1")["default"]
    assert [row["late"] for row in rows] == [None] * 10 + [[{"seen": True}]] * 10
    rows = run(lambda: Numbers() >> Double(behaviour="typed late"), tmp_path / "2")["default"]
    assert [row["list"] for row in rows] == [[]] * 10 + [[{"a": 1}]] * 10
    assert [row["real"] for row in rows] == [1.0] * 10 + [0.5] * 10


TWO = StepResources(replicas=2)


@pytest.mark.parametrize("load_groups", [None, "sequential_step_execution"])
@pytest.mark.parametrize(
    "build",
    [
        lambda: Numbers() >> Double(),
        lambda: Numbers() >> Double(behaviour="slow at first", resources=TWO),
        lambda: Numbers() >> Double(behaviour="slow at first", resources=TWO) >> Count(),
        lambda: Numbers() >> Double(behaviour="slow at first", resources=TWO, input_batch_size=1) >> Double(name="z"),
        lambda: Numbers() >> Double() >> Count() >> Double(name="z", input_batch_size=7),
        lambda: Numbers(batch_size=3) >> [Double(name="a"), Double(name="b", input_batch_size=4)] >> Merge(),
    ],
    ids=["plain", "replicas", "replicas before a global step", "replicas in the middle", "global step", "diamond"],
)
def test_all_rows_in_their_order(tmp_path: Path, build: Callable[[], Any], load_groups: Any) -> None:
    (rows,) = run(build, tmp_path, load_groups=load_groups).values()
    assert doubles(rows) == DOUBLES
    assert all(row.get("count", 20) == 20 for row in rows)


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="distilabel 1.5.3 cannot save a routing function there")
def test_a_step_that_no_batch_is_routed_to(tmp_path: Path) -> None:
    @routing_batch_function()
    def to_one(steps: list[str]) -> list[str]:
        return steps[:1]

    said = error(lambda: Numbers() >> to_one >> [Double(name="a"), Double(name="b")], tmp_path)
    assert said.startswith("The steps b wait for rows that nobody will send.")


def test_data_given_to_run(tmp_path: Path) -> None:
    assert run(Double, tmp_path, dataset=[{"number": 3}])["default"] == [{"number": 3, "double": 6}]


def test_a_single_generator(tmp_path: Path) -> None:
    assert run(Numbers, tmp_path)["default"] == [{"number": number} for number in range(20)]


# --- the cache -------------------------------------------------------------------------------------------------------


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The steps whose workers were started."""
    names: list[str] = []
    start = Pipeline._start_worker

    def note(self: Pipeline, worker: Any) -> None:
        names.append(worker.step.name)
        start(self, worker)

    monkeypatch.setattr(Pipeline, "_start_worker", note)
    return names


def test_the_same_pipeline_again_is_served_from_the_cache(tmp_path: Path, started: list[str]) -> None:
    first = run(lambda: Numbers() >> Double(), tmp_path)
    del started[:]
    assert run(lambda: Numbers() >> Double(), tmp_path) == first
    assert started == []
    assert run(lambda: Numbers() >> Double(), tmp_path, use_cache=False) == first
    assert started == ["numbers_0", "double_0"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:PosixUPath on python:UserWarning")  # distilabel's own, on reading a file
def test_changed_data_is_not(tmp_path: Path) -> None:
    for number in (1, 2):
        rows = run(lambda: LoadDataFromDicts(data=[{"number": number}]) >> Double(), tmp_path)["default"]  # noqa: B023
        assert doubles(rows) == [2 * number]
    for number in (3, 4):
        rows = run(Double, tmp_path, dataset=[{"number": number}])["default"]
        assert doubles(rows) == [2 * number]
    for number in (5, 6):
        rows = run(Double, tmp_path, dataset=Dataset.from_dict({"number": [number]}))["default"]
        assert doubles(rows) == [2 * number]
    for number in (7, 8):  # in the middle of a frame, where its text does not show it
        frame = pd.DataFrame({"number": [*range(100), number, *range(100)]})
        assert doubles(run(Double, tmp_path, dataset=frame)["default"])[100] == 2 * number
    for number in (9, 10):
        (tmp_path / "numbers.jsonl").write_text(f'{{"number": {number}}}')
        loader = partial(LoadDataFromFileSystem, data_files=str(tmp_path / "numbers.jsonl"))
        assert doubles(run(lambda: loader() >> Double(), tmp_path)["default"]) == [2 * number]  # noqa: B023


@pytest.mark.slow
def test_a_changed_step_upstream_is_not(tmp_path: Path) -> None:
    run(lambda: Numbers() >> Double() >> Double(name="z"), tmp_path)
    with pytest.raises(PipelineError):
        run(lambda: Numbers() >> Double(behaviour="raise") >> Double(name="z"), tmp_path)


def test_a_failed_run_is_not(tmp_path: Path, started: list[str]) -> None:
    for _ in range(2):
        del started[:]
        assert "12 cannot be doubled" in error(lambda: Numbers() >> Double(behaviour="raise"), tmp_path)
        assert started == ["numbers_0", "double_0"]


@pytest.mark.parametrize("damage", ["lost", "cut off"])
def test_a_damaged_result_is_made_again(tmp_path: Path, damage: str) -> None:
    first = run(lambda: Numbers() >> Double(), tmp_path)
    (part,) = tmp_path.rglob("double_0/*.parquet")
    part.unlink() if damage == "lost" else part.write_bytes(part.read_bytes()[:100])
    assert run(lambda: Numbers() >> Double(), tmp_path) == first


def test_a_dry_run_is_not_taken_for_the_result(tmp_path: Path) -> None:
    with Pipeline("test", cache_dir=tmp_path) as pipeline:
        Numbers() >> Double()
    assert len(pipeline.dry_run()["default"]["train"]) == 1
    assert len(pipeline.run()["default"]["train"]) == 20


# --- the process around it -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("behaviour", ["well", "raise"])
def test_the_process_is_as_before(tmp_path: Path, behaviour: str) -> None:
    with process_as_before(), contextlib.suppress(PipelineError):
        run(lambda: Numbers() >> Double(behaviour=behaviour), tmp_path)


def test_it_runs_in_a_thread_and_twice_in_a_process(tmp_path: Path) -> None:
    found: list[Any] = []
    for number in range(2):
        thread = threading.Thread(
            target=lambda: found.append(run(lambda: Numbers() >> Double(), tmp_path / str(number)))  # noqa: B023
        )
        thread.start()
        thread.join()
    assert [doubles(each["default"]) for each in found] == [DOUBLES, DOUBLES]


def test_the_same_object_runs_again_after_an_error(tmp_path: Path) -> None:
    with Pipeline("test", cache_dir=tmp_path) as pipeline:
        Numbers() >> (double := Double(behaviour="raise"))
    with pytest.raises(PipelineError):
        pipeline.run()
    double.behaviour = "well"
    assert doubles(list(pipeline.run()["default"]["train"])) == DOUBLES


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it(tmp_path: Path, number: signal.Signals) -> None:
    class Signalling(Double):
        def _with_twelve(self) -> None:
            os.kill(os.getppid(), number)
            time.sleep(60)

    with pytest.raises(Interrupted) as caught:
        run(lambda: Numbers() >> Signalling(name="s"), tmp_path)
    assert caught.value.signal_name == number.name
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_what_goes_on_downstream_does_not_flood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distilabel_selfinstruct.engine.loop._BATCHES_AHEAD", 2)
    assert doubles(run(lambda: Numbers(batch_size=1) >> Double(input_batch_size=1), tmp_path)["default"]) == DOUBLES


# --- distilabel's own ------------------------------------------------------------------------------------------------


def stock(case: str, folder: Path) -> None:
    """What distilabel's own Pipeline does; printed."""
    cases: dict[str, Callable[[], Any]] = {
        "a generator raises": lambda: Numbers(behaviour="raise") >> Double(),
        "a worker dies": lambda: Numbers() >> Double(behaviour="exit"),
        "all rows are dropped": lambda: Numbers() >> Double(behaviour="drop all") >> Double(name="second"),
        "not picklable": lambda: Numbers(behaviour="raise what cannot be unpickled") >> Double(),
        "a step raises": lambda: Numbers() >> Double(behaviour="raise"),
        "the data change": lambda: LoadDataFromDicts(data=[{"number": 1}]) >> Double(),
    }
    with StockPipeline("test", cache_dir=folder) as pipeline:
        cases[case]()
    handlers = [*logging.getLogger().handlers]
    print("running", flush=True)
    rows = list(pipeline.run()["default"]["train"])
    print("doubles:", doubles(rows))
    print("logging as before:", logging.getLogger().handlers == handlers)
    if case == "the data change":
        with StockPipeline("test", cache_dir=folder) as pipeline:
            LoadDataFromDicts(data=[{"number": 2}]) >> Double()
        print("doubles:", doubles(list(pipeline.run()["default"]["train"])))


class TestStock:
    """Why ours is not distilabel's own; each of these cases is above with another end."""

    pytestmark = pytest.mark.slow

    @pytest.fixture
    def start(self, tmp_path: Path) -> Iterator[Callable[..., list[subprocess.Popen[str]]]]:
        """Starts a process for each case; returns when all their pipelines run."""
        processes: list[subprocess.Popen[str]] = []

        def start(*cases: str) -> list[subprocess.Popen[str]]:
            started = [
                subprocess.Popen(
                    [sys.executable, "-m", "tests.engine.test_pipeline", case, str(tmp_path / case)],
                    cwd=ROOT,
                    env={**os.environ, "PYTHONPATH": str(ROOT)},
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    text=True,
                    start_new_session=True,
                )
                for case in cases
            ]
            processes.extend(started)
            assert [process.stdout.readline() for process in started] == ["running\n"] * len(started)
            return started

        yield start
        for process in processes:
            with process, contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def test_it_hangs(self, start: Callable[..., list[subprocess.Popen[str]]]) -> None:
        cases = ["a generator raises", "a worker dies", "all rows are dropped", "not picklable"]
        hanging = start(*cases)
        (ending,) = start("a step raises")  # one that comes to its end, though it was started later
        ending.communicate()
        assert [case for case, process in zip(cases, hanging) if process.poll() is None] == cases

    def test_it_makes_rows_up_and_forgets_the_logging(self, start: Callable[..., list[subprocess.Popen[str]]]) -> None:
        (process,) = start("a step raises")
        said, _ = process.communicate()
        assert f"doubles: {[*DOUBLES[:10], *[None] * 5, *DOUBLES[15:]]}" in said
        assert "logging as before: False" in said

    def test_it_serves_the_rows_of_other_data(self, start: Callable[..., list[subprocess.Popen[str]]]) -> None:
        (process,) = start("the data change")
        said, _ = process.communicate()
        assert said.count("doubles: [2]") == 2


if __name__ == "__main__":
    stock(sys.argv[1], Path(sys.argv[2]))
