"""A stand-in for `vllm run-batch`: the same files, line by line, as vLLM 0.12 writes them; no model.

An answer is `MODEL on PROMPT`, or that of `--answer MODULE:FUNCTION`. What else can be asked of it are mishaps.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any

parser = argparse.ArgumentParser()
parser.add_argument("-i", "--input-file", required=True)
parser.add_argument("-o", "--output-file", required=True)
parser.add_argument("--model", required=True)
parser.add_argument("--answer", help="function of a request's body")
parser.add_argument("--refuse", default="\0", help="prompts with this text are too long")
parser.add_argument("--die-once", type=Path, help="ends after the first line, and leaves this file")
parser.add_argument("--wait", type=Path, help="begins when this file is there")
parser.add_argument("--count", type=Path, help="gets a line each time this is started")


def main() -> None:
    given = parser.parse_args()
    if given.count:
        given.count.write_text((given.count.read_text() if given.count.exists() else "") + "started\n")
    while given.wait and not given.wait.exists():
        time.sleep(0.01)
    with open(given.input_file, encoding="utf-8") as requests, open(given.output_file, "w", encoding="utf-8") as out:
        for line in requests:
            print(json.dumps(result(given, json.loads(line))), file=out, flush=True)
            if given.die_once and not given.die_once.exists():
                given.die_once.touch()
                sys.exit(1)


def result(given: argparse.Namespace, request: dict[str, Any]) -> dict[str, Any]:
    """A `BatchRequestOutput` of vllm/entrypoints/openai/run_batch.py."""
    assert (request["method"], request["body"]["model"]) == ("POST", given.model)
    data: dict[str, Any] = {"status_code": 200, "request_id": "vllm-batch-1", "body": None}
    known = {"id": "vllm-1", "custom_id": request["custom_id"], "response": data, "error": None}
    if request["url"] != "/v1/chat/completions":
        data["status_code"] = 400
        return known | {"error": f"URL {request['url']} was used. Supported endpoints: /v1/chat/completions"}
    prompt = request["body"]["messages"][-1]["content"]
    if given.refuse in prompt:
        data["status_code"] = 400
        said = "This model's maximum context length is 40960 tokens."
        return known | {"error": {"error": {"message": said, "type": "BadRequestError", "param": None, "code": 400}}}
    text = f"{given.model} on {prompt}"
    if given.answer:
        module, _, name = given.answer.partition(":")
        text = getattr(importlib.import_module(module), name)({**request["body"], "choice": 0})
    message = {"role": "assistant", "content": text, "refusal": None, "reasoning_content": None, "tool_calls": []}
    data["body"] = {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": given.model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "stop_reason": None, "logprobs": None}],
        "usage": {"prompt_tokens": len(prompt.split()), "completion_tokens": len(text.split()), "total_tokens": 0},
    }  # fmt: skip
    return known


if __name__ == "__main__":
    main()
