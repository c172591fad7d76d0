"""The judge's question: points for an answer, which the demo model compares with the right one."""

from __future__ import annotations

import json
import re
from random import Random

from distilabel_selfinstruct.demo.completion import Completion
from distilabel_selfinstruct.demo.lookup import recipe_modules
from distilabel_selfinstruct.demo.plain import solve
from distilabel_selfinstruct.demo.tasks import noise
from distilabel_selfinstruct.presets import MOST_POINTS
from distilabel_selfinstruct.text.refusals import is_refusal

_QUESTION = re.compile(
    r"(?:<passage>\n(.*)\n</passage>\n\n)?<request>\n(.*)\n</request>\n\n<answer>\n(.*)\n</answer>\n\n(.*)\Z",
    re.DOTALL,
)
_SCALE = re.compile(r"the points from (\d+) to (\d+)")  # of a user's own rubric
_WHY = {
    5: "It is what was asked for, and nothing else.",
    4: "It is right, though it takes more words than it needs.",
    3: "It looks useful, but I cannot tell whether it is right.",
    2: "It begins well, but a good part is missing.",
    1: "It is about the request, but it does not answer it.",
    0: "The user has nothing from it.",
}


def answer(prompt: str, rng: Random, scale: float) -> Completion | None:
    """A judgement; now and then one point beside the others, or one that gives no score."""
    asked = _QUESTION.search(prompt.strip())
    if asked is None:
        return None
    passage, request, given, form = asked.groups()
    wrong = noise.pick(rng, noise.JUDGEMENT_SHARES, scale)
    if wrong == "unclear" or Random(given).random() < noise.UNDECIDED_SHARE * scale:
        return Completion(rng.choice(noise.UNCLEAR_JUDGEMENTS))
    request = request.rpartition("\n\nUser: ")[2]  # of a conversation
    points = points_of(request, given.strip(), passage)
    if wrong == "severe":
        points = max(0, points - 1)
    why, forms = _WHY[points], ("Score: {}", "Score: {}", "**Score:** {}/5", "Score: {} out of 5")
    if (own := _SCALE.search(form)) is not None:
        points = int(own[1]) + points * (int(own[2]) - int(own[1])) // MOST_POINTS
    if "JSON object" in form:
        return Completion(json.dumps({"justification": why, "score": points}))
    line = rng.choice(forms) if scale and own is None else "Score: {}"
    return Completion(f"{why}\n{line.format(points)}")


def points_of(request: str, given: str, passage: str | None = None) -> int:
    """What an answer deserves."""
    right = _right_answer(request, passage)
    if not given or is_refusal(given):
        return 0
    if right is None:
        return 3
    if given in (right, noise.LABELLED.format(right)):
        return MOST_POINTS
    if right in given:
        return 4
    return 2 if right.startswith(given) else 1


def _right_answer(request: str, passage: str | None) -> str | None:
    """What the recipes know of it, or the answer to a plain instruction."""
    known = (module.right_answer(request, passage) for module in recipe_modules() if hasattr(module, "right_answer"))
    return next((right for right in known if right is not None), None) or solve(request)
