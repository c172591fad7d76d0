"""A Hub in this process, which the real clients talk to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import pytest

from distilabel_selfinstruct.hub import client
from tests.support.hub_server import ACCOUNTS, Account, HubServer

SECRET = "hf_AbcDefGhiJklMnoPqrStuVwxYz012345"  # a writer's


@pytest.fixture(scope="module")
def server() -> Iterator[HubServer]:
    with HubServer() as server:
        yield server
        huggingface_hub.close_session()


@pytest.fixture
def hub(server: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HubServer:
    """An empty Hub that the clients of this process talk to, with a writer's token and without long waits."""
    server.reset()
    home = tmp_path / "hf"
    for name, value in {
        "constants.ENDPOINT": server.url,
        "constants.HUGGINGFACE_CO_URL_TEMPLATE": f"{server.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}",
        "constants.HF_HUB_DISABLE_XET": True, "constants.HF_HUB_CACHE": str(home),
        "constants.HF_TOKEN_PATH": str(home / "token"), "utils._http.time": SimpleNamespace(sleep=lambda seconds: None),
    }.items():  # fmt: skip
        monkeypatch.setattr(f"huggingface_hub.{name}", value)
    monkeypatch.setattr("datasets.config.HF_ENDPOINT", server.url)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", home / "datasets")
    monkeypatch.setitem(ACCOUNTS, SECRET, Account())
    monkeypatch.setenv("HF_TOKEN", SECRET)
    monkeypatch.setattr(client, "PATIENCE", 30.0)
    monkeypatch.setattr(client, "FIRST_WAIT", 0.01)
    return server
