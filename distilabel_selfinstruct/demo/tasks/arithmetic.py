"""Arithmetic with the numbers in the instruction: no input is needed."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

from distilabel_selfinstruct.demo.tasks.grammar import GENERAL_LEADS, GENERAL_TAILS, Family, Slot, Values
from distilabel_selfinstruct.demo.tasks.numbers import NUMBER_TAILS, decimal, is_prime, join

LEADS = (
    *GENERAL_LEADS,
    "You are a pocket calculator that understands sentences.",
    "Solve this without any tools.",
    "Mental arithmetic keeps the mind fit.",
    "The batteries of my calculator are dead.",
)
SYMBOLS = (("M", 1000), ("CM", 900), ("D", 500), ("CD", 400), ("C", 100), ("XC", 90), ("L", 50), ("XL", 40),
           ("X", 10), ("IX", 9), ("V", 5), ("IV", 4), ("I", 1))  # fmt: skip
_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
BASES = {"binary": "b", "octal": "o", "hexadecimal": "x"}


def roman(number: int) -> str:
    numeral = ""
    for symbol, value in SYMBOLS:
        numeral += symbol * (number // value)
        number %= value
    return numeral


def in_words(number: int) -> str:
    """A number below 1000 in English."""
    if number >= 100:
        rest = f" and {in_words(number % 100)}" if number % 100 else ""
        return f"{_ONES[number // 100]} hundred{rest}"
    if number >= 20:
        return _TENS[number // 10 - 2] + (f"-{_ONES[number % 10]}" if number % 10 else "")
    return _ONES[number]


def divisors(number: int) -> list[int]:
    return [divisor for divisor in range(1, number + 1) if number % divisor == 0]


def prime_factors(number: int) -> list[int]:
    factors = []
    divisor = 2
    while number > 1:
        while number % divisor == 0:
            factors.append(divisor)
            number //= divisor
        divisor += 1
    return factors


def next_prime(number: int) -> int:
    return next(candidate for candidate in range(number + 1, 2 * number + 2) if is_prime(candidate))


def computed(function: Callable[..., object], *slots: str) -> Callable[[Values, str], str]:
    """The answer that a function gives for the whole numbers in these slots."""
    return lambda values, text: str(function(*(int(values[slot]) for slot in slots)))


def _family(
    name: str, cores: tuple[str, ...], answer: Callable[[Values, str], str], tails: tuple[str, ...] = NUMBER_TAILS,
    **slots: Slot,
) -> Family:  # fmt: skip
    return Family(name, cores, answer, None, slots, LEADS, tails)


FAMILIES = (
    _family(
        "add",
        (
            "What is {a} plus {b}?",
            "Add {b} to {a}.",
            "A bus with {a} passengers on board picks up {b} more; how many are travelling now?",
            "Yesterday the bakery sold {a} rolls and today {b}, which makes how many in two days?",
            "Increase {a} by {b} and tell me what you get.",
            "There are {a} books upstairs and {b} books downstairs: how many does the house hold?",
            "Work out the sum of {a} and {b}.",
            "After scoring {a} points in the first half, our team made {b} in the second, for a final score of what?",
            "Grandfather planted {a} tulips and Grandmother {b} daffodils, so how many flowers will bloom?",
        ),
        computed(lambda a, b: a + b, "a", "b"),
        a=range(101, 900),
        b=range(12, 400),
    ),
    _family(
        "subtract",
        (
            "What is left of {a} when {b} is taken away?",
            "Subtract {b} from {a}.",
            "From {a} litres in the tank, {b} litres were used; how much remains?",
            "Compute {a} minus {b}.",
            "Of {a} seats in the theatre {b} are occupied, so how many are still free?",
            "How much greater is {a} than {b}?",
            "A farmer had {a} sheep and sold {b} of them at the market; how many did he keep?",
            "My novel has {a} pages and I am on page {b}: how many pages lie ahead of me?",
            "By what amount must {b} grow to become {a}?",
        ),
        computed(lambda a, b: a - b, "a", "b"),
        a=range(450, 1000),
        b=range(15, 440),
    ),
    _family(
        "multiply",
        (
            "What is {a} times {b}?",
            "Multiply {a} by {b}.",
            "Calculate the product of {a} and {b}.",
            "A hall has {a} rows with {b} chairs each; how many people can sit down?",
            "If one crate holds {a} bottles, what do {b} crates hold?",
            "Every one of the {a} pupils brings {b} coins, so how many coins are there?",
            "Someone walks {a} kilometres a day for {b} days; how far is that altogether?",
            "The gardener waters {a} beds of {b} plants each, and how many plants are watered?",
            "A printer puts out {a} pages a minute: how many come out in {b} minutes?",
        ),
        computed(lambda a, b: a * b, "a", "b"),
        a=range(6, 60),
        b=range(3, 25),
    ),
    _family(
        "divide",
        (
            "Divide {a} by {b} and state quotient and remainder.",
            "How often does {b} fit into {a}, and what remains?",
            "Share {a} marbles among {b} players and say how many each gets and how many stay in the bag.",
            "Perform the whole-number division of {a} by {b}, remainder included.",
        ),
        lambda values, text: "{} remainder {}".format(*divmod(int(values["a"]), int(values["b"]))),
        (*GENERAL_TAILS, "Use the form 5 remainder 2."),
        a=range(50, 400),
        b=range(3, 20),
    ),
    _family(
        "remainder",
        (
            "What remainder does {a} leave after division by {b}?",
            "Compute {a} modulo {b}.",
            "Eggs are packed in boxes of {b}; how many of {a} eggs do not fill a whole box?",
            "When {a} people form groups of {b}, how many cannot join a full group?",
        ),
        computed(lambda a, b: a % b, "a", "b"),
        a=range(60, 500),
        b=range(4, 24),
    ),
    _family(
        "square",
        (
            "What is the square of {n}?",
            "Raise {n} to the power of two.",
            "How large is the area of a square, in square metres, whose sides are {n} metres long?",
            "Multiply the number {n} by itself.",
            "A chess-like board has {n} rows and just as many columns, so how many fields are on it?",
        ),
        computed(lambda n: n * n, "n"),
        n=range(6, 60),
    ),
    _family(
        "cube",
        (
            "Compute the third power of {n}.",
            "How many unit cubes make up a cube with an edge of {n}?",
            "What is {n} cubed?",
        ),
        computed(lambda n: n**3, "n"),
        n=range(3, 21),
    ),
    _family(
        "gcd",
        (
            "Find the greatest common divisor of {a} and {b}.",
            "What is the largest whole number that divides both {a} and {b}?",
            "Use Euclid's algorithm on {a} and {b} and report the result.",
            "Equal square tiles are to cover a floor of {a} by {b} decimetres: how long can their side be?",
            "Determine the highest common factor shared by {a} and {b}.",
        ),
        computed(math.gcd, "a", "b"),
        a=range(12, 200, 6),
        b=range(8, 150, 4),
    ),
    _family(
        "lcm",
        (
            "Find the least common multiple of {a} and {b}.",
            "What is the smallest positive number that both {a} and {b} divide?",
            "Two lights flash every {a} and every {b} seconds; how many seconds lie between joint flashes?",
            "Which number is the first to appear in the times tables of both {a} and {b}?",
        ),
        computed(math.lcm, "a", "b"),
        a=range(4, 31),
        b=range(6, 37, 2),
    ),
    _family(
        "divisors",
        (
            "List all positive divisors of {n} in ascending order.",
            "By which whole numbers can {n} be divided without remainder?",
            "Enumerate the factors of {n}, from 1 up to the number itself.",
            "In what group sizes could {n} children line up so that no one is left over?",
        ),
        lambda values, text: join(divisors(int(values["n"]))),
        (*GENERAL_TAILS, "Separate the numbers by commas."),
        n=range(12, 121),
    ),
    _family(
        "prime_factors",
        (
            "Factor {n} into primes.",
            "Write {n} as a product of prime numbers.",
            "What is the prime factorization of {n}?",
            "Break the integer {n} down until only primes are multiplied.",
        ),
        lambda values, text: " x ".join(map(str, prime_factors(int(values["n"])))),
        (*GENERAL_TAILS, "Put an x between the factors and begin with the smallest."),
        n=range(12, 301, 2),
    ),
    _family(
        "next_prime",
        (
            "Which prime number comes next after {n}?",
            "Find the smallest prime greater than {n}.",
            "Counting upwards from {n}, at which number do you meet a prime first, not looking at {n} itself?",
        ),
        computed(next_prime, "n"),
        n=range(20, 300),
    ),
    _family(
        "primes_between",
        (
            "List the prime numbers between {low} and {high}.",
            "Name every prime that is above {low} and below {high}.",
            "Search the interval from {low} to {high} for primes and write them down.",
        ),
        lambda values, text: join([n for n in range(int(values["low"]), int(values["high"]) + 1) if is_prime(n)]),
        (*GENERAL_TAILS, "Separate them by commas."),
        low=range(10, 60, 2),
        high=range(80, 130, 2),
    ),
    _family(
        "digit_sum",
        (
            "Add the digits of {n}.",
            "What is the digit sum of {n}?",
            "Split {n} into single digits and total them.",
            "A numerologist adds up the figures of the house number {n}; which number does she get?",
        ),
        lambda values, text: str(sum(map(int, values["n"]))),
        n=range(137, 9999, 7),
    ),
    _family(
        "round",
        (
            "Round {n} to the nearest {place}.",
            "Give {n} to the closest multiple of {place}.",
            "Approximate {n} by rounding it to a full {place}.",
            "A newspaper rounds all counts to the nearest {place}, so what will it print for {n}?",
        ),
        computed(lambda n, place: (n + place // 2) // place * place, "n", "place"),
        n=tuple(str(n) for n in range(123, 4990, 9) if n % 10 != 5 and n % 100 != 50),  # nothing half-way
        place=("10", "100"),
    ),
    _family(
        "percent",
        (
            "What is {p} percent of {n}?",
            "Calculate {p}% of {n}.",
            "Of {n} voters {p} percent stayed at home; how many people is that?",
            "A survey reached {n} people and {p} percent agreed, so how many agreed?",
            "The tax on {n} dollars is {p} percent: how many dollars of tax are due?",
        ),
        lambda values, text: decimal(Fraction(int(values["p"]) * int(values["n"]), 100)),
        p=range(5, 100, 5),
        n=range(40, 1000, 20),
    ),
    _family(
        "simplify_fraction",
        (
            "Reduce the fraction {a}/{b} to lowest terms.",
            "Simplify {a}/{b} as far as it goes.",
            "Cancel {a} over {b} as far as possible.",
            "A cake was cut into {b} pieces and {a} were eaten; which fraction, fully reduced, was eaten?",
        ),
        lambda values, text: str(Fraction(int(values["a"]), int(values["b"]))),
        (*GENERAL_TAILS, "Write the fraction with a slash."),
        a=range(4, 20, 2),
        b=range(24, 61, 6),
    ),
    _family(
        "equation",
        (
            "Solve {k}x + {c} = {d} for x, as a fraction if need be.",
            "I think of a number, multiply it by {k} and add {c}; the result is {d}, so what was the number?",
            "For which x does {k} times x plus {c} equal {d}?",
            "A taxi takes {c} coins to start and {k} a mile; how many miles, perhaps not whole, do {d} coins buy?",
        ),
        lambda values, text: str(Fraction(int(values["d"]) - int(values["c"]), int(values["k"]))),
        (*GENERAL_TAILS, "State the value of x alone."),
        k=range(2, 10),
        c=range(3, 30),
        d=range(40, 200),
    ),
    _family(
        "to_base",
        (
            "Convert the decimal number {n} to {base}.",
            "How is {n} written in {base}?",
            "Express {n} in the {base} number system.",
            "A programmer needs the {base} representation of {n}, without a prefix.",
        ),
        lambda values, text: format(int(values["n"]), BASES[values["base"]]),
        (*GENERAL_TAILS, "Use lower-case digits and no prefix."),
        n=range(18, 600),
        base=tuple(BASES),
    ),
    _family(
        "from_binary",
        (
            "Which decimal number is the binary number {bits}?",
            "Convert {bits} from base two to base ten.",
            "Read {bits} as a binary figure and say what it is worth.",
        ),
        lambda values, text: str(int(values["bits"], 2)),
        bits=tuple(format(number, "b") for number in range(17, 200, 3)),
    ),
    _family(
        "to_roman",
        (
            "Write {n} in Roman numerals.",
            "How would the ancient Romans have carved the number {n}?",
            "Turn the year {n} into a Roman numeral for the inscription above a door.",
            "Which Roman numeral stands for {n}?",
        ),
        computed(roman, "n"),
        GENERAL_TAILS,
        n=range(14, 2030, 3),
    ),
    _family(
        "from_roman",
        (
            "What number does the Roman numeral {numeral} stand for?",
            "Decode {numeral}, carved in Roman style on a cornerstone.",
            "Translate the Roman numeral {numeral} into ordinary digits.",
        ),
        lambda values, text: next(str(n) for n in range(1, 4000) if roman(n) == values["numeral"]),
        numeral=tuple(roman(number) for number in range(14, 2030, 13)),
    ),
    _family(
        "number_words",
        (
            "Spell the number {n} in English words.",
            "Write out {n} as you would say it in British English.",
            "On a cheque the amount must stand in words; what do you write for {n}?",
        ),
        computed(in_words, "n"),
        (*GENERAL_TAILS, "Use lower-case letters and put an and after the hundreds."),
        n=range(21, 1000),
    ),
    _family(
        "next_in_sequence",
        (
            "A sequence starts at {start} and grows by {step} each time; give its first five members.",
            "Count up in steps of {step} from {start}, and stop after five numbers.",
            "List five terms of the arithmetic progression with first term {start} and difference {step}.",
        ),
        lambda values, text: join([int(values["start"]) + int(values["step"]) * k for k in range(5)]),
        (*GENERAL_TAILS, "Separate the numbers by commas."),
        start=range(2, 60),
        step=range(3, 25),
    ),
    _family(
        "times_table",
        (
            "Recite the first six multiples of {n}.",
            "Which numbers open the {n} times table, up to the sixth entry?",
            "Begin at {n} and write the multiples of this number until you have six of them.",
        ),
        lambda values, text: join([int(values["n"]) * k for k in range(1, 7)]),
        (*GENERAL_TAILS, "Separate the multiples by commas."),
        n=range(6, 40),
    ),
    _family(
        "factorial",
        (
            "In how many different orders can {n} different books stand on a shelf?",
            "Compute the factorial of {n}.",
            "What is {n}! in mathematics, written out as a number?",
            "There are {n} runners and no ties; how many finishing orders are possible?",
        ),
        computed(math.factorial, "n"),
        n=range(3, 10),
    ),
    _family(
        "handshakes",
        (
            "At a party {n} guests all shake hands with each other once; how many handshakes take place?",
            "Each pair of {n} teams plays one match, so how many matches are there?",
            "In how many ways can two volunteers be chosen from a class of {n}?",
            "Compute the number of straight lines through pairs of {n} points if no three lie on one line.",
        ),
        computed(lambda n: math.comb(n, 2), "n"),
        n=range(5, 40),
    ),
    _family(
        "sum_to_n",
        (
            "Add all whole numbers from 1 to {n}.",
            "A staircase has columns of 1, 2, 3 and more blocks, the last of {n}; how many blocks is it built of?",
            "Young Gauss had to add the numbers from 1 to 100; do the same, but only up to {n}.",
        ),
        computed(lambda n: n * (n + 1) // 2, "n"),
        n=range(8, 100),
    ),
)
