"""Reads what chat models make of an answer: preambles, markdown, fences, other numberings, remarks, JSON.

Generous in what it understands, strict in what it gives: the texts themselves, without what a model put around them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple


class Found(NamedTuple):
    """What an answer holds. Of JSON only whole elements are read, so that a cut has spoiled none of them."""

    items: list[Any]
    is_json: bool


def plain(completion: str) -> str:
    """The answer with line feeds only, and without the thoughts that a reasoning model writes before it."""
    text = completion.replace("\r\n", "\n").replace("\r", "\n").rpartition("</think>")[2]
    return "" if text.lstrip().startswith("<think>") else text


# --- remarks -------------------------------------------------------------------------------------------------------

_COLONS = (":", "：")
_REMARK = re.compile(
    r"[*_(\s]*(?:"
    r"(?:sure|certainly|of course|absolutely|okay|ok|alright|great|got it|understood|no problem|happy to help)"
    r"\s*[,!.:—–-]"
    r"|(?:here|below|these|the following)\b[^.?!\n]*"
    r"\b(?:tasks?|instructions?|prompts?|versions?|items?|ideas?|lists?|examples?|instances?|more|you go|continu\w+)\b"
    r"[^.?!\n]*[.:!]?[*_)\s]*\Z"
    r"|(?:please )?let me know\b|feel free\b|would you like me\b|do you want me\b|if you['’]d like\b"
    r"|if you (?:need|want) (?:any|more)\b|(?:i )?hope (?:this|these|that|it|they)\b|note(?: that|:)"
    r")",
    re.I,
)
_REFUSAL = re.compile(
    r"[*_(\s]*(?:(?:unfortunately|but),? )?(?:"
    r"i['’]m (?:very |so |really )?sorry\b|sorry,|i apologi[sz]e\b|as an? (?:ai|artificial|language model)\b"
    r"|i(?:['’]m| am) (?:unable|not able) to\b"
    r"|i (?:can['’]?t|cannot|can not|won['’]t|will not) (?:\w+ ){0,2}?"
    r"(?:help|assist|provide|create|generate|continue|fulfil\w*|comply|produce|write|answer|do)\b"
    r")",
    re.I,
)
_CLOSING = re.compile(
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
_RULE = re.compile(r"\n[ \t]*(?:-{3,}|\*{3,}|_{3,}|={3,})[ \t]*\Z")


def is_remark(text: str) -> bool:
    """Whether a text begins as what a chat model says about its answer."""
    return bool(_REMARK.match(text) or _REFUSAL.match(text))


def _ends_in_colon(text: str) -> bool:
    return text.rstrip("*_ \t\n").endswith(_COLONS)


# --- marks at the start of a line ----------------------------------------------------------------------------------

# Indentation, a heading or a quotation, a bullet, bold; bounded, so that a long run of one sign costs no time.
DRESS = r"^(?P<indent>[ \t]{0,40})(?:[#>]{1,6}[ \t]*)?(?:[-*•–][ \t]+)?[*_]{0,3}"
UNDRESS = r"(?:\*{1,3}|_{1,3}(?=\s|\Z))?[ \t]*"
_NUMBERED = re.compile(
    DRESS
    + r"(?:(?:Task|Instruction)[ \t]*#?[ \t]*(?P<task>\d{1,4})[ \t]*[*_]{0,3}[ \t]*(?:[.):：–—-]|$)"
    + r"|[(（]?(?P<number>\d{1,4})[ \t]?[*_]{0,3}[ \t]?[.)）、．]{1,2}(?!\d))"
    + r"(?:[*_]{1,3}(?=\s|\Z))?[ \t]*",
    re.I | re.M,
)
_BULLET = re.compile(r"^(?P<indent>[ \t]{0,40})[-*•–][ \t]+", re.M)
_FIRST_LINE = re.compile(r"\s*[^\n]*")
_FENCE = re.compile(r"^[ \t]*```[^\n`]*(?:\n|\Z)", re.M)


def _number(mark: re.Match[str]) -> int | None:
    groups = mark.groupdict()
    number = groups.get("task") or groups.get("number")
    return int(number) if number else None


def _indentation(mark: re.Match[str]) -> int:
    return len(mark["indent"].expandtabs(4))


def _top_marks(text: str, pattern: re.Pattern[str]) -> list[re.Match[str]]:
    """The marks of the list, without those of lists in its items."""
    top: list[re.Match[str]] = []
    for mark in pattern.finditer(text):
        if not top or not _is_nested(text, top, mark):
            top.append(mark)
    return top


def _is_nested(text: str, top: list[re.Match[str]], mark: re.Match[str]) -> bool:
    """A mark that does not count on, and is indented or follows an item whose first line ends in a colon."""
    number, last = _number(mark), _number(top[-1])
    if number is not None and last is not None:
        if number == last + 1:
            return False
        first_line = _FIRST_LINE.match(text, top[-1].end())
        if first_line is not None and _ends_in_colon(first_line[0]):
            return True
    return _indentation(mark) >= _indentation(top[0]) + 2


# --- instructions --------------------------------------------------------------------------------------------------

_EMPHASIS = re.compile(r"(?<![\w*])\*\*(?=[^\s*])([^*]+)(?<=\S)\*\*(?![\w*])")
_HALF_BOLD = re.compile(r"\A\*\*(?=[^\s*])|(?<=[^\s*])\*\*\Z")
_LABEL = re.compile(
    r"\A(?:\*\*[^*\n]{1,60}(?:[:：]\*\*|\*\*[ \t]*[:：–—-])|(?:Task|Instruction)[:：])[ \t]+(?=\S)", re.I
)
_LEADING = re.compile(r"\A(?:(?:[-*•–>]|#{1,6})[ \t]+)+")
_QUOTED = re.compile(r'\A(?:"([^"]+)"|“([^“”]+)”|`([^`]+)`)\Z')
_TITLE = re.compile(r"\A[^*]*[^*.?!。？！]\*\*\Z")
_HEADING = re.compile(r"\s*#{1,6}\s")
_NOT_OF_ITEM = re.compile(
    r"#{1,6}\s|\*\*[^*]+\*\*:?\Z|[-*_=]{3,}\Z"
    r"|\**(?:(?:Expected |Sample )?(?:Input|Output|Answer|Response|Solution)s?)\**[ \t]*[:：]",
    re.I,
)
_EMPTY_LINE_AT_END = re.compile(r"\n[ \t]*\n[ \t]*\Z")
# A number between two sentences; not that of a page, a chapter, a flat.
_INLINE = re.compile(
    r"(?:(?<=[.!?…:؟।۔]\s)|(?<=[.!?…][\"”’')]\s)|(?<=[。！？；：]))"
    r"(?<!\bno\.\s)(?<!\bnr\.\s)(?<!\bch\.\s)(?<!\bpp\.\s)(?<!\bp\.\s)(?<!\bvol\.\s)(?<!\bfig\.\s)(?<!\bart\.\s)"
    r"[*_]{0,2}(\d{1,4})(?:[.)][*_]{0,2}\s|[、．])\s?(?=[^\W\d_]|[\"“‘'(¿¡*])",
    re.I,
)


def find_instructions(completion: str) -> Found:
    """The instructions that an answer lists."""
    text = plain(completion)
    if (listed := json_elements(_JSON_INSTRUCTIONS, text)) is not None:
        texts = [well_formed(item) for item in listed if isinstance(item, str)]
    else:
        texts = _listed(_FENCE.sub("", text))
    return Found([item for text in texts for item in _cleaned(text) if item], listed is not None)


def find_blocks(completion: str) -> list[str]:
    """The items of a numbered list, else of bullets, as they stand, with all their lines; none of any other text."""
    text = plain(completion)
    if (listed := json_elements(_JSON_INSTRUCTIONS, text)) is not None:
        return [well_formed(item) for item in listed if isinstance(item, str)]
    text = without_closing(unfenced(text, _NUMBERED))
    marks = _block_marks(text, _NUMBERED) or _block_marks(text, _BULLET)
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    return [field_text(text[mark.end() : end]) for mark, end in zip(marks, ends)]


def _block_marks(text: str, pattern: re.Pattern[str]) -> list[re.Match[str]]:
    """The marks of the list, without those of lists in its items: indented ones, or close ones where others are not."""
    marks = _top_marks(text, pattern)
    marks = [mark for mark in marks if _indentation(mark) < _indentation(marks[0]) + 2]
    spaced = [mark for mark in marks if mark is marks[0] or text.endswith("\n\n", 0, mark.start())]
    return spaced if len(spaced) > 1 else marks


def _listed(text: str) -> list[str]:
    """The texts of a numbered list, else of bullets, else of lines."""
    for pattern in (_NUMBERED, _BULLET):
        if marks := _top_marks(text, pattern):
            ends = [mark.start() for mark in marks[1:]] + [len(text)]
            items = [
                _item(text[mark.end() : end], is_titled=bool(_HEADING.match(mark[0]))) for mark, end in zip(marks, ends)
            ]
            lead = text[: marks[0].start()]
            return items if _is_preamble(lead) else [_item(lead), *items]
    return _unmarked(text)


def _is_preamble(lead: str) -> bool:
    """Whether what stands before a list is said about it. If not, it is the item in whose middle a prompt ended.

    A base model goes on with a space, and with no empty line before the next number.
    """
    first_line = lead.strip().partition("\n")[0]
    if _EMPTY_LINE_AT_END.search(lead) or is_remark(first_line):
        return True
    return _ends_in_colon(lead) and not lead.startswith(" ")


def _item(text: str, is_titled: bool = False) -> str:
    """An item without its title, and without what follows it: an empty line, a remark, a field, a heading."""
    lines: list[str] = []
    for line in map(str.strip, text.strip().split("\n")):
        title = len(lines) == 1 and bool(_TITLE.match(lines[0].removeprefix("**")) or is_titled)
        if not line:
            if lines and not title and not _ends_in_colon(lines[-1]):
                break
        elif lines and (is_remark(line) or _NOT_OF_ITEM.match(line) or (_ends_in_colon(line) and not title)):
            break
        else:
            lines = [line] if title else [*lines, line]
            is_titled = is_titled and not title
    return " ".join(lines)


def _unmarked(text: str) -> list[str]:
    """Lines, or the items of a list in one line; nothing of a refusal."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    if lines and _REFUSAL.match(lines[0]):
        return []
    if len(lines) > 1 and _ends_in_colon(lines[0]):
        del lines[0]
    return [item for line in lines for item in _inline_items(line) if not is_remark(item)]


