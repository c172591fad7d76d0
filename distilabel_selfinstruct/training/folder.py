"""TrainingFolder: the only reader and writer of the files of a training.

training.yaml    the options, resolved, and the names of the data that was read
lengths.json     how long the rows are in tokens of the model, and how many are cut or left out
metrics.jsonl    step, loss and learning rate
checkpoints/     what an interrupted training goes on with; gone once the model is there
adapter/         what --lora has learned
model/           the trained model, ready to be loaded, with its card
README.md        the card
result.json      what the training has come to: last of all
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import Any

from distilabel_selfinstruct.data.base_folder import BaseFolder
from distilabel_selfinstruct.data.files import clear_drafts
from distilabel_selfinstruct.errors import RunFolderError

_CONFIG, _LENGTHS, _METRICS = "training.yaml", "lengths.json", "metrics.jsonl"
_RESULT, _FITTED, _CARD, _TRACE = "result.json", "fitted.json", "README.md", "train.log"
_WHOLE = "whole"  # stands in a checkpoint once all of it is on disk


@dataclasses.dataclass(frozen=True, slots=True)
class TrainingSummary:
    """What a training has come to.

    Attributes:
        rows: that it has learned from.
        steps: that it has taken.
        epochs: how often it has seen the rows.
        first_loss: of the first steps.
        loss: of the last steps.
        parameters: of the model.
        trained: how many of them were trained.
        seconds: of the last session.
        device: that it ran on, such as `cpu`.
        precision: of the numbers: `fp32`, `bf16` or `fp16`.
        versions: of the packages.
    """

    rows: int
    steps: int
    epochs: float
    first_loss: float
    loss: float
    parameters: int
    trained: int
    seconds: float
    device: str
    precision: str
    versions: dict[str, str]


class TrainingFolder(BaseFolder):
    """The folder of a training.

    Args:
        path: where it is; it need not be there.
    """

    mending = MappingProxyType({_RESULT: "delete it, and run the same command again"})

    def __init__(self, path: str | PathLike[str]) -> None:
        super().__init__(path)
        self.checkpoints = self.path / "checkpoints"
        self.adapter = self.path / "adapter"
        self.model = self.path / "model"
        self.card = self.path / _CARD

    @property
    def is_training(self) -> bool:
        """Whether a training has begun here."""
        return (self.path / _CONFIG).is_file()

    @property
    def is_finished(self) -> bool:
        """Whether the training has ended, and its model is there."""
        return (self.path / _RESULT).is_file() and self.model.is_dir()

    def config(self) -> dict[str, Any]:
        """The options that the training recorded.

        Raises:
            RunFolderError: if they are damaged.
        """
        return self._read_yaml(_CONFIG)

    def damaged_config(self) -> RunFolderError:
        """The error of options that cannot be believed."""
        return self._damaged(_CONFIG)

    def write_config(self, values: Mapping[str, Any]) -> None:
        """Records the options."""
        self._write_yaml(_CONFIG, values)

    def write_lengths(self, lengths: Mapping[str, Any]) -> None:
        """Records how long the rows are."""
        self._write_json(_LENGTHS, lengths)

    def lengths(self) -> dict[str, Any]:
        """How long the rows are."""
        return self._read_object(_LENGTHS)

    def write_metrics(self, metrics: Sequence[Mapping[str, Any]]) -> None:
        """Records loss and learning rate by step."""
        self._write_lines(_METRICS, metrics)

    def write_card(self, text: str) -> None:
        """Writes the card, which the model takes along too."""
        self._write(_CARD, text)
        shutil.copyfile(self.card, self.model / _CARD)

    def summary(self) -> TrainingSummary:
        """What the training has come to.

        Raises:
            RunFolderError: if it has not ended, or its summary is damaged.
        """
        from pydantic import TypeAdapter

        if not self.is_finished:
            raise RunFolderError(f"{self.path}: the training is not finished; run the same command again to finish it.")
        with self._checked(_RESULT):
            return TypeAdapter(TrainingSummary).validate_python(self._read_object(_RESULT))

    def write_summary(self, summary: TrainingSummary) -> None:
        """Records what the training has come to, and removes what it would have gone on with."""
        self._write_json(_RESULT, dataclasses.asdict(summary))
        shutil.rmtree(self.checkpoints, ignore_errors=True)

    def write_fitted(self, summary: TrainingSummary) -> None:
        """Records what several processes have come to, for the one that has started them."""
        self._write_json(_FITTED, dataclasses.asdict(summary))

    def take_fitted(self) -> TrainingSummary:
        """What several processes have come to."""
        fitted = TrainingSummary(**self._read_object(_FITTED))
        (self.path / _FITTED).unlink()
        return fitted

    def write_trace(self, text: str) -> Path:
        """Keeps what a library says of an error that nobody expected; where."""
        self._write(_TRACE, text)
        return self.path / _TRACE

    def clear_drafts(self) -> None:
        """Removes what processes that were killed have left half-written."""
        clear_drafts(self.path)

    # --- checkpoints ------------------------------------------------------------------------------------------------

    @staticmethod
    def complete_checkpoint(path: Path) -> None:
        """Says in a checkpoint that all of it is there."""
        (path / _WHOLE).touch()

    def last_checkpoint(self) -> Path | None:
        """The newest checkpoint that is whole; those that a kill has left half-written are removed."""
        found: list[tuple[int, Path]] = []
        for path in self.checkpoints.glob("checkpoint-*"):
            if (path / _WHOLE).exists():
                found.append((int(path.name.rpartition("-")[2]), path))
            else:
                shutil.rmtree(path, ignore_errors=True)
        return max(found, default=(0, None))[1]
