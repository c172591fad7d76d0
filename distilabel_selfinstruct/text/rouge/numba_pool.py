"""The pool compiled with numba (the extra `fast`): the filters and the floats of `PythonPool`.

Texts lie one after the other in flat arrays. A posting is one integer, so that the inverted index is a sorted array of
integers; the postings of the last texts stand aside, each with the one before it of its element, until they are merged
into it. While compiled code works on some texts, another thread makes numbers of the words of the next ones.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from distilabel_selfinstruct.text.rouge.pool import Match, Similarities, mean_score
from distilabel_selfinstruct.text.rouge.vocabulary import NumberOf

_Numbers = NDArray[np.uint32]
_Longs = NDArray[np.int64]
_Bits = NDArray[np.uint64]
_Floats = NDArray[np.float64]
_Function = TypeVar("_Function", bound=Callable[..., Any])

_BLOCK = 64  # words of a text that the bits of one machine word stand for

# A posting has, from its highest bits to its lowest: an element, its place in the text, the length of the text and its
# position in the pool. A place or a length too large for its field fills the field: such a length is looked up, such a
# place filters less. An element too large for its field shares a list with another one, which costs a few looks.
_POSITION_BITS, _LENGTH_BITS, _PLACE_BITS, _ELEMENT_BITS = 27, 6, 5, 25
_PLACE_AT = _POSITION_BITS + _LENGTH_BITS
_ELEMENT_AT = _PLACE_AT + _PLACE_BITS
_MOST_TEXTS, _LENGTH, _PLACE = (1 << _POSITION_BITS) - 1, (1 << _LENGTH_BITS) - 1, (1 << _PLACE_BITS) - 1
_ELEMENT = (1 << _ELEMENT_BITS) - 1

# The elements of second, third ... occurrences of words come first; some may share one, and no decision is another one.
_REPEATS = 1 << 16

_LEAST_ASIDE, _SHARE_ASIDE = 1_000, 32  # texts that stand aside: so many at least, and this part of the pool


def _compiled(function: _Function) -> _Function:
    """The function as numba compiles it, once on a machine where there is a folder to keep that in."""
    try:
        return cast(_Function, numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:  # no folder: compile it in every process
        return cast(_Function, numba.njit(nogil=True)(function))


class _Texts(NamedTuple):
    """Text i has the words numbers[starts[i]:starts[i + 1]]."""

    numbers: _Numbers
    starts: _Longs
    signatures: _Bits


class _Index(NamedTuple):
    """The postings of element e: postings[starts[e]:starts[e + 1]], and aside[last[e]] with those before it."""

    postings: _Longs
    starts: _Longs
    aside: _Longs
    before: _Longs  # by place aside: the place of the one before; -1 for none
    last: _Longs  # by element


class _Scratch(NamedTuple):
    """Memory that the functions use again and again."""

    ranks: _Longs  # by element: the global order; no memory but a part of the pool
    masks: _Bits  # by word: its places in a block; all 0 between calls
    seen: _Numbers  # by word: how often a text has had it; all 0 between calls
    carries: _Bits  # by place in the other text: what the additions carry from block to block
    leeway: _Longs  # by length of the other text: how many of its words may be missing from the LCS; -1 between calls
    shortest: _Longs  # by place in the other text: the least length with so much leeway
    order: _Longs  # by place in the text
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
def _fill_leeway(words: int, shortest: int, longest: int, threshold: float, scratch: _Scratch) -> int:
    """The length of the longest partner that can exceed the threshold; the required LCS grows with the partner."""
    leeway, shortest_at = scratch.leeway, scratch.shortest
    shortest_at[:] = _LENGTH + 1
    least = _required_lcs(words, shortest, threshold)
    place = 0
    for partner in range(shortest, longest + 1):
        while least <= words and _f_measure(least, words, partner) <= threshold:
            least += 1
        if least > words:
            return partner - 1
        leeway[partner] = partner - least
        while place <= min(partner - least, _PLACE):
            shortest_at[place] = min(partner, _LENGTH)
            place += 1
    return longest


@_compiled
def _elements(numbers: _Numbers, scratch: _Scratch) -> _Numbers:
    """The elements of a text in rare-first order."""
    ranks, seen, order = scratch.ranks, scratch.seen, scratch.order[: len(numbers)]
    for place in range(len(numbers)):
        number = np.uint64(numbers[place])
        nth = np.uint64(seen[numbers[place]])
        seen[numbers[place]] += 1
        repeat = ((number * np.uint64(31) + nth) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(48)
        order[place] = ranks[repeat if nth else number + np.uint64(_REPEATS)]
    order.sort()
    elements = np.empty(len(numbers), np.uint32)
    for place in range(len(numbers)):
        seen[numbers[place]] = 0
        rank = order[place]
        elements[place] = -1 - rank if rank < 0 else rank & 0xFFFFFFFF
    return elements


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
def _may_match(posting: int, words: int, signature: np.uint64, texts: _Texts, leeway: _Longs) -> bool:
    """Whether length filter, positional filter and bitmap filter let a text pass."""
    position = posting & _MOST_TEXTS
    other_words = (posting >> _POSITION_BITS) & _LENGTH
    if other_words == _LENGTH:
        other_words = texts.starts[position + 1] - texts.starts[position]
    allowed = leeway[other_words]
    place = (posting >> _PLACE_AT) & _PLACE
    if allowed < 0 or (place > allowed and place < _PLACE):
        return False
    return bool(_bit_count(texts.signatures[position] ^ signature) <= words - other_words + 2 * allowed)


@_compiled
def _first_from(postings: _Longs, start: int, end: int, least: int) -> int:
    """The first place from `start` on whose posting is `least` or more: in steps that double, then by halves."""
    step = 1
    while start + step < end and postings[start + step] < least:
        start += step
        step *= 2
    end = min(start + step, end)
    while start < end:
        middle = (start + end) >> 1
        if postings[middle] < least:
            start = middle + 1
        else:
            end = middle
    return start


@_compiled
def _nearest(
    numbers: _Numbers,
    elements: _Numbers,
    texts: _Texts,
    index: _Index,
    scratch: _Scratch,
    query: int,
    longest: int,
    threshold: float,
) -> tuple[int, float]:
    """Position and score of the nearest text over the threshold; position -1 where there is none."""
    best_position, best_score = -1, threshold
    words = len(numbers)
    signature = _signature(elements)
    postings, starts, aside, before, last = index
    leeway, shortest_at, checked = scratch.leeway, scratch.shortest, scratch.checked
    shortest_partner = _shortest_partner(words, threshold)
    longest_partner = _fill_leeway(words, shortest_partner, longest, threshold, scratch)
    for place in range(words):
        # Positional filter: a partner that needs more words than there are from here on is out, the longest first.
        while longest_partner >= shortest_partner and place + longest_partner - leeway[longest_partner] > words:
            leeway[longest_partner] = -1
            longest_partner -= 1
        if longest_partner < shortest_partner:
            break
        element = elements[place] & _ELEMENT
        most_words = min(longest_partner, _LENGTH)
        at = last[element]
        slot, end = (starts[element], starts[element + 1]) if element + 1 < len(starts) else (0, 0)
        while True:
            if at >= 0:
                posting = aside[at]
                at = before[at]
            elif slot < end:
                posting = postings[slot]
                other_place, other_words = (posting >> _PLACE_AT) & _PLACE, (posting >> _POSITION_BITS) & _LENGTH
                if other_words > most_words:
                    other_place, other_words = other_place + 1, 0
                if other_place > _PLACE or shortest_at[other_place] > most_words:
                    break
                if other_words < shortest_at[other_place]:
                    base = (element << _ELEMENT_AT) | (other_place << _PLACE_AT)
                    slot = _first_from(postings, slot, end, base | (shortest_at[other_place] << _POSITION_BITS))
                    continue
                slot += 1
            else:
                break
            position = posting & _MOST_TEXTS
            if not _may_match(posting, words, signature, texts, leeway) or checked[position] == query:
                continue
            checked[position] = query
            other = texts.numbers[texts.starts[position] : texts.starts[position + 1]]
            score = _f_measure(_lcs(numbers, other, scratch), words, len(other))
            if score > best_score or (score == best_score and position < best_position):
                best_position, best_score = position, score
    leeway[shortest_partner : longest_partner + 1] = -1
    return best_position, best_score


@_compiled
def _posting(element: int, place: int, words: int, position: int) -> int:
    fields = (min(place, _PLACE) << _PLACE_AT) | (min(words, _LENGTH) << _POSITION_BITS) | position
    return ((element & _ELEMENT) << _ELEMENT_AT) | fields


@_compiled
def _take(
    new: _Texts,
    checks: bool,
    joins: bool,
    texts: _Texts,
    size: int,
    index: _Index,
    used: int,
    scratch: _Scratch,
    query: int,
    longest: int,
    threshold: float,
    positions: _Longs,
    scores: _Floats,
) -> tuple[int, int]:
    """Write the nearest of each new text, or position -1 and it joins the pool; the pool's new size and postings aside.

    `longest` is the length of the longest text of the pool with the new ones.
    """
    for i in range(len(positions)):
        numbers = new.numbers[new.starts[i] : new.starts[i + 1]]
        words = len(numbers)
        elements = _elements(numbers, scratch)
        positions[i], scores[i] = -1, 0.0
        if checks:
            positions[i], scores[i] = _nearest(numbers, elements, texts, index, scratch, query + i, longest, threshold)
        if positions[i] == -1 and joins:
            start = texts.starts[size]
            texts.numbers[start : start + words] = numbers
            texts.starts[size + 1] = start + words
            texts.signatures[size] = _signature(elements)
            for place in range(_prefix_length(words, threshold)):
                element = elements[place] & _ELEMENT
                index.aside[used] = _posting(element, place, words, size)
                index.before[used], index.last[element] = index.last[element], used
                used += 1
            size += 1
    return size, used


@_compiled
def _count_elements(texts: _Texts, size: int, scratch: _Scratch, counts: _Longs) -> None:
    """Count how many texts have each element."""
    for position in range(size):
        for element in _elements(texts.numbers[texts.starts[position] : texts.starts[position + 1]], scratch):
            counts[element] += 1


@_compiled
def _post_all(texts: _Texts, size: int, scratch: _Scratch, threshold: float, postings: _Longs) -> int:
    """Write the postings of all texts in any order; how many there are. The order of the elements may be a new one."""
    used = 0
    for position in range(size):
        numbers = texts.numbers[texts.starts[position] : texts.starts[position + 1]]
        elements = _elements(numbers, scratch)
        for place in range(_prefix_length(len(numbers), threshold)):
            postings[used] = _posting(elements[place], place, len(numbers), position)
            used += 1
    return used


@_compiled
def _merge(postings: _Longs, more: _Longs) -> None:
    """Sort a few sorted numbers into a sorted array that has room for them at its end, from the back to the front."""
    left, slot = len(more) - 1, len(postings) - len(more) - 1
    while left >= 0:
        if slot >= 0 and postings[slot] > more[left]:
            postings[slot + left + 1] = postings[slot]
            slot -= 1
        else:
            postings[slot + left + 1] = more[left]
            left -= 1


@_compiled
def _fill_starts(postings: _Longs, starts: _Longs) -> None:
    """Write where the postings of each element start."""
    element = 0
    for slot in range(len(postings)):
        while element <= postings[slot] >> _ELEMENT_AT:
            starts[element] = slot
            element += 1
    starts[element:] = len(postings)


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


def _grow(values: NDArray[Any], size: int, fill: int = 0) -> None:
    """Room for `size` entries, in place: larger by an eighth at least, so that growing stays cheap."""
    if (before := len(values)) < size:
        values.resize(max(size, before * 9 // 8), refcheck=False)
        values[before:] = fill


def _none(kind: type[np.generic]) -> NDArray[Any]:
    return np.zeros(0, kind)


class NumbaPool:
    """The pool as numba compiles it; it answers as `PythonPool` does."""

    def __init__(self, threshold: float) -> None:
        self._threshold = float(threshold)
        self._numbers = NumberOf()  # of words
        self._size = 0
        self._longest = 0
        self._queries = 0
        self._reorder_at = 256
        self._merge_at = _LEAST_ASIDE
        self._used = 0  # postings aside
        self._texts = _Texts(_none(np.uint32), np.zeros(1, np.int64), _none(np.uint64))
        self._index = _Index(*(_none(np.int64) for _ in _Index._fields))
        self._scratch = _Scratch(
            ranks=_none(np.int64),
            masks=_none(np.uint64),
            seen=_none(np.uint32),
            carries=_none(np.uint64),
            leeway=_none(np.int64),
            shortest=np.zeros(_PLACE + 2, np.int64),
            order=_none(np.int64),
            checked=_none(np.int64),
        )

    def admit_all(self, batches: Iterable[Sequence[list[str]]]) -> Iterator[list[Match | None]]:
        return self._taken(batches)

    def load(self, texts: Sequence[list[str]]) -> None:
        self._take(self._encode(texts), checks=False)

    def nearest_all(self, batches: Iterable[Sequence[list[str]]]) -> Iterator[list[Match | None]]:
        return self._taken(batches, joins=False)

    def similarities(self, words: list[str], k: int) -> Similarities:
        query = self._encode([words])
        self._make_room(query)
        scores = np.empty(self._size)
        _score_all(query.numbers, self._texts, self._scratch, scores)
        best = _highest(scores, k)
        return Similarities(
            [Match(*pair) for pair in zip(best.tolist(), scores[best].tolist(), strict=True)], mean_score(scores)
        )

    def _taken(self, batches: Iterable[Sequence[list[str]]], joins: bool = True) -> Iterator[list[Match | None]]:
        """What is found of each batch; while one is at work, the words of the next one become numbers."""
        batches = iter(batches)
        first = list(islice(batches, 2))
        if len(first) < 2:
            yield from (self._take(self._encode(batch), joins=joins) for batch in first)
            return
        with ThreadPoolExecutor(1, "rouge") as thread:
            at_work: Future[list[Match | None]] | None = None
            for batch in chain(first, batches):
                new = self._encode(batch)
                if at_work is not None:
                    yield at_work.result()
                at_work = thread.submit(self._take, new, joins=joins)
            if at_work is not None:
                yield at_work.result()

    def _take(self, new: _Texts, checks: bool = True, joins: bool = True) -> list[Match | None]:
        self._make_room(new)
        positions, scores = np.empty(len(new.starts) - 1, np.int64), np.empty(len(new.starts) - 1)
        self._size, self._used = _take(
            new,
            checks,
            joins,
            self._texts,
            self._size,
            self._index,
            self._used,
            self._scratch,
            self._queries + 1,
            self._longest,
            self._threshold,
            positions,
            scores,
        )
        self._queries += len(positions)
        if self._size >= self._reorder_at:
            self._reorder_at = 4 * self._size
            self._reorder()
        elif self._size >= self._merge_at:
            aside, postings = np.sort(self._index.aside[: self._used]), self._index.postings
            postings.resize(len(postings) + len(aside), refcheck=False)
            _merge(postings, aside)
            self._order_index(postings)
        return [
            None if position == -1 else Match(position, score)
            for position, score in zip(positions.tolist(), scores.tolist(), strict=True)
        ]

    def _encode(self, texts: Sequence[list[str]]) -> _Texts:
        numbers = array("I", map(self._numbers.__getitem__, chain.from_iterable(texts)))
        starts = np.zeros(len(texts) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)), out=starts[1:])
        return _Texts(np.array(numbers), starts, np.zeros(0, np.uint64))

    def _make_room(self, new: _Texts) -> None:
        """Room for the new texts, should all be admitted."""
        size = self._size + len(new.starts) - 1
        if size > _MOST_TEXTS:
            raise OverflowError(f"A RougeLIndex with numba holds {_MOST_TEXTS:,} texts at most.")
        texts, scratch, index = self._texts, self._scratch, self._index
        names, before = int(new.numbers.max(initial=0)) + 1, len(scratch.ranks)
        longest = int((new.starts[1:] - new.starts[:-1]).max(initial=0))
        _grow(scratch.ranks, names + _REPEATS)
        scratch.ranks[before:] = -1 - np.arange(before, len(scratch.ranks))  # not seen at the last count: the rarest
        _grow(scratch.masks, names)
        _grow(scratch.seen, names)
        _grow(scratch.carries, longest)
        _grow(scratch.order, longest)
        _grow(scratch.leeway, longest + 1, fill=-1)
        _grow(scratch.checked, size)
        _grow(index.last, min(len(scratch.ranks), _ELEMENT + 1), fill=-1)
        _grow(index.aside, self._used + len(new.numbers))
        _grow(index.before, self._used + len(new.numbers))
        _grow(texts.numbers, int(texts.starts[self._size]) + len(new.numbers))
        _grow(texts.starts, size + 1)
        _grow(texts.signatures, size)
        self._longest = max(self._longest, longest)

    def _reorder(self) -> None:
        """Order the elements anew, by how many texts have each. Any order is exact; this one is fast."""
        counts = np.zeros_like(self._scratch.ranks)
        _count_elements(self._texts, self._size, self._scratch, counts)
        self._scratch.ranks[:] = counts << 32 | np.arange(len(counts))
        postings = np.empty(self._texts.starts[self._size], np.int64)
        used = _post_all(self._texts, self._size, self._scratch, self._threshold, postings)
        postings.resize(used, refcheck=False)
        postings.sort()
        self._order_index(postings)

    def _order_index(self, postings: _Longs) -> None:
        """The index of all texts of the pool; none stands aside any more."""
        last = self._index.last
        starts = np.empty(len(last) + 1, np.int64)
        _fill_starts(postings, starts)
        last[:] = -1
        self._index = self._index._replace(postings=postings, starts=starts)
        self._used = 0
        self._merge_at = self._size + max(_LEAST_ASIDE, self._size // _SHARE_ASIDE)


def _highest(scores: _Floats, k: int) -> _Longs:
    """The positions of the k highest scores, best first, of equal ones the first."""
    candidates = np.arange(len(scores))
    if k < len(scores):
        candidates = np.flatnonzero(scores >= np.partition(scores, -k)[-k]) if k else candidates[:0]
    return candidates[np.argsort(-scores[candidates], kind="stable")][:k]
