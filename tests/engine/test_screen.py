"""What a run shows on screen: plain lines anywhere, bars on a terminal."""

from __future__ import annotations

import io
import os
import re
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest
from rich.console import Console

from distilabel_selfinstruct.engine import progress as screen
from distilabel_selfinstruct.engine.loop import MainLoop
from distilabel_selfinstruct.engine.progress import Progress, show_progress, sign_of_life
from distilabel_selfinstruct.engine.terminal import is_live
from distilabel_selfinstruct.models.slots import Spent
from distilabel_selfinstruct.usage import Budget
from tests.support.answers import answer
from tests.support.openai_server import OpenAIServer
from tests.support.terminal import Terminal
from tests.support.waiting import wait_until

CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")


def pipeline(
    spent: dict[str, Spent], events: dict[str, dict[str, Any]], stopped: str | None = None, waits_for: str = "",
    troubles: tuple[str, ...] = (), shares_done: Mapping[str, float] = MappingProxyType({}), cost: float = 0.0,
    held_to: float | None = None, latest: str = "", most_tokens: int | None = None,
) -> Any:  # fmt: skip
    """As far as `Progress` looks at one."""
    budget, pace = Budget(spent_cost=cost), SimpleNamespace(learned=held_to)
    budget.max_tokens = most_tokens
    for each in spent.values():
        budget.spent_input, budget.spent_output = (
            budget.spent_input + each.input_tokens,
            budget.spent_output + each.output_tokens,
        )
    slots = SimpleNamespace(spent=spent, events=events, stopped=stopped, budget=budget, pace=pace)
    return SimpleNamespace(slots=slots, waits_for=waits_for, troubles=troubles, shares_done=shares_done, latest=latest)


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
            "classification: 0 requests answered, 1000 in flight",
            "classification: batch batch_abc: in_progress, 340 of 1,000 done",
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
        (_, total) = lines_after(30.0, pipeline({"answers": Spent(30)}, {}, shares_done=shares), monkeypatch)
        assert total == f"30 requests (1.0/s), 0 tokens in, 0 out, 30 s{left}"

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
        monkeypatch.setattr(screen, "FRAME", 0.02)
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


