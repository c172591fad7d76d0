"""What is reviewed and what comes back: a record, the paper's three questions, and an annotator's answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from distilabel_selfinstruct.text.conversations import transcript
from distilabel_selfinstruct.text.sentences import with_title

FIELDS = ("instruction", "input", "output")
DOCUMENT = "document"
_KINDS: dict[Any, str] = {True: "classification", False: "other"}
_GOES_ON = "The conversation goes on after the output:"
NO_INPUT = "<noinput>"  # Alpaca's word; as a correction: the record shall have no input


@dataclass(frozen=True, slots=True)
class Question:
    """A question of the paper (arXiv 2212.10560, table 2).

    Attributes:
        name: its name in tables, columns and Argilla.
        title: the paper's words.
        field: the text it is about; the correction of this text answers a "no".
        paper: share of the paper's 200 instances with a "yes".
    """

    name: str
    title: str
    field: str
    paper: float


QUESTIONS = (
    Question("valid_task", "Does the instruction describe a valid task?", "instruction", 0.92),
    Question("appropriate_input", "Is the input appropriate for the instruction?", "input", 0.79),
    Question(
        "correct_output",
        "Is the output a correct and acceptable response to the instruction and input?",
        "output",
        0.58,
    ),
)
ALL_RIGHT = "all_right"
PAPER_ALL_RIGHT = 0.54


@dataclass(frozen=True, slots=True)
class ReviewRecord:
    """An instance as it is reviewed.

    Attributes:
        id: names instance and texts: a text that changes becomes another record, so that no answer is ever taken for
            one about another text.
        texts: instruction, input and output.
        document: what the instruction is about, with its title, where the recipe has documents: shown, not judged.
        messages: the conversation that the instance has become, if it has: its later turns are shown too.
        metadata: what annotators can filter by; values that are not known are left out.
    """

    id: str
    texts: Mapping[str, str]
    document: str = ""
    metadata: Mapping[str, str | int | float] = field(default_factory=dict)
    messages: Sequence[Mapping[str, str]] = ()

    @property
    def beside(self) -> str:
        """What is shown beside the texts: the document, and how the conversation goes on."""
        later = transcript(self.messages[2:])
        return "\n\n".join(filter(None, (self.document, later and f"{_GOES_ON}\n\n{later}")))


@dataclass(frozen=True, slots=True)
class Answer:
    """What one annotator says about one record.

    Attributes:
        record_id: the record.
        annotator: who; a pseudonym as soon as it is kept.
        verdicts: yes or no by question.
        corrections: by field, the texts that the annotator changed.
        at: when, as ISO 8601 in UTC; empty where a file does not say.
    """

    record_id: str
    annotator: str
    verdicts: Mapping[str, bool]
    corrections: Mapping[str, str] = field(default_factory=dict)
    at: str = ""


def record_of(row: Mapping[str, Any], preset: str | None = None) -> ReviewRecord:
    """The record of a row with instruction, input and output; further columns become id, document and metadata."""
    texts = {name: row.get(name) or "" for name in FIELDS}
    document = with_title(row.get("document"), row.get("title"))
    messages = row.get("messages") or ()
    later = [message["content"] for message in messages[2:]]
    shown = [*(texts[name] for name in FIELDS), *([document] if document else []), *([later] if later else [])]
    content = json.dumps(shown).encode()
    name = row.get("instance_id") or "record"
    metadata = {
        "kind": _KINDS.get(row.get("is_classification")),
        "round": row.get("round"),
        "max_similarity": row.get("max_similarity"),
        "instruction_words": len(texts["instruction"].split()),
        "input_words": len(texts["input"].split()),
        "output_words": len(texts["output"].split()),
        "model": row.get("model_name"),
        "preset": preset,
    }
    return ReviewRecord(
        id=f"{name}-{hashlib.sha256(content).hexdigest()[:12]}",
        texts=texts,
        document=document,
        metadata={name: value for name, value in metadata.items() if value is not None},
        messages=messages,
    )


def corrections_of(record: ReviewRecord, given: Mapping[str, str | None]) -> dict[str, str]:
    """The texts among these that really differ from the record's.

    Left empty means left as it is. `<noinput>` takes an input away. What editors do to a text on their own (other line
    ends, no-break spaces, white space at the end) is no correction.
    """
    corrections = {}
    for name in FIELDS:
        text = given.get(name)
        if text is None or not text.strip() or _plain(text) == _plain(record.texts[name]):
            continue
        corrections[name] = "" if name == "input" and text.strip() == NO_INPUT else _mended(text)
    return {name: text for name, text in corrections.items() if text != record.texts[name]}


def corrected(record: ReviewRecord, corrections: Mapping[str, str]) -> dict[str, str]:
    """The texts of a record with corrections applied."""
    return {**record.texts, **corrections}


def same_text(one: str, other: str) -> bool:
    """Whether two texts are the same but for what editors do to a text on their own."""
    return _plain(one) == _plain(other)


def _plain(text: str) -> str:
    return "\n".join(line.rstrip() for line in _mended(text).split("\n"))


def _mended(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\u00a0", " ").strip()
