"""The words of a text: what the score counts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache
from typing import Any, Literal

Tokenizer = Callable[[str], list[str]]
TokenizerName = Literal["rouge", "unicode"]

_ROUGE_WORD = re.compile(r"[a-z0-9]+")


def rouge_tokens(text: str) -> list[str]:
    """The words of rouge_score's tokenizer without stemming: runs of ASCII letters and digits, in lower case.

    A text without any has no words, and scores 0 with everything.
    """
    return _ROUGE_WORD.findall(text.lower())


def unicode_tokens(text: str) -> list[str]:
    """The words of any script, compatibility forms unified (NFKC) and case folded.

    A word is a run of letters and digits with their combining marks. Where a script does not put spaces between words
    (Chinese, Japanese kana, Thai, Lao, Khmer, Burmese and others), each character with its marks is a word of its own.
    ASCII text has the same words as with `rouge_tokens`.
    """
    if text.isascii():
        return rouge_tokens(text)
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    words: list[str] = _unicode_word().findall(_JOINERS.sub("", folded))
    return words


TOKENIZERS: dict[TokenizerName, Tokenizer] = {"rouge": rouge_tokens, "unicode": unicode_tokens}

# Soft hyphen, Arabic tatweel, zero-width joiners and the byte order mark: they shape a word and are no part of it.
_JOINERS = re.compile("[\u00ad\u0640\u200c\u200d\u2060\ufeff]")

# Tibetan is not among them: it divides its syllables.
_UNSPACED_SCRIPTS = (
    "Han",
    "Hiragana",
    "Katakana",
    "Bopomofo",
    "Yi",
    "Thai",
    "Lao",
    "Khmer",
    "Myanmar",
    "Tai_Le",
    "New_Tai_Lue",
    "Tai_Tham",
    "Tai_Viet",
    "Balinese",
    "Javanese",
)


@cache
def _unicode_word() -> Any:
    import regex  # here, as only text that is not ASCII needs it

    unspaced = "".join(rf"\p{{Script_Extensions={script}}}" for script in _UNSPACED_SCRIPTS)
    return regex.compile(
        rf"""(?=[\p{{L}}\p{{N}}])
             (?: [{unspaced}] \p{{M}}*
               | [[\p{{L}}\p{{N}}\p{{M}}]--[{unspaced}]]+ )""",
        regex.VERSION1 | regex.VERBOSE,
    )
