"""The questions put to the model: one jinja2 template a question and wording, in the folder `prompts` of a package.

The wordings: `base` for a model that continues a text, `chat` for one that answers a message, `structured` for one
that answers a message under a JSON schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

import jinja2

from distilabel_selfinstruct.presets import Wording

TEXT = {"type": "string"}


def array_schema(items: dict[str, Any], most: int) -> dict[str, Any]:
    """The JSON schema of an array with one to so many items: without an end small models go on to their limit."""
    return {"type": "array", "items": items, "minItems": 1, "maxItems": most}


def object_schema(**properties: Any) -> dict[str, Any]:
    """The JSON schema of an object with exactly these properties, in their order."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


@dataclass(frozen=True)
class Prompts:
    """The templates of a package, and the schemas of the answers to its questions in `structured` wording.

    Attributes:
        package: dotted name of the package whose folder `prompts` holds the templates, `QUESTION.WORDING.jinja2`.
        schemas: the JSON schema of the answer to a question.
    """

    package: str
    schemas: Mapping[str, dict[str, Any]] = field(default_factory=dict)

    def render(self, question: str, wording: Wording, **values: Any) -> Any:
        """The prompt as distilabel's LLMs take it.

        A string for `base`; otherwise a chat of one user message (not every chat template has a system role), for
        `structured` in a pair with the schema of the answer. The shots stand before what changes from row to row, so
        that a server's prefix cache serves a whole stage.
        """
        text = self.text(question, wording, **values)
        if wording == "base":
            return text
        chat = [{"role": "user", "content": text}]
        return (chat, {"format": "json", "schema": self.schemas[question]}) if wording == "structured" else chat

    def text(self, question: str, wording: Wording, **values: Any) -> str:
        """The prompt as a text; without shots it is the frame that no instruction may be copied from."""
        return _environment(self.package).get_template(f"{question}.{wording}.jinja2").render(**values)

    def template(self, question: str, wording: Wording = "chat") -> str:
        """The template itself, for a Task of distilabel that fills it."""
        path = resources.files(self.package) / "prompts" / f"{question}.{wording}.jinja2"
        return path.read_text(encoding="utf-8").rstrip("\n")


@cache
def _environment(package: str) -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader(package, "prompts"),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=False,
        autoescape=False,
    )
