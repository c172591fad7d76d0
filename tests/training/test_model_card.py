"""The model card: which data made the model, with which numbers, and from where they are."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from distilabel_selfinstruct.training.card import CardFacts, render_card
from distilabel_selfinstruct.training.config import TrainConfig
from distilabel_selfinstruct.training.lengths import Lengths
from tests.support.recipes import Made
from tests.training.test_training_folder import SUMMARY

LENGTHS = Lengths(57, 0, 0, 0, 3, 512, 9000, 3000, {"50": 150, "90": 199, "95": 238, "99": 274, "100": 600})


def card(source: str = "rows.jsonl", base: str = "HuggingFaceTB/SmolLM2-135M", **given: Any) -> str:
    facts = CardFacts("mine", base, source, TrainConfig(max_length=512, **given), LENGTHS, SUMMARY, True, True)
    return render_card(facts)


def metadata(text: str) -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load(text.split("---\n")[1])
    return values


def test_says_which_run_made_it(small_run: Made) -> None:
    text = card(str(small_run.folder))
    assert "A run of [Self-Instruct](https://arxiv.org/abs/2212.10560)" in text
    assert "15 instructions, " in text
    assert "The data is that of the embedded demo model: a demonstration" in text
    assert str(small_run.folder) not in text


def test_each_number_has_its_source_or_was_given() -> None:
    text = card(learning_rate=3e-4)
    assert "| learning rate | 0.0003 | given |" in text
    assert "| epochs | 2 | Self-Instruct (arXiv 2212.10560)" in text
    assert "| LoRA rank | 32 | LoRA Without Regret" in text
    assert "beta" not in text


def test_of_preferences() -> None:
    text = card(method="dpo", weights="full")
    assert "after direct preference optimisation" in text
    assert "| beta | 0.1 | DPO (arXiv 2305.18290), appendix B" in text
    assert "LoRA rank" not in text


def test_says_what_it_has_come_to() -> None:
    text = card()
    assert "8 steps (2 epochs) on cpu in fp32; the loss, of answers alone, went from 4.600 to 3.200." in text
    assert "3 cut at 512" in text


@pytest.mark.parametrize(
    ("base", "named"),
    [
        ("HuggingFaceTB/SmolLM2-135M", "HuggingFaceTB/SmolLM2-135M"),
        ("me/models:small.gguf", "me/models"),
        ("SmolLM2-135M-Instruct", None),
        ("/home/me/models/mine", None),
        ("./mine", None),
    ],
)
def test_names_its_base_where_the_hub_has_it(base: str, named: str | None) -> None:
    assert metadata(card(base=base)).get("base_model") == named


def test_tells_no_path_and_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_abcdefghijklmnopqrstuvwxyz")
    text = card("/home/me/hf_abcdefghijklmnopqrstuvwxyz/rows.jsonl", base="/home/me/mine")
    assert "/home/me" not in text
    assert "hf_abc" not in text


def test_the_licence_is_unknown_until_somebody_says() -> None:
    assert metadata(card())["license"] == "unknown"
    assert metadata(card(license="apache-2.0"))["license"] == "apache-2.0"
