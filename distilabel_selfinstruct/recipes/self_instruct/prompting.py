"""The questions of Self-Instruct: new instructions, classification, instances output-first and input-first."""

from __future__ import annotations

from distilabel_selfinstruct.steps.prompting import TEXT, Prompts, array_schema, object_schema

_MOST_INSTRUCTIONS, _MOST_INSTANCES = 20, 5  # more than any preset asks for, or as many
_INSTANCE = object_schema(input=TEXT, output=TEXT)
_LABELLED = object_schema(output=TEXT, input=TEXT)  # the label first

PROMPTS = Prompts(
    __package__,
    {
        "bootstrap": object_schema(instructions=array_schema(TEXT, _MOST_INSTRUCTIONS)),
        "classification": object_schema(is_classification={"type": "boolean"}),
        "output_first": object_schema(instances=array_schema(_LABELLED, _MOST_INSTANCES)),
        "input_first": object_schema(instances=array_schema(_INSTANCE, _MOST_INSTANCES)),
    },
)
