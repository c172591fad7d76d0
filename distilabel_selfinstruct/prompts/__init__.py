"""The questions put to the model: one jinja2 template a question and wording.

The wordings: `base` for a model that continues a text, `chat` for one that answers a message, `structured` for one
that answers a message under a JSON schema. A run records `VERSION`; any change of a template raises it.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any, Literal, get_args

import jinja2

from distilabel_selfinstruct.prompts.schemas import answer_schema

VERSION = 1
Question = Literal[
    "bootstrap", "classification", "output_first", "input_first", "alpaca", "topics", "document_answer",
    "evolution_gain", "judgement",
]  # fmt: skip
Wording = Literal["base", "chat", "structured"]
Kind = Literal["general", "reasoning", "coding", "writing", "trivia", "roleplay", "multiple_choice"]
"""Of instructions about a topic: each has a template of its own in `kinds`, in chat wording."""
KINDS: tuple[Kind, ...] = get_args(Kind)
WORDINGS: tuple[Wording, ...] = ("base", "chat", "structured")

_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.PackageLoader("distilabel_selfinstruct", "prompts"),
    undefined=jinja2.StrictUndefined,
    keep_trailing_newline=False,
    autoescape=False,
)


@cache
def _template(name: str) -> jinja2.Template:
    return _ENVIRONMENT.get_template(f"{name}.jinja2")


def render(question: Question, wording: Wording, **values: Any) -> Any:
    """The prompt as distilabel's LLMs take it.

    A string for `base`; otherwise a chat of one user message (not every chat template has a system role), for
    `structured` in a pair with the schema of the answer. The shots stand before what changes from row to row, so that
    a server's prefix cache serves a whole stage.
    """
    text = _template(f"{question}.{wording}").render(**values)
    if wording == "base":
        return text + "\n" if question in ("output_first", "input_first") else text
    chat = [{"role": "user", "content": text}]
    return (chat, {"format": "json", "schema": answer_schema(question)}) if wording == "structured" else chat


def render_kind(kind: Kind, **values: Any) -> Any:
    """The prompt for instructions of a kind, as a chat of one user message."""
    return [{"role": "user", "content": _template(f"kinds/{kind}.chat").render(**values)}]


def template_text(question: Question, wording: Wording = "chat") -> str:
    """The template itself, for a Task of distilabel that fills it."""
    name = f"{question}.{wording}.jinja2"
    return (resources.files(__package__) / name).read_text(encoding="utf-8").rstrip("\n")
