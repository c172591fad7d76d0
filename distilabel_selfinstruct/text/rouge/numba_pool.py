"""The pool compiled with numba (the extra `fast`): the filters and the floats of `PythonPool`.

Texts lie one after the other in flat arrays, and so do the lists of the inverted index. Everything runs on one thread.
Where it counts, indices are unsigned (numba tests every signed one for a negative) and arrays are taken out of their
tuple before a loop (each time costs two atomic operations): the loops take half the time.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from distilabel_selfinstruct.text.rouge.pool import Match, Similarities, mean_score
from distilabel_selfinstruct.text.rouge.vocabulary import Vocabulary

_Numbers = NDArray[np.uint32]
_Longs = NDArray[np.int64]
_Bits = NDArray[np.uint64]
_Floats = NDArray[np.float64]
_Function = TypeVar("_Function", bound=Callable[..., Any])
_Array = TypeVar("_Array", bound=NDArray[Any])

_BLOCK = 64  # words of a text that the bits of one machine word stand for

# A posting is two integers: a text's position, length and the element's place in it, and the text's signature. A length
# or a place too large for its field fills the field: such a length is looked up, such a place filters less.
_FIELD_BITS = 14
_FIELD = (1 << _FIELD_BITS) - 1


def _compiled(function: _Function) -> _Function:
    """The function as numba compiles it, once on a machine where there is a folder to keep that in."""
    try:
        return cast(_Function, numba.njit(cache=True)(function))
    except RuntimeError:  # no folder: compile it in every process
        return cast(_Function, numba.njit(function))


class _Texts(NamedTuple):
    """Text i has the words numbers[starts[i]:starts[i + 1]]; at the same places its elements, in rare-first order."""

    numbers: _Numbers
    elements: _Numbers
    starts: _Longs


class _Postings(NamedTuple):
    """The inverted index: counts[e] postings of element e from arena[starts[e]] on, and room for capacities[e]."""

    starts: _Longs
    counts: _Longs
    capacities: _Longs
    arena: _Longs  # two columns
    used: int


class _Scratch(NamedTuple):
    """Memory that the functions use again and again."""

    masks: _Bits  # by word: its places in a block; all 0 between calls
    carries: _Bits  # by place in the other text: what the additions carry from block to block
    leeway: _Longs  # by length of the other text: how many of its words may be missing from the LCS; -1 between calls
    checked: _Longs  # by position: the last query that came as far as the LCS


@_compiled
def _bit_count(bits: np.uint64) -> int:
    bits = bits - ((bits >> np.uint64(1)) & np.uint64(0x5555555555555555))
    bits = (bits & np.uint64(0x3333333333333333)) + ((bits >> np.uint64(2)) & np.uint64(0x3333333333333333))
    bits = (bits + (bits >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((bits * np.uint64(0x0101010101010101)) >> np.uint64(56))  # type: ignore[return-value]


@_compiled
def _f_measure(lcs: int, words: int, other_words: int) -> float:
    if lcs == 0:
        return 0.0
    precision, recall = lcs / other_words, lcs / words
    return 2 * precision * recall / (precision + recall)


@_compiled
def _required_lcs(words: int, other_words: int, threshold: float) -> int:
    """As `bounds.required_lcs`; one more than the texts can have where none is enough."""
    most = min(words, other_words)
    lcs = max(1, int(threshold * (words + other_words) / 2) - 1)
    while lcs <= most and _f_measure(lcs, words, other_words) <= threshold:
        lcs += 1
    return min(lcs, most + 1)


@_compiled
def _shortest_partner(words: int, threshold: float) -> int:
    """The least length with which a text of this length can exceed the threshold; one more than its own for none."""
    partner = max(1, int(words * threshold / (2 - threshold)) - 1)
    while partner <= words and _required_lcs(words, partner, threshold) > partner:
        partner += 1
    return partner


@_compiled
def _prefix_length(words: int, threshold: float) -> int:
    """As `bounds.prefix_length`."""
    partner = _shortest_partner(words, threshold)
    return words - _required_lcs(words, partner, threshold) + 1 if partner <= words else 0


@_compiled
def _fill_leeway(words: int, shortest: int, longest: int, threshold: float, leeway: _Longs) -> int:
    """The length of the longest partner that can exceed the threshold; the required LCS grows with the partner."""
    least = _required_lcs(words, shortest, threshold)
    for partner in range(shortest, longest + 1):
        while least <= words and _f_measure(least, words, partner) <= threshold:
            least += 1
        if least > words:
            return partner - 1
        leeway[partner] = partner - least
    return longest


@_compiled
def _signature(elements: _Numbers) -> np.uint64:
    signature = np.uint64(0)
    for element in elements:
        signature ^= np.uint64(1) << ((np.uint64(element) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(58))
    return signature


@_compiled
def _set_masks(block: _Numbers, masks: _Bits) -> None:
    for place in range(len(block)):
        masks[block[place]] |= np.uint64(1) << np.uint64(place)


@_compiled
def _clear_masks(block: _Numbers, masks: _Bits) -> None:
    for number in block:
        masks[number] = 0


@_compiled
def _lcs_of_block(other: _Numbers, masks: _Bits) -> int:
    """The LCS with a text of one block, whose masks are set: the bits that become 0."""
    unmatched = ~np.uint64(0)
    for number in other:
        matches = masks[number] & unmatched
        unmatched = (unmatched + matches) | (unmatched - matches)
    return _bit_count(~unmatched)


@_compiled
def _lcs(text: _Numbers, other: _Numbers, scratch: _Scratch) -> int:
    """The LCS of texts of any length, block by block; the additions' carries go on into the next block."""
    masks, carries = scratch.masks, scratch.carries
    lcs = 0
    carries[: len(other)] = 0
    for start in range(0, len(text), _BLOCK):
        block = text[start : start + _BLOCK]
        _set_masks(block, masks)
        unmatched = ~np.uint64(0)
        for place in range(len(other)):
            matches = masks[other[place]] & unmatched
            total = unmatched + matches
            carried = total + carries[place]
            carries[place] = np.uint64(total < matches or carried < total)
            unmatched = carried | (unmatched - matches)
        _clear_masks(block, masks)
        lcs += _bit_count(~unmatched)
    return lcs


