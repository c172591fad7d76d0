"""Shopping, units, shapes, speeds and recipes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from random import Random

from distilabel_selfinstruct.demo.tasks import tables
from distilabel_selfinstruct.demo.tasks.arithmetic import computed
from distilabel_selfinstruct.demo.tasks.grammar import GENERAL_LEADS, GENERAL_TAILS, Family, Slot, Values
from distilabel_selfinstruct.demo.tasks.numbers import NUMBER_TAILS, decimal

LEADS = (
    *GENERAL_LEADS,
    "Nobody here is good with numbers.",
    "Everyday life is full of small sums.",
    "The following happens in an ordinary family.",
)
MONEY_TAILS = (*GENERAL_TAILS, "State the amount with two decimals.", "Name the amount in dollars.")
CONVERSIONS = {
    "kilometres to metres": Fraction(1000), "metres to centimetres": Fraction(100), "feet to inches": Fraction(12),
    "yards to feet": Fraction(3), "kilograms to grams": Fraction(1000), "tonnes to kilograms": Fraction(1000),
    "litres to millilitres": Fraction(1000), "pounds to ounces": Fraction(16), "gallons to pints": Fraction(8),
    "hours to minutes": Fraction(60), "days to hours": Fraction(24), "inches to centimetres": Fraction(254, 100),
    "dozens to pieces": Fraction(12), "kilobytes to bytes (1 kB = 1000 bytes)": Fraction(1000),
    "centimetres to millimetres": Fraction(10), "hectares to square metres": Fraction(10000),
    "grams to kilograms": Fraction(1, 1000), "minutes to seconds": Fraction(60), "miles to yards": Fraction(1760),
}  # fmt: skip
INGREDIENTS = {"flour": "grams", "sugar": "grams", "milk": "millilitres", "rice": "grams", "stock": "millilitres"}


def dollars(cents: int) -> str:
    return f"${cents // 100}.{cents % 100:02d}"


def cents(text: str) -> int:
    whole, part = text.removeprefix("$").split(".")
    return int(whole) * 100 + int(part)


PRICES = tuple(dollars(price) for price in range(135, 4000, 85))
GOODS = ("chairs", "lamps", "books", "blankets", "vases", "theatre tickets", "backpacks")
NOTES = ("$50", "$100")


def _family(
    name: str,
    cores: Sequence[str],
    answer: Callable[[Values, str], str],
    draw: Callable[[Random, Values], str] | None = None,
    tails: Sequence[str] = NUMBER_TAILS,
    slots: Mapping[str, Slot] | None = None,
) -> Family:
    return Family(name, tuple(cores), answer, draw, slots or {}, LEADS, tuple(tails))


def _draw_amount(rng: Random, values: Values) -> str:
    return str(rng.choice((rng.randint(2, 40), rng.randrange(50, 1000, 50))))


def _converted(values: Values, text: str) -> str:
    amount = Fraction(int(text)) * CONVERSIONS[values["units"]]
    return str(amount.numerator) if amount.denominator == 1 else str(float(amount))


def _draw_basket(rng: Random, values: Values) -> str:
    lines = rng.sample(tuple(tables.PRODUCTS.items()), rng.randint(2, 4))
    return "\n".join(f"{rng.randint(1, 9)} {name} at {dollars(price)} each" for name, price in lines)


def _basket(values: Values, text: str) -> str:
    return dollars(sum(int(line.split()[0]) * cents(line.split()[-2]) for line in text.split("\n")))


def _draw_receipt(rng: Random, values: Values) -> str:
    return ", ".join(dollars(rng.randrange(50, 2500, 5)) for _ in range(rng.randint(3, 5)))


def _draw_recipe(rng: Random, values: Values) -> str:
    return "\n".join(
        f"{rng.randrange(50, 500, 50)} {unit} of {name}" for name, unit in rng.sample(tuple(INGREDIENTS.items()), 3)
    )


def _scaled_recipe(values: Values, text: str) -> str:
    factor = {"double": 2, "triple": 3, "quadruple": 4}[values["times"]]
    lines = (line.split(" ", 1) for line in text.split("\n"))
    return "\n".join(f"{int(amount) * factor} {what}" for amount, what in lines)


def _celsius(values: Values, text: str) -> str:
    return decimal((Fraction(values["n"]) - 32) * 5 / 9)


def _discounted(values: Values, text: str) -> str:
    return dollars(int(values["price"]) * (100 - int(values["p"])))


def _taxed(values: Values, text: str) -> str:
    return dollars(int(values["price"]) * (100 + int(values["p"])))


FAMILIES = (
    _family(
        "change",
        (
            "I pay for goods worth {price} with a {note} note; how much change do I get?",
            "The cashier takes {note} for a bill of {price} and hands back what?",
            "A book costs {price}: how much of my {note} is left after buying it?",
            "Give the change for {price} out of {note}.",
        ),
        lambda values, text: dollars(int(values["note"][1:]) * 100 - cents(values["price"])),
        tails=MONEY_TAILS,
        slots={"price": PRICES, "note": NOTES},
    ),
    _family(
        "total_price",
        (
            "What do {n} {goods} cost at {price} apiece?",
            "One of the {goods} is sold for {price}; find the price of {n}.",
            "A customer orders {n} {goods}, each for {price}, and wants to know the total.",
            "For the summer fair we need {n} {goods} at {price} each: what will we pay?",
        ),
        lambda values, text: dollars(int(values["n"]) * cents(values["price"])),
        tails=MONEY_TAILS,
        slots={"n": range(3, 40), "goods": GOODS, "price": PRICES},
    ),
    _family(
        "discount",
        (
            "A coat for ${price} is reduced by {p} percent; what is the new price?",
            "Apply a discount of {p}% to a price of ${price}.",
            "Students save {p} percent on a course that normally costs ${price}, so what do they pay?",
            "During the sale, {p} percent is taken off every lamp; find the sale price of one that was ${price}.",
        ),
        _discounted,
        tails=MONEY_TAILS,
        slots={"price": range(20, 400, 5), "p": range(5, 80, 5)},
    ),
    _family(
        "tax",
        (
            "Add a sales tax of {p} percent to a net price of ${price}.",
            "What is the gross amount for ${price} plus {p}% tax?",
            "A plumber charges ${price} before a tax of {p} percent; how high is the invoice with tax?",
        ),
        _taxed,
        tails=MONEY_TAILS,
        slots={"price": range(20, 400, 5), "p": range(4, 25)},
    ),
    _family(
        "split_bill",
        (
            "A bill of ${total} is shared equally among {n} friends; what is each share to the nearest cent?",
            "How much does each of {n} flatmates pay, rounded to the cent, for a sofa of ${total} that all share?",
            "Divide ${total} fairly between {n} heirs, to the nearest cent.",
        ),
        lambda values, text: dollars((200 * int(values["total"]) + int(values["n"])) // (2 * int(values["n"]))),
        tails=MONEY_TAILS,
        slots={"total": range(40, 400, 12), "n": ("2", "3", "4", "5", "6")},
    ),
    _family(
        "basket",
        (
            "Compute the total of the shopping list.",
            "What does everything on the list cost together?",
            "Add up the invoice, line by line, quantities included.",
            "You are the till: multiply, add, and announce what the customer owes.",
        ),
        _basket,
        _draw_basket,
        tails=MONEY_TAILS,
    ),
    _family(
        "receipt",
        (
            "Add the prices on the receipt.",
            "How much money was spent in all?",
            "Sum the amounts for my expense report.",
            "The till roll shows single prices only, so work out what they come to.",
        ),
        lambda values, text: dollars(sum(map(cents, text.split(", ")))),
        _draw_receipt,
        tails=MONEY_TAILS,
    ),
    _family(
        "dearest",
        (
            "Which price is the highest?",
            "Find the most expensive item by its price.",
            "One of the amounts is larger than all others; copy it.",
        ),
        lambda values, text: max(text.split(", "), key=cents),
        _draw_receipt,
        tails=GENERAL_TAILS,
    ),
    _family(
        "convert_units",
        (
            "Convert the amount from {units}.",
            "Change the measurement, {units}.",
            "A lab assistant has to convert {units}; do it for the given quantity.",
            "Apply the unit conversion {units} to the figure.",
            "My notes use the wrong unit, so please go from {units}.",
        ),
        _converted,
        _draw_amount,
        slots={"units": tuple(CONVERSIONS)},
    ),
    _family(
        "fahrenheit",
        (
            "How many degrees Fahrenheit are {n} degrees Celsius?",
            "Convert {n} °C to °F.",
            "An American asks how warm {n} degrees Celsius is on the Fahrenheit scale.",
        ),
        lambda values, text: decimal(Fraction(int(values["n"]) * 9, 5) + 32),
        slots={"n": range(0, 105, 5)},
    ),
    _family(
        "celsius",
        (
            "How many degrees Celsius are {n} degrees Fahrenheit?",
            "Convert {n} °F to °C.",
            "A British cook reads an American recipe that says {n} degrees Fahrenheit; what is it in Celsius?",
        ),
        _celsius,
        slots={"n": range(32, 420, 9)},
    ),
    _family(
        "rectangle_area",
        (
            "Find the area of a rectangle of {a} by {b} metres, in square metres.",
            "How many square metres of carpet does a room need that is {a} metres long and {b} metres wide?",
            "A rectangular field measures {a} times {b} metres: how large is it in square metres?",
            "What surface in square metres does a wall {b} metres high and {a} metres long have?",
        ),
        computed(lambda a, b: a * b, "a", "b"),
        slots={"a": range(4, 60), "b": range(3, 20)},
    ),
    _family(
        "rectangle_perimeter",
        (
            "Calculate the perimeter of a rectangle with sides of {a} and {b} metres.",
            "How many metres of fence enclose a garden that is {a} metres by {b} metres?",
            "A dog runs once around a rectangular pool of {a} by {b} metres, close to the edge; how far does it run?",
        ),
        computed(lambda a, b: 2 * (a + b), "a", "b"),
        slots={"a": range(4, 60), "b": range(3, 40)},
    ),
    _family(
        "volume",
        (
            "What is the volume of a box with edges of {a}, {b} and {c} centimetres, in cubic centimetres?",
            "A fish tank is {a} cm long, {b} cm wide and {c} cm high: how many cubic centimetres fit in?",
            "How many cubes with an edge of one centimetre fill a carton of {a} by {b} by {c} centimetres?",
        ),
        computed(lambda a, b, c: a * b * c, "a", "b", "c"),
        slots={"a": range(10, 60), "b": range(5, 30), "c": range(4, 30)},
    ),
    _family(
        "hypotenuse",
        (
            "A right triangle has legs of {legs} centimetres; how long is its hypotenuse?",
            "Use the theorem of Pythagoras to find the longest side when the short sides are {legs} centimetres.",
            "A rectangular gate measures {legs} decimetres along its edges, so how long is its diagonal brace?",
        ),
        lambda values, text: tables.RIGHT_TRIANGLES[values["legs"]],
        slots={"legs": tuple(tables.RIGHT_TRIANGLES)},
    ),
    _family(
        "distance",
        (
            "How far does a car get in {t} hours at {v} kilometres per hour?",
            "A cyclist keeps a speed of {v} km/h for {t} hours; what distance is covered, in kilometres?",
            "Driving {v} kilometres each hour, how many kilometres of motorway do I leave behind in {t} hours?",
        ),
        computed(lambda v, t: v * t, "v", "t"),
        slots={"v": range(12, 130), "t": range(2, 9)},
    ),
    _family(
        "speed",
        (
            "A ship sails {d} kilometres in {t} hours; what is its average speed in kilometres per hour?",
            "What mean speed, in km/h, takes you {d} kilometres in {t} hours?",
        ),
        lambda values, text: decimal(Fraction(int(values["d"]), int(values["t"]))),
        slots={"d": range(60, 900, 15), "t": ("2", "4", "5", "10")},
    ),
    _family(
        "seating",
        (
            "Tables for {n} people each are set up for {guests} guests; how many tables are needed at least?",
            "How many minibuses with {n} seats are necessary for {guests} travellers?",
            "Tents sleep {n} persons, so how many tents must be pitched for a group of {guests}?",
            "Each sheet has room for {n} stickers: how many sheets does a collector of {guests} stickers need?",
        ),
        computed(lambda n, guests: -(-guests // n), "n", "guests"),
        slots={"n": range(4, 13), "guests": range(30, 200)},
    ),
    _family(
        "recipe",
        (
            "We expect more guests than planned, so {times} the amounts in the recipe.",
            "For a larger party, {times} every quantity of the list.",
            "Please {times} the ingredients and keep one per line.",
        ),
        _scaled_recipe,
        _draw_recipe,
        tails=GENERAL_TAILS,
        slots={"times": ("double", "triple", "quadruple")},
    ),
    _family(
        "legs",
        (
            "How many legs do {n} {animals} have together?",
            "A nursery rhyme is about {n} {animals}; count all their legs.",
            "If {n} {animals} all wore socks, how many single socks would they need?",
        ),
        lambda values, text: str(int(values["n"]) * tables.LEGS[values["animals"]]),
        slots={"n": range(3, 60), "animals": tuple(tables.LEGS)},
    ),
    _family(
        "savings",
        (
            "Someone puts {a} dollars aside every week; how many dollars are saved after {n} weeks?",
            "A child gets {a} dollars a week and spends none, so how many dollars are there after {n} weeks?",
            "With weekly instalments of {a} dollars, how many dollars have been paid back when {n} weeks are over?",
        ),
        computed(lambda a, n: a * n, "a", "n"),
        slots={"a": range(3, 60), "n": range(4, 53)},
    ),
    _family(
        "wages",
        (
            "An assistant earns ${rate} an hour and works {h} hours; what is the pay?",
            "Work out the wage for {h} hours at an hourly rate of ${rate}.",
            "The babysitter stayed for {h} hours and charges ${rate} per hour: how much do the parents owe?",
        ),
        lambda values, text: dollars(100 * int(values["rate"]) * int(values["h"])),
        tails=MONEY_TAILS,
        slots={"rate": range(9, 45), "h": range(3, 41)},
    ),
)
