"""What is exported is read by the very code of the tools that it is for."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import yaml

from distilabel_selfinstruct.runs.export import export
from tests.support.tiny_model import make_tiny_model

pytestmark = [pytest.mark.slow, pytest.mark.server, pytest.mark.filterwarnings("ignore")]

ROWS = [{"instruction": f"Add {at}.", "input": f"{at}, 2", "output": str(at + 2)} for at in range(12)]
PAIRS = [{"prompt": f"Add {at}.", "chosen": str(at), "rejected": "No."} for at in range(12)]
FORMATS = ["openai", "chatml", "sharegpt", "alpaca", "prompt_completion", "preference"]


@pytest.fixture(params=FORMATS)
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    (tmp_path / "rows.json").write_text(json.dumps(PAIRS if request.param == "preference" else ROWS))
    export(str(tmp_path / "rows.json"), request.param, tmp_path / request.param, share=0.75)
    return tmp_path / request.param


def bare_package(name: str) -> ModuleType:
    """A package without what its `__init__` imports: the modules that read data need no trainer."""
    spec = importlib.util.find_spec(name.partition(".")[0])
    assert spec is not None
    assert spec.submodule_search_locations is not None
    package = ModuleType(name)
    package.__path__ = [str(Path(spec.submodule_search_locations[0], *name.split(".")[1:]))]
    return package


def test_llama_factory_reads_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("llamafactory", reason="needs LLaMA-Factory: pip install --no-deps llamafactory")
    pytest.importorskip("transformers")
    monkeypatch.setitem(sys.modules, "llamafactory.data", bare_package("llamafactory.data"))
    parser = importlib.import_module("llamafactory.data.parser")
    converter = importlib.import_module("llamafactory.data.converter")
    options = yaml.safe_load((folder / "llama_factory.yaml").read_text())
    read = parser.get_dataset_list([options["dataset"], options["eval_dataset"]], str(folder))
    for attributes, count in zip(read, (9, 3)):
        convert = converter.get_dataset_converter(
            attributes.formatting, attributes, SimpleNamespace(media_dir=str(folder))
        )
        rows = [json.loads(line) for line in (folder / attributes.dataset_name).read_text().splitlines()]
        assert len(rows) == count
        for row in rows:
            told = convert(row)
            assert told["_prompt"][-1]["role"] == "user"
            assert "Add" in told["_prompt"][-1]["content"]
            assert len(told["_response"]) == (2 if folder.name == "preference" else 1)
            assert all(each["role"] == "assistant" and each["content"].strip() for each in told["_response"])


def test_trl_reads_it(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own way from rows to texts; Alpaca's and ShareGPT's columns are no format of it."""
    pytest.importorskip("torch", reason='needs TRL: pip install trl "torch" transformers')
    data_utils: Any = pytest.importorskip("trl.data_utils", reason="needs TRL: pip install trl torch transformers")
    from datasets import load_dataset
    from transformers import AutoTokenizer

    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    rows = load_dataset("json", data_files=str(folder / "train.jsonl"), split="train")
    if folder.name in ("alpaca", "sharegpt"):
        if folder.name == "sharegpt":
            assert data_utils.maybe_convert_to_chatml(rows[0])["messages"][0]["content"].startswith("Add")
        return
    tokenizer = AutoTokenizer.from_pretrained(str(make_tiny_model(tmp_path / "model")))
    assert data_utils.is_conversational(rows[0]) == (folder.name != "prompt_completion")
    texts = data_utils.maybe_apply_chat_template(rows[0], tokenizer)
    assert "Add" in texts.get("text", texts.get("prompt"))


def test_axolotl_reads_it(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its strategies for chats and for pairs; the others are of its templates, and read three or two columns."""
    pytest.importorskip("axolotl", reason="needs axolotl: pip install --no-deps axolotl; pip install addict")
    pytest.importorskip("addict")
    from transformers import AutoTokenizer

    for name in ("prompt_strategies", "prompt_strategies.dpo", "utils", "utils.schemas"):
        monkeypatch.setitem(sys.modules, f"axolotl.{name}", bare_package(f"axolotl.{name}"))
    options = yaml.safe_load((folder / "axolotl.yaml").read_text())
    entry = options["datasets"][0]
    row = json.loads((folder / entry["path"]).read_text().splitlines()[0])
    known = importlib.import_module("axolotl.utils.dict").DictDefault
    tokenizer = AutoTokenizer.from_pretrained(str(make_tiny_model(tmp_path / "model")))
    config = known({"chat_template": "tokenizer_default", "sequence_len": 512, **options})
    if folder.name == "preference":
        transform, _ = importlib.import_module("axolotl.prompt_strategies.dpo.chat_template").default(config)
        told = transform(row, tokenizer=tokenizer)
        assert "Add" in told["prompt"]
        assert told["rejected"].startswith("No.")
    elif entry["type"] == "chat_template":
        strategy = importlib.import_module("axolotl.prompt_strategies.chat_template")
        read = strategy.load(tokenizer, config, known(entry)).tokenize_prompt(row)
        learned = [token for token in read["labels"] if token != -100]
        said = (row.get("messages") or row["conversations"])[1]
        assert (said.get("content") or said["value"]) in tokenizer.decode(learned)
        assert "Add" not in tokenizer.decode(learned)
        assert "Add" in tokenizer.decode(read["input_ids"])
    else:
        columns = {"alpaca": {"instruction", "input", "output"}, "prompt_completion": {"prompt", "completion"}}
        assert row.keys() == columns[folder.name]
