"""Texts and lists that repeat themselves, as small models and base models do until they are cut."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Hashable, Sequence

from distilabel_selfinstruct.text.rouge import unicode_tokens
from distilabel_selfinstruct.text.sentences import sentences

_MOST_WORDS, _MOST_CHARACTERS = 60, 40  # that a block which is repeated may have
_LEAST_WORDS, _LEAST_CHARACTERS = 12, 60  # that a block and its repetitions take at least
_TIMES = 3
_PHRASE = 4  # words that nobody says twice in one instruction
_SHARE = 0.5  # of the text
_WINDOW, _STEP = 512, 64  # characters that are looked at, and from one look to the next
_REPEATED = 0.65  # of the runs of words in them; 0.49 is the most in what people and large models wrote
_FEW, _PACKED = 16, 0.1  # runs, below which it is the signs that count: what their bytes take when packed


def begins_to_repeat(items: Sequence[Hashable]) -> int:
    """The place from which a list brings nothing but what it has brought before; its length where it does not.

    One item that comes again at the end is no loop: two are.
    """
    places = {item: place for place, item in reversed(list(enumerate(items)))}
    last_new = max(places.values(), default=-1)
    return last_new + 1 if len(items) - last_new > 2 else len(items)


def place_to_end(text: str, looked_at: int = 0) -> int | None:
    """Where a text that is being written may be ended, since it goes round; None where it does not.

    It is the same place however the text arrives: a multiple of 64 characters, the first before which most runs of four
    words are repetitions (seq-rep-4, arXiv 1908.04319). So sentences that differ in a word may be ended, and a grid of
    the same two numbers, but not tables, code and JSON, whose lines only have the same frame.

    Args:
        text: what has been written so far.
        looked_at: characters of it that were looked at before.
    """
    first = max(_WINDOW, (looked_at // _STEP + 1) * _STEP)
    return next((end for end in range(first, len(text) + 1, _STEP) if _goes_round(text[end - _WINDOW : end])), None)


def _goes_round(text: str) -> bool:
    words = unicode_tokens(text)
    runs = [tuple(words[at : at + _PHRASE]) for at in range(len(words) - _PHRASE + 1)]
    if len(runs) >= _FEW:
        return len(set(runs)) <= (1 - _REPEATED) * len(runs)
    content = text.encode("utf-8", "surrogatepass")
    return len(zlib.compress(content)) <= _PACKED * len(content)


def repeats_itself(text: str) -> bool:
    """Whether half of a text or more is one phrase, repeated on end three times or more.

    Phrases have words, or, in scripts and in strings without spaces, characters; lines of signs alone are drawings.
    """
    words = text.split()
    if _has_run(words, _MOST_WORDS, _LEAST_WORDS):
        return True
    longest = max(words, key=len, default="")
    return len(longest) >= _LEAST_CHARACTERS and _has_run(longest, _MOST_CHARACTERS, _LEAST_CHARACTERS)


def says_twice(text: str) -> bool:
    """Whether a text says a sentence of four words or more again, or is one phrase of so many, said twice."""
    said = [tuple(unicode_tokens(sentence)) for sentence in sentences(text)]
    if any(count > 1 and len(sentence) >= _PHRASE for sentence, count in Counter(said).items()):
        return True
    words = unicode_tokens(text)
    half = len(words) // 2
    return half >= _PHRASE and words[:half] == words[-half:]


def _has_run(items: Sequence[str], most: int, least: int) -> bool:
    """Whether a block of at most so many items is repeated for at least so many, and half of all."""
    enough = max(least, _SHARE * len(items))
    return any(
        run >= max(enough, _TIMES * period) and any(map(str.isalnum, "".join(items[end - period : end])))
        for period in range(1, min(most, len(items) // _TIMES) + 1)
        for run, end in [_longest_run(items, period)]
    )


def _longest_run(items: Sequence[str], period: int) -> tuple[int, int]:
    """How many items the longest stretch has in which each equals the one a period before, and where it ends."""
    best = (0, 0)
    run = 0
    for place in range(period, len(items)):
        run = run + 1 if items[place] == items[place - period] else 0
        if run and run + period > best[0]:
            best = (run + period, place + 1)
    return best
