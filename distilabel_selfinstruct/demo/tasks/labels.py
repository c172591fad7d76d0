"""Classification: the output is one of a few labels."""

from __future__ import annotations

import calendar
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from random import Random

from distilabel_selfinstruct.demo.tasks import tables
from distilabel_selfinstruct.demo.tasks.grammar import GENERAL_LEADS, GENERAL_TAILS, Family, Slot, Values
from distilabel_selfinstruct.demo.tasks.numbers import draw_numbers, is_prime, join, parse_numbers
from distilabel_selfinstruct.demo.tasks.words import is_palindrome

LEADS = (
    *GENERAL_LEADS,
    "You sort incoming records for a small archive.",
    "An annotation project asks for your judgement.",
    "Help me to label a training set.",
    "Every item in our collection needs a tag.",
    "The input holds a single case to be decided.",
    "A form on a website validates what people type.",
)
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


def verdict(holds: Callable[[Values, str], bool]) -> Callable[[Values, str], str]:
    """Answers in the two words that the instruction asks for, or with yes and no."""

    def answer(values: Values, text: str) -> str:
        yes, no = VERDICTS[values.get("verdict", "yes or no")]
        return yes if holds(values, text) else no

    return answer


def decide(
    name: str,
    cores: Sequence[str],
    holds: Callable[[Values, str], bool],
    draw: Callable[[Random, Values], str] | None,
    slots: Mapping[str, Slot] | None = None,
) -> Family:
    """A family of questions to be answered by one of two words."""
    slots = {"verdict": tuple(VERDICTS), **(slots or {})}
    return Family(name, tuple(cores), verdict(holds), draw, slots, LEADS, VERDICT_TAILS, True)


def classify(
    name: str,
    cores: Sequence[str],
    label: Callable[[Values, str], str],
    draw: Callable[[Random, Values], str] | None,
    slots: Mapping[str, Slot] | None = None,
) -> Family:
    """A family of questions to be answered by one of a few labels of its own."""
    return Family(name, tuple(cores), label, draw, slots or {}, LEADS, TAILS, True)


def draw_key(table: Mapping[str, object]) -> Callable[[Random, Values], str]:
    """Draws an input from the keys of a table."""
    keys = tuple(table)
    return lambda rng, values: rng.choice(keys)


def look_up(table: Mapping[str, str]) -> Callable[[Values, str], str]:
    """Looks the input up in a table."""
    return lambda values, text: table[text]


def draw_number(low: int, high: int) -> Callable[[Random, Values], str]:
    return lambda rng, values: str(rng.randint(low, high))


def draw_pair(low: int, high: int) -> Callable[[Random, Values], str]:
    return lambda rng, values: f"{rng.randint(low, high)} and {rng.randint(low, high)}"


def _pair(text: str) -> tuple[int, int]:
    first, second = text.split(" and ")
    return int(first), int(second)


# --- numbers -------------------------------------------------------------------------------------------------------


def _draw_prime_or_not(rng: Random, values: Values) -> str:
    wanted = rng.choice((True, False))
    return str(rng.choice([number for number in range(2, 150) if is_prime(number) == wanted]))


def _draw_divisible_or_not(rng: Random, values: Values) -> str:
    divisor = int(values["divisor"])
    return str(divisor * rng.randint(3, 60) + rng.choice((0, rng.randrange(divisor))))


def _draw_square_or_not(rng: Random, values: Values) -> str:
    root = rng.randint(2, 25)
    return str(root * root + rng.choice((0, 0, 1, 2, 3)))


def _sign(values: Values, text: str) -> str:
    number = int(text)
    return "positive" if number > 0 else "negative" if number < 0 else "zero"


def _draw_signed(rng: Random, values: Values) -> str:
    return str(rng.choice((0, rng.randint(1, 90), -rng.randint(1, 90))))


