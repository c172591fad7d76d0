"""Letters, words and phrases."""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping, Sequence
from random import Random

from distilabel_selfinstruct.demo.tasks import tables
from distilabel_selfinstruct.demo.tasks.grammar import GENERAL_LEADS, GENERAL_TAILS, Family, Slot, Values
from distilabel_selfinstruct.demo.tasks.numbers import NUMBER_TAILS

VOWELS = "aeiou"
LEADS = (
    *GENERAL_LEADS,
    "We are playing a word game on a rainy evening.",
    "The input was typed by a user of our text editor.",
    "An author of crosswords asks for your help.",
    "You process text for a small publisher.",
    "A typesetter works on the following line.",
)
TEXT_TAILS = (
    *GENERAL_TAILS,
    "Return only the changed text.",
    "Show the result on one line.",
    "Change nothing else about the text.",
)
ORDINALS = {"first": 0, "second": 1, "third": 2, "fourth": 3, "last": -1}
DIGITS = {"two": 2, "three": 3, "four": 4}


def is_palindrome(text: str) -> bool:
    return text == text[::-1]


def draw_word(rng: Random, values: Values) -> str:
    return rng.choice(tables.WORDS)


def draw_phrase(rng: Random, values: Values) -> str:
    return rng.choice(tables.PHRASES)


def draw_words(fewest: int, most: int, between: str = ", ") -> Callable[[Random, Values], str]:
    """Draws lists of different words."""
    return lambda rng, values: between.join(rng.sample(tables.WORDS, rng.randint(fewest, most)))


def _family(
    name: str,
    cores: Sequence[str],
    change: Callable[[Values, str], str],
    draw: Callable[[Random, Values], str],
    slots: Mapping[str, Slot] | None = None,
    tails: Sequence[str] = TEXT_TAILS,
) -> Family:
    return Family(name, tuple(cores), change, draw, slots or {}, LEADS, tuple(tails))


def _draw_phrase_with_letter(rng: Random, values: Values) -> str:
    return rng.choice([phrase for phrase in tables.PHRASES if values["letter"] in phrase])


def _draw_repeated_words(rng: Random, values: Values) -> str:
    few = rng.sample(tables.WORDS, 3)
    return ", ".join([*few, *rng.choices(few, k=rng.randint(1, 3))])


def _draw_words_with_long_one(rng: Random, values: Values) -> str:
    long = rng.choice([word for word in tables.WORDS if len(word) > int(values["size"])])
    words = [long, *rng.sample([word for word in tables.WORDS if word != long], rng.randint(4, 7))]
    rng.shuffle(words)
    return ", ".join(words)


def _most_letters(words: Sequence[str]) -> str:
    return max(words, key=len)


def _draw_one_longest(rng: Random, values: Values) -> str:
    """A phrase in which one word is longer than all others."""
    lengths = {phrase: sorted(map(len, phrase.split())) for phrase in tables.PHRASES}
    return rng.choice([phrase for phrase, sizes in lengths.items() if sizes[-1] > sizes[-2]])


def shift(text: str, by: int) -> str:
    """Caesar's cipher on lower-case letters."""
    letters = string.ascii_lowercase
    return text.translate(str.maketrans(letters, letters[by:] + letters[:by]))


def camel_case(text: str) -> str:
    first, *others = text.split()
    return first + "".join(word.capitalize() for word in others)


def without(letters: str, text: str) -> str:
    return text.translate(str.maketrans("", "", letters))


