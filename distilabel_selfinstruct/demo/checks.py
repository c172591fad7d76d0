"""What options of every recipe ask about an instance: the user's next turn, its tags, which answers agree."""

from __future__ import annotations

import json
import re
from random import Random

from distilabel_selfinstruct.demo.completion import Completion
from distilabel_selfinstruct.demo.judging import points_of
from distilabel_selfinstruct.demo.plain import request, solve
from distilabel_selfinstruct.demo.tasks import noise
from distilabel_selfinstruct.text.conversations import turn_end
from distilabel_selfinstruct.text.tags import CATEGORIES, LEVELS

_TALK = re.compile(
    r"<conversation>\nUser: (.*?)\n\nAssistant: .*</conversation>\n\nWrite what the user says next", re.DOTALL
)
_BEGIN = r"<\|im_start\|>user\n|<\|start_header_id\|>user<\|end_header_id\|>\n\n"
_RAW = re.compile(rf"(?P<begin>{_BEGIN})(?P<said>.+)(?P=begin)\Z", re.DOTALL)
_TAGS = re.compile(
    r"Say what kind of request it is.*?<request>\n(.*)\n</request>\n\n<answer>\n(.*)\n</answer>\n\n(.*)\Z", re.DOTALL
)
_AGREEMENT = re.compile(r"Which of the answers agree, .*?<request>\n(.*)\n</request>\n", re.DOTALL)
_ANSWER = re.compile(r"<answer (\d+)>\n(.*?)\n</answer \1>", re.DOTALL)


def answer(prompt: str, rng: Random, scale: float) -> Completion | None:
    """The answer to one of these questions; None to any other prompt."""
    if (first := _first_turn(prompt)) is not None:
        return _next_turn(first, rng, scale)
    if (asked := _TAGS.search(prompt)) is not None:
        return _tags(asked[1], asked[2], asked[3], rng, scale)
    if (asked := _AGREEMENT.search(prompt)) is not None:
        return _agreement(asked[1], [text for _, text in _ANSWER.findall(prompt[asked.end() :])], rng, scale)
    return None


def _first_turn(prompt: str) -> str | None:
    """What the user has said first in a conversation that is to go on."""
    if (asked := _TALK.search(prompt)) is not None:
        return asked[1]
    if (raw := _RAW.search(prompt)) is not None:
        return raw["said"].partition(str(turn_end(raw["begin"])))[0]
    return None


def _next_turn(first: str, rng: Random, scale: float) -> Completion:
    said = {"goodbye": rng.choice(noise.GOODBYES), "repeated": first, "empty": ""}
    if (wrong := noise.pick(rng, noise.TURN_SHARES, scale)) is not None:
        return Completion(said[wrong])
    return Completion(request(rng))


def _tags(asked: str, given: str, form: str, rng: Random, scale: float) -> Completion:
    wrong = noise.pick(rng, noise.TAG_SHARES, scale)
    tags = {
        "category": "miscellaneous" if wrong == "unknown" else rng.choice(list(CATEGORIES)),
        "difficulty": rng.choice(LEVELS),
        "quality": max(LEVELS[0], points_of(asked, given.strip())),
    }
    if "JSON object" in form:
        return Completion(json.dumps(tags))
    return Completion("\n".join(f"{name.capitalize()}: {value}" for name, value in tags.items()))


def _agreement(asked: str, answers: list[str], rng: Random, scale: float) -> Completion:
    """The right answers, or else the first one and those that are the same."""
    if noise.pick(rng, noise.AGREEMENT_SHARES, scale) == "unclear":
        return Completion("They are alike in some ways, and differ in others.")
    right = solve(asked)
    same = [at for at, text in enumerate(answers, 1) if right is not None and right in text]
    same = same or [at for at, text in enumerate(answers, 1) if text == answers[0]]
    return Completion(f"They name the same result.\nSame: {', '.join(map(str, same))}")
