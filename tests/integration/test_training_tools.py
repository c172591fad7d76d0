"""What `self-instruct train --write` writes, read by the tools' own code.

TRL is installed for it; of the others the wheels are enough, unpacked in the folder TRAINING_TOOLS
(`tests/integration/install_servers.sh` puts them there).
"""

from __future__ import annotations

import ast
import dataclasses
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from distilabel_selfinstruct.training.config import TrainConfig
from distilabel_selfinstruct.training.writing import write_config
from tests.support.tiny_model import make_tiny_model
from tests.training.test_writing import CHAT, PAIR, TEXT

trl = pytest.importorskip("trl", reason='needs the extra train: pip install -e ".[train]"')
pytestmark = [pytest.mark.slow, pytest.mark.server, pytest.mark.filterwarnings("ignore")]

ROWS = {"chat": (CHAT, "sft"), "text": (TEXT, "sft"), "pair": (PAIR, "dpo")}
EVERY = [(kind, weights, base) for kind in ROWS for weights in ("lora", "full") for base in (False, True)]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    make_tiny_model(folder / "chat")
    make_tiny_model(folder / "base", chat=False)
    return folder


@pytest.fixture
def tools() -> Path:
    if not (folder := os.environ.get("TRAINING_TOOLS")):
        pytest.skip("needs the tools' wheels: tests/integration/install_servers.sh")
    return Path(folder)


def write(tool: Any, kind: str, weights: Any, is_base: bool, models: Path, folder: Path) -> Path:
    row, method = ROWS[kind]
    (folder / "rows.jsonl").write_text((json.dumps(row) + "\n") * 8, encoding="utf-8")
    config = TrainConfig(
        model=str(models / ("base" if is_base else "chat")), out=str(folder / "out"), write=tool, method=method,
        weights=weights, max_steps=1, max_length=256,
    )  # fmt: skip
    write_config(str(folder / "rows.jsonl"), config)
    return folder / "out" / f"{tool}.yaml"


@pytest.mark.parametrize(
    ("kind", "weights", "is_base"),
    [("chat", "lora", True), ("chat", "full", False), ("text", "lora", False), ("pair", "full", False)],
)
def test_trl_trains_with_it(kind: str, weights: str, is_base: bool, models: Path, tmp_path: Path) -> None:
    """Its own command, to the end: one step."""
    path = write("trl", kind, weights, is_base, models, tmp_path)
    method = ROWS[kind][1]
    words = [sys.executable, "-m", f"trl.scripts.{method}", "--config", str(path), "--use_cpu", "--bf16", "false"]
    result = subprocess.run(words, capture_output=True, text=True, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    assert result.returncode == 0, result.stderr[-2000:]
    assert any((tmp_path / "out" / "output").glob("*model.safetensors"))


@pytest.mark.parametrize(("kind", "weights", "is_base"), EVERY)
def test_axolotl_takes_it(
    kind: str, weights: str, is_base: bool, tools: Path, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own pydantic model, which checks values and what goes together; and there are no names that it ignores."""
    monkeypatch.syspath_prepend(str(tools / "axolotl"))
    config_module = pytest.importorskip("axolotl.utils.schemas.config", exc_type=ImportError)
    values = yaml.safe_load(write("axolotl", kind, weights, is_base, models, tmp_path).read_text(encoding="utf-8"))
    config_module.AxolotlInputConfig(**values)
    assert set(values) <= set(config_module.AxolotlInputConfig.model_fields)


@pytest.mark.parametrize(("kind", "weights", "is_base"), EVERY)
def test_llama_factory_knows_every_name(
    kind: str, weights: str, is_base: bool, tools: Path, models: Path, tmp_path: Path
) -> None:
    """Of its own dataclasses, which take nothing else, and those of transformers beneath them."""
    from transformers import TrainingArguments

    path = write("llama-factory", kind, weights, is_base, models, tmp_path)
    known = {
        name
        for source in (tools / "llamafactory" / "llamafactory" / "hparams").glob("*_args.py")
        for name in _fields(source)
    }
    known |= {field.name for field in dataclasses.fields(TrainingArguments)}
    assert set(yaml.safe_load(path.read_text(encoding="utf-8"))) <= known
    parser = tools / "llamafactory" / "llamafactory" / "data" / "parser.py"
    (info,) = json.loads((path.parent / "dataset_info.json").read_text(encoding="utf-8")).values()
    columns = {*info.get("columns", {}), *info.get("tags", {}), *(info.keys() - {"columns", "tags", "file_name"})}
    assert columns <= set(_fields(parser))


@pytest.mark.parametrize("weights", ["lora", "full"])
def test_unsloth_takes_it(weights: str, tools: Path, models: Path, tmp_path: Path) -> None:
    """Its own reader of config files."""
    spec = importlib.util.spec_from_file_location("unsloth_config", tools / "unsloth" / "unsloth_cli" / "config.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    config = module.load_config(write("unsloth", "chat", weights, False, models, tmp_path))
    assert (config.training.training_type, config.training.max_seq_length) == (weights, 256)


def _fields(path: Path) -> Iterator[str]:
    """The names of all fields of all classes in a module."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef):
            yield from (line.target.id for line in node.body if isinstance(line, ast.AnnAssign))  # type: ignore[union-attr]
