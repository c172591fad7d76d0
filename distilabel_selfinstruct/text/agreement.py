"""Which of several answers to one question agree: by their label, by ROUGE-L, or as a judge says."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial

from distilabel_selfinstruct.presets import AGREEING
from distilabel_selfinstruct.text.labels import folded_label
from distilabel_selfinstruct.text.reading.remarks import plain
from distilabel_selfinstruct.text.rouge import unicode_tokens
from distilabel_selfinstruct.text.rouge.bounds import f_measure
from distilabel_selfinstruct.text.rouge.python_pool import lcs_with

_SHORT = 30  # words of an answer that is a result, so that another number in it is another result
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_SAME = re.compile(r"same[\s*_`\"']{0,4}[:=：]([^\n]*)", re.I)


def agreeing(answers: Sequence[str | None], is_label: bool, threshold: float = AGREEING) -> list[int]:
    """The places of the largest group of answers that agree with one of them; the first of equally large ones.

    Args:
        answers: None is one that agrees with nothing.
        is_label: whether they are labels, which agree where they are equal but for case and signs.
        threshold: the ROUGE-L F from which other answers agree; short ones must have the same numbers too.
    """
    agree: Callable[[str, str], bool] = _same_label if is_label else partial(_similar, threshold=threshold)
    groups = [
        [at for at, other in enumerate(answers) if other is not None and (other == one or agree(one, other))]
        for one in answers
        if one is not None
    ]
    return max(groups, key=len, default=[])


def parse_agreement(completion: str, answers: int) -> list[int] | None:
    """The places of the answers that a judge says agree; None where it does not say."""
    found = _SAME.findall(plain(completion))
    numbers = sorted({int(number) for number in re.findall(r"\d+", found[-1])}) if found else []
    return [number - 1 for number in numbers] if numbers and numbers[0] >= 1 and numbers[-1] <= answers else None


def _same_label(one: str, other: str) -> bool:
    return folded_label(one) == folded_label(other)


def _similar(one: str, other: str, threshold: float) -> bool:
    words, others = unicode_tokens(one), unicode_tokens(other)
    if not (words and others):
        return _same_label(one, other)
    if max(len(words), len(others)) <= _SHORT and set(_NUMBER.findall(one)) != set(_NUMBER.findall(other)):
        return False
    return f_measure(lcs_with(words)(others), len(words), len(others)) >= threshold
