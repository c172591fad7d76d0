"""The question about a query and its document."""

from __future__ import annotations

from distilabel_selfinstruct.steps.prompting import Prompts

PROMPTS = Prompts(__package__)
ANSWER_TEMPLATE = PROMPTS.template("document_answer")
ANSWER_COLUMNS = ["title", "document", "instruction"]
