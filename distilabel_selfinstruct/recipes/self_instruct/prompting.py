"""The questions of Self-Instruct: new instructions, classification, instances output-first and input-first."""

from __future__ import annotations

from distilabel_selfinstruct.steps.prompting import TEXT, Prompts, object_schema

_INSTANCE = object_schema(input=TEXT, output=TEXT)
_LABELLED = object_schema(output=TEXT, input=TEXT)  # the label first

PROMPTS = Prompts(
    __package__,
    {
        "bootstrap": object_schema(instructions={"type": "array", "items": TEXT}),
        "classification": object_schema(is_classification={"type": "boolean"}),
        "output_first": object_schema(instances={"type": "array", "items": _LABELLED}),
        "input_first": object_schema(instances={"type": "array", "items": _INSTANCE}),
    },
)
