"""Topics that the demo model names, and the families whose instructions it brings together with them."""

from __future__ import annotations

from collections.abc import Mapping

from distilabel_selfinstruct.recipes.topics.kinds import Kind

TOPICS = (
    "Bird song", "Sourdough bread", "Tidal power", "Roman roads", "Sign language", "Chess openings", "Coral reefs",
    "Night trains", "Watercolour painting", "Beekeeping", "The Silk Road", "Volcanic islands", "Jazz improvisation",
    "Solar eclipses", "Paper folding", "Glacier melt", "Lighthouse keepers", "Street food", "Medieval guilds",
    "Weather balloons", "Crossword puzzles", "Bridge building", "Vegetable gardens", "Whale migration", "Typewriters",
    "Stage lighting", "Desert plants", "Marathon training", "Antique clocks", "Water mills", "Public libraries",
    "Sailing knots", "Mountain rescue", "Folk dances", "Mushroom hunting", "Space probes", "Pottery glazes",
    "School uniforms", "River deltas", "Chocolate making", "Railway timetables", "Sleep habits", "Magic tricks",
    "Recycling glass", "Shadow puppets", "Wind turbines", "Family trees", "Ice hockey", "Cave paintings",
    "Spice markets", "Knitting patterns", "Urban foxes", "Job interviews", "Postage stamps", "Star charts",
    "Second-hand books", "Bicycle repair", "Herbal tea", "Traffic lights", "Opera houses", "Mosaic floors",
    "Fire drills", "Moon phases", "Tree houses", "Old coins", "Radio plays", "Fishing villages", "Rainy weekends",
    "Train whistles", "Salt mines",
)  # fmt: skip
LEAD_FORMS = ("The lesson on {} begins with a warm-up.", "Before we turn to {}, here is a small exercise.")
LEADS = tuple(form.format(topic) for topic in TOPICS for form in LEAD_FORMS)
"""What may stand before an instruction, most of which have little to do with the topic themselves."""
PHRASE_FORMS = (
    "my neighbour reads about {} every evening", "two new books on {} arrived", "our club for {} meets on friday",
    "she wrote a song about {}", "a small museum of {} opens tomorrow", "nobody asked the teacher about {}",
    "old films about {} make him laugh", "three guests want to talk about {}",
)  # fmt: skip
"""Phrases about a topic, to work on."""
ROLES = (
    "You are a patient private tutor.",
    "Pretend to be a quick and reliable office assistant.",
    "You process text for a small publisher.",
)
"""What stands before an instruction to speak as somebody."""
_KNOWLEDGE = ("capital_asked", "country_of_capital", "symbol_asked", "atomic_number", "currency_asked", "planet",
              "plural_asked")  # fmt: skip
FAMILIES: Mapping[Kind, tuple[str, ...]] = {
    "general": ("convert_units", "sort_words", "filter_words", "count_items", "sort_dates", "iso_date", "duration",
                "antonym", "count_words", "word_lengths"),
    "reasoning": ("weekday_after", "clock_after", "remainder", "handshakes", "equation", "legs", "seating", "savings",
                  "speed", "split_bill"),
    "coding": ("python_expression", "python_call", "python_method", "python_list", "sql_in", "json_value", "json_keys",
               "html_list", "snake_case", "camel_case", "slug"),
    "writing": ("title_case", "reverse_words", "swap_ends", "upper_case", "double_words", "every_second_word",
                "remove_vowels"),
    "trivia": (*_KNOWLEDGE, "letter_at", "month_days", "leap_years"),
    "roleplay": ("longest_word", "initials", "spelling_alphabet", "morse", "hyphenate", "sort_by_length",
                 "number_list"),
    "multiple_choice": (*_KNOWLEDGE, "add", "subtract", "square", "percent", "to_roman"),
}  # fmt: skip
"""Names of families by the kind of instruction that they make."""
