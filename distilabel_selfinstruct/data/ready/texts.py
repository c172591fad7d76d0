"""Texts of a language, of a length in tokens, and without personal data."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from distilabel_selfinstruct.data.ready import Verdict
from distilabel_selfinstruct.data.tokens import read_tokenizer
from distilabel_selfinstruct.errors import ConfigError, MissingExtraError, did_you_mean
from distilabel_selfinstruct.text.languages import language_of

_SURE = 0.8  # how probable a language must be: of a few words nobody knows
_CODE = re.compile(r"[a-z]{2,3}")
_LENGTH = re.compile(r"(?:(?P<least>\d+)-)?(?P<most>\d+)")
_KINDS = {  # of personal data, with what recognises them: patterns and check sums, no model
    "email": "Email",
    "phone": "Phone",
    "card": "CreditCard",
    "iban": "Iban",
    "ip": "Ip",
    "crypto": "Crypto",
    "ssn": "UsSsn",
    "mac": "MacAddress",
}
_LIKELY = 0.4  # of presidio's scores: below it a bare number may be anything


def language(argument: str) -> Callable[[str, dict[str, Any]], Verdict]:
    """Texts in one of these languages, or too short to tell.

    Raises:
        ConfigError: if one is no code of a language.
    """
    wanted = argument.split(",")
    if wrong := next((code for code in wanted if not _CODE.fullmatch(code)), None):
        raise ConfigError(f"--filter language:{argument}: expected the code of a language, such as de, not {wrong!r}.")

    def judge(text: str, row: dict[str, Any]) -> Verdict:
        code, probability = language_of(text)
        return code in wanted or probability < _SURE, f"{code} ({probability:.0%})"

    return judge


def tokens(argument: str) -> Callable[[str, dict[str, Any]], Verdict]:
    """Texts of so many tokens of a tokenizer.

    Raises:
        ConfigError: if the tokenizer cannot be read, or the lengths are none.
        MissingExtraError: if the extra `documents` is not installed.
    """
    name, _, length = argument.rpartition(":")
    found = _LENGTH.fullmatch(length)
    least, most = (int(found["least"] or 0), int(found["most"])) if found else (1, 0)
    if not name or least > most:
        raise ConfigError(f"--filter tokens:{argument}: expected tokens:TOKENIZER:[LEAST-]MOST, such as gpt2:16-512.")
    known = read_tokenizer(name)

    def judge(text: str, row: dict[str, Any]) -> Verdict:
        count = len(known.encode(text, add_special_tokens=False).ids)
        return least <= count <= most, f"{count:,} tokens"

    return judge


def personal_data(argument: str) -> Callable[[str, dict[str, Any]], Verdict]:
    """Texts without what presidio's patterns take for personal data; names of people are not looked for.

    Raises:
        ConfigError: if a kind is none.
        MissingExtraError: if presidio is not installed.
    """
    kinds = argument.split(",") if argument else list(_KINDS)
    if unknown := next((kind for kind in kinds if kind not in _KINDS), None):
        more = did_you_mean(unknown, _KINDS)
        raise ConfigError(f"--filter pii:{argument}: there is no {unknown!r}{more}; there are: {', '.join(_KINDS)}.")
    recognizers = {kind: _recognizer(_KINDS[kind]) for kind in kinds}

    def judge(text: str, row: dict[str, Any]) -> Verdict:
        found = [kind for kind, each in recognizers.items() if _finds(each, text)]
        return not found, ", ".join(found)

    return judge


def _finds(recognizer: Any, text: str) -> bool:
    found = recognizer.analyze(text, recognizer.supported_entities, None) or []
    return any(each.score >= _LIKELY for each in found)


@cache
def _recognizer(name: str) -> Any:
    try:
        from presidio_analyzer import predefined_recognizers
        from tldextract import TLDExtract
    except ImportError:
        raise MissingExtraError.of("--filter pii", "pii") from None
    kind = getattr(predefined_recognizers, f"{name}Recognizer")
    if name != "Email":
        return kind()
    domains = TLDExtract(suffix_list_urls=())  # those that come with it: presidio's own asks the net for newer ones

    class Email(kind):  # type: ignore[valid-type,misc]
        def validate_result(self, pattern_text: str) -> bool:
            return bool(domains(pattern_text).top_domain_under_public_suffix)

    return Email()