LETTERS = (
    _family(
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
    ),
    _family(
        "count_vowels",
        (
            "How many vowels, counting a, e, i, o and u, does the word have?",
            "Count the vowels (a, e, i, o, u) in the text.",
            "Determine the number of letters that are one of a, e, i, o, u.",
            "If y is not a vowel, how many vowels are there?",
        ),
        lambda values, text: str(sum(letter in VOWELS for letter in text)),
        draw_word,
        tails=NUMBER_TAILS,
    ),
    _family(
        "count_consonants",
        (
            "How many consonants does the word contain?",
            "Count all letters except a, e, i, o and u.",
            "Take away the vowels a, e, i, o, u and count the letters that remain.",
        ),
        lambda values, text: str(sum(letter not in VOWELS for letter in text)),
        draw_word,
        tails=NUMBER_TAILS,
    ),
    _family(
        "count_letters",
        (
            "How many letters is the word long?",
            "Count the characters of the word.",
            "Report the length of this string.",
            "Our form allows short names only, so measure how many letters this one has.",
        ),
        lambda values, text: str(len(text)),
        draw_word,
        tails=NUMBER_TAILS,
    ),
    _family(
        "count_letter",
        (
            "How many times does the letter {letter} occur in the sentence?",
            "Count every {letter} in the given line.",
            "In a box of wooden type, how many pieces with the letter {letter} are needed to set this text?",
            "Look for {letter} and say how often you find it.",
        ),
        lambda values, text: str(text.count(values["letter"])),
        _draw_phrase_with_letter,
        {"letter": tuple("aeinorst")},
        NUMBER_TAILS,
    ),
    _family(
        "remove_vowels",
        (
            "Delete all vowels from the sentence.",
            "Rewrite the line without the letters a, e, i, o and u.",
            "Shorten the message by leaving out each vowel, but keep the spaces.",
            "What remains of the text if every a, e, i, o, u is erased?",
        ),
        lambda values, text: without(VOWELS, text),
        draw_phrase,
    ),
    _family(
        "replace_letter",
        (
            "Replace each {letter} in the text by {other}.",
            "Swap every letter {letter} for {other}.",
            "My keyboard writes {other} where I type {letter}; what will appear when I type this?",
            "Use {other} in place of {letter} throughout the sentence.",
        ),
        lambda values, text: text.replace(values["letter"], values["other"]),
        _draw_phrase_with_letter,
        {"letter": tuple("aeinorst"), "other": ("x", "z", "q", "w")},
    ),
    _family(
        "sort_letters",
        (
            "Put the letters of the word into alphabetical order.",
            "Sort the characters from a to z.",
            "Arrange the letters alphabetically and write them without spaces.",
            "Line up the letter tiles of this word as in the alphabet.",
        ),
        lambda values, text: "".join(sorted(text)),
        draw_word,
    ),
    _family(
        "nth_letter",
        (
            "What is the {ordinal} letter of the word?",
            "Print the {ordinal} character of the string.",
            "Underline the {ordinal} letter and tell me which one it is.",
            "Spell the word until you reach its {ordinal} letter, and name that letter.",
        ),
        lambda values, text: text[ORDINALS[values["ordinal"]]],
        draw_word,
        {"ordinal": tuple(ORDINALS)},
    ),
    _family(
        "distinct_letters",
        (
            "How many different letters occur in the word?",
            "Count the distinct characters.",
            "If repeated letters count once, how many letters does it have?",
        ),
        lambda values, text: str(len(set(text))),
        draw_word,
        tails=NUMBER_TAILS,
    ),
    _family(
        "caesar",
        (
            "Encrypt the word with a Caesar cipher that shifts {by} places forward.",
            "Move every letter {by} positions on in the alphabet, starting over after z.",
            "Shift the letters by {by}, as Julius Caesar did in his secret messages.",
            "Encode it for a treasure hunt: each letter becomes the one {by} places later, wrapping around.",
        ),
        lambda values, text: shift(text, int(values["by"])),
        draw_word,
        {"by": range(2, 13)},
    ),
    _family(
        "decipher",
        (
            "Undo a Caesar shift of {by}: move each letter back {by} places.",
            "The word was encrypted by shifting its letters {by} forward; recover it.",
            "A spy moved all letters {by} steps ahead in the alphabet, so find out the original.",
        ),
        lambda values, text: shift(text, -int(values["by"]) % 26),
        lambda rng, values: shift(rng.choice(tables.WORDS), int(values["by"])),
        {"by": range(2, 13)},
    ),
    _family(
        "morse",
        (
            "Translate the word into Morse code with a space between letters.",
            "How would a telegraph operator send this in dots and dashes?",
            "Encode each letter in international Morse code.",
        ),
        lambda values, text: " ".join(tables.MORSE[letter] for letter in text),
        draw_word,
    ),
    _family(
        "spelling_alphabet",
        (
            "Spell the word with the NATO phonetic alphabet.",
            "A pilot has to spell this over the radio; which code words (Alfa, Bravo, ...) does she say?",
            "Replace every letter by its word in the international radio alphabet.",
        ),
        lambda values, text: " ".join(tables.SPELLING_ALPHABET[letter] for letter in text),
        draw_word,
    ),
    _family(
        "letter_positions",
        (
            "Write the position of each letter in the alphabet (a = 1, z = 26), joined by hyphens.",
            "Encode the word as numbers from 1 for a to 26 for z, joined by hyphens.",
            "Turn letters to numbers in the simplest cipher, a being 1, and put a hyphen between them.",
        ),
        lambda values, text: "-".join(str(ord(letter) - ord("a") + 1) for letter in text),
        draw_word,
    ),
    _family(
        "repeat",
        (
            "Repeat the word {times} times with spaces in between.",
            "Say it {times} times on one line.",
            "An echo answers {times} times; write what it says, separated by single spaces.",
        ),
        lambda values, text: " ".join([text] * DIGITS[values["times"]]),
        draw_word,
        {"times": tuple(DIGITS)},
    ),
    _family(
        "hyphenate",
        (
            "Put a hyphen between all neighbouring letters.",
            "Separate the letters of the word with hyphens.",
            "Stretch the word by inserting a dash (-) after each letter but the last.",
        ),
        lambda values, text: "-".join(text),
        draw_word,
    ),
)

