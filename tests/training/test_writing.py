"""The config with which another tool does the same, and its data in the form that the tool reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from distilabel_selfinstruct.errors import ConfigError, RunFolderError
from distilabel_selfinstruct.training.config import TrainConfig
from distilabel_selfinstruct.training.writing import write_config

QUESTION, ANSWER = {"role": "user", "content": "Name a prime."}, {"role": "assistant", "content": "7"}
WORSE = {"role": "assistant", "content": "8"}
CHAT = {"messages": [QUESTION, ANSWER]}
PAIR = {"prompt": [QUESTION], "chosen": [ANSWER], "rejected": [WORSE]}
TEXT = {"prompt": "Name a prime. Output:", "completion": " 7<|endoftext|>"}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder that looks like an instruct model's."""
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("config.json", "model.safetensors", "chat_template.jinja"):
        (folder / name).write_text("{}", encoding="utf-8")
    return folder


def written(model: Path, row: dict[str, Any], **given: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The config that was written, and the data."""
    source, out = model.parent / "rows.jsonl", model.parent / "out"
    source.write_text(json.dumps(row) + "\n", encoding="utf-8")
    write_config(str(source), TrainConfig(model=str(model), out=str(out), **given))
    lines = (out / "data.jsonl").read_text(encoding="utf-8").splitlines()
    return yaml.safe_load((out / f"{given['write']}.yaml").read_text(encoding="utf-8")), list(map(json.loads, lines))


BATCH, RATE = "per_device_train_batch_size", "learning_rate"
NAMES = {  # what each tool calls the same numbers
    "trl": (RATE, "num_train_epochs", BATCH, "max_length", "lora_r", "lora_alpha"),
    "axolotl": (RATE, "num_epochs", "micro_batch_size", "sequence_len", "lora_r", "lora_alpha"),
    "llama-factory": (RATE, "num_train_epochs", BATCH, "cutoff_len", "lora_rank", "lora_alpha"),
}


class TestNumbers:
    @pytest.mark.parametrize("tool", NAMES)
    def test_of_lora(self, tool: Any, model: Path) -> None:
        config, _ = written(model, CHAT, write=tool)
        assert [config[name] for name in NAMES[tool]] == [2e-4, 2, 4, 2048, 32, 32]
        assert config["gradient_accumulation_steps"] == 4

    @pytest.mark.parametrize("tool", NAMES)
    def test_of_all_weights(self, tool: Any, model: Path) -> None:
        config, _ = written(model, CHAT, write=tool, weights="full")
        assert config["learning_rate"] == 2e-5
        assert not any(name.startswith("lora") for name in config)
        assert "adapter" not in config

    def test_of_unsloth(self, model: Path) -> None:
        config, _ = written(model, CHAT, write="unsloth")
        training = config["training"]
        assert (training["learning_rate"], training["num_epochs"], training["batch_size"]) == (2e-4, 2, 4)
        assert (training["train_on_completions"], training["load_in_4bit"]) == (True, False)

    @pytest.mark.parametrize(
        ("tool", "name"), [("trl", "beta"), ("axolotl", "rl_beta"), ("llama-factory", "pref_beta")]
    )
    def test_of_dpo(self, tool: Any, name: str, model: Path) -> None:
        config, _ = written(model, PAIR, write=tool, method="dpo", beta=0.3)
        assert (config[name], config["learning_rate"]) == (0.3, 1e-5)


class TestData:
    @pytest.mark.parametrize(
        ("tool", "row"),
        [
            ("trl", {"prompt": [QUESTION], "completion": [ANSWER]}),
            ("axolotl", CHAT),
            ("llama-factory", CHAT),
            ("unsloth", CHAT),
        ],
    )
    def test_of_chats(self, tool: Any, row: dict[str, Any], model: Path) -> None:
        assert written(model, CHAT, write=tool)[1] == [row]

    @pytest.mark.parametrize(
        ("tool", "row"),
        [
            ("trl", PAIR),
            ("axolotl", PAIR),
            ("llama-factory", {"prompt": [QUESTION], "chosen": ANSWER, "rejected": WORSE}),
        ],
    )
    def test_of_pairs(self, tool: Any, row: dict[str, Any], model: Path) -> None:
        assert written(model, PAIR, write=tool, method="dpo")[1] == [row]

    def test_the_list_of_llama_factory_names_its_columns(self, model: Path) -> None:
        config, _ = written(model, PAIR, write="llama-factory", method="dpo")
        info = json.loads((Path(config["dataset_dir"]) / "dataset_info.json").read_text(encoding="utf-8"))
        assert info[config["dataset"]]["ranking"] is True
        assert info[config["dataset"]]["columns"] == {"messages": "prompt", "chosen": "chosen", "rejected": "rejected"}

    def test_the_authors_pairs_end_as_the_tool_ends_them(self, model: Path) -> None:
        assert written(model, TEXT, write="axolotl")[1] == [{"prompt": TEXT["prompt"], "completion": " 7"}]


class TestTemplate:
    def test_of_a_base_model_is_ours(self, model: Path) -> None:
        (model / "chat_template.jinja").unlink()
        config, _ = written(model, CHAT, write="axolotl")
        assert (config["chat_template"], "### Instruction:" in config["chat_template_jinja"]) == ("jinja", True)
        config, _ = written(model, CHAT, write="trl")
        assert "### Response:" in Path(config["chat_template_path"]).read_text(encoding="utf-8")
        assert written(model, CHAT, write="llama-factory")[0]["template"] == "alpaca"

    def test_in_the_tokenizers_config_counts(self, model: Path) -> None:
        (model / "chat_template.jinja").unlink()
        (model / "tokenizer_config.json").write_text('{"chat_template": "{{ messages }}"}', encoding="utf-8")
        assert written(model, CHAT, write="axolotl")[0]["chat_template"] == "tokenizer_default"


class TestMistakes:
    def test_a_gguf_file_is_for_no_tool(self, tmp_path: Path) -> None:
        (tmp_path / "small.gguf").write_bytes(b"GGUF")
        with pytest.raises(ConfigError, match="--write trl: the tool reads no GGUF files; give --model a folder"):
            written(tmp_path / "small.gguf", CHAT, write="trl")

    def test_texts_are_not_for_unsloth(self, model: Path) -> None:
        with pytest.raises(ConfigError, match="--write unsloth: its command takes chats"):
            written(model, TEXT, write="unsloth")

    def test_a_folder_with_something_else_is_left_alone(self, model: Path) -> None:
        (model.parent / "out").mkdir()
        (model.parent / "out" / "thesis.tex").touch()
        with pytest.raises(RunFolderError, match="is not empty, and holds no config of this command"):
            written(model, CHAT, write="trl")
