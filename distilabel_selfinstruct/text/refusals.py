"""Answers that answer nothing: they refuse, greet, or say again what they were asked."""

from __future__ import annotations

from distilabel_selfinstruct.text.phrases import begins_with
from distilabel_selfinstruct.text.rouge import unicode_tokens
from distilabel_selfinstruct.text.sentences import sentences

_MOST_LEAD = 10  # words before what was asked, such as "The answer to your query is"
_MOST_GREETING = 6  # sentences


def fault_of_answer(answer: str, question: str = "") -> str | None:
    """The reason code of an answer that answers nothing, or None: `refusal`, `greeting`, `repeats_question`."""
    if is_refusal(answer):
        return "refusal"
    if is_greeting(answer):
        return "greeting"
    return "repeats_question" if repeats(answer, question) else None


def is_refusal(answer: str) -> bool:
    """Whether an answer begins by saying that the model can or will not do it; an apology alone is none."""
    return begins_with("refusal", answer)


def is_greeting(answer: str) -> bool:
    """Whether an answer only greets and offers help."""
    said = sentences(answer)
    return (
        len(said) <= _MOST_GREETING
        and any(begins_with("offer", each) for each in said)
        and all(any(begins_with(kind, each) for kind in ("offer", "greeting", "chatter")) for each in said)
    )


def repeats(answer: str, question: str) -> bool:
    """Whether an answer is what was asked, once or several times, perhaps with a few words before it."""
    asked, said = unicode_tokens(question), unicode_tokens(answer)
    if len(asked) < 2 or len(said) < len(asked):
        return False
    lead, times = len(said) % len(asked), len(said) // len(asked)
    if said[lead:] == asked * times and (not lead or (times == 1 and _is_lead(answer, lead))):
        return True
    return (
        len(said) - len(asked) <= _MOST_LEAD
        and said[-len(asked) :] == asked
        and _is_lead(answer, len(said) - len(asked))
    )


def _is_lead(answer: str, words: int) -> bool:
    """Whether so many words at the beginning of an answer announce the rest."""
    before, colon, _ = answer.replace("：", ":").partition(":")
    return words <= _MOST_LEAD and bool(colon) and len(unicode_tokens(before)) == words
