"""Evolved instructions: how they are read, and when an evolution has failed.

Source: "elimination evolving" of WizardLM (arXiv 2304.12244, section 3.2), whose four rules are: no information gain,
an answer that says sorry and is short, an answer of punctuation and stop words only, words copied from the prompt.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from distilabel_selfinstruct.text.reading.remarks import find_text, plain, without_closing
from distilabel_selfinstruct.text.rouge import unicode_tokens

SHORT_ANSWER = 80  # words: "relatively short in length (i.e., less than 80 words)"

_MARK = re.compile(  # of distilabel's prompts
    r"^[ \t#*_]*(?:rewritten|created)[ ]prompt[ \t#*_]*(?::[ \t#*_]*|$)|#[ ]?(?:rewritten|created)[ ]prompt[ ]?#[ ]?:?",
    re.IGNORECASE | re.MULTILINE,
)
# What a model says of its rewriting, in the first person, or of the version or the prompt itself: a note or an
# explanation may as well be a part of the instruction.
_NOTE = r"(?:note|explanation|rationale)[*_]{0,3}(?:[:：]| that\b)"
_TEXT = r"(?:version|prompt|instruction|question|task)"
_CHANGE = (
    r"\b.*\b(?:constraints?|requirements?|complex|complexity|reasoning|depth|difficulty|harder|challenging|concepts?"
    r"|prompt|instruction)\b"
)


@cache
def _remark() -> re.Pattern[str]:
    return re.compile(
        r"(?:\n[ \t]{0,8}| (?=[(\[]))"
        rf"(?P<label>[*_]{{0,3}}(?:[(\[][*_]{{0,3}}(?:{_NOTE})?|{_NOTE}))?[*_]{{0,3}}\s{{0,2}}"
        r"(?:to [^,.:?\n]{1,60}, )?(?:"
        r"(?:i|we)(?:['’]ve| have)?(?: \w+)? (?:added|made|changed|replaced|increased|introduced|included|rewritten"
        rf"|rewrote|rephrased|modified|deepened|broadened|expanded){_CHANGE}"
        rf"|(?:this|the|my)(?: new| updated| revised)? (?:{_TEXT}"
        rf" (?:also )?(?:adds|introduces|increases|raises|deepens|incorporates)|(?:version|prompt) now \w+){_CHANGE}"
        rf"|(?:this|the|my) (?:#? ?(?:rewritten|created)|evolved|reworded|rephrased) {_TEXT}\b"
        rf"|(?(label)(?:by )?(?:adding|added|increasing|increased){_CHANGE}|(?!)))",
        re.IGNORECASE,
    )


_GOES_ON = re.compile(r"[.:;!。：！]\s+\S")
_END = re.compile(r"\n[ \t*_]{0,8}#{1,6} ?end\b[^\n]{0,30}\Z", re.IGNORECASE)
_COPIED = re.compile(r"\b(?:given|rewritten|created)[ _]prompt\b", re.IGNORECASE)
_SORRY = re.compile(r"\bsorry\b", re.IGNORECASE)

_FUNCTION_WORDS = (  # of English; "yes" and "no" are answers, and so are numbers
    "a about above after again against all also am an and any are as at be because been before being below between "
    "both but by can could did do does doing don down during each either else ever few for from further had has have "
    "having he her here hers herself him himself his how however i if in into is it its itself just let may me might "
    "more most must my myself neither nor not now of off on once only or other our ours ourselves out over own rather "
    "s same shall she should since so some such t than that the their theirs them themselves then there these they "
    "this those though through thus to too under until up upon us very was we were what when where whether which "
    "while who whom whose why will with within without would you your yours yourself yourselves "
    "d ll m re ve "  # what an apostrophe divides
)
_STOP_WORDS = frozenset(_FUNCTION_WORDS.split())


def read_evolution(completion: str) -> str:
    """The instruction that a rewriting gives: what follows the prompt's last mark, without what is said about it."""
    text = _without_remarks(plain(completion))
    marks = list(_MARK.finditer(text))
    return find_text(text[marks[-1].end() :] if marks else text)


def _without_remarks(text: str) -> str:
    """Without a first line that ends in a colon, and last paragraphs or lines, in which a model speaks of its work."""
    first, _, rest = text.strip().partition("\n")
    if first.rstrip("*_ ").endswith(":") and _remark().match(f"\n{first}"):
        text = rest
    while True:
        text = without_closing(_END.sub("", text.rstrip()))
        found = _remark().search(text, max(0, text.rfind("\n\n")))
        if found is None or not _is_remark(found, text):
            return text
        text = text[: found.start()]


def _is_remark(found: re.Match[str], text: str) -> bool:
    """Whether a model speaks here, and not somebody in a text to work on: without a label it says one last sentence."""
    remark = text[found.start() :].strip()
    return "?" not in remark and bool((found["label"] or "").strip("*_ \n") or not _GOES_ON.search(remark))


def copies_prompt(instruction: str) -> bool:
    """Whether it speaks of the prompt that asked for it."""
    return bool(_COPIED.search(instruction))


def is_same(instruction: str, other: str) -> bool:
    """Whether two instructions differ in white space and case only."""
    return instruction.casefold().split() == other.casefold().split()


def is_short_apology(answer: str) -> bool:
    """Whether an answer says sorry and is short."""
    return len(answer.split()) < SHORT_ANSWER and bool(_SORRY.search(answer))


def says_nothing(answer: str) -> bool:
    """Whether an answer holds nothing but punctuation and stop words; one letter alone is that of an option."""
    has_signs = any(unicodedata.category(sign) in ("Sc", "Sm", "So") for sign in answer)  # such as "+" or a face
    words = unicode_tokens(answer)
    is_option = [len(word) for word in words] == [1]
    return not (has_signs or is_option) and all(word in _STOP_WORDS for word in words)
