"""Texts that ask or order something, and texts that only tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from distilabel_selfinstruct.data.seeds import load_seed_tasks
from distilabel_selfinstruct.text.requests import asks_for_text, is_request, is_statement, is_talk
from tests.support import official

ASKING = [
    "Write a poem about the first snow.",
    "Two friends open a café. Dream up five names for it.",
    "Based on the blurb, pick the genre that fits best.",
    "In two sentences, explain how a kettle works",
    "What is the best way to make a coffee without boiling it",
    "How to make a cup of tea",
    "What causes tides",
    "In this task, you will be given two sentences and asked to compare them.",
    "Is the sentence true or false.",
    "I need a slogan for my bakery.",
    "You will need to provide several examples.",
    "The tone of the email should be changed.",
    "A librarian wants these keywords sorted by the alphabet.",
    "Frobnicate the list of words.",  # a verb that no list has
    "My bike squeaks. Why?",
    "The capital of France is ____.",
    "Opisz pogodę w Krakowie.",  # of other languages nothing is known
    "Sag mir, was das ist.",
    "Vertel me wat de hoofdstad van Peru is.",
    "Napisz, co to by znaczyło.",
    "写一首关于雪的诗",
]
TELLING = [
    "The story has a main character who is in a village surrounded by mountains.",
    "I keep putting off my thesis although the deadline is close.",
    "These instructions are in the list of the most challenging language to read.",
    "Each of the instructions must be distinct from the others.",
    "Let me explain how this works, and what it is for.",
    "First letters must match the list.",
    "The best way to build a human skeleton",
    "If you want to know how the customer thought about the item.",
    "If you want to know what the customer was thinking of before the order.",
]


@pytest.mark.parametrize("text", ASKING)
def test_a_request(text: str) -> None:
    assert is_request(text)
    assert not is_statement(text)


@pytest.mark.parametrize("text", TELLING)
def test_a_statement(text: str) -> None:
    assert not is_request(text)
    assert is_statement(text)


@pytest.mark.parametrize("text", ["Sourdough, a mixture of flour and water", "Converting the temperature to Celsius"])
def test_what_is_no_request_need_not_be_a_statement(text: str) -> None:
    assert not is_request(text)
    assert not is_statement(text)


def test_almost_every_instruction_of_people_and_of_davinci_asks(official_data: Path) -> None:
    """Of 420 seeds and tasks that people wrote seven are admitted by nothing but what stands below them."""
    files = ("seed_tasks_official.jsonl", "user_oriented_instructions.jsonl")
    written = [row["instruction"] for file in files for row in official.rows(official_data, file)]
    assert len([text for text in written if is_statement(text)]) <= 7
    for run in ("official_run_davinci", "official_run_davinci003"):
        rows = official.rows(official_data, run, "machine_generated_instructions.jsonl")
        assert [row["instruction"] for row in rows if is_statement(row["instruction"])] == []


@pytest.mark.parametrize(
    ("turn", "expected"),
    [
        ("#### \nCreate a Python function that takes a list.", False),
        ("```python\nprint(1)\n```\nWhat does this print?", False),
        ("def add(x, y):\n    return x + y\n\nThe function adds the two numbers that it is given.", True),
        ("### What is a comet?\n\nA comet is a body of ice. It was named after the long hair of its tail.", True),
        ("My dog died today and I feel so alone.", False),  # a user tells of himself
        ("SELECT name FROM users;", False),  # code alone
    ],
)
def test_what_a_user_says_asks_or_tells_of_himself(turn: str, expected: bool) -> None:
    assert is_talk(turn) is expected


@pytest.mark.parametrize("sign", ["\n", "! ", "# ", "a ", "x=", "`"])
def test_a_long_run_of_one_sign_costs_no_time(sign: str) -> None:
    assert is_request(sign * 20_000) in (True, False)


@pytest.mark.parametrize(
    ("instruction", "expected"),
    [
        ("Give a list of countries in alphabetical order.", True),
        ("Please name three animals that are endangered or threatened today.", True),
        ("Can you write a limerick about a cat?", True),
        ("What is the difference between an argument that has evidence and one that has none?", True),
        ("What are the three most important things to know about bees?", True),
        ("How do you find your way in a forest?", True),
        ("How does the author feel about the war?", False),  # positive or negative
        ("What do we call somebody who writes poems?", False),
        ("Explain why the sky is blue.", True),
        ("Explain whether the claim is true or false.", False),  # its answer may be a label
        ("Write the class of the animal: bird, fish or insect.", False),
        ("Give the sentiment of the review.", False),
        ("Name the fallacy committed in the argument.", False),
        ("Find the largest of these numbers.", False),
        ("What is the capital of France?", False),
        ("Tell me if the email is an advertisement.", False),
        ("Schreibe ein Gedicht.", False),  # told of English alone
        ("", False),
    ],
)
def test_what_asks_for_a_text_asks_for_no_label(instruction: str, expected: bool) -> None:
    assert asks_for_text(instruction) is expected


def test_no_classification_task_that_people_wrote_asks_for_a_text(official_data: Path) -> None:
    """A quarter to a half of the others do, and so need nobody to tell what they are."""
    own = [(task.instruction, task.is_classification) for task in load_seed_tasks("seeds/seed_tasks.jsonl")]
    authors = official.rows(official_data, "seed_tasks_official.jsonl")
    for tasks in (own, [(task["instruction"], task["is_classification"]) for task in authors]):
        of_classification = [asks_for_text(text) for text, is_classification in tasks if is_classification]
        others = [asks_for_text(text) for text, is_classification in tasks if not is_classification]
        assert not any(of_classification)
        assert sum(others) > 0.2 * len(others)
