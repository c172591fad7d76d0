"""Answers that come to nothing are ended before their limit: llama.cpp's are streamed for that, vLLM does it itself."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from distilabel_selfinstruct.models.completion import no_completion
from distilabel_selfinstruct.text.endings import OFF_FORM, REPETITION
from distilabel_selfinstruct.text.repetition import place_to_end

DETECTED = {"min_pattern_size": 16, "max_pattern_size": 64, "min_count": 8}
"""What vLLM is told to end: so many tokens, so many times on end. Fewer tokens on end are as many as these, too."""
STREAMED = {"stream": True, "stream_options": {"include_usage": True}, "timings_per_token": True}
"""What a request says besides, so that llama.cpp streams the answer and counts its tokens as it goes."""
NOT_OF_A_QUESTION = frozenset({"end_early", "chat_form"})
"""Parameters that ask for no other answer: what was recorded without them need not be asked again."""
_ROOM = 1000  # characters in which an answer begins its form, with whatever stands before it
_SHOWN = 200  # characters of what cannot be read
_TEXTS = ("content", "reasoning_content", "text")  # of a chat; of a raw text


class StreamedAnswer:
    """The answer to one request of one completion, event by event.

    Args:
        form: a regular expression that is found where an answer begins the form that it was asked for; None is any.

    Attributes:
        is_through: whether its last event has come, or it was ended.
    """

    def __init__(self, form: str | None = None) -> None:
        self.is_through = False
        self._form = form
        self._texts: dict[str, str] = {}
        self._ending: str | None = None
        self._usage: object = None
        self._timings: Mapping[str, Any] = {}
        self._error: object = None

    def take(self, event: bytes) -> bool:
        """Takes the data of an event; says whether it was the last one that is needed.

        Raises:
            RequestFailed: if it is no event of an answer: `invalid_response`.
        """
        try:
            return self._take(event)
        except (AttributeError, RecursionError, TypeError, ValueError):
            raise no_completion(f"an event is none: {event[:_SHOWN].decode('utf-8', 'replace')}") from None

    def _take(self, event: bytes) -> bool:
        if event == b"[DONE]":
            self.is_through = True
            return True
        data = json.loads(event)
        if "error" in data:
            self._error, self.is_through = data, True
            return True
        self._usage = data.get("usage") or self._usage
        self._timings = given if isinstance(given := data.get("timings"), dict) else self._timings
        for choice in data.get("choices") or ():
            self._ending = choice.get("finish_reason") or self._ending
            written = choice.get("delta", choice) or {}
            for name in _TEXTS:
                if isinstance(more := written.get(name), str):
                    self._add(name, more)
        return self.is_through

    def _add(self, name: str, more: str) -> None:
        before = len(self._texts.get(name, ""))
        text = self._texts[name] = self._texts.get(name, "") + more
        ends = [] if (place := place_to_end(text, before)) is None else [(place, REPETITION)]
        if self._is_off_form(name, before, text):
            ends.append((_ROOM, OFF_FORM))
        if ends:
            place, self._ending = min(ends)
            self._texts[name], self.is_through = text[:place], True

    def _is_off_form(self, name: str, before: int, text: str) -> bool:
        if self._form is None or name == "reasoning_content" or not before < _ROOM <= len(text):
            return False
        return not re.search(self._form, text[:_ROOM])

    def reply(self) -> object:
        """The body of the response that it would have been at once, as far as it has come."""
        if self._error is not None:
            return self._error
        message = {"role": "assistant", "content": "", **self._texts}
        written = {"text": self._texts["text"]} if "text" in self._texts else {"message": message}
        return {"choices": [{**written, "finish_reason": self._ending}], "usage": self._usage or self._counted()}

    def _counted(self) -> dict[str, Any]:
        """The tokens of an answer that was ended, as llama.cpp counted them until then."""
        cached, sent, written = (self._timings.get(name) or 0 for name in ("cache_n", "prompt_n", "predicted_n"))
        return {
            "prompt_tokens": cached + sent,
            "completion_tokens": written,
            "prompt_tokens_details": {"cached_tokens": cached},
        }
