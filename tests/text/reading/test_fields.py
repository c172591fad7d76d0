"""Instances as chat models write them: whatever the dress of their fields."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distilabel_selfinstruct.text.reading.answers import Instance, parse_instances

TWO = [Instance("cat", "tac"), Instance("dog", "god")]


@pytest.mark.parametrize(
    "completion",
    [
        "Example 1\nInput: cat\nOutput: tac\nExample 2\nInput: dog\nOutput: god",
        "Example 1\r\nInput: cat\r\nOutput: tac\r\n\r\nExample 2\r\nInput: dog\r\nOutput: god\r\n",
        "**Example 1**\n\n**Input:** cat\n**Output:** tac\n\n**Example 2:**\n\n**Input**: dog\n**Output: god**",
        "### Example 1\nInput: cat\nOutput: tac\n\n---\n\n### Example 2\nInput: dog\nOutput: god\n\n---",
        "### Example 1: A word\n- **Input:** cat\n- **Output:** tac\n### Example 2 (b)\n* Input: dog\n* Output: god",
        "```\nExample 1\nInput: cat\nOutput: tac\nExample 2\nInput: dog\nOutput: god\n```",
        "OK:\n```text\nExample 1\nInput: cat\nOutput: tac\nExample 2\nInput: dog\nOutput: god\n```\nHope it helps!",
        "Example 1\n```\nInput: cat\nOutput: tac\n```\nExample 2\n```\nInput: dog\nOutput: god\n```",
        "Sure! Here are two examples:\n\nExample 1\nInput: cat\nOutput: tac\n\nExample 2\nInput: dog\nOutput: god",
        "Task: Reverse the word.\nExample 1\nInput: cat\nOutput: tac\nExample 2\nInput: dog\nOutput: god",
        "Input: cat\nOutput: tac\n\nInput: dog\nOutput: god",
        "Input 1: cat\nOutput 1: tac\nInput 2: dog\nOutput 2: god",
        "1. Input: cat\n   Output: tac\n2. Input: dog\n   Output: god",
        "Example 1: Input: cat Output: tac\nExample 2: Input: dog Output: god",
        "Example 1 Input: cat Output: tac Example 2 Input: dog Output: god",
        "Example 1 Input: cat\nOutput: tac\nExample 2 Input: dog\nOutput: god",
        "Example:\nInput: cat\nOutput: tac\n\nExample:\nInput: dog\nOutput: god",
        "Example 1\nSample Input: cat\nExpected output: tac\nExample 2\ninput: dog\noutput: god",
        "Example 1\nInput：cat\nOutput：tac\nExample 2\nInput：dog\nOutput：god",
        "Example 1\nInput: cat\nOutput: tac\nExample 2\nInput: dog\nOutput: god\n\nLet me know if you'd like more!",
        "<think>Words.\nOutput: no</think>\nExample 1\nInput: cat\nOutput: tac\nExample 2\nInput: dog\nOutput: god",
    ],
)
def test_examples_are_read_whatever_their_dress(completion: str) -> None:
    assert parse_instances(completion, False) == TWO


@pytest.mark.parametrize(
    "completion",
    [
        "Output: Lima",
        "**Output:** Lima",
        "**Output: Lima**",
        "Output:\nLima",
        "Sure! Here is an example:\n\nOutput: Lima",
        "Task: Name the capital of Peru.\nOutput: Lima",
        "Example 1\nOutput: Lima",
        "Example 1\nInput: <noinput>\nOutput: Lima",
        "Input: None\nOutput: Lima",
        "**Input:** (no input needed)\n**Output:** Lima",
        "Input: N/A\nOutput: Lima",
        "Input:\nOutput: Lima",
        "Output: Lima\n\nLet me know if you'd like another example!",
        "Output: Lima\n\n---\n\nI hope this helps! Feel free to ask for more.",
        "Output: Lima\nOutput: Quito",
    ],
)
def test_an_absent_input_is_empty(completion: str) -> None:
    assert parse_instances(completion, False) == [Instance("", "Lima")]


@pytest.mark.parametrize(
    ("given", "output"),
    [
        ("cat", "```python\nprint('tac')\n```"),
        ("cat", "First:\n```python\nprint(1)\n```\nThen:\n```python\nprint(2)\n```"),
        ("```python\nprint('tac'\n```", "The bracket is not closed."),
        ("Dear Ada,\n\nthe hall is booked.", "Dear Bo,\n\nthank you! Let me know what you need.\n\nBest,\nAda"),
        ("cat", "For example, tac.\nExample: tac\nIn Example 2 it was god."),
        ("cat", "1. tac\n2. act\n\n- **a** and *b*"),
        ("The **bold** input", "**Bold** first, then plain"),
        ("a | b\n--- | ---\n1 | 2", "***"),
    ],
)
def test_fields_keep_what_is_theirs(given: str, output: str) -> None:
    completion = f"Example 1\nInput: {given}\nOutput: {output}\nExample 2\nInput: dog\nOutput: god"
    assert parse_instances(completion, False) == [Instance(given, output), Instance("dog", "god")]


def test_an_input_without_a_name_is_kept() -> None:
    completion = "Example 1\nParagraph: It rains.\nOutput: rain\nExample 2\nIt snows.\nOutput: snow"
    assert parse_instances(completion, False) == [
        Instance("Paragraph: It rains.", "rain"),
        Instance("It snows.", "snow"),
    ]


def test_an_input_without_output_has_an_empty_one() -> None:
    assert parse_instances("Example 1\nInput: cat\nExample 2\nInput: dog\nOutput: god", False) == [
        Instance("cat", ""),
        Instance("dog", "god"),
    ]


@pytest.mark.parametrize(
    "completion",
    [
        "Class label: Positive\nI love it.\nClass label: Negative\nI hate it.",
        "Class label 1: Positive\nI love it.\nClass label 2: Negative\nI hate it.",
        "Class label 1: Positive Input: I love it. Class label 2: Negative Input: I hate it.",
        "**Class label:** Positive\nI love it.\n\n**Class label: Negative**\nI hate it.",
        "Class label: **Positive**\nI love it.\n\nClass Label: Negative\nI hate it.\n\nLet me know if you need more.",
        "Class label: Positive\r\nI love it.\r\nClass label: Negative\r\nI hate it.\r\n",
        "Label: Positive\nI love it.\nLabel: Negative\nI hate it.",
        "1. Class label: Positive\nI love it.\n2. Class label: Negative\nI hate it.",
        "### Example 1\nLabel: Positive\nInput: I love it.\n\n### Example 2\nLabel: Negative\nInput: I hate it.",
        "Sure! Here are two:\n\n```\nClass label: Positive\nI love it.\n\nClass label: Negative\nI hate it.\n```",
        "Class label: Positive Input: I love it. Class label: Negative Input: I hate it.",
        "Example 1\nInput: I love it.\nClass label: Positive\nExample 2\nInput: I hate it.\nClass label: Negative",
        "Example 1\nInput: I love it.\nOutput: Positive\nExample 2\nInput: I hate it.\nOutput: Negative",
        "Class label:\nPositive\nI love it.\n\nClass label:\nNegative\nI hate it.\n\n---",
    ],
)
def test_labels_are_read_whatever_their_dress(completion: str) -> None:
    assert parse_instances(completion, True) == [Instance("I love it.", "Positive"), Instance("I hate it.", "Negative")]


@pytest.mark.parametrize("completion", ["Class label: Yes", "**Label:** Yes", "Class label: Yes\n<noinput>"])
def test_a_label_may_stand_alone(completion: str) -> None:
    assert parse_instances(completion, True) == [Instance("", "Yes")]


def test_a_label_of_stars_is_no_markdown() -> None:
    assert parse_instances("Class label: ***\nA decent film.", True) == [Instance("A decent film.", "***")]


@pytest.mark.parametrize("is_classification", [False, True])
@pytest.mark.parametrize(
    "completion",
    ["", "I'm sorry, but I can't help with that.", "The capital of Peru is Lima.", '{"instances": []}', '{"instances'],
)
def test_prose_gives_no_instances(completion: str, is_classification: bool) -> None:
    assert parse_instances(completion, is_classification) == []


@pytest.mark.parametrize(
    "completion",
    [
        '{"instances": [{"input": "cat", "output": "tac"}, {"input": "dog", "output": "god"}]}',
        '```json\n{"instances": [{"output": "tac", "input": "cat"}, {"output": "god", "input": "dog"}]}\n```',
        'Here you go:\n\n```json\n{\n "instances": [\n  {"input": "cat", "output": "tac"},\n'
        '  {"input": "dog", "output": "god"}\n ]\n}\n```\n\nLet me know if you need more examples.',
        '[{"input": "cat", "output": "tac"}, {"input": "dog", "output": "god"}]',
        '{"instances": [{"input": "cat", "output": "tac"}, {"input": "dog", "output": "god"}, {"input": "b',
    ],
    ids=["whole", "fenced", "fenced with remarks", "a list alone", "cut"],
)
@pytest.mark.parametrize("is_classification", [False, True])
@pytest.mark.parametrize("finish_reason", ["stop", "length"])
def test_json_gives_its_whole_instances(completion: str, is_classification: bool, finish_reason: str) -> None:
    assert parse_instances(completion, is_classification, finish_reason) == TWO


def test_json_without_an_input_has_an_empty_one() -> None:
    completion = '{"instances": [{"output": "Lima"}, {"input": null, "output": "Quito"}, {"input": "x", "output": 3}]}'
    assert parse_instances(completion, False) == [Instance("", "Lima"), Instance("", "Quito")]


# Texts without marks: no colons, no stars, no fences, no lines of signs, and nothing that says "no input".
_NO_INPUTS = ("none", "empty", "n/a", "no input", "noinput")
_lines = (
    st.text(st.characters(categories=["L", "N"], include_characters=" ,;!?.'()+/"), min_size=1, max_size=30)
    .map(lambda text: " ".join(text.split()))
    .filter(lambda text: text and text.lower().strip("().") not in _NO_INPUTS)
    .filter(lambda text: not text.lower().startswith(("example", "input", "output", "class label", "label")))
)
_fields = st.lists(_lines, min_size=1, max_size=3).map("\n".join)


@given(st.lists(st.builds(Instance, _fields | st.just(""), _fields), min_size=1, max_size=4))
def test_instances_in_the_form_of_the_prompt_are_read_back(instances: list[Instance]) -> None:
    completion = ""
    for number, each in enumerate(instances, 1):
        completion += f"Example {number}\n" + (f"Input: {each.input}\n" if each.input else "")
        completion += f"Output: {each.output}\n"
    assert parse_instances(completion, False) == instances


@pytest.mark.parametrize("numbered", [False, True])
@given(st.lists(st.builds(Instance, _fields | st.just(""), _lines), min_size=1, max_size=4))
def test_labels_in_the_form_of_the_prompt_are_read_back(numbered: bool, instances: list[Instance]) -> None:
    completion = "".join(
        f"Class label{f' {at}' if numbered else ''}: {each.output}\n" + (f"{each.input}\n" if each.input else "")
        for at, each in enumerate(instances, 1)
    )
    assert parse_instances(completion, True) == instances
