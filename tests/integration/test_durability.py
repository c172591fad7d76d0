"""Nothing paid for is lost: the main pipeline as a user runs it, against an endpoint that goes wrong, or killed.

Each run is `python pipelines/self_instruct.py` in a session of its own; the endpoint is the stub server, whose log says
what was asked. The runs here have so few requests that one lag and one concurrency serve them all.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.conftest import first_line
from tests.support.answers import answer, prompt_of, question_of
from tests.support.commands import (
    CONCURRENCY,
    KEY,
    NUM_INSTRUCTIONS,
    Command,
    Reference,
    answered,
    dataset,
    hold_from,
    paid_twice,
    stored,
)
from tests.support.openai_server import (
    CUT,
    HANG,
    TRUNCATED,
    Answer,
    Body,
    Fault,
    OpenAIServer,
    garbage,
    html,
    status,
)
from tests.support.recipes import rows_of, status_of
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow


def reasons(folder: Path) -> Counter[tuple[str, str]]:
    """Stages and reasons of the rows that were given up for a fault of the endpoint."""
    of_method = {"similar", "keyword", "too_short", "program", "surplus", "no_instructions", "refusal",
                 "unclear_classification", "no_instances", "input_equals_output", "conflicting_outputs",
                 "duplicate"}  # fmt: skip
    found = Counter((row["stage"], row["reason"]) for row in rows_of(folder, "rejected"))
    return Counter({key: count for key, count in found.items() if key[1] not in of_method})


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer(answer=answer, latency=0.02) as server:
        yield server


@pytest.fixture
def start(server: OpenAIServer, tmp_path: Path) -> Iterator[Callable[..., Command]]:
    """Starts a run in the folder of the test."""
    commands: list[Command] = []

    def start(*options: str, url: str | None = None, folder: Path = tmp_path / "run", **more: Any) -> Command:
        commands.append(Command(url or server.url, folder, *options, **more))
        return commands[-1]

    yield start
    for command in commands:
        command.end()


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """A run that nothing happens to."""
    folder = tmp_path_factory.mktemp("reference") / "run"
    with OpenAIServer(answer=answer) as server:
        command = Command(server.url, folder)
        try:
            ended = command.wait()
        finally:
            command.end()
        assert (ended.status, ended.err) == (0, ended.first_line)
        assert paid_twice(server.requests) == []
        assert set(answered(server.requests)) == stored(folder)
        return Reference(folder, dataset(folder), server.requests)


class TestKilled:
    def test_kill_9_of_all_its_processes_at_five_moments(
        self, server: OpenAIServer, start: Callable[..., Command], reference: Reference, tmp_path: Path
    ) -> None:
        draw = Random(0)
        most = len(reference.requests) // 6  # so that no run comes to its end
        kept: list[tuple[int, set[str]]] = []
        for _ in range(5):
            command = start()
            hold_from(server, len(server.requests) + draw.randint(0, most))
            time.sleep(draw.uniform(0, 0.03))
            command.send(signal.SIGKILL, to_group=True)
            assert command.wait().status == -signal.SIGKILL
            server.release()
            kept.append((len(server.requests), stored(tmp_path / "run")))
        assert start().wait().status == 0
        assert dataset(tmp_path / "run") == reference.dataset
        for number, prompts in kept:
            assert not prompts & {prompt_of(request.body) for request in server.requests[number:]}
        # In flight, or their answers on the way to the disk.
        assert len(paid_twice(server.requests)) <= 5 * 2 * CONCURRENCY

    def test_signals_end_it_when_its_open_requests_are_answered(
        self, server: OpenAIServer, start: Callable[..., Command], reference: Reference, tmp_path: Path
    ) -> None:
        log = tmp_path / "run" / "run.log"
        for number in (signal.SIGINT, signal.SIGTERM):
            for to_group in (False, True):
                command = start()
                hold_from(server, len(server.requests) + 5)
                before = log.read_text().count("open requests")
                command.send(number, to_group)
                wait_until(lambda: log.read_text().count("open requests") > before)  # noqa: B023
                server.release()
                ended = command.wait()
                assert ended.status == 130
                assert ended.errors.splitlines() == [
                    f"Stopped by {number.name}. Run the same command again to go on: nothing that was answered is lost."
                ]
                assert set(answered(server.requests)) == stored(tmp_path / "run")
        assert start().wait().status == 0
        assert dataset(tmp_path / "run") == reference.dataset
        assert set(Counter(prompt_of(request.body) for request in server.requests).values()) == {1}

    def test_a_second_signal_does_not_wait_for_open_requests(
        self, server: OpenAIServer, start: Callable[..., Command], tmp_path: Path
    ) -> None:
        server.fault_rule = lambda body: HANG
        command = start()
        wait_until(lambda: server.in_flight)
        command.send(signal.SIGINT, to_group=False)
        wait_until(lambda: "open requests" in (tmp_path / "run" / "run.log").read_text())
        assert command.is_running
        command.send(signal.SIGINT, to_group=False)
        assert command.wait().status == 130

    def test_the_worker_of_a_step_and_the_main_process_killed_alone(
        self, server: OpenAIServer, start: Callable[..., Command], reference: Reference, tmp_path: Path
    ) -> None:
        server.hold(lambda request: question_of(request.body) == "classification")
        command = start()
        wait_until(lambda: any(question_of(request.body) == "classification" for request in server.requests))
        os.kill(command.processes()["identify"], signal.SIGKILL)
        server.release()
        ended = command.wait()
        assert ended.status == 1
        assert ended.errors.startswith("Error: The worker of step 'identify' was killed by signal 9 (SIGKILL).")

        command = start()
        hold_from(server, len(server.requests) + 8)
        assert len(command.processes()) > 1
        command.send(signal.SIGKILL, to_group=False)
        assert command.wait().status == -signal.SIGKILL  # `wait` sees the end of all workers

        server.release()
        assert start().wait().status == 0
        assert dataset(tmp_path / "run") == reference.dataset


class TestRefused:
    def test_a_wrong_key_is_an_error_before_any_work(
        self, server: OpenAIServer, start: Callable[..., Command], tmp_path: Path
    ) -> None:
        server.api_keys = {"another"}
        ended = start().wait()
        assert ended.status == 1
        assert ended.errors.startswith("Error: Step ")
        assert f"The endpoint {server.url} refuses the key" in ended.err
        assert server.requests == []
        assert not list((tmp_path / "run" / "completions").glob("*.sqlite"))

    def test_a_key_revoked_in_the_middle(
        self, server: OpenAIServer, start: Callable[..., Command], reference: Reference, tmp_path: Path
    ) -> None:
        server.faults = [None] * 20
        server.fault_rule = lambda body: status(401, f"Incorrect API key provided: {KEY}", code="invalid_api_key")
        ended = start().wait()
        assert ended.status == 1
        assert "The endpoint refuses the key (401)" in ended.err
        assert set(answered(server.requests)) == stored(tmp_path / "run")
        server.fault_rule = None
        assert start().wait().status == 0
        assert dataset(tmp_path / "run") == reference.dataset
        assert paid_twice(server.requests) == []

    def test_one_bad_request_costs_its_own_row_and_is_asked_again_by_the_next_run(
        self, server: OpenAIServer, start: Callable[..., Command], reference: Reference, tmp_path: Path
    ) -> None:
        culprits = Culprits(server, classification=[status(400, "no such thing")])
        ended = start().wait()
        assert ended.status == 3
        assert "1 requests failed. Run the same command: it asks for those, and nothing else." in ended.out
        assert reasons(tmp_path / "run") == {("classification", "bad_request"): 1}
        (culprit,) = culprits.prompts
        before = [prompt_of(request.body) for request in server.requests]
        assert before.count(culprit) == 1

        server.fault_rule = None
        assert start().wait().status == 0
        asked = [prompt_of(request.body) for request in server.requests[len(before) :]]
        assert asked[0] == culprit
        assert len(asked) <= 2  # and for the instances of that instruction
        assert dataset(tmp_path / "run") == reference.dataset

    def test_a_bootstrap_request_given_up_stays_given_up(
        self, server: OpenAIServer, start: Callable[..., Command], tmp_path: Path
    ) -> None:
        culprits = Culprits(server, bootstrap=[status(400, "no such thing")])
        start().wait()
        server.fault_rule = None
        number = len(server.requests)
        start("--num-instructions", str(NUM_INSTRUCTIONS + 6)).wait()
        assert len(server.requests) > number
        assert not set(culprits.prompts) & {prompt_of(request.body) for request in server.requests[number:]}
        assert reasons(tmp_path / "run") == {("bootstrap", "bad_request"): 1}


class Culprits:
    """Requests that a fault meets each time they are sent: the first prompts of each question, one for each fault."""

    def __init__(self, server: OpenAIServer, **faults: list[Fault]) -> None:
        self.prompts: dict[str, Fault] = {}
        self._faults = faults
        server.fault_rule = self.fault

    def fault(self, body: Body) -> Fault | None:
        prompt, waiting = prompt_of(body), self._faults.get(question_of(body))
        if prompt not in self.prompts and waiting:
            self.prompts[prompt] = waiting.pop(0)
        return self.prompts.get(prompt)


class TestFaults:
    def test_answers_that_cannot_be_used_have_their_reasons(
        self, server: OpenAIServer, start: Callable[..., Command], tmp_path: Path
    ) -> None:
        culprits = Culprits(
            server,
            classification=[
                html(),
                TRUNCATED,
                garbage({"choices": []}),
                HANG,
                status(400, "maximum context length exceeded"),  # and asked again with fewer shots
                status(400, "refused by the content filter"),
            ],
        )
        server.answer = FirstOfTwoExamplesIsAll()
        assert start("--timeout", "5").wait().status == 3
        assert reasons(tmp_path / "run") == {
            ("classification", "invalid_response"): 3,
            ("classification", "timeout"): 1,
            ("classification", "content_filter"): 1,
            ("instances", "truncated"): 1,
        }
        times = Counter(prompt_of(request.body) for request in server.requests)
        assert [times[prompt] for prompt in culprits.prompts] == [3, 3, 3, 3, 1, 1]

    def test_requests_that_break_the_server_are_given_up_while_it_serves_others(
        self, server: OpenAIServer, start: Callable[..., Command], tmp_path: Path
    ) -> None:
        Culprits(server, output_first=[status(500)], input_first=[CUT])
        ended = start("--outage", "1").wait()
        assert ended.status == 3
        assert "2 requests failed" in ended.out
        assert reasons(tmp_path / "run") == {("instances", "server_error"): 2}

    def test_429_with_retry_after_is_waited_for(
        self, server: OpenAIServer, start: Callable[..., Command], reference: Reference, tmp_path: Path
    ) -> None:
        server.faults = [None, None, status(429, retry_after=2), status(429, retry_after=2)]
        assert start().wait().status == 0
        assert dataset(tmp_path / "run") == reference.dataset
        for refused in (request for request in server.requests if request.status == 429):
            again = next(
                r for r in server.requests[refused.number + 1 :] if prompt_of(r.body) == prompt_of(refused.body)
            )
            assert again.started - refused.started >= 2

    def test_an_outage_loses_nothing(
        self, server: OpenAIServer, start: Callable[..., Command], reference: Reference, tmp_path: Path
    ) -> None:
        command = start()
        hold_from(server, 20)
        server.outage(2)
        server.release()
        assert command.wait().status == 0
        assert dataset(tmp_path / "run") == reference.dataset
        assert paid_twice(server.requests) == []

    def test_an_outage_that_lasts_ends_the_run_with_what_it_has(
        self, server: OpenAIServer, start: Callable[..., Command], reference: Reference, tmp_path: Path
    ) -> None:
        command = start("--outage", "1")
        hold_from(server, 20)
        server.outage()
        ended = command.wait()
        assert ended.status == 3
        assert "It stopped because the endpoint did not answer any more. Run the same command to go on." in ended.out
        assert set(answered(server.requests)) == stored(tmp_path / "run")
        with OpenAIServer(answer=answer) as another:
            assert start(url=another.url).wait().status == 0
            assert dataset(tmp_path / "run") == reference.dataset
            assert paid_twice(server.requests + another.requests) == []


class FirstOfTwoExamplesIsAll:
    """An answer function whose first answer with two examples is cut in the second one, for its length."""

    def __init__(self) -> None:
        self._prompt: str | None = None

    def __call__(self, body: Body) -> Answer:
        text, prompt = answer(body), prompt_of(body)
        if self._prompt is None and text.startswith("Example 1") and text.count("Output:") == 2:
            self._prompt = prompt
        return Answer(text, "length" if prompt == self._prompt else "stop")


class TestLimits:
    def test_a_larger_number_asks_only_for_what_is_new(
        self, server: OpenAIServer, start: Callable[..., Command], reference: Reference, tmp_path: Path
    ) -> None:
        assert start("--num-instructions", "12").wait().status == 0
        assert start().wait().status == 0
        assert dataset(tmp_path / "run") == reference.dataset
        assert paid_twice(server.requests) == []

        number = len(server.requests)
        assert start().wait().status == 0
        assert len(server.requests) == number

    def test_a_budget_ends_the_run_cleanly(
        self, server: OpenAIServer, start: Callable[..., Command], reference: Reference, tmp_path: Path
    ) -> None:
        budget = 15_000
        ended = start("--max-tokens-total", str(budget)).wait()
        assert ended.status == 3
        assert "It stopped because the budget is used up. Run the same command with a larger one to go on." in ended.out
        spent = json.loads((tmp_path / "run" / "summary.json").read_text())["usage"].values()
        assert sum(stage["requests"] for stage in spent) == len(server.requests)
        tokens = sorted(len(prompt_of(request.body).split()) for request in server.requests)
        assert sum(tokens[:-CONCURRENCY]) < budget

        assert start("--max-tokens-total", "1000000").wait().status == 0
        assert dataset(tmp_path / "run") == reference.dataset
        assert paid_twice(server.requests) == []

    def test_a_full_disk_is_an_error_and_nothing_half_written_is_believed(
        self, server: OpenAIServer, start: Callable[..., Command], reference: Reference, tmp_path: Path
    ) -> None:
        ended = start(limit=20_000).wait()
        assert ended.status == 1
        assert "could not be written (File too large). Run the same command again" in ended.err
        ended = start(limit=40_000).wait()  # bytes of a file: the pool has more, at the end of its loop
        assert ended.status == 1
        assert "pool.jsonl: could not be written (File too large). Run the same command again" in ended.err
        before, number = stored(tmp_path / "run"), len(server.requests)

        assert start().wait().status == 0
        assert dataset(tmp_path / "run") == reference.dataset
        assert not before & {prompt_of(request.body) for request in server.requests[number:]}

    def test_the_endpoint_never_sees_more_in_flight_and_no_stage_waits_for_another_to_end(
        self, server: OpenAIServer, start: Callable[..., Command]
    ) -> None:
        def later_stages_first(body: Body) -> Fault | None:
            asked = Counter(question_of(request.body) for request in server.requests)
            is_late = question_of(body) == "bootstrap" and asked["bootstrap"] > 20
            return status(503) if is_late and len(asked) < 4 else None

        server.latency, server.sigma, server.fault_rule = 0.5, 0.5, later_stages_first
        assert start("--num-instructions", "80", "--lag", "32", "--concurrency", "16").wait().status == 0
        assert server.max_in_flight == 16


class TestDamaged:
    """A run folder that cannot be believed is an error that names the file, before anything is asked."""

    @pytest.mark.parametrize(
        ("file", "said"),
        [
            ("config.yaml", "is damaged; restore it from a copy, or choose another folder."),
            ("summary.json", "is damaged; delete it, and the run is put together again."),
            ("completions/bootstrap-1-1.sqlite", "this file of completions is damaged"),
            ("completions/another-1-1.sqlite", "this file of completions is damaged"),
        ],
    )
    def test_a_file_that_is_something_else(
        self, reference: Reference, tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str, said: str
    ) -> None:
        folder = tmp_path / "run"
        shutil.copytree(reference.folder, folder)
        (folder / file).write_text("{ [ not what one would expect here" * 30)
        assert self.run(folder) == 1
        assert self.error(folder, capsys).startswith(f"Error: {folder / file}: {said}")

    def test_completions_that_were_cut_off(
        self, reference: Reference, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        folder = tmp_path / "run"
        shutil.copytree(reference.folder, folder)
        (cut,) = (folder / "completions").glob("input_first-*.sqlite")
        cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
        assert self.run(folder) == 1
        assert self.error(folder, capsys).startswith(f"Error: {cut}: this file of completions is damaged")

    def test_a_folder_of_something_else(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "holiday.jpg").touch()
        assert self.run(tmp_path) == 1
        assert self.error(tmp_path, capsys).startswith(f"Error: {tmp_path}: is no run folder, and not empty")

    def run(self, folder: Path) -> int:
        """In this process: it comes to no request, and to no worker."""
        options = ["--llm", "openai", "--model", "stub-model", "--base-url", "http://127.0.0.1:9/v1", "--lag", "3"]
        return status_of("self_instruct", *options, "--num-instructions", NUM_INSTRUCTIONS + 1, "--out", folder)

    def error(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
        """What was said after the first line."""
        said, first = capsys.readouterr().err, first_line(folder, model="stub-model")
        assert said.startswith(first)
        return said.removeprefix(first)
