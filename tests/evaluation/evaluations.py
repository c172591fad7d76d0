"""Small benchmarks and evaluations for the tests."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from distilabel_selfinstruct.evaluation import EvaluationConfig, Scores, evaluate
from distilabel_selfinstruct.runs.config import read_config

CAPITALS = {"Peru": "Lima", "Chile": "Santiago", "Kenya": "Nairobi", "Japan": "Tokyo", "Egypt": "Cairo"}


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def capitals(folder: Path) -> Path:
    """A benchmark: a question a country, named after it."""
    rows = [
        {"id": country, "instruction": f"Name the capital of {country}.", "input": "", "output": capital}
        for country, capital in CAPITALS.items()
    ]
    return write_rows(folder / "capitals.jsonl", rows)


def config(folder: Path, out: str, **options: Any) -> EvaluationConfig:
    given = {"benchmark": "rows", "tasks": str(capitals(folder)), "out": str(folder / out), **options}
    return read_config(given, {}, "", EvaluationConfig)


def predicted(folder: Path, out: str, answers: Mapping[str, str], **options: Any) -> Scores:
    """The evaluation of these answers, by country; that of a model called as the folder is."""
    rows = [{"id": country, "response": answers.get(country, "")} for country in CAPITALS]
    file = write_rows(folder / f"{out}.said.jsonl", rows)
    return evaluate(config(folder, out, predictions=str(file), model=out, **options))