def _draw_sorted_or_not(rng: Random, values: Values) -> str:
    numbers = parse_numbers(draw_numbers(4, 6)(rng, values))
    return join(sorted(numbers) if rng.random() < 0.5 else numbers)


def _triangle(values: Values, text: str) -> str:
    return {1: "equilateral", 2: "isosceles", 3: "scalene"}[len(set(parse_numbers(text)))]


def _draw_triangle(rng: Random, values: Values) -> str:
    side = rng.randint(5, 40)
    other, third = side + rng.randint(1, 2), side + rng.randint(3, 4)
    return join(rng.choice([[side] * 3, [side, side, other], [side, other, third]]))


def _angle(values: Values, text: str) -> str:
    degrees = int(text.split()[0])
    return "acute" if degrees < 90 else "right" if degrees == 90 else "obtuse" if degrees < 180 else "straight"


def _draw_angle(rng: Random, values: Values) -> str:
    return f"{rng.choice((rng.randint(5, 89), 90, rng.randint(91, 179), 180))} degrees"


def _age_group(values: Values, text: str) -> str:
    age = int(text)
    return "child" if age < 13 else "teenager" if age < 20 else "adult" if age < 65 else "senior"


def _quadrant(values: Values, text: str) -> str:
    x, y = (int(part) for part in text.strip("()").split(","))
    return ("I" if y > 0 else "IV") if x > 0 else ("II" if y > 0 else "III")


def _draw_point(rng: Random, values: Values) -> str:
    x, y = (rng.choice((-1, 1)) * rng.randint(1, 15) for _ in range(2))
    return f"({x}, {y})"


