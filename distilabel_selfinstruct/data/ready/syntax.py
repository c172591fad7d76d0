"""Texts that must parse: as JSON, or as code in a language."""

from __future__ import annotations

import ast
import json as json_module
import re
import warnings
from collections.abc import Callable
from typing import Any, cast, get_args

from distilabel_selfinstruct.data.ready import Verdict
from distilabel_selfinstruct.errors import ConfigError, MissingExtraError, did_you_mean

EXTRA = "filters"
_BLOCK = re.compile(
    r"^[ \t]*(?P<fence>`{3,}|~{3,})[ \t]*(?P<language>[\w+#.-]*)[^\n]*\n(?P<code>.*?)(?:^[ \t]*(?P=fence)|\Z)",
    re.MULTILINE | re.DOTALL,
)
_ALSO_CALLED = {
    "py": "python",
    "python3": "python",
    "js": "javascript",
    "ts": "typescript",
    "c++": "cpp",
    "c#": "csharp",
    "rs": "rust",
    "sh": "bash",
    "shell": "bash",
    "yml": "yaml",
    "golang": "go",
}


def code_in(text: str, language: str) -> list[str]:
    """The code of a text: between fences, where these name the language or none; the whole where there are none."""
    blocks = [(_named(found["language"]), found["code"]) for found in _BLOCK.finditer(text)]
    if not blocks:
        return [text]
    return [code for named, code in blocks if named in ("", language)]


def json(argument: str) -> Callable[[str, dict[str, Any]], Verdict]:
    """Texts that are JSON, or have JSON alone between fences."""

    def judge(text: str, row: dict[str, Any]) -> Verdict:
        return _fault(code_in(text, "json"), _parse_json)

    return judge


def code(argument: str) -> Callable[[str, dict[str, Any]], Verdict]:
    """Texts whose code parses.

    Raises:
        ConfigError: if nobody knows the language.
        MissingExtraError: if the extra is not installed.
    """
    language = _named(argument)
    if not language:
        raise ConfigError("--filter code: expected code:LANGUAGE, such as code:python.")
    parse = _parse_python if language == "python" else _parse_json if language == "json" else _tree_sitter(language)

    def judge(text: str, row: dict[str, Any]) -> Verdict:
        return _fault(code_in(text, language), parse)

    return judge


def _named(language: str) -> str:
    return _ALSO_CALLED.get(language.lower(), language.lower())


def _fault(blocks: list[str], parse: Callable[[str], Any]) -> Verdict:
    if not any(block.strip() for block in blocks):
        return False, "there is none"
    for block in blocks:
        try:
            parse(block.strip("\n"))
        except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
            return False, str(error) or type(error).__name__
    return True


def _parse_json(text: str) -> Any:
    return json_module.loads(text, parse_constant=_no_constant)


def _parse_python(text: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of backslashes that mean nothing
        return ast.parse(text, "output")


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _tree_sitter(language: str) -> Callable[[str], None]:
    """A parser of tree-sitter's, whose grammars come with the package.

    Raises:
        ConfigError: if there is no grammar of the language.
        MissingExtraError: if it is not installed.
    """
    try:
        from tree_sitter_language_pack import SupportedLanguage, get_parser
    except ImportError:
        raise MissingExtraError.of(f"--filter code:{language}", EXTRA) from None
    known = get_args(SupportedLanguage)
    if language not in known:
        raise ConfigError(f"--filter code:{language}: there is no grammar of it{did_you_mean(language, known)}.")
    parser = get_parser(cast("Any", language))

    def parse(text: str) -> None:
        root = parser.parse(f"{text}\n".encode(errors="replace")).root_node
        if root.has_error:
            raise ValueError(f"line {_first_error(root).start_point[0] + 1}")

    return parse


def _first_error(node: Any) -> Any:
    """The innermost node that is wrong, or is missing."""
    while inner := next((each for each in node.children if each.has_error or each.is_missing), None):
        node = inner
    return node
