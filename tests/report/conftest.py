"""A small run folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.report.run_rows import whole_run


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    return whole_run(tmp_path / "run")
