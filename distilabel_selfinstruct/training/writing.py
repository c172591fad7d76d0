"""The config with which another tool does what a training here does, and its data in the form that the tool reads."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from distilabel_selfinstruct.data.base_folder import BaseFolder
from distilabel_selfinstruct.data.quiet import quiet_clients
from distilabel_selfinstruct.data.trainers import Shape, llama_factory_entry
from distilabel_selfinstruct.errors import ConfigError, RunFolderError
from distilabel_selfinstruct.training.config import Tool, TrainConfig
from distilabel_selfinstruct.training.data import END, Kind, Row, TrainingRows, read_training_rows
from distilabel_selfinstruct.training.defaults import CHECKPOINTS, LORA_ALPHA, SCHEDULE, WARMUP, WEIGHT_DECAY
from distilabel_selfinstruct.training.templates import plain_template
from distilabel_selfinstruct.training.weights import Base, find_base

_DATA, _TEMPLATE, _INFO = "data.jsonl", "chat_template.jinja", "dataset_info.json"
_NAME = "self_instruct"  # of the dataset in LLaMA-Factory's list
_ENTRIES: dict[Kind, Shape] = {"text": "prompt_completion", "chat": "messages", "pair": "ranked"}
_COMMANDS: dict[Tool, str] = {
    "axolotl": "axolotl train {config}",
    "llama-factory": "llamafactory-cli train {config}",
    "trl": "trl {method} --config {config}",
    "unsloth": "unsloth train --config {config}",
}


class ToolFolder(BaseFolder):
    """The folder with what a tool takes: its config, and the data."""

    @property
    def data(self) -> Path:
        """The rows, one a line."""
        return self.path / _DATA

    def write_data(self, rows: Iterable[Row]) -> None:
        """Writes the rows."""
        self._write_lines(_DATA, rows)

    def write_config(self, tool: Tool, values: Mapping[str, Any]) -> Path:
        """Writes the config; where it is."""
        self._write_yaml(f"{tool}.yaml", values)
        return self.path / f"{tool}.yaml"

    def write_template(self, template: str) -> Path:
        """Writes a chat template; where it is."""
        self._write(_TEMPLATE, template)
        return self.path / _TEMPLATE

    def write_info(self, info: Mapping[str, Any]) -> None:
        """Writes LLaMA-Factory's list of datasets."""
        self._write_json(_INFO, info)


def write_config(source: str, config: TrainConfig) -> str:
    """Writes config and data into the folder of the training, and says which command takes them.

    Nothing that trains is needed for it.

    Raises:
        ConfigError: if the rows or the model cannot be used, or the tool cannot do it.
        RunFolderError: if the folder holds something else.
    """
    assert config.write is not None
    rows = read_training_rows(source, config)
    base = find_base(config.model)
    if base.file is not None:
        raise ConfigError(
            f"--write {config.write}: the tool reads no GGUF files; give --model a folder or a name of the Hub."
        )
    folder = ToolFolder(config.out or f"models/{Path(source).name}-{config.write}")
    if not folder.is_empty and not folder.data.is_file():
        raise RunFolderError(f"{folder}: is not empty, and holds no config of this command; choose another --out.")
    folder.make()
    has_template = rows.kind == "text" or has_chat_template(base)
    written = _WRITERS[config.write](config, rows, base, folder, has_template)
    folder.write_data([_SHAPES[config.write](row, rows.kind) for row in rows.rows])
    path = folder.write_config(config.write, written)
    command = _COMMANDS[config.write].format(config=path, method=config.method)
    return f"{len(rows.rows):,} rows: {folder.data}\nconfig: {path}\nnext: {command}"


def has_chat_template(base: Base) -> bool:
    """Whether a model's tokenizer has a chat template, as its files say; where they cannot be had, it is taken to."""
    try:
        for name in ("chat_template.jinja", "chat_template.json", "tokenizer_config.json"):
            text = _file_of(base, name)
            if text is not None and (name != "tokenizer_config.json" or json.loads(text).get("chat_template")):
                return True
    except (OSError, ValueError):
        return True
    return False


