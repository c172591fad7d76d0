"""Review closes the loop: instances out to annotators, percentages, corrections and new seed tasks back."""

from distilabel_selfinstruct.errors import ReviewError
from distilabel_selfinstruct.review.agreement import Agreement, Judge, find_agreement, judge_review, read_agreements
from distilabel_selfinstruct.review.quality import Quality, Share, read_quality
from distilabel_selfinstruct.review.reviewing import PushResult, pull_review, push_review, review_seeds, write_review
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
    "pull_review",
    "push_review",
    "quality_caption",
    "quality_table",
    "quality_tables",
    "read_agreements",
    "read_quality",
    "render_agreements",
    "render_quality",
    "review_seeds",
    "write_review",
]
