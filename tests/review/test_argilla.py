"""Review in a real Argilla server, from the push to the next run's seed tasks; search is emulated."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct.data.seeds import load_seed_tasks
from distilabel_selfinstruct.review import (
    ReviewError,
    pull_answers,
    pull_review,
    push_answers,
    push_review,
    quality_table,
    render_quality,
)
from distilabel_selfinstruct.review import review_seeds as write_seeds
from distilabel_selfinstruct.review.store import ReviewStore
from tests.conftest import Script, ScriptRun
from tests.evaluation.evaluations import CAPITALS, predicted
from tests.review.runs import CAPITAL, JOKE, SIGN, bootstrap_prompts, instance, make_run, record_id
from tests.support.argilla_stack import CHROMIUM, ArgillaStack, missing

httpx = pytest.importorskip("httpx")
rg = pytest.importorskip("argilla", reason='needs the SDK: pip install "distilabel-selfinstruct[argilla]"')

pytestmark = [
    pytest.mark.slow,
    # The SDK's own use of pydantic, of its models and of unnamed workspaces.
    pytest.mark.filterwarnings("ignore:Support for class-based `config` is deprecated"),
    pytest.mark.filterwarnings("ignore:.*shadows an attribute in parent"),
    pytest.mark.filterwarnings("ignore:`user_id` not provided"),
]

MARKED_UP = instance(
    4, "What does <b>this</b> tag do?\n\n  Answer in  one word & no more.", "<noinput>\n\t&amp; x < y", "*Bold* $it$"
)


@dataclass
class Workplace:
    """A workspace of its own on the server."""

    stack: ArgillaStack
    client: Any
    workspace: Any
    open: ExitStack

    @property
    def options(self) -> dict[str, str]:
        return {"argilla_url": self.stack.url, "api_key": self.stack.OWNER_KEY}

    def push(self, run: Path, **options: Any) -> Any:
        return push_review(run, workspace=self.workspace.name, **{**self.options, **options})

    def records(self, name: str) -> dict[str, Any]:
        records = list(self.client.datasets(name, workspace=self.workspace).records(with_responses=True))
        by_id = {record.id: record for record in records}
        assert len(by_id) == len(records)
        return by_id

    def annotator(self, name: str) -> Annotator:
        """A new user of the workspace; closed with it."""
        user = rg.User(username=f"{name}-{uuid.uuid4().hex[:8]}", role="annotator", password="12345678",
                       client=self.client).create()  # fmt: skip
        user.add_to_workspace(self.workspace)
        key = self.client.api.http_client.get(f"/api/v1/users/{user.id}").json()["api_key"]
        http = self.open.enter_context(httpx.Client(base_url=self.stack.url, headers={"X-Argilla-Api-Key": key}))
        return Annotator(http, user.username)


@dataclass(frozen=True)
class Annotator:
    """Somebody who answers, as the page does it."""

    http: Any
    name: str

    def answer(self, record: Any, letters: str, status: str = "submitted", **corrections: str) -> None:
        names = ("valid_task", "appropriate_input", "correct_output")
        values: Mapping[str, str] = {
            **{name: {"y": "yes", "n": "no"}[letter] for name, letter in zip(names, letters)}, **corrections
        }  # fmt: skip
        sent = {"values": {name: {"value": value} for name, value in values.items()}, "status": status}
        self.http.post(f"/api/v1/records/{record._server_id}/responses", json=sent).raise_for_status()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArgillaStack]:
    if why := missing():
        pytest.skip(why)
    with ArgillaStack(tmp_path_factory.mktemp("argilla")) as stack:
        yield stack
        assert stack.unsupported_searches() == []


@pytest.fixture
def workplace(stack: ArgillaStack) -> Iterator[Workplace]:
    client = rg.Argilla(api_url=stack.url, api_key=stack.OWNER_KEY)
    workspace = rg.Workspace(name=f"test-{uuid.uuid4().hex[:8]}", client=client).create()
    with ExitStack() as open_connections:
        open_connections.callback(client.http_client.close)
        yield Workplace(stack, client, workspace, open_connections)


# The loop


def test_a_push_of_a_thousand_records_that_was_cut_is_completed_by_the_next_and_one_more_adds_nothing(
    workplace: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(tmp_path / "thousand", [instance(n, f"Double the number {n}.", "", str(2 * n)) for n in range(1000)])
    with monkeypatch.context() as patched:
        patched.setattr(workplace.client.api.records.__class__, "bulk_upsert", cut_after(1))
        with pytest.raises(ReviewError, match=r"cannot be reached .*Nothing is lost: run the same command again"):
            workplace.push(run, sample=None)
    assert len(workplace.records("thousand")) == 500

    completed = workplace.push(run, sample=None)
    assert (completed.records, completed.added, completed.population) == (1000, 500, 1000)
    assert workplace.push(run, sample=None).added == 0
    records = workplace.records("thousand")
    assert len(records) == 1000
    assert records[record_id(instance(7, "Double the number 7.", "", "14"))].fields == {
        "instruction": "Double the number 7.", "input": "", "output": "14"
    }  # fmt: skip


def cut_after(requests: int) -> Any:
    """`RecordsAPI.bulk_upsert` that loses the connection after so many requests."""
    from argilla._api import RecordsAPI

    real, made = RecordsAPI.bulk_upsert, []

    def bulk_upsert(self: Any, *arguments: Any, **options: Any) -> Any:
        if len(made) == requests:
            raise httpx.ReadError("Connection reset by peer")
        made.append(1)
        return real(self, *arguments, **options)

    return bulk_upsert


def test_two_annotators_give_the_table_that_a_human_computes(workplace: Workplace, tmp_path: Path) -> None:
    run = make_run(tmp_path / "judged", [instance(n, f"Double the number {n}.", "", str(2 * n)) for n in range(12)])
    workplace.push(run, annotators=2)
    anna, ben = workplace.annotator("anna"), workplace.annotator("ben")
    records = [record for _, record in sorted(workplace.records("judged").items())]
    for record, letters_of_anna, letters_of_ben in zip(
        records,
        ["yyy", "yyy", "yyy", "yyy", "yyy", "yyn", "yyn", "yny", "nyy", "yyy"],
        ["yyy", "yyy", "yyy", "yyy", "yyy", "yyn", "yyy", "yny", "nyn"],
    ):
        anna.answer(record, letters_of_anna)
        ben.answer(record, letters_of_ben)
    anna.answer(records[9], "yyy")
    ben.answer(records[9], "nnn", status="draft")
    ben.answer(records[10], "nnn", status="discarded")

    quality = pull_review(run, **workplace.options)

    # Two answers a record: of records 6 and 8 one says yes and one no to the output, which is not more than half.
    assert quality_table(quality).rows == [
        ["valid task", "8", "9", "89%", "57–98%", "92%"],
        ["appropriate input", "8", "9", "89%", "57–98%", "79%"],
        ["correct output", "6", "9", "67%", "35–88%", "58%"],
        ["all three right", "5", "9", "56%", "27–81%", "54%"],
    ]
    # Output: 4 of 18 answers in pairs that differ, 2 * 4 * 14 / (18 * 17) of them by chance: 1 - (4/18) / (112/306).
    assert quality.agreement == {
        "valid_task": 1.0, "appropriate_input": 1.0, "correct_output": pytest.approx(1 - (4 / 18) / (112 / 306))
    }  # fmt: skip
    assert (quality.records, quality.waiting, quality.population) == (9, 1, 12)
    assert dict(quality.annotators) == {"annotator-1": 9, "annotator-2": 9}
    assert "all three right        5   9    56%        27–81%                  54%" in render_quality(quality)
    assert ben.name not in (run / "review" / "answers.jsonl").read_text()


def test_pulling_again_adds_what_is_new_and_takes_out_what_was_taken_back(workplace: Workplace, tmp_path: Path) -> None:
    run = make_run(tmp_path / "again", [CAPITAL, SIGN, JOKE])
    workplace.push(run)
    anna, records = workplace.annotator("anna"), workplace.records("again")
    anna.answer(records[record_id(CAPITAL)], "yyy", corrected_instruction="Name the capital of this country.")
    assert pull_review(run, **workplace.options).records == 1
    anna.answer(records[record_id(SIGN)], "yyy")
    assert pull_review(run, **workplace.options).records == 2
    [response] = workplace.records("again")[record_id(SIGN)].responses["valid_task"]
    assert response.value == "yes"
    taken_back = anna.http.post(
        "/api/v1/me/responses/bulk",
        json={"items": [{"record_id": str(records[record_id(SIGN)]._server_id), "status": "discarded"}]},
    )
    taken_back.raise_for_status()
    assert pull_review(run, **workplace.options).records == 1


def test_answers_stay_when_the_server_loses_its_storage(workplace: Workplace, tmp_path: Path) -> None:
    run = make_run(tmp_path / "lost", [CAPITAL, SIGN])
    workplace.push(run)
    workplace.annotator("anna").answer(workplace.records("lost")[record_id(CAPITAL)], "yyy")
    pull_review(run, **workplace.options)
    workplace.client.datasets("lost", workspace=workplace.workspace).delete()
    with pytest.raises(ReviewError, match=r"there is no dataset 'lost' .* What was pulled before is kept"):
        pull_review(run, **workplace.options)
    assert workplace.push(run).added == 2
    assert pull_review(run, **workplace.options).records == 1


def test_annotators_can_filter_by_what_is_known_of_a_record(workplace: Workplace, tmp_path: Path) -> None:
    workplace.push(make_run(tmp_path / "filtered", [CAPITAL, SIGN, JOKE]))
    dataset = workplace.client.datasets("filtered", workspace=workplace.workspace)
    assert dict(workplace.records("filtered")[record_id(SIGN)].metadata) == {
        "kind": "classification", "round": 2, "max_similarity": 0.25, "instruction_words": 6, "input_words": 1,
        "output_words": 1, "model": "demo", "preset": "default",
    }  # fmt: skip
    late = rg.Query(filter=rg.Filter([("metadata.kind", "==", "other"), ("metadata.round", ">=", 2)]))
    assert [record.id for record in dataset.records(query=late)] == [record_id(JOKE)]


def test_a_dataset_that_was_never_finished_is_made_anew(workplace: Workplace, tmp_path: Path) -> None:
    draft = {"name": "half", "workspace_id": str(workplace.workspace.id)}
    workplace.client.api.http_client.post("/api/v1/datasets", json=draft).raise_for_status()
    assert workplace.push(make_run(tmp_path / "half", [CAPITAL])).added == 1


def test_reviewed_tasks_are_shown_in_the_prompts_of_the_next_run(
    workplace: Workplace, demo_run: ScriptRun, script: Script, seed_file: str, tmp_path: Path
) -> None:
    run = tmp_path / "first"
    shutil.copytree(demo_run.folder, run)
    pushed = workplace.push(run, sample=40)
    assert (pushed.records, pushed.population) == (40, len(demo_run.rows("instances")))
    anna = workplace.annotator("anna")
    for record in workplace.records("first").values():
        anna.answer(record, "yyy")
    assert pull_review(run, **workplace.options).records == 40

    reviewed = tmp_path / "more.jsonl"
    assert write_seeds(run, reviewed, [Path(seed_file)]) == len(load_seed_tasks(reviewed)) > 10

    next_run = tmp_path / "next"
    assert script("--seeds", seed_file, reviewed, "--out", next_run).returncode == 0
    prompts = bootstrap_prompts(next_run)
    assert any(task.instruction in prompt for prompt in prompts for task in load_seed_tasks(reviewed))


# The step


def test_the_step_sends_rows_of_any_pipeline_once(workplace: Workplace) -> None:
    from distilabel.steps import LoadDataFromDicts

    from distilabel_selfinstruct.engine.pipelines import Pipeline
    from distilabel_selfinstruct.review.step import SelfInstructToArgilla

    rows = [{**CAPITAL, "reject_reason": None}, {**SIGN, "reject_reason": "duplicate"}]
    options = {
        "dataset_name": "step", "dataset_workspace": workplace.workspace.name, "api_url": workplace.stack.url,
        "api_key": workplace.stack.OWNER_KEY,
    }  # fmt: skip
    with Pipeline("to-argilla") as pipeline:
        LoadDataFromDicts(data=rows) >> SelfInstructToArgilla(**options)
    pipeline.run(use_cache=False)

    again = SelfInstructToArgilla(**options)
    again.load()
    assert next(again.process(rows)) == rows
    again.unload()
    assert list(workplace.records("step")) == [record_id(CAPITAL)]


def test_sending_a_record_again_leaves_its_response_and_its_metadata(workplace: Workplace) -> None:
    from distilabel_selfinstruct.review.step import SelfInstructToArgilla

    step = SelfInstructToArgilla(
        dataset_name="again", dataset_workspace=workplace.workspace.name, api_url=workplace.stack.url,
        api_key=workplace.stack.OWNER_KEY, preset="alpaca",
    )  # fmt: skip
    step.load()
    next(step.process([SIGN]))
    workplace.annotator("anna").answer(workplace.records("again")[record_id(SIGN)], "yyn")
    next(step.process([SIGN]))
    step.unload()
    [record] = workplace.records("again").values()
    assert record.responses["correct_output"][0].value == "no"
    assert (record.status, record.metadata["kind"], record.metadata["preset"]) == (
        "completed",
        "classification",
        "alpaca",
    )


# Errors


def test_nobody_at_the_address(workplace: Workplace, tmp_path: Path) -> None:
    with pytest.raises(ReviewError, match=r"http://127.0.0.1:9: cannot be reached .* Is the server"):
        workplace.push(make_run(tmp_path / "run", [CAPITAL]), argilla_url="http://127.0.0.1:9")


def test_a_wrong_key(workplace: Workplace, tmp_path: Path) -> None:
    with pytest.raises(ReviewError, match="refuses the key; set ARGILLA_API_KEY"):
        workplace.push(make_run(tmp_path / "run", [CAPITAL]), api_key="wrong")


def test_no_key(workplace: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARGILLA_API_KEY", raising=False)
    with pytest.raises(ReviewError, match="set ARGILLA_API_KEY to your key"):
        workplace.push(make_run(tmp_path / "run", [CAPITAL]), api_key=None)


def test_an_annotators_key(workplace: Workplace, tmp_path: Path) -> None:
    key = workplace.annotator("anna").http.headers["X-Argilla-Api-Key"]
    with pytest.raises(ReviewError, match="this key may not do that; use that of an owner or admin"):
        workplace.push(make_run(tmp_path / "run", [CAPITAL]), api_key=key)


def test_no_such_workspace(workplace: Workplace, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", [CAPITAL])
    with pytest.raises(ReviewError, match=f"no workspace 'nowhere'; there are: .*{workplace.workspace.name}"):
        push_review(run, workspace="nowhere", **workplace.options)


def test_a_dataset_of_that_name_with_other_questions(workplace: Workplace, tmp_path: Path) -> None:
    other = rg.Settings(fields=[rg.TextField("text")], questions=[rg.LabelQuestion("mood", labels=["good", "bad"])])
    rg.Dataset("taken", workspace=workplace.workspace, settings=other, client=workplace.client).create()
    with pytest.raises(ReviewError, match=r"'taken' asks something else: it has fields text; questions .*mood"):
        workplace.push(make_run(tmp_path / "taken", [CAPITAL]))
    assert workplace.records("taken") == {}


def test_somebody_elses_draft_of_that_name_is_left_alone(workplace: Workplace, tmp_path: Path) -> None:
    http = workplace.client.api.http_client
    draft = {"name": "draft", "workspace_id": str(workplace.workspace.id)}
    made = http.post("/api/v1/datasets", json=draft).raise_for_status().json()
    address = f"/api/v1/datasets/{made['id']}"
    field = {"name": "text", "title": "Text", "required": True, "settings": {"type": "text"}}
    http.post(f"{address}/fields", json=field).raise_for_status()
    with pytest.raises(ReviewError, match="'draft' asks something else: it has fields text"):
        workplace.push(make_run(tmp_path / "draft", [CAPITAL]))
    http.get(address).raise_for_status()


def test_a_dataset_of_that_name_with_the_records_of_another_run(workplace: Workplace, tmp_path: Path) -> None:
    workplace.push(make_run(tmp_path / "one", [CAPITAL, SIGN]), name="shared")
    with pytest.raises(ReviewError, match=r"'shared' holds 2 records of another run. Nothing was changed"):
        workplace.push(make_run(tmp_path / "other", [JOKE]), name="shared")


def test_another_number_of_annotators_than_the_dataset_has(workplace: Workplace, tmp_path: Path) -> None:
    run = make_run(tmp_path / "number", [CAPITAL])
    workplace.push(run, annotators=2)
    with pytest.raises(ReviewError, match=r"needs 2 annotators, and 3 were asked for.* use --annotators 2"):
        workplace.push(run, annotators=3)


def test_an_address_where_something_else_answers(workplace: Workplace, tmp_path: Path) -> None:
    with pytest.raises(ReviewError, match="does not answer as an Argilla server does"):
        workplace.push(make_run(tmp_path / "run", [CAPITAL]), argilla_url=f"{workplace.stack.url}/nothing")


def test_records_that_changed_after_they_were_pushed(workplace: Workplace, tmp_path: Path) -> None:
    run = make_run(tmp_path / "changed", [CAPITAL, SIGN])
    workplace.push(run)
    anna = workplace.annotator("anna")
    for record in workplace.records("changed").values():
        anna.answer(record, "yyy")
    make_run(run, [CAPITAL, {**SIGN, "output": "below zero"}])
    quality = pull_review(run, **workplace.options)
    assert quality.records == 1
    assert quality.notes[0].startswith("1 reviewed records have changed in the dataset since they were pushed")
    assert len(ReviewStore(run).answers()) == 2
    assert workplace.push(run).added == 1


# The page


def test_an_annotator_answers_on_the_page(workplace: Workplace, tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    if not Path(CHROMIUM).exists():
        pytest.skip(f"needs {CHROMIUM}: tests/integration/install_argilla.sh FOLDER installs it")
    run = make_run(tmp_path / "page", [MARKED_UP | {"title": None, "document": "The <b> of HTML."}])
    address = workplace.push(run).address
    anna = workplace.annotator("anna")

    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        page = browser.new_page(viewport={"width": 1440, "height": 1200})
        page.route("**/*", lambda route: stay_at(workplace.stack.url, route))
        sign_in(page, workplace.stack.url, anna.name, "12345678")
        page.goto(address)
        page.get_by_text("What does").first.wait_for()
        text = page.locator("body").inner_text()
        for name in ("instruction", "input", "output"):
            assert MARKED_UP[name] in text
        assert "Document\nThe <b> of HTML." in text

        page.get_by_text("Guidelines").first.click()
        page.get_by_text("To take an input away, write <noinput>.").wait_for()
        page.get_by_text("Guidelines").first.click()

        yes, no = page.get_by_text("Yes", exact=True), page.get_by_text("No", exact=True)
        yes.nth(0).click()
        yes.nth(1).click()
        no.nth(2).click()
        box = page.locator("[contenteditable=true]").nth(2)
        box.click()
        page.keyboard.press("Control+A")
        page.keyboard.type("It makes text <b>bold</b>.\nSee  HTML.")
        page.screenshot(path=str(tmp_path / "page.png"))
        with page.expect_response(lambda response: "/responses" in response.url and response.request.method != "GET"):
            page.get_by_role("button", name="Submit").click()
        browser.close()

    quality = pull_review(run, **workplace.options)
    [answer] = ReviewStore(run).answers()
    assert dict(answer.verdicts) == {"valid_task": True, "appropriate_input": True, "correct_output": False}
    assert dict(answer.corrections) == {"output": "It makes text <b>bold</b>.\nSee  HTML."}
    assert quality.records == 1


def sign_in(page: Any, url: str, name: str, password: str) -> None:
    page.goto(f"{url}/sign-in")
    page.locator("input").nth(0).fill(name)
    page.locator("input").nth(1).fill(password)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda address: "sign-in" not in address)


def stay_at(url: str, route: Any) -> None:
    """Lets the page ask nobody but the server."""
    if route.request.url.startswith(url):
        route.continue_()
    else:
        route.abort()


# The answers of evaluated models


def test_answers_are_rated_blind_by_two_and_come_back(workplace: Workplace, tmp_path: Path) -> None:
    predicted(tmp_path, "base", {"Peru": "Lima", "Chile": "<b>Paris</b>", "Kenya": "Paris"})
    predicted(tmp_path, "tuned", CAPITALS)
    folders = [tmp_path / "base", tmp_path / "tuned"]
    options: dict[str, Any] = {**workplace.options, "workspace": workplace.workspace.name}
    assert "7 answers to rate, 7 of them new: " in push_answers(folders, sample=None, annotators=2, **options)
    assert "7 answers to rate, 0 of them new: " in push_answers(folders, sample=None, annotators=2, **options)
    records = workplace.records("answers-rows")
    shown = [dict(record.fields) for record in records.values()]
    assert {"instruction", "response"} <= set(shown[0]) <= {"instruction", "input", "response"}
    assert "&lt;b&gt;Paris&lt;/b&gt;" in {fields["response"] for fields in shown}
    assert not {"base", "tuned"} & set(str([record.to_dict() for record in records.values()]).split())

    for name, of_wrong in (("anna", "D"), ("ben", "C")):
        annotator = workplace.annotator(name)
        for record in records.values():
            level = "A" if record.fields["response"] in CAPITALS.values() else of_wrong
            sent = {"values": {"level": {"value": level}}, "status": "submitted"}
            annotator.http.post(f"/api/v1/records/{record._server_id}/responses", json=sent).raise_for_status()
    found = pull_answers(folders, **options)
    assert [dict(each.counts) for each in found.rated] == [
        {"A": 1, "B": 0, "C": 0, "D": 2},
        {"A": 5, "B": 0, "C": 0, "D": 0},
    ]
    assert found.agreement is not None
    assert (found.agreement.answers, found.waiting) == (7, 0)
    assert found.agreement.spearman == pytest.approx(1)
    assert pull_answers(folders, **options) == found