def _inline_items(line: str) -> list[str]:
    """The items of a list that a model wrote without line breaks; the line itself where it is no such list.

    Numbers that start at 1 count something within the item, unless a remark announces them.
    """
    marks = list(_INLINE.finditer(line))
    if not marks:
        return [line]
    lead, numbers = line[: marks[0].start()], [int(mark[1]) for mark in marks]
    announced = is_remark(lead)
    counted = numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    if not counted or not (announced or (numbers[0] > 1 and not _ends_in_colon(lead))):
        return [line]
    ends = [mark.start() for mark in marks[1:]] + [len(line)]
    items = [line[mark.end() : end] for mark, end in zip(marks, ends)]
    return items if announced else [lead, *items]


def _cleaned(text: str) -> list[str]:
    """The text without its dress; several where it holds a list in one line."""
    text = undressed(text)
    items = _inline_items(text)
    return [text] if items == [text] else [item for each in items for item in _cleaned(each)]


def undressed(text: str) -> str:
    """Without quotation marks, marks of lists in lists, labels and bold, until nothing more changes."""
    text = " ".join(text.split())
    while True:
        bare = _EMPHASIS.sub(r"\1", _LABEL.sub("", text))
        bare = _LEADING.sub("", _NUMBERED.sub("", bare, count=1))
        bare = _without_half_bold(bare)
        if quoted := _QUOTED.match(bare):
            bare = quoted[quoted.lastindex or 0]
        bare = bare.strip()
        if bare == text:
            return text
        text = bare


