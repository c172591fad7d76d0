"""A trained model on the Hub, which runs in this process."""

from __future__ import annotations

from pathlib import Path

import pytest

from distilabel_selfinstruct.errors import RunFolderError
from distilabel_selfinstruct.hub import HubError, push_model
from distilabel_selfinstruct.training.folder import TrainingFolder
from tests.support.hub_server import HubServer
from tests.training.test_training_folder import SUMMARY

NAME = "ada/mine"


@pytest.fixture
def training(tmp_path: Path) -> TrainingFolder:
    """A training that has ended."""
    folder = TrainingFolder(tmp_path / "mine")
    folder.model.mkdir(parents=True)
    (folder.model / "model.safetensors").write_bytes(b"weights")
    (folder.model / "config.json").write_text("{}", encoding="utf-8")
    folder.write_config({"model": "base"})
    folder.write_card("---\nlibrary_name: transformers\n---\n\n# mine\n")
    folder.write_summary(SUMMARY)
    return folder


def test_comes_with_its_card_in_one_commit(hub: HubServer, training: TrainingFolder) -> None:
    assert push_model(training.path, NAME) == f"{hub.url}/{NAME}"
    repository = hub.repositories[NAME]
    assert [commit.title for commit in repository.commits] == ["initial commit", "Trained on 57 rows in 8 steps"]
    assert set(repository.files) == {".gitattributes", "README.md", "config.json", "model.safetensors"}
    assert repository.files["model.safetensors"] == b"weights"
    assert repository.files["README.md"].endswith(b"# mine\n")


def test_of_a_training_that_has_not_ended_stays_at_home(hub: HubServer, training: TrainingFolder) -> None:
    (training.path / "result.json").unlink()
    with pytest.raises(RunFolderError, match="the training is not finished"):
        push_model(training.path, NAME)
    assert not hub.repositories


def test_that_is_to_be_private_never_goes_to_a_public_repository(
    hub: HubServer,
    training: TrainingFolder,
) -> None:
    hub.add_repository(NAME, private=False)
    with pytest.raises(HubError, match="is public, and was to be private"):
        push_model(training.path, NAME, private=True)
    assert set(hub.repositories[NAME].files) <= {".gitattributes"}
