"""Classification: the output is one of a few labels."""

from __future__ import annotations

import calendar
import math
from collections.abc import Callable, Mapping
from random import Random

from distilabel_selfinstruct.demo.tasks.dates import draw_date, read_date
from distilabel_selfinstruct.demo.tasks.grammar import GENERAL_TAILS, Family, Slot, Values
from distilabel_selfinstruct.demo.tasks.knowledge import CAPITALS, COUNTRIES
from distilabel_selfinstruct.demo.tasks.words import draw_word

TAILS = (
    *GENERAL_TAILS,
    "Return the label alone.",
    "Print only the name of the class.",
    "Choose exactly one of the categories.",
)
VERDICTS = {"yes or no": ("Yes", "No"), "true or false": ("True", "False"), "Y or N": ("Y", "N")}
VERDICT_TAILS = (
    "Answer {verdict}.",
    "Reply with {verdict} only.",
    "Allowed answers are {verdict}.",
    "Say {verdict}, nothing more.",
    "Your verdict should be {verdict}.",
    "Print {verdict} and stop there.",
    "I expect a plain {verdict} from you.",
    "Respond to each case by {verdict}.",
)
_OF_ANIMAL_CLASS = {
    "mammal": "dolphin, bat, horse, elephant, whale, mouse, kangaroo, tiger",
    "bird": "penguin, eagle, ostrich, sparrow, owl, flamingo, parrot",
    "reptile": "crocodile, cobra, gecko, tortoise, iguana, chameleon",
    "fish": "salmon, tuna, shark, trout, herring, carp, seahorse",
    "insect": "ant, bee, butterfly, mosquito, beetle, grasshopper, wasp",
}
ANIMALS = {animal: group for group, animals in _OF_ANIMAL_CLASS.items() for animal in animals.split(", ")}
PRAISE = ("wonderful", "excellent", "delightful", "fantastic", "superb")
BLAME = ("terrible", "awful", "disappointing", "dreadful", "useless")
OPINIONS = (
    "The {thing} was {adjective} from start to end.",
    "What a {adjective} experience we had with the {thing}.",
    "I found the {thing} simply {adjective}.",
)
REVIEWED = ("breakfast", "service", "room", "concert", "delivery", "coffee")


def decide(
    name: str,
    cores: tuple[str, ...],
    holds: Callable[[Values, str], bool],
    draw: Callable[[Random, Values], str],
    slots: Mapping[str, Slot] | None = None,
) -> Family:
    """A family of questions to be answered by one of two words: those that are asked for, or yes and no."""

    def answer(values: Values, text: str) -> str:
        yes, no = VERDICTS[values.get("verdict", "yes or no")]
        return yes if holds(values, text) else no

    return Family(name, cores, answer, draw, {"verdict": tuple(VERDICTS), **(slots or {})}, VERDICT_TAILS, True)


def classify(
    name: str,
    cores: tuple[str, ...],
    label: Callable[[Values, str], str],
    draw: Callable[[Random, Values], str],
) -> Family:
    """A family of questions to be answered by one of a few labels of its own."""
    return Family(name, cores, label, draw, {}, TAILS, True)


def _is_prime(number: int) -> bool:
    return number > 1 and all(number % divisor for divisor in range(2, math.isqrt(number) + 1))


def _draw_prime_or_not(rng: Random, values: Values) -> str:
    wanted = rng.choice((True, False))
    return str(rng.choice([number for number in range(2, 150) if _is_prime(number) == wanted]))


def _draw_divisible_or_not(rng: Random, values: Values) -> str:
    divisor = int(values["divisor"])
    return str(divisor * rng.randint(3, 60) + rng.choice((0, rng.randrange(divisor))))


def _is_larger(values: Values, text: str) -> bool:
    first, second = text.split(" and ")
    return int(first) > int(second)


def _sign(values: Values, text: str) -> str:
    number = int(text)
    return "positive" if number > 0 else "negative" if number < 0 else "zero"


def _draw_year(rng: Random, values: Values) -> str:
    return str(rng.choice((rng.randrange(1604, 2400, 4), rng.randint(1600, 2400), rng.randrange(1600, 2401, 100))))


def _sentiment(values: Values, text: str) -> str:
    return "positive" if any(word in PRAISE for word in text.rstrip(".").split()) else "negative"


def _draw_opinion(rng: Random, values: Values) -> str:
    return rng.choice(OPINIONS).format(thing=rng.choice(REVIEWED), adjective=rng.choice((*PRAISE, *BLAME)))


