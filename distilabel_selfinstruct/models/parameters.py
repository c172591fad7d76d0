"""What a model refuses of a request's parameters: read from the words of the refusal, learned once for a run.

A refusal is known by its code, by the parameter it names, or by its words, in whatever nesting a server or a gateway
wraps them. What depends on the prompt (a context that is too long) is no refusal of a parameter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock

from distilabel_selfinstruct.data.files import write_whole

NEUTRAL = {"frequency_penalty": 0, "presence_penalty": 0, "top_p": 1, "n": 1}
"""Values that mean what a server does anyway: some models refuse the parameter even so, and none needs it."""
LEAVE_OUT = "leave out"
THINKS = "thinks"
"""No parameter: that a model has shown thoughts, which nothing may end that is meant for its answers."""
_PATIENCE = 10.0  # seconds that another process may take to write what it has learned
_NEEDED = frozenset({"model", "messages", "prompt", "stream"})
_SCHEMA = "response_format"
_IGNORED_KEYS = frozenset({"input", "ctx", "url", "request_id", "id"})  # they repeat the request, or say nothing

_BESIDE = ("code", "type", "status", "param")
"""Keys whose values say more about the sentence beside them."""

_OF_THE_PROMPT = re.compile(
    r"context[_ ]length|context window|maximum context|max_model_len|too many (?:input )?tokens|reduce the length"
    r"|(?:prompt|input|messages?) (?:is|are|was) too long|prompt too long|content[_ ]filter|content management policy",
    re.I,
)
_REFUSED = re.compile(
    r"unsupported|unknown|unrecogni[sz]ed|unexpected|unavailable|deprecated|disallowed|incompatible|mutually exclusive"
    r"|(?:not|n't|no longer) (?:\w+ )?(?:support|allow|permit|accept|enabled|available|recogni[sz]ed|implemented)"
    r"|extra[_ ](?:forbidden|inputs|fields)|no such (?:parameter|field|argument|option)|not compatible|forbidden\b"
    r"|invalid[_ ](?:parameter|argument|field|option)|not a valid (?:parameter|field|argument)|drop_params"
    r"|can(?:not| not|'t) (?:both )?(?:be )?(?:use|set|specif|combine|sent)"
    r"|(?:should|must|may) not (?:both )?be (?:used|set|specified|sent)|(?:or|be) unset|restricted to"
    r"|may only be set|\bonly (?:the default|one\b|\S*\b[\d.]+\b)"
    r"|must be (?:exactly |equal to )?1(?:\.0)?(?![\d.]*\d)"
    r"|must be (?:set to|omitted|removed|unset|null)|at most 1\b|less than or equal to 1\b|non-whitespace"
    r"|不支持|非法|无效|未知|不允许",
    re.I,
)
_OUT_OF_RANGE = re.compile(
    r"\b(?:between|below|above|in the range|outside|too (?:high|low|large|small))\b|\bin [\[(]-?\d|范围"
    r"|[<>]=? ?-?\d(?!\d*>)|\b(?:greater|less) than\b(?! or equal to 1\b)(?!.*\bunset\b)",
    re.I,
)
_EXCLUDE_EACH_OTHER = re.compile(
    r"\bboth\b|mutually exclusive|\beither\b|\btogether\b|simultaneous|at the same time|only (?:\w+ )?one of"
    r"|use only one|not (?:be used|compatible) (?:in combination )?with|incompatible with|alongside|in combination",
    re.I,
)
_ALLOWED_LIST = re.compile(
    r"(?<!un)(?<!not )\b(?:supported|allowed|valid|accepted|available|permitted|known) "
    r"(?:\w+ )?(?:parameters|params|arguments|fields|options)\b.*|\bexpected (?:one|any) of\b.*",
    re.I | re.DOTALL,
)
_INSTEAD = re.compile(r"\b(?:use|try|set) [`'\"]?(\w+)[`'\"]? instead", re.I)
_TOO_LONG = re.compile(
    r"array_above_max_length|too (?:long|many)|at most|maximum|up to|or (?:less|fewer)|no more than|less than or equal",
    re.I,
)
_LENGTH = re.compile(
    r"(?:length|at most|up to|maximum(?: of)?|max(?: of)?|more than|or equal to|limit(?: is| of)?)\D{0,20}(\d+)",
    re.I,
)
_LENGTH_BEFORE = re.compile(r"(\d+)\D{0,20}or (?:less|fewer)", re.I)
_ANY_PENALTY = r"(?<!presence.)(?<!frequency.)(?<!repetition.)\bpenalt(?:y|ies)\b"
_ALIASES = {  # what else a message may call a parameter
    "n": r"[`'\"]n[`'\"]|\bn ?[=>]|\bparameter:? n\b|completion choice|multiple (?:completions|choices)",
    "stop": r"stop_?sequences|stop_?strings|stop",
    _SCHEMA: (
        r"response_?(?:format|schema)|json[_ ]?(?:schema|object)|guided|grammar|structured.?outputs?|output_?format"
    ),
    "presence_penalty": rf"presence[_ ]?penalty|{_ANY_PENALTY}",
    "frequency_penalty": rf"frequency[_ ]?penalty|{_ANY_PENALTY}",
    "max_tokens": r"max_?tokens|max_?output_?tokens",
}
_AMBIGUOUS = frozenset({"max_tokens", "max_completion_tokens", "stop", "seed", "n", "user"})
"""Of these a message may speak without refusing them: they are words, or what it says is about the prompt."""
_THINKING = re.compile(r"enable_?thinking", re.I)


@dataclass(frozen=True, slots=True)
class Lesson:
    """What to do about a parameter from now on.

    Attributes:
        parameter: as a request calls it.
        value: what it becomes: `LEAVE_OUT`, another name for `max_tokens`, the length of `stop`, the kind of
            `response_format`, a value.
        said: the server's sentence.
    """

    parameter: str
    value: Any
    said: str


def lessons(body: object, message: str, parameter: str | None, sent: Mapping[str, Any]) -> list[Lesson]:
    """What a refused request teaches about the parameters it was sent with; nothing where it says nothing of them.

    Args:
        body: of the refusal, as far as it could be parsed.
        message: its sentence.
        parameter: that the refusal names in a field of its own.
        sent: the parameters of the request.
    """
    units = [unit for unit in _units(body if body else message) if unit.strip()]
    everything = "\n".join(units)
    if _OF_THE_PROMPT.search(everything):
        return []
    if (thinking := _about_thinking(everything, sent, message)) is not None:
        return [thinking]
    named = str(parameter or "").rpartition(".")[2]
    for unit in (*units, everything):  # a list of places may stand apart from what it says of them
        refused = _refused_in(unit, sent)
        if named in sent and named not in _NEEDED and (refused or _is_refused(named, everything)):
            refused = refused if refused and _EXCLUDE_EACH_OTHER.search(unit) else [named]
        if found := [lesson for name in refused if (lesson := _lesson(name, everything, sent, message)) is not None]:
            return found
    if _SCHEMA in sent and re.search(_ALIASES[_SCHEMA], everything, re.I):
        return [_about_schema(sent, message)]
    return []


def _is_refused(name: str, said: str) -> bool:
    """Whether a message about this parameter refuses it: it is tried without before that is believed."""
    if _OUT_OF_RANGE.search(said):
        return name == "n"  # completions can be asked for one by one; any other value is what somebody wants
    return name not in _AMBIGUOUS or _REFUSED.search(said) is not None


def _units(body: object) -> Iterator[str]:
    """The sentences in a body; what a list of places says about a message stands with it."""
    if isinstance(body, str):
        yield from re.split(r"(?<=[a-z)'\"`][.!?;])\s+|\n", body)
    elif isinstance(body, list):
        for each in body:
            yield from _units(each)
    elif isinstance(body, Mapping):
        if isinstance(where := body.get("loc"), list):
            yield " ".join(str(each) for each in (*where, body.get("type"), body.get("msg")))
            return
        flat = [str(body[name]) for name in _BESIDE if isinstance(body.get(name), str)]
        for name, each in body.items():
            if name not in _IGNORED_KEYS and name not in _BESIDE:
                yield from (f"{unit}\t{' '.join(flat)}" if isinstance(each, str) else unit for unit in _units(each))


def _refused_in(unit: str, sent: Mapping[str, Any]) -> list[str]:
    """The parameters that a sentence refuses."""
    said = _ALLOWED_LIST.sub("", _INSTEAD.sub("", unit))
    names = [name for name in sent if name not in _NEEDED and _names(said, name)]
    if "stop" in names and _is_stop_too_long(said, sent):
        return ["stop"]
    return _one_of_pair([name for name in names if _is_refused(name, unit)], said)


def _one_of_pair(names: list[str], said: str) -> list[str]:
    """Of parameters that exclude each other the one to leave out: `top_p`, which a temperature makes up for."""
    if len(names) < 2 or not _EXCLUDE_EACH_OTHER.search(said):
        return names
    return ["top_p"] if "top_p" in names else names[1:2]


def _names(said: str, name: str) -> bool:
    pattern = _ALIASES.get(name) or "[_ ]?".join(map(re.escape, name.split("_")))
    return re.search(rf"(?<![A-Za-z0-9_])(?:{pattern})(?![A-Za-z0-9_])", said, re.I) is not None


def _lesson(name: str, everything: str, sent: Mapping[str, Any], message: str) -> Lesson | None:
    if name == _SCHEMA:
        return _about_schema(sent, message)
    if name == "max_tokens":
        return Lesson("max_tokens", "max_completion_tokens", message)
    if name == "max_completion_tokens":
        return Lesson("max_tokens", "max_tokens", message)
    if name == "stop" and _is_stop_too_long(everything, sent):
        found = _LENGTH.search(everything) or _LENGTH_BEFORE.search(everything)
        most = int(found[1]) if found else 4
        return Lesson("stop", most, message) if 0 < most < len(sent["stop"]) else Lesson("stop", LEAVE_OUT, message)
    return Lesson(name, LEAVE_OUT, message)


def _is_stop_too_long(said: str, sent: Mapping[str, Any]) -> bool:
    stop = sent.get("stop")
    return isinstance(stop, list) and len(stop) > 1 and _TOO_LONG.search(said) is not None


def _about_schema(sent: Mapping[str, Any], message: str) -> Lesson:
    is_schema = (sent[_SCHEMA] or {}).get("type") == "json_schema"
    return Lesson(_SCHEMA, "json_object" if is_schema else LEAVE_OUT, message)


def _about_thinking(said: str, sent: Mapping[str, Any], message: str) -> Lesson | None:
    """Qwen's switch, which some servers want off in requests like ours, some on, and others do not know."""
    if not _THINKING.search(said):
        return None
    is_in_template = "chat_template_kwargs" in said
    name = "chat_template_kwargs" if is_in_template else "enable_thinking"
    if re.search(r"\bfalse\b|stream", said, re.I):
        value: Any = False
    elif re.search(r"(?:restricted to|must be(?: set to)?|only) \W?true\b", said, re.I):
        value = True
    elif name in sent and _REFUSED.search(said):
        return Lesson(name, LEAVE_OUT, message)
    else:
        return None
    return Lesson(name, {"enable_thinking": value} if is_in_template else value, message)


