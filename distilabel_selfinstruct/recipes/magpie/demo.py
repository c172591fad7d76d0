"""Magpie's question, which is none: the beginning of a user's turn, after which a model says what a user might ask."""

from __future__ import annotations

from random import Random

from distilabel.models.mixins.magpie import MAGPIE_PRE_QUERY_TEMPLATES

from distilabel_selfinstruct.demo.completion import Completion
from distilabel_selfinstruct.demo.plain import request
from distilabel_selfinstruct.demo.tasks import noise

_SHARES = {**noise.CANDIDATE_SHARES, "copy": 0.0, "near_copy": 0.0, "keyword": 0.0}  # nothing to copy, no keywords


def answer(prompt: str, rng: Random, scale: float) -> Completion | None:
    """An instruction with the input that it needs, or one that is to be rejected."""
    if prompt not in MAGPIE_PRE_QUERY_TEMPLATES.values():
        return None
    wrong = noise.pick(rng, _SHARES, scale)
    if wrong is not None:
        return Completion(noise.candidate(wrong, (), rng))
    spoiled = noise.pick(rng, noise.MAGPIE_SHARES, scale)
    if spoiled == "empty":
        return Completion("")
    text = request(rng)
    return Completion(noise.cut(text, rng), "length") if spoiled == "truncated" else Completion(text)
