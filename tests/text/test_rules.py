"""Each rule at its boundary, and the order of the rules."""

from __future__ import annotations

import string

import pytest

from distilabel_selfinstruct.presets import Preset
from distilabel_selfinstruct.text.reading.answers import Instance
from distilabel_selfinstruct.text.rules import (
    check_instances,
    check_instruction,
    count_words,
)

EVERY_PRESET = pytest.mark.parametrize("preset", ["paper", "default", "alpaca"])


# --- instructions --------------------------------------------------------------------------------------------------


@EVERY_PRESET
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "too_short"),
        ("Explain", "too_short"),
        ("Translate this sentence", "too_short"),
        ("Translate this sentence please", None),
        (" ".join(["word"] * 150), None),
        (" ".join(["word"] * 151), "too_long"),
    ],
)
def test_four_to_150_words_are_admitted(text: str, reason: str | None, preset: str) -> None:
    assert check_instruction(text, preset) == reason


@EVERY_PRESET
@pytest.mark.parametrize(
    "keyword",
    [
        "image",
        "images",
        "graph",
        "graphs",
        "picture",
        "pictures",
        "file",
        "files",
        "map",
        "maps",
        "draw",
        "plot",
        "go to",
    ],
)
def test_a_keyword_of_the_paper_rejects_in_any_case(keyword: str, preset: str) -> None:
    assert check_instruction(f"Please describe the {keyword} in detail.", preset) == "keyword"
    assert check_instruction(f"Please describe the {keyword.upper()}, then stop.", preset) == "keyword"


@pytest.mark.parametrize("keyword", ["video", "audio", "music", "flowchart", "diagram"])
def test_alpaca_adds_keywords_that_the_default_takes_over(keyword: str) -> None:
    text = f"Summarize the {keyword} in one sentence."
    assert check_instruction(text, "paper") is None
    assert check_instruction(text, "alpaca") == "keyword"
    assert check_instruction(text, "default") == "keyword"


@EVERY_PRESET
@pytest.mark.parametrize(
    "text",
    [
        "Use your imagination and tell a story.",
        "Explain how photography changed journalism.",
        "Name the profile of an ideal candidate.",
        "Which mapping from A to B is bijective?",
        "Invent drawers for a tiny kitchen.",
        "Summarize the complot in three lines.",
        "Let the reader ego tower above everything.",
    ],
)
def test_a_keyword_counts_as_a_whole_word_only(text: str, preset: str) -> None:
    assert check_instruction(text, preset) is None


@EVERY_PRESET
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Write a program that prints prime numbers.", "program"),
        ("Write a programme for the summer concert.", "program"),  # the authors compare the beginning only
        ("write a program that prints prime numbers.", None),
        ("Please write a program that prints prime numbers.", None),
        ("Write a function that prints prime numbers.", None),
    ],
)
def test_write_a_program_rejects_at_the_beginning(text: str, reason: str | None, preset: str) -> None:
    assert check_instruction(text, preset) == reason


@EVERY_PRESET
@pytest.mark.parametrize("sign", string.punctuation)
def test_punctuation_in_front_rejects(sign: str, preset: str) -> None:
    assert check_instruction(f"{sign}Explain what a comet is.", preset) == "punctuation"


@pytest.mark.parametrize(
    "text",
    [
        "Écris un poème très court.",
        "¿Cuántos días tiene un año?",
        "写 一首 关于 初雪的诗。",
        "اكتب قصيدة قصيرة عن المطر.",
    ],
)
def test_a_first_letter_outside_ascii_is_admitted_by_the_default_only(text: str) -> None:
    assert check_instruction(text, "default") is None
    assert check_instruction(text, "alpaca") == "non_ascii"
    assert check_instruction(text, "paper") == "non_ascii"


def test_letters_outside_ascii_after_the_first_are_admitted_by_all() -> None:
    assert check_instruction("Translate naïve into plain English.", "paper") is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Draw it.", "too_short"),
        ("Write a program that reads a file.", "keyword"),
        ("!Please draw a cat now.", "keyword"),
        ("Écris un map très court.", "keyword"),
    ],
)
def test_the_first_rule_broken_gives_the_reason(text: str, reason: str) -> None:
    assert check_instruction(text, "paper") == reason


@pytest.mark.parametrize("preset", ["paper", "default", "alpaca"])
def test_without_keywords_the_other_rules_hold(preset: str) -> None:
    assert check_instruction("When is a graph planar?", preset, keywords=False) is None
    assert check_instruction("Draw a graph.", preset, keywords=False) == "too_short"
    assert check_instruction("Write a program that draws a graph.", preset, keywords=False) == "program"


