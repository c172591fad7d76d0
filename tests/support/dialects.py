"""What real servers make of OpenAI's protocol: one row a server and quirk, each with where it is known from.

`DialectServer` serves every row under an address of its own:

    with DialectServer() as server:
        OpenAICompatibleLLM(model="m", base_url=server.url(row))
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Body = Mapping[str, Any]
GITHUB = "https://github.com/"
ANSWER = "The Po is the longest river of Italy."


@dataclass(frozen=True)
class Reply:
    """A response: its status, its body (JSON, or text as it is), its content type."""

    body: Any
    status: int = 200
    kind: str = "application/json"


@dataclass(frozen=True)
class Row:
    """A server and one of its quirks.

    Attributes:
        name: of the server and the quirk.
        source: an issue or a page that shows it.
        reply: what the server answers to a request.
        expected: of the outcome, each with its value: `text`, `finish_reason`, `reasoning`, `tokens` (input, output,
            cached); or `reason`, `kind`, `retryable` of a failure; or `status` of an error; or `sent`, what the last
            request held of parameters.
        options: of the request.
    """

    name: str
    source: str
    reply: Callable[[Body], Reply]
    expected: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)


def completion(message: Any, finish_reason: Any = "stop", usage: Any = None, **choice: Any) -> dict[str, Any]:
    """A response with one choice, whose message is this content, or has these fields."""
    fields = message if isinstance(message, dict) else {"content": message}
    usage = usage if usage is not None else {"prompt_tokens": 12, "completion_tokens": 9, "total_tokens": 21}
    return {
        "id": "x",
        "object": "chat.completion",
        "choices": [{"index": 0, "message": {"role": "assistant", **fields}, "finish_reason": finish_reason, **choice}],
        "usage": usage,
    }


def says(message: Any, finish_reason: Any = "stop", usage: Any = None, **choice: Any) -> Callable[[Body], Reply]:
    return lambda body: Reply(completion(message, finish_reason, usage, **choice))


def body_of(body: Any, status: int = 200) -> Callable[[Body], Reply]:
    return lambda sent: Reply(body, status)


def refuses(is_refused: str | Callable[[Body], bool], body: Any, status: int = 400) -> Callable[[Body], Reply]:
    """Refuses requests that hold a parameter, and answers the others."""

    def reply(sent: Body) -> Reply:
        refused = is_refused in sent if isinstance(is_refused, str) else is_refused(sent)
        return Reply(body, status) if refused else Reply(completion(ANSWER))

    return reply


def error(message: str, code: Any = None, param: Any = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}


def forbidden(name: str, value: Any) -> dict[str, Any]:
    """What pydantic says of a field that a server does not know."""
    return {"type": "extra_forbidden", "loc": ["body", name], "msg": "Extra inputs are not permitted", "input": value}


def text_part(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


INVALID = {"reason": "invalid_response", "kind": "request"}
BROKEN_OFF = {"reason": "server_error", "kind": "service", "retryable": True}
FILTERED = {"reason": "content_filter", "kind": "request"}
SWALLOWED = {"reason": "reasoning_only", "kind": "setup", "retryable": False}

CONTENT = [
    Row(
        "magistral-parts",
        GITHUB + "vercel/ai/issues/8012",
        says([{"type": "thinking", "thinking": [text_part("Italy, rivers.")]}, text_part(ANSWER)]),
        {"text": ANSWER, "reasoning": "Italy, rivers."},
    ),
    Row(
        "parts-joined",
        GITHUB + "UKGovernmentBEIS/inspect_ai/issues/2000",
        says([text_part("The Po is"), text_part(" the longest river of Italy.")]),
        {"text": ANSWER},
    ),
    Row("parts-of-strings", "invented", says(["The Po is ", "the longest river of Italy."]), {"text": ANSWER}),
    Row(
        "databricks-reasoning-part",
        "https://docs.databricks.com/aws/en/machine-learning/model-serving/query-reason-models",
        says([{"type": "reasoning", "summary": [{"type": "summary_text", "text": "Rivers."}]}, text_part(ANSWER)]),
        {"text": ANSWER, "reasoning": "Rivers."},
    ),
    Row(
        "refusal-part",
        "https://platform.openai.com/docs/api-reference/chat/object",
        says([{"type": "refusal", "refusal": "I cannot help with that."}]),
        FILTERED,
    ),
    Row(
        "bedrock-reasoning-content",
        "https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-call.html",
        says([{"reasoningContent": {"reasoningText": {"text": "Rivers."}}}, {"text": ANSWER}]),
        {"text": ANSWER, "reasoning": "Rivers."},
    ),
    Row("part-of-nothing", "invented", says([{"type": "text", "text": None}, text_part(ANSWER)]), {"text": ANSWER}),
    Row(
        "ollama-native",
        GITHUB + "ollama/ollama/blob/main/docs/api.md",
        body_of({"message": {"role": "assistant", "content": ANSWER}, "done": True, "done_reason": "stop"}),
        INVALID,
    ),
    Row("wrapped", "invented", body_of({"code": 200, "msg": "success", "data": completion(ANSWER)}), INVALID),
    Row("picture-part", "invented", says([{"type": "image_url", "image_url": {"url": "https://x/y.png"}}]), INVALID),
    Row("content-object", "invented", says({"content": {"answer": "Po"}}), INVALID),
    Row("content-number", "invented", says({"content": 7}), INVALID),
    Row("content-false", "invented", says({"content": False}), INVALID),
    Row("only-thinking-parts", "invented", says([{"type": "thinking", "thinking": "Rivers."}]), SWALLOWED),
    Row(
        "only-thinking-parts-cut",
        "invented",
        says([{"type": "thinking", "thinking": "Rivers"}], "length"),
        {"text": "", "finish_reason": "length", "reasoning": "Rivers"},
    ),
    Row("no-parts", "invented", says([]), INVALID),
]

MISSING = [
    Row(
        "gemini-cut",
        GITHUB + "google/generative-ai-docs/issues/235",
        says({}, "length"),
        {"text": "", "finish_reason": "length"},
    ),
    Row(
        "null-cut",
        "https://platform.openai.com/docs/guides/reasoning",
        says({"content": None}, "length"),
        {"text": "", "finish_reason": "length"},
    ),
    Row("gemini-nothing", GITHUB + "BerriAI/litellm/issues/40477", says({}, "stop"), INVALID),
    Row(
        "null-refusal",
        "https://platform.openai.com/docs/guides/structured-outputs",
        says({"content": None, "refusal": "I cannot."}),
        FILTERED,
    ),
    Row(
        "gemini-prohibited",
        GITHUB + "BerriAI/litellm/issues/40477",
        says({}, "content_filter: PROHIBITED_CONTENT"),
        FILTERED,
    ),
    Row(
        "tool-call",
        "https://platform.openai.com/docs/guides/function-calling",
        says({"content": None, "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}, "tool_calls"),
        INVALID,
    ),
    Row(
        "qwen3-reasoning-content",
        GITHUB + "vllm-project/vllm/issues/17349",
        says({"content": None, "reasoning_content": ANSWER}),
        SWALLOWED,
    ),
    Row(
        "ollama-reasoning", GITHUB + "ollama/ollama/issues/15288", says({"content": "", "reasoning": ANSWER}), SWALLOWED
    ),
    Row(
        "blank-and-reasoning",
        "invented",
        says({"content": "\n\n", "reasoning": ANSWER}),
        SWALLOWED,
    ),
    Row(
        "reasoning-cut",
        GITHUB + "vllm-project/vllm/issues/17357",
        says({"content": None, "reasoning_content": "Hm"}, "length"),
        {"text": "", "finish_reason": "length", "reasoning": "Hm"},
    ),
    Row(
        "gemini-blocked-prompt",
        "https://ai.google.dev/api/generate-content#PromptFeedback",
        body_of({"choices": None, "promptFeedback": {"blockReason": "SAFETY"}}),
        FILTERED,
    ),
    Row(
        "azure-filtered-prompt",
        "https://learn.microsoft.com/en-us/azure/ai-foundry/openai/concepts/content-filter",
        body_of({"choices": [], "prompt_filter_results": [{"content_filter_results": {"hate": {"filtered": True}}}]}),
        FILTERED,
    ),
    Row("empty-text", "invented", says(""), {"text": ""}),
]

ENDINGS = [
    Row(
        "openrouter-error",
        "https://openrouter.ai/docs/api/reference/errors-and-debugging",
        says("The Po is", "error", error={"code": 502, "message": "Upstream error"}),
        {"status": 502},
    ),
    Row(
        "deepseek-resources",
        "https://api-docs.deepseek.com/api/create-chat-completion",
        says("The Po is", "insufficient_system_resource"),
        BROKEN_OFF,
    ),
    Row("abort", GITHUB + "gethouston/houston/issues/1211", says("The Po is", "abort"), BROKEN_OFF),
    Row("cancelled", "invented", says("The Po is", "cancelled"), BROKEN_OFF),
    Row(
        "zhipu-network-error",
        "https://docs.z.ai/api-reference/llm/chat-completion",
        says("The Po", "network_error"),
        BROKEN_OFF,
    ),
    Row(
        "gemini-malformed",
        "https://ai.google.dev/api/generate-content",
        says("", "MALFORMED_FUNCTION_CALL"),
        BROKEN_OFF,
    ),
    Row(
        "mistral-model-length",
        "https://docs.mistral.ai/api/",
        says("The Po", "model_length"),
        {"finish_reason": "length"},
    ),
    Row(
        "gemini-max-tokens",
        "https://ai.google.dev/api/generate-content",
        says("The Po", "MAX_TOKENS"),
        {"finish_reason": "length"},
    ),
    Row(
        "anthropic-window",
        "https://docs.anthropic.com/en/api/handling-stop-reasons",
        says("The Po", "model_context_window_exceeded"),
        {"finish_reason": "length"},
    ),
    Row(
        "tgi-eos",
        "https://huggingface.co/docs/text-generation-inference/messages_api",
        says(ANSWER, "eos_token"),
        {"text": ANSWER, "finish_reason": "stop"},
    ),
    Row("enum-name", "invented", says(ANSWER, "FinishReason.STOP"), {"finish_reason": "stop"}),
    Row("enum-in-words", "invented", says("The Po", "FINISH_REASON_MAX_TOKENS"), {"finish_reason": "length"}),
    Row("camel-case", "invented", says("The Po", "ReachedMaxTokens"), {"finish_reason": "length"}),
    Row(
        "vllm-repetition",
        GITHUB + "vllm-project/vllm/blob/main/vllm/v1/engine/__init__.py",
        says("The Po", "repetition"),
        {"finish_reason": "repetition"},
    ),
    Row("model-armor", "https://ai.google.dev/api/generate-content", says("The", "MODEL_ARMOR"), FILTERED),
    Row("out-of-memory", "invented", says("The Po", "out_of_memory"), BROKEN_OFF),
    Row("rejected", "invented", says("The Po", "rejected"), BROKEN_OFF),
    Row("an-object", "invented", says(ANSWER, {"type": "length"}), {"finish_reason": "length"}),
    Row("unheard-of", "invented", says(ANSWER, "plonk"), {"text": ANSWER, "finish_reason": None}),
    Row("zhipu-sensitive", "https://docs.z.ai/api-reference/llm/chat-completion", says("The", "sensitive"), FILTERED),
    Row("gemini-safety", "https://ai.google.dev/api/generate-content", says({}, "SAFETY"), FILTERED),
    Row("gemini-recitation", "https://ai.google.dev/api/generate-content", says("The", "RECITATION"), FILTERED),
]

ERRORS = [
    Row(
        "openrouter-credits",
        "https://openrouter.ai/docs/api/reference/errors-and-debugging",
        body_of({"error": {"message": "Insufficient credits", "code": 402}}),
        {"status": 402},
    ),
    Row(
        "openrouter-provider",
        GITHUB + "UKGovernmentBEIS/inspect_ai/issues/1536",
        body_of({"error": {"message": "Provider returned error", "code": 502, "metadata": {}}}),
        {"status": 502},
    ),
    Row(
        "gateway-429",
        GITHUB + "mnfst/llm-gateway/issues/1878",
        body_of({"error": {"message": "Too many requests", "code": "429"}}),
        {"status": 429},
    ),
    Row(
        "minimax-login",
        "https://platform.minimax.io/docs/api-reference/errorcode",
        body_of({"base_resp": {"status_code": 1004, "status_msg": "login fail"}, "choices": None}),
        {"status": 401},
    ),
    Row(
        "minimax-key",
        GITHUB + "MiniMax-AI/MiniMax-01/issues/37",
        body_of({"base_resp": {"status_code": 2049, "status_msg": "invalid api key"}}),
        {"status": 401},
    ),
    Row(
        "minimax-http-code",
        GITHUB + "RightNow-AI/openfang/issues/981",
        body_of({"type": "error", "error": {"type": "authorized_error", "message": "login fail", "http_code": "401"}}),
        {"status": 401},
    ),
    Row(
        "anthropic-overloaded",
        "https://docs.anthropic.com/en/api/errors",
        body_of({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
        {"status": 503},
    ),
    Row(
        "dashscope-key",
        "https://help.aliyun.com/zh/model-studio/error-code",
        body_of({"code": "InvalidApiKey", "message": "Invalid API-key provided.", "request_id": "x"}),
        {"status": 401},
    ),
    Row(
        "dashscope-throttling",
        "https://help.aliyun.com/zh/model-studio/error-code",
        body_of({"code": "Throttling.RateQuota", "message": "Requests rate limit exceeded"}),
        {"status": 429},
    ),
    Row(
        "ollama-native",
        GITHUB + "ollama/ollama/blob/main/docs/api.md",
        body_of({"error": "model 'm' not found, try pulling it first"}),
        {"status": 404},
    ),
    Row(
        "xai",
        GITHUB + "open-webui/open-webui/issues/21266",
        body_of({"code": "Some resource has been exhausted", "error": "Too many requests for team x"}),
        {"status": 429},
    ),
    Row(
        "gemini-list",
        "https://ai.google.dev/gemini-api/docs/troubleshooting",
        body_of([{"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}]),
        {"status": 503},
    ),
    Row(
        "mistral-forbidden-field",
        GITHUB + "partITech/php-mistral/issues/76",
        body_of({"object": "error", "message": {"detail": [forbidden("user", "x")]}, "code": None}),
        {"status": 400},
    ),
    Row(
        "cloudflare",
        "https://developers.cloudflare.com/workers-ai/platform/errors/",
        body_of({"success": False, "result": None, "errors": [{"code": 5007, "message": "No such model"}]}),
        {"status": 404},
    ),
    Row(
        "fastapi",
        "https://fastapi.tiangolo.com/tutorial/handling-errors/",
        body_of({"detail": "Not Found"}),
        {"status": 404},
    ),
    Row(
        "lm-studio",
        GITHUB + "lmstudio-ai/lmstudio-bug-tracker/issues/618",
        body_of({"error": "Unexpected endpoint or method. (POST /chat/completions)"}),
        {"status": 404},
    ),
    Row(
        "bedrock-throttling",
        "https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html",
        body_of({"__type": "ThrottlingException", "message": "Too many tokens, please wait before trying again."}),
        {"status": 429},
    ),
    Row(
        "bedrock-access",
        "https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html",
        body_of({"__type": "AccessDeniedException", "Message": "You don't have access to the model."}),
        {"status": 403},
    ),
    Row(
        "kong-route",
        "https://developer.konghq.com/gateway/routing/traditional/",
        body_of({"message": "no Route matched with those values"}),
        {"status": 404},
    ),
    Row(
        "portkey-header",
        GITHUB + "Portkey-AI/gateway/issues",
        body_of({"status": "failure", "message": "Either x-portkey-config or x-portkey-provider header is required"}),
        {"status": 400},
    ),
    Row(
        "zhipu-model",
        "https://docs.bigmodel.cn/cn/faq/api-code",
        body_of({"error": {"code": "1211", "message": "模型不存在，请检查模型代码。"}}),
        {"status": 404},
    ),
    Row(
        "zhipu-login",
        "https://docs.bigmodel.cn/cn/faq/api-code",
        body_of({"error": {"code": "1000", "message": "身份验证失败。"}}),
        {"status": 401},
    ),
    Row(
        "one-api-quota",
        GITHUB + "songquanpeng/one-api",
        body_of({"error": {"message": "用户额度不足", "type": "one_api_error"}}),
        {"status": 402},
    ),
    Row(
        "one-api-token",
        GITHUB + "songquanpeng/one-api",
        body_of({"error": {"message": "无效的令牌", "type": "one_api_error"}}),
        {"status": 401},
    ),
    Row(
        "one-api-channel",
        GITHUB + "songquanpeng/one-api",
        body_of({"error": {"message": "当前分组 default 下对于模型 m 无可用渠道", "type": "one_api_error"}}),
        {"status": 503},
    ),
    Row(
        "tgi-validation",
        GITHUB + "huggingface/text-generation-inference",
        body_of({"error": "Input validation error: `inputs` cannot be empty", "error_type": "validation"}),
        {"status": 400},
    ),
    Row(
        "hf-loading",
        "https://huggingface.co/docs/inference-providers",
        body_of({"error": "Model m is currently loading", "estimated_time": 20.0}),
        {"status": 503},
    ),
    Row(
        "cohere-token",
        "https://docs.cohere.com/reference/errors",
        body_of({"message": "invalid api token"}),
        {"status": 401},
    ),
    Row(
        "errmsg",
        "invented",
        body_of({"errno": 1, "errmsg": "token expired"}),
        {"status": 401},
    ),
    Row(
        "error-beside-nothing",
        "invented",
        body_of({**completion("", None), "error": "upstream connect error or disconnect/reset"}),
        {"status": 502},
    ),
    Row(
        "a-web-page",
        GITHUB + "STranslate/STranslate/issues/629",
        lambda body: Reply("<!DOCTYPE html><title>Sign in</title>", kind="text/html"),
        {"reason": "invalid_response", "kind": "service", "retryable": True, "says": "a web page (Sign in)"},
    ),
    Row(
        "a-stream",
        "invented",
        lambda body: Reply('data: {"choices": []}\n\ndata: [DONE]\n\n', kind="text/event-stream"),
        {"reason": "invalid_response", "kind": "service", "says": "a stream of events"},
    ),
    Row(
        "an-empty-body",
        "invented",
        lambda body: Reply("", kind="text/plain"),
        {"reason": "invalid_response", "kind": "service", "says": "an empty body"},
    ),
    Row("too-deep", "invented", lambda body: Reply("[" * 100_000), {"reason": "invalid_response", "kind": "service"}),
]

THOUGHTS = [
    Row(
        "think",
        "https://huggingface.co/deepseek-ai/DeepSeek-R1",
        says(f"<think>\nRivers.\n</think>\n\n{ANSWER}"),
        {"text": ANSWER, "reasoning": "Rivers."},
    ),
    Row(
        "think-unopened",
        "https://huggingface.co/Qwen/Qwen3-235B-A22B-Thinking-2507",
        says(f"Rivers.\n</think>\n\n{ANSWER}"),
        {"text": ANSWER, "reasoning": "Rivers."},
    ),
    Row(
        "magistral",
        GITHUB + "RooCodeInc/Roo-Code/issues/8522",
        says(f"[THINK]Rivers.[/THINK]{ANSWER}"),
        {"text": ANSWER, "reasoning": "Rivers."},
    ),
    Row(
        "harmony",
        GITHUB + "ml-explore/mlx-lm/issues/1867",
        says(
            "<|channel|>analysis<|message|>Rivers.<|end|><|start|>assistant<|channel|>final<|message|>"
            + ANSWER
            + "<|return|>"
        ),
        {"text": ANSWER, "reasoning": "Rivers."},
    ),
    Row(
        "harmony-json",
        "https://cookbook.openai.com/articles/openai-harmony",
        says("<|channel|>final <|constrain|>json<|message|>{}"),
        {"text": "{}", "reasoning": None},
    ),
    Row(
        "harmony-cut",
        GITHUB + "NVIDIA/TensorRT-LLM/issues/9256",
        says("<|channel|>analysis<|message|>Riv", "length"),
        {"text": "", "reasoning": "Riv", "finish_reason": "length"},
    ),
    Row(
        "kimi",
        GITHUB + "sgl-project/sglang/pull/9192",
        says(f"◁think▷Rivers.◁/think▷{ANSWER}"),
        {"text": ANSWER, "reasoning": "Rivers."},
    ),
    Row(
        "seed",
        "https://huggingface.co/ByteDance-Seed/Seed-OSS-36B-Instruct",
        says(f"<seed:think>Rivers.</seed:think>{ANSWER}"),
        {"text": ANSWER, "reasoning": "Rivers."},
    ),
    Row(
        "minimax",
        GITHUB + "getkimchi/kimchi/pull/598",
        says(f"<mm:think>Rivers.</mm:think>\n{ANSWER}"),
        {"text": ANSWER, "reasoning": "Rivers."},
    ),
    Row(
        "cohere",
        GITHUB + "cohere-ai/cohere-developer-experience/pull/610",
        says(f"<|START_THINKING|>Rivers.<|END_THINKING|><|START_RESPONSE|>{ANSWER}<|END_RESPONSE|>"),
        {"text": ANSWER, "reasoning": "Rivers."},
    ),
    Row(
        "glm-box",
        "https://huggingface.co/zai-org/GLM-4.5V",
        says(f"<think>Rivers.</think><|begin_of_box|>{ANSWER}<|end_of_box|>"),
        {"text": ANSWER, "reasoning": "Rivers."},
    ),
    Row(
        "glm-box-alone",
        "https://huggingface.co/zai-org/GLM-4.5V",
        says(f"<|begin_of_box|>{ANSWER}<|end_of_box|>"),
        {"text": ANSWER, "reasoning": None},
    ),
    Row(
        "reasoning-scratchpad",
        "invented",
        says(f"<REASONING_SCRATCHPAD>Rivers.</REASONING_SCRATCHPAD>\n{ANSWER}"),
        {"text": ANSWER, "reasoning": "Rivers."},
    ),
    Row("spaces", "invented", says(f"< think >Rivers.</ think >{ANSWER}"), {"text": ANSWER, "reasoning": "Rivers."}),
    Row(
        "ollama-command",
        "https://ollama.com/blog/thinking",
        says(f"Thinking...\nRivers.\n...done thinking.\n\n{ANSWER}"),
        {"text": ANSWER, "reasoning": "Rivers."},
    ),
    Row(
        "thought-with-inner-tag",
        "invented",
        says(f"<thinking>Rivers.<reflection>Yes.</reflection></thinking>\n<output>{ANSWER}</output>"),
        {"text": ANSWER, "reasoning": "Rivers.<reflection>Yes.</reflection>"},
    ),
    Row(
        "thought-that-names-its-end",
        "invented",
        says(f"<think>They mean `</think>`.</think>{ANSWER}"),
        {"text": ANSWER, "reasoning": "They mean `</think>`."},
    ),
    Row(
        "both-ways",
        "invented",
        says({"content": f"<think>More.</think>{ANSWER}", "reasoning_content": "Rivers."}),
        {"text": ANSWER, "reasoning": "Rivers.\n\nMore."},
    ),
    Row(
        "told-twice",
        "invented",
        says({"content": ANSWER, "reasoning": "Rivers.", "reasoning_content": "Rivers."}),
        {"text": ANSWER, "reasoning": "Rivers."},
    ),
    Row(
        "speaks-of-tags",
        GITHUB + "ggml-org/llama.cpp/issues/27661",
        says("Reasoning stands in <think> and </think> tags."),
        {"text": "Reasoning stands in <think> and </think> tags.", "reasoning": None},
    ),
    Row(
        "code-with-tags",
        "invented",
        says("Write:\n```\n</think>\n```\nThen the answer."),
        {"text": "Write:\n```\n</think>\n```\nThen the answer.", "reasoning": None},
    ),
    Row(
        "xml-answer",
        "invented",
        says("<reasoning>All of it.</reasoning>"),
        {"text": "<reasoning>All of it.</reasoning>", "reasoning": None},
    ),
]

MARKS = [
    Row(
        "chatml",
        GITHUB + "mozilla-ai/llamafile/issues/465",
        says(f"{ANSWER}<|im_end|>\n<|im_start|>user\nMore"),
        {"text": ANSWER},
    ),
    Row("llama3", GITHUB + "ggml-org/llama.cpp/issues/6837", says(f"{ANSWER}<|eot_id|>"), {"text": ANSWER}),
    Row(
        "llama3-next",
        GITHUB + "mozilla-ai/llamafile/issues/256",
        says(f"{ANSWER}<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nMore"),
        {"text": ANSWER},
    ),
    Row("phi3", GITHUB + "ggml-org/llama.cpp/issues/6903", says(f"{ANSWER}<|end|>"), {"text": ANSWER}),
    Row("mixtral", GITHUB + "ggml-org/llama.cpp/issues/6872", says(f"{ANSWER}</s>"), {"text": ANSWER}),
    Row(
        "gemma",
        GITHUB + "apple/coreai-models/issues/25",
        says(f"{ANSWER}<end_of_turn>\n<end_of_turn>"),
        {"text": ANSWER},
    ),
    Row("eos", GITHUB + "mlc-ai/xgrammar/pull/32", says(f"{ANSWER}<|eos|>"), {"text": ANSWER}),
    Row(
        "deepseek",
        "https://huggingface.co/deepseek-ai/DeepSeek-V3",
        says(f"{ANSWER}<｜end▁of▁sentence｜>"),
        {"text": ANSWER},
    ),
    Row(
        "granite-header",
        "https://huggingface.co/ibm-granite/granite-3.3-8b-instruct",
        says(f"<|start_of_role|>assistant<|end_of_role|>{ANSWER}<|end_of_text|>"),
        {"text": ANSWER},
    ),
    Row(
        "ling-header",
        "https://huggingface.co/inclusionAI/Ling-lite",
        says(f"<role>ASSISTANT</role>{ANSWER}"),
        {"text": ANSWER},
    ),
    Row(
        "another-document",
        "invented",
        says(f"{ANSWER}<|end_of_text|><|begin_of_text|>Rome was not built in a day."),
        {"text": ANSWER},
    ),
    Row("deepseek-ascii", "invented", says(f"{ANSWER}<|end▁of▁sentence|>"), {"text": ANSWER}),
    Row("half-a-mark", "invented", says(f"{ANSWER}<|im_end"), {"text": ANSWER}),
    Row("glued-beginning", "invented", says(f"{ANSWER}<s>"), {"text": ANSWER}),
    Row("header-repeated", "invented", says(f"<|im_start|>assistant\n{ANSWER}<|im_end|>"), {"text": ANSWER}),
    Row("turn-without-end", "invented", says(f"{ANSWER}\n<|user|>\nAnd of France?"), {"text": ANSWER}),
    Row(
        "prose-about-marks",
        "invented",
        says("ChatML ends a turn with <|im_end|> and begins one with <|im_start|>."),
        {"text": "ChatML ends a turn with <|im_end|> and begins one with <|im_start|>."},
    ),
    Row("struck-out", "invented", says("<s>Tiber</s>"), {"text": "<s>Tiber</s>"}),
    Row(
        "template-in-code",
        "invented",
        says("```\n<|im_start|>user\nHi<|im_end|>\n```\nSo it looks."),
        {"text": "```\n<|im_start|>user\nHi<|im_end|>\n```\nSo it looks."},
    ),
]

LEFT_OUT = "left out"
TUNED = {"temperature": 0.7, "top_p": 0.9, "presence_penalty": 1.5, "frequency_penalty": 0.5, "seed": 1}
SCHEMA = {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}}
JSON_OBJECT = {"type": "json_object"}


def _both(sent: Body) -> bool:
    return "temperature" in sent and "top_p" in sent


def _has_schema(sent: Body) -> bool:
    return sent.get("response_format", {}).get("type") == "json_schema"


PARAMETERS = [
    Row(
        "xai-penalty",
        GITHUB + "open-webui/open-webui/issues/21266",
        refuses(
            "presence_penalty",
            {
                "code": "Client specified an invalid argument",
                "error": "Argument not supported on this model: presencePenalty",
            },
        ),
        {"sent": {"presence_penalty": LEFT_OUT, "temperature": 0.7}},
        TUNED,
    ),
    Row(
        "claude-pair",
        GITHUB + "langfuse/langfuse/issues/9882",
        refuses(
            _both, error("`temperature` and `top_p` cannot both be specified for this model. Please use only one.")
        ),
        {"sent": {"top_p": LEFT_OUT, "temperature": 0.7}},
        TUNED,
    ),
    Row(
        "claude-native-pair",
        GITHUB + "JohnnyZ93/oai-compatible-copilot/issues/81",
        refuses(
            _both,
            {
                "type": "error",
                "error": {"type": "invalid_request_error", "message": "temperature and top_p are mutually exclusive"},
            },
        ),
        {"sent": {"top_p": LEFT_OUT, "temperature": 0.7}},
        TUNED,
    ),
    Row(
        "claude-thinking-temperature",
        GITHUB + "egoist/chatwise-releases/issues/1348",
        refuses("temperature", error("`temperature` may only be set to 1 when thinking is enabled.")),
        {"sent": {"temperature": LEFT_OUT, "top_p": 0.9}},
        TUNED,
    ),
    Row(
        "bedrock-thinking-top-p",
        GITHUB + "n8n-io/n8n/issues/14288",
        refuses(
            "top_p",
            error(
                'litellm.BadRequestError: BedrockException - {"message":"The model returned the following'
                ' errors: top_p must be unset when thinking is enabled."}'
            ),
        ),
        {"sent": {"top_p": LEFT_OUT, "temperature": 0.7}},
        TUNED,
    ),
    Row(
        "litellm-temperature",
        GITHUB + "The-PR-Agent/pr-agent/issues/2235",
        refuses(
            "temperature",
            error(
                "litellm.UnsupportedParamsError: O-series models don't support temperature=0.7. Only"
                " temperature=1 is supported. To drop unsupported params set"
                " `litellm.drop_params = True`",
                "400",
            ),
        ),
        {"sent": {"temperature": LEFT_OUT, "top_p": 0.9}},
        TUNED,
    ),
    Row(
        "litellm-list",
        GITHUB + "langmanus/langmanus/issues/93",
        refuses(
            "presence_penalty",
            error(
                "litellm.UnsupportedParamsError: openai does not support parameters:"
                " ['presence_penalty', 'seed'], for model=m."
            ),
        ),
        {"sent": {"presence_penalty": LEFT_OUT, "seed": LEFT_OUT, "temperature": 0.7}},
        TUNED,
    ),
    Row(
        "o-series-temperature",
        GITHUB + "langgenius/dify/issues/24307",
        refuses(
            "temperature",
            error(
                "Unsupported value: 'temperature' does not support 0.7 with this model. Only the"
                " default (1) value is supported.",
                "unsupported_value",
                "temperature",
            ),
        ),
        {"sent": {"temperature": LEFT_OUT}},
        TUNED,
    ),
    Row(
        "kimi-temperature",
        GITHUB + "arcsin1/oh-my-ppt/issues/45",
        refuses("temperature", error("invalid temperature: only 0.6 is allowed for this model")),
        {"sent": {"temperature": LEFT_OUT, "top_p": 0.9}},
        TUNED,
    ),
    Row(
        "gateway-max-tokens",
        GITHUB + "mnfst/llm-gateway/issues/1878",
        refuses(
            "max_tokens",
            error(
                "Unsupported parameter: 'max_tokens' is not supported with this model. Use"
                " 'max_completion_tokens' instead."
            ),
        ),
        {"sent": {"max_tokens": LEFT_OUT, "max_completion_tokens": 128, "temperature": 0.7}},
        TUNED,
    ),
    Row(
        "gateway-500",
        "invented",
        refuses("max_tokens", error('upstream: {"error":{"message":"Unsupported parameter: \'max_tokens\'"}}'), 500),
        {"sent": {"max_tokens": LEFT_OUT, "max_completion_tokens": 128}},
        TUNED,
    ),
    Row(
        "error-200",
        "invented",
        refuses("seed", error("Unrecognized request argument supplied: seed"), 200),
        {"sent": {"seed": LEFT_OUT, "temperature": 0.7}},
        TUNED,
    ),
    Row(
        "gemini-unknown-name",
        GITHUB + "n4ze3m/page-assist/issues/418",
        refuses(
            "frequency_penalty",
            [
                {
                    "error": {
                        "code": 400,
                        "status": "INVALID_ARGUMENT",
                        "message": 'Invalid JSON payload received. Unknown name "frequency_penalty": Cannot find it.',
                    }
                }
            ],
        ),
        {"sent": {"frequency_penalty": LEFT_OUT, "presence_penalty": 1.5}},
        TUNED,
    ),
    Row(
        "gemini-penalty",
        GITHUB + "google-gemini/cookbook/issues/1290",
        refuses("frequency_penalty", [{"error": {"code": 400, "message": "Penalty is not enabled for this model"}}]),
        {"sent": {"frequency_penalty": LEFT_OUT, "presence_penalty": LEFT_OUT, "temperature": 0.7}},
        TUNED,
    ),
    Row(
        "mistral-422",
        "https://github.com/mistralai/platform-docs-public/issues/7",
        refuses("seed", {"object": "error", "message": {"detail": [forbidden("seed", 1)]}}, 422),
        {"sent": {"seed": LEFT_OUT, "temperature": 0.7}},
        TUNED,
    ),
    Row(
        "pydantic-detail",
        "https://docs.pydantic.dev/latest/errors/validation_errors/#extra_forbidden",
        refuses(
            lambda sent: "presence_penalty" in sent or "frequency_penalty" in sent,
            {"detail": [forbidden("presence_penalty", {"temperature": 1}), forbidden("frequency_penalty", 0.5)]},
            422,
        ),
        {"sent": {"presence_penalty": LEFT_OUT, "frequency_penalty": LEFT_OUT, "temperature": 0.7}},
        TUNED,
    ),
    Row(
        "dashscope-thinking",
        GITHUB + "tencentmusic/supersonic/issues/2355",
        refuses(
            lambda sent: sent.get("enable_thinking") is not False,
            error("parameter.enable_thinking must be set to false for non-streaming calls", "invalid_parameter_error"),
        ),
        {"sent": {"enable_thinking": False, "temperature": 0.7}},
        TUNED,
    ),
    Row(
        "streams-only",
        GITHUB + "browser-use/web-ui/issues/659",
        refuses(
            lambda sent: not sent.get("stream"),
            error("parameter.enable_thinking must be set to false for non-streaming calls", "invalid_parameter_error"),
        ),
        {"reason": "bad_request", "kind": "setup", "says": "400: parameter.enable_thinking must be set to false"},
    ),
    Row(
        "either-limit",
        "invented",
        refuses(
            lambda sent: True,
            error("Unsupported parameter: 'max_tokens' or 'max_completion_tokens' is not supported"),
        ),
        {"reason": "bad_request", "kind": "setup", "retryable": False},
    ),
    Row(
        "template-thinking",
        "invented",
        refuses(
            lambda sent: "chat_template_kwargs" not in sent,
            error("set chat_template_kwargs enable_thinking to false for this endpoint"),
        ),
        {"sent": {"chat_template_kwargs": {"enable_thinking": False}}},
        TUNED,
    ),
    Row(
        "ollama-top-p",
        "invented",
        refuses("top_p", {"error": "model does not support top_p"}),
        {"sent": {"top_p": LEFT_OUT, "temperature": 0.7}},
        TUNED,
    ),
    Row(
        "azure-stop",
        GITHUB + "QwenLM/Qwen-Agent/issues/228",
        refuses(
            lambda sent: len(sent.get("stop", ())) > 4,
            error(
                "Invalid 'stop': array too long. Expected an array with maximum length 4, but got an array with"
                " length 5 instead.",
                "array_above_max_length",
                "stop",
            ),
        ),
        {"sent": {"stop": ["a1", "b2", "c3", "d4"]}},
        {"stop": ["a1", "b2", "c3", "d4", "e5"]},
    ),
    Row(
        "stop-at-most",
        "invented",
        refuses(lambda sent: len(sent.get("stop", ())) > 4, {"message": "stop: at most 4 sequences are allowed"}),
        {"sent": {"stop": ["a1", "b2", "c3", "d4"]}},
        {"stop": ["a1", "b2", "c3", "d4", "e5"]},
    ),
    Row(
        "xai-stop",
        "https://docs.x.ai/docs/guides/reasoning",
        refuses(
            "stop",
            {"code": "Client specified an invalid argument", "error": "Argument not supported on this model: stop"},
        ),
        {"sent": {"stop": LEFT_OUT}},
        {"stop": ["a1"]},
    ),
    Row(
        "deepseek-schema",
        GITHUB + "UKGovernmentBEIS/inspect_ai/issues/4916",
        refuses(_has_schema, error("This response_format type is unavailable now", "invalid_request_error")),
        {"sent": {"response_format": JSON_OBJECT}},
        SCHEMA,
    ),
    Row(
        "no-json-at-all",
        "invented",
        refuses("response_format", error("'response_format' is not supported")),
        {"sent": {"response_format": LEFT_OUT}},
        SCHEMA,
    ),
    Row(
        "bad-value",
        "https://platform.openai.com/docs/api-reference/chat/create",
        refuses(
            "temperature", error("Invalid value: temperature must be between 0 and 2", "invalid_value", "temperature")
        ),
        {"status": 400, "sent": {"temperature": 3.0}},
        {"temperature": 3.0},
    ),
    Row(
        "vllm-context",
        "https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html",
        refuses(
            "max_tokens",
            error(
                "'max_tokens' or 'max_completion_tokens' is too large: 128. This model's maximum context"
                " length is 2048 tokens and your request has 2000 input tokens"
            ),
        ),
        {"status": 400, "sent": {"max_tokens": 128}},
        TUNED,
    ),
    Row(
        "o-series-room",
        "https://platform.openai.com/docs/guides/reasoning",
        refuses(
            "max_tokens", error("Could not finish the message because max_tokens or model output limit was reached.")
        ),
        {"text": "", "finish_reason": "length", "sent": {"max_tokens": 128}},
        TUNED,
    ),
    Row(
        "dashscope-penalty",
        "https://help.aliyun.com/zh/model-studio/error-code",
        refuses(
            "frequency_penalty",
            {
                "code": "InvalidParameter",
                "message": "<400> InternalError.Algo.InvalidParameter: frequency_penalty is not supported.",
            },
        ),
        {"sent": {"frequency_penalty": LEFT_OUT, "presence_penalty": 1.5}},
        TUNED,
    ),
    Row(
        "ollama-option",
        "invented",
        refuses("seed", error("invalid option provided: seed")),
        {"sent": {"seed": LEFT_OUT, "temperature": 0.7}},
        TUNED,
    ),
    Row(
        "in-chinese",
        "invented",
        refuses("seed", error("不支持参数 seed")),
        {"sent": {"seed": LEFT_OUT, "temperature": 0.7}},
        TUNED,
    ),
    Row(
        "zhipu-range",
        "https://docs.bigmodel.cn/cn/faq/api-code",
        refuses("temperature", {"error": {"code": "1210", "message": "temperature参数非法。取值范围是：(0.0, 1.0)"}}),
        {"status": 400, "sent": {"temperature": 0.7}},
        TUNED,
    ),
    Row(
        "bedrock-blank-stop",
        "https://docs.anthropic.com/en/api/messages",
        refuses("stop", {"message": "stop_sequences: each stop sequence must contain non-whitespace"}),
        {"sent": {"stop": LEFT_OUT}},
        {"stop": ["\n"]},
    ),
    Row(
        "penalties-pair",
        "invented",
        refuses(
            lambda sent: "presence_penalty" in sent and "frequency_penalty" in sent,
            error("presence_penalty is incompatible with frequency_penalty"),
        ),
        {"sent": {"presence_penalty": LEFT_OUT, "frequency_penalty": 0.5}},
        TUNED,
    ),
    Row(
        "llama-cpp-schema",
        GITHUB + "ggml-org/llama.cpp",
        refuses(_has_schema, error("Automatic parser generation failed: JSON schema conversion failed")),
        {"sent": {"response_format": JSON_OBJECT}},
        SCHEMA,
    ),
    Row(
        "field-missing",
        "https://docs.pydantic.dev/latest/errors/validation_errors/#missing",
        refuses(
            "temperature",
            {
                "detail": [
                    {
                        "type": "missing",
                        "loc": ["body", "messages", 0, "content"],
                        "msg": "Field required",
                        "input": {"temperature": 0.7},
                    }
                ]
            },
            422,
        ),
        {"status": 422, "sent": {"temperature": 0.7}},
        TUNED,
    ),
]


def counts(usage: Any) -> Callable[[Body], Reply]:
    return says(ANSWER, usage=usage)


USAGE = [
    Row(
        "missing",
        GITHUB + "vercel/ai/issues/6007",
        body_of({"choices": [{"message": {"content": ANSWER}, "finish_reason": "stop"}]}),
        {"tokens": (0, 0, 0)},
    ),
    Row(
        "nulls",
        GITHUB + "vercel/ai/pull/2491",
        counts({"prompt_tokens": None, "completion_tokens": None}),
        {"tokens": (0, 0, 0)},
    ),
    Row("texts", "invented", counts({"prompt_tokens": "50", "completion_tokens": "12.0"}), {"tokens": (50, 12, 0)}),
    Row(
        "not-a-number",
        GITHUB + "vercel/ai/issues/3268",
        counts({"prompt_tokens": float("nan"), "completion_tokens": float("inf")}),
        {"tokens": (0, 0, 0)},
    ),
    Row("negative", "invented", counts({"prompt_tokens": -5, "completion_tokens": -1}), {"tokens": (0, 0, 0)}),
    Row("lists", "invented", counts({"prompt_tokens": [50], "completion_tokens": [3, 4]}), {"tokens": (50, 7, 0)}),
    Row("one-a-choice", "invented", counts([{"prompt_tokens": 50, "completion_tokens": 3}]), {"tokens": (50, 3, 0)}),
    Row("huge", "invented", counts({"prompt_tokens": 10**30, "completion_tokens": 1}), {"tokens": (2**53, 1, 0)}),
    Row(
        "anthropic-names",
        "https://docs.anthropic.com/en/api/messages",
        counts({"input_tokens": 50, "output_tokens": 12, "cache_read_input_tokens": 40}),
        {"tokens": (50, 12, 40)},
    ),
    Row(
        "openai-cache",
        "https://platform.openai.com/docs/guides/prompt-caching",
        counts({"prompt_tokens": 50, "completion_tokens": 12, "prompt_tokens_details": {"cached_tokens": 32}}),
        {"tokens": (50, 12, 32)},
    ),
    Row(
        "deepseek-cache",
        "https://api-docs.deepseek.com/guides/kv_cache",
        counts({"prompt_tokens": 50, "completion_tokens": 12, "prompt_cache_hit_tokens": 48}),
        {"tokens": (50, 12, 48)},
    ),
    Row(
        "xai-reasoning-apart",
        GITHUB + "vercel/ai/pull/12425",
        counts(
            {
                "prompt_tokens": 12,
                "completion_tokens": 1,
                "total_tokens": 399,
                "completion_tokens_details": {"reasoning_tokens": 386},
            }
        ),
        {"tokens": (12, 387, 0)},
    ),
    Row(
        "thousands", "invented", counts({"prompt_tokens": "1,234", "completion_tokens": "5"}), {"tokens": (1234, 5, 0)}
    ),
    Row(
        "gemini-names",
        "https://ai.google.dev/api/generate-content#UsageMetadata",
        counts({"promptTokenCount": 50, "candidatesTokenCount": 12, "totalTokenCount": 62}),
        {"tokens": (50, 12, 0)},
    ),
    Row(
        "bedrock-names",
        "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html",
        counts({"inputTokens": 50, "outputTokens": 12, "totalTokens": 62}),
        {"tokens": (50, 12, 0)},
    ),
    Row(
        "moonshot-cache",
        "https://platform.moonshot.ai/docs/api/chat",
        counts({"prompt_tokens": 50, "completion_tokens": 12, "total_tokens": 62, "cached_tokens": 19}),
        {"tokens": (50, 12, 19)},
    ),
    Row("a-sentence", "invented", counts("not counted"), {"tokens": (0, 0, 0)}),
]

KINDS = {
    "content": CONTENT, "missing": MISSING, "endings": ENDINGS, "errors": ERRORS, "thoughts": THOUGHTS, "marks": MARKS,
    "parameters": PARAMETERS, "usage": USAGE,
}  # fmt: skip


class DialectServer:
    """Serves every row under `/KIND-NAME/v1`, in threads of this process; a context manager."""

    def __init__(self, models: Callable[[str], Reply | None] = lambda path: None) -> None:
        self._rows = {f"{kind}-{row.name}": row for kind, rows in KINDS.items() for row in rows}
        self._models = models
        self.asked: list[str] = []
        self.sent: dict[str, list[dict[str, Any]]] = {}

    def __enter__(self) -> DialectServer:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def url(self, kind: str, row: Row) -> str:
        return f"{self.root}/{kind}-{row.name}/v1"

    def _reply_to(self, path: str, body: dict[str, Any]) -> Reply:
        name = path.split("/")[1]
        if name not in self._rows:
            return Reply(error(f"no route {path}"), 404)
        self.sent.setdefault(name, []).append(body)
        return self._rows[name].reply(body)

    def _handler(server) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.asked.append(self.path)
                self._send(server._models(self.path) or Reply(error(f"no route {self.path}"), 404))

            def do_POST(self) -> None:
                sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self._send(server._reply_to(self.path, sent))

            def _send(self, reply: Reply) -> None:
                content = (reply.body if isinstance(reply.body, str) else json.dumps(reply.body)).encode()
                self.send_response(reply.status)
                self.send_header("Content-Type", reply.kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args: object) -> None:
                pass

        return Handler