NUMBERS = (
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
        draw_number(1, 999),
    ),
    decide(
        "even_sum",
        (
            "Is the sum of the two numbers even?",
            "When you add both numbers, does an even total come out?",
            "Check whether adding the pair results in a multiple of two.",
            "Do these two integers sum to an even number?",
        ),
        lambda values, text: sum(_pair(text)) % 2 == 0,
        draw_pair(1, 99),
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
        lambda values, text: is_prime(int(text)),
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
        lambda values, text: _pair(text)[0] > _pair(text)[1],
        draw_pair(1, 500),
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
        lambda rng, values: str(max(1, int(values["limit"]) + rng.randint(-30, 30))),
        {"limit": range(40, 400, 20)},
    ),
    decide(
        "is_square",
        (
            "Is the number a perfect square?",
            "Does an integer exist whose square is the given value?",
            "Could that many tiles be laid out as a full square?",
            "Has the figure a whole square root?",
            "Examine whether this is one of the square numbers 1, 4, 9, 16 and so on.",
        ),
        lambda values, text: math.isqrt(int(text)) ** 2 == int(text),
        _draw_square_or_not,
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
        _draw_signed,
    ),
    decide(
        "is_sorted",
        (
            "Do the numbers appear in ascending order?",
            "Check that no entry of the list is followed by a smaller one.",
            "Has somebody already sorted these values from low to high?",
            "Does the sequence never go down?",
        ),
        lambda values, text: parse_numbers(text) == sorted(parse_numbers(text)),
        _draw_sorted_or_not,
    ),
    classify(
        "triangle",
        (
            "Three sides of a triangle are listed; is it equilateral, isosceles or scalene?",
            "Name the type of triangle that has these side lengths.",
            "Equilateral, isosceles, scalene: which word describes the triangle with the given sides?",
            "From the lengths in centimetres, determine the kind of triangle.",
        ),
        _triangle,
        _draw_triangle,
    ),
    classify(
        "angle",
        (
            "Is the angle acute, right, obtuse or straight?",
            "Assign the angle to one of acute, right, obtuse and straight.",
            "What do geometers call an angle of this size?",
            "Choose the fitting word for the opening of this angle from acute, right, obtuse and straight.",
        ),
        _angle,
        _draw_angle,
    ),
    classify(
        "quadrant",
        (
            "In which quadrant of the coordinate plane is the point?",
            "Locate the point and state its quadrant as I, II, III or IV.",
            "Determine from the signs of both coordinates the quadrant, written as a Roman numeral.",
            "A robot stands at this position, so in which of the four quadrants is it?",
        ),
        _quadrant,
        _draw_point,
    ),
    classify(
        "digit_count",
        (
            "Does the number have one, two, three or four digits?",
            "State how long the integer is with one of the words one, two, three, four.",
            "Bin the values by their count of digits, from one to four.",
            "Is it a one, two, three or four digit number?",
        ),
        lambda values, text: ("one", "two", "three", "four")[len(text) - 1],
        lambda rng, values: str(rng.randrange(10 ** (length := rng.randrange(4)), 10 ** (length + 1))),
    ),
    classify(
        "grade",
        (
            "Turn the score into a grade: A from 90, B from 80, C from 70, D from 60, otherwise F.",
            "With at least 90 points you get an A, 80 a B, 70 a C, 60 a D and below that an F; which is it?",
            "Mark this exam result, out of 100, as A (90 and up), B (80-89), C (70-79), D (60-69) or F.",
        ),
        lambda values, text: "FFFFFFDCBAA"[int(text) // 10],
        draw_number(45, 100),
    ),
    classify(
        "water",
        (
            "At normal pressure, would water of this temperature be solid, liquid or gaseous?",
            "Ice, water or steam: say if pure water is solid, liquid, or gaseous at the given degrees Celsius.",
            "Give the state of pure water at sea level for the temperature, choosing solid, liquid or gaseous.",
        ),
        lambda values, text: "solid" if (c := int(text.split()[0])) < 0 else "liquid" if c < 100 else "gaseous",
        lambda rng, values: f"{rng.choice((-rng.randint(5, 40), rng.randint(5, 95), rng.randint(105, 180)))} °C",
    ),
    classify(
        "age_group",
        (
            "Label the person's age: child below 13, teenager up to 19, adult up to 64, senior from 65.",
            "Which ticket is for this age: child (under 13), teenager (13-19), adult (20-64) or senior (65 and over)?",
            "Group by age into child (0-12), teenager (13-19), adult (20-64) and senior (65 or older).",
        ),
        _age_group,
        lambda rng, values: str(rng.randint(*rng.choice(((2, 12), (13, 19), (20, 64), (65, 99))))),
    ),
)

# --- calendar ------------------------------------------------------------------------------------------------------

_SEASONS = ("winter", "winter", "spring", "spring", "spring", "summer", "summer", "summer",
            "autumn", "autumn", "autumn", "winter")  # fmt: skip


def _draw_year(rng: Random, values: Values) -> str:
    return str(rng.choice((rng.randrange(1604, 2400, 4), rng.randint(1600, 2400), rng.randrange(1600, 2401, 100))))


def _draw_date(rng: Random, values: Values) -> str:
    day = date(rng.randint(1990, 2030), rng.randint(1, 12), rng.randint(1, 28))
    return f"{day.day} {calendar.month_name[day.month]} {day.year}"


def _month_number(text: str) -> int:
    return list(calendar.month_name).index(text.split()[1])


def _is_weekend(values: Values, text: str) -> bool:
    day, _, year = text.split()
    return date(int(year), _month_number(text), int(day)).weekday() >= 5


def _part_of_day(values: Values, text: str) -> str:
    hour = int(text[:2])
    return "night" if hour < 6 else "morning" if hour < 12 else "afternoon" if hour < 18 else "evening"


