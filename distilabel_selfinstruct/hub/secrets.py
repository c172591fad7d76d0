"""What must not leave this machine: keys and passwords, and paths that only mean something here."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

MASK = "***"
_SECRET_OPTION = re.compile(
    r"(?i)(?:^|[_-])(?:(?:api|access)[_-]?key|token|secret|passw(?:or)?d|authorization|credentials)$"
)
_SECRET_VARIABLE = re.compile(r"(?:KEY|TOKEN|SECRET|PASSWORD)$")
_FEWEST_LETTERS = 8  # of a secret in the environment; shorter values are words such as "true"
_SECRET_TEXT = [
    (re.compile(r"(?<!\w)(?:hf_[A-Za-z0-9]{20,}|sk-[\w-]{16,})"), MASK),
    (re.compile(r"(?i)(?<=://)[^/\s@'\"]+@"), f"{MASK}@"),
    (re.compile(r"(?i)([?&](?:api[_-]?key|key|token)=)[^&\s'\"]+"), rf"\1{MASK}"),
]  # tokens of the Hub and keys of endpoints, user and password in an address, keys in a query


def without_secrets(text: str, *secrets: str | None) -> str:
    """The text without these secrets, those of the environment, and what looks like one."""
    known = [
        value for name, value in os.environ.items() if _SECRET_VARIABLE.search(name) and len(value) >= _FEWEST_LETTERS
    ]
    for secret in sorted({*filter(None, secrets), *known}, key=len, reverse=True):
        text = text.replace(secret, MASK)
    for pattern, mask in _SECRET_TEXT:
        text = pattern.sub(mask, text)
    return text


def publishable(value: Any, *secrets: str | None, name: str = "") -> Any:
    """A value of a config without secrets, absolute paths cut to the name of the file."""
    if isinstance(value, Mapping):
        return {key: publishable(each, *secrets, name=str(key)) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [publishable(each, *secrets, name=name) for each in value]
    if not isinstance(value, str):
        return value
    if value and _SECRET_OPTION.search(name):
        return MASK
    if os.path.isabs(value) and "\n" not in value:
        return os.path.basename(value.rstrip("/"))
    return without_secrets(value, *secrets)
