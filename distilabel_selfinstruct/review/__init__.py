"""Review closes the loop: instances out to annotators, percentages, corrections and new seed tasks back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distilabel_selfinstruct.lazy import lazy_names

if TYPE_CHECKING:
    from distilabel_selfinstruct.errors import ReviewError
    from distilabel_selfinstruct.review.agreement import Agreement, Judge, find_agreement, read_agreements
    from distilabel_selfinstruct.review.judging import judge_review
    from distilabel_selfinstruct.review.quality import Quality, read_quality
    from distilabel_selfinstruct.review.rating import pull_answers, push_answers, render_ratings
    from distilabel_selfinstruct.review.reviewing import (
        PushResult,
        pull_review,
        push_review,
        review_seeds,
        write_review,
    )
    from distilabel_selfinstruct.review.tables import (
        judge_caption,
        judge_note,
        judge_table,
        quality_caption,
        quality_table,
        quality_tables,
        render_agreements,
        render_quality,
    )
    from distilabel_selfinstruct.shares import Share

__all__ = [
    "Agreement",
    "Judge",
    "PushResult",
    "Quality",
    "ReviewError",
    "Share",
    "find_agreement",
    "judge_caption",
    "judge_note",
    "judge_review",
    "judge_table",
    "pull_answers",
    "pull_review",
    "push_answers",
    "push_review",
    "quality_caption",
    "quality_table",
    "quality_tables",
    "read_agreements",
    "read_quality",
    "render_agreements",
    "render_quality",
    "render_ratings",
    "review_seeds",
    "write_review",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "errors": ["ReviewError"],
        "review.agreement": ["Agreement", "Judge", "find_agreement", "read_agreements"],
        "review.judging": ["judge_review"],
        "review.quality": ["Quality", "read_quality"],
        "review.rating": ["pull_answers", "push_answers", "render_ratings"],
        "review.reviewing": ["PushResult", "pull_review", "push_review", "review_seeds", "write_review"],
        "review.tables": [
            "judge_caption",
            "judge_note",
            "judge_table",
            "quality_caption",
            "quality_table",
            "quality_tables",
            "render_agreements",
            "render_quality",
        ],
        "shares": ["Share"],
    },
)
