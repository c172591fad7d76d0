"""TRL's trainers take what a run leaves as it stands: a few steps of a tiny model, on the CPU and without a network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset, load_from_disk

from tests.conftest import run_script
from tests.support.tiny_model import make_tiny_model

pytest.importorskip("torch", reason='needs TRL: pip install trl "torch" transformers')
pytest.importorskip("trl", reason='needs TRL: pip install trl "torch" transformers')
# What torch and transformers warn of is theirs.
pytestmark = [pytest.mark.slow, pytest.mark.server, pytest.mark.filterwarnings("ignore")]

STEPS = 2


@pytest.fixture(scope="module", autouse=True)
def offline() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("HF_HUB_OFFLINE", "1")
        yield


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A chat model, since preference pairs and messages go through its template."""
    return str(make_tiny_model(tmp_path_factory.mktemp("model")))


def rows_of(pipeline: str, config: str, folder: Path, *options: object) -> Dataset:
    """A config of a run on the demo model."""
    result = run_script(*options, "--out", folder, pipeline=pipeline)
    assert result.returncode == 0, result.stderr
    return load_from_disk(str(folder / "dataset" / config))["train"]


def train(trainer: type[Any], arguments: type[Any], model: str, rows: Dataset, folder: Path, **more: Any) -> float:
    """A few steps; the mean loss."""
    settings = arguments(
        output_dir=str(folder), max_steps=STEPS, per_device_train_batch_size=2, report_to="none", use_cpu=True,
        disable_tqdm=True, save_strategy="no", bf16=False, max_length=256,
    )  # fmt: skip
    trained = trainer(model=model, args=settings, train_dataset=rows, **more)
    result = trained.train()
    assert result.global_step == STEPS
    return float(result.training_loss)


def one_text(row: dict[str, str]) -> str:
    """Alpaca's three fields are no format of TRL, which takes a function for them."""
    return "\n\n".join(text for text in (row["instruction"], row["input"], row["output"]) if text)


@pytest.mark.parametrize(
    ("training_format", "more"),
    [("messages", {}), ("prompt_completion", {}), ("alpaca", {"formatting_func": one_text})],
)
def test_sft(training_format: str, more: dict[str, Any], model: str, tmp_path: Path) -> None:
    from trl import SFTConfig, SFTTrainer

    rows = rows_of(
        "self_instruct", "sft", tmp_path / "run", "--num-instructions", 10, "--training-format", training_format
    )
    assert 0 < train(SFTTrainer, SFTConfig, model, rows, tmp_path / "trained", **more) < 10


def test_dpo(model: str, tmp_path: Path) -> None:
    from trl import DPOConfig, DPOTrainer

    rows = rows_of("preferences", "preferences", tmp_path / "run", "--max-instructions", 20)
    assert 0 < train(DPOTrainer, DPOConfig, model, rows, tmp_path / "trained") < 10
