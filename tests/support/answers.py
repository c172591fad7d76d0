"""Answers of a well-behaved and slightly noisy model to the four questions of Self-Instruct, a function of the prompt.

`answer` is for the stub server (`--answer tests.support.answers:answer`). It reads the wordings `base` and `chat`. Of
its instructions most are new; some repeat one that the prompt shows, some break a rule, and now and then an answer
lists nothing, does not say yes or no, or has instances that the filter must reject.
"""

from __future__ import annotations

import re
from random import Random

from tests.support.openai_server import Body

_ORDERS = (
    "Explain why {thing} {deed}.",
    "Write a {text} in which {thing} {deed}.",
    "Help a {person} with {thing}.",
    "Summarise the {text} of the {person} politely:",
    "What could {thing} teach a {person}?",
    "Name three {text} titles for a {person}.",
    "Translate what the {person} says about {thing}.",
)
_CLASSIFICATIONS = (
    "Decide whether the {text} about {thing} is friendly or hostile.",
    "Is this remark of a {person} about {thing} true?",
    "Sort each {text} by subject: {thing} or {deed}.",
)
_BROKEN = (
    "Draw a picture of {thing} for a {person}.",
    "Explain {thing}.",
    "Write a program that {deed} like {thing}.",
)
_WORDS = {
    "person": "baker, sailor, nurse, teenager, gardener, judge, tourist, violinist, carpenter, pilot",
    "thing": "a broken kettle, an old bicycle, the night train, a shy fox, the village choir, sour milk, a rumour,"
    " the last lighthouse, winter tyres, a lost umbrella, the tax office, wild garlic",
    "text": "letter, poem, report, recipe, speech, advert, diary entry, complaint, riddle",
    "deed": "makes somebody laugh, wins a prize, is repaired, changes hands, falls silent, turns up too late,"
    " is found in a cellar, costs twice as much, becomes famous",
}


def answer(body: Body) -> str:
    """What the model says to a prompt; `choice` of the body is the number of the completion."""
    prompt = prompt_of(body)
    draw = Random(f"{body['choice']} {prompt}")
    question = question_of(body)
    if question == "bootstrap":
        return _instructions(prompt, draw)
    if question == "classification":
        return _classification(_task(prompt.removesuffix("Is it classification?")), draw)
    return _output_first(draw) if question == "output_first" else _input_first(draw)


def question_of(body: Body) -> str:
    """Which of the four questions a request puts."""
    prompt = prompt_of(body)
    if prompt.endswith("Is it classification?"):
        return "classification"
    if "Class label" in prompt:
        return "output_first"
    return "input_first" if "Output:" in prompt else "bootstrap"


def prompt_of(body: Body) -> str:
    """The text of a raw prompt, or of the last message of a chat."""
    messages = body.get("messages")
    return str(messages[-1]["content"] if messages else body["prompt"]).rstrip()


def _task(prompt: str) -> str:
    return prompt.rpartition("Task:")[2].strip()


def _instructions(prompt: str, draw: Random) -> str:
    shown = re.findall(r"^\d+\. (.+)$", prompt, re.M)
    if draw.random() < 0.04:
        return "I am sorry, I cannot think of anything."
    listed = []
    for _ in range(8):
        kind = draw.random()
        if kind < 0.1:
            listed.append(draw.choice(shown))
        elif kind < 0.15:
            listed.append(_fill(draw.choice(_BROKEN), draw))
        else:
            listed.append(_fill(draw.choice(_CLASSIFICATIONS if kind < 0.4 else _ORDERS), draw))
    return "\n".join(f"{number}. {text}" for number, text in enumerate(listed, len(shown) + 1))


def an_instruction(draw: Random) -> str:
    """Most likely a new one."""
    return _fill(draw.choice(_ORDERS), draw)


def _fill(template: str, draw: Random) -> str:
    return template.format(**{kind: draw.choice(words.split(", ")) for kind, words in _WORDS.items()})


def _classification(task: str, draw: Random) -> str:
    if draw.random() < 0.03:
        return "That depends."
    return "Yes" if task.startswith(("Decide", "Is this", "Sort")) else "No"


def _output_first(draw: Random) -> str:
    labels = draw.sample(("Yes", "No", "Friendly", "Hostile", "Weather"), 2 + draw.randrange(3))
    return "\n".join(
        f"Class label {at}: {label}\nAbout {_fill('{thing} and a {person}', draw)}"
        for at, label in enumerate(labels, 1)
    )


def _input_first(draw: Random) -> str:
    kind = draw.random()
    if kind < 0.4:
        return f"Output: {_fill('It all began when {thing} {deed}.', draw)}"
    if kind < 0.45:
        return "Example 1\nInput: the same text\nOutput: the same text"
    if kind < 0.5:
        return "I would rather not."
    examples = [
        _fill("Input: {thing}, told by a {person}\nOutput: A {text}: {thing} {deed}.", draw)
        for _ in range(1 + draw.randrange(3))
    ]
    return "\n\n".join(f"Example {number}\n{example}" for number, example in enumerate(examples, 1))
