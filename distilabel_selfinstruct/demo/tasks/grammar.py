"""Templates that are filled to make an instruction, and read back to understand one.

An instruction is one core sentence, perhaps after a lead that sets a scene, perhaps before a tail that says how to
answer. Cores and tails may have slots, `{name}`; a lead is one plain sentence. Reading ignores case and white space,
since a pool may have changed either.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from random import Random

from distilabel_selfinstruct.text.reading.answers import Instance

Values = Mapping[str, str]
"""What stands in the slots of an instruction."""
Slot = Sequence[str] | range
"""What may stand in a slot: one of some texts, or a whole number of a range."""

LEAD_SHARE = 0.6
TAIL_SHARE = 0.5
CLASSIFICATION_SHARE = 1 / 3
DRAWS_PER_INSTANCE = 4

LEADS = (
    "I am putting together a quiz for the next team meeting.",
    "My daughter is stuck on her homework.",
    "This question comes from an old puzzle book.",
    "My pen pal sent me this riddle for beginners.",
    "We want to check the answer key of a worksheet.",
    "Two colleagues could not agree on this one.",
    "Before the exam tomorrow I need one more exercise.",
    "A chatbot for beginners should handle this request.",
    "Someone posted the following problem on a notice board.",
    "It is the last round of a pub quiz.",
    "Let us warm up with something simple.",
    "General knowledge is what this is about.",
    "The contestant has ten seconds.",
    "A junior developer needs a hand.",
    "Our data team exchanges small records every day.",
    "Mental exercise keeps the mind fit.",
    "We plan a timetable for the village school.",
    "The following happens in an ordinary family.",
    "A pupil asks the school librarian.",
    "Cards with questions lie face down on the table.",
    "We are playing a word game on a rainy evening.",
    "A travel agent received this by telephone yesterday.",
    "The secretary of a doctor keeps an appointment book.",
    "An annotation project asks for your judgement.",
    "Every item in our collection needs a tag.",
    "You maintain the export scripts of a web shop.",
    "My grandmother learns English by solving such riddles.",
    "In the waiting room somebody left half a worksheet.",
    "A radio host reads out what listeners have sent.",
    "Our robot must pass one further test tonight.",
    "During lunch break the apprentices challenge each other.",
    "Imagine yourself behind the counter of an information desk.",
)
"""Scenes that suit every instruction."""
GENERAL_TAILS = (
    "Do not explain your reasoning.",
    "Give me the bare result without any comment.",
    "No further explanation is needed.",
    "Leave out greetings, remarks and intermediate steps.",
    "Your reply should contain the solution and nothing else.",
    "I only want to see the final answer.",
    "Be as brief as you can.",
    "Skip the working and state what you found.",
)


@dataclass(frozen=True, slots=True)
class Template:
    """A sentence with slots."""

    literals: tuple[str, ...]
    slots: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Template:
        parts = re.split(r"\{(\w+)\}", text)
        return cls(tuple(parts[::2]), tuple(parts[1::2]))

    def fill(self, values: Values) -> str:
        filled = [values[slot] + literal for slot, literal in zip(self.slots, self.literals[1:])]
        return self.literals[0] + "".join(filled)

    def read(self, text: str, slots: Mapping[str, Slot]) -> tuple[dict[str, str], str] | None:
        """What stands in the slots at the beginning of a text in lower case, and what follows the sentence."""
        first, *others = (literal.lower() for literal in self.literals)
        if not text.startswith(first):
            return None
        values: dict[str, str] = {}
        rest = text[len(first) :]
        for name, literal in zip(self.slots, others):
            said, found, rest = rest.partition(literal)
            value = _canonical(said, slots[name]) if found else None
            if value is None or values.setdefault(name, value) != value:
                return None
        return values, rest


def _canonical(said: str, slot: Slot) -> str | None:
    """The value of a slot as the family writes it."""
    if isinstance(slot, range):
        return said if said.isdecimal() and said.isascii() and int(said) in slot and said == str(int(said)) else None
    return _by_lower_case(tuple(slot)).get(said)


@cache
def _by_lower_case(texts: tuple[str, ...]) -> dict[str, str]:
    return {text.lower(): text for text in texts}


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of task, in many wordings, that can be solved by a small function.

    Attributes:
        name: of the family.
        cores: the wordings; each starts with a plain word and ends with `.` or `?`.
        answer: computes the output from the values of the slots and the input.
        draw: draws an input; None for a task that needs none.
        slots: what may stand in the slots of cores and tails.
        tails: how to answer; every one suits every core.
        is_classification: whether the output is one of a few labels.
    """

    name: str
    cores: tuple[str, ...]
    answer: Callable[[Values, str], str]
    draw: Callable[[Random, Values], str] | None = None
    slots: Mapping[str, Slot] = field(default_factory=dict)
    tails: tuple[str, ...] = GENERAL_TAILS
    is_classification: bool = False

    def instruction(self, rng: Random, lead: str | None = None) -> str:
        """A random wording with random values, after this lead or perhaps one of `LEADS`."""
        values = {name: str(rng.choice(slot)) for name, slot in self.slots.items()}
        parts = [Template.of(rng.choice(self.cores)).fill(values)]
        if lead is not None or rng.random() < LEAD_SHARE:
            parts.insert(0, lead or rng.choice(LEADS))
        if rng.random() < TAIL_SHARE:
            parts.append(Template.of(rng.choice(self.tails)).fill(values))
        return " ".join(parts)