CALENDAR = (
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
        "weekday_or_weekend",
        (
            "Does the named day belong to the weekend or is it a weekday?",
            "Mark the day as weekday or weekend, where the weekend is Saturday and Sunday.",
            "Office workers rest on Saturday and Sunday; is this a weekday or the weekend for them?",
            "Put the day of the week into the class weekday or the class weekend.",
        ),
        lambda values, text: "weekend" if text in ("Saturday", "Sunday") else "weekday",
        draw_key(dict.fromkeys((*calendar.day_name, "Saturday", "Sunday"))),
    ),
    decide(
        "date_on_weekend",
        (
            "Does the date fall on a Saturday or Sunday?",
            "Our shop is closed at weekends, so would we be closed on this date?",
            "Look up the calendar: is that day part of a weekend?",
        ),
        _is_weekend,
        _draw_date,
    ),
    classify(
        "season",
        (
            "Which meteorological season of the northern hemisphere does the date belong to?",
            "North of the equator, is this day in spring, summer, autumn or winter, counted in whole months?",
            "Assign the date to spring (March-May), summer (June-August), autumn (September-November) or winter.",
            "A gardener in Norway collects notes by season; with spring beginning on 1 March, which one is it?",
        ),
        lambda values, text: _SEASONS[_month_number(text) - 1],
        _draw_date,
    ),
    classify(
        "quarter",
        (
            "Name the quarter of the year, Q1 to Q4, in which the date lies.",
            "For the accounts, book the invoice date under Q1, Q2, Q3 or Q4.",
            "Business years here start in January: which quarter contains the day?",
        ),
        lambda values, text: f"Q{(_month_number(text) + 2) // 3}",
        _draw_date,
    ),
    classify(
        "month_length",
        (
            "In a common year, does the month last 28, 30 or 31 days?",
            "Choose 28, 30 or 31 as the number of days of this month, leap years aside.",
            "Sort the months by length into the groups 28, 30 and 31.",
        ),
        lambda values, text: str(calendar.monthrange(2023, list(calendar.month_name).index(text))[1]),
        draw_key(dict.fromkeys(calendar.month_name[1:])),
    ),
    classify(
        "part_of_day",
        (
            "Call the time night (from 00.00), morning (from 06.00), afternoon (from 12.00) or evening (from 18.00).",
            "With the day cut into four parts of six hours, is this night, morning, afternoon or evening?",
            "When did the bell ring: night (before 06.00), morning, afternoon (from 12.00) or evening (from 18.00)?",
        ),
        _part_of_day,
        lambda rng, values: f"{rng.randrange(24):02d}.{rng.randrange(60):02d}",
    ),
    classify(
        "century",
        (
            "Did it happen in the 18th, 19th, 20th or 21st century?",
            "To which century, from the 18th to the 21st, does the year belong?",
            "Shelve the old letter by century: 18th, 19th, 20th or 21st.",
        ),
        lambda values, text: {18: "18th", 19: "19th", 20: "20th", 21: "21st"}[(int(text) + 99) // 100],
        draw_number(1701, 2024),
    ),
)

# --- letters and words ---------------------------------------------------------------------------------------------


def _draw_palindrome_or_not(rng: Random, values: Values) -> str:
    return rng.choice(rng.choice((tables.PALINDROMES, tables.WORDS)))


def _draw_anagrams_or_not(rng: Random, values: Values) -> str:
    first, second = rng.choice(tables.ANAGRAMS)
    other = rng.choice([word for pair in tables.ANAGRAMS for word in pair if word != first])
    return f"{first} and {rng.choice((second, other))}"


def _are_anagrams(values: Values, text: str) -> bool:
    first, second = text.split(" and ")
    return sorted(first) == sorted(second)


def _draw_words_pair(rng: Random, values: Values) -> str:
    return " and ".join(rng.sample(tables.WORDS, 2))


def _letter_case(values: Values, text: str) -> str:
    return "upper" if text.isupper() else "lower" if text.islower() else "mixed"


def _draw_cased(rng: Random, values: Values) -> str:
    word = rng.choice(tables.WORDS)
    return rng.choice((word, word.upper(), word.title()))


def _sentence_type(values: Values, text: str) -> str:
    return {".": "statement", "?": "question", "!": "exclamation"}[text[-1]]


