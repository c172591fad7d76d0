"""JSON schemas of the answers to the questions in `structured` wording."""

from __future__ import annotations

from typing import Any

_TEXT = {"type": "string"}


def _object(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


_INSTANCES = _object(instances={"type": "array", "items": _object(input=_TEXT, output=_TEXT)})
_LABELLED = _object(instances={"type": "array", "items": _object(output=_TEXT, input=_TEXT)})  # the label first
_SCHEMAS = {
    "bootstrap": _object(instructions={"type": "array", "items": _TEXT}),
    "classification": _object(is_classification={"type": "boolean"}),
    "output_first": _LABELLED,
    "input_first": _INSTANCES,
    "judgement": _object(justification=_TEXT, score={"type": "integer", "minimum": 0, "maximum": 5}),
}


def answer_schema(question: str) -> dict[str, Any]:
    """The schema that the answer to a question must follow."""
    return _SCHEMAS[question]
