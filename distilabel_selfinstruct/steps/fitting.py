"""What fits into a model's context: shots are left out, then shortened, by the prompt and the room alone.

Tokens are estimated, high rather than low: three bytes of UTF-8 each, which is a letter of Chinese and less than a
syllable of English. What seems too long is counted where the model's tokenizer can be asked. Where a model counts
otherwise it refuses a prompt, and says how many tokens it has.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

SHOWN = ("shots", "known")
"""What templates call the examples that they show, and can do with fewer of."""
_BYTES = 3  # of a token
_FRAME = 16  # tokens that a chat template adds
_SHORTEST = (1600, 800, 400)  # characters that a text of a shot is cut to: less would show nothing
_NUMBER = r"(\d[\d,]*)"
_WINDOW = (  # how refusals name the context, and the tokens of the prompt: the surest words first
    rf"(?:context (?:length|size|window)|model length|tokens allowed|limit of)\D{{0,40}}?{_NUMBER}",
    rf"{_NUMBER} (?:tokens )?(?:maximum|context)",
)
_ASKED = (
    rf"{_NUMBER}(?: tokens)? (?:in|from|of) (?:the |your )?(?:messages|prompt|input)",
    rf"{_NUMBER} input tokens",
    rf"(?:prompt|input|messages|request)\D{{0,40}}?{_NUMBER}",
)


def tokens_of(prompt: Any) -> int:
    """How many tokens a prompt has at most, as far as one can tell without a tokenizer."""
    text = prompt if isinstance(prompt, str) else json.dumps(prompt, ensure_ascii=False, default=str)
    return -(-len(text.encode("utf-8", "replace")) // _BYTES) + _FRAME


def room_for_answer(window: int, most: int) -> int:
    """Tokens of the context that are kept for an answer: as many as it may have, but half of the context at most."""
    return min(most, window // 2)


Count = Callable[[str], "int | None"]


def most_by_estimate(text: str, most: int, count: Count | None) -> int:
    """The tokens that a prompt may have by the estimate, where a text that seems too long can be counted.

    Args:
        text: of the prompt.
        most: tokens that it may have.
        count: counts them; what it does not know is estimated.
    """
    estimated = tokens_of(text)
    if count is None or estimated <= most or (counted := count(text)) is None:
        return most
    return max(most, most * estimated * 19 // (20 * (counted + _FRAME)))  # a part may be denser than the whole


def fitted(
    render: Callable[[Mapping[str, Any]], str], values: Mapping[str, Any], most: int | None, count: Count | None = None
) -> str:
    """The text with as many of the shots as there is room for: the longest goes first, and the last one is shortened.

    Args:
        render: makes the text with other shots.
        values: those of the template, of which `SHOWN` are shots.
        most: tokens that the text may have; None is any number.
        count: counts the tokens of a text, if it can be asked to.

    Returns:
        The text, which is too long where there is no room for a single shortened shot.
    """
    text = render({})
    name = next((name for name in SHOWN if values.get(name)), None)
    if most is None or name is None:
        return text
    shots, most = list(values[name]), most_by_estimate(text, most, count)
    while tokens_of(text) > most and len(shots) > 1:
        shots.pop(max(range(len(shots)), key=lambda at: (_length(shots[at]), at)))
        text = render({name: shots})
    for length in _SHORTEST:
        if tokens_of(text) <= most:
            break
        text = render({name: [_shortened(shot, length) for shot in shots]})
    return text


def most_after_refusal(prompt: Any, said: str, room: int) -> int:
    """The tokens that a prompt may have which was refused for its length, by the estimate that has found it short.

    Args:
        prompt: that was refused.
        said: the words of the refusal, which may name the model's context and the tokens of the prompt.
        room: tokens that the answer may have.
    """
    estimated = tokens_of(prompt)
    window, asked = _number(_WINDOW, said), _number(_ASKED, said)
    if window is None:
        return estimated // 2
    free = window - room_for_answer(window, room)
    fits = free * estimated // max(asked, free) if asked else free
    return min(fits, estimated * 9 // 10)


def named(shots: Sequence[Any]) -> str:
    """Shots as a message names them: by their id, or their first words."""
    names = [getattr(shot, "id", None) or " ".join(str(shot).split()[:6]) for shot in shots]
    return ", ".join(names)


def _number(patterns: Sequence[str], said: str) -> int | None:
    found = next((match[1] for pattern in patterns if (match := re.search(pattern, said, re.I))), None)
    return int(found.replace(",", "")) if found else None


def _length(shot: Any) -> int:
    return len(str(shot))


def _shortened(value: Any, most: int) -> Any:
    """A shot whose texts end after so many characters."""
    if isinstance(value, str):
        return value if len(value) <= most else value[:most].rsplit(maxsplit=1)[0] + " ..."
    if isinstance(value, Mapping):
        return {name: _shortened(each, most) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_shortened(each, most) for each in value[:1])
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        texts = {each.name: _shortened(getattr(value, each.name), most) for each in dataclasses.fields(value)}
        return dataclasses.replace(value, **texts)
    return value
