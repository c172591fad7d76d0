"""Lists of numbers, and arithmetic with the numbers in the instruction."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from random import Random

from distilabel_selfinstruct.demo.tasks.grammar import GENERAL_TAILS, Family, Values

NUMBER_TAILS = (
    *GENERAL_TAILS,
    "Write the answer in digits.",
    "A plain number is all I expect.",
    "Please omit units and words.",
)
LIST_TAILS = (*GENERAL_TAILS, "Separate the numbers by commas.", "Return one line with commas between the entries.")
THINGS = (
    "numbers",
    "integers",
    "values",
    "test scores",
    "daily sales figures",
    "house numbers",
    "page counts",
    "ages of the club members",
    "points of the players",
    "ticket numbers",
)
ORDERS = {"ascending": False, "descending": True, "increasing": False, "decreasing": True}
DIRECTIONS = {
    "smallest to largest": False,
    "largest to smallest": True,
    "lowest to highest": False,
    "highest to lowest": True,
}
SYMBOLS = (
    ("M", 1000),
    ("CM", 900),
    ("D", 500),
    ("CD", 400),
    ("C", 100),
    ("XC", 90),
    ("L", 50),
    ("XL", 40),
    ("X", 10),
    ("IX", 9),
    ("V", 5),
    ("IV", 4),
    ("I", 1),
)
FACTORS = {
    "kilometres to metres": 1000,
    "metres to centimetres": 100,
    "feet to inches": 12,
    "yards to feet": 3,
    "tonnes to kilograms": 1000,
    "pounds to ounces": 16,
    "gallons to pints": 8,
    "hours to minutes": 60,
    "days to hours": 24,
    "dozens to pieces": 12,
    "hectares to square metres": 10000,
}
"""How many of the smaller unit make one of the larger."""


def parse_numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def join(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers))


def draw_numbers(fewest: int, most: int) -> Callable[[Random, Values], str]:
    """Draws lists of different numbers."""
    return lambda rng, values: join(rng.sample(range(1, 100), rng.randint(fewest, most)))


def computed(function: Callable[..., object], *slots: str) -> Callable[[Values, str], str]:
    """The answer that a function gives for the whole numbers in these slots."""
    return lambda values, text: str(function(*(int(values[slot]) for slot in slots)))


def roman(number: int) -> str:
    numeral = ""
    for symbol, value in SYMBOLS:
        numeral += symbol * (number // value)
        number %= value
    return numeral


def _sorted(values: Values, text: str) -> str:
    backwards = ORDERS[values["order"]] if "order" in values else DIRECTIONS[values["direction"]]
    return join(sorted(parse_numbers(text), reverse=backwards))


def _of_parity(values: Values, text: str) -> str:
    return join([number for number in parse_numbers(text) if number % 2 == (values["parity"] == "odd")])


def _discounted(price: int, percent: int) -> str:
    return f"${price * (100 - percent) / 100:.2f}"


LISTS = (
    Family(
        "sort_numbers",
        (
            "Sort the {things} in {order} order.",
            "Arrange the given {things} from {direction}.",
            "Put these {things} into {order} order and print the new sequence.",
            "Which sequence do you get when the {things} are ranked from {direction}?",
        ),
        _sorted,
        draw_numbers(4, 8),
        {"things": THINGS, "order": tuple(ORDERS), "direction": tuple(DIRECTIONS)},
        LIST_TAILS,
    ),
    Family(
        "sum_list",
        (
            "Add up all the {things} in the list.",
            "What is the total of the {things} shown?",
            "Find out how much the {things} amount to altogether.",
            "If you add every one of these {things}, which result do you reach?",
        ),
        lambda values, text: str(sum(parse_numbers(text))),
        draw_numbers(3, 7),
        {"things": THINGS},
        NUMBER_TAILS,
    ),
    Family(
        "count_above",
        (
            "How many of the {things} are greater than {limit}?",
            "Count the {things} that exceed {limit}.",
            "In the given list, how often does a value over {limit} appear?",
            "Check the {things} against the limit of {limit} and say how many go beyond it.",
        ),
        lambda values, text: str(sum(number > int(values["limit"]) for number in parse_numbers(text))),
        draw_numbers(5, 9),
        {"things": THINGS, "limit": range(10, 91, 5)},
        NUMBER_TAILS,
    ),
    Family(
        "keep_parity",
        (
            "Keep only the {parity} {things} and preserve their order.",
            "Extract every {parity} number from the list.",
            "Filter the input so that just its {parity} members remain.",
            "Which of the {things} are {parity}?",
        ),
        _of_parity,
        draw_numbers(5, 9),
        {"things": THINGS, "parity": ("even", "odd")},
        LIST_TAILS,
    ),
    Family(
        "convert_units",
        (
            "Convert the amount from {units}.",
            "Change the measurement, {units}.",
            "A lab assistant has to convert {units}; do it for the given quantity.",
            "My notes use the wrong unit, so please go from {units}.",
        ),
        lambda values, text: str(int(text) * FACTORS[values["units"]]),
        lambda rng, values: str(rng.randint(2, 40)),
        {"units": tuple(FACTORS)},
        NUMBER_TAILS,
    ),
)
ARITHMETIC = (
    Family(
        "add",
        (
            "What is {a} plus {b}?",
            "A bus with {a} passengers on board picks up {b} more; how many are travelling now?",
            "Increase {a} by {b} and tell me what you get.",
            "There are {a} books upstairs and {b} books downstairs: how many does the house hold?",
            "Grandfather planted {a} tulips and Grandmother {b} daffodils, so how many flowers will bloom?",
        ),
        computed(lambda a, b: a + b, "a", "b"),
        slots={"a": range(101, 900), "b": range(12, 400)},
        tails=NUMBER_TAILS,
    ),
    Family(
        "subtract",
        (
            "What is left of {a} when {b} is taken away?",
            "From {a} litres in the tank, {b} litres were used; how much remains?",
            "Of {a} seats in the theatre {b} are occupied, so how many are still free?",
            "My novel has {a} pages and I am on page {b}: how many pages lie ahead of me?",
            "By what amount must {b} grow to become {a}?",
        ),
        computed(lambda a, b: a - b, "a", "b"),
        slots={"a": range(450, 1000), "b": range(15, 440)},
        tails=NUMBER_TAILS,
    ),
    Family(
        "remainder",
        (
            "What remainder does {a} leave after division by {b}?",
            "Compute {a} modulo {b}.",
            "Eggs are packed in boxes of {b}; how many of {a} eggs do not fill a whole box?",
            "When {a} people form groups of {b}, how many cannot join a full group?",
        ),
        computed(lambda a, b: a % b, "a", "b"),
        slots={"a": range(60, 500), "b": range(4, 24)},
        tails=NUMBER_TAILS,
    ),
    Family(
        "equation",
        (
            "Solve {k}x + {c} = {d} for x, as a fraction if need be.",
            "I think of a number, multiply it by {k} and add {c}; the result is {d}, so what was the number?",
            "For which x does {k} times x plus {c} equal {d}?",
            "A taxi takes {c} coins to start and {k} a mile; how many miles, perhaps not whole, do {d} coins buy?",
        ),
        computed(lambda k, c, d: Fraction(d - c, k), "k", "c", "d"),
        slots={"k": range(2, 10), "c": range(3, 30), "d": range(40, 200)},
    ),
    Family(
        "handshakes",
        (
            "At a party {n} guests all shake hands with each other once; how many handshakes take place?",
            "Each pair of {n} teams plays one match, so how many matches are there?",
            "In how many ways can two volunteers be chosen from a class of {n}?",
            "Compute the number of straight lines through pairs of {n} points if no three lie on one line.",
        ),
        computed(lambda n: math.comb(n, 2), "n"),
        slots={"n": range(5, 40)},
        tails=NUMBER_TAILS,
    ),
    Family(
        "discount",
        (
            "A coat for ${price} is reduced by {p} percent; what is the new price?",
            "Apply a discount of {p}% to a price of ${price}.",
            "Students save {p} percent on a course that normally costs ${price}, so what do they pay?",
            "During the sale, {p} percent is taken off every lamp; find the sale price of one that was ${price}.",
        ),
        computed(_discounted, "price", "p"),
        slots={"price": range(20, 400, 5), "p": range(5, 80, 5)},
        tails=(*GENERAL_TAILS, "State the amount with two decimals.", "Name the amount in dollars."),
    ),
    Family(
        "to_roman",
        (
            "Write {n} in Roman numerals.",
            "How would the ancient Romans have carved the number {n}?",
            "Turn the year {n} into a Roman numeral for the inscription above a door.",
            "Which Roman numeral stands for {n}?",
        ),
        computed(roman, "n"),
        slots={"n": range(14, 2030, 3)},
    ),
)
FAMILIES = (*LISTS, *ARITHMETIC)