def _without_half_bold(text: str) -> str:
    """The other half went with the mark before the text."""
    return _HALF_BOLD.sub("", text).strip() if text.count("**") == 1 else text


# --- one text ------------------------------------------------------------------------------------------------------

_WHOLE_FENCE = re.compile(r"\A```[^\n`]*\n(.*)\n[ \t]*```\Z", re.DOTALL)
_WHOLE_BOLD = re.compile(r"\A\*\*([^*]+)\*\*\Z")


def find_text(completion: str) -> str:
    """The one text that an answer gives, with its lines, without what a model says before and after it."""
    text = plain(completion).strip()
    first, _, rest = text.partition("\n")
    if rest and _REMARK.match(first) and (_ends_in_colon(first) or rest.startswith("\n")):
        text = rest.strip()
    text = without_closing(text)
    for dress in (_WHOLE_FENCE, _WHOLE_BOLD, _QUOTED):
        if found := dress.match(text):
            text = found[found.lastindex or 0].strip()
    return text


# --- instances -----------------------------------------------------------------------------------------------------


def _field_mark(words: str) -> re.Pattern[str]:
    return re.compile(
        DRESS + r"(?:\d{1,2}[.)][ \t]*)?[*_]{0,3}"
        rf"(?:{words})[ \t]*#?\d{{0,3}}[ \t]*[*_]{{0,3}}[ \t]*[:：]" + UNDRESS,
        re.I | re.M,
    )


