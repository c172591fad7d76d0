"""Folders of version 0.1.0 in which failures of the set-up or the service were stored as results: they recover."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from distilabel_selfinstruct.models.records import Record
from tests.models.test_records import store_as_before
from tests.support.answers import answer, prompt_of, question_of
from tests.support.commands import Command, dataset, stored
from tests.support.openai_server import Body, Fault, OpenAIServer, garbage, html, status

pytestmark = pytest.mark.slow

FAILURES = (
    ("bad_request", "400: `temperature` and `top_p` cannot both be specified for this model."),
    ("bad_request", "400: Error code: 400 - [{'error': {'message': 'Unknown name \"top_p\"'}}]"),
    ("not_found", "404: no route /chat/completions"),
    ("invalid_response", "the endpoint's answer cannot be used, no JSON: Expecting value: <html>"),
    ("content_filter", "the model gave no text: finish reason stop"),
    ("server_error", "500: upstream"),
    ("timeout", "no answer in time"),
    ("model_error", "unexpected keyword argument"),
)
COLUMNS = (
    "key", "sample", "prompt", "completion", "finish_reason", "input_tokens", "output_tokens", "model", "started",
    "seconds",
)  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer(answer=answer) as server:
        yield server


def run(server: OpenAIServer, folder: Path, *options: str) -> int:
    command = Command(server.url, folder, *options)
    try:
        return command.wait().status
    finally:
        command.end()


@pytest.fixture(scope="module")
def whole(server: OpenAIServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing happens to."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    assert run(server, folder) == 0
    return folder


def poisoned(whole: Path, folder: Path, share: float, *failures: tuple[str, str]) -> Path:
    """The folder as 0.1.0 would have left it, if this share of the bootstrap's requests had failed, at its end."""
    (folder / "completions").mkdir(parents=True)
    shutil.copy(whole / "config.yaml", folder)
    draw = Random(0)
    for path in sorted((whole / "completions").glob("bootstrap-*.sqlite")):
        with closing(sqlite3.connect(path)) as connection:
            columns = ", ".join(COLUMNS).replace("prompt", "coalesce(prefixes.text, '') || prompt")
            read = f"SELECT {columns} FROM completions LEFT JOIN prefixes ON prefixes.id = prefix_id"
            rows = connection.execute(read).fetchall()
        records = [Record(parameters="{}", reason=None, detail=None, **dict(zip(COLUMNS, row))) for row in rows]
        for at, record in enumerate(records):
            if draw.random() < share:
                reason, detail = draw.choice(failures)
                records[at] = replace(record, completion=None, finish_reason=None, reason=reason, detail=detail)
        store_as_before(folder / "completions", *records, name=path.stem.split("-", 1)[1])
    return folder


def test_the_same_command_gives_what_a_run_gives_that_was_never_disturbed(
    server: OpenAIServer, whole: Path, tmp_path: Path
) -> None:
    folder, before = poisoned(whole, tmp_path / "run", 0.6, *FAILURES), len(server.requests)
    kept = stored(folder)
    assert kept
    assert run(server, folder) == 0
    assert dataset(folder) == dataset(whole)
    asked = {prompt_of(request.body) for request in server.requests[before:]}
    assert not kept & asked
    assert {question_of(request.body) for request in server.requests[before:]} >= {"bootstrap"}


def test_so_it_does_where_every_request_had_failed(server: OpenAIServer, whole: Path, tmp_path: Path) -> None:
    folder = poisoned(whole, tmp_path / "run", 1.0, ("bad_request", "400: no"))
    assert not stored(folder)
    assert run(server, folder) == 0
    assert dataset(folder) == dataset(whole)


DISTURBANCES: dict[str, Callable[[int], Fault | None]] = {
    "refused from the start": lambda number: status(400, "Argument not supported on this model: presencePenalty"),
    "a gateway goes mad": lambda number: html() if number > 8 else None,
    "nonsense": lambda number: garbage({"status": "starting"}) if number > 8 else None,
    "no balance": lambda number: status(402, "Insufficient credits") if number > 8 else None,
    "a page for a path": lambda number: html(404) if number > 8 else None,
}


@pytest.mark.parametrize("disturbance", DISTURBANCES.values(), ids=DISTURBANCES)
def test_a_run_that_is_disturbed_now_goes_on_where_it_was(
    server: OpenAIServer, whole: Path, tmp_path: Path, disturbance: Callable[[int], Fault | None]
) -> None:
    before = len(server.requests)

    def fault(body: Body) -> Fault | None:
        return disturbance(len(server.requests) - before)

    server.fault_rule = fault
    try:
        assert run(server, tmp_path / "run", "--outage", "3") != 0
    finally:
        server.fault_rule = None
    assert run(server, tmp_path / "run") == 0
    assert dataset(tmp_path / "run") == dataset(whole)
