"""The data files that come with this package: in an installed wheel inside it, in a clone beside it."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]
_FOLDER = next(folder for folder in (_PACKAGE / "seed_files", _PACKAGE.parent / "seeds") if folder.is_dir())

PROJECT_SEEDS = _FOLDER / "seed_tasks.jsonl"
MEDICAL_TERMS = _FOLDER / "medical_terms.jsonl"
