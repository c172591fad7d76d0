"""Loops: lists that bring nothing new any more, and texts that are one phrase again and again."""

from __future__ import annotations

import pytest

from distilabel_selfinstruct.text.repetition import begins_to_repeat, repeats_itself, says_twice


@pytest.mark.parametrize(
    ("items", "place"),
    [
        ("", 0),
        ("abc", 3),
        ("abcb", 4),  # one that comes again is no loop
        ("abcbc", 3),
        ("abcabcabcabc", 3),
        ("aaaaaaaa", 1),
        ("abababc", 7),  # something new at the end
    ],
)
def test_a_list_repeats_itself_from_where_nothing_new_comes(items: str, place: int) -> None:
    assert begins_to_repeat(items) == place


LOOPS = [
    "I have been to the zoo a few times. " * 4,
    "My birthday is on the 15th of September. " + "I have been to the zoo. " * 12,
    "no " * 20,
    "Der Zug fährt nach Ulm. " * 3 + "Der Zug",
    "1234567890" * 12,
    "我喜欢猫。" * 15,
    "Step one: mix the flour.\n" * 6,
]
TEXTS = [
    "",
    "No, no, no!",
    "Row, row, row your boat, gently down the stream. Merrily, merrily, merrily, merrily, life is but a dream.",
    "-" * 200,
    "| a | b |\n" + "|---|---|\n" + "| 1 | 2 |\n| 3 | 4 |",
    "The cat sat on the mat, and the dog sat on the log, and the frog sat on the bog, and all of them were glad of it.",
    "def f(x):\n    return x\n\n\ndef g(x):\n    return x + 1\n\n\ndef h(x):\n    return x + 2\n",
    "DNA: " + "ACGTTGCAAGCTTACGGATCCATGCAATGCCGTAGCTAGCATCGATTACGATCGGCTAAGC",
    "她喜欢在春天的早晨沿着河边散步,听鸟儿歌唱,看樱花慢慢飘落,然后坐在长椅上读一本旧书,直到太阳升得很高。",
    "A phrase that comes twice is a refrain. A phrase that comes twice is a refrain. And here the song goes on.",
]


@pytest.mark.parametrize("text", LOOPS)
def test_a_phrase_again_and_again_is_a_loop(text: str) -> None:
    assert repeats_itself(text)


@pytest.mark.parametrize("text", TEXTS)
def test_refrains_drawings_tables_and_code_are_none(text: str) -> None:
    assert not repeats_itself(text)


@pytest.mark.parametrize(
    "text",
    [
        "How to tell a friend how to tell a friend",
        "What did they like about the price? How did it feel? What did they like about the price?",
    ],
)
def test_an_instruction_that_says_it_twice(text: str) -> None:
    assert says_twice(text)


@pytest.mark.parametrize(
    "text",
    [
        "Write a poem about the sea. Write it in the style of a sea shanty.",
        "Is it red? Is it blue? Sort the objects by the answers.",
        "Explain the saying: a rose is a rose is a rose.",
        "Tell me how to tell a joke.",
    ],
)
def test_one_that_does_not(text: str) -> None:
    assert not says_twice(text)
