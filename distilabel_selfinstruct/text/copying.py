"""Texts that are words of the prompt itself: of what stands around its shots."""

from __future__ import annotations

from functools import lru_cache

from distilabel_selfinstruct.text.rouge import unicode_tokens

_RUN = 4  # words in a row that are no coincidence
_SHARE = 0.5  # of a text's words in such runs
TOLD = 0.4  # of the words of a query that asks nothing: it tells what its document says


def copies(text: str, frame: str, share: float = _SHARE) -> bool:
    """Whether so many of a text's words, or more, stand in the frame of the prompt, four or more in a row."""
    words = unicode_tokens(text)
    of_frame = _runs_of(frame)
    copied: set[int] = set()
    for at, run in enumerate(_runs(words)):
        if run in of_frame:
            copied.update(range(at, at + _RUN))
    return bool(copied) and len(copied) >= share * len(words)


@lru_cache(maxsize=64)
def _runs_of(frame: str) -> frozenset[tuple[str, ...]]:
    return frozenset(_runs(unicode_tokens(frame)))


def _runs(words: list[str]) -> list[tuple[str, ...]]:
    return [tuple(words[at : at + _RUN]) for at in range(len(words) - _RUN + 1)]