class _Fields:
    """The marks of input and output: at the start of a line, and, for lines that hold both, anywhere."""

    def __init__(self, output: str) -> None:
        words = rf"(?P<input>(?:Sample )?Input)|(?P<output>{output})"
        self.on_lines = _field_mark(words)
        self.anywhere = re.compile(rf"\b(?:{words})\s?\d{{0,3}}\s?:")


_FIELDS = _Fields("(?:Expected |Sample )?Output")
_FIELDS_WITH_LABEL = _Fields("Class label|Label|Output")
_LABEL_MARKS = (_field_mark("Class label"), _field_mark("Label"))
_LABEL_ANYWHERE, _LABEL_END = re.compile(r"\b(?:Class label|Label)\s?:", re.I), re.compile(r"\n|\sInput\s?:")
_INPUT_MARK, _TASK_MARK = _field_mark("Input"), _field_mark("Task")
_EXAMPLE = re.compile(
    DRESS + r"Example(?:[ \t]*#?\d{1,3}[ \t]*[*_]{0,3}[ \t]*(?:[:.)]|$|(?=[(–—-]|[*_]{0,3}(?:Input|Output)\b))"
    # Without a number the word may as well stand in an output, unless a field follows.
    r"|[*_]{0,3}[ \t]*[:：]?[*_]{0,3}[ \t]*$(?=\s{0,9}[*_]{0,3}(?:Input|Output)\b))" + UNDRESS,
    re.I | re.M,
)
_EXAMPLE_ANYWHERE = re.compile(r"Example\s?\d+\s?[:.)]?")
_ANY_MARK = re.compile(
    DRESS + r"(?:Example[ \t]*#?\d|(?:Input|Output|Class label|Label)[ \t]*#?\d{0,3}[ \t]*[*_]{0,3}[ \t]*[:：])",
    re.I | re.M,
)
_NO_INPUT = re.compile(
    r"[*_`]*(?:[<(\[]|&lt;)? ?"
    r"(?:no[ _-]?input(?: (?:is )?(?:needed|required|necessary|provided|given))?|none|n/a|empty)"
    r" ?(?:[>)\]]|&gt;)?\.?[*_`]*",
    re.I,
)


def find_instances(completion: str, is_classification: bool) -> Found:
    """The pairs of input and output that an answer gives."""
    text = plain(completion)
    if (listed := json_elements(_JSON_INSTANCES, text)) is not None:
        return Found([pair for each in listed if (pair := _json_pair(each)) is not None], is_json=True)
    text = without_closing(unfenced(text))
    pairs = _output_first(text) if is_classification else _input_first(text, _FIELDS)
    return Found([(input_text(field_text(given)), field_text(output)) for given, output in pairs], is_json=False)


def unfenced(text: str, mark: re.Pattern[str] = _ANY_MARK) -> str:
    """Without the fence around the whole: one that opens just before a mark. Fences within a field stay."""
    opening = _FENCE.search(text)
    if opening is None or mark.search(text, 0, opening.start()) or not mark.match(text, opening.end()):
        return text
    inner = text[opening.end() :]
    if inner.count("```") % 2:
        inner = "".join(inner.rpartition("```")[::2])
    return text[: opening.start()] + inner


def without_closing(text: str) -> str:
    """Without the last paragraphs in which a chat model speaks about its examples."""
    while True:
        text = text.rstrip()
        before, empty_line, last = text.rpartition("\n\n")
        if not empty_line or not (_CLOSING.match(last) or _RULE.fullmatch(f"\n{last}")):
            return text
        text = before


def field_text(text: str) -> str:
    """The text of a field, without bold of which the name had the other half, and without a line below it."""
    return _without_half_bold(_RULE.sub("", text.strip()).strip())


def input_text(text: str) -> str:
    """An input; empty where it says that there is none."""
    return "" if _NO_INPUT.fullmatch(text) else text


def _input_first(text: str, fields: _Fields) -> Iterator[tuple[str, str]]:
    """The parts that `Example` divides, or the whole; text with neither `Example` nor `Output:` gives nothing."""
    text = text.strip()
    is_one_line = "\n" not in text and _EXAMPLE_ANYWHERE.match(text)
    lead, *examples = _divided(text, _EXAMPLE_ANYWHERE if is_one_line else _EXAMPLE)
    unnamed, *named = _named(lead, fields)
    if any(name == "output" for name, _ in named):
        yield from _pairs(_without_preamble(unnamed[1]), named)
    for example in examples:
        unnamed, *named = _named(unfenced(example), fields)
        if named:
            yield from _pairs(unnamed[1], named)
        elif unnamed[1]:
            yield "", unnamed[1]