FAMILIES = (
    classify(
        "parity",
        (
            "Is the given integer even or odd?",
            "Tell even numbers from odd ones.",
            "Tag the number as even or odd.",
            "Decide between the labels odd and even for what is entered.",
            "Can the number be split into two equal whole halves, making it even, or is it odd?",
        ),
        lambda values, text: "odd" if int(text) % 2 else "even",
        lambda rng, values: str(rng.randint(1, 999)),
    ),
    decide(
        "prime",
        (
            "Does this number have exactly two divisors, one and itself?",
            "Check if the integer in the input is prime.",
            "Would a mathematician call the given value a prime number?",
            "Test the entered number for primality.",
            "Am I right to believe that this is a prime?",
        ),
        lambda values, text: _is_prime(int(text)),
        _draw_prime_or_not,
    ),
    decide(
        "divisible",
        (
            "Is the number a multiple of {divisor}?",
            "Can this be divided by {divisor} without a remainder?",
            "Does {divisor} go evenly into the figure below?",
            "Find out if {divisor} is a factor of the given integer.",
            "Could that many cookies be shared fairly by {divisor} children with none left over?",
        ),
        lambda values, text: int(text) % int(values["divisor"]) == 0,
        _draw_divisible_or_not,
        {"divisor": range(3, 13)},
    ),
    decide(
        "larger",
        (
            "Is the first number larger than the second?",
            "Compare the two values and tell me if the former exceeds the latter.",
            "Of this pair, does the number on the left win by size?",
            "Would the difference of first minus second be positive?",
        ),
        _is_larger,
        lambda rng, values: f"{rng.randint(1, 500)} and {rng.randint(1, 500)}",
    ),
    decide(
        "over_limit",
        (
            "Is the reading above {limit}?",
            "Should an alarm that is set to go off above {limit} ring now?",
            "Has the counter passed the mark of {limit}?",
            "Our shelf holds {limit} boxes, so would the stated number be too many?",
            "Verify whether the quantity exceeds a maximum of {limit}.",
        ),
        lambda values, text: int(text) > int(values["limit"]),
        lambda rng, values: str(int(values["limit"]) + rng.randint(-30, 30)),
        {"limit": range(40, 400, 20)},
    ),
    classify(
        "sign",
        (
            "Say if the integer is positive, negative or zero.",
            "Which sign does the number have: positive, negative, or zero?",
            "Sort the account balance into positive, negative or zero.",
            "On the number line, does it lie right of zero (positive), left of it (negative) or on it (zero)?",
        ),
        _sign,
        lambda rng, values: str(rng.choice((0, rng.randint(1, 90), -rng.randint(1, 90)))),
    ),
    decide(
        "leap_year",
        (
            "Is it a leap year?",
            "Does the year have 366 days in the Gregorian calendar?",
            "Would February of that year contain 29 days?",
            "Apply the Gregorian rules and tell whether the year is a leap one.",
            "Could somebody celebrate a birthday on 29 February in the year below?",
        ),
        lambda values, text: calendar.isleap(int(text)),
        _draw_year,
    ),
    classify(
        "quarter",
        (
            "Name the quarter of the year, Q1 to Q4, in which the date lies.",
            "For the accounts, book the invoice date under Q1, Q2, Q3 or Q4.",
            "Business years here start in January: which quarter contains the day?",
        ),
        lambda values, text: f"Q{(read_date(text).month + 2) // 3}",
        draw_date,
    ),
    decide(
        "contains_letter",
        (
            "Does the word contain the letter {letter}?",
            "Is there at least one {letter} in it?",
            "Look for the letter {letter} and report whether you found any.",
            "Would somebody whose {letter} key is broken get stuck while typing the word?",
        ),
        lambda values, text: values["letter"] in text,
        draw_word,
        {"letter": tuple("aeioulnrst")},
    ),
    classify(
        "sentiment",
        (
            "Is the opinion positive or negative?",
            "Did the guest like it? Label the comment positive or negative.",
            "Detect the mood of this short review: positive or negative.",
            "Sort customer feedback into the piles positive and negative.",
            "Read the remark and tell if a manager should be glad (positive) or worried (negative).",
        ),
        _sentiment,
        _draw_opinion,
    ),
    classify(
        "animal_class",
        (
            "Classify the animal as mammal, bird, reptile, fish or insect.",
            "The zoo has a mammal, bird, reptile, fish and insect house; which one suits this resident?",
            "Zoologically speaking, what sort of animal (mammal, bird, reptile, fish, insect) is it?",
        ),
        lambda values, text: ANIMALS[text],
        lambda rng, values: rng.choice(tuple(ANIMALS)),
    ),
    decide(
        "is_capital",
        (
            "Is {city} the capital of the country given?",
            "Somebody claims that {city} is the capital there; is the claim right?",
            "Check the quiz answer {city} to the question for the capital of this country.",
        ),
        lambda values, text: CAPITALS[text] == values["city"],
        lambda rng, values: rng.choice((COUNTRIES[values["city"]], rng.choice(tuple(CAPITALS)))),
        {"city": tuple(COUNTRIES)},
    ),
)
