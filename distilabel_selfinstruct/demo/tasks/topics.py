"""Topics that the demo model names, and the families whose instructions it brings together with them."""

from __future__ import annotations

from collections.abc import Mapping

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
LEADS = (*ROLES, *(form.format(topic) for topic in TOPICS for form in LEAD_FORMS))
"""What may stand before an instruction, most of which have little to do with the topic themselves."""
FAMILIES: Mapping[str, tuple[str, ...]] = {
    "general": ("convert_units", "sort_words", "sort_dates", "iso_date", "antonym", "sum_list"),
    "reasoning": ("weekday_after", "clock_after", "remainder", "handshakes", "equation", "discount"),
    "coding": ("python_call", "json_value", "json_keys", "html_list", "snake_case"),
    "writing": ("title_case", "upper_case", "reverse_words"),
    "trivia": ("capital", "country", "planet"),
    "roleplay": ("reverse_word", "caesar", "number_list", "count_vowels"),
    "multiple_choice": ("capital", "country", "planet", "add", "subtract", "to_roman"),
}
"""Names of families by the kind of instruction that they make."""