def test_limits_and_keywords_come_from_the_preset() -> None:
    preset = Preset(name="mine", min_words=0, max_words=3, keywords=())
    assert check_instruction("", preset) is None
    assert check_instruction("Draw a map", preset) is None
    assert check_instruction("Draw a large map", preset) == "too_long"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Explain what a comet is.", 5),
        ("  Explain \n what ", 2),
        ("don't stop-and-go", 2),
        ("写一首诗。", 4),
        ("用 Python 写函数", 5),
        ("ひらがなで書いて", 8),
        ("कविता लिखें", 2),
        ("اكتب قصيدة عن المطر", 4),
        ("시를 써 주세요", 3),
        ("Напиши стихотворение о дожде", 4),
        ("2 + 2 = ？", 5),
        ("", 0),
    ],
)
def test_words_are_counted_in_any_script(text: str, words: int) -> None:
    assert count_words(text, "default") == words


def test_paper_counts_what_white_space_separates() -> None:
    assert count_words("写一首诗。", "paper") == 1
    assert count_words("用 Python 写函数", "paper") == 3


def test_four_characters_are_enough_without_spaces() -> None:
    assert check_instruction("写首诗", "default") == "too_short"
    assert check_instruction("写一首诗", "default") is None
    assert check_instruction("写一首诗", "paper") == "too_short"


# --- instances -----------------------------------------------------------------------------------------------------


@EVERY_PRESET
@pytest.mark.parametrize(
    ("instance", "reason"),
    [
        (Instance("cat", "tac"), None),
        (Instance("", "Lima"), None),
        (Instance("cat", "cat"), "input_equals_output"),
        (Instance("", ""), "input_equals_output"),
        (Instance("cat", "Cat"), None),
        (Instance("cat", ""), "empty_output"),
        (Instance("cat", " \n"), "empty_output"),
        (Instance("The words:", "cat"), "trailing_colon"),
        (Instance("cat", "The answer is:"), "trailing_colon"),
        (Instance("cat:dog", "a: b"), None),
        (Instance("same:", "same:"), "input_equals_output"),
        (Instance("cat:", ""), "empty_output"),
    ],
)
def test_an_instance_alone(instance: Instance, reason: str | None, preset: str) -> None:
    assert check_instances([instance], preset) == [reason]


@pytest.mark.parametrize(("preset", "reason"), [("default", "repetition"), ("alpaca", "repetition"), ("paper", None)])
def test_an_instance_that_repeats_itself(preset: str, reason: str | None) -> None:
    loop = "I have been to the zoo a few times. " * 5
    assert check_instances([Instance("Where were you?", loop)], preset) == [reason]
    assert check_instances([Instance(loop, "At the zoo.")], preset) == [reason]


def test_a_full_width_colon_counts_where_any_script_is_admitted() -> None:
    assert check_instances([Instance("猫", "答案是：")], "default") == ["trailing_colon"]
    assert check_instances([Instance("猫", "答案是：")], "paper") == [None]


@EVERY_PRESET
def test_two_outputs_for_one_input_reject_all_that_are_valid(preset: str) -> None:
    instances = [
        Instance("cat", "tac"),
        Instance("dog", "god"),
        Instance("cat", "act"),
        Instance("cat", ""),
        Instance("dog", "god"),
    ]
    assert check_instances(instances, preset) == [
        "conflicting_outputs",
        "conflicting_outputs",
        "conflicting_outputs",
        "empty_output",
        "conflicting_outputs",
    ]


@EVERY_PRESET
def test_two_outputs_without_input_are_no_conflict(preset: str) -> None:
    assert check_instances([Instance("", "Lima"), Instance("", "Quito")], preset) == [None, None]


@EVERY_PRESET
def test_an_invalid_instance_makes_no_conflict(preset: str) -> None:
    assert check_instances([Instance("cat", "tac"), Instance("cat", "It is:")], preset) == [None, "trailing_colon"]


@EVERY_PRESET
def test_the_first_of_two_equal_instances_stays(preset: str) -> None:
    instances = [Instance("cat", "tac"), Instance("", "Lima"), Instance("cat", "tac"), Instance("", "Lima")]
    assert check_instances(instances, preset) == [None, None, "duplicate", "duplicate"]


@pytest.mark.parametrize(("preset", "reason"), [("default", "duplicate"), ("alpaca", "duplicate"), ("paper", None)])
def test_an_input_that_is_the_end_of_another_is_no_new_one(preset: str, reason: str | None) -> None:
    long = "I am a nurse. I have seen many patients this winter."
    short = "I have seen many patients this winter."
    assert check_instances([Instance(long, "health"), Instance(short, "health")], preset) == [None, reason]
    assert check_instances([Instance(short, "health"), Instance(long, "health")], preset) == [None, reason]
    assert check_instances([Instance(long, "health"), Instance(short, "winter")], preset) == [None, None]


def test_a_word_that_ends_another_input_is_a_new_one() -> None:
    assert check_instances([Instance("a red cat", "animal"), Instance("cat", "animal")]) == [None, None]


def test_no_instances_have_no_reasons() -> None:
    assert check_instances([]) == []
