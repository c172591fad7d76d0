"""Completions as the authors read them, yes and no, and what holds for any completion."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.presets import PRESETS
from distilabel_selfinstruct.text.reading.answers import (
    Instance,
    list_instances,
    list_instructions,
    normalise_instruction,
    parse_classification,
    parse_instances,
    parse_instructions,
    parse_yes_or_no,
)
from distilabel_selfinstruct.text.rules import check_instances, check_instruction
from tests.support.waiting import ends_in_time

POEM, TAXES = "Write a poem about the first snow.", "Explain to a teenager what taxes are for."


# As the authors read them


def test_paper_splits_at_numbers_and_lowers_all_but_the_first_letter() -> None:
    completion = " Explain what NASA does.\n10. Name three rivers in Peru.\n11 . sort the list:"
    assert parse_instructions(completion, "stop", "paper") == [
        "Explain what nasa does.",
        "Name three rivers in peru.",
        "Sort the list:",
    ]


def test_paper_drops_a_completion_cut_by_its_length_whole() -> None:
    completion = " Explain what NASA does.\n10. Name three rivers"
    assert parse_instructions(completion, "length", "paper") == []
    assert list_instructions(completion, "length", "paper").truncated == [
        "Explain what nasa does.",
        "Name three rivers",
    ]


def test_paper_knows_no_other_numbering() -> None:
    assert parse_instructions("9) Explain.\n10) Name.", "stop", "paper") == ["9) explain. 10) name."]


def test_paper_divides_at_example_output_and_input() -> None:
    completion = "Example 1\nInput: cat\nOutput: tac\nExample 2\nInput 2: dog\nOutput 2: god\nInput: more\n"
    assert parse_instances(completion, False, "stop", "paper") == [Instance("cat", "tac"), Instance("dog", "god")]


def test_paper_keeps_other_field_names_in_the_input() -> None:
    assert parse_instances("Example 1\nList: [2, 1]\nOutput: [1, 2]", False, "stop", "paper") == [
        Instance("List: [2, 1]", "[1, 2]")
    ]


def test_paper_reads_one_instance_where_no_example_is_numbered() -> None:
    assert parse_instances("Output: Lima", False, "stop", "paper") == [Instance("", "Lima")]


def test_paper_takes_an_example_without_output_for_the_output() -> None:
    assert parse_instances("Example 1\nLima", False, "stop", "paper") == [Instance("", "Lima")]


def test_paper_reads_nothing_in_prose() -> None:
    assert parse_instances("The capital of Peru is Lima.", False, "stop", "paper") == []
    assert parse_instances("Positive: I love it.", True, "stop", "paper") == []


def test_paper_reads_the_label_to_the_end_of_the_line_and_the_input_below() -> None:
    completion = (
        "Class label: Positive\nI love it.\nEvery bit.\nClass label: Negative\nI hate it.\nClass label: Neutral"
    )
    assert parse_instances(completion, True, "stop", "paper") == [
        Instance("I love it.\nEvery bit.", "Positive"),
        Instance("I hate it.", "Negative"),
        Instance("", "Neutral"),
    ]


@pytest.mark.parametrize("preset", ["paper", "default", "alpaca"])
def test_a_cut_costs_the_last_instance(preset: str) -> None:
    listed = list_instances("Class label: Positive\nI love it.\nClass label: Nega", True, "length", preset)
    assert listed.items == [Instance("I love it.", "Positive")]
    assert listed.truncated == [Instance("", "Nega")]


def test_an_unknown_preset_is_an_error() -> None:
    with pytest.raises(
        ConfigError, match=r"no preset 'papr' \(did you mean paper\?\); choose one of: default, paper, alpaca"
    ):
        parse_instructions("9. Foo", preset="papr")


# Yes or no


@pytest.mark.parametrize(
    ("completion", "verdict"),
    [
        ("Yes", True),
        ("no.", False),
        ("**Yes**, it does.", True),
        ("No\nYes", False),
        ("<think>No</think>Yes", True),
        ("", None),
        ("Yes or no?", None),
        ("It depends", None),
    ],
)
def test_yes_or_no_to_any_question(completion: str, verdict: bool | None) -> None:
    assert parse_yes_or_no(completion) is verdict


@pytest.mark.parametrize(
    ("completion", "verdict"),
    [
        ("Yes", True),
        (" No", False),
        ("No.", False),
        ("YES", True),
        ("\n\nyes\n", True),
        ("**Yes**", True),
        ("Yes, its answer is one of two labels.", True),
        ("No, a poem can be anything; yes is wrong.", False),
        ("Answer: No", False),
        ("I would say yes, since there are two labels.", True),
        ("- Yes\r\n", True),
        ("Task: Say yes or no.\nIs it classification? No", False),
        ("<think>Yes? No.</think>\nYes", True),
        ("Yes\n\nThe labels are yes and no.", True),
        ("```\nNo\n```", None),
        ('{"is_classification": true}', True),
        ('```json\n{"is_classification": false}\n```', False),
        ('{"is_classification": "maybe"}', None),
        ('{"is_class', None),
        ('{"is_classification": tr', None),
        ("", None),
        ("Maybe", None),
        ("It depends on the input.", None),
        ("Yes or no?", None),
        ("Yes/No", None),
        ("There is no fixed answer.", None),
        ("It could be yes, it could be no.", None),
        ("Noël", None),
        ("I'm sorry, but I can't help with that.", None),
        ("It is a classification task.", None),
    ],
)
def test_yes_or_no(completion: str, verdict: bool | None) -> None:
    assert parse_classification(completion) is verdict


# Properties


_FRAGMENTS = [
    "9. ",
    "10. ",
    "\n10. ",
    "\n11. ",
    " 12. ",
    "! 10. ",
    "\n1) ",
    "(9) ",
    "٩. ",
    "10、",
    "Task 9: ",
    "\nTask 10: ",
    "**",
    "- ",
    "\n- ",
    "* ",
    "# ",
    "> ",
    "_",
    "---",
    "\n---\n",
    "```",
    "\n```json\n",
    "\n",
    "\n\n",
    "\r\n",
    "\u2028",
    "\t",
    " ",
    "   ",
    ".",
    ":",
    "：",
    '"',
    "“",
    "”",
    "`",
    "word",
    "NASA",
    "ß",
    "ŉ",
    "3.5",
    "Write a poem.",
    "Sure! Here are 8 new instructions:\n",
    "\nLet me know if you want more.",
    "I'm sorry, but I can't help.",
    "<think>",
    "</think>",
    "Instruction: ",
    "no. 12. What",
    "Example 1\n",
    "\nExample 2: ",
    "\nInput: ",
    "\nOutput: ",
    "Output:",
    "Class label: ",
    "\nLabel: ",
    "<noinput>",
    "Yes",
    "No",
    '{"instructions": ["',
    '{"instances": [{"output": "',
    "写一首诗。",
    '", "input": "',
    '"}, {"',
    '", "',
    '"]}',
    "\\ud83d",
    "1e999",
    "9" * 5000,
]
completions = st.lists(st.sampled_from(_FRAGMENTS) | st.text(max_size=4), max_size=14).map("".join)
finish_reasons = st.sampled_from(["stop", "length", None])
presets = st.sampled_from(sorted(PRESETS))
tolerant_presets = st.sampled_from(sorted(name for name, preset in PRESETS.items() if preset.tolerant))


@given(completions, finish_reasons, presets)
def test_no_text_makes_a_parser_or_a_rule_raise(completion: str, finish_reason: str | None, preset: str) -> None:
    parse_classification(completion)
    check_instruction(completion, preset)
    for instruction in parse_instructions(completion, finish_reason, preset):
        check_instruction(instruction, preset)
    for is_classification in (False, True):
        instances = parse_instances(completion, is_classification, finish_reason, preset)
        assert len(check_instances(instances, preset)) == len(instances)


@given(completions, finish_reasons, tolerant_presets)
def test_what_is_emitted_and_listed_again_is_read_the_same(
    completion: str, finish_reason: str | None, preset: str
) -> None:
    instructions = parse_instructions(completion, finish_reason, preset)
    again = "\n".join(f"{number}. {text}" for number, text in enumerate(instructions, 9))
    assert parse_instructions(again, "stop", preset) == instructions


@given(st.lists(st.text(st.characters(codec="ascii")), max_size=6).map("\n10. ".join))
def test_what_paper_admits_and_a_base_model_lists_again_is_read_the_same(completion: str) -> None:
    instructions = parse_instructions(completion, "stop", "paper")
    assert parse_instructions(" " + "\n10. ".join(instructions), "stop", "paper") == instructions


@given(completions, finish_reasons, presets)
def test_what_passes_the_rules_still_passes_them(completion: str, finish_reason: str | None, preset: str) -> None:
    for instruction in parse_instructions(completion, finish_reason, preset):
        if check_instruction(instruction, preset) is None:
            assert check_instruction(normalise_instruction(instruction, preset), preset) is None


@given(st.text(), tolerant_presets)
def test_normalisation_is_idempotent(text: str, preset: str) -> None:
    once = normalise_instruction(text, preset)
    assert normalise_instruction(once, preset) == once


@given(st.text(st.characters(codec="ascii")))
def test_normalisation_of_paper_is_idempotent(text: str) -> None:
    once = normalise_instruction(text, "paper")  # an "ŉ" in front is two letters afterwards; no rule admits it
    assert normalise_instruction(once, "paper") == once


@pytest.mark.parametrize(
    "sign",
    [
        "*",
        "_",
        "#",
        " ",
        "\n",
        "1.\n",
        "- ",
        "** ",
        "[",
        '["',
        "```\n",
        "Example 1\n",
        "Input: ",
        "\nOutput:",
        "a. 2. B",
    ],
)
def test_a_model_that_repeats_itself_costs_no_time(sign: str) -> None:
    completion = sign * (100_000 // len(sign))
    with ends_in_time():  # a tenth of a second; a pattern that backtracks needs hours
        parse_instructions(completion)
        parse_classification(completion)
        parse_instances(completion, False)
        parse_instances(completion, True)
