"""`self-instruct view`: all of a run from its folder, also while it goes on, for this machine alone."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from distilabel_selfinstruct.cli import self_instruct
from distilabel_selfinstruct.data.folder import RunFolder
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.models.records import Record, Records, request_key
from distilabel_selfinstruct.recipe import get_recipe
from distilabel_selfinstruct.report.live import LiveRun
from distilabel_selfinstruct.report.server import ViewServer
from distilabel_selfinstruct.usage import PriceList, Prices
from tests.report.run_rows import INSTANCES, INSTRUCTIONS, REJECTED, SEEDS, whole_run, write_run
from tests.support.browser import browser_page
from tests.support.waiting import LIMIT

ROOT = Path(__file__).parents[2]


def record(number: int, completion: str | None, reason: str | None = None) -> Record:
    prompt = f"Come up with a task, number {number}."
    return Record(
        request_key("demo", prompt, "{}"), 0, prompt, "{}", completion, "stop", reason, reason, 100, 7, "demo",
        1_700_000_000.0 + number, 1.0,
    )  # fmt: skip


@pytest.fixture
def begun(tmp_path: Path) -> RunFolder:
    """A run that has begun: ten answers of its bootstrap are there, and no dataset."""
    folder = RunFolder(tmp_path / "begun")
    folder.make()
    folder.write_config({"recipe": "self-instruct"})
    prices = PriceList({"bootstrap": {"demo": Prices(2.0, 10.0)}})
    folder.write_description({"recipe": get_recipe("self-instruct").record(), "prices": prices.record()})
    answer(folder, range(10))
    return folder


def answer(folder: RunFolder, numbers: range) -> None:
    """Stores answers as a run does."""
    records = Records(folder.completions, "bootstrap")
    records.store([record(at, f"Write about the {at}th sea.") for at in numbers]).result()
    records.close()


@pytest.fixture
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ViewServer]:
    folder = getattr(request, "param", None) or whole_run(tmp_path / "run")
    yield from serve(RunFolder(folder))


def serve(folder: RunFolder) -> Iterator[ViewServer]:
    with ViewServer(LiveRun(folder)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(server: ViewServer, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=LIMIT)
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, body


def rows(server: ViewServer, query: str) -> dict[str, Any]:
    status, body = ask(server, f"/api/rows?{query}")
    assert status == 200, body
    found: dict[str, Any] = json.loads(body)
    return found


def test_rows_are_filtered_on_the_server(served: ViewServer) -> None:
    found = rows(served, "rows=rejected&stage=bootstrap&reason=similar")
    assert (found["total"], found["fit"]) == (6, 1)
    assert found["data"][0]["neighbour"] == "Write a poem about the sea."


def test_ranges_words_and_missing_values_choose_rows(served: ViewServer) -> None:
    assert rows(served, "rows=rejected&score=0.8..%3C0.85")["fit"] == 1
    assert rows(served, "rows=rejected&score=0.83..%3C0.83")["fit"] == 0
    assert rows(served, "rows=rejected&score=none")["fit"] == 5
    assert rows(served, "rows=instances&q=SEA%20blue")["fit"] == 1
    assert rows(served, "rows=instances&is_classification=yes")["fit"] == 2
    assert rows(served, "rows=instructions&is_classification=none")["fit"] == 1
    assert rows(served, "rows=instructions&verb=write")["fit"] == 2
    assert rows(served, "rows=instances&nothing=x")["fit"] == 0


def test_rows_are_sorted_and_paged_on_the_server(served: ViewServer) -> None:
    found = rows(served, "rows=instances&sort=-output&start=1&length=2")
    assert [row["output"] for row in found["data"]] == ["Oslo", "Kind"]
    assert found["fit"] == 5


def test_a_row_is_named_by_its_key(served: ViewServer) -> None:
    status, body = ask(served, f"/api/row?rows=instances&key={quote('000001-00-1')}")
    assert (status, json.loads(body)["input"]) == (200, "Go off now.")
    assert ask(served, "/api/row?rows=rejected&key=99")[0] == 404
    assert ask(served, "/api/row?rows=rejected&key=-1")[0] == 404


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1.evil.example", "localhost:1", ""])
def test_a_request_under_another_name_is_turned_away(host: str, served: ViewServer) -> None:
    assert ask(served, "/", Host=host)[0] == 403
    assert ask(served, "/api/state", Host=host)[0] == 403


def test_a_page_of_others_gets_nothing(served: ViewServer) -> None:
    assert ask(served, "/api/state", Origin="https://evil.example")[0] == 403
    assert ask(served, "/api/state", Origin=served.address.rstrip("/"))[0] == 200
    assert ask(served, "/api/state", Host=f"localhost:{served.server_port}")[0] == 200


@pytest.mark.parametrize(
    "path",
    ["/config.yaml", "/../config.yaml", "/%2e%2e/config.yaml", "//etc/passwd", "/api/row?rows=../config.yaml&key=0",
     "/api/rows?rows=/etc/passwd", "/api/rows?rows=instances&start=-1", "/api/rows?rows=instances&length=100000",
     "/api/rows?rows=instances&start=x", "/api/row?rows=answers&key=../../config:1"],
)  # fmt: skip
def test_no_request_reads_a_file(path: str, served: ViewServer) -> None:
    status, body = ask(served, path)
    assert status in (400, 404, 409)
    assert b"recipe:" not in body
    assert b"root:" not in body


def test_only_reading_is_served(served: ViewServer) -> None:
    assert ask(served, "/", "POST")[0] == 501
    assert ask(served, "/", "HEAD") == (200, b"")


def test_what_costs_nobody_knows_how_much_is_said(begun: RunFolder) -> None:
    begun.write_description({"recipe": get_recipe("self-instruct").record(), "prices": {"bootstrap": {"demo": None}}})
    assert LiveRun(begun).state()["words"].endswith("70 out; price unknown")


def test_a_run_that_has_begun_shows_its_answers_and_what_they_cost(begun: RunFolder) -> None:
    begun.write_progress("bootstrap", {"admitted": 20, "wanted": 80})
    state = LiveRun(begun).state()
    assert state["running"]
    assert state["share"] == 0.25
    begun.write_shares({"bootstrap": 0.5, "answers": 0.125})
    assert LiveRun(begun).state()["share"] == 0.125
    assert state["words"] == ("20 of 80 admitted in Bootstrap; 10 requests, 1,000 tokens in, 70 out; 0.0027 USD spent")
    assert state["stages"] == [{"title": "Bootstrap", "requests": 10, "failed": 0, "input": 1000, "output": 70}]
    assert [each["text"] for each in state["last"]] == [f"Write about the {at}th sea." for at in (9, 8, 7, 6, 5)]


def test_answers_are_searched_and_paged_the_newest_first(begun: RunFolder) -> None:
    answer(begun, range(10, 75))
    run = LiveRun(begun)
    found = run.rows("answers", {}, "", "", 50, 50)
    assert (found["total"], found["fit"], len(found["data"])) == (75, 75, 25)
    assert found["data"][-1]["completion"] == "Write about the 0th sea."
    assert run.rows("answers", {}, "number 7_", "", 0, 50)["fit"] == 0  # no wildcards
    assert run.rows("answers", {"stage": "bootstrap"}, "NUMBER 7 sea", "", 0, 50)["fit"] == 12  # 7 to 67, 70 to 74
    assert run.rows("answers", {}, "74th", "", 0, 50)["data"][0]["prompt"] == "Come up with a task, number 74."
    assert run.rows("answers", {"stage": "other"}, "", "", 0, 50)["fit"] == 0


def test_what_has_failed_is_found(begun: RunFolder) -> None:
    records = Records(begun.completions, "instances")
    records.store([record(99, None, "content_filter")]).result()
    records.close()
    run = LiveRun(begun)
    assert run.rows("answers", {"reason": "content_filter"}, "", "", 0, 50)["fit"] == 1
    assert run.rows("answers", {"reason": "none"}, "", "", 0, 50)["fit"] == 10
    assert [stage["failed"] for stage in run.state()["stages"]] == [0, 1]


def test_looking_on_does_not_keep_the_run_from_writing(begun: RunFolder) -> None:
    run, over = LiveRun(begun), threading.Event()

    def look() -> None:
        while not over.is_set():
            run.rows("answers", {}, "sea", "-seconds", 0, 50)

    thread = threading.Thread(target=look)
    thread.start()
    records = Records(begun.completions, "bootstrap")
    for at in range(100, 130):
        records.store([record(at, "x")]).result()
    records.close()
    over.set()
    thread.join()
    assert run.state()["version"] == 40


def test_the_dataset_appears_when_it_is_there(begun: RunFolder) -> None:
    run = LiveRun(begun)
    assert 'id="chart-funnel"' not in run.page()
    assert "There is no dataset yet" in run.page()
    before = run.state()["rebuilt"]
    write_run(begun.path / "made", instructions=INSTRUCTIONS, instances=INSTANCES, rejected=REJECTED, seeds=SEEDS)
    (begun.path / "made" / "dataset").rename(begun.dataset_path)
    assert run.state()["rebuilt"] != before
    assert 'id="chart-funnel"' in run.page()
    assert "There is no dataset yet" not in run.page()
    assert run.rows("rejected", {"reason": "similar"}, "", "", 0, 50)["fit"] == 1


def test_a_damaged_file_is_told_and_the_server_goes_on(begun: RunFolder) -> None:
    (begun.completions / "bootstrap-0-damaged.sqlite").write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    for server in serve(begun):
        status, body = ask(server, "/api/state")
        assert status == 409
        assert "damaged" in json.loads(body)["error"]


def test_a_port_that_is_taken_is_one_line(begun: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert self_instruct(["view", str(begun.path), "--port", str(port)]) == 1
    assert capsys.readouterr().err.startswith(f"Error: --port {port}: cannot be had (Address already in use)")
    with pytest.raises(ConfigError, match="--port 70000: cannot be had"):
        ViewServer(LiveRun(begun), 70000)


def test_what_is_no_run_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert self_instruct(["view", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith(f"Error: {tmp_path}: is no run folder")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(number: int, begun: RunFolder) -> None:
    command = [sys.executable, "-m", "distilabel_selfinstruct", "view", str(begun.path)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stdout is not None
    assert re.fullmatch(r"begun: http://127\.0\.0\.1:\d+/ \(Ctrl-C ends it\)\n", process.stdout.readline())
    process.send_signal(number)
    assert process.communicate(timeout=LIMIT) == ("", "")
    assert process.returncode == 0


@pytest.mark.slow
def test_a_run_is_watched_as_it_grows(begun: RunFolder) -> None:
    for server in serve(begun):
        with browser_page(server.address) as (tab, seen):
            tab.goto(server.address)
            tab.get_by_text("The run goes on").wait_for()
            assert tab.locator("#list .dt-info").inner_text() == "1 to 10 of 10"
            answer(begun, range(10, 60))
            tab.locator("#list .dt-info", has_text="1 to 50 of 60").wait_for()
            assert tab.locator("#list tbody tr").first.inner_text().startswith("Write about the 59th sea.")
            assert "60 requests, 6,000 tokens in, 420 out; 0.0162 USD spent" in tab.locator("#progress").inner_text()
            tab.locator("#progress .newest a").first.click()
            assert "number 59" in tab.locator("#row .text").first.inner_text()
            write_run(begun.path / "made", instructions=INSTRUCTIONS, instances=INSTANCES, rejected=REJECTED)
            (begun.path / "made" / "dataset").rename(begun.dataset_path)
            tab.get_by_role("tab", name="Rejected").click()
            tab.locator("#filter-reason").select_option("too_short")
            tab.locator("#list td.first", has_text="Sing.").wait_for()
            assert seen.errors == []
            assert seen.elsewhere == []


@pytest.mark.slow
def test_ten_thousand_rows_are_paged_on_the_server(tmp_path: Path) -> None:
    instances = [
        INSTANCES[0] | {"instance_id": f"{at:06}-00-0", "instruction": f"Write {at} lines.", "round": at // 100}
        for at in range(10_000)
    ]
    for server in serve(RunFolder(write_run(tmp_path / "run", instances=instances))):
        with browser_page(server.address) as (tab, seen):
            tab.goto(f"{server.address}#rows=instances&round=50..99&sort=-round")
            tab.locator("#list .dt-info", has_text="1 to 50 of 5,000").wait_for()
            tab.locator(".dt-paging-button.last").click()
            tab.locator("#list .dt-info", has_text="4,951 to 5,000 of 5,000").wait_for()
            tab.keyboard.press("j")
            assert tab.locator("#row .text").first.inner_text().startswith("Write 50")
            assert len(tab.content()) < 1_000_000
            assert seen.errors == []
