"""Questions about documents: queries to a passage, and their answers, which are all found in its text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from distilabel_selfinstruct.demo.completion import Completion
from distilabel_selfinstruct.demo.plain import spoken
from distilabel_selfinstruct.demo.tasks import noise
from distilabel_selfinstruct.text.sentences import sentences

_QUERIES = re.compile(
    r"\A# Task Description\nDevelop (\d+) user queries .*?\n# Context\n(.+)\n\n# Output\Z", re.DOTALL
)  # distilabel's self-instruct.jinja2
_ANSWER = re.compile(r"\AAnswer the query below\..*?\n\nPassage:\n(.+)\n\nQuery:\n(.+)\Z", re.DOTALL)
_NO_PASSAGE = "I'm sorry, but I can't say without the passage."
_WORD = re.compile(r"[^\W\d_]+")
_CHATTER = (
    "Sure! Here are {} queries for your application:",
    "Here are some queries based on the context:",
    "Certainly! The following queries cover the passage:",
)
_TRIES = 20


def answer(prompt: str, rng: Random, scale: float) -> Completion | None:
    """Queries about a passage, or the answer to one of them; None to any other prompt."""
    prompt = prompt.strip()
    if (asked := _QUERIES.match(prompt)) is not None:
        return _list_queries(int(asked[1]), Passage.of(asked[2]), rng, scale)
    if (asked := _ANSWER.match(prompt)) is not None:
        solution = solve_query(asked[2].strip(), Passage.of(asked[1]))
    else:
        solution = solve_query(prompt, None)
    return None if solution is None else spoken(solution, rng, scale)


@dataclass(frozen=True, slots=True)
class Passage:
    """A text; where it begins with a paragraph that is no sentence, that is its title."""

    title: str
    sentences: list[str]

    @classmethod
    def of(cls, text: str) -> Passage:
        head, _, rest = text.strip().partition("\n\n")
        is_titled = bool(rest) and "\n" not in head and not head.endswith((".", "!", "?"))
        listed = [" ".join(sentence.split()) for sentence in sentences(rest if is_titled else text)]
        return cls(head if is_titled else "the passage", listed)

    @property
    def text(self) -> str:
        return " ".join(self.sentences)


# --- kinds of queries ------------------------------------------------------------------------------------------------

_PHRASE_WORDS = 4


def _phrases(passage: Passage, size: int = _PHRASE_WORDS) -> list[str]:
    """Runs of words that occur once, and within a sentence."""
    runs = (
        " ".join(words[at : at + size])
        for words in map(str.split, passage.sentences)
        for at in range(len(words) - size)
    )
    return [run for run in runs if re.fullmatch(r"[\w -]+", run) and passage.text.count(run) == 1]


def _phrase(passage: Passage, rng: Random) -> str | None:
    phrases = _phrases(passage)
    return rng.choice(phrases) if phrases else None


def _beginning(passage: Passage, rng: Random) -> str | None:
    """The first words of a sentence."""
    starts = tuple(sentence + " " for sentence in passage.sentences)
    begun = [run for run in _phrases(passage) if any(start.startswith(f"{run} ") for start in starts)]
    return rng.choice(begun) if begun else None


def _words(passage: Passage, rng: Random) -> str | None:
    """Five words of different lengths."""
    by_length: dict[int, str] = {}
    for word in rng.sample(found := sorted(set(_WORD.findall(passage.text.lower()))), len(found)):
        by_length.setdefault(len(word), word)
    chosen = [word for length, word in by_length.items() if length > 2]
    return ", ".join(rng.sample(chosen, 5)) if len(chosen) >= 5 else None


def _title(passage: Passage, rng: Random) -> str | None:
    return passage.title if passage.title[:1].isupper() else None


def _sentence_with(phrase: str, passage: Passage) -> str | None:
    return next((sentence for sentence in passage.sentences if phrase in sentence), None)


def _word_after(phrase: str, passage: Passage) -> str | None:
    found = _WORD.search(passage.text.partition(phrase)[2])
    return found[0] if found else None


def _number_of_words(phrase: str, passage: Passage) -> str | None:
    sentence = _sentence_with(phrase, passage)
    return str(len(sentence.split())) if sentence else None


@dataclass(frozen=True, slots=True)
class QueryKind:
    """Queries of some wordings about something that is picked from a passage.

    Attributes:
        wordings: with `{title}` and `{picked}`; they read well with any title.
        pick: what a query is about; None where the passage has no such thing.
        solve: the answer; None where it is not in the passage.
        needs_passage: whether it can be answered from the passage only.
    """

    wordings: tuple[str, ...]
    pick: Callable[[Passage, Random], str | None]
    solve: Callable[[str, Passage], str | None]
    needs_passage: bool = True

    def patterns(self) -> Iterator[re.Pattern[str]]:
        for wording in self.wordings:
            parts = re.escape(wording).replace(r"\{title\}", "(?:.+?)").replace(r"\{picked\}", "(.+)")
            yield re.compile(parts, re.IGNORECASE)


KINDS = (
    QueryKind(
        (
            'Which sentence about {title} contains the words "{picked}"?',
            'On {title}: quote the sentence with the words "{picked}".',
        ),
        _phrase,
        _sentence_with,
    ),
    QueryKind(
        (
            'Complete the statement on {title} that begins with "{picked}".',
            'Concerning {title}, how does the sentence go on that starts with "{picked}"?',
        ),
        _beginning,
        _sentence_with,
    ),
    QueryKind(
        (
            'Which word follows "{picked}" where {title} is described?',
            'Name the word that comes right after "{picked}" in what is said about {title}.',
        ),
        _phrase,
        _word_after,
    ),
    QueryKind(('Count the words of the sentence on {title} in which "{picked}" occurs.',), _phrase, _number_of_words),
    QueryKind(
        ("Sort these words alphabetically: {picked}.", "Put the following words into alphabetical order: {picked}."),
        _words,
        lambda picked, passage: ", ".join(sorted(picked.split(", "))),
        needs_passage=False,
    ),
    QueryKind(
        ("Which of these words has the most letters: {picked}?",),
        _words,
        lambda picked, passage: max(picked.split(", "), key=len),
        needs_passage=False,
    ),
    QueryKind(
        ("How many letters does the name {picked} have, if spaces and hyphens are left out?",),
        _title,
        lambda picked, passage: str(sum(map(str.isalpha, picked))),
        needs_passage=False,
    ),
)
_PATTERNS = [(pattern, kind) for kind in KINDS for pattern in kind.patterns()]


def solve_query(query: str, passage: Passage | None) -> str | None:
    """The right answer to a query of one of these kinds; None to any other, an apology if it needs the passage."""
    for pattern, kind in _PATTERNS:
        if (found := pattern.fullmatch(query)) is not None:
            if passage is None and kind.needs_passage:
                return _NO_PASSAGE
            return kind.solve(found[1], passage or Passage("", []))
    return None


def right_answer(query: str, passage: str | None) -> str | None:
    """The right answer to a query about a passage."""
    return solve_query(query, Passage.of(passage)) if passage else None


# --- lists of queries ------------------------------------------------------------------------------------------------


def _list_queries(wanted: int, passage: Passage, rng: Random, scale: float) -> Completion:
    wrong = noise.pick(rng, noise.QUERIES_SHARES, scale)
    queries = list(_queries(wanted + (wrong == "surplus") * rng.randint(1, 2), passage, rng, scale))
    if wrong == "empty":
        return Completion("")
    if wrong == "off_topic" or not queries:
        return Completion(noise.OFF_TOPIC)
    style = noise.pick(rng, noise.CHAT_STYLES, scale)
    form = noise.CHAT_FORMS.get(style, "{1}")  # as asked for: without numbers
    text = "\n".join(form.format(number, query) for number, query in enumerate(queries, 1))
    if style == "chatter":
        text = f"{rng.choice(_CHATTER).format(wanted)}\n\n{text}\n\n{noise.CLOSING}"
    if wrong == "truncated":
        return Completion(noise.cut(text, rng), "length")
    return Completion(text.replace("\n", "\r\n") if wrong == "crlf" else text)


def _queries(wanted: int, passage: Passage, rng: Random, scale: float) -> Iterator[str]:
    made: list[str] = []
    for _ in range(wanted):
        wrong = noise.pick(rng, noise.QUERY_SHARES, scale)
        if wrong == "repeated" and made:
            yield rng.choice(made)
        elif wrong not in (None, "repeated"):
            yield noise.candidate(str(wrong), (), rng)
        elif (query := _new_query(passage, made, rng)) is not None:
            made.append(query)
            yield query


def _new_query(passage: Passage, made: list[str], rng: Random) -> str | None:
    for _ in range(_TRIES):
        kind = rng.choice(KINDS)
        picked = kind.pick(passage, rng)
        if picked is not None and kind.solve(picked, passage) is not None:
            query = rng.choice(kind.wordings).replace("{title}", passage.title).replace("{picked}", picked)
            if query not in made:
                return query
    return None
