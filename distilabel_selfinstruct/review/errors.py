"""What can go wrong with a review."""

from __future__ import annotations

from distilabel_selfinstruct.errors import SelfInstructError


class ReviewError(SelfInstructError):
    """A review that cannot go on: an unreachable server, a refused key, a file or a dataset that does not fit."""
