"""The questions of airoboros: topics, and instructions of a kind; and multiple-choice questions themselves."""

from __future__ import annotations

import re
from random import Random

from distilabel_selfinstruct.demo.completion import Completion
from distilabel_selfinstruct.demo.tasks import GRAMMAR, Family, noise
from distilabel_selfinstruct.demo.tasks.topics import FAMILIES, LEAD_FORMS, PHRASE_FORMS, ROLES, TOPICS
from distilabel_selfinstruct.demo.tasks.words import draw_phrase
from distilabel_selfinstruct.recipes.topics.kinds import Kind

_TOPICS = re.compile(r" List (\d+) topics from ")
_INSTRUCTIONS = re.compile(r" Write (\d+) of them that have to do with this topic: (.+)\n\n(.+)")
_KINDS: dict[str, Kind] = {
    "everyday requests": "general",
    "problems": "reasoning",
    "programming tasks": "coding",
    "a piece of writing": "writing",
    "questions of fact": "trivia",
    "speak as somebody": "roleplay",
    "multiple-choice questions": "multiple_choice",
}
"""By words that only the prompt for this kind has."""
_OPTIONS = re.compile(r"\n\n(A\) [^\n]+(?:\n[B-D]\) [^\n]+)+)\Z")
_LETTERS = "ABCD"


def answer(prompt: str, rng: Random, scale: float) -> Completion | None:
    """The answer to one of the questions; None to any other prompt."""
    if (asked := _TOPICS.search(prompt)) is not None:
        topics = [_topic(topic, rng, scale) for topic in rng.sample(TOPICS, int(asked[1]))]
        return _list(topics, noise.TOPICS_SHARES, rng, scale)
    if (asked := _INSTRUCTIONS.search(prompt)) is not None:
        kind = next(kind for words, kind in _KINDS.items() if words in asked[3])
        instructions = [_instruction(kind, asked[2], rng, scale) for _ in range(int(asked[1]))]
        return _list(instructions, noise.BOOTSTRAP_SHARES, rng, scale, "\n\n")
    if (options := _OPTIONS.search(prompt.strip())) is not None:
        return _choose(prompt.strip()[: options.start()], options[1].split("\n"), rng, scale)
    return None


def _topic(topic: str, rng: Random, scale: float) -> str:
    return noise.TOPICS.get(noise.pick(rng, noise.TOPIC_SHARES, scale) or "", topic)


def _list(items: list[str], shares: dict[str, float], rng: Random, scale: float, between: str = "\n") -> Completion:
    wrong = noise.pick(rng, shares, scale)
    if wrong in ("empty", "off_topic"):
        return Completion("" if wrong == "empty" else noise.OFF_TOPIC)
    style = noise.pick(rng, noise.CHAT_STYLES, scale)
    form = noise.PLAIN_FORM if style == "bullets" else noise.CHAT_FORMS.get(style, noise.PLAIN_FORM)
    text = between.join(form.format(number, item) for number, item in enumerate(items, 1))
    if style == "chatter":
        text = f"{rng.choice(noise.CHATTER).format(new=len(items))}\n\n{text}\n\n{noise.CLOSING}"
    if wrong == "truncated":
        return Completion(noise.cut(text, rng), "length")
    return Completion(text.replace("\n", "\r\n") if wrong == "crlf" else text)


def _instruction(kind: Kind, topic: str, rng: Random, scale: float) -> str:
    if (wrong := noise.pick(rng, noise.KIND_SHARES, scale)) is not None and wrong != "no_options":
        return noise.OFF_TOPIC if wrong == "refusal" else noise.candidate(wrong, (), rng)
    family = _FAMILIES[rng.choice(FAMILIES[kind])]
    lead = rng.choice(ROLES if kind == "roleplay" else LEAD_FORMS).format(topic)
    text = family.instruction(rng, lead if topic in TOPICS else None)
    task = GRAMMAR.recognise(text)
    assert task is not None
    if task.family.draw is not None:
        is_about_topic = task.family.draw is draw_phrase and topic in TOPICS
        text += f"\n\n{_phrase(topic, rng) if is_about_topic else task.family.draw(rng, task.values)}"
    if kind != "multiple_choice" or wrong == "no_options":
        return text
    return f"{text}\n\n{_options(family, family.answer(task.values, ''), rng)}"


def _phrase(topic: str, rng: Random) -> str:
    """Words in small letters, as the families of phrases expect them."""
    return rng.choice(PHRASE_FORMS).format(topic.lower().replace("-", " "))


def _options(family: Family, right: str, rng: Random) -> str:
    """The right answer among those to other questions of the family."""
    others: dict[str, None] = {}
    while len(others) < len(_LETTERS) - 1:
        values = {name: str(rng.choice(slot)) for name, slot in family.slots.items()}
        if (other := family.answer(values, "")) != right:
            others[other] = None
    options = [right, *others]
    rng.shuffle(options)
    return "\n".join(f"{letter}) {option}" for letter, option in zip(_LETTERS, options))


def _choose(question: str, options: list[str], rng: Random, scale: float) -> Completion | None:
    """The right option; None where the question is not known."""
    task = GRAMMAR.recognise(question)
    if task is None:
        return None
    if (wrong := noise.pick(rng, noise.ANSWER_SHARES, scale)) in noise.ANSWERS:
        return Completion(noise.ANSWERS[wrong])
    right = task.family.answer(task.values, "")
    text = next((option for option in options if option.partition(") ")[2] == right), right)
    return Completion(noise.cut(text, rng), "length") if wrong == "truncated" else Completion(text)


_FAMILIES = {family.name: family for family in GRAMMAR.families}
