"""Lists of numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from random import Random

from distilabel_selfinstruct.demo.tasks.grammar import GENERAL_LEADS, GENERAL_TAILS, Family, Values

LIST_LEADS = (
    *GENERAL_LEADS,
    "You are given whole numbers separated by commas.",
    "A teacher has written a few integers on the blackboard.",
    "The row of figures comes from a lottery machine.",
    "Our sensor sent the readings in the input.",
    "One column of my spreadsheet holds these entries.",
    "The score sheet of a darts club lies in front of you.",
)
NUMBER_TAILS = (
    *GENERAL_TAILS,
    "Write the answer in digits.",
    "A plain number is all I expect.",
    "Please omit units and words.",
)
LIST_TAILS = (
    *GENERAL_TAILS,
    "Separate the numbers by commas.",
    "Return one line with commas between the entries.",
)
THINGS = (
    "numbers", "integers", "values", "test scores", "daily sales figures", "house numbers", "page counts",
    "ages of the club members", "points of the players", "ticket numbers",
)  # fmt: skip


def parse_numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def join(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers))


def is_prime(number: int) -> bool:
    return number > 1 and all(number % divisor for divisor in range(2, math.isqrt(number) + 1))


def decimal(number: Fraction) -> str:
    """Exact where two decimal places suffice, else rounded to two."""
    text = f"{float(round(number, 2)):.2f}"
    return text.rstrip("0").rstrip(".")


def draw_numbers(fewest: int, most: int, low: int = 1, high: int = 99) -> Callable[[Random, Values], str]:
    """Draws lists of different numbers."""

    def draw(rng: Random, values: Values) -> str:
        return join(rng.sample(range(low, high + 1), rng.randint(fewest, most)))

    return draw


def _draw_repeating(rng: Random, values: Values) -> str:
    few = rng.sample(range(1, 30), 4)
    return join([*few, *rng.choices(few, k=rng.randint(1, 4))])


def _draw_with_whole_mean(rng: Random, values: Values) -> str:
    numbers = rng.sample(range(4, 60), rng.randint(3, 5))
    numbers[-1] += -sum(numbers) % len(numbers)
    return join(numbers)


def _draw_odd_length(rng: Random, values: Values) -> str:
    return join(rng.sample(range(1, 100), rng.choice((3, 5, 7))))


ORDERS = {
    "ascending": False, "descending": True, "increasing": False, "decreasing": True,
}  # fmt: skip
DIRECTIONS = {"smallest to largest": False, "largest to smallest": True, "lowest to highest": False,
              "highest to lowest": True}  # fmt: skip


def _sorted(values: Values, text: str) -> str:
    backwards = ORDERS[values["order"]] if "order" in values else DIRECTIONS[values["direction"]]
    return join(sorted(parse_numbers(text), reverse=backwards))


def _extreme(values: Values, text: str) -> str:
    return str((max if values["extreme"] in ("largest", "highest", "greatest") else min)(parse_numbers(text)))


def _has_parity(parity: str, number: int) -> bool:
    return number % 2 == (parity == "odd")


def _of_parity(values: Values, text: str) -> str:
    return join([number for number in parse_numbers(text) if _has_parity(values["parity"], number)])


def _count_of_parity(values: Values, text: str) -> str:
    return str(sum(_has_parity(values["parity"], number) for number in parse_numbers(text)))


def _running_totals(values: Values, text: str) -> str:
    numbers = parse_numbers(text)
    return join([sum(numbers[: end + 1]) for end in range(len(numbers))])


FAMILIES = (
    Family(
        "sort_numbers",
        (
            "Sort the {things} in {order} order.",
            "Arrange the given {things} from {direction}.",
            "Put these {things} into {order} order and print the new sequence.",
            "Which sequence do you get when the {things} are ranked from {direction}?",
            "Reorder the list so that the {things} run from {direction}.",
            "Rewrite the line with all {things} in {order} order.",
        ),
        _sorted,
        draw_numbers(4, 8),
        {"things": THINGS, "order": tuple(ORDERS), "direction": tuple(DIRECTIONS)},
        LIST_LEADS,
        LIST_TAILS,
    ),
    Family(
        "sum_list",
        (
            "Add up all the {things} in the list.",
            "What is the total of the {things} shown?",
            "Compute the sum of the given {things}.",
            "Find out how much the {things} amount to altogether.",
            "Total the line of {things} below.",
            "If you add every one of these {things}, which result do you reach?",
        ),
        lambda values, text: str(sum(parse_numbers(text))),
        draw_numbers(3, 7),
        {"things": THINGS},
        LIST_LEADS,
        NUMBER_TAILS,
    ),
    Family(
        "extreme",
        (
            "Pick the {extreme} of the {things}.",
            "Which of the listed {things} is the {extreme}?",
            "Scan the input and report its {extreme} entry.",
            "Out of these {things}, name the {extreme} one.",
            "Identify the {extreme} value that occurs among the {things}.",
            "Tell me the {extreme} figure in the row.",
        ),
        _extreme,
        draw_numbers(4, 9, 1, 500),
        {"things": THINGS, "extreme": ("largest", "smallest", "highest", "lowest", "greatest")},
        LIST_LEADS,
        NUMBER_TAILS,
    ),
    Family(
        "median",
        (
            "Find the median of the {things}.",
            "What value stands in the middle once the {things} are sorted?",
            "Half of the other {things} lie below it and half above it: determine this middle value.",
            "Work out the median of this odd-length list of {things}.",
            "After sorting the {things}, return the central one.",
        ),
        lambda values, text: str(sorted(parse_numbers(text))[len(parse_numbers(text)) // 2]),
        _draw_odd_length,
        {"things": THINGS},
        LIST_LEADS,
        NUMBER_TAILS,
    ),
    Family(
        "mean",
        (
            "Calculate the average of the {things}.",
            "What is the arithmetic mean of these {things}?",
            "Divide the sum of the {things} by how many there are.",
            "On average, how high are the listed {things}?",
            "State the mean of the data in the input.",
            "If the total were shared evenly over all the {things}, what would each be?",
        ),
        lambda values, text: decimal(Fraction(sum(parse_numbers(text)), len(parse_numbers(text)))),
        _draw_with_whole_mean,
        {"things": THINGS},
        LIST_LEADS,
        NUMBER_TAILS,
    ),
    Family(
        "spread",
        (
            "By how much do the largest and the smallest of the {things} differ?",
            "Compute the range of the data, that is maximum minus minimum.",
            "Subtract the lowest of the {things} from the highest.",
            "How wide is the gap between the two extreme {things}?",
            "Determine the statistical range of these {things}.",
        ),
        lambda values, text: str(max(parse_numbers(text)) - min(parse_numbers(text))),
        draw_numbers(4, 8, 1, 300),
        {"things": THINGS},
        LIST_LEADS,
        NUMBER_TAILS,
    ),
    Family(
        "count_above",
        (
            "How many of the {things} are greater than {limit}?",
            "Count the {things} that exceed {limit}.",
            "Tell me the number of entries above {limit}.",
            "In the given list, how often does a value over {limit} appear?",
            "Check the {things} against the limit of {limit} and say how many go beyond it.",
        ),
        lambda values, text: str(sum(number > int(values["limit"]) for number in parse_numbers(text))),
        draw_numbers(5, 9),
        {"things": THINGS, "limit": range(10, 91, 5)},
        LIST_LEADS,
        NUMBER_TAILS,
    ),
    Family(
        "keep_parity",
        (
            "Keep only the {parity} {things} and preserve their order.",
            "Extract every {parity} number from the list.",
            "Filter the input so that just its {parity} members remain.",
            "Which of the {things} are {parity}?",
            "List the {parity} entries in the order in which they appear.",
        ),
        _of_parity,
        draw_numbers(5, 9),
        {"things": THINGS, "parity": ("even", "odd")},
        LIST_LEADS,
        LIST_TAILS,
    ),
    Family(
        "count_parity",
        (
            "Count the {parity} {things}.",
            "How many {parity} numbers does the line contain?",
            "State the quantity of {parity} values among the {things}.",
            "Go through the {things} and tally those that are {parity}.",
            "What is the number of {parity} items in this sequence?",
        ),
        _count_of_parity,
        draw_numbers(5, 9),
        {"things": THINGS, "parity": ("even", "odd")},
        LIST_LEADS,
        NUMBER_TAILS,
    ),
    Family(
        "unique_numbers",
        (
            "Remove duplicates from the {things}, keeping the first occurrence of each.",
            "Delete every repeated entry so that each number occurs once.",
            "Clean the list: no number may appear twice, and the original order stays.",
            "Print the distinct {things} in order of first appearance.",
            "Strike out all repetitions among the {things}.",
        ),
        lambda values, text: join(list(dict.fromkeys(parse_numbers(text)))),
        _draw_repeating,
        {"things": THINGS},
        LIST_LEADS,
        LIST_TAILS,
    ),
    Family(
        "second_largest",
        (
            "Find the second largest of the {things}.",
            "Which of the {things} would win the silver medal if the biggest took gold?",
            "Ignore the maximum and return the largest number that is left.",
            "Name the runner-up when these {things} are ranked by size.",
            "What number comes directly after the top value in size?",
        ),
        lambda values, text: str(sorted(parse_numbers(text))[-2]),
        draw_numbers(4, 8, 1, 200),
        {"things": THINGS},
        LIST_LEADS,
        NUMBER_TAILS,
    ),
    Family(
        "running_totals",
        (
            "Replace each of the {things} by the sum of all entries up to and including it.",
            "Write down the running totals of the list.",
            "Produce the cumulative sums for these {things}.",
            "Starting from the left, keep adding and note the subtotal after every number.",
        ),
        _running_totals,
        draw_numbers(3, 6, 1, 40),
        {"things": THINGS},
        LIST_LEADS,
        LIST_TAILS,
    ),
    Family(
        "reverse_numbers",
        (
            "Reverse the order of the {things}.",
            "Print the list backwards, last number first.",
            "Flip the sequence so that the final entry comes first and the first comes last.",
            "Give the {things} from right to left.",
        ),
        lambda values, text: join(parse_numbers(text)[::-1]),
        draw_numbers(4, 7),
        {"things": THINGS},
        LIST_LEADS,
        LIST_TAILS,
    ),
    Family(
        "scale_numbers",
        (
            "Multiply each of the {things} by {factor}.",
            "Make every entry in the list {factor} times as large.",
            "Scale the {things} with the factor {factor} and show the outcome.",
            "What does the line look like after each number has been multiplied by {factor}?",
        ),
        lambda values, text: join([number * int(values["factor"]) for number in parse_numbers(text)]),
        draw_numbers(3, 6, 1, 50),
        {"things": THINGS, "factor": range(2, 13)},
        LIST_LEADS,
        LIST_TAILS,
    ),
)