def _divided(text: str, mark: re.Pattern[str]) -> list[str]:
    """As `split`, for a pattern with groups."""
    spans = [found.span() for found in mark.finditer(text)]
    begins, ends = [0, *(end for _, end in spans)], [*(start for start, _ in spans), len(text)]
    return [text[begin:end].strip() for begin, end in zip(begins, ends)]


def _named(part: str, fields: _Fields) -> list[tuple[str, str]]:
    """The fields of a part after their names. The first has none, and may be empty."""
    marks = list(fields.on_lines.finditer(part))
    pattern = fields.on_lines
    if not any(mark["output"] for mark in marks):
        pattern = fields.anywhere
        marks = list(pattern.finditer(part))
    names = ["", *("input" if mark["input"] else "output" for mark in marks)]
    return list(zip(names, _divided(part, pattern)))


def _pairs(unnamed: str, named: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """One pair an input, with its first output, or an empty one; without inputs one pair, with the first output."""
    given, output = unnamed if named[0][0] == "output" else "", None
    for name, text in named:
        if name == "output":
            output = text if output is None else output
        else:
            if given or output is not None:
                yield given, output or ""
            given, output = text, None
    yield given, output or ""


def _without_preamble(unnamed: str) -> str:
    """What stands before the first field is an input without a name, unless it is about the task."""
    if task := _TASK_MARK.match(unnamed):
        unnamed = unnamed[task.end() :].partition("\n")[2].strip()
    first, _, rest = unnamed.partition("\n")
    unnamed = rest.strip() if is_remark(first) else unnamed
    return "" if _ends_in_colon(unnamed) else unnamed


def _output_first(text: str) -> Iterator[tuple[str, str]]:
    """After each `Class label:` the label to the end of the line, then the input.

    Where the input stands before its label all the same, or there is no label, it is read input first.
    """
    text = text.strip()
    is_one_line = "\n" not in text and len(_LABEL_ANYWHERE.findall(text)) > 1
    marks = (_LABEL_ANYWHERE,) if is_one_line else _LABEL_MARKS
    mark = next((mark for mark in marks if mark.search(text)), None)
    if mark is None or _INPUT_MARK.search(_divided(text, mark)[0]):
        yield from _input_first(text, _FIELDS_WITH_LABEL)
        return
    for part in _divided(text, mark)[1:]:
        output, given = [*_LABEL_END.split(part, maxsplit=1), ""][:2]
        given = _divided(given, _EXAMPLE)[0]
        if (lead := _INPUT_MARK.match(given)) is not None:
            given = given[lead.end() :]
        yield given, _EMPHASIS.sub(r"\1", output.strip())


# --- JSON ----------------------------------------------------------------------------------------------------------

_JSON_INSTRUCTIONS = re.compile(r'^[ \t]*\{\s*"instructions"\s*:\s*\[|\A\s*(?:```\w*\s*)?\[(?=\s*")', re.M)
_JSON_INSTANCES = re.compile(r'^[ \t]*\{\s*"instances"\s*:\s*\[|\A\s*(?:```\w*\s*)?\[(?=\s*\{\s*")', re.M)
_BETWEEN = re.compile(r"[\s,]*")
_DECODER = json.JSONDecoder(strict=False)  # line ends within strings, which small models write


def json_elements(opening: re.Pattern[str], text: str) -> list[Any] | None:
    """The elements of a JSON list up to its end, a cut or an error; None where no such list opens."""
    found = opening.search(text)
    if found is None:
        return None
    elements: list[Any] = []
    at = found.end()
    while True:
        between = _BETWEEN.match(text, at)
        try:
            element, at = _DECODER.raw_decode(text, between.end() if between else at)
        except (ValueError, RecursionError):
            return elements
        elements.append(element)


def _json_pair(element: Any) -> tuple[str, str] | None:
    if not isinstance(element, dict) or not isinstance(element.get("output"), str):
        return None
    given = element.get("input")
    return (
        input_text(well_formed(given).strip()) if isinstance(given, str) else "",
        well_formed(element["output"]).strip(),
    )


def well_formed(text: str) -> str:
    """JSON can spell half of a surrogate pair, which no file can hold."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