@_compiled
def _nearest(
    numbers: _Numbers,
    elements: _Numbers,
    texts: _Texts,
    postings: _Postings,
    scratch: _Scratch,
    query: int,
    longest: int,
    threshold: float,
) -> tuple[int, float]:
    """Position and score of the nearest text over the threshold; position -1 where there is none."""
    best_position, best_score = -1, threshold
    words = len(numbers)
    signature = _signature(elements)
    starts, counts, _, arena, _ = postings
    leeway, checked, text_starts = scratch.leeway, scratch.checked, texts.starts
    shortest_partner = _shortest_partner(words, threshold)
    longest_partner = _fill_leeway(words, shortest_partner, longest, threshold, leeway)
    for place in range(words):
        # Positional filter: a partner that needs more words than there are from here on is out, the longest first.
        while longest_partner >= shortest_partner and place + longest_partner - leeway[longest_partner] > words:
            leeway[longest_partner] = -1
            longest_partner -= 1
        if longest_partner < shortest_partner:
            break
        start = starts[elements[place]]
        for slot in range(start, start + counts[elements[place]]):
            posting = arena[slot, 0]
            other_words = (posting >> _FIELD_BITS) & _FIELD
            if other_words < _FIELD and posting & _FIELD > leeway[other_words]:  # length filter, positional filter
                continue
            position = posting >> (2 * _FIELD_BITS)
            if other_words == _FIELD:
                other_words = text_starts[position + 1] - text_starts[position]
            most_different = words - other_words + 2 * leeway[other_words]
            differing = _bit_count(np.uint64(arena[slot, 1]) ^ signature)
            if leeway[other_words] < 0 or differing > most_different or checked[position] == query:
                continue
            checked[position] = query
            other = texts.numbers[text_starts[position] : text_starts[position + 1]]
            score = _f_measure(_lcs(numbers, other, scratch), words, other_words)
            if score > best_score or (score == best_score and position < best_position):
                best_position, best_score = position, score
    leeway[shortest_partner : longest_partner + 1] = -1
    return best_position, best_score


@_compiled
def _with_room(arena: _Longs, used: int, more: int) -> _Longs:
    if used + more <= len(arena):
        return arena
    larger = np.empty((2 * len(arena) + more, 2), np.int64)
    larger[:used] = arena[:used]
    return larger


