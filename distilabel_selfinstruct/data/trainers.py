"""How LLaMA-Factory and axolotl are told what the rows of a file are: an entry of `dataset_info.json`, and one of YAML.

The keys are those of LLaMA-Factory's `data/README.md` and of axolotl's `docs/dataset-formats`; the tests read both with
the tools' own code where that is installed.
"""

from __future__ import annotations

from typing import Any, Literal

Shape = Literal["messages", "conversations", "fields", "prompt_completion", "pairs", "ranked"]
"""What rows look like.

- `messages`: a list with `role` and `content`;
- `conversations`: a list with `from` (`human`, `gpt`) and `value`;
- `fields`: `instruction`, `input` and `output`;
- `prompt_completion`: two texts;
- `pairs`: `prompt`, `chosen` and `rejected`, lists with `role` and `content`; for LLaMA-Factory, which takes no lists
  for the answers, texts;
- `ranked`: `prompt` as such a list, `chosen` and `rejected` a message each, for LLaMA-Factory alone.
"""

_ROLES = {
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
    "system_tag": "system",
}
_LLAMA_FACTORY: dict[Shape, dict[str, Any]] = {
    "messages": {"formatting": "sharegpt", "columns": {"messages": "messages"}, "tags": _ROLES},
    "conversations": {"formatting": "sharegpt", "columns": {"messages": "conversations"}},
    "fields": {
        "formatting": "alpaca",
        "columns": {"prompt": "instruction", "query": "input", "response": "output"},
    },
    "prompt_completion": {"formatting": "alpaca", "columns": {"prompt": "prompt", "response": "completion"}},
    "pairs": {
        "formatting": "alpaca",
        "ranking": True,
        "columns": {"prompt": "prompt", "chosen": "chosen", "rejected": "rejected"},
    },
    "ranked": {
        "formatting": "sharegpt",
        "ranking": True,
        "columns": {"messages": "prompt", "chosen": "chosen", "rejected": "rejected"},
        "tags": _ROLES,
    },
}
_AXOLOTL: dict[Shape, dict[str, Any]] = {
    "messages": {"type": "chat_template", "field_messages": "messages"},
    "conversations": {
        "type": "chat_template",
        "field_messages": "conversations",
        "message_property_mappings": {"role": "from", "content": "value"},
    },
    "fields": {"type": "alpaca"},
    "prompt_completion": {
        "type": {
            "field_instruction": "prompt",
            "field_output": "completion",
            "format": "{instruction}",
            "no_input_format": "{instruction}",
        }
    },
    "pairs": {
        "type": "chat_template.default",
        "field_messages": "prompt",
        "field_chosen": "chosen",
        "field_rejected": "rejected",
    },
}


def llama_factory_entry(shape: Shape, file: str) -> dict[str, Any]:
    """What `dataset_info.json` says of a file, which lies beside it."""
    return {"file_name": file, **_LLAMA_FACTORY[shape]}


def llama_factory_options(name: str, held_out: str | None) -> dict[str, Any]:
    """The options of LLaMA-Factory that name the data, for its YAML; the folder is that of `dataset_info.json`."""
    return {"dataset": name, "dataset_dir": ".", **({"eval_dataset": held_out} if held_out else {})}


def axolotl_options(shape: Shape, file: str, held_out: str | None) -> dict[str, Any]:
    """The options of axolotl that name the data, for its YAML."""
    options: dict[str, Any] = {"rl": "dpo"} if shape == "pairs" else {}
    for key, path in (("datasets", file), ("test_datasets", held_out)):
        if path:
            options[key] = [{"path": path, "ds_type": "json", "split": "train", **_AXOLOTL[shape]}]
    return options
