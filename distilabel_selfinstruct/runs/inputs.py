"""What a run reads from files and datasets, and whether it has changed since."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any

_LENGTH = re.compile(r"[0-9]{1,18}")
_NAME = re.compile(r"\d+-[0-9a-f]{16}")


@dataclasses.dataclass(frozen=True, slots=True)
class Input:
    """What a run reads.

    Attributes:
        content: its items, in their order.
        may_grow: whether the next run in the folder may read more items after these.
        notes: what a user should know of what was not read.
    """

    content: Sequence[Any]
    may_grow: bool = False
    notes: Sequence[str] = ()

    @property
    def name(self) -> str:
        """Tells inputs apart by what they say, and not by where they lie."""
        return _content_name(self.content)

    def continues(self, name: str) -> bool:
        """Whether it is the input of this name, or one that has grown out of it."""
        length = name.partition("-")[0]
        known = self.content[: int(length)] if self.may_grow and _LENGTH.fullmatch(length) else self.content
        return _content_name(known) == name


def is_name(value: Any) -> bool:
    """Whether a value is the name of an input, as a run folder records it."""
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def _content_name(content: Sequence[Any]) -> str:
    return f"{len(content)}-{hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]}"
