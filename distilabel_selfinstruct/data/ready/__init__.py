"""Filters that are ready, by short names: `NAME`, `NAME:ARGUMENT`; of another column than the output: `...@COLUMN`."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from distilabel_selfinstruct.recipe import Reason

Verdict = bool | tuple[bool, str]
"""What a filter says of a text: whether it is kept, and more."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A filter that is ready.

    Attributes:
        maker: `module:function` here; it takes the argument and gives a function of a text and its row.
        code: the reason code.
        meaning: of the reason.
        argument: what stands behind the colon; empty where nothing does.
    """

    maker: str
    code: str
    meaning: str
    argument: str = ""


READY = {
    "json": Ready("syntax:json", "invalid_json", "is no JSON"),
    "code": Ready("syntax:code", "invalid_code", "is no code that can be parsed", "LANGUAGE"),
    "maths": Ready("maths:maths", "wrong_answer", "is another answer than the reference", "[FILE|NAME]"),
    "examples": Ready("examples:examples", "failed_example", "code does not do what is asserted of it", "[SECONDS]"),
    "language": Ready("texts:language", "other_language", "is in another language", "CODE[,CODE...]"),
    "pii": Ready("texts:personal_data", "personal_data", "has personal data in it", "[KIND,...]"),
    "tokens": Ready("texts:tokens", "token_length", "has too few or too many tokens", "TOKENIZER:[LEAST-]MOST"),
}
_COLUMN = "output"  # of which a filter speaks where no other is named


def ready_filter(name: str) -> tuple[Callable[[dict[str, Any]], Verdict], Reason] | None:
    """The function and the reason of a filter that is ready; None where there is none of this name.

    Raises:
        ConfigError: if its argument cannot be used.
        MissingExtraError: if a package is missing that it needs.
    """
    rest, _, column = name.partition("@")
    short, _, argument = rest.partition(":")
    if (ready := READY.get(short)) is None:
        return None
    module, _, maker = ready.maker.partition(":")
    judge = getattr(importlib.import_module(f"{__name__}.{module}"), maker)(argument)
    column = column or _COLUMN
    reason = Reason(ready.code, ready.meaning)
    if column != _COLUMN:
        reason = Reason(f"{column}_{ready.code}", f"{column} {ready.meaning}")

    def function(row: dict[str, Any]) -> Verdict:
        verdict: Verdict = judge(row[column] or "", row)
        return verdict

    return function, reason
