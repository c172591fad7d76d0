"""The model card: which data made the model, with which numbers and from where, and what it has come to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from distilabel_selfinstruct.data.folder import RunFolder
from distilabel_selfinstruct.secrets import mask_text
from distilabel_selfinstruct.text.tables import Table
from distilabel_selfinstruct.training.config import TrainConfig
from distilabel_selfinstruct.training.defaults import (
    BATCH_SIZE,
    BETA,
    EPOCHS,
    LEARNING_RATE,
    LORA_ALPHA,
    LORA_RANK,
    MAX_LENGTH,
    SCHEDULE,
    WARMUP,
    WEIGHT_DECAY,
    Default,
)
from distilabel_selfinstruct.training.folder import TrainingSummary
from distilabel_selfinstruct.training.lengths import Lengths

_TAGS = ("self-instruct", "distilabel", "synthetic")
_METHODS = {
    "sft": ("supervised fine-tuning", "https://arxiv.org/abs/2212.10560"),
    "dpo": ("direct preference optimisation", "https://arxiv.org/abs/2305.18290"),
}
_GIVEN = "given"


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What a card is made from.

    Attributes:
        name: of the model.
        base: the model that it began as.
        source: the run, file or dataset that it has learned from.
        config: of the training.
        lengths: of the rows.
        summary: what it has come to.
        has_own_template: whether the base brought its chat template.
        is_chat: whether it has learned chats, and not bare texts.
    """

    name: str
    base: str
    source: str
    config: TrainConfig
    lengths: Lengths
    summary: TrainingSummary
    has_own_template: bool
    is_chat: bool


def render_card(facts: CardFacts) -> str:
    """The card in Markdown, with its metadata; without paths and secrets of this machine."""
    config, summary, lengths = facts.config, facts.summary, facts.lengths
    method, paper = _METHODS[config.method]
    what = "all weights" if config.weights == "full" else "LoRA, merged into the weights"
    lines = [
        f"# {facts.name}",
        "",
        f"{_shown(facts.base)}, after {method} ([{paper.rpartition('/')[2]}]({paper}); {what}) on"
        f" {summary.rows:,} rows of {_shown(facts.source)}.",
        "",
        *_data(facts),
        "",
        "## How it was trained",
        "",
        f"{summary.steps:,} steps ({summary.epochs:g} epochs) on {summary.device} in {summary.precision}; the loss, of"
        f" answers alone, went from {summary.first_loss:.3f} to {summary.loss:.3f}. {summary.trained:,} of"
        f" {summary.parameters:,} parameters were trained.",
        "",
        _numbers(config).markdown(),
        f"Lengths: {lengths}.",
        "",
        _template(facts),
        "",
        "Versions: " + ", ".join(f"{name} {version}" for name, version in summary.versions.items()) + ".",
        "",
        "## Load it",
        "",
        "```python",
        "from transformers import pipeline",
        "",
        f'model = pipeline("text-generation", model="{facts.name}")',
        'model([{"role": "user", "content": "Name a prime."}])' if facts.is_chat else 'model("Name a prime.\\n")',
        "```",
        "",
        "What it has learned from is synthetic: it can be wrong, and has been checked by nobody unless the data was.",
    ]
    return mask_text(f"---\n{_metadata(facts)}---\n\n" + "\n".join(lines) + "\n")


def _metadata(facts: CardFacts) -> str:
    values: dict[str, Any] = {
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "license": facts.config.license or "unknown",
        "tags": [*_TAGS, facts.config.method, "trl"],
    }
    if _is_of_hub(facts.base):
        values["base_model"] = facts.base.partition(":")[0]
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True)


def _data(facts: CardFacts) -> list[str]:
    """What the run says of itself."""
    run = RunFolder(facts.source)
    lines = ["## What it has learned from", ""]
    if not run.is_run:
        return [*lines, f"The rows of {_shown(facts.source)}."]
    recipe, model = run.recipe(), run.description().get("model") or {}
    said = f"A run of [{recipe.title}]({recipe.url}): {recipe.makes}."
    lines += [f"{said} The model that wrote it: {_shown(str(model.get('name', 'not recorded')))}."]
    if run.has_summary:
        summary = run.summary()
        rejected = sum(sum(reasons.values()) for reasons in summary.rejected.values())
        made = f"{summary.admitted:,} instructions, {summary.instances:,} instances"
        lines += ["", f"{made}; {rejected:,} rows were rejected."]
    if str(run.config().get("llm")) == "demo":
        lines += ["", "> The data is that of the embedded demo model: a demonstration, and no training data."]
    return lines


def _numbers(config: TrainConfig) -> Table:
    """Each number with its source; of those that were given, the default's source does not count."""
    rate = LEARNING_RATE[config.method, config.weights]
    rows = [
        _row("epochs", config.epochs_wanted, EPOCHS[config.method]),
        _row("learning rate", config.rate, rate),
        _row("rows of a step", config.batch_size, BATCH_SIZE),
        _row("tokens of a row, at most", config.max_length, MAX_LENGTH),
        _row("warm-up, share of the steps", WARMUP[config.method].value, WARMUP[config.method]),
        ["schedule", SCHEDULE, "Self-Rewarding, Stanford Alpaca and Zephyr alike"],
        _row("weight decay", WEIGHT_DECAY.value, WEIGHT_DECAY),
        ["seed", str(config.seed), _GIVEN],
    ]
    if config.max_steps:
        rows[0] = ["steps", str(config.max_steps), _GIVEN]
    if config.weights == "lora":
        rows += [_row("LoRA rank", config.lora_rank, LORA_RANK), _row("LoRA alpha", LORA_ALPHA.value, LORA_ALPHA)]
    if config.method == "dpo":
        rows += [_row("beta", config.beta, BETA)]
    return Table(["number", "value", "source"], rows, numeric=False)


def _row(name: str, value: float, default: Default) -> list[str]:
    return [name, f"{value:g}", default.source if value == default.value else _GIVEN]


def _template(facts: CardFacts) -> str:
    if not facts.is_chat:
        return "It has learned bare texts, as the paper's authors trained: a prompt as it stands, then the answer."
    if facts.has_own_template:
        return "Chats have the base's own template."
    return "The base had no chat template: it was given one with the headings of Stanford Alpaca."


def _is_of_hub(name: str) -> bool:
    return name.count("/") == 1 and not name.startswith((".", "/", "~")) and not Path(name).exists()


def _shown(where: str) -> str:
    """A name as it may be published: of a path its last part."""
    is_path = Path(where).exists() or where.startswith((".", "/", "~")) or where.count("/") > 1
    return f"`{Path(where).name if is_path else where}`"
