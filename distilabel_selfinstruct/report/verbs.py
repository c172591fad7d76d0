"""Root verb and direct object of an instruction (paper, section 3.1 and figure 3).

The pair is that of the first request. Statements that set a scene ("My flight is cancelled.") and role-plays
("Imagine you are ...") are passed over; a question has no pair, unless it is a polite request ("Can you write ...").
Objects are nouns: not pronouns ("Explain it"), clauses ("Tell me whether ...") or the objects of prepositions ("Come
up with a name"). The paper's parser reads the first sentence, whatever it is.

Words are tagged by HanTa with the BNC's C5 tags: V verbs, N nouns, AJ adjectives, AV adverbs, AT DT DPS determiners,
CRD ORD numbers, PR prepositions. Tags of single words, and the rules below for their order, are as good here as
HanTa's tags of whole sentences, and fifty times faster.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from distilabel_selfinstruct.errors import MissingExtraError

_SENTENCE_END = re.compile(r"(?<=[.!?;])[\"'”’)]*\s+|\n+")
_TOKEN = re.compile(r"['’]s\b|\w+(?:[-./&;]\w+|['’](?!s\b)\w+)*|[^\w\s]")
_WORD = re.compile(r"[^\W\d_]{2,}(?:['’-][^\W\d_]+)*")  # no number, no formula ("8x"), no name of a variable ("n")
_LONGEST_SENTENCE = 60  # words looked at
_RARER = 7.0  # natural log: a reading of a word that is this much rarer than its commonest is no reading

_BEFORE_VERB = {"please", "now", "then", "next", "first", "finally", "also", "briefly", "just", "and"}
_LEAD_INS = {
    "given",
    "using",
    "based",
    "judging",
    "from",
    "in",
    "for",
    "to",
    "with",
    "after",
    "before",
    "when",
    "if",
    "as",
    "on",
    "at",
    "by",
    "under",
    "according",
    "consider",
    "imagine",
    "suppose",
    "pretend",
    "assume",
    "assuming",
    "fact",
}
_OBLIGATIONS = re.compile(
    r"\b(?:you (?:will need to|need to|have to|are to|must|should)|(?:want|need|like) you to|task is to) (?=\w)"
)
_SCENE_VERBS = {"imagine", "suppose", "pretend", "assume"}
_POLITE_QUESTION = re.compile(r"(?:can|could|will|would) you (?=\w)")
_FINITE = {"is", "are", "was", "were", "has", "have", "had", "can", "could", "will", "would", "should", "must", "may"}
_NO_REQUESTS = _FINITE | {"there", "here", "question", "note", "do", "does", "did", "let"}
_RECIPIENT_VERBS = {"give", "ask", "tell", "show", "teach", "offer", "send", "write"}
_PARTICLES = {"up", "out", "down", "together", "off", "away", "back", "aside"}
_PRONOUNS = {"me", "us", "you", "it", "them", "him", "her", "one", "something", "anything", "everything"}
_CLAUSE_OPENERS = {"whether", "if", "how", "why", "what", "which", "who", "whom", "whose", "that", "where", "when"}
_QUANTITIES = {"all", "each", "both", "some", "any", "none", "most", "many", "few", "several", "half"}
_ENGLISH = {
    "the",
    "of",
    "and",
    "with",
    "this",
    "that",
    "these",
    "from",
    "your",
    "my",
    "following",
    "given",
    "how",
    "what",
    "which",
    "whether",
    "are",
    "each",
    "every",
    "why",
}
_FOREIGN = {
    "un",
    "una",
    "une",
    "uno",
    "de",
    "del",
    "la",
    "le",
    "el",
    "les",
    "los",
    "las",
    "des",
    "il",
    "di",
    "que",
    "der",
    "die",
    "das",
    "den",
    "dem",
    "und",
    "ein",
    "eine",
    "het",
    "een",
    "van",
    "et",
    "en",
    "y",
    "os",
    "um",
    "uma",
}
_DETERMINERS = {
    "'s",
    "’s",
    "a",
    "an",
    "the",
    "this",
    "these",
    "your",
    "my",
    "our",
    "his",
    "their",
    "its",
    "each",
    "every",
    "any",
}


class VerbObject(NamedTuple):
    """Lemmas in lower case; None where there is none."""

    verb: str | None
    object: str | None


_NOTHING = VerbObject(None, None)


class VerbObjectParser:
    """Finds the verb and the object of English instructions.

    Raises:
        MissingExtraError: from the constructor if HanTa is not installed.
    """

    def __init__(self) -> None:
        try:
            from HanTa.HanoverTagger import HanoverTagger
        except ImportError:
            raise MissingExtraError.of("The verb-object analysis of the report", "report") from None
        self._tagger = HanoverTagger("morphmodel_en.pgz")
        self._readings = lru_cache(maxsize=200_000)(self._look_up)
        self._lemma = lru_cache(maxsize=50_000)(self._tagger.analyze)

    def parse(self, instruction: str) -> VerbObject:
        """The pair of the first request; its parts are None where the instruction has none, or is not English."""
        scene = _NOTHING
        is_english: bool | None = None
        for sentence in _SENTENCE_END.split(instruction.strip()):
            words = _TOKEN.findall(sentence.lower())[:_LONGEST_SENTENCE]
            is_question = sentence.rstrip("\"'”’) ").endswith("?")
            place = self._request_in_question(words) if is_question else self._request(words)
            if place is None and not is_question:
                continue
            if place is None:
                return _NOTHING
            if is_english is None and not (is_english := self._is_english(_TOKEN.findall(instruction.lower()))):
                return _NOTHING
            if words[place] not in _SCENE_VERBS:
                return VerbObject(self._verb_lemma(words[place]), self._object(words, place))
            scene = VerbObject(words[place], None)
        return scene

    def _request_in_question(self, words: Sequence[str]) -> int | None:
        """Of "Can you please write ...?" and "Read the text: what does it say?"."""
        place = self._request_at(words, 2 if _POLITE_QUESTION.match(" ".join(words)) else 0)
        if place is None or words[place].endswith("ing") or words[place] in _SCENE_VERBS:
            return None
        return place

    def _request(self, words: Sequence[str]) -> int | None:
        """Where the verb of the sentence's first request stands."""
        if not words:
            return None
        after_lead_in = self._after_commas(words) if self._is_lead_in(words[0]) else iter(())
        for start in (*after_lead_in, *_obliged(words), 0):
            if (place := self._request_at(words, start)) is not None:
                return place
        return None

    def _is_lead_in(self, word: str) -> bool:
        return word in _LEAD_INS or word.endswith("ing")

    def _after_commas(self, words: Sequence[str]) -> Iterator[int]:
        return (at + 1 for at, word in enumerate(words) if word in {",", "-", "–", "—", ":"})

    def _request_at(self, words: Sequence[str], start: int) -> int | None:
        """Where the verb stands, if a request starts there."""
        while start < len(words) and (words[start] in _BEFORE_VERB or words[start] in "\"'“‘*-•"):
            start += 1
        if start >= len(words) or not self._is_request_verb(words, start):
            return None
        return self._helped(words, start) if words[start] == "help" else start

    def _is_request_verb(self, words: Sequence[str], at: int) -> bool:
        word, following = words[at], words[at + 1] if at + 1 < len(words) else "."
        if word in _NO_REQUESTS or following in _FINITE or following in ":'’,":
            return False
        readings = self._readings(word)
        if not readings or not readings[0].startswith(("N", "V", "AJ", "UNC")):
            return False
        if any(tag in {"VVI", "VVB", "VBI", "VDI", "VHI"} for tag in readings):
            return True
        if at == 0 and readings[0] == "VVG":  # "Solving the equation."
            return True
        # "Word a short note.", "Moderate this comment."
        return readings[0].startswith(("NN1", "NN0", "UNC", "AJ0")) and following in _DETERMINERS

    def _helped(self, words: Sequence[str], start: int) -> int:
        """Of "Help me to find ..." the place of "find"."""
        for at in range(start + 2, min(start + 6, len(words))):
            readings = self._readings(words[at])
            behind_subject = words[at - 1] in _PRONOUNS | {"to"} or readings[:1] in (("VVI",), ("VVB",))
            if "VVI" in readings and behind_subject and words[at] not in _PRONOUNS | _DETERMINERS:
                return at
        return start

    def _object(self, words: Sequence[str], verb: int) -> str | None:
        """The head of the noun phrase behind the verb."""
        if words[verb] == "be":
            return None
        takes_recipient = words[verb] in _RECIPIENT_VERBS
        head: str | None = None
        perhaps: str | None = None  # a noun, if no other follows: "the following", "the plural of"
        for at in range(verb + 1, len(words)):
            word, before = words[at], words[at - 1]
            following = words[at + 1] if at + 1 < len(words) else "."
            if word in {"'s", "’s", "'", "’"}:
                head = perhaps = None
            elif word in _CLAUSE_OPENERS:
                break
            elif self._closes_before_noun(word, following) or (
                head is None and self._leads_to_noun(word, before, at == verb + 1)
            ):
                continue
            elif self._is_noun(word, following) and (head is None or self._may_extend(word)):
                head = word
            elif self._is_modifier(word, before):
                if head is not None:
                    if not takes_recipient:
                        break
                    takes_recipient, head = False, None  # "Ask the candidate three questions."
                perhaps = word if "-" in word or before in _DETERMINERS or self._noun_reading(word) else perhaps
            else:
                break
        head = head or perhaps
        return self._noun_lemma(head) if head and _WORD.fullmatch(head) else None

    def _closes_before_noun(self, word: str, following: str) -> bool:
        return word in '"”’>)]*' and self._is_noun(following, "")  # the "TODO" comment

    def _leads_to_noun(self, word: str, before: str, at_verb: bool) -> bool:
        if word in _PRONOUNS or word in '"“‘<([*' or (word in _PARTICLES and at_verb):
            return True
        if word == "in":
            return before == "fill"
        if word == "of":
            return before in _QUANTITIES or self._is_number(before)
        if word in {",", "and", "or", "but"}:  # "a short, friendly note"
            return self._is_modifier(before, "") and before not in _DETERMINERS
        return False

    def _is_noun(self, word: str, following: str) -> bool:
        readings = self._readings(word)
        if not readings or "-" in word:
            return False
        if self._is_sure_noun(word):
            return True
        is_last = following in ".,;:!?)" or following in _CLAUSE_OPENERS | _PARTICLES or self._is_preposition(following)
        return is_last and self._noun_reading(word) is not None

    def _is_sure_noun(self, word: str) -> bool:
        return bool(readings := self._readings(word)) and readings[0].startswith(("N", "UNC", "ZZ"))

    def _may_extend(self, word: str) -> bool:
        """Whether a word behind a noun is a noun too ("a job offer") and not a participle ("a text written by")."""
        return self._is_sure_noun(word) or not {"VVN", "VVD", "VVG"} & set(self._readings(word))

    def _is_modifier(self, word: str, before: str) -> bool:
        readings = self._readings(word)
        if not readings:
            return False
        if readings[0].startswith(("AJ", "AT", "DT", "DP", "CRD", "ORD", "AV")) or "-" in word or word in _QUANTITIES:
            return True
        if readings[0].startswith("VV"):  # "the given list", "the finishing order", "a cover letter"
            return before in _DETERMINERS or (bool(before) and self._is_modifier(before, ""))
        return any(tag.startswith("AJ") for tag in readings)

    def _is_preposition(self, word: str) -> bool:
        return bool(readings := self._readings(word)) and readings[0].startswith("PR")

    def _is_number(self, word: str) -> bool:
        return bool(readings := self._readings(word)) and readings[0].startswith("CRD")

    def _is_english(self, words: Sequence[str]) -> bool:
        """Whether there is an English function word, or most words are known and at most one looks foreign."""
        letters = [word for word in words if word[0].isalpha()]
        if any(word in _ENGLISH for word in letters):
            return True
        unknown = sum(word not in self._tagger.cache for word in letters)
        return unknown <= max(1, len(letters) / 3) and sum(word in _FOREIGN for word in letters) <= 1

    def _verb_lemma(self, word: str) -> str:
        is_gerund = word.endswith("ing") and self._readings(word)[0] == "VVG"
        return str(self._lemma(word, "VVG")[0]).lower() if is_gerund else word

    def _noun_lemma(self, word: str) -> str:
        tag = self._noun_reading(word)
        return str(self._lemma(word, tag)[0]).lower() if tag else word

    def _noun_reading(self, word: str) -> str | None:
        return next((tag for tag in self._readings(word) if tag.startswith("NN")), None)

    def _look_up(self, word: str) -> tuple[str, ...]:
        """The word's tags, commonest first, without those it nearly never has; none for punctuation."""
        if not word[0].isalnum():
            return ()
        tags = self._tagger.tag_word(word, casesensitive=False)
        return tuple(tag for tag, log_p in tags if log_p > tags[0][1] - _RARER)


def _obliged(words: Sequence[str]) -> Iterator[int]:
    """The places behind "you need to", "your task is to" and the like."""
    text = " ".join(words)
    return (text[: match.end()].count(" ") for match in _OBLIGATIONS.finditer(text))
