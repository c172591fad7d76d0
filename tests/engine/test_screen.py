"""What a run shows on screen: plain lines anywhere, a live display on a terminal."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest

from distilabel_selfinstruct.engine import progress as screen
from distilabel_selfinstruct.engine.progress import Progress, show_progress, sign_of_life
from distilabel_selfinstruct.models.slots import Spent
from distilabel_selfinstruct.usage import Budget
from tests.conftest import ROOT
from tests.support.waiting import wait_until

CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")


def pipeline(
    spent: dict[str, Spent], events: dict[str, dict[str, Any]], stopped: str | None = None, waits_for: str = "",
    troubles: tuple[str, ...] = (), shares_done: Mapping[str, float] = MappingProxyType({}), cost: float = 0.0,
    held_to: float | None = None,
) -> Any:  # fmt: skip
    """As far as `Progress` looks at one."""
    budget, pace = Budget(spent_cost=cost), SimpleNamespace(learned=held_to)
    slots = SimpleNamespace(spent=spent, events=events, stopped=stopped, budget=budget, pace=pace)
    return SimpleNamespace(slots=slots, waits_for=waits_for, troubles=troubles, shares_done=shares_done)


HALF_WAY = pipeline(
    {"bootstrap": Spent(40, 13_000, 9_000, 8), "classification": Spent(20, 6_000, 50, 3), "input_first": Spent()},
    {"bootstrap": {"admitted": 250, "wanted": 1000, "candidates": 320}, "classification": {"failures": {"timeout": 2}}},
)


def lines_after(seconds: float, pipeline: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    clock = iter([100.0, 100.0 + seconds])
    monkeypatch.setattr(screen, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    return Progress(pipeline).lines()


class TestLines:
    def test_what_it_has_cost(self, monkeypatch: pytest.MonkeyPatch) -> None:
        (_, total) = lines_after(10.0, pipeline({"answers": Spent(20, 100, 10)}, {}, cost=1.234), monkeypatch)
        assert total == "20 requests (2.0/s), 100 tokens in, 10 out, 1.23 USD, 10 s"

    def test_how_fast_the_endpoint_takes_requests(self, monkeypatch: pytest.MonkeyPatch) -> None:
        (_, total) = lines_after(10.0, pipeline({"answers": Spent(20, 100, 10)}, {}, held_to=1.94), monkeypatch)
        assert total == "20 requests (2.0/s), 100 tokens in, 10 out, held to 1.9/s by the endpoint's limit, 10 s"

    def test_how_far_batches_are(self, monkeypatch: pytest.MonkeyPatch) -> None:
        told = {"classification-1": ["batch_abc", "in_progress", 340, 1000]}
        running = pipeline(
            {"classification": Spent(0, 0, 0, 1000)}, {"classification": {"batches": told}}, troubles=("503",)
        )
        assert lines_after(60.0, running, monkeypatch) == [
            "classification: batch batch_abc: in_progress, 340 of 1,000 done",
            "classification: 0 requests answered, 1000 in flight",
            "0 requests (0.0/s), 0 tokens in, 0 out, 1 min 00 s",
        ]

    def test_half_way(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert lines_after(30.0, HALF_WAY, monkeypatch) == [
            "bootstrap: 250 of 1,000 admitted, 78% accepted",
            "classification: 20 requests answered, 3 in flight",
            "60 requests (2.0/s), 19,000 tokens in, 9,050 out, 2 requests given up (2 timeout), 30 s, 1 min 30 s left",
        ]

    @pytest.mark.parametrize(
        ("shares", "left"),
        [
            ({"evolve": 0.5, "respond": 0.25}, ", 1 min 30 s left"),
            ({"evolve": 1.0, "respond": 0.75}, ", 10 s left"),
            ({"evolve": 0.5, "respond": 0.0}, ""),
            ({"evolve": 1.0, "respond": 1.0}, ""),
            ({}, ""),
        ],
    )
    def test_the_step_that_is_farthest_from_its_end_says_how_long_it_takes(
        self, shares: dict[str, float], left: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (line,) = lines_after(30.0, pipeline({}, {}, shares_done=shares), monkeypatch)
        assert line == f"0 requests (0.0/s), 0 tokens in, 0 out, 30 s{left}"

    def test_a_full_pool_has_no_time_left(self, monkeypatch: pytest.MonkeyPatch) -> None:
        full = pipeline({}, {"bootstrap": {"admitted": 100, "wanted": 100, "candidates": 120}})
        assert lines_after(3725.0, full, monkeypatch) == [
            "bootstrap: 100 of 100 admitted, 83% accepted",
            "0 requests (0.0/s), 0 tokens in, 0 out, 1 h 02 min",
        ]

    def test_nothing_admitted_yet(self, monkeypatch: pytest.MonkeyPatch) -> None:
        begun = pipeline({}, {"bootstrap": {"admitted": 0, "wanted": 100, "candidates": 0}})
        assert lines_after(2.0, begun, monkeypatch)[0] == "bootstrap: 0 of 100 admitted, - accepted"

    def test_while_it_stops_it_says_why(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert lines_after(1.0, pipeline({}, {}, stopped="budget"), monkeypatch) == [
            "0 requests (0.0/s), 0 tokens in, 0 out; stopping: budget, 1 s"
        ]

    def test_what_it_waits_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert lines_after(31.0, pipeline({}, {}, waits_for="1 GPU for step 'identify'"), monkeypatch) == [
            "waiting for 1 GPU for step 'identify'",
            "0 requests (0.0/s), 0 tokens in, 0 out, 31 s",
        ]

    def test_a_stage_shows_what_is_in_flight_before_its_first_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert lines_after(3.0, pipeline({"bootstrap": Spent(in_flight=8)}, {}), monkeypatch) == [
            "bootstrap: 0 requests answered, 8 in flight",
            "0 requests (0.0/s), 0 tokens in, 0 out, 3 s",
        ]

    @pytest.mark.parametrize(
        ("seconds", "said"), [(14.0, ""), (15.0, ", no answer for 15 s"), (95.0, ", no answer for 1 min 35 s")]
    )
    def test_how_long_there_was_no_answer(self, seconds: float, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
        (_, total) = lines_after(seconds, pipeline({"answers": Spent(in_flight=2)}, {}), monkeypatch)
        assert f"0 out{said}, " in total
        assert ("no answer" in total) is bool(said)

    def test_what_the_endpoint_says_instead_of_answers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        down = pipeline({"answers": Spent()}, {}, troubles=("503: no capacity",))
        assert "0 out, no answer for 20 s (503: no capacity), 20 s" in lines_after(20.0, down, monkeypatch)[-1]
        assert "no capacity" not in lines_after(5.0, down, monkeypatch)[-1]

    def test_why_nothing_can_be_asked_yet(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loading = pipeline({}, {}, troubles=("The endpoint cannot be reached.",))
        assert "no answer for 20 s (The endpoint cannot be reached.)" in lines_after(20.0, loading, monkeypatch)[-1]

    @pytest.mark.parametrize(
        ("stopped", "in_flight", "said"),
        [
            ("interrupted", 5,
             "interrupted, waiting for the answers to 5 open requests; another Ctrl-C ends the wait, 1 s"),
            ("interrupted", 0, "interrupted, 1 s"),
            ("budget", 3, "budget, waiting for the answers to 3 open requests, 1 s"),
            ("failed", 0, "failed, 1 s"),
            ("unavailable", 1, "unavailable, waiting for the answers to 1 open requests, 1 s"),
        ],
    )  # fmt: skip
    def test_what_it_waits_for_while_it_stops(
        self, stopped: str, in_flight: int, said: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lines = lines_after(1.0, pipeline({"answers": Spent(9, in_flight=in_flight)}, {}, stopped), monkeypatch)
        assert lines[-1].endswith(f"; stopping: {said}")

    def test_before_it_has_begun(self) -> None:
        assert Progress(SimpleNamespace(slots=None)).lines() == ["starting"]  # type: ignore[arg-type]


class TestStreams:
    def test_plain_lines_where_there_is_no_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(screen, "LINE", 0.02)
        stream = io.StringIO()
        with show_progress(HALF_WAY, stream=stream):
            wait_until(stream.getvalue)
        first = stream.getvalue().splitlines()[0]
        assert first.startswith("bootstrap: 250 of 1,000 admitted, 78% accepted | ")
        assert " | classification: 20 requests answered, 3 in flight | 60 requests (" in first
        assert not CONTROL.search(stream.getvalue())

    def test_that_it_stops_is_said_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(screen, "LINE", 600.0)
        monkeypatch.setattr(screen, "_FRAME", 0.02)
        stream, running = io.StringIO(), pipeline({"answers": Spent(9, in_flight=5)}, {})
        with show_progress(running, stream=stream):
            running.slots.stopped = "interrupted"
            wait_until(stream.getvalue)
        assert "waiting for the answers to 5 open requests; another Ctrl-C ends the wait" in stream.getvalue()
        assert stream.getvalue().count("\n") == 1

    def test_a_long_wait_shows_a_sign_of_life(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(screen, "LINE", 0.02)
        stream = io.StringIO()
        with sign_of_life("writing the report", stream):
            wait_until(stream.getvalue)
        assert stream.getvalue().startswith("writing the report, 0 s\n")

    def test_a_short_one_says_nothing(self) -> None:
        stream = io.StringIO()
        with sign_of_life("writing the report", stream):
            pass
        assert stream.getvalue() == ""

    def test_nothing_where_nothing_is_asked_for(self) -> None:
        stream, before = io.StringIO(), set(threading.enumerate())
        with show_progress(HALF_WAY, show=False, stream=stream):
            assert set(threading.enumerate()) <= before
        assert stream.getvalue() == ""

    def test_it_ends_with_the_block_also_after_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(screen, "LINE", 60.0)
        before = set(threading.enumerate())
        with pytest.raises(ZeroDivisionError), show_progress(HALF_WAY, stream=io.StringIO()):
            _ = 1 / 0
        assert set(threading.enumerate()) <= before


def on_terminal(*command: str) -> tuple[int, str]:
    """Runs a command with a terminal of 120 x 30 for its output; its exit status and everything shown."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 120, 0, 0))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color"}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        shown = bytearray()
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the other end was closed
                break
            if not part:
                break
            shown += part
    os.close(ours)
    return process.returncode, shown.decode()


@pytest.mark.slow
def test_the_script_on_a_terminal(tmp_path: Path) -> None:
    script = str(ROOT / "pipelines" / "self_instruct.py")
    status, shown = on_terminal(sys.executable, script, "--num-instructions", "60", "--out", str(tmp_path / "run"))
    assert status == 0, shown
    live, _, summary = shown.partition("60 of 60 instructions admitted from ")
    assert "\x1b[" in live
    assert re.search(r"bootstrap: \d+ of 60 admitted, \d+% accepted", live)
    assert re.search(r"\d+ requests \(\d+\.\d/s\), [\d,]+ tokens in, [\d,]+ out, \d+ s", live)
    assert "dataset: " in summary
    assert "\x1b[?25h" in shown  # the cursor is shown again
