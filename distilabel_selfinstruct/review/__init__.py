"""Review closes the loop: instances out to annotators, percentages, corrections and new seed tasks back."""

from distilabel_selfinstruct.review.errors import ReviewError
from distilabel_selfinstruct.review.quality import Quality, Share, read_quality
from distilabel_selfinstruct.review.reviewing import PushResult, pull_review, push_review, review_seeds, write_review
from distilabel_selfinstruct.review.tables import quality_caption, quality_table, quality_tables, render_quality

__all__ = [
    "PushResult",
    "Quality",
    "ReviewError",
    "Share",
    "pull_review",
    "push_review",
    "quality_caption",
    "quality_table",
    "quality_tables",
    "read_quality",
    "render_quality",
    "review_seeds",
    "write_review",
]
