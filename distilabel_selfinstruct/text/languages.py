"""The language that a text is in."""

from __future__ import annotations

from functools import cache
from typing import Any


def language_of(text: str) -> tuple[str, float]:
    """The code of a text's language (ISO 639-1), and how probable it is; little of a text without words.

    Args:
        text: a few words at least; of a single one nobody knows.
    """
    code, probability = _identifier().classify(text)
    return str(code), float(probability)


@cache
def _identifier() -> Any:
    """That of py3langid, which knows 97 languages; its own function gives no probabilities."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
