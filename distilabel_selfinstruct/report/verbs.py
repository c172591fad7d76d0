"""Root verb and direct object of an instruction (paper, section 3.1 and figure 3).

The pair is that of the first request: statements that set a scene ("My flight is cancelled.") and role-plays
("Imagine you are ...") are passed over; a question asks for nothing that has a verb and an object, and gives no pair.
Nouns only: pronouns and clauses are no objects ("Explain it", "Tell me whether ..."), nor are the objects of
prepositions ("Come up with a name"). The paper's parser reads the first sentence whatever it is.

Words are tagged by HanTa with the BNC's C5 tags: V verbs, N nouns, AJ adjectives, AV adverbs, AT DT DPS determiners,
CRD ORD numbers, PN pronouns, PR prepositions, CJ conjunctions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from distilabel_selfinstruct.errors import MissingExtraError

if TYPE_CHECKING:
    from HanTa.HanoverTagger import HanoverTagger

_SENTENCE_END = re.compile(r"(?<=[.!?;])[\"'”’)]*\s+|\n+")
_TOKEN = re.compile(r"'s|’s|\w+(?:[-'’./&;]\w+)*(?<!'s)(?<!’s)|[^\w\s]")
_LONGEST_SENTENCE = 60  # words looked at
_CUTOFF = 5.0  # natural log of how much rarer than its commonest tag a tag may be

_POLITE_QUESTION = {"can", "could", "will", "would"}
_OBLIGATION = {("need", "to"), ("have", "to"), ("are", "to"), ("must",), ("should",)}
_BEFORE_VERB = {"please", "now", "then", "next", "first", "finally", "also", "briefly", "try", "to", "just", "and"}
_SCENE_VERBS = {"imagine", "suppose", "pretend", "assume", "given"}
_NEVER_REQUESTS = {"there", "here", "this", "these", "that", "true", "false", "note", "hint", "example", "question"}
_AUXILIARIES = {"be", "am", "is", "are", "was", "were", "do", "does", "did", "has", "have", "had"}
_RECIPIENT_VERBS = {"give", "ask", "tell", "show", "teach", "offer", "send", "write", "make"}
_PARTICLES = {"up", "out", "down", "together", "off", "away", "back", "aside"}
_PRONOUNS = {"me", "us", "you", "it", "them", "him", "her", "one", "ones", "something", "anything", "everything"}
_CLAUSE_OPENERS = {"whether", "if", "how", "why", "what", "which", "who", "whom", "whose", "that", "where", "when"}
_ENGLISH = {"the", "of", "and", "with", "this", "that", "these", "for", "from", "your", "my", "me", "following", "given",
            "how", "what", "which", "whether", "is", "are", "to", "by", "each", "all", "every", "some"}  # fmt: skip


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
        self._tagger: HanoverTagger = HanoverTagger("morphmodel_en.pgz")
        self._tags = lru_cache(maxsize=100_000)(self._look_up)

    def parse(self, instruction: str) -> VerbObject:
        """The pair of the first request; its parts are None where the instruction has none, or is not English."""
        scene = _NOTHING
        for sentence in _SENTENCE_END.split(instruction.strip()):
            words = _TOKEN.findall(sentence)[:_LONGEST_SENTENCE]
            lowered = [word.lower() for word in words]
            if sentence.rstrip("\"'”’) ").endswith("?"):
                return self._of_polite_question(lowered) if scene == _NOTHING else scene
            if (start := self._request(lowered)) is None or not self._is_english(lowered, start):
                continue
            found = VerbObject(self._verb(lowered[start]), self._object(lowered, start))
            if lowered[start] not in _SCENE_VERBS:
                return found
            scene = found
        return scene
