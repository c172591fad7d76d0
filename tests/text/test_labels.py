"""Labels that a model makes up where there are no classes."""

from __future__ import annotations

import json

import pytest

from distilabel_selfinstruct.text.labels import echoes_instruction, is_no_label


@pytest.mark.parametrize(
    ("instruction", "labels"),
    [
        ("Write a story about an animal that lives in a city.", ["animals"]),
        ("Create a script for a short film about a bakery.", ["Script", "script"]),
        ("List the countries of South America.", ["country"]),
        ("Explain how a simple sorting code works.", ["simple code"]),
    ],
)
def test_one_label_of_the_instructions_own_words_is_an_echo(instruction: str, labels: list[str]) -> None:
    assert echoes_instruction(instruction, labels)


@pytest.mark.parametrize(
    ("instruction", "labels"),
    [
        ("Is the sentiment of this review positive or negative?", ["positive"]),
        ("Sort the mail into one of: spam, work, family.", ["spam"]),
        ("Say whether the claim is true/false.", ["false"]),
        ("Can the number be split into two halves, making it even, or is it odd?", ["odd"]),
        ("Can the number be split into two halves, making it even, or is it odd?", ["even"]),
        ("Tell me whether the number on the door is even.", ["Even"]),
        ("Judge the review as positive.", ["positive"]),
        ("Tell whether the tweet is sarcastic.", ["Yes"]),
        ("Which season fits the picture that is described?", ["winter", "summer"]),
        ("Decide whether the number is even.", ["even", "odd"]),
        ("Name the language of the text.", []),
    ],
)
def test_what_an_instruction_offers_or_what_has_another_beside_it_is_none(instruction: str, labels: list[str]) -> None:
    assert not echoes_instruction(instruction, labels)


@pytest.mark.parametrize(
    "label", ["answer choice A", "Option 2", "class label", "[label]", "Category", "Step 1: choose a car.", "Yes. No."]
)
def test_placeholders_and_sentences_are_no_labels(label: str) -> None:
    assert is_no_label(label)


@pytest.mark.parametrize("label", ["Positive", "not a hate speech", "5 stars", "C", "U.S. English", "sci-fi", "3.5"])
def test_labels_are(label: str) -> None:
    assert not is_no_label(label)


def test_the_labels_of_our_own_seeds_are(seed_file: str) -> None:
    with open(seed_file, encoding="utf-8") as lines:
        tasks = [task for task in map(json.loads, lines) if task["is_classification"]]
    labels = {task["instruction"]: [each["output"] for each in task["instances"]] for task in tasks}
    assert [label for each in labels.values() for label in each if is_no_label(label)] == []
    assert [instruction for instruction, given in labels.items() if echoes_instruction(instruction, given)] == []