@_compiled
def _index(position: int, elements: _Numbers, postings: _Postings, threshold: float) -> _Postings:
    """Post a text under each element of its prefix. A list that is full moves to where it has twice the room."""
    starts, counts, capacities, arena, used = postings
    words = len(elements)
    signature = np.int64(_signature(elements))
    for place in range(_prefix_length(words, threshold)):
        element = elements[place]
        start, count = starts[element], counts[element]
        if count == capacities[element]:
            capacity = max(2, 2 * count)
            arena = _with_room(arena, used, capacity)
            arena[used : used + count] = arena[start : start + count]
            start = used
            starts[element], capacities[element] = start, capacity
            used += capacity
        fields = (min(words, _FIELD) << _FIELD_BITS) | min(place, _FIELD)
        arena[start + count, 0] = (position << (2 * _FIELD_BITS)) | fields
        arena[start + count, 1] = signature
        counts[element] = count + 1
    return _Postings(starts, counts, capacities, arena, used)


@_compiled
def _index_all(texts: _Texts, size: int, postings: _Postings, threshold: float) -> _Postings:
    for position in range(size):
        elements = texts.elements[texts.starts[position] : texts.starts[position + 1]]
        postings = _index(position, elements, postings, threshold)
    return postings


@_compiled
def _take(
    new: _Texts,
    checks: bool,
    texts: _Texts,
    size: int,
    postings: _Postings,
    scratch: _Scratch,
    query: int,
    longest: int,
    threshold: float,
    positions: _Longs,
    scores: _Floats,
) -> tuple[int, _Postings]:
    """Write the nearest of each new text, or position -1 and it joins the pool; the pool's new size and index.

    `longest` is the length of the longest text of the pool with the new ones.
    """
    for i in range(len(positions)):
        numbers = new.numbers[new.starts[i] : new.starts[i + 1]]
        elements = new.elements[new.starts[i] : new.starts[i + 1]]
        positions[i], scores[i] = -1, 0.0
        if checks:
            positions[i], scores[i] = _nearest(
                numbers, elements, texts, postings, scratch, query + i, longest, threshold
            )
        if positions[i] == -1:
            start, end = texts.starts[size], texts.starts[size] + len(numbers)
            texts.numbers[start:end] = numbers
            texts.elements[start:end] = elements
            texts.starts[size + 1] = end
            postings = _index(size, elements, postings, threshold)
            size += 1
    return size, postings


@_compiled
def _find(
    queries: _Texts,
    texts: _Texts,
    postings: _Postings,
    scratch: _Scratch,
    query: int,
    longest: int,
    threshold: float,
    positions: _Longs,
    scores: _Floats,
) -> None:
    """Write the nearest of each query, or position -1."""
    for i in range(len(positions)):
        numbers = queries.numbers[queries.starts[i] : queries.starts[i + 1]]
        elements = queries.elements[queries.starts[i] : queries.starts[i + 1]]
        positions[i], scores[i] = _nearest(numbers, elements, texts, postings, scratch, query + i, longest, threshold)


@_compiled
def _score_all(numbers: _Numbers, texts: _Texts, scratch: _Scratch, scores: _Floats) -> None:
    """The score of a text with each text of the pool."""
    words = len(numbers)
    masks, all_numbers, starts = scratch.masks, texts.numbers, texts.starts
    one_block = words <= _BLOCK
    if one_block:
        _set_masks(numbers, masks)
    for position in range(len(scores)):
        other = all_numbers[starts[position] : starts[position + 1]]
        lcs = _lcs_of_block(other, masks) if one_block else _lcs(numbers, other, scratch)
        scores[position] = _f_measure(lcs, words, len(other))
    if one_block:
        _clear_masks(numbers, masks)


