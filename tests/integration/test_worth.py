"""benchmarks/worth.py at a size that only shows that it works, with a tiny model: its figures mean nothing here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support.tiny_model import make_tiny_model

for package in ("torch", "trl", "peft"):
    pytest.importorskip(package, reason='needs the extra train: pip install -e ".[train]"')
pytestmark = [pytest.mark.slow, pytest.mark.server, pytest.mark.filterwarnings("ignore")]


def test_it_goes_on_where_it_was_and_prints_its_tables(tmp_path: Path) -> None:
    model = make_tiny_model(tmp_path / "tiny")
    words = [sys.executable, str(ROOT / "benchmarks" / "worth.py"), "--quick", "--model", str(model), "--out",
             str(tmp_path / "worth"), "--data", str(tmp_path / "none")]  # fmt: skip
    result = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-2000:]
    table = [line.split("|")[1].strip() for line in result.stdout.splitlines() if line.startswith("| ")]
    assert table[:5] == ["held-out, exact match", ":--", "base", "ours", "unfiltered"]
    trained = tmp_path / "worth" / "ours-0" / "training" / "model" / "model.safetensors"
    before = trained.stat().st_mtime_ns
    again = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert (again.stdout, trained.stat().st_mtime_ns) == (result.stdout, before)
