"""What vLLM's server says to `echo` with `logprobs`, of a model that transformers runs in this process.

with OpenAIServer(fault_rule=echoing(model, tokenizer)) as server:
    ...
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.support.openai_server import Body, Fault, garbage


def echoing(model: Any, tokenizer: Any, begins: bool = False) -> Callable[[Body], Fault]:
    """What is answered to a request.

    Args:
        model: of transformers.
        tokenizer: its own.
        begins: whether the mark of a beginning is put before each text.
    """
    import torch

    def reply(body: Body) -> Fault:
        assert (body["echo"], body["max_tokens"], body["logprobs"]) == (True, 1, 1)
        sent = [tokenizer.bos_token_id] * begins + tokenizer.encode(body["prompt"])
        with torch.no_grad():
            logprobs = model(torch.tensor([sent])).logits[0].log_softmax(-1)
        likeliest = logprobs.max(-1)
        ids = [*sent, likeliest.indices[-1].item()]
        tokens = [_spelt(tokenizer, ids, at) for at in range(len(ids))]
        of_tokens = [logprobs[at - 1, ids[at]].item() if at else None for at in range(len(ids))]
        tops = [
            {tokens[at]: of_tokens[at], tokenizer.decode([likeliest.indices[at - 1]]): likeliest.values[at - 1].item()}
            if at
            else None
            for at in range(len(ids))
        ]
        said = {"tokens": tokens, "token_logprobs": of_tokens, "top_logprobs": tops}
        choice = {"index": 0, "text": body["prompt"] + tokens[-1], "finish_reason": "length", "logprobs": said}
        return garbage({"choices": [choice], "usage": {"prompt_tokens": len(sent), "completion_tokens": 1}})

    return reply


def _spelt(tokenizer: Any, ids: list[int], at: int) -> str:
    """A token as vLLM spells it: one that ends within a character is empty, and the last of them is all of it."""
    before, after = tokenizer.decode(ids[:at]), tokenizer.decode(ids[: at + 1])
    return "" if after.endswith("\ufffd") else after[len(before.rstrip("\ufffd")) :]
