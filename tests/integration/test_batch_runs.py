"""Runs in batches, as a user starts them: the same dataset as without, whatever kills them on the way."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct.data.folder import RunFolder
from distilabel_selfinstruct.recipe import get_recipe
from tests.conftest import ROOT
from tests.support.answers import answer
from tests.support.batch_server import BatchServer, expired
from tests.support.commands import Command, dataset
from tests.support.openai_server import OpenAIServer
from tests.support.recipes import run_here
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def server() -> Iterator[BatchServer]:
    with BatchServer(answer=answer) as server:
        yield server


@pytest.fixture
def start(server: BatchServer, tmp_path: Path) -> Iterator[Callable[..., Command]]:
    commands: list[Command] = []

    def start(*options: str, folder: Path = tmp_path / "run") -> Command:
        commands.append(Command(f"{server.url}/v1", folder, *options))
        return commands[-1]

    yield start
    for command in commands:
        command.end()


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The dataset of a run without batches."""
    folder = tmp_path_factory.mktemp("reference") / "run"
    with OpenAIServer(answer=answer) as server, Command(server.url, folder) as command:
        assert command.wait().status == 0
        return dataset(folder)


class TestTheSame:
    def test_stages_in_batches(
        self, server: BatchServer, start: Callable[..., Command], reference: dict[str, bytes], tmp_path: Path
    ) -> None:
        ended = start("--batch").wait()
        assert (ended.status, ended.errors) == (0, "")
        assert dataset(tmp_path / "run") == reference
        assert len(server.batches) == 3  # classification, and the instances of both kinds
        assert {"batch": "stages", "stage": {}}.items() <= RunFolder(tmp_path / "run").config().items()
        assert not (tmp_path / "run" / "batches").exists()

    def test_a_loop_too_round_by_round(
        self, server: BatchServer, start: Callable[..., Command], reference: dict[str, bytes], tmp_path: Path
    ) -> None:
        assert start("--batch", "all").wait().status == 0
        assert dataset(tmp_path / "run") == reference
        assert server.singles == []
        assert len(server.batches[0].rows) == 3  # the lag

    def test_a_single_stage(
        self, server: BatchServer, start: Callable[..., Command], reference: dict[str, bytes], tmp_path: Path
    ) -> None:
        assert start("--stage", "output_first.batch=true").wait().status == 0
        assert dataset(tmp_path / "run") == reference
        assert len(server.batches) == 1

    def test_a_run_begun_without_goes_on_in_batches(
        self, server: BatchServer, start: Callable[..., Command], reference: dict[str, bytes], tmp_path: Path
    ) -> None:
        command = start()
        wait_until(lambda: len(server.singles) > 12)
        command.send(signal.SIGKILL, to_group=True)
        command.wait()
        assert start("--batch").wait().status == 0
        assert dataset(tmp_path / "run") == reference

    def test_what_is_lost_and_what_expires_is_asked_again(
        self, server: BatchServer, start: Callable[..., Command], reference: dict[str, bytes], tmp_path: Path
    ) -> None:
        server.changes = [lambda rows: [*map(expired, rows[9:]), *reversed(rows[:6])]]
        server.ends = ["expired"]
        assert start("--batch").wait().status == 0
        assert dataset(tmp_path / "run") == reference
        assert [len(batch.rows) for batch in server.batches[:2]] == [15, 9]

    def test_anthropics_batches(self, server: BatchServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # it would fetch its table when it is imported
        pytest.importorskip("litellm", reason="needs the extra litellm")
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-api03-5rJq1w8mZbT0yK2d")
        options = ["--llm", "litellm", "--model", "anthropic/claude-x", "--base-url", server.url, "--lag", "3"]
        options += ["--num-instructions", "12", "--no-check"]
        single = run_here(get_recipe("self-instruct"), tmp_path / "single", *options)
        assert (single.status, server.batches) == (0, []), single.err
        batched = run_here(get_recipe("self-instruct"), tmp_path / "batched", *options, "--batch")
        assert batched.status == 0, batched.err
        assert dataset(tmp_path / "batched") == dataset(tmp_path / "single")
        assert [batch.id for batch in server.batches] == ["msgbatch_0", "msgbatch_1", "msgbatch_2"]

    def test_files_that_a_command_answers(
        self, start: Callable[..., Command], reference: dict[str, bytes], tmp_path: Path, server: BatchServer
    ) -> None:
        script = " ".join(map(shlex.quote, [sys.executable, str(ROOT / "tests" / "support" / "vllm_run_batch.py")]))
        command = f"PYTHONPATH={shlex.quote(str(ROOT))} {script} --answer tests.support.answers:answer"
        options = ["--llm", "vllm", "--batch-command", f"{command} -i {{input}} -o {{output}} --model {{model}}"]
        assert start("--batch", "all", *options).wait().status == 0
        assert dataset(tmp_path / "run") == reference
        assert (server.batches, server.singles) == ([], [])


class TestStopped:
    def test_kill_9_at_each_moment_and_the_same_command(
        self, server: BatchServer, start: Callable[..., Command], reference: dict[str, bytes], tmp_path: Path
    ) -> None:
        server.is_held = True
        command = start("--batch")
        for number in range(3):  # in each of the batches, as soon as it is there
            wait_until(lambda: len(server.batches) > number)  # noqa: B023
            command.send(signal.SIGKILL, to_group=True)
            assert command.wait().status == -signal.SIGKILL
            server.is_held = False
            command = start("--batch")
            if number < 2:
                wait_until(lambda: len(server.batches) > number + 1)  # noqa: B023
                server.is_held = True
        assert command.wait().status == 0
        assert dataset(tmp_path / "run") == reference
        assert len(set(server.asked)) == len(server.asked)

    def test_ctrl_c_leaves_the_batch_going_and_says_how_to_cancel_it(
        self, server: BatchServer, start: Callable[..., Command], reference: dict[str, bytes], tmp_path: Path
    ) -> None:
        server.is_held = True
        command = start("--batch")
        wait_until(lambda: server.batches and server.batches[0].looks)
        command.send(signal.SIGINT, to_group=True)
        ended = command.wait()
        assert ended.status == 130
        assert ended.errors.splitlines() == [
            "Stopped by SIGINT. Run the same command again to go on: nothing that was answered is lost.",
            "The batch batch_0 (15 requests of classification) goes on; to cancel it: curl -X POST"
            f' {server.url}/v1/batches/batch_0/cancel --oauth2-bearer "$OPENAI_API_KEY"',
        ]
        server.is_held = False
        assert start("--batch").wait().status == 0
        assert dataset(tmp_path / "run") == reference
        assert len(server.batches) == 3

    def test_a_budget_keeps_room_for_the_whole_batch(
        self, server: BatchServer, start: Callable[..., Command], tmp_path: Path
    ) -> None:
        ended = start("--batch", "--max-tokens-total", "12000").wait()
        assert ended.status == 3
        assert RunFolder(tmp_path / "run").summary().ended == "budget"
        used: Any = RunFolder(tmp_path / "run").summary().usage
        assert sum(each.input_tokens + each.output_tokens for each in used.values()) <= 12_000
        assert 0 < len(server.batches[0].rows) < 24