@dataclass(frozen=True, slots=True)
class Task:
    """An instruction that was understood."""

    family: Family
    values: Values

    def instances(self, rng: Random, most: int) -> list[Instance]:
        """Up to `most` right instances with different inputs; of a classification, with different labels first."""
        if self.family.draw is None:
            return [Instance("", self.family.answer(self.values, ""))]
        drawn: dict[str, str] = {}
        for _ in range(most * DRAWS_PER_INSTANCE):
            given = self.family.draw(rng, self.values)
            output = self.family.answer(self.values, given)
            if output and output != given:
                drawn.setdefault(given, output)
        instances = [Instance(given, output) for given, output in drawn.items()]
        if self.family.is_classification:
            instances = _new_labels_first(instances)
        return instances[:most]


def _new_labels_first(instances: list[Instance]) -> list[Instance]:
    first_of = {instance.output: instance for instance in reversed(instances)}
    return sorted(instances, key=lambda instance: first_of[instance.output] is not instance)


class Grammar:
    """Families, to propose instructions from and to recognise them again, also after other leads than `LEADS`."""

    def __init__(self, families: Iterable[Family], leads: Iterable[str] = ()) -> None:
        self.families = tuple(families)
        self._classification = [family for family in self.families if family.is_classification]
        self._others = [family for family in self.families if not family.is_classification]
        self._leads = set(map(str.lower, (*LEADS, *leads)))
        self._cores: dict[str, list[tuple[Template, Family]]] = defaultdict(list)
        for family in self.families:
            for core in family.cores:
                self._cores[_first_word(core.lower())].append((Template.of(core), family))

    def propose(self, rng: Random, classification_only: bool = False) -> str:
        """A random instruction."""
        classification = classification_only or rng.random() < CLASSIFICATION_SHARE
        return rng.choice(self._classification if classification else self._others).instruction(rng)

    def recognise(self, instruction: str) -> Task | None:
        """The task that an instruction of this grammar states; None for any other text."""
        text = " ".join(instruction.split()).lower()
        task = self._without_lead(text)
        lead, _, rest = text.partition(". ")
        return task or (self._without_lead(rest) if f"{lead}." in self._leads else None)

    def _without_lead(self, text: str) -> Task | None:
        for core, family in self._cores.get(_first_word(text), ()):
            if (read := core.read(text, family.slots)) is not None:
                values, rest = read
                told = _read_tail(rest, family)
                if told is not None:
                    return Task(family, values | told)
        return None


def _first_word(text: str) -> str:
    return text.partition(" ")[0]


def _read_tail(text: str, family: Family) -> dict[str, str] | None:
    """What stands in the slots of the tail; empty where there is no tail."""
    if not text:
        return {}
    for tail in family.tails:
        read = Template.of(f" {tail}").read(text, family.slots)
        if read is not None and not read[1]:
            return read[0]
    return None