@dataclass
class Learned:
    """What one model at one endpoint has refused, for this process and, in a file, for the others of a run.

    Attributes:
        key: names model and endpoint in the file.
        file: of the run; None keeps it in this process.
        values: what each parameter becomes.
    """

    key: str
    file: Path | None = None
    values: dict[str, Any] = field(default_factory=dict)
    _read_at: int = 0

    def read(self) -> None:
        """Takes over what others have learned since the last time."""
        if self.file is None:
            return
        try:
            changed = self.file.stat().st_mtime_ns
        except OSError:
            return
        if changed != self._read_at:
            self._read_at = changed
            self.values = {**self.values, **_known(self.file).get(self.key, {})}

    def learn(self, new: list[Lesson]) -> list[Lesson]:
        """Keeps what is new for the whole run, and returns it; what cannot be written is kept in this process."""
        if self.file is None or not new:
            return self._take(new)
        try:
            with FileLock(self.file.with_name(f".{self.file.name}"), timeout=_PATIENCE):
                self.read()
                fresh = self._take(new)
                if fresh:
                    known = _known(self.file) | {self.key: self.values}
                    write_whole(self.file, json.dumps(known, ensure_ascii=False, indent=1, sort_keys=True))
        except OSError:
            return self._take(new)
        return fresh

    def _take(self, new: list[Lesson]) -> list[Lesson]:
        fresh = [lesson for lesson in new if self.values.get(lesson.parameter) != lesson.value]
        self.values = {**self.values, **{lesson.parameter: lesson.value for lesson in fresh}}
        return fresh


def as_sent(body: Mapping[str, Any], learned: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters as a model takes them: what it refuses is left out, or has another name or value."""
    sent = {name: value for name, value in body.items() if value is not None}
    for name, value in learned.items():
        if name == THINKS:
            continue
        if value == LEAVE_OUT:
            sent.pop(name, None)
        elif name == "max_tokens":
            if name in sent:
                sent[value] = sent.pop(name)
        elif name == "stop":
            if isinstance(sent.get(name), list):
                sent[name] = sent[name][:value]
        elif name == _SCHEMA:
            if sent.get(name, {}).get("type") == "json_schema":
                sent[name] = {"type": value}
        elif isinstance(value, dict):
            sent[name] = {**sent.get(name, {}), **value}
        else:
            sent[name] = value
    return sent


def _known(file: Path) -> dict[str, Any]:
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # not there yet, or of another kind: then it is learned again
        return {}
    return known if isinstance(known, dict) and all(isinstance(each, dict) for each in known.values()) else {}