def _with_size(values: _Array, size: int) -> _Array:
    """The array with room for `size` entries: larger by half at least, so that growing stays cheap."""
    if len(values) >= size:
        return values
    larger = np.zeros(max(size, len(values) * 3 // 2), values.dtype)
    larger[: len(values)] = values
    return cast(_Array, larger)


class NumbaPool:
    """The pool as numba compiles it; it answers as `PythonPool` does."""

    def __init__(self, threshold: float) -> None:
        self._threshold = float(threshold)
        self._vocabulary = Vocabulary()
        self._size = 0
        self._longest = 0
        self._queries = 0
        self._reorder_at = 256
        self._texts = _Texts(np.zeros(0, np.uint32), np.zeros(0, np.uint32), np.zeros(1, np.int64))
        longs, bits = np.zeros(0, np.int64), np.zeros(0, np.uint64)
        self._postings = _Postings(starts=longs, counts=longs, capacities=longs, arena=longs.reshape(0, 2), used=0)
        self._scratch = _Scratch(masks=bits, carries=bits, leeway=longs, checked=longs)

    def admit_all(self, texts: Sequence[list[str]]) -> list[Match | None]:
        return _matches(*self._take(texts, checks=True))

    def load(self, texts: Sequence[list[str]]) -> None:
        self._take(texts, checks=False)

    def nearest_all(self, texts: Sequence[list[str]]) -> list[Match | None]:
        queries = self._encode(texts)
        positions, scores = np.empty(len(texts), np.int64), np.empty(len(texts))
        _find(
            queries,
            self._texts,
            self._postings,
            self._scratch,
            self._queries + 1,
            self._longest,
            self._threshold,
            positions,
            scores,
        )
        self._queries += len(texts)
        return _matches(positions, scores)

    def similarities(self, words: list[str], k: int) -> Similarities:
        query = self._encode([words])
        scores = np.empty(self._size)
        _score_all(query.numbers, self._texts, self._scratch, scores)
        best = _highest(scores, k)
        return Similarities(
            [Match(*pair) for pair in zip(best.tolist(), scores[best].tolist(), strict=True)], mean_score(scores)
        )

    def _take(self, texts: Sequence[list[str]], checks: bool) -> tuple[_Longs, _Floats]:
        new = self._encode(texts)
        self._make_room(new)
        positions, scores = np.empty(len(texts), np.int64), np.empty(len(texts))
        self._size, self._postings = _take(
            new,
            checks,
            self._texts,
            self._size,
            self._postings,
            self._scratch,
            self._queries + 1,
            self._longest,
            self._threshold,
            positions,
            scores,
        )
        self._queries += len(texts)
        if self._size >= self._reorder_at:
            self._reorder_at = 4 * self._size
            self._reorder()
        return positions, scores

    def _encode(self, texts: Sequence[list[str]]) -> _Texts:
        numbers, elements, starts = array("I"), array("I"), array("q", [0])
        for words in texts:
            sequence, rare_first = self._vocabulary.encode(words)
            numbers.extend(sequence)
            elements.extend(rare_first)
            starts.append(len(numbers))
        names = len(self._vocabulary)
        if names > len(self._scratch.masks):
            self._scratch = self._scratch._replace(masks=_with_size(self._scratch.masks, names))
            self._postings = self._postings._replace(
                starts=_with_size(self._postings.starts, names),
                counts=_with_size(self._postings.counts, names),
                capacities=_with_size(self._postings.capacities, names),
            )
        return _Texts(np.array(numbers), np.array(elements), np.array(starts))

    def _make_room(self, new: _Texts) -> None:
        """Room for the new texts, should all be admitted."""
        size = self._size + len(new.starts) - 1
        if size > len(self._scratch.checked):
            self._scratch = self._scratch._replace(checked=_with_size(self._scratch.checked, size))
            self._texts = self._texts._replace(starts=_with_size(self._texts.starts, len(self._scratch.checked) + 1))
        words = int(self._texts.starts[self._size]) + len(new.numbers)
        if words > len(self._texts.numbers):
            self._texts = self._texts._replace(
                numbers=_with_size(self._texts.numbers, words), elements=_with_size(self._texts.elements, words)
            )
        longest = int((new.starts[1:] - new.starts[:-1]).max(initial=0))
        if longest > self._longest:
            self._longest = longest
            self._scratch = self._scratch._replace(
                carries=_with_size(self._scratch.carries, longest + 1), leeway=np.full(longest + 1, -1)
            )

    def _reorder(self) -> None:
        elements, starts = self._texts.elements, self._texts.starts
        self._vocabulary.order_by(np.bincount(elements[: starts[self._size]], minlength=len(self._vocabulary)).tolist())
        for start, end in zip(starts[: self._size].tolist(), starts[1 : self._size + 1].tolist(), strict=True):
            elements[start:end] = self._vocabulary.rare_first(elements[start:end].tolist())
        self._postings.counts[:] = 0
        self._postings.capacities[:] = 0
        self._postings = _index_all(self._texts, self._size, self._postings._replace(used=0), self._threshold)


def _matches(positions: _Longs, scores: _Floats) -> list[Match | None]:
    """What was found, of what compiled code has written."""
    return [
        None if position == -1 else Match(position, score)
        for position, score in zip(positions.tolist(), scores.tolist(), strict=True)
    ]


def _highest(scores: _Floats, k: int) -> _Longs:
    """The positions of the k highest scores, best first, of equal ones the first."""
    candidates = np.arange(len(scores))
    if k < len(scores):
        candidates = np.flatnonzero(scores >= np.partition(scores, -k)[-k]) if k else candidates[:0]
    return candidates[np.argsort(-scores[candidates], kind="stable")][:k]