def _file_of(base: Base, name: str) -> str | None:
    """The text of a file of a model; None where there is no such file."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    if Path(base.where).is_dir():
        path = Path(base.where) / name
        return path.read_text(encoding="utf-8") if path.is_file() else None
    try:
        with quiet_clients():
            return Path(hf_hub_download(base.where, name)).read_text(encoding="utf-8")
    except LocalEntryNotFoundError:  # nobody answers
        raise OSError from None
    except EntryNotFoundError:
        return None


# --- the config of each tool -----------------------------------------------------------------------------------------


def _warmup(config: TrainConfig, rows: TrainingRows) -> int:
    return math.ceil(config.steps(len(rows.rows)) * WARMUP[config.method].value)


def _checkpoints(config: TrainConfig, rows: TrainingRows) -> int:
    return max(1, math.ceil(config.steps(len(rows.rows)) / CHECKPOINTS))


def _batch(config: TrainConfig) -> tuple[int, int]:
    return config.split_batch(config.devices_given)


def _of_transformers(config: TrainConfig, rows: TrainingRows, folder: ToolFolder) -> dict[str, Any]:
    """The arguments of transformers' trainer, which TRL and LLaMA-Factory hand on to it."""
    at_once, times = _batch(config)
    return {
        "output_dir": str(folder.path / "output"),
        "num_train_epochs": config.epochs_wanted,
        "max_steps": config.max_steps or -1,
        "per_device_train_batch_size": at_once,
        "gradient_accumulation_steps": times,
        "learning_rate": config.rate,
        "lr_scheduler_type": SCHEDULE,
        "warmup_steps": _warmup(config, rows),
        "weight_decay": WEIGHT_DECAY.value,
        "save_steps": _checkpoints(config, rows),
        "save_total_limit": 2,
        "seed": config.seed,
        "data_seed": config.seed,
        "report_to": "none",
    }


def _trl(config: TrainConfig, rows: TrainingRows, base: Base, folder: ToolFolder, has_template: bool) -> dict[str, Any]:
    written: dict[str, Any] = {
        "model_name_or_path": base.where,
        "datasets": [{"path": "json", "data_files": str(folder.data), "split": "train"}],
        **_of_transformers(config, rows, folder),
        "max_length": config.max_length,
    }
    if config.method == "dpo":
        written["beta"] = config.beta
        if not has_template:
            raise ConfigError(
                "--write trl: the model has no chat template, and `trl dpo` takes none; train it here first."
            )
    else:
        written["completion_only_loss"] = True
        if not has_template:
            written["chat_template_path"] = str(folder.write_template(plain_template(with_begin=False)))
    if config.weights == "lora":
        written |= {"use_peft": True, "lora_r": config.lora_rank, "lora_alpha": int(LORA_ALPHA.value)}
        written |= {"lora_dropout": 0.0, "lora_target_modules": "all-linear"}
    return written


def _axolotl(
    config: TrainConfig, rows: TrainingRows, base: Base, folder: ToolFolder, has_template: bool
) -> dict[str, Any]:
    at_once, times = _batch(config)
    data: dict[str, Any] = {"path": str(folder.data), "ds_type": "json", "split": "train"}
    written: dict[str, Any] = {"base_model": base.where}
    if rows.kind == "text":
        plain = "{instruction}"
        fields = {
            "field_instruction": "prompt",
            "field_output": "completion",
            "format": plain,
            "no_input_format": plain,
        }
        data["type"] = fields
    elif has_template:
        written["chat_template"] = "tokenizer_default"
    else:
        written |= {"chat_template": "jinja", "chat_template_jinja": plain_template(with_begin=False)}
    if rows.kind == "chat":
        data |= {"type": "chat_template", "field_messages": "messages", "roles_to_train": ["assistant"]}
        data["train_on_eos"] = "turn"
    if rows.kind == "pair":
        data = {"path": str(folder.data), "ds_type": "json", "split": "train", "type": "chat_template.default"}
        data["field_messages"] = "prompt"
        written |= {"rl": "dpo", "rl_beta": config.beta}
    written |= {
        "datasets": [data],
        "train_on_inputs": False,
        "sequence_len": config.max_length,
        "excess_length_strategy": "truncate",
        "sample_packing": False,
        "val_set_size": 0.0,
        "num_epochs": config.epochs_wanted,
        "micro_batch_size": at_once,
        "gradient_accumulation_steps": times,
        "learning_rate": config.rate,
        "lr_scheduler": SCHEDULE,
        "warmup_steps": _warmup(config, rows),
        "weight_decay": WEIGHT_DECAY.value,
        "optimizer": "adamw_torch",
        "bf16": "auto",
        "gradient_checkpointing": True,
        "save_steps": _checkpoints(config, rows),
        "save_total_limit": 2,
        "seed": config.seed,
        "output_dir": str(folder.path / "output"),
    }
    if config.max_steps:
        written["max_steps"] = config.max_steps
    if config.weights == "lora":
        written |= {"adapter": "lora", "lora_r": config.lora_rank, "lora_alpha": int(LORA_ALPHA.value)}
        written |= {"lora_dropout": 0.0, "lora_target_linear": True}
    return written


