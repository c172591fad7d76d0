"""The chat template of models that have none: plain words, no new tokens."""

from __future__ import annotations

from typing import Any

# Stanford Alpaca's headings, which base models continue well; what an answer ends with is the model's own end.
_BODY = """\
{% for message in messages %}\
{% if message['role'] == 'system' %}{{ message['content'] + '\\n\\n' }}\
{% elif message['role'] == 'user' %}{{ '### Instruction:\\n' + message['content'] + '\\n\\n' }}\
{% else %}{{ '### Response:\\n' + message['content'] + eos_token }}\
{% if not loop.last %}{{ '\\n\\n' }}{% endif %}{% endif %}{% endfor %}\
{% if add_generation_prompt %}{{ '### Response:\\n' }}{% endif %}"""


def plain_template(with_begin: bool) -> str:
    """The template.

    Args:
        with_begin: whether the model's texts begin with a token of their own, which a template must then write.
    """
    return ("{{ bos_token }}" if with_begin else "") + _BODY


def give_template(tokenizer: Any) -> bool:
    """Gives a tokenizer that has no chat template ours; whether it had none."""
    if tokenizer.chat_template:
        return False
    ids = tokenizer("a").input_ids
    tokenizer.chat_template = plain_template(bool(ids) and ids[0] == tokenizer.bos_token_id is not None)
    return True