def _sentiment(values: Values, text: str) -> str:
    return "positive" if any(word in tables.PRAISE for word in text.rstrip(".").split()) else "negative"


def _draw_opinion(rng: Random, values: Values) -> str:
    adjective = rng.choice((*tables.PRAISE, *tables.BLAME))
    return rng.choice(tables.OPINIONS).format(thing=rng.choice(tables.REVIEWED), adjective=adjective)


LETTERS = (
    decide(
        "palindrome",
        (
            "Does the word read the same forwards and backwards?",
            "Is this a palindrome?",
            "Turn the word around in your mind: is it unchanged?",
            "Check whether the letters are symmetric, as they are in the name Hannah.",
            "Would the word look identical if you spelled it from its end?",
        ),
        lambda values, text: is_palindrome(text),
        _draw_palindrome_or_not,
    ),
    classify(
        "vowel",
        (
            "Label the letter as vowel or consonant, where a, e, i, o and u are the vowels.",
            "Vowel or consonant: what is the given letter of the alphabet?",
            "With a, e, i, o, u as the only vowels, which of the two classes, vowel or consonant, does it belong to?",
            "For a spelling game, call out consonant or vowel.",
        ),
        lambda values, text: "vowel" if text in "aeiou" else "consonant",
        lambda rng, values: rng.choice(rng.choice(("aeiou", "bcdfghjklmnpqrstvwxz"))),
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
        lambda rng, values: rng.choice(tables.WORDS),
        {"letter": tuple("aeioulnrst")},
    ),
    decide(
        "anagram",
        (
            "Are the two words anagrams of each other?",
            "Can you rearrange the letters of the first word so that the second appears?",
            "Do both words consist of exactly the same letters?",
            "With the tiles of one word, could you lay the other and have none left?",
        ),
        _are_anagrams,
        _draw_anagrams_or_not,
    ),
    classify(
        "dictionary_order",
        (
            "Which word comes earlier in a dictionary, the first or the second?",
            "Alphabetically, does the first or the second of the two words lead?",
            "Opening a lexicon from the front, would you meet the first or the second word sooner?",
        ),
        lambda values, text: "first" if sorted(text.split(" and "))[0] == text.split(" and ")[0] else "second",
        _draw_words_pair,
    ),
    decide(
        "longer_word",
        (
            "Does the first word have more letters than the second?",
            "Counting letters, is the former word the longer one?",
            "Is the word before the and longer than the word after it?",
        ),
        lambda values, text: len(text.split(" and ")[0]) > len(text.split(" and ")[1]),
        _draw_words_pair,
    ),
    classify(
        "letter_case",
        (
            "Is the word written in upper, lower or mixed case?",
            "Detect the letter case and name it: upper, lower, or mixed.",
            "Did the author use capitals throughout (upper), none (lower) or some (mixed)?",
        ),
        _letter_case,
        _draw_cased,
    ),
    classify(
        "sentence_type",
        (
            "Judging by its final mark, is the sentence a statement, a question or an exclamation?",
            "Use the punctuation at the end to label the line statement, question or exclamation.",
            "Statement, question or exclamation: what has the speaker uttered?",
            "Pick one of question, exclamation and statement for the sentence.",
        ),
        _sentence_type,
        lambda rng, values: rng.choice(tables.SENTENCES) + rng.choice(".?!"),
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
        "number_of_noun",
        (
            "Is the noun singular or plural?",
            "Grammar check: singular or plural?",
            "State the grammatical number of the noun, singular or plural.",
            "Does the word stand for one thing (singular) or several (plural)?",
        ),
        lambda values, text: "singular" if text in tables.PLURALS else "plural",
        lambda rng, values: rng.choice(rng.choice(tuple(tables.PLURALS.items()))),
    ),
    classify(
        "part_of_speech",
        (
            "Is the word a noun, a verb or an adjective?",
            "Name the part of speech: noun, verb, or adjective.",
            "In which word class would a dictionary list it, given noun, verb and adjective?",
        ),
        look_up(tables.WORD_CLASSES),
        draw_key(tables.WORD_CLASSES),
    ),
)

