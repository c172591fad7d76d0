"""Answers that come to nothing are ended before their limit: llama.cpp's are streamed for that, vLLM does it itself."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from distilabel_selfinstruct.text.endings import OFF_FORM, REPETITION
from distilabel_selfinstruct.text.repetition import place_to_end

DETECTED = {"min_pattern_size": 16, "max_pattern_size": 64, "min_count": 8}
"""What vLLM is told to end: so many tokens, so many times on end. Fewer tokens on end are as many as these, too."""
STREAMED = {"stream": True, "stream_options": {"include_usage": True}, "timings_per_token": True}
"""What a request says besides, so that llama.cpp streams the answer and counts its tokens as it goes."""
_ROOM = 600  # characters in which an answer begins its form, with whatever stands before it
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
            ValueError: if it is no event of an answer.
        """
        if event == b"[DONE]":
            self.is_through = True
            return True
        data = json.loads(event)
        if not isinstance(data, dict):
            raise ValueError("no object")
        if "error" in data:
            self._error, self.is_through = data, True
            return True
        self._usage, self._timings = data.get("usage") or self._usage, data.get("timings") or self._timings
        for choice in data.get("choices") or ():
            self._ending = choice.get("finish_reason") or self._ending
            written = choice.get("delta", choice)
            for name in _TEXTS:
                if isinstance(more := written.get(name), str):
                    self._add(name, more)
        return self.is_through

    def _add(self, name: str, more: str) -> None:
        before = len(self._texts.get(name, ""))
        text = self._texts[name] = self._texts.get(name, "") + more
        if name != "reasoning_content" and before < _ROOM <= len(text) and self._is_off_form(text[:_ROOM]):
            self._end(name, _ROOM, OFF_FORM)
        elif (end := place_to_end(text, before)) is not None:
            self._end(name, end, REPETITION)

    def _is_off_form(self, begin: str) -> bool:
        """A thought that stands in the answer itself has no form."""
        return self._form is not None and not begin.lstrip().startswith("<") and not re.search(self._form, begin)

    def _end(self, name: str, place: int, ending: str) -> None:
        self._texts[name] = self._texts[name][:place]
        self._ending, self.is_through = ending, True

    def reply(self) -> object:
        """The body of the response that it would have been at once, as far as it has come."""
        if self._error is not None:
            return self._error
        texts = dict(self._texts)
        message = {"role": "assistant", "content": "", **texts}
        written = {"text": texts["text"]} if "text" in texts else {"message": message}
        return {"choices": [{**written, "finish_reason": self._ending}], "usage": self._usage or self._counted()}

    def _counted(self) -> dict[str, Any]:
        """The tokens of an answer that was ended, as llama.cpp counted them until then."""
        cached, sent, written = (self._timings.get(name) or 0 for name in ("cache_n", "prompt_n", "predicted_n"))
        return {
            "prompt_tokens": cached + sent,
            "completion_tokens": written,
            "prompt_tokens_details": {"cached_tokens": cached},
        }
