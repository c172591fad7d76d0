"""Facts that stand in small tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random

from distilabel_selfinstruct.demo.tasks import tables
from distilabel_selfinstruct.demo.tasks.grammar import GENERAL_LEADS, GENERAL_TAILS, Family, Slot, Values

LEADS = (
    *GENERAL_LEADS,
    "General knowledge is what this is about.",
    "The contestant has ten seconds.",
    "A pupil asks the school librarian.",
    "Cards with questions lie face down on the table.",
)
TAILS = (
    *GENERAL_TAILS,
    "A single term is enough.",
    "Name it and add no further facts.",
)


def _asked(name: str, cores: Sequence[str], table: Mapping[str, str], slot: str) -> Family:
    """The key stands in the instruction."""
    return Family(
        name, tuple(cores), lambda values, text: table[values[slot]], None, {slot: tuple(table)}, LEADS, TAILS
    )


def _given(name: str, cores: Sequence[str], table: Mapping[str, str]) -> Family:
    """The key is the input."""
    keys = tuple(table)
    return Family(name, tuple(cores), lambda values, text: table[text], _choice(keys), {}, LEADS, TAILS)


def _choice(keys: Sequence[str]) -> Callable[[Random, Values], str]:
    return lambda rng, values: rng.choice(keys)


def _several(table: Mapping[str, str]) -> Callable[[Random, Values], str]:
    keys = tuple(table)
    return lambda rng, values: ", ".join(rng.sample(keys, rng.randint(3, 5)))


def _each(table: Mapping[str, str]) -> Callable[[Values, str], str]:
    return lambda values, text: ", ".join(table[key] for key in text.split(", "))


SYMBOLS = {element: symbol for element, (symbol, _) in tables.ELEMENTS.items()}
NAMES_OF_SYMBOLS = {symbol: element for element, symbol in SYMBOLS.items()}
ATOMIC_NUMBERS = {element: str(number) for element, (_, number) in tables.ELEMENTS.items()}
COUNTRIES = {capital: country for country, capital in tables.CAPITALS.items()}
COMPARATIVES = {word: forms[0] for word, forms in tables.COMPARATIVES.items()}
SUPERLATIVES = {word: forms[1] for word, forms in tables.COMPARATIVES.items()}
SIDES = {name: str(sides) for name, sides in tables.POLYGONS.items()}
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")
PLANET_AT = dict(zip(ORDINALS, tables.PLANETS))
LETTER_AT: Mapping[str, Slot] = {"n": range(1, 27)}

FAMILIES = (
    _asked(
        "capital_asked",
        (
            "What is the capital of {country}?",
            "Name the city from which {country} is governed as its capital.",
            "To visit the capital of {country}, which city would you fly to?",
            "In the atlas, {country} has one city marked as capital; which one?",
        ),
        tables.CAPITALS,
        "country",
    ),
    _given(
        "capital_given",
        (
            "Give the capital city of the country.",
            "State for the country in the input which town is its capital.",
            "Fill in the blank on the worksheet: country known, capital wanted.",
        ),
        tables.CAPITALS,
    ),
    _asked(
        "country_of_capital",
        (
            "Of which country is {city} the capital?",
            "Name the state whose capital is called {city}.",
            "A postcard shows the parliament in {city}, the capital of which country?",
        ),
        COUNTRIES,
        "city",
    ),
    Family(
        "capitals_of_list",
        (
            "Replace every country in the list by its capital.",
            "Write the capitals of these countries in the same order, separated by commas.",
            "An airline flies to the capitals of the listed countries, so list the cities instead, with commas.",
        ),
        _each(tables.CAPITALS),
        _several(tables.CAPITALS),
        {},
        LEADS,
        TAILS,
    ),
    _asked(
        "symbol_asked",
        (
            "Which symbol does {element} have in the periodic table?",
            "How do chemists abbreviate {element}?",
            "Give the chemical symbol for {element}.",
        ),
        SYMBOLS,
        "element",
    ),
    _given(
        "element_given",
        (
            "Which chemical element has this symbol?",
            "Resolve the abbreviation from the periodic table to the name of the element.",
            "A bottle in the laboratory bears only this symbol, so what element is inside?",
        ),
        NAMES_OF_SYMBOLS,
    ),
    _asked(
        "atomic_number",
        (
            "What is the atomic number of {element}?",
            "How many protons does an atom of {element} have?",
            "At which place in the periodic table, counted by protons, stands {element}?",
        ),
        ATOMIC_NUMBERS,
        "element",
    ),
    _given(
        "currency",
        (
            "What is the currency of the country called?",
            "With which money do people pay there?",
            "Tell a tourist the name of the local currency.",
            "A bank changes money for travellers: which currency is used in this country?",
        ),
        tables.CURRENCIES,
    ),
    _asked(
        "currency_asked",
        (
            "Name the currency used in {country}.",
            "Which currency fills the tills of shops in {country}?",
        ),
        tables.CURRENCIES,
        "country",
    ),
    _asked(
        "planet",
        (
            "Which planet is the {ordinal} from the sun?",
            "Travelling outward from the sun, name the {ordinal} planet you pass.",
            "Our solar system has eight planets; what is the {ordinal} one by distance from the sun called?",
        ),
        PLANET_AT,
        "ordinal",
    ),
    Family(
        "sort_planets",
        (
            "Order the planets by their distance from the sun, nearest first.",
            "Line up these planets from the innermost to the outermost, separated by commas.",
            "A model of the solar system fell apart, so sort the planets again, starting near the sun.",
        ),
        lambda values, text: ", ".join(sorted(text.split(", "), key=tables.PLANETS.index)),
        lambda rng, values: ", ".join(rng.sample(tables.PLANETS, rng.randint(3, 6))),
        {},
        LEADS,
        GENERAL_TAILS,
    ),
    _given(
        "antonym",
        (
            "Give the opposite of the word.",
            "Find an antonym that a beginner would know.",
            "Which English word means the contrary?",
            "Turn the meaning around with one word.",
        ),
        tables.ANTONYMS,
    ),
    _given(
        "plural",
        (
            "Form the plural of the noun.",
            "What is the word for more than one of these?",
            "Put the noun into the plural, minding irregular forms.",
            "There is one of it now; which form do you need for two?",
        ),
        tables.PLURALS,
    ),
    _asked(
        "plural_asked",
        (
            "What is the plural of the English noun {noun}?",
            "One {noun}, two of what?",
        ),
        tables.PLURALS,
        "noun",
    ),
    _given(
        "past_tense",
        (
            "Give the simple past of the irregular verb.",
            "Put the verb into the past tense.",
            "Yesterday I did it: which form of the verb follows the word I?",
            "A learner of English needs the second form of this verb.",
        ),
        tables.PAST_TENSES,
    ),
    _given(
        "comparative",
        (
            "Form the comparative of the adjective.",
            "Which form of the adjective stands before the word than?",
            "Compare two things with this adjective; only its changed form is wanted.",
        ),
        COMPARATIVES,
    ),
    _given(
        "superlative",
        (
            "Give the superlative of the adjective without the article.",
            "Raise the adjective to its highest degree.",
            "Among many, the one that has most of this quality is the what?",
        ),
        SUPERLATIVES,
    ),
    _given(
        "young_animal",
        (
            "What do you call the young of this animal?",
            "Name the baby animal that belongs to the adult.",
            "A farm newsletter announces births, so which word is used for the newborn?",
        ),
        tables.YOUNG_ANIMALS,
    ),
    _given(
        "opposite_direction",
        (
            "Which compass direction lies opposite?",
            "Turn around by 180 degrees: where are you facing now?",
            "The wind blows from the given direction, so towards which one does it blow?",
        ),
        tables.OPPOSITE_DIRECTIONS,
    ),
    _given(
        "polygon_sides",
        (
            "How many sides does the polygon have?",
            "Count the corners of a shape with this name.",
            "A garden bed is laid out in this shape; along how many straight edges does it run?",
        ),
        SIDES,
    ),
    Family(
        "letter_at",
        (
            "Which letter is number {n} in the English alphabet?",
            "Count through the alphabet from a to the letter at place {n}.",
            "What letter do you reach when you say the first {n} letters from a onwards?",
        ),
        lambda values, text: "abcdefghijklmnopqrstuvwxyz"[int(values["n"]) - 1],
        None,
        LETTER_AT,
        LEADS,
        (*GENERAL_TAILS, "Use lower case."),
    ),
)
