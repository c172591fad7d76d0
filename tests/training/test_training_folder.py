"""A training folder: nothing half-written is believed, and a finished one says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from distilabel_selfinstruct.data.files import replacing
from distilabel_selfinstruct.errors import RunFolderError
from distilabel_selfinstruct.training.folder import TrainingFolder, TrainingSummary

SUMMARY = TrainingSummary(
    rows=57, steps=8, epochs=2.0, first_loss=4.6, loss=3.2, parameters=135_000_000, trained=9_000_000, seconds=12.5,
    device="cpu", precision="fp32", versions={"trl": "1.16.0"},
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> TrainingFolder:
    folder = TrainingFolder(tmp_path / "model")
    folder.make()
    return folder


def test_the_last_whole_checkpoint_counts_and_half_a_one_is_removed(folder: TrainingFolder) -> None:
    for step in (4, 8, 12):
        (folder.checkpoints / f"checkpoint-{step}").mkdir(parents=True)
    for step in (4, 8):
        folder.complete_checkpoint(folder.checkpoints / f"checkpoint-{step}")
    assert folder.last_checkpoint() == folder.checkpoints / "checkpoint-8"
    assert sorted(path.name for path in folder.checkpoints.iterdir()) == ["checkpoint-4", "checkpoint-8"]


def test_without_checkpoints_it_begins_at_the_beginning(folder: TrainingFolder) -> None:
    assert folder.last_checkpoint() is None


def test_a_model_appears_whole_or_not_at_all(folder: TrainingFolder) -> None:
    def write(content: bytes) -> None:
        with replacing(folder.model) as draft:
            draft.mkdir()
            (draft / "model.safetensors").write_bytes(content)
            if content == b"half":
                raise ValueError("cut")

    with pytest.raises(ValueError, match="cut"):
        write(b"half")
    assert not folder.model.exists()
    write(b"whole")
    assert (folder.model / "model.safetensors").read_bytes() == b"whole"


def test_it_is_finished_once_model_and_summary_are_there(folder: TrainingFolder) -> None:
    assert not folder.is_finished
    with pytest.raises(RunFolderError, match="the training is not finished; run the same command again"):
        folder.summary()
    folder.model.mkdir()
    (folder.checkpoints / "checkpoint-8").mkdir(parents=True)
    folder.write_summary(SUMMARY)
    assert folder.is_finished
    assert folder.summary() == SUMMARY
    assert not folder.checkpoints.exists()


def test_a_damaged_summary_is_said_to_be_damaged(folder: TrainingFolder) -> None:
    folder.model.mkdir()
    (folder.path / "result.json").write_text('{"rows": 57}', encoding="utf-8")
    with pytest.raises(RunFolderError, match=r"result\.json: is damaged; delete it, and run the same command again\."):
        folder.summary()


def test_the_card_goes_with_the_model(folder: TrainingFolder) -> None:
    folder.model.mkdir()
    folder.write_card("# mine\n")
    assert (folder.model / "README.md").read_text(encoding="utf-8") == "# mine\n"