def drawn(pipeline: Any, seconds: float, width: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines of the frame on a terminal of this width, so many seconds after the beginning."""
    clock = iter([100.0, 100.0 + seconds])
    monkeypatch.setattr(screen, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    console.print(Progress(pipeline).frame(width))
    return [line.rstrip() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]


class TestFrame:
    RUNNING = pipeline(
        {"bootstrap": Spent(40, 13_000, 9_000, 8), "classification": Spent(20, 6_000, 50, 3)},
        {"bootstrap": {"admitted": 250, "wanted": 1000, "candidates": 320}},
        shares_done={"bootstrap": 0.25, "classification": 0.125, "input_first": 0.0}, cost=1.234,
        latest="Write a\npoem about\x1b[2J the sea.",
    )  # fmt: skip

    def test_a_bar_a_stage_and_what_came_last(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert drawn(self.RUNNING, 30.0, 100, monkeypatch) == [
            "bootstrap      ━━━━━━                     25% 250 of 1,000 admitted, 78% accepted",
            "classification ━━━                        12% 20 requests answered, 3 in flight",
            "input_first                                0%",
            "all                                        0% 30 s",
            "60 requests (2.0/s), 19,000 tokens in, 9,050 out, 1.23 USD",
            "last: Write a poem about the sea.",
        ]

    def test_sixty_columns(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert drawn(self.RUNNING, 30.0, 60, monkeypatch) == [
            "bootstrap      ━━━╸             25% 250 of 1,000 admitted, …",
            "classification ━╸               12% 20 requests answered, 3…",
            "input_first                      0%",
            "all                              0% 30 s",
            "60 requests (2.0/s), 19,000 tokens in, 9,050 out, 1.23 USD",
            "last: Write a poem about the sea.",
        ]

    def test_what_is_spent_of_the_budget_and_how_long_it_goes_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        limited = pipeline({"answers": Spent(10, 900, 100)}, {}, shares_done={"answers": 0.25}, most_tokens=4000)
        assert drawn(limited, 10.0, 80, monkeypatch) == [
            "answers ━━━━━                 25% 10 requests answered, 0 in flight",
            "budget  ━━━━━                 25% 1,000 of 4,000 tokens",
            "all     ━━━━━                 25% 10 s, 30 s left",
            "10 requests (1.0/s), 900 tokens in, 100 out",
        ]

    def test_what_is_stored_from_before_makes_nothing_look_fast(self, monkeypatch: pytest.MonkeyPatch) -> None:
        clock = iter([100.0, 110.0, 130.0])
        monkeypatch.setattr(screen, "time", SimpleNamespace(monotonic=lambda: next(clock)))
        spent, shares = Spent(), {"answers": 0.5}
        progress = Progress(pipeline({"answers": spent}, {}, shares_done=shares))
        assert progress.lines()[-1] == "0 requests (0.0/s), 0 tokens in, 0 out, 10 s"
        spent.requests, shares["answers"] = 40, 0.6
        assert progress.lines()[-1] == "40 requests (2.0/s), 0 tokens in, 0 out, 30 s, 1 min 20 s left"

    def test_before_it_has_begun(self, monkeypatch: pytest.MonkeyPatch) -> None:
        waiting = SimpleNamespace(slots=None, shares_done={"answers": 0.0}, waits_for="1 GPU", troubles=(), latest="")
        assert drawn(waiting, 2.0, 80, monkeypatch) == [
            "answers                        0%",
            "all                            0% 2 s",
            "waiting for 1 GPU",
            "starting",
        ]


OTHERS = """
import os, subprocess, sys, time
from distilabel_selfinstruct.engine.progress import sign_of_life

with sign_of_life("working"):
    time.sleep(0.6)
    print("a line of ours")
    os.write(2, b"a warning of a library \\x1b[2Jwith \\x07controls\\n")
    subprocess.run(["sh", "-c", "printf '10%%\\\\r100%%\\\\n'; echo a child >&2"])
    with sign_of_life("writing"):
        time.sleep(0.6)
    {end}
print("the end")
"""


class Shares(MainLoop):
    """As much of a pipeline as its shares are read from: instruct >> identify >> filter >> answer."""

    def __new__(cls, *_: Any) -> Shares:
        cls.__abstractmethods__ = frozenset()  # nothing of a running pipeline is asked
        return super().__new__(cls)

    def __init__(self, done: dict[str, int], made: dict[str, int], ended: set[str], event: dict[str, Any]) -> None:
        names = ["instruct", "identify", "filter", "answer"]
        stages = {"instruct": "bootstrap", "identify": "classification", "answer": "answers"}
        steps = {name: SimpleNamespace() for name in names}
        for name, stage in stages.items():
            steps[name].llm = SimpleNamespace(stage=stage)
        before = dict(zip(names, [[], *([name] for name in names)]))
        dag: Any = MagicMock()
        dag.__iter__.side_effect = lambda: iter(names)
        dag.get_step.side_effect = lambda name: {"step": steps[name]}
        dag.get_step_predecessors.side_effect = before.__getitem__
        self.dag, self.slots = dag, SimpleNamespace(events={"bootstrap": event})  # type: ignore[assignment]
        self._forget_run()
        self._rows_done.update(done)
        self._rows_made.update(made)
        self._ended_steps |= ended


LOOP = {"admitted": 50, "wanted": 200}


@pytest.mark.parametrize(
    ("pipeline", "shares"),
    [
        (Shares({}, {}, set(), {}), {"bootstrap": 0.0, "classification": 0.0, "answers": 0.0}),
        # of the rows that will come a quarter is there, and half of that is dealt with
        (
            Shares({"identify": 30}, {"instruct": 60}, set(), LOOP),
            {"bootstrap": 0.25, "classification": 0.125, "answers": 0.0},
        ),
        (
            Shares(
                {"identify": 60, "filter": 60, "answer": 20}, {"instruct": 60, "identify": 60, "filter": 40},
                {"instruct", "identify", "filter"}, LOOP,
            ),
            {"bootstrap": 1.0, "classification": 1.0, "answers": 0.5},
        ),
    ],
)  # fmt: skip
def test_how_far_each_stage_is(pipeline: MainLoop, shares: dict[str, float]) -> None:
    assert pipeline.shares_done == shares


def test_the_last_instruction_and_how_far_it_is_are_noted() -> None:
    running, told = Shares({}, {}, set(), LOOP), list[Mapping[str, float]]()
    running.tell = told.append
    rows = [{"instruction": "Sing."}, {"instruction": "Dance."}, {"instruction": "Fly.", "reject_reason": "similar"}]
    running._note_progress("instruct", rows)
    running._note_progress("filter", [{"instruction": "Read."}])
    assert running.latest == "Dance."
    assert told == [{"bootstrap": 0.25, "classification": 0.0, "answers": 0.0}]


class TestTerminal:
    def test_what_others_write_stands_above_and_nothing_of_the_display_stays(self) -> None:
        with Terminal([sys.executable, "-c", OTHERS.format(end="")]) as terminal:
            assert terminal.ended() == 0
        lines = ["a line of ours", "a warning of a library with controls", "100%", "a child"]
        assert terminal.shown.splitlines() == [*lines, "the end"]
        assert any(re.fullmatch(r"[-|/\\\\] working, [01] s", screen) for screen in terminal.screens)
        assert any(re.search(r"\na child\n[-|/\\\\] writing, \d s$", screen) for screen in terminal.screens)
        assert not any("working" in screen and "writing" in screen for screen in terminal.screens)

    @pytest.mark.parametrize("end", ["1 / 0", "raise KeyboardInterrupt", "os.kill(os.getpid(), 9)", "os._exit(3)"])
    def test_the_cursor_is_there_after_any_end(self, end: str) -> None:
        with Terminal([sys.executable, "-c", OTHERS.format(end=end)]) as terminal:
            assert terminal.ended() != 0
        assert terminal.is_cursor_shown
        assert b"\x1b[?25l" not in terminal.written

    @pytest.mark.parametrize(
        ("variables", "expected"),
        [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False), ({"FORCE_COLOR": "1"}, True)],
    )
    def test_plain_lines_where_nobody_wants_more(
        self, variables: dict[str, str], expected: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("NO_COLOR", "FORCE_COLOR", "CI"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("TERM", "xterm")
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        ours, theirs = os.openpty()
        with os.fdopen(theirs, "w") as terminal:
            assert is_live(terminal) is expected
        os.close(ours)
        assert not is_live(io.StringIO())


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    with OpenAIServer(answer, latency=0.2, slots=8) as server:
        yield server


def run_of(endpoint: OpenAIServer, folder: Path, *more: str) -> list[str]:
    words = ["run", "--num-instructions", "30", "--llm", "openai", "--model", "stub-model", "--no-check"]
    return [
        sys.executable,
        "-m",
        "distilabel_selfinstruct",
        *words,
        "--base-url",
        endpoint.url,
        "--out",
        str(folder),
        *more,
    ]


@pytest.mark.slow
class TestRuns:
    def test_a_run_from_its_beginning_to_its_end(self, tmp_path: Path) -> None:
        command = [sys.executable, "-m", "distilabel_selfinstruct", "run", "--num-instructions", "60"]
        with Terminal([*command, "--out", str(tmp_path / "run")], columns=200) as terminal:
            assert terminal.ended() == 0
        screens = "\n".join(terminal.screens)
        assert terminal.screens[1].startswith("Self-Instruct: the embedded demo model, in ")
        for said in ("getting ready, 0 s", "starting", "writing the dataset, 0 s", "writing review and report, 0 s"):
            assert said in screens
        assert re.search(r"\nbootstrap      ━+ +\d+% \d+ of 60 admitted, \d+% accepted\nclassification ━", screens)
        assert re.search(r"\nall            ━+ +\d+% \d+ s", screens)
        assert re.search(r"\nlast: \w", screens)
        assert terminal.shown.splitlines()[1].startswith("60 of 60 instructions admitted from ")
        assert "━" not in terminal.shown
        assert terminal.is_cursor_shown

    def test_ctrl_c_waits_for_what_is_open_and_twice_ends_it(self, endpoint: OpenAIServer, tmp_path: Path) -> None:
        held: list[Any] = []
        with Terminal(run_of(endpoint, tmp_path / "run"), columns=200) as terminal:
            terminal.until("accepted")
            endpoint.hold(lambda request: not held.append(request))
            wait_until(lambda: held)
            terminal.press("\x03")
            shown = terminal.until("another Ctrl-C ends the wait")
            assert re.search(r"stopping: interrupted, waiting for the answers to \d+ open requests;", shown)
            terminal.press("\x03")
            assert terminal.ended() == 130
        assert terminal.shown.splitlines()[1:] == [
            "Stopped by SIGINT. Run the same command again to go on: nothing that was answered is lost."
        ]
        assert terminal.is_cursor_shown
        endpoint.release()
        with Terminal(run_of(endpoint, tmp_path / "run")) as terminal:
            assert terminal.ended() == 0
        assert "30 of 30 instructions admitted" in terminal.shown

    def test_a_budget_has_a_bar_and_quiet_says_what_is_missing(self, endpoint: OpenAIServer, tmp_path: Path) -> None:
        limit = ("--max-tokens-total", "9000")
        with Terminal(run_of(endpoint, tmp_path / "run", *limit)) as terminal:
            assert terminal.ended() == 3
        assert re.search(r"\nbudget         ━+ +\d+% [\d,]+ of 9,000 tokens\n", "\n".join(terminal.screens))
        with Terminal(run_of(endpoint, tmp_path / "run", *limit, "--quiet"), columns=200) as terminal:
            assert terminal.ended() == 3
        missing = "It stopped because the budget is used up. Run the same command with a larger one to go on."
        assert terminal.shown.splitlines() == [missing, str(tmp_path / "run" / "summary.json")]
        assert not any("━" in screen for screen in terminal.screens)

    def test_an_outage_is_told_and_over_when_it_is(self, endpoint: OpenAIServer, tmp_path: Path) -> None:
        with Terminal(run_of(endpoint, tmp_path / "run")) as terminal:
            terminal.until("accepted")
            endpoint.outage()
            terminal.until("no answer for 1", 180)
            endpoint.recover()
            assert terminal.ended(240) == 0
        assert "no answer for" not in terminal.screens[-1]
        assert "30 of 30 instructions admitted" in terminal.shown
