"""Why an answer ended before it was through, by its finish reason, and the reason code of what that spoils."""

from __future__ import annotations

REPETITION = "repetition"
"""The finish reason of an answer that was ended because it went round; vLLM calls it so too."""

OFF_FORM = "off_form"
"""The finish reason of an answer that was ended because it had not begun the form that it was asked for."""

CUTS = {"length": "truncated", REPETITION: "repetition", OFF_FORM: "no_instances"}
"""Finish reasons of answers that were cut: the reason code of what stands last."""
