"""The lines with which the package says what is wrong, read from its source; what a message fills in is `…`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "distilabel_selfinstruct"
GAP = "…"
_SHORTEST = 20  # characters of a sentence to a user, other texts of an error left out


@dataclass(frozen=True)
class Message:
    """A text of the source.

    Attributes:
        module: where it stands, below the package.
        text: with `…` for what is filled in.
        is_raised: whether an error of a user is made of it.
    """

    module: str
    text: str
    is_raised: bool


def messages() -> Iterator[Message]:
    """Every text of the package, those of errors marked."""
    for path in sorted(PACKAGE.rglob("*.py")):
        module = path.relative_to(PACKAGE).with_suffix("").as_posix().replace("/", ".")
        tree = ast.parse(path.read_text(encoding="utf-8"))
        raised = {id(part) for node in ast.walk(tree) if _is_error(node) for part in ast.walk(node)}
        for node in ast.walk(tree):
            if text := _text_of(node):
                yield Message(module, text, id(node) in raised)


def of_errors() -> dict[str, list[str]]:
    """The messages of errors, by the part of the package."""
    found: dict[str, list[str]] = {}
    for message in messages():
        text = message.text.strip()
        if message.is_raised and len(text.replace(GAP, "")) >= _SHORTEST and " " in text:
            texts = found.setdefault(message.module.split(".")[0], [])
            if not any(text in other for other in texts):
                texts.append(text)
    return found


def _is_error(node: ast.AST) -> bool:
    """Whether it makes one of the package's own errors."""
    if not isinstance(node, ast.Call):
        return False
    name = ast.unparse(node.func).removesuffix(".of")
    return name.endswith("Error") and name not in ("ValueError", "TypeError", "KeyError", "AttributeError")


def _text_of(node: ast.AST) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = (part.value if isinstance(part, ast.Constant) else GAP for part in node.values)
        return "".join(map(str, parts))
    return ""