def _llama_factory(
    config: TrainConfig, rows: TrainingRows, base: Base, folder: ToolFolder, has_template: bool
) -> dict[str, Any]:
    folder.write_info({_NAME: llama_factory_entry(_ENTRIES[rows.kind], _DATA)})
    written: dict[str, Any] = {
        "model_name_or_path": base.where,
        "stage": config.method,
        "do_train": True,
        "finetuning_type": config.weights,
        "dataset": _NAME,
        "dataset_dir": str(folder.path),
        "cutoff_len": config.max_length,
        "train_on_prompt": False,
        "packing": False,
        **_of_transformers(config, rows, folder),
        "bf16": True,
    }
    if rows.kind == "text":
        written["template"] = "empty"
    elif not has_template:
        written |= {"template": "alpaca", "default_system": ""}
    if config.weights == "lora":
        written |= {"lora_rank": config.lora_rank, "lora_alpha": int(LORA_ALPHA.value), "lora_dropout": 0.0}
        written["lora_target"] = "all"
    if config.method == "dpo":
        written |= {"pref_beta": config.beta, "pref_loss": "sigmoid"}
    return written


def _unsloth(
    config: TrainConfig, rows: TrainingRows, base: Base, folder: ToolFolder, has_template: bool
) -> dict[str, Any]:
    """Its command knows no schedule: the learning rate falls in a straight line there."""
    if rows.kind == "text":
        raise ConfigError("--write unsloth: its command takes chats; use a run with --training-format messages.")
    if not has_template:
        raise ConfigError("--write unsloth: the model has no chat template; give an instruct model, or train it here.")
    at_once, times = _batch(config)
    training = {
        "training_type": config.weights,
        "max_seq_length": config.max_length,
        "load_in_4bit": False,
        "output_dir": str(folder.path / "output"),
        "num_epochs": math.ceil(config.epochs_wanted),
        "max_steps": config.steps(len(rows.rows)) if config.max_steps or config.epochs_wanted % 1 else 0,
        "learning_rate": config.rate,
        "batch_size": at_once,
        "gradient_accumulation_steps": times,
        "warmup_steps": _warmup(config, rows),
        "save_steps": _checkpoints(config, rows),
        "weight_decay": WEIGHT_DECAY.value,
        "random_seed": config.seed,
        "packing": False,
        "train_on_completions": True,
    }
    return {
        "model": base.where,
        "data": {"local_dataset": [str(folder.data)], "format_type": "chatml"},
        "training": training,
        "lora": {"lora_r": config.lora_rank, "lora_alpha": int(LORA_ALPHA.value), "lora_dropout": 0.0},
    }


_WRITERS: dict[Tool, Callable[[TrainConfig, TrainingRows, Base, ToolFolder, bool], dict[str, Any]]] = {
    "axolotl": _axolotl,
    "llama-factory": _llama_factory,
    "trl": _trl,
    "unsloth": _unsloth,
}


# --- the data of each tool -------------------------------------------------------------------------------------------


def _of_trl(row: Row, kind: Kind) -> Row:
    """As it is read here: chats in two parts, so that the loss is of the answer alone; each tool ends a text itself."""
    return {**row, "completion": row["completion"].removesuffix(END)} if kind == "text" else row


def _as_messages(row: Row, kind: Kind) -> Row:
    """Chats in one piece."""
    return {"messages": [*row["prompt"], *row["completion"]]} if kind == "chat" else _of_trl(row, kind)


def _of_llama_factory(row: Row, kind: Kind) -> Row:
    """As messages; of a pair each answer is one message."""
    if kind != "pair":
        return _as_messages(row, kind)
    return {"prompt": row["prompt"], "chosen": row["chosen"][0], "rejected": row["rejected"][0]}


_SHAPES: Mapping[Tool, Callable[[Row, Kind], Row]] = {
    "axolotl": _as_messages,
    "llama-factory": _of_llama_factory,
    "trl": _of_trl,
    "unsloth": _as_messages,
}
