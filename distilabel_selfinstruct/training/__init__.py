"""Training: a model learns from what a run has made (step 4 of the paper)."""

from __future__ import annotations

from distilabel_selfinstruct.lazy import lazy_names

_HOMES = {
    "training.config": ["TrainConfig"],
    "training.folder": ["TrainingFolder"],
    "training.training": ["train"],
    "training.writing": ["write_config"],
}
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
