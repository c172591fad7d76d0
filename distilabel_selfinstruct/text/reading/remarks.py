"""What a chat model says about its answer, before it and after it."""

from __future__ import annotations

import re
from functools import cache

from distilabel_selfinstruct.text.reading.marks import QUOTED, RULE, ends_in_colon
from distilabel_selfinstruct.text.thoughts import cut_at_turn_end, split_thoughts

_WHOLE_FENCE = re.compile(r"\A```[^\n`]*\n(.*)\n[ \t]*```\Z", re.DOTALL)
_WHOLE_BOLD = re.compile(r"\A\*\*([^*]+)\*\*\Z")


@cache
def _remark() -> re.Pattern[str]:
    return re.compile(
        r"[*_(\s]*(?:"
        r"(?:sure|certainly|of course|absolutely|okay|ok|alright|great|got it|understood|no problem|happy to help)"
        r"\s*[,!.:—–-]"
        r"|(?:here|below|these|the following)\b[^.?!\n]*"
        r"\b(?:tasks?|instructions?|prompts?|versions?|items?|ideas?|lists?|examples?|instances?|more|you go"
        r"|continu\w+)\b"
        r"[^.?!\n]*[.:!]?[*_)\s]*\Z"
        r"|(?:please )?let me know\b|feel free\b|would you like me\b|do you want me\b|if you['’]d like\b"
        r"|if you (?:need|want) (?:any|more)\b|(?:i )?hope (?:this|these|that|it|they)\b|note(?: that|:)"
        r")",
        re.I,
    )


@cache
def _refusal() -> re.Pattern[str]:
    return re.compile(
        r"[*_(\s]*(?:(?:unfortunately|but),? )?(?:"
        r"i['’]m (?:very |so |really )?sorry\b|sorry,|i apologi[sz]e\b|as an? (?:ai|artificial|language model)\b"
        r"|i(?:['’]m| am) (?:unable|not able) to\b"
        r"|i (?:can['’]?t|cannot|can not|won['’]t|will not) (?:\w+ ){0,2}?"
        r"(?:help|assist|provide|create|generate|continue|fulfil\w*|comply|produce|write|answer|do)\b"
        r")",
        re.I,
    )


@cache
def _closing() -> re.Pattern[str]:
    return re.compile(
        r"[*_(\s]*(?:"
        r"(?:(?:please )?let me know|feel free|would you like|do you want|if you(?:['’]d like| need| want)"
        r"|i['’]d be happy|(?:i )?hope (?:this|these|that|it|they))\b[^\n]*"
        r"\b(?:examples?|instances?|inputs?|outputs?|labels?|tasks?|more|other|another|else|further|questions?"
        r"|help\w*|assist\w*|adjust\w*|chang\w*|modif\w*|clarif\w*)\b"
        r"|(?:these|all) (?:examples|instances)\b"
        r"|i(?:['’]ve| have) (?:provided|written|given|included|covered)\b"
        r")[^\n]*\Z",
        re.I,
    )


def plain(completion: str) -> str:
    """The answer with line feeds only, and without what stands around it: thoughts, the marks of a chat template."""
    _, answer = split_thoughts(completion.replace("\r\n", "\n").replace("\r", "\n"))
    return cut_at_turn_end(answer)


def is_remark(text: str) -> bool:
    """Whether a text begins with what a chat model says about its answer."""
    return bool(_remark().match(text)) or declines(text)


def declines(text: str) -> bool:
    """Whether a text begins by saying that the model will not give what it was asked for.

    An apology alone says so, unlike in an answer (`refusals.is_refusal`): no list begins with one.
    """
    return bool(_refusal().match(text))


def find_text(completion: str) -> str:
    """The one text that an answer gives, with its lines, without what a model says before and after it."""
    text = plain(completion).strip()
    first, _, rest = text.partition("\n")
    if rest and _remark().match(first) and (ends_in_colon(first) or rest.startswith("\n")):
        text = rest.strip()
    text = without_closing(text)
    for dress in (_WHOLE_FENCE, _WHOLE_BOLD, QUOTED):
        if found := dress.match(text):
            text = found[found.lastindex or 0].strip()
    return text


def without_closing(text: str) -> str:
    """The text without the last paragraphs in which a chat model speaks about its examples, and rules around them."""
    while True:
        text = text.rstrip()
        before, empty_line, last = text.rpartition("\n\n")
        if not empty_line or not (_closing().match(last) or RULE.fullmatch(f"\n{last}")):
            return text
        text = before
