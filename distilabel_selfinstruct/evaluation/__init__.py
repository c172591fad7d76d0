"""Step 4 of the paper: a model answers a benchmark, and is scored; several models are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distilabel_selfinstruct.lazy import lazy_names

if TYPE_CHECKING:
    from distilabel_selfinstruct.evaluation.comparing import Comparison, compare
    from distilabel_selfinstruct.evaluation.config import EvaluationConfig
    from distilabel_selfinstruct.evaluation.evaluating import evaluate
    from distilabel_selfinstruct.evaluation.folder import EvaluationFolder
    from distilabel_selfinstruct.evaluation.intervals import Difference, Estimate
    from distilabel_selfinstruct.evaluation.scoring import Scores

__all__ = [
    "Comparison",
    "Difference",
    "Estimate",
    "EvaluationConfig",
    "EvaluationFolder",
    "Scores",
    "compare",
    "evaluate",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "evaluation.comparing": ["Comparison", "compare"],
        "evaluation.config": ["EvaluationConfig"],
        "evaluation.evaluating": ["evaluate"],
        "evaluation.folder": ["EvaluationFolder"],
        "evaluation.intervals": ["Difference", "Estimate"],
        "evaluation.scoring": ["Scores"],
    },
)
