"""The few questions that a run with a real model begins with."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from distilabel_selfinstruct.cli import self_instruct
from distilabel_selfinstruct.data.folder import RunFolder
from tests.conftest import first_line, without_progress
from tests.support.answers import answer, question_of
from tests.support.commands import Command, dataset
from tests.support.openai_server import Body, OpenAIServer, Request
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")]

Start = Callable[..., int]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Runs eight instructions against a server, in this process and without a report."""

    def run(server: OpenAIServer, *options: object, folder: str = "run") -> int:
        given = ["run", "--llm", "openai", "--model", "stub-model", "--base-url", server.url]
        given += ["--num-instructions", "8", "--lag", "3", "--out", str(tmp_path / folder)]
        return self_instruct([*given, *map(str, options)])

    monkeypatch.setattr("distilabel_selfinstruct.report.write_report", lambda *args, **kwargs: None)
    return run


def say_yes(body: Body) -> str:
    return "Yes" if question_of(body) == "classification" else answer(body)


def chats(requests: list[Request]) -> list[Body]:
    return [request.body for request in requests if "messages" in request.body]


def test_what_is_wrong_is_told_and_the_dataset_is_the_same(
    start: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with OpenAIServer(answer=say_yes) as server:
        assert start(server) == 0
        said, asked = capsys.readouterr(), len(chats(server.requests))
        assert start(server, "--no-check", folder="unchecked") == 0
        asked_unchecked = len(chats(server.requests)) - asked
    first = first_line(tmp_path / "run", model="stub-model")
    told = without_progress(said.err).removeprefix(first).splitlines()
    assert told[0].startswith(
        "Before the run: It tells classification tasks from others no better than by guessing: right in 2 of 4 "
    )
    assert told[1:] == ["`self-instruct check` with the same options asks more questions; --no-check leaves these out."]
    assert asked == asked_unchecked + 6
    assert dataset(tmp_path / "run") == dataset(tmp_path / "unchecked")
    folder, unchecked = RunFolder(tmp_path / "run"), RunFolder(tmp_path / "unchecked")
    assert folder.config() == unchecked.config()
    usage = folder.summary().usage
    assert usage.pop("check").requests == 6
    assert {name: each.requests for name, each in usage.items()} == {
        name: each.requests for name, each in unchecked.summary().usage.items()
    }


def test_an_interrupted_run_asks_nothing_twice_and_may_be_given_other_options(tmp_path: Path) -> None:
    def verdicts() -> list[Body]:
        return [body for body in chats(server.requests) if question_of(body) == "classification"]

    with OpenAIServer(answer=answer) as server:
        server.hold(lambda request: "messages" in request.body and question_of(request.body) == "classification")
        with Command(server.url, tmp_path / "run", checked=True) as begun:
            wait_until(lambda: len(verdicts()) == 4)
            begun.send(signal.SIGINT, to_group=False)
            server.release()
            ended = begun.wait()
        assert (ended.status, ended.out) == (130, "")
        assert ended.errors == (
            "Stopped by SIGINT. Run the same command again to go on: nothing that was answered is lost.\n"
        )
        with Command(server.url, tmp_path / "run", "--temperature", "0.5", checked=True) as again:
            assert again.wait().status == 0
        asked = [str(body) for body in chats(server.requests)]
        assert len(asked) == len(set(asked))


def test_a_budget_without_room_leaves_them_out(start: Start, tmp_path: Path) -> None:
    with OpenAIServer(answer=say_yes) as server:
        start(server, "--max-tokens-total", 9_000)
    assert not RunFolder(tmp_path / "run").check_completions.exists()
