"""Letters, words and phrases."""

from __future__ import annotations

import string
from random import Random

from distilabel_selfinstruct.demo.tasks.grammar import GENERAL_TAILS, Family, Values
from distilabel_selfinstruct.demo.tasks.numbers import NUMBER_TAILS

TEXT_TAILS = (
    *GENERAL_TAILS,
    "Return only the changed text.",
    "Show the result on one line.",
    "Change nothing else about the text.",
)
WORDS = (
    "planet",
    "garden",
    "window",
    "bridge",
    "candle",
    "forest",
    "guitar",
    "hammer",
    "island",
    "jacket",
    "kitchen",
    "ladder",
    "market",
    "needle",
    "orange",
    "pencil",
    "rabbit",
    "saddle",
    "tunnel",
    "velvet",
    "wallet",
    "yellow",
    "glacier",
    "harbour",
    "insect",
    "kettle",
    "lantern",
    "mirror",
    "oyster",
    "quarter",
    "umbrella",
    "village",
    "whistle",
    "blanket",
    "chimney",
    "dolphin",
    "elephant",
    "mountain",
    "notebook",
    "sandwich",
)
PHRASES = (
    "the quiet river turns north",
    "seven grey geese cross the road",
    "my neighbour repairs old clocks",
    "every train stops at this station",
    "fresh bread smells wonderful",
    "the baker opens before sunrise",
    "two tired hikers found the cabin",
    "one small boat left the harbour",
    "nobody expected snow in april",
    "the library closes early today",
    "green tea cools in the kitchen",
    "our cat sleeps on the piano",
    "strong winds delayed the ferry",
    "the children planted nine sunflowers",
)


def draw_word(rng: Random, values: Values) -> str:
    return rng.choice(WORDS)


def draw_phrase(rng: Random, values: Values) -> str:
    return rng.choice(PHRASES)


def draw_list(rng: Random, values: Values) -> str:
    """Different words, with commas."""
    return ", ".join(rng.sample(WORDS, rng.randint(3, 6)))


def _shift(text: str, by: int) -> str:
    """Caesar's cipher on lower-case letters."""
    letters = string.ascii_lowercase
    return text.translate(str.maketrans(letters, letters[by:] + letters[:by]))


FAMILIES = (
    Family(
        "reverse_word",
        (
            "Spell the word backwards.",
            "Reverse the letters of the given word.",
            "Write it from the last letter to the first.",
            "How does the word look in a mirror that only swaps the order of its letters?",
            "Turn the string around character by character.",
        ),
        lambda values, text: text[::-1],
        draw_word,
        tails=TEXT_TAILS,
    ),
    Family(
        "count_vowels",
        (
            "How many vowels, counting a, e, i, o and u, does the word have?",
            "Count the vowels (a, e, i, o, u) in the text.",
            "Determine the number of letters that are one of a, e, i, o, u.",
            "If y is not a vowel, how many vowels are there?",
        ),
        lambda values, text: str(sum(letter in "aeiou" for letter in text)),
        draw_word,
        tails=NUMBER_TAILS,
    ),
    Family(
        "caesar",
        (
            "Encrypt the word with a Caesar cipher that shifts {by} places forward.",
            "Move every letter {by} positions on in the alphabet, starting over after z.",
            "Shift the letters by {by}, as Julius Caesar did in his secret messages.",
            "Encode it for a treasure hunt: each letter becomes the one {by} places later, wrapping around.",
        ),
        lambda values, text: _shift(text, int(values["by"])),
        draw_word,
        {"by": range(2, 13)},
        TEXT_TAILS,
    ),
    Family(
        "upper_case",
        (
            "Convert the text to capital letters.",
            "Shout the sentence by writing it all in upper case.",
            "Set the headline entirely in capitals.",
            "What does the line look like with caps lock on?",
        ),
        lambda values, text: text.upper(),
        draw_phrase,
        tails=TEXT_TAILS,
    ),
    Family(
        "title_case",
        (
            "Capitalize the first letter of each word.",
            "Format the phrase as a title in which every word starts with a capital.",
            "Make a book title of it: all words begin with an upper-case letter.",
        ),
        lambda values, text: text.title(),
        draw_phrase,
        tails=TEXT_TAILS,
    ),
    Family(
        "reverse_words",
        (
            "Write the words of the sentence in reverse order.",
            "Turn the phrase around word by word, leaving the words themselves intact.",
            "Begin with the last word and end with the first.",
            "Read the line from right to left, one whole word after the other.",
        ),
        lambda values, text: " ".join(text.split()[::-1]),
        draw_phrase,
        tails=TEXT_TAILS,
    ),
    Family(
        "snake_case",
        (
            "Make a variable name in snake_case out of the phrase.",
            "Join the words with underscores.",
            "Name a database column after the description: lower case, underscores for spaces.",
        ),
        lambda values, text: "_".join(text.split()),
        draw_phrase,
        tails=TEXT_TAILS,
    ),
    Family(
        "sort_words",
        (
            "Sort the words alphabetically.",
            "Arrange the terms from a to z, with commas between them.",
            "In what order would the entries stand in a dictionary?",
            "Put the list into alphabetical order for the index of a book.",
            "A librarian wants these keywords sorted by the alphabet.",
        ),
        lambda values, text: ", ".join(sorted(text.split(", "))),
        draw_list,
        tails=TEXT_TAILS,
    ),
    Family(
        "number_list",
        (
            "Turn the items into a numbered list, one on each line.",
            "Number the entries from 1 and give every entry a line of its own.",
            "Put each entry on a new line that starts with its number and a full stop.",
        ),
        lambda values, text: "\n".join(f"{n}. {item}" for n, item in enumerate(text.split(", "), 1)),
        draw_list,
    ),
)
