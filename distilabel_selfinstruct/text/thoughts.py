"""What stands around an answer: thoughts at its beginning, marks of a chat template at its beginning and its end.

A thought is only what begins an answer: text that speaks of `<think>` stays as it is. A mark ends an answer only where
the model's turn is over there: at the end of the text, or where an invented turn of somebody else follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

_THINKING = r"(?:\w+[_:-])*?(?:ant)?(?:think|thinking|thoughts?)(?:[_:-]\w+)*|(?:inner|internal)_monologue|cot"
_MAYBE_THINKING = (
    "reason|reasoning|reflection|(?:reasoning_)?scratchpad"  # an answer may consist of it, then it is the answer
)
_QUOTES = "`'\"“”‘’«»"


@cache
def _tags() -> tuple[tuple[re.Pattern[str], str, str], ...]:
    """How thoughts begin; how those end that begin so, first as they should and then as models confuse it."""
    some = f"{_THINKING}|{_MAYBE_THINKING}"
    return (
        (re.compile(rf"< ?({some})(?:\s[^<>\n]*)?>", re.I), r"< ?/ ?{0} ?>", rf"</(?:{some})>"),
        (re.compile(r'<(details) type="reasoning"[^<>\n]*>(?:\s*<summary>[^<]*</summary>)?'), r"</{0}>", r"</{0}>"),
        (re.compile(r"\[(THINK|THINKING|THOUGHT|THOUGHTS)\]", re.I), r"\[/{0}\]", r"\[/{0}\]"),
        (re.compile(r"◁(think|thinking)▷", re.I), r"◁/{0}▷", r"◁/{0}▷"),
        (
            re.compile(rf"<\|(?:begin_of_|begin_|start_of_|start_)?({some})\|>", re.I),
            r"<\|(?:/|end_of_|end_){0}\|>",
            r"<\|START_RESPONSE\|>",
        ),
        (re.compile(r"<(?:unused|ctrl)\d+>(thought)\b"), r"<(?:unused|ctrl)\d+>", r"<(?:unused|ctrl)\d+>"),
        (re.compile(r"<\|channel\|?>\s*(thought)\b"), r"<channel\|>", r"<\|channel\|?>\s*(?:final|response)\b"),
    )


_HEADER = re.compile(  # of the model's own turn, which some servers leave in place
    r"\s*(?:(?:<s>|<bos>|<\|begin_of_text\|>|<\|startoftext\|>)\s*)?"
    r"(?:<\|im_start\|>assistant\s*\n|<\|start_header_id\|>assistant<\|end_header_id\|>\s*"
    r"|<start_of_turn>model\s*\n|<\|assistant\|>\s*|<｜Assistant｜>\s*|<\|start\|>assistant(?=<\|)"
    r"|<\|START_OF_TURN_TOKEN\|><\|CHATBOT_TOKEN\|>\s*|<\|start_of_role\|>assistant<\|end_of_role\|>|<role>ASSISTANT</role>"
    r"|<\|begin_of_box\|>)"
)
_MESSAGE = r"(?:(?!<\|message\|>)[^\n])*<\|message\|>"
_HARMONY = re.compile(rf"<\|channel\|>(?:analysis|commentary)\b{_MESSAGE}")
_HARMONY_FINAL = re.compile(rf"<\|channel\|>final\b{_MESSAGE}")
_HARMONY_TURN = re.compile(rf"<\|start\|>assistant{_HARMONY_FINAL.pattern}")
_BARE = (  # the marks are stripped, or words stand in their place
    re.compile(r"analysis(?=[A-Z\"'(])(.*?)assistant\s?final", re.DOTALL),
    re.compile(r"<\|im_start\|>think\s(.*?)<\|im_start\|>answer\s", re.DOTALL),
    re.compile(r"Thinking\.\.\.\n(.*?)\n\.\.\.done thinking\.\s*", re.DOTALL),  # Ollama's command
    re.compile(r"Here is my thought process:(.*?)Here is my response:\s*", re.DOTALL),
    re.compile(r"Here are my reasoning steps:(.*?)\[BEGIN FINAL RESPONSE\]\s*", re.DOTALL),
)
_UNOPENED = re.compile(
    r"(?:</(?:(?:seed:|mm:)?think|thinking|thoughts?)>|◁/think▷)(?=[ \t]*(?:\n|\Z))|\[/THINK\]", re.I
)
_LEFT_OVER = re.compile(rf"\s*(?:</(?:{_THINKING})>\s*)+", re.I)  # by thoughts in thoughts
_WRAPPED = re.compile(
    r"\s*(?:<(answer|response|output|solution|final|final_answer)>|<\|begin_of_(?:solution|box)\|>|<\|START_RESPONSE\|>)\s*(.*?)\s*"
    r"(?:</(?:answer|response|output|solution|final|final_answer)>|<\|end_of_(?:solution|box)\|>|<\|END_RESPONSE\|>|\Z)\s*\Z",
    re.DOTALL | re.I,
)
_END_OF_FINAL = re.compile(r"\s*\[END FINAL RESPONSE\]\s*\Z")


def split_thoughts(text: str) -> tuple[str | None, str]:
    """The thoughts that begin a text, if there are any, and the answer, empty if it was cut before it began."""
    header = _HEADER.match(text)
    start = text[header.end() :] if header else text.lstrip().removeprefix("\ufeff").lstrip()
    if (found := _HARMONY.match(start)) is not None:
        final = _HARMONY_FINAL.search(start)
        thought = start[found.end() : final.start() if final else len(start)]
        return _thought(re.sub(r"<\|[^|>]*\|>(?:assistant)?", " ", thought)), start[final.end() :] if final else ""
    if (final := _HARMONY_FINAL.match(start)) is not None:
        return None, start[final.end() :]
    if (final := _HARMONY_TURN.search(start)) is not None and not _is_told_of(start, final):
        return _thought(re.sub(r"<\|[^|>]*\|>", " ", start[: final.start()])), start[final.end() :]
    for bare in _BARE:
        if (found := bare.match(start)) is not None:
            return _thought(found[1].replace("<|im_end|>", "")), _END_OF_FINAL.sub("", start[found.end() :].lstrip())
    thoughts: list[str] = []
    rest = start
    while (parts := _leading_thought(rest)) is not None:
        thoughts.append(parts[0])
        rest = parts[1]
    if thoughts:
        rest = rest[left.end() :] if (left := _LEFT_OVER.match(rest)) else rest
        inner = _WRAPPED.match(rest)
        return _thought("\n\n".join(filter(None, thoughts))), inner[2] if inner else rest.lstrip()
    if (end := _unopened(text)) is not None:
        return _thought(text[: end.start()]), text[end.end() :].lstrip()
    return None, start if header else text


def _leading_thought(text: str) -> tuple[str, str] | None:
    """The thought that a text begins with, and what follows; nothing follows one that is not closed."""
    start = text.lstrip()
    for begin, end, confused in _tags():
        if (opened := begin.match(start)) is None:
            continue
        closed = _closing(start, opened, end) or _closing(start, opened, confused)
        if closed is None:
            return start[opened.end() :].strip(), ""
        rest = start[closed.end() :]
        if not rest.strip() and re.fullmatch(_MAYBE_THINKING, opened[1], re.I):
            return None
        return start[opened.end() : closed.start()].strip(), rest
    return None


def _closing(text: str, opened: re.Match[str], form: str) -> re.Match[str] | None:
    """Where a thought ends: where it speaks of its own tag, in quotes, it goes on."""
    ends = list(re.compile(form.format(re.escape(opened[1])), re.I).finditer(text, opened.end()))
    return next((end for end in ends if not _is_quoted(text, end)), ends[0] if ends else None)


def _unopened(text: str) -> re.Match[str] | None:
    """The end of a thought that the chat template has opened, so that the text does not."""
    end = _UNOPENED.search(text)
    if end is None or _is_told_of(text, end):
        return None
    before = text[: end.start()]
    names_begin = any(begin.search(before) for begin, _, _ in _tags())
    has_space = before[-1:] in (" ", "\t")  # a sentence about the tag, which ends a line with it
    return None if names_begin or has_space else end


def _thought(text: str) -> str | None:
    return text.strip() or None


def _is_told_of(text: str, found: re.Match[str]) -> bool:
    """Whether a text speaks of a mark that stands in it, in quotes or in code."""
    return _is_quoted(text, found) or _is_in_fence(text, found.start())


def _is_quoted(text: str, found: re.Match[str]) -> bool:
    before, after = text[: found.start()][-1:], text[found.end() :][:1]
    return before in _QUOTES and before != "" and after in _QUOTES and after != ""


def _is_in_fence(text: str, at: int) -> bool:
    """Whether a place is inside of a block of code that is closed behind it."""
    return text.count("```", 0, at) % 2 == 1 and "```" in text[at:]


# --- marks of a chat template ----------------------------------------------------------------------------------------

_END = re.compile(
    r"<\|(?:im_end|eot_id|eom_id|end|end_of_text|endoftext|return|call|END_OF_TURN_TOKEN|end_of_turn|eot|eos|endofturn"
    r"|end_of_sentence|turn_end|role_end|user_end|assistant_end|END_RESPONSE|eod|stop|separator)\|>"
    r"|\[\|endofturn\|\]|<end_of_turn>|<end_of_utterance>|<turn\|>|</s>|<eos>|<EOT>|\[EOS\]|\[e~\["
    r"|<[|｜]end▁of▁(?:sentence|turn)[|｜]>",
)
_SPECIAL = (
    r"(?:<\|[\w▁/:-]{2,40}\|>|<\|(?:im_end|eot_id|end_of_text|endoftext)\|?\Z|<s>|<bos>|<｜[^｜\s]{2,40}｜>|\[\|\w{2,40}\|\]|</?(?:pad|unk|eot|eos|eod)>|</assistant>"
    r"|<(?:unused|ctrl|extra_id_|SPECIAL_)\d+>|<0x[0-9A-F]{2}>|\[(?:PAD|EOT|UNK|/INST)\]|<\[EOT\]>)"
)
_GLUED_END = re.compile(  # any special token, also of templates that nobody knows, where it ends the text
    rf"(?<![\s`'\"“(])(?:\s*\n\s*)?{_SPECIAL}(?:\s*{_SPECIAL})*\s*\Z", re.I
)
_START = (
    r"<\|im_start\|>|<\|start_header_id\|>|<\|start\|>|<start_of_turn>|<\|turn>|<\|(?:user|system|assistant)\|>"
    r"|<｜(?:User|Assistant)｜>|\[\|(?:user|assistant|system)\|\]|<\|START_OF_TURN_TOKEN\|>|\[INST\]"
)
_ROLE = r"(?:user|assistant|system|human|model|tool|developer)\b"
_NEXT_TURN = re.compile(
    rf"\s*(?:\Z|{_START}|<\|end_header_id\|>|</?s>|<bos>|<\|begin_of_text\|>|{_ROLE}\s*(?:[\n:]|\Z)|{_END.pattern})",
    re.I,
)
_TURN_START = re.compile(
    rf"(?:^|(?<=[^\s`'\"“(]))"
    rf"(?:(?:<\|im_start\|>|<\|start_header_id\|>|<\|start\|>|<start_of_turn>|<\|turn>){_ROLE}"
    r"|<\|(?:user|system|assistant)\|>|<｜(?:User|Assistant)｜>|\[\|(?:user|assistant|system)\|\]|<extra_id_\d>User\b)",
    re.I | re.M,
)
_GLUED = re.compile(r"[^\s`'\"“(]")


def cut_at_turn_end(text: str) -> str:
    """The answer up to the mark that ends the model's turn; a text that speaks of such a mark stays as it is."""
    if "<" not in text and "[" not in text:
        return text
    ends = [mark.start() for mark in _turn_ends(text)]
    return text[: min(ends)].rstrip() if ends else text


def _turn_ends(text: str) -> Iterator[re.Match[str]]:
    for mark in _END.finditer(text):
        if _is_told_of(text, mark) or _strikes_out(text, mark):
            continue
        is_over = _NEXT_TURN.match(text, mark.end()) is not None
        is_line = text[mark.end() : mark.end() + 1] == "\n" and _GLUED.match(text[: mark.start()][-1:]) is not None
        if is_over or is_line:
            yield mark
            break
    if (glued := _GLUED_END.search(text)) is not None:
        yield glued
    for mark in _TURN_START.finditer(text):
        is_behind = bool(text[: mark.start()].strip())
        if is_behind and not _is_told_of(text, mark):
            yield mark
            break


def _strikes_out(text: str, mark: re.Match[str]) -> bool:
    """Whether this is the end tag of `<s>` in HTML."""
    return mark[0] == "</s>" and re.search(r"<s>(?!.*</s>)", text[: mark.start()], re.DOTALL) is not None