PHRASES = (
    _family(
        "acronym",
        (
            "Form the acronym of the term in capital letters.",
            "Abbreviate the expression by the initials of its words.",
            "Take the first letter of each word and capitalize it to build an abbreviation.",
            "How is this long name shortened to its initial letters?",
            "Our glossary needs the upper-case initialism for each term.",
        ),
        lambda values, text: "".join(word[0].upper() for word in text.split()),
        lambda rng, values: rng.choice(tables.TERMS),
    ),
    _family(
        "upper_case",
        (
            "Convert the text to capital letters.",
            "Shout the sentence by writing it all in upper case.",
            "Set the headline entirely in capitals.",
            "What does the line look like with caps lock on?",
        ),
        lambda values, text: text.upper(),
        draw_phrase,
    ),
    _family(
        "title_case",
        (
            "Capitalize the first letter of each word.",
            "Format the phrase as a title in which every word starts with a capital.",
            "Make a book title of it: all words begin with an upper-case letter.",
        ),
        lambda values, text: text.title(),
        draw_phrase,
    ),
    _family(
        "lower_case",
        (
            "Rewrite the text in lower case.",
            "Calm the shouting down: no capital letters, please.",
            "Somebody left caps lock on, so turn everything into small letters.",
        ),
        lambda values, text: text.lower(),
        lambda rng, values: rng.choice(tables.PHRASES).upper(),
    ),
    _family(
        "nth_word",
        (
            "What is the {ordinal} word of the sentence?",
            "Copy just the {ordinal} word.",
            "Extract the {ordinal} word from the line.",
            "If you read the text aloud, which word do you say as the {ordinal}?",
        ),
        lambda values, text: text.split()[ORDINALS[values["ordinal"]]],
        draw_phrase,
        {"ordinal": tuple(ORDINALS)},
    ),
    _family(
        "count_words",
        (
            "How many words does the sentence have?",
            "Count the words of the line.",
            "A telegram is paid by the word, so how many words would this cost?",
            "State the length of the text in words.",
        ),
        lambda values, text: str(len(text.split())),
        draw_phrase,
        tails=NUMBER_TAILS,
    ),
    _family(
        "longest_word",
        (
            "Which word of the sentence is the longest?",
            "Pick out the word with the most letters.",
            "Measure all words by their letters and return the longest one.",
            "Find the single word that needs the most space on paper when every letter is equally wide.",
        ),
        lambda values, text: _most_letters(text.split()),
        _draw_one_longest,
    ),
    _family(
        "reverse_words",
        (
            "Write the words of the sentence in reverse order.",
            "Turn the phrase around word by word, leaving the words themselves intact.",
            "Begin with the last word and end with the first.",
            "Read the line from right to left, one whole word after the other.",
        ),
        lambda values, text: " ".join(text.split()[::-1]),
        draw_phrase,
    ),
    _family(
        "swap_ends",
        (
            "Exchange the first and the last word of the sentence.",
            "Let the opening and the closing word trade places while the middle stays.",
            "Swap both outer words of the phrase.",
        ),
        lambda values, text: " ".join([(words := text.split())[-1], *words[1:-1], words[0]]),
        draw_phrase,
    ),
    _family(
        "snake_case",
        (
            "Make a variable name in snake_case out of the phrase.",
            "Join the words with underscores.",
            "Name a database column after the description: lower case, underscores for spaces.",
        ),
        lambda values, text: "_".join(text.split()),
        draw_phrase,
    ),
    _family(
        "camel_case",
        (
            "Convert the phrase to camelCase.",
            "Write it as a JavaScript style identifier: no spaces, each word after the first with a capital.",
            "Glue the words together in camelCase with a small initial letter.",
        ),
        lambda values, text: camel_case(text),
        draw_phrase,
    ),
    _family(
        "slug",
        (
            "Create a URL slug by putting hyphens where the spaces are.",
            "A blog needs an address ending for this headline, in lower case with hyphens.",
            "Turn the title into a kebab-case slug.",
        ),
        lambda values, text: "-".join(text.split()),
        draw_phrase,
    ),
    _family(
        "word_lengths",
        (
            "Replace every word by the number of its letters, and put commas between the numbers.",
            "List how many letters each word has, in order and separated by commas.",
            "Note the length of one word after the other, with commas between.",
        ),
        lambda values, text: ", ".join(str(len(word)) for word in text.split()),
        draw_phrase,
        tails=GENERAL_TAILS,
    ),
    _family(
        "double_words",
        (
            "Say every word of the sentence twice in a row.",
            "Stutter on each word once, so that it appears two times in succession.",
            "Duplicate the words one by one, keeping their order.",
        ),
        lambda values, text: " ".join(f"{word} {word}" for word in text.split()),
        draw_phrase,
    ),
    _family(
        "every_second_word",
        (
            "Keep the first, third, fifth word and so on, and drop the rest.",
            "Leave out every second word, the second being the first to go.",
            "Write only the words at odd positions of the sentence.",
        ),
        lambda values, text: " ".join(text.split()[::2]),
        draw_phrase,
    ),
)

