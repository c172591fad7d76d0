"""Review in a real Argilla server, from the push to the next run's seed tasks; search is emulated."""

from __future__ import annotations

import shutil
import sqlite3
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct.review import ReviewError, pull_review, push_review, quality_table, render_quality
from distilabel_selfinstruct.review import review_seeds as write_seeds
from distilabel_selfinstruct.review.argilla import ArgillaServer
from distilabel_selfinstruct.review.store import ReviewStore
from distilabel_selfinstruct.seeds import load_seed_tasks
from tests.conftest import Script, ScriptRun
from tests.review.runs import CAPITAL, JOKE, SIGN, instance, make_run, record_id
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
        user = rg.User(username=f"{name}-{uuid.uuid4().hex[:8]}", role="annotator", password="12345678",
                       client=self.client).create()  # fmt: skip
        user.add_to_workspace(self.workspace)
        key = self.client.api.http_client.get(f"/api/v1/users/{user.id}").json()["api_key"]
        return Annotator(httpx.Client(base_url=self.stack.url, headers={"X-Argilla-Api-Key": key}), user.username)


@dataclass
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
def workplace(stack: ArgillaStack) -> Workplace:
    client = rg.Argilla(api_url=stack.url, api_key=stack.OWNER_KEY)
    return Workplace(stack, client, rg.Workspace(name=f"test-{uuid.uuid4().hex[:8]}", client=client).create())
