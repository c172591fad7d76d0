"""What the command `train` is told."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import field_validator

from distilabel_selfinstruct.data.files import local_path
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.models.local.weights import SMALL_MODEL
from distilabel_selfinstruct.runs.config import Options
from distilabel_selfinstruct.runs.options import HUB, MADE, MODEL, TRAINING, option
from distilabel_selfinstruct.training.defaults import (
    BATCH_SIZE,
    BETA,
    EPOCHS,
    LEARNING_RATE,
    LORA_RANK,
    MAX_LENGTH,
    ROWS_AT_ONCE,
    WEIGHTS,
    Method,
    Weights,
)

Tool = Literal["axolotl", "llama-factory", "trl", "unsloth"]
CONFIG_OF: dict[Method, str] = {"sft": "sft", "dpo": "preferences"}
"""The config of a dataset that a method learns from."""


class TrainConfig(Options):
    """What a training is told; what the result depends on is fixed by the first training in a folder."""

    model: str | None = option(
        None,
        "to be trained: a folder, a name of the Hub, FILE.gguf, or REPOSITORY:FILE of the Hub"
        f" (default: {SMALL_MODEL})",
        "NAME",
        MODEL,
    )
    method: Method = option("sft", "from instances (default) or from preference pairs", None, TRAINING)
    weights: Weights = option(WEIGHTS, "what is trained", None, TRAINING)
    epochs: float | None = option(
        None,
        f"times that each row is seen (default: {EPOCHS['sft'].value:g}; of dpo {EPOCHS['dpo'].value:g})",
        "N",
        TRAINING,
        gt=0,
    )
    max_steps: int | None = option(None, "stop after so many steps, whatever the epochs", "N", TRAINING, gt=0)
    batch_size: int = option(
        int(BATCH_SIZE.value),
        f"rows of a step, on all devices together (default: {BATCH_SIZE.value:g})",
        "N",
        TRAINING,
        gt=0,
    )
    rows_at_once: int = option(
        ROWS_AT_ONCE,
        f"most rows that a device holds at once; less takes less memory (default: {ROWS_AT_ONCE})",
        "N",
        TRAINING,
        fixed=False,
        gt=0,
    )
    learning_rate: float | None = option(
        None,
        "(default: {sft[0]:g} with --lora, {sft[1]:g} with --full; of dpo {dpo[0]:g}, {dpo[1]:g})".format(
            **{
                method: [LEARNING_RATE[method, weights].value for weights in ("lora", "full")]
                for method in ("sft", "dpo")
            }
        ),  # type: ignore[index]
        "RATE",
        TRAINING,
        gt=0,
    )
    max_length: int = option(
        int(MAX_LENGTH.value),
        f"tokens of a row; more are cut off (default: {MAX_LENGTH.value:g}, or the model's context)",
        "N",
        TRAINING,
        ge=16,
    )
    lora_rank: int = option(int(LORA_RANK.value), f"of --lora (default: {LORA_RANK.value:g})", "N", TRAINING, gt=0)
    beta: float = option(
        BETA.value,
        f"of dpo: how strongly the model is held to where it begins (default: {BETA.value:g})",
        "B",
        TRAINING,
        gt=0,
    )
    seed: int = option(0, "seed of all random draws (default: 0)", "N", TRAINING)
    processes: int | None = option(
        None,
        "processes that train together, a GPU each (default: as many as there are GPUs)",
        "N",
        TRAINING,
        fixed=False,
        gt=0,
    )
    subset: str | None = option(None, "config of the dataset (default: sft, of dpo preferences)", "NAME", MADE)
    keep_clear: str | None = option(
        None,
        "a run made with --hold-out, or rows: what is too similar to one of these (ROUGE-L) is not learned from",
        "RUN|FILE",
        MADE,
        fixed=False,
    )
    write: Tool | None = option(
        None,
        "train nothing: write the config and the data with which this tool does the same into --out",
        None,
        MADE,
        recorded=False,
    )
    push_to_hub: str | None = option(
        None, "publish the model with its card at the end", "NAMESPACE/NAME", HUB, recorded=False
    )
    private: bool = option(False, "in a private repository", None, HUB, recorded=False)
    license: str | None = option(None, "of the model, such as apache-2.0 (default: unknown)", "ID", HUB, fixed=False)
    out: str | None = option(
        None, "training folder (default: models/ and the run's name)", "FOLDER", "", recorded=False
    )

    @field_validator("out")
    @classmethod
    def _folder_of_this_machine(cls, given: str | None) -> str | None:
        return given if given is None else local_path(given)

    def check(self) -> None:
        """Raises ConfigError for values that do not go together."""
        if self.batch_size % self.devices_given:
            raise ConfigError(f"--batch-size {self.batch_size}: must be a multiple of --processes {self.processes}.")
        if self.write is not None and self.push_to_hub:
            raise ConfigError("--push-to-hub: --write trains nothing that could be published; leave one of them out.")
        if self.write == "unsloth" and self.method == "dpo":
            raise ConfigError("--write unsloth: the command of Unsloth trains sft alone; take --write trl for dpo.")

    @property
    def devices_given(self) -> int:
        """Processes that were asked for; 1 where nobody did."""
        return self.processes or 1

    @property
    def config_name(self) -> str:
        """The config of the dataset that it learns from."""
        return self.subset or CONFIG_OF[self.method]

    @property
    def epochs_wanted(self) -> float:
        """Those of the config, or of the method."""
        return EPOCHS[self.method].value if self.epochs is None else self.epochs

    @property
    def rate(self) -> float:
        """The highest learning rate: that of the config, or of the method."""
        return LEARNING_RATE[self.method, self.weights].value if self.learning_rate is None else self.learning_rate

    def split_batch(self, devices: int) -> tuple[int, int]:
        """Rows that each of so many devices holds at once, and how often that is done for a step.

        Raises:
            ConfigError: if the rows of a step cannot be shared out evenly.
        """
        if self.batch_size % devices:
            raise ConfigError(
                f"--batch-size {self.batch_size}: cannot be shared out among {devices} devices; give a multiple."
            )
        share = self.batch_size // devices
        at_once = max(rows for rows in range(1, min(self.rows_at_once, share) + 1) if share % rows == 0)
        return at_once, share // at_once

    def steps(self, rows: int) -> int:
        """Steps of a training on so many rows."""
        steps_of_epoch = -(-rows // self.batch_size)
        return self.max_steps or max(1, math.ceil(steps_of_epoch * self.epochs_wanted))