LISTS = (
    _family(
        "sort_words",
        (
            "Sort the words alphabetically.",
            "Arrange the terms from a to z, with commas between them.",
            "In what order would the entries stand in a dictionary?",
            "Put the list into alphabetical order for the index of a book.",
            "A librarian wants these keywords sorted by the alphabet.",
        ),
        lambda values, text: ", ".join(sorted(text.split(", "))),
        draw_words(4, 7),
    ),
    _family(
        "sort_by_length",
        (
            "Order the names by length, shortest first, and alphabetically where lengths are equal.",
            "Rank the names from the fewest to the most letters; break ties by the alphabet.",
            "Sort these first names by the number of letters, then alphabetically.",
        ),
        lambda values, text: ", ".join(sorted(text.split(", "), key=lambda name: (len(name), name))),
        lambda rng, values: ", ".join(rng.sample(tables.NAMES, rng.randint(4, 6))),
    ),
    _family(
        "unique_words",
        (
            "Remove repeated words from the list and keep the first of each.",
            "A shopping list mentions things twice; write it without repetitions in the same order.",
            "Merge identical entries so that every word is named once.",
        ),
        lambda values, text: ", ".join(dict.fromkeys(text.split(", "))),
        _draw_repeated_words,
    ),
    _family(
        "filter_words",
        (
            "Keep the words that have more than {size} letters.",
            "Which of the listed words are longer than {size} letters?",
            "Throw out all words of {size} letters or fewer.",
        ),
        lambda values, text: ", ".join(word for word in text.split(", ") if len(word) > int(values["size"])),
        _draw_words_with_long_one,
        {"size": range(6, 8)},
    ),
    _family(
        "count_items",
        (
            "How many items are on the list?",
            "Count the entries between the commas.",
            "Tell the warehouse how many different articles were ordered here.",
        ),
        lambda values, text: str(len(text.split(", "))),
        draw_words(3, 9),
        tails=NUMBER_TAILS,
    ),
    _family(
        "join_with_and",
        (
            "Write the list as running English text, with and before the last entry and no comma in front of it.",
            "Connect the names as in a sentence, with the word and before the final one but no Oxford comma.",
            "Make one flowing enumeration of the names, in which the last comma gives way to the word and.",
        ),
        lambda values, text: " and ".join(text.rsplit(", ", 1)),
        lambda rng, values: ", ".join(rng.sample(tables.NAMES, rng.randint(3, 5))),
    ),
    _family(
        "number_list",
        (
            "Turn the items into a numbered list, one on each line.",
            "Number the entries from 1 and give every entry a line of its own.",
            "Put each entry on a new line that starts with its number and a full stop.",
        ),
        lambda values, text: "\n".join(f"{n}. {item}" for n, item in enumerate(text.split(", "), 1)),
        draw_words(3, 5),
        tails=GENERAL_TAILS,
    ),
    _family(
        "initials",
        (
            "Write the initials of the person, each followed by a full stop.",
            "Monogram wanted: give both initials with dots, no space.",
            "How would this person sign a note with initials, as in J.S.?",
        ),
        lambda values, text: "".join(f"{name[0]}." for name in text.split()),
        lambda rng, values: f"{rng.choice(tables.NAMES)} {rng.choice(tables.SURNAMES)}",
        tails=GENERAL_TAILS,
    ),
    _family(
        "last_name_first",
        (
            "Rearrange the name to surname, comma, first name.",
            "Register the person under the family name: write it first, then a comma and the given name.",
            "Convert the name to the style used in a phone book, last name first with a comma.",
        ),
        lambda values, text: ", ".join(text.split()[::-1]),
        lambda rng, values: f"{rng.choice(tables.NAMES)} {rng.choice(tables.SURNAMES)}",
    ),
)
FAMILIES = (*LETTERS, *PHRASES, *LISTS)
