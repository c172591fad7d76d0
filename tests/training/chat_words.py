"""A tokenizer whose tokens are characters, for tests without transformers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from jinja2 import Environment

from distilabel_selfinstruct.training.templates import plain_template

END, BEGIN = "\x03", "\x02"


class Characters:
    """What is asked of a tokenizer: an id is the code point of a character."""

    eos_token, bos_token, bos_token_id, pad_token = END, BEGIN, ord(BEGIN), END

    def __init__(self, chat_template: str | None = None, with_begin: bool = False) -> None:
        self.chat_template = plain_template(False) if chat_template is None else chat_template
        self.with_begin = with_begin

    def __call__(self, text: str, add_special_tokens: bool = True) -> Any:
        begin = BEGIN if self.with_begin and add_special_tokens else ""
        return SimpleNamespace(input_ids=[ord(each) for each in begin + text])

    def apply_chat_template(
        self, messages: list[dict[str, str]], add_generation_prompt: bool = False, return_dict: bool = False
    ) -> list[int]:
        names = {"eos_token": END, "bos_token": BEGIN, "add_generation_prompt": add_generation_prompt}
        return [ord(each) for each in Environment().from_string(self.chat_template).render(messages=messages, **names)]


def text_of(ids: list[int]) -> str:
    return "".join(map(chr, ids))
