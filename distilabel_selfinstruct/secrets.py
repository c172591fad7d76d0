"""What a secret is and how it is masked: the one definition for all that this package writes or shows.

A secret is known by its name (`api_key`), by its value (that of a secret variable of the environment, or one that was
remembered), or by its shape (`Bearer ...`, `https://user:password@host`). Names and shapes are told by the words and
characters that they are made of, so that `max_tokens` and "the key to success" stay.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import logging
import os
import re
import traceback
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import unquote, unquote_plus

from distilabel_selfinstruct.errors import ConfigError

MASK = "***"


class Found(NamedTuple):
    """A place in a text that holds a secret.

    Attributes:
        start: where it begins.
        end: where it has ended.
        kind: `known` for a value that is known to be secret; `url`, `pair`, `header` or `shape` for what looks so.
    """

    start: int
    end: int
    kind: str


# --- names ------------------------------------------------------------------------------------------------------------

_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_SECRET_ENDS = (
    "password",
    "passwords",
    "passwd",
    "passphrase",
    "secret",
    "secrets",
    "authorization",
    "authorisation",
    "credential",
    "credentials",
)
_SECRET_WORDS = frozenset({"bearer", "jwt", "cookie", "cookies", "auth"})
_OWNERS = frozenset(
    str.split(
        "access account admin anthropic api app application argilla auth aws azure bearer bot client cohere"
        " deepseek deploy encryption functions gemini github gitlab google groq hf hub huggingface id license"
        " master mistral openai openrouter pass personal private ray refresh replicate secret security service"
        " session shared signing ssh storage subscription together user wandb xai"
    )
)
"""What a key or a token must be of to be one beyond doubt: then in the plural too, and with a word behind it."""
_HARMLESS_KEYS = frozenset(
    str.split(
        "answer arrow batch cache column config content dict field foreign group hash image index input"
        " instruction item join json label lookup map message messages metric option output partition primary"
        " prompt public question response reward row score sort target text"
    )
)
_HARMLESS_TOKENS = frozenset(
    str.split(
        "audio begin boi bos cls continuation control de decoder decoding end eod eoi eos eot first image last"
        " mask max middle min new next num pad page per placeholder prefix prev sentence sep sot special start"
        " stop sub suffix think tool unk video"
    )
)
_NUMBERS_OF = frozenset({"max", "min", "num", "n", "total", "count"})
_SUFFIXES = frozenset(
    str.split(
        "admin b64 backup base default dev header id live new old primary prod production raw read secondary"
        " staging str string test value write"
    )
)
_PASS_OWNERS = frozenset(
    str.split("admin auth basic db email ftp http login mail mysql pg postgres proxy redis root smtp user")
)
_WEAK, _STRONG = 1, 2


def is_secret_name(name: object) -> bool:
    """Whether a field, header, option or variable of this name holds a secret, however the name is spelled."""
    return isinstance(name, str) and _strength(name) > 0


@lru_cache(maxsize=4096)
def _strength(name: str) -> int:
    """How sure it is that the name is that of a secret: 0, weak for the likes of `key`, strong for `api_key`."""
    words = [word.lower() for word in _WORDS.findall(unicodedata.normalize("NFKC", name[-200:]))]
    while len(words) > 1 and words[-1].isdigit():
        words.pop()
    if not words or words[0] in _NUMBERS_OF:
        return 0
    strength = max(_strength_of(words), _strength_of_letters(name))
    if not strength and len(words) > 1 and words[-1] in _SUFFIXES:
        strength = _strength_of(words[:-1])
        return strength if strength == _STRONG else 0
    return strength


def _strength_of_letters(name: str) -> int:
    """Whatever its case says: `APIkey` and `tOkEn` are divided oddly."""
    last = re.split(r"[\W\d_]+", name.rstrip("0123456789"))[-1].lower()
    strength = _strength_of([last])
    return strength if strength == _STRONG or name.lower() in ("key", "token") else 0


def _strength_of(words: list[str]) -> int:
    last, owner = words[-1], words[-2] if len(words) > 1 else ""
    if last.endswith(_SECRET_ENDS) or last in _SECRET_WORDS or (last == "pass" and owner in _PASS_OWNERS):
        return _STRONG
    for noun, harmless in (("key", _HARMLESS_KEYS), ("token", _HARMLESS_TOKENS)):
        for ending in (noun, noun + "s"):
            if not last.endswith(ending):
                continue
            whose = owner if last == ending else last.removesuffix(ending)
            if whose in _OWNERS:
                return _STRONG
            is_word = last == ending or noun == "token"  # any word can end with "key", such as monkey
            return _WEAK if is_word and ending == noun and whose not in harmless else 0
    return 0


# --- known secrets ----------------------------------------------------------------------------------------------------

_FEWEST = 8  # characters of a secret in the environment, and of a cut one; shorter values are words such as "true"
_FEWEST_REMEMBERED = 6
_FEWEST_SURE = 16  # characters of a cut secret that cannot be a word
_MOST_COMPILED = 200  # characters of a secret that one pattern matches
_QUOTES = "\"'`“”„‟‘’‚‛«»‹›"
_BLANK = " \t\r\n\v\f\x00\x85\xa0\u200b\u200c\u200d\u2028\u2029\u2060\ufeff"
_PLACEHOLDERS = frozenset({"placeholder", "lm-studio", "ollama", "not-needed", "no-key", "no-key-required", "unused"})
"""What people give as the key of a server that needs none."""
_PUBLIC_PREFIX = re.compile(r"(?:sk-(?:proj|ant|or|svcacct|admin)-(?:api03-|v1-)?|github_pat_|[a-z]{2,5}[-_])?")
_remembered: set[str] = set()


def remember(secret: str) -> None:
    """Registers a secret, which no masked text holds from now on; what means "no key" is left out."""
    core = _core(secret)
    if len(core) >= _FEWEST_REMEMBERED and core.lower() not in _PLACEHOLDERS and core.strip("*"):
        _remembered.add(core)


def remember_named(value: Any) -> None:
    """Registers the secrets in a nested value, by their names; of an address its password and its parameters."""
    for secret in _named(value, 0):
        remember(secret)


def _core(secret: str) -> str:
    """The secret without what people copy along with it."""
    core = secret.strip(_BLANK)
    while len(core) > 1 and core[0] in _QUOTES and core[-1] in _QUOTES:
        core = core[1:-1].strip(_BLANK)
    return core


def _named(value: Any, strength: int) -> Iterator[str]:
    if isinstance(value, str):
        if strength:
            yield value.partition(" ")[2] if value.lower().startswith(("bearer ", "basic ")) else value
        yield from _of_url(value)
    elif hasattr(value, "get_secret_value"):
        yield str(value.get_secret_value())
    elif (fields := _fields(value)) is not None:
        for name, each in fields.items():
            yield from _named(each, strength or (_strength(name) if isinstance(name, str) else 0))
    elif isinstance(value, (list, tuple, set, frozenset)):
        for each in value:
            yield from _named(each, strength)


def _of_url(text: str) -> Iterator[str]:
    """The secrets in an address, as they are when nothing encodes them."""
    if _ADDRESS.fullmatch(text):
        for found in _in_urls(text):
            yield unquote_plus(text[found.start : found.end].partition(":")[2] or text[found.start : found.end])


def _known() -> list[_Known]:
    """Detectors of all known secrets, the longest first."""
    values = {core for name in os.environ if _may_hold(name) for core in _of_variable(name, os.environ.get(name, ""))}
    return [_detector(secret) for secret in sorted(values | _remembered, key=len, reverse=True)]


@lru_cache(maxsize=1024)
def _may_hold(variable: str) -> bool:
    """Whether a variable may hold a secret: as its value, or in the address that it is."""
    return _strength(variable) > 0 or variable.lower().endswith(("proxy", "url", "uri", "dsn", "endpoint"))


@lru_cache(maxsize=256)
def _of_variable(name: str, value: str) -> tuple[str, ...]:
    secrets = [_core(value)] if _strength(name) and not _is_file(value) else []
    secrets += [_core(secret) for secret in _of_url(value)]
    return tuple(secret for secret in secrets if len(secret) >= _FEWEST and secret.lower() not in _PLACEHOLDERS)


def _is_file(value: str) -> bool:
    """Whether the variable names a file with a secret, such as `GOOGLE_APPLICATION_CREDENTIALS`."""
    return (
        value.startswith(("/", "~/"))
        and value.count("/") > 1
        and os.path.isdir(os.path.dirname(os.path.expanduser(value)))
    )


@lru_cache(maxsize=512)
def _detector(secret: str) -> _Known:
    return _Known(secret)


class _Known:
    """Finds one secret in texts: whole, cut at either end, escaped by whatever has quoted it, or in another code."""

    def __init__(self, secret: str) -> None:
        self._characters = [_escaped(character) for character in secret]
        size = max(_FEWEST, len(_PUBLIC_PREFIX.match(secret)[0]) + 4)  # type: ignore[index]
        self._fewest = min(size, len(secret))
        self._is_short = len(secret) < _FEWEST
        self._anchors = [_anchor(secret[: self._fewest]), _anchor(secret[-self._fewest :])]
        self._whole = re.compile("".join(self._characters[:_MOST_COMPILED]))
        self._head = re.compile("".join(self._characters[: self._fewest]))
        self._tail = re.compile("".join(self._characters[-self._fewest :]))
        self._recoded = [] if self._is_short else [*_in_base64(secret), *_in_other_codes(secret)]

    def find(self, text: str) -> Iterator[Found]:
        has_head, has_tail = (anchor in text for anchor in self._anchors)
        if has_head and has_tail:
            yield from self._find_whole(text)
        if has_head and not self._is_short:
            for match in self._head.finditer(text):
                yield from self._if_secret(text, match.start(), self._end_of(text, match.end(), self._fewest))
        if has_tail and not self._is_short:
            for match in self._tail.finditer(text):
                yield from self._if_secret(text, self._start_of(text, match.start()), match.end())
        for sign, pattern in self._recoded:
            if sign in text:
                yield from (Found(*match.span(), "known") for match in re.finditer(pattern, text))

    def _find_whole(self, text: str) -> Iterator[Found]:
        for match in self._whole.finditer(text):
            start, end = match.start(), self._end_of(text, match.end(), _MOST_COMPILED)
            if not self._is_short or not (_is_letter(text, start - 1) or _is_letter(text, end)):
                yield Found(start, end, "known")

    def _end_of(self, text: str, end: int, count: int) -> int:
        """Where the secret ends of which so many characters have been found."""
        for character in self._characters[count:]:
            if (match := re.compile(character).match(text, end)) is None:
                break
            end = match.end()
        return end

    def _start_of(self, text: str, start: int) -> int:
        for character in reversed(self._characters[: -self._fewest]):
            before = max(0, start - 24)  # longer than any way to write one character
            if (match := re.search(f"(?:{character})\\Z", text[before:start])) is None:
                break
            start = before + match.start()
        return start

    @staticmethod
    def _if_secret(text: str, start: int, end: int) -> Iterator[Found]:
        """The part of a secret, unless it is a word that a text may use."""
        part = text[start:end]
        is_cut = (
            not text[end:].strip() or text.startswith(("...", "…", "\n"), end) or text.endswith(("...", "…"), 0, start)
        )
        if (
            is_cut
            or len(part) >= _FEWEST_SURE
            or any(map(str.isdigit, part))
            or part not in (part.lower(), part.upper())
        ):
            yield Found(start, end, "known")


def _is_letter(text: str, at: int) -> bool:
    return 0 <= at < len(text) and text[at].isalnum()


def _anchor(part: str) -> str:
    """The longest run in it that every way to write it leaves as it is."""
    return max(re.findall(r"[A-Za-z0-9]+", part), key=len, default="")


@lru_cache(maxsize=1024)
def _escaped(character: str) -> str:
    """A pattern of all ways to write a character: as it is, or escaped for Python, JSON, an address or HTML."""
    if character.isascii() and character.isalnum():
        return character
    encoded, number = character.encode("utf-8", "surrogatepass"), ord(character)
    units = character.encode("utf-16-be", "surrogatepass")
    pairs = [units[at : at + 2].hex() for at in range(0, len(units), 2)]
    ways = [
        "".join(rf"%(?:25)*(?i:{byte:02x})" for byte in encoded),
        "".join(rf"\\+x(?i:{byte:02x})" for byte in encoded),
        "".join(rf"\\+u(?i:{pair})" for pair in pairs),
        rf"\\+U(?i:{number:08x})",
        rf"&(?:amp;)*#(?:0*{number}|[xX]0*(?i:{number:x}));",
    ]
    if number < 256:
        ways.append(rf"\\+x(?i:{number:02x})")
    names = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos"}
    if character in names:
        ways.append(rf"&(?:amp;)*{names[character]};")
    letters = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f", "\v": "v", "\a": "a"}
    if character in letters:
        ways.append(rf"\\+{letters[character]}")
    raw = r"\\+" if character == "\\" else r"(?:\s+|\+)" if character.isspace() else rf"\\*{re.escape(character)}"
    return f"(?:{'|'.join([*ways, raw])})"


def _in_base64(secret: str) -> list[tuple[str, str]]:
    """What base64 makes of the secret wherever it stands in a longer text, such as `user:secret`, and a pattern."""
    data = secret.encode("utf-8", "surrogatepass")
    parts = []
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + data).decode().rstrip("=")
        part = whole[-(-before * 8 // 6) : len(whole) - (1 if (before + len(data)) % 3 else 0)]
        parts += [part, part.replace("+", "-").replace("/", "_")]
    return [(part, rf"[\w+/-]*{re.escape(part)}[\w+/=-]*") for part in dict.fromkeys(parts) if len(part) >= _FEWEST]


def _in_other_codes(secret: str) -> list[tuple[str, str]]:
    """The secret in hex, with each character escaped, and in other letters: a sign of each, and its pattern."""
    codes = [f"(?i:{byte:02x})" for byte in secret.encode("utf-8", "surrogatepass")]
    units = secret.encode("utf-16-be", "surrogatepass")
    pairs = [f"(?i:{units[at : at + 2].hex()})" for at in range(0, len(units), 2)]
    found = [("", "".join(codes))]
    for sign, escape, parts in (("%", "%(?:25)*", codes), ("\\x", r"\\+x", codes), ("\\u", r"\\+u", pairs)):
        found.append((sign, "".join(f"{escape}{part}" for part in parts)))
    return found + [(other, re.escape(other)) for other in {secret.upper(), secret.lower()} - {secret}]


# --- texts ------------------------------------------------------------------------------------------------------------

_QUOTE = r"""\\*["'`]|&quot;|&\#(?:0*3[49]|[xX]2[27]);|[“”„‘’]"""
_USER = re.compile(
    r"""(?ix) :(?:\\*/){2}
        (?: (?P<plain>[^\s/?\#'"<>\\]{1,300}) | (?P<odd>[^\s/:@\[]*:(?!\d{1,5}(?:[/?\#]|\Z))[^\s'"<>@]{1,300}) ) @
      | %3A%2F%2F (?P<encoded>(?:(?!%2F|%3F|%23|%40)[^\s/'"<>&@]){1,300}) %40"""
)
_USER_ONLY = re.compile(r"(?!mailto:|sip:|acct:|xmpp:)[^\s/@]*:[^\s/@]*@(?=[\w.-]+(?::\d+)?(?:/|\Z))")
_ADDRESS = re.compile(r"[A-Za-z][\w+.-]*://\S+")
_QUERY = re.compile(
    r"""(?ix) (?:[?&\#]|&amp;|%3F|%26|%23|\\u0026) (?P<name>(?:[\w.~\[\]+-]|%(?!3D|26|3F|23)[0-9a-f]{2}){1,80})
        (?: = (?P<plain>(?:(?!\\u0026)[^\s&\#'"<>`\\])+) | %3D (?P<encoded>(?:(?!%26|%23)[^\s&\#'"<>`\\])+) )"""
)
_QUERY_NAMES = frozenset({"sig", "signature", "hmac", "pwd", "pass"})
_SCHEME = re.compile(r"(?i)\b(?P<scheme>bearer|basic)(?:\s|%20|\+)+(?P<value>[^\s'\",;<>()\\]+)")
_AUTHORIZATION = re.compile(r"(?i)(?:(?P<scheme>[a-z][\w-]{2,20})(?:[ ]|%20)+)?(?P<value>[^\r\n'\"\\<>,;]+)")
_CORE = r"key|token|passw|passphrase|secret|authori[sz]ation|credential|cookie|jwt|bearer"
_PAIR = re.compile(
    rf"""(?ix) (?:{_CORE}) [\w.-]{{0,40}} (?:{_QUOTE})?\]?
        (?: (?:\s(?:provided|given|supplied|used|is|was))? \s{{0,3}}(?::=|=>|[:=])\s{{0,8}} (?P<quote>{_QUOTE})?
          | (?P<loose>\s(?:is\s)?) (?P<quoted>{_QUOTE})? )"""
)
_NAME_BEFORE = re.compile(r"[\w.-]{1,60}\Z")
_OWNER_BEFORE = re.compile(r"([A-Za-z]{2,20})[ ]\Z")
_BARE = re.compile(r"""[^\s'"`,;<>(){}\[\]&\\“”]+""")
_CODE = re.compile(
    r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[$<{%].*|[A-Za-z_]+(?:\.[A-Za-z_]+)*|[\d.,:/+-]*|\S*://\S*|[\w.-]*\*+[\w.-]*"
)  # a variable's name, a placeholder, a word or an attribute, a number or a date, an address, what others have masked
_SHAPES = re.compile(
    r"""(?x) (?<![A-Za-z0-9]) (?:
        sk[-_](?=[\w-]{0,60}\d)[\w-]{12,} | (?:hf|gsk|gh[pousr]|r8|fw|rk_live)_(?=\w{0,30}[A-Z0-9])[A-Za-z0-9]{16,}
      | github_pat_\w{16,} | (?:xai|pplx|csk)-(?=\w{0,30}\d)[A-Za-z0-9]{16,} | (?:glpat|nvapi)-[\w-]{16,}
      | xox[abeoprs]-[\w-]{10,} | AIza[\w-]{16,} | (?:AKIA|ASIA)[A-Z0-9]{8,} | ya29\.[\w-]{16,}
      | eyJ[\w-]{10,4000}(?:\.[\w-]+){1,2} | eyJ[\w-]{24,}
      ) | -----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY-----(?P<pem>.*?)(?:-----END[ ][A-Z ]*PRIVATE[ ]KEY-----|\Z)""",
    re.DOTALL,
)


def mask_text(text: str) -> str:
    """A text that others have written, such as a server's message or a traceback, without the secrets in it."""
    return _mask(text, _known())


def mask_known(text: str) -> str:
    """A text of a model, in which what only looks like a secret may be an example: without the known ones."""
    return _masked_at(text, (found for secret in _known() for found in secret.find(text)))


def mask_url(url: str) -> str:
    """An address without user and password, and without the secrets among its parameters."""
    return mask_text(_without_users(url))


def _without_users(url: str) -> str:
    scheme, slashes, rest = url.rpartition("://") if "@" in url and url.count("://") == 1 else ("", "", "")
    if slashes:
        url = f"{scheme}{slashes}{_without_user(rest)}"
    elif "://" not in url and (match := _USER_ONLY.match(url)):
        url = f"{MASK}@{url[match.end() :]}"
    return url


def _without_user(rest: str) -> str:
    """What follows the scheme; the password of a careless user may hold anything, and the last @ ends it."""
    authority, before_query = (re.match(signs, rest)[0] for signs in (r"[^/?#]*", r"[^?#]*"))  # type: ignore[index]
    user, colon, after = authority.partition(":")
    has_port = after.isdigit() and authority != before_query
    if colon and "[" not in user and after and not has_port and "@" in rest:
        before_query = before_query if "@" in before_query else rest
        return f"{MASK}@{rest[before_query.rindex('@') + 1 :]}"
    return f"{MASK}@{rest[authority.rindex('@') + 1 :]}" if "@" in authority else rest


def find_secrets(text: str) -> list[Found]:
    """The places of a text that hold secrets, in their order; none overlaps another."""
    return _merged(_all(text, _known()))


def _mask(text: str, known: Iterable[_Known]) -> str:
    return _masked_at(text, _all(text, known))


def _masked_at(text: str, places: Iterable[Found]) -> str:
    parts, end = [], 0
    for found in _merged(places):
        parts += [text[end : found.start], MASK]
        end = found.end
    return "".join([*parts, text[end:]]) if parts else text


def _all(text: str, known: Iterable[_Known]) -> Iterator[Found]:
    for secret in known:
        yield from secret.find(text)
    lower = text.lower()
    for find, hints in _FINDERS.items():
        if any(hint in lower for hint in hints):
            yield from find(text)


def _merged(places: Iterable[Found]) -> list[Found]:
    merged: list[Found] = []
    for found in sorted(places):
        if merged and found.start < merged[-1].end:
            last = merged[-1]
            kind = "known" if "known" in (last.kind, found.kind) else last.kind
            merged[-1] = Found(last.start, max(last.end, found.end), kind)
        elif found.end > found.start:
            merged.append(found)
    return merged


def _in_urls(text: str) -> Iterator[Found]:
    """Users, passwords and secret parameters in the addresses of a text."""
    yield from (Found(*match.span(match.lastgroup or 0), "url") for match in _USER.finditer(text))
    at = 0
    while (match := _QUERY.search(text, at)) is not None:
        name, group = unquote(match["name"]), "plain" if match["plain"] else "encoded"
        at = start = match.start(group)  # one address may hold another
        end = start + len(match[group].rstrip(".,;:)]}"))
        if _is_secret_parameter(name, end - start):
            yield Found(start, end, "url")


def _is_secret_parameter(name: str, length: int) -> bool:
    own = name.lower().removeprefix("x-amz-").removeprefix("x-goog-")
    is_code = own == "code" and length >= 20  # of Azure's functions
    return is_secret_name(name) or own in _QUERY_NAMES or is_code


def _in_headers(text: str) -> Iterator[Found]:
    """What follows `Bearer` and `Basic`, where it can be no word of a sentence."""
    for match in _SCHEME.finditer(text):
        value = match["value"].rstrip(".:!?")
        if _looks_secret(value, _STRONG) or (match["scheme"].lower() == "basic" and _is_basic(value)):
            yield Found(match.start("value"), match.start("value") + len(value), "header")


def _is_basic(value: str) -> bool:
    """Whether it is `user:password` in base64, whole or cut."""
    whole = value.rstrip("=")[: len(value.rstrip("=")) // 4 * 4]
    try:
        return b":" in base64.b64decode(whole, validate=True) and len(whole) >= _FEWEST
    except (binascii.Error, ValueError):
        return False


def _in_pairs(text: str) -> Iterator[Found]:
    """Values of secret names: `api_key=...`, `"token": "..."`, `Authorization: Bearer ...`, `--password ...`."""
    for match in _PAIR.finditer(text):
        name = _name_at(text, match)
        if not (strength := _strength(name)):
            continue
        quote = match["quote"] or match["quoted"]
        if match["loose"] is not None and not (quote or name.startswith("--") or match["loose"].endswith("is ")):
            continue
        start, end = match.end(), _end_of_value(text, match.end(), quote)
        if _is_authorization(name) and match["loose"] is None:
            yield from _in_authorization(text, start, end if quote else None)
        elif (quote and match["loose"] is None and strength == _STRONG) or _looks_secret(text[start:end], strength):
            yield Found(start, end, "pair")


def _name_at(text: str, match: re.Match[str]) -> str:
    """The whole name around the word that was found; with the word before it in "API key"."""
    start = match.start()
    if before := _NAME_BEFORE.search(text[max(0, start - 60) : start]):
        start -= len(before[0])
    end = re.compile(r"[\w.-]*").match(text, match.start()).end()  # type: ignore[union-attr]
    owner = _OWNER_BEFORE.search(text[max(0, start - 24) : start])
    prefix = f"{owner[1]} " if owner and owner[1].lower() in _OWNERS | _HARMLESS_KEYS | _HARMLESS_TOKENS else ""
    return prefix + text[start : min(end, match.end())].rstrip(".")


def _end_of_value(text: str, start: int, quote: str | None) -> int:
    """Where a value ends: at its quote, which more backslashes would make a part of it, or with its word."""
    if not quote:
        match = _BARE.match(text, start)
        return start + len(match[0].rstrip(".:!?")) if match else start
    closing = quote.translate(str.maketrans("“„‘", "””’"))
    backslashes = len(closing) - len(closing.lstrip("\\"))
    pattern = rf"(?<!\\){re.escape(closing)}" if backslashes or closing in "\"'`" else re.escape(closing)
    match = re.compile(pattern).search(text, start)
    end_of_line = text.find("\n", start) if match is None else -1
    return match.start() if match else end_of_line if end_of_line >= 0 else len(text)


def _is_authorization(name: str) -> bool:
    return name.lower().endswith(("authorization", "authorisation"))


def _in_authorization(text: str, start: int, end: int | None) -> Iterator[Found]:
    """The value of that header, but for its scheme."""
    match = _AUTHORIZATION.match(text, start, end if end is not None else len(text))
    if match is None:
        return
    value, scheme = match["value"].rstrip(), match["scheme"]
    if scheme and scheme.lower() in ("bearer", "basic", "token", "apikey", "api-key", "key", "digest", "negotiate"):
        begin = match.start("value")
        yield Found(begin, end if end is not None else begin + len(value.split()[0]), "pair")
    elif end is not None or _looks_secret(text[start:].split()[0].rstrip(".,;"), _STRONG):
        yield Found(start, end if end is not None else match.end(), "pair")


def _looks_secret(value: str, strength: int) -> bool:
    """Whether a value can be no word, number, date, address or piece of code."""
    if _is_call(value) or (_CODE.fullmatch(value) and not _is_jumbled(value)):
        return strength == _STRONG and len(value) >= 6 and value.isdigit()
    digits, letters = sum(map(str.isdigit, value)), sum(map(str.isalpha, value))
    if strength == _STRONG:
        return len(value) >= 6 and (digits > 0 or len(value) >= 20 or _is_jumbled(value))
    return (
        len(value) >= 12 and digits > 1 and letters > 1 and not re.search(r"\.[a-z]\w{0,4}\Z", value)
    ) or _is_jumbled(value)


def _is_call(value: str) -> bool:
    return bool(re.match(r"[A-Za-z_][\w.]*[\[(]", value))


def _is_jumbled(value: str) -> bool:
    """Whether it is one long word of letters in mixed case that names cannot be made of."""
    mixed = len(value) >= _FEWEST_SURE and value.isalpha() and value not in (value.lower(), value.upper())
    return mixed and max(map(len, re.findall("[a-z]+", value)), default=0) <= 4


def _in_shapes(text: str) -> Iterator[Found]:
    """Keys that their own form gives away."""
    for match in _SHAPES.finditer(text):
        yield Found(*match.span("pem" if match["pem"] is not None else 0), "shape")


_FINDERS: dict[Callable[[str], Iterator[Found]], tuple[str, ...]] = {
    _in_urls: ("@", "%40", "=", "%3d"),
    _in_headers: ("bearer", "basic"),
    _in_pairs: ("key", "token", "passw", "passphrase", "secret", "authori", "credential", "cookie", "jwt", "bearer"),
    _in_shapes: (
        "sk-",
        "sk_",
        "hf_",
        "gsk_",
        "ghp_",
        "gho_",
        "ghu_",
        "ghs_",
        "ghr_",
        "github_pat_",
        "r8_",
        "fw_",
        "rk_live_",
        "xai-",
        "pplx-",
        "csk-",
        "glpat-",
        "nvapi-",
        "xox",
        "aiza",
        "akia",
        "asia",
        "ya29.",
        "eyj",
        "private key",
    ),
}
"""What looks for secrets in a text, if one of these words or signs stands in it."""


# --- nested values ----------------------------------------------------------------------------------------------------


def masked(value: Any) -> Any:
    """A nested value without secrets: what their names say is masked whole, the secrets in other texts are too.

    Mappings, dataclasses and pydantic models become dicts. What holds nothing secret is given back as it is.
    """
    return _masked(value, 0, _known())


def _masked(value: Any, strength: int, known: list[_Known], is_schema: bool = False) -> Any:
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        return MASK if strength == _STRONG else value
    if isinstance(value, str):
        return (
            MASK if strength and value else _mask(_without_users(value) if _ADDRESS.fullmatch(value) else value, known)
        )
    if hasattr(value, "get_secret_value"):
        return MASK
    if (fields := _fields(value)) is not None:
        return _masked_fields(fields, strength, known, is_schema)
    if isinstance(value, (list, tuple, set, frozenset)):
        return _masked_items(value, strength, known)
    return _masked_object(value, strength, known)


def _fields(value: Any) -> Mapping[Any, Any] | None:
    """What the value holds by name; None for one without names."""
    if isinstance(value, Mapping):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    names = getattr(type(value), "model_fields", None)
    return {name: vars(value).get(name) for name in names} if isinstance(names, Mapping) else None


def _masked_fields(fields: Mapping[Any, Any], strength: int, known: list[_Known], is_schema: bool) -> dict[Any, Any]:
    masks = {}
    named = (
        _strength(fields["name"]) if isinstance(fields.get("name"), str) else 0
    )  # {"name": "x-api-key", "value": ...}
    for name, each in fields.items():
        own = _strength_in(name, each, is_schema) or (named if name == "value" else 0)
        shown = _mask(name, known) if isinstance(name, str) else name
        masks[shown] = _masked(each, strength or own, known, is_schema=name == "properties")
    return masks


def _strength_in(name: Any, value: Any, is_schema: bool) -> int:
    """That of the name; a schema may describe a password, and an ambiguous name counts if its value looks secret."""
    if not isinstance(name, str) or (is_schema and isinstance(value, Mapping)):
        return 0
    words = [word.lower() for word in _WORDS.findall(name)]
    if words[-1:] == ["key"] and isinstance(value, str) and len(value) >= 20 and _looks_secret(value, _WEAK):
        return _WEAK
    return _strength(name)


def _masked_items(items: Any, strength: int, known: list[_Known]) -> Any:
    values = [_masked(each, strength, known) for each in items]
    if len(values) == 2 and isinstance(items, (list, tuple)) and not strength:  # a header as a pair
        name, value = items
        if isinstance(name, str) and isinstance(value, str) and is_secret_name(name):
            values[1] = MASK if _looks_secret(value, _strength(name)) else values[1]
    if hasattr(items, "_fields"):
        values = list(_masked_fields(items._asdict(), strength, known, False).values())
        return type(items)(*values)
    kind = next(kind for kind in (list, tuple, set, frozenset) if isinstance(items, kind))
    return kind(values)


def _masked_object(value: Any, strength: int, known: list[_Known]) -> Any:
    """Bytes, a path, an exception: as they are, if what they say is harmless."""
    said = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    shown = MASK if strength and said else _mask(said, known)
    if shown == said:
        return value
    return shown.encode("latin-1") if isinstance(value, bytes) else shown


# --- keys -------------------------------------------------------------------------------------------------------------


def clean_key(key: str, name: str) -> str:
    """The key without the line end or the quotes that were copied with it.

    Args:
        key: as it was given.
        name: where it comes from, such as `OPENAI_API_KEY`.

    Raises:
        ConfigError: if no HTTP header can hold it.
    """
    cleaned = _core(key)
    for at, character in enumerate(cleaned, 1):
        if not " " <= character <= "~":
            what = unicodedata.name(character, f"U+{ord(character):04X}")
            raise ConfigError(
                f"{name}: character {at} of {len(cleaned)} is {what}, which no key holds. Copy the key again, and"
                " nothing else with it."
            )
    return cleaned


# --- what others say --------------------------------------------------------------------------------------------------

_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_SURROGATES = re.compile("[\ud800-\udfff]")


def strip_controls(text: str) -> str:
    """A text that leaves a terminal and a log as they are: without escape sequences and control characters.

    Line ends and tabs stay; half of a character pair, which no file can hold, becomes U+FFFD.
    """
    if text.replace("\n", "").replace("\t", "").isprintable():
        return text
    text = _ESCAPES.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return _SURROGATES.sub("\ufffd", _CONTROLS.sub("", text))


def shown(text: object) -> str:
    """What may be shown of a text, whoever has written it: no secrets, no control characters."""
    return mask_text(strip_controls(str(text)))


class SecretFilter(logging.Filter):
    """Lets every log record pass, with message and traceback as they may be shown."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Masks the record; always true."""
        try:
            said = record.getMessage()
        except Exception:  # arguments that do not fit: logging would print them as they are
            said = f"{record.msg} {record.args!r}"
        record.msg, record.args = shown(said), None
        if record.exc_info and record.exc_info[1] is not None:
            record.exc_text = record.exc_text or "".join(traceback.format_exception(*record.exc_info)).rstrip()
        record.exc_info = None
        record.exc_text = shown(record.exc_text) if record.exc_text else None
        record.stack_info = shown(record.stack_info) if record.stack_info else None
        return True
