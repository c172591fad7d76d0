"""Phrases by which models refuse, chat and greet: a table a language, and those that a user adds.

`en.txt` says how a phrase is written. All languages are looked up at once: what language an answer is in, nobody says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import resources
from typing import Literal, get_args

Kind = Literal["refusal", "apology", "chatter", "closing", "greeting", "offer", "goodbye"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Phrase = tuple[Kind, str]

_LONGEST = 2000  # characters that are looked at: no sentence is longer
_ANYTHING = r"[^.?!。！？\n]*?"
_SIGN = r"\s*[,!.:;—–，、。！：；-]"
_PART = re.compile(
    r"\[(?P<optional>(?:[^\[\]])*)\]|(?P<words>\*\d?)|(?P<rest>\.\.\.)|(?P<end>\$)|(?P<space> +)|(?P<sign>.)"
)
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_added: list[Phrase] = []


def begins_with(kind: Kind, text: str) -> bool:
    """Whether a text begins with a phrase of this kind."""
    return bool(_pattern(kind, len(_added)).match(text[:_LONGEST].lower()))


def add_phrases(phrases: Iterable[Phrase]) -> None:
    """Has phrases looked up from now on in this process, beside those of the package; twice is as good as once."""
    _added.extend(new for kind, phrase in phrases if (new := (kind, phrase)) not in _added)


@cache
def _pattern(kind: Kind, number_added: int) -> re.Pattern[str]:
    phrases = [phrase for of, phrase in (*_packaged(), *_added[:number_added]) if of == kind]
    dress = r"[\W_]*" if kind == "refusal" else r"[*_#>(\s¡¿-]*"  # others may as well be quoted
    return re.compile(rf"{dress}(?:{'|'.join(map(_as_pattern, phrases))})")


@cache
def _packaged() -> list[Phrase]:
    files = [file for file in resources.files(__package__).iterdir() if file.name.endswith(".txt")]
    texts = [file.read_text(encoding="utf-8") for file in sorted(files, key=lambda file: file.name)]
    return [phrase for text in texts for _, phrase in _listed(text)]


def read_phrases(text: str) -> list[Phrase]:
    """The phrases of a table: a line each, below a line such as `refusal:` with their kind; `#` begins a remark.

    Raises:
        ValueError: names the first line that is none of these.
    """
    phrases = []
    for number, phrase in _listed(text):
        try:
            begins_everything = re.match(_as_pattern(phrase[1]), "")
        except re.error as error:
            raise ValueError(f"line {number}: the phrase {phrase[1]!r} cannot be read ({error})") from None
        if begins_everything:
            raise ValueError(f"line {number}: every text begins with the phrase {phrase[1]!r}")
        phrases.append(phrase)
    return phrases


def _listed(text: str) -> Iterator[tuple[int, Phrase]]:
    """The phrases of a table, each with the number of its line."""
    kind: Kind | None = None
    for number, line in enumerate(map(str.strip, text.splitlines()), 1):
        if not line or line.startswith("#"):
            continue
        if (named := next((each for each in KINDS if line == f"{each}:"), None)) is not None:
            kind = named
        elif kind is None or re.fullmatch(r"\w+:", line):
            kinds = ", ".join(f"{each}:" for each in KINDS)
            raise ValueError(f"line {number}: expected a kind of phrases ({kinds}), found {line!r}")
        else:
            yield number, (kind, line)


def _as_pattern(phrase: str) -> str:
    """The regular expression of a phrase."""
    between = r"\W{0,4}" if _UNSPACED.search(phrase) else r"\W{1,4}"
    pattern = _translated(phrase.strip().lower(), between)
    return pattern if phrase.rstrip().endswith((",", "$")) or _UNSPACED.search(phrase) else rf"{pattern}(?!\w)"


def _translated(phrase: str, between: str) -> str:
    pieces: list[str] = []
    at = 0
    while at < len(phrase):
        if phrase[at] == "[":
            end = _closing_bracket(phrase, at)
            inner = _translated(f"({phrase[at + 1 : end]})", between)
            at = end + 1
            if pieces and pieces[-1] == between:  # "a [b]": the space before goes with it
                pieces[-1] = f"(?:{between}{inner})?"
            else:
                pieces.append(f"(?:{inner}{between})?")
                at += phrase[at : at + 1] == " "
            continue
        part = _PART.match(phrase, at)
        assert part is not None
        at = part.end()
        if part["words"]:
            most = part["words"][1:] or "3"
            pieces.append(rf"\w[\w'’-]*(?:\W{{1,2}}\w[\w'’-]*){{0,{int(most) - 1}}}?")
        elif part["rest"]:
            if pieces and pieces[-1] == between:
                pieces.pop()
            pieces.append(_ANYTHING + ("" if between.endswith("{0,4}") else r"(?<!\w)"))
            at += phrase[at : at + 1] == " "
        elif part["end"]:
            if pieces and pieces[-1] == between:
                pieces.pop()
            pieces.append(r"[^.?!。？！\n]*[.:!：。]?[*_)\s]*\Z")
        elif part["space"]:
            pieces.append(between)
        elif part["sign"] == ",":
            pieces.append(_SIGN)
        elif part["sign"] in "'’":
            pieces.append("['’]")
        elif part["sign"] == "(":
            pieces.append("(?:")
        else:
            pieces.append(part["sign"] if part["sign"] in "|)" else re.escape(part["sign"]))
    return "".join(pieces)


def _closing_bracket(phrase: str, at: int) -> int:
    depth = 0
    for place in range(at, len(phrase)):
        depth += {"[": 1, "]": -1}.get(phrase[place], 0)
        if not depth:
            return place
    return len(phrase)