# --- knowledge -----------------------------------------------------------------------------------------------------

KNOWLEDGE = (
    classify(
        "continent",
        (
            "Name the continent to which the country belongs.",
            "Is the country in Africa, Asia, Europe, North America, South America or Oceania?",
            "Sort the holiday destination by continent.",
            "Which part of the world, by continent, would you travel to for a visit to this country?",
            "For the atlas index, write the continent beside each country.",
        ),
        look_up(tables.CONTINENTS),
        draw_key(tables.CONTINENTS),
    ),
    classify(
        "animal_class",
        (
            "Classify the animal as mammal, bird, reptile, amphibian, fish or insect.",
            "To which class does the creature belong: mammal, bird, reptile, amphibian, fish, insect?",
            "The zoo has a mammal, bird, reptile, amphibian, fish and insect house; which one suits this resident?",
            "Zoologically speaking, what sort of animal (mammal, bird, reptile, amphibian, fish, insect) is it?",
        ),
        look_up(tables.ANIMALS),
        draw_key(tables.ANIMALS),
    ),
    classify(
        "metal",
        (
            "Is the chemical element a metal or a nonmetal?",
            "Metal or nonmetal: where does the element stand?",
            "Tag each element of the periodic table as metal or nonmetal.",
            "A chemistry pupil has to sort elements into metal and nonmetal; help with this one.",
        ),
        look_up(tables.METALS),
        draw_key(tables.METALS),
    ),
    classify(
        "planet_group",
        (
            "Does the planet count as inner or outer?",
            "Inside the asteroid belt means inner, beyond it outer; which is this planet?",
            "Mark the planet of our solar system as inner or outer.",
        ),
        lambda values, text: "inner" if tables.PLANETS.index(text) < 4 else "outer",
        draw_key(dict.fromkeys(tables.PLANETS)),
    ),
    classify(
        "instrument",
        (
            "Is the instrument a string, wind or percussion instrument?",
            "Assign the instrument to string, wind or percussion.",
            "In which part of the orchestra does one play it: string, wind or percussion?",
            "How is the sound made on it, by a string, by wind or by percussion?",
        ),
        look_up(tables.INSTRUMENTS),
        draw_key(tables.INSTRUMENTS),
    ),
    classify(
        "food_group",
        (
            "In the kitchen, is it a fruit, a vegetable or a grain?",
            "A grocer stocks the shelves fruit, vegetable and grain; where does this go?",
            "Pick the food group of the product from fruit, vegetable and grain.",
        ),
        look_up(tables.FOODS),
        draw_key(tables.FOODS),
    ),
    classify(
        "colour_kind",
        (
            "In painting, is the colour primary or secondary?",
            "Red, yellow and blue are primary, their mixtures secondary: what is this colour?",
            "An art class labels paint pots as primary or secondary, so which word goes on the pot?",
        ),
        look_up(tables.COLOURS),
        draw_key(tables.COLOURS),
    ),
    decide(
        "is_capital",
        (
            "Is {city} the capital of the country given?",
            "Somebody claims that {city} is the capital there; is the claim right?",
            "Check the quiz answer {city} to the question for the capital of this country.",
        ),
        lambda values, text: tables.CAPITALS[text] == values["city"],
        lambda rng, values: rng.choice((_country_of(values["city"]), rng.choice(tuple(tables.CAPITALS)))),
        {"city": tuple(tables.CAPITALS.values())},
    ),
)


def _country_of(city: str) -> str:
    return next(country for country, capital in tables.CAPITALS.items() if capital == city)


FAMILIES = (*NUMBERS, *CALENDAR, *LETTERS, *KNOWLEDGE)
