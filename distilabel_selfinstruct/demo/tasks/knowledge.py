"""Facts beyond dispute that stand in small tables."""

from __future__ import annotations

from collections.abc import Mapping

from distilabel_selfinstruct.demo.tasks.grammar import GENERAL_TAILS, Family

TAILS = (*GENERAL_TAILS, "A single term is enough.", "Name it and add no further facts.")
CAPITALS = {
    "Argentina": "Buenos Aires",
    "Australia": "Canberra",
    "Austria": "Vienna",
    "Brazil": "Brasilia",
    "Canada": "Ottawa",
    "Chile": "Santiago",
    "China": "Beijing",
    "Cuba": "Havana",
    "Denmark": "Copenhagen",
    "Egypt": "Cairo",
    "Estonia": "Tallinn",
    "Finland": "Helsinki",
    "France": "Paris",
    "Germany": "Berlin",
    "Greece": "Athens",
    "Hungary": "Budapest",
    "India": "New Delhi",
    "Italy": "Rome",
    "Japan": "Tokyo",
    "Kenya": "Nairobi",
    "Latvia": "Riga",
    "Morocco": "Rabat",
    "Nepal": "Kathmandu",
    "New Zealand": "Wellington",
    "Norway": "Oslo",
    "Peru": "Lima",
    "Poland": "Warsaw",
    "Portugal": "Lisbon",
    "Spain": "Madrid",
    "Thailand": "Bangkok",
    "Vietnam": "Hanoi",
}
COUNTRIES = {capital: country for country, capital in CAPITALS.items()}
PLANETS = {
    "first": "Mercury",
    "second": "Venus",
    "third": "Earth",
    "fourth": "Mars",
    "fifth": "Jupiter",
    "sixth": "Saturn",
    "seventh": "Uranus",
    "eighth": "Neptune",
}
ANTONYMS = {
    "hot": "cold",
    "early": "late",
    "full": "empty",
    "heavy": "light",
    "wide": "narrow",
    "loud": "quiet",
    "cheap": "expensive",
    "deep": "shallow",
    "ancient": "modern",
    "brave": "cowardly",
    "polite": "rude",
    "strong": "weak",
    "always": "never",
    "increase": "decrease",
    "victory": "defeat",
    "inside": "outside",
}


def _asked(name: str, cores: tuple[str, ...], table: Mapping[str, str], slot: str) -> Family:
    """The key stands in the instruction."""
    return Family(name, cores, lambda values, text: table[values[slot]], None, {slot: tuple(table)}, TAILS)


FAMILIES = (
    _asked(
        "capital",
        (
            "What is the capital of {country}?",
            "Name the city from which {country} is governed as its capital.",
            "To visit the capital of {country}, which city would you fly to?",
            "In the atlas, {country} has one city marked as capital; which one?",
        ),
        CAPITALS,
        "country",
    ),
    _asked(
        "country",
        (
            "Of which country is {city} the capital?",
            "Name the state whose capital is called {city}.",
            "A postcard shows the parliament in {city}, the capital of which country?",
        ),
        COUNTRIES,
        "city",
    ),
    _asked(
        "planet",
        (
            "Which planet is the {ordinal} from the sun?",
            "Travelling outward from the sun, name the {ordinal} planet you pass.",
            "Our solar system has eight planets; what is the {ordinal} one by distance from the sun called?",
        ),
        PLANETS,
        "ordinal",
    ),
    Family(
        "antonym",
        (
            "Give the opposite of the word.",
            "Find an antonym that a beginner would know.",
            "Which English word means the contrary?",
            "Turn the meaning around with one word.",
        ),
        lambda values, text: ANTONYMS[text],
        lambda rng, values: rng.choice(tuple(ANTONYMS)),
        tails=TAILS,
    ),
)
