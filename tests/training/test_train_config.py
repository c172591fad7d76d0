"""What a training is told, and what it does where nobody says otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.runs.config import read_config
from distilabel_selfinstruct.training import defaults
from distilabel_selfinstruct.training.config import TrainConfig


def config_of(**given: Any) -> TrainConfig:
    return read_config(given, {}, "config", TrainConfig)


class TestDefaults:
    def test_the_paper_trains_for_two_epochs(self) -> None:
        assert config_of().epochs_wanted == 2

    def test_lora_learns_ten_times_as_fast_as_all_weights(self) -> None:
        assert config_of(method="sft").rate == pytest.approx(10 * config_of(method="sft", weights="full").rate)
        assert config_of(method="dpo").rate == pytest.approx(10 * config_of(method="dpo", weights="full").rate)

    def test_self_rewarding_trains_on_preferences(self) -> None:
        config = config_of(method="dpo", weights="full")
        assert (config.rate, config.batch_size, config.beta) == (1e-6, 16, 0.1)

    def test_what_is_given_counts(self) -> None:
        config = config_of(epochs=0.5, learning_rate=3e-4)
        assert (config.epochs_wanted, config.rate) == (0.5, 3e-4)

    def test_each_number_has_its_source(self) -> None:
        every = [each for each in vars(defaults).values() if isinstance(each, defaults.Default)]
        for table in (defaults.EPOCHS, defaults.LEARNING_RATE, defaults.WARMUP):
            every += table.values()
        assert len(every) == 14
        assert all("arXiv" in each.source or "Schulman" in each.source or "README" in each.source for each in every)


class TestSteps:
    @pytest.mark.parametrize(
        ("rows", "given", "steps"),
        [(160, {}, 20), (161, {}, 22), (5, {}, 2), (160, {"epochs": 0.25}, 3), (160, {"max_steps": 7}, 7)],
    )
    def test_of_so_many_rows(self, rows: int, given: dict[str, Any], steps: int) -> None:
        assert config_of(**given).steps(rows) == steps

    @pytest.mark.parametrize(
        ("given", "devices", "split"),
        [
            ({}, 1, (4, 4)),
            ({}, 2, (4, 2)),
            ({"batch_size": 6}, 1, (3, 2)),
            ({"batch_size": 7}, 1, (1, 7)),
            ({"batch_size": 2}, 1, (2, 1)),
            ({"rows_at_once": 1}, 1, (1, 16)),
        ],
    )
    def test_are_taken_in_parts_that_fit(self, given: dict[str, Any], devices: int, split: tuple[int, int]) -> None:
        assert config_of(**given).split_batch(devices) == split

    def test_are_shared_out_evenly_or_not_at_all(self) -> None:
        with pytest.raises(ConfigError, match="--batch-size 16: cannot be shared out among 3 devices; give a multiple"):
            config_of().split_batch(3)


class TestMistakes:
    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({"batch_size": 5, "processes": 2}, "--batch-size 5: must be a multiple of --processes 2."),
            ({"method": "dop"}, "--method: Input should be 'sft' or 'dpo', got 'dop' \\(did you mean dpo\\?\\)."),
            ({"learning_rate": 0}, "--learning-rate: Input should be greater than 0, got 0."),
            ({"write": "trl", "push_to_hub": "a/b"}, "--push-to-hub: --write trains nothing that could be published"),
            ({"write": "unsloth", "method": "dpo"}, "--write unsloth: the command of Unsloth trains sft alone"),
        ],
    )
    def test_are_one_clear_line(self, given: dict[str, Any], said: str) -> None:
        with pytest.raises(ConfigError, match=said):
            config_of(**given)
