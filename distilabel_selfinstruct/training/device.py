"""What a training runs on: the device, the numbers that it computes with, and whether there is room."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import Any

from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.training.config import TrainConfig
from distilabel_selfinstruct.training.folder import TrainingFolder

_ADAM = 8  # bytes a trained number: two moments in fp32
_GIGA = 1e9


@dataclass(frozen=True, slots=True)
class Device:
    """What a training runs on.

    Attributes:
        kind: as torch calls it, such as `cuda`, `mps` or `cpu`.
        precision: of the computation: `bf16` where the device has it, `fp16` on other GPUs of NVIDIA, else `fp32`.
    """

    kind: str
    precision: str

    def dtype(self, config: TrainConfig) -> Any:
        """Of the weights in memory: halved where they stay as they are, whole where they are trained themselves."""
        import torch

        kinds = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
        return kinds[self.precision] if config.weights == "lora" else torch.float32

    @property
    def arguments(self) -> dict[str, Any]:
        """For the trainers' arguments."""
        return {
            "use_cpu": self.kind == "cpu",
            "bf16": self.precision == "bf16",
            "fp16": self.precision == "fp16",
            "gradient_checkpointing": self.kind == "cuda",  # the memory of a GPU is what ends first
            "dataloader_pin_memory": self.kind == "cuda",
        }


def find_device() -> Device:
    """The best device of this machine."""
    import torch

    if torch.cuda.is_available():
        return Device("cuda", "bf16" if torch.cuda.is_bf16_supported() else "fp16")
    if torch.backends.mps.is_available():
        return Device("mps", "fp32")
    return Device("cpu", "fp32")


def gpus() -> int:
    """How many GPUs there are."""
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def check_room(model: Any, config: TrainConfig, device: Device, folder: TrainingFolder) -> None:
    """Whether memory and disk can hold a training at all; what it takes besides depends on the rows.

    Raises:
        ConfigError: if not.
    """
    numbers = sum(each.numel() for each in model.parameters())
    weights = sum(each.numel() * each.element_size() for each in model.parameters())
    learned = numbers if config.weights == "full" else 0
    memory, there = weights + learned * (4 + _ADAM), _memory(device)
    if memory > there:
        help_ = "take --lora, or a smaller model" if config.weights == "full" else "take a smaller model"
        raise ConfigError(
            f"To train {numbers / _GIGA:.1f} billion parameters with --{config.weights} takes {memory / _GIGA:.0f} GB"
            f" and more, and this machine ({device.kind}) has {there / _GIGA:.0f} GB: {help_}."
        )
    disk, free = weights + 2 * (weights + learned * _ADAM) * (config.weights == "full"), shutil.disk_usage(folder).free
    if disk > free:
        raise ConfigError(
            f"{folder}: the model and its checkpoints take {disk / _GIGA:.1f} GB, and there are {free / _GIGA:.1f} GB"
            " left on this disk. Make room, or choose another --out."
        )


def _memory(device: Device) -> int:
    """Bytes that the device has."""
    import psutil
    import torch

    if device.kind == "cuda":
        return min(torch.cuda.get_device_properties(at).total_memory for at in range(torch.cuda.device_count()))
    return int(psutil.virtual_memory().total)
