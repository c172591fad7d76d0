"""What a training does where nobody says otherwise: every number in one place, each with its source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Method = Literal["sft", "dpo"]
Weights = Literal["lora", "full"]

PAPER = "Self-Instruct (arXiv 2212.10560), section 4.2 and appendix: 2 epochs, no loss on the prompt"
SELF_REWARDING = "Self-Rewarding Language Models (arXiv 2401.10020), section 3.1.3"
DPO = "DPO (arXiv 2305.18290), appendix B"
ALPACA = "Stanford Alpaca, README: cosine schedule, warmup ratio 0.03, no weight decay, learning rate 2e-5"
ZEPHYR = "Zephyr (arXiv 2310.16944), recipes of the alignment-handbook"
WITHOUT_REGRET = "LoRA Without Regret (Schulman et al. 2025, and the page of that name in TRL's documentation)"


@dataclass(frozen=True, slots=True)
class Default:
    """A number of a training, and where it comes from."""

    value: float
    source: str


EPOCHS: dict[Method, Default] = {"sft": Default(2, PAPER), "dpo": Default(1, f"{ZEPHYR}: DPO over-fits soon")}
LEARNING_RATE: dict[tuple[Method, Weights], Default] = {
    ("sft", "full"): Default(2e-5, f"{ALPACA}; the same in {ZEPHYR}"),
    ("sft", "lora"): Default(2e-4, f"{WITHOUT_REGRET}: ten times that of all weights"),
    ("dpo", "full"): Default(1e-6, f"{DPO}; the same in {SELF_REWARDING}"),
    ("dpo", "lora"): Default(1e-5, f"{WITHOUT_REGRET}: ten times that of all weights"),
}
WARMUP: dict[Method, Default] = {  # share of the steps
    "sft": Default(0.03, ALPACA),
    "dpo": Default(0.1, ZEPHYR),
}
BATCH_SIZE = Default(16, f"{SELF_REWARDING}, for both methods")
MAX_LENGTH = Default(2048, f"{ZEPHYR}; less where the model's context is shorter")
BETA = Default(0.1, f"{DPO}; the same in {SELF_REWARDING}")
LORA_RANK = Default(32, f"{WITHOUT_REGRET}: the rank hardly matters for so few rows, the learning rate does not change")
LORA_ALPHA = Default(32, f"{WITHOUT_REGRET}: 32, on all linear layers")
WEIGHT_DECAY = Default(0.0, ALPACA)
SCHEDULE = "cosine"  # Self-Rewarding, Stanford Alpaca and Zephyr alike
WEIGHTS: Weights = "lora"
"""LoRA Without Regret: as good as all weights for data of this size, with two thirds of the work and less memory."""

ROWS_AT_ONCE = 4
"""Most rows that a device holds at once; what is missing to a step is accumulated, which changes no gradient."""
CHECKPOINTS = 10
"""Checkpoints of a training: what a kill costs is a tenth of it at most."""
