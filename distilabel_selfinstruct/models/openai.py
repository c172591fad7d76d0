"""Any endpoint that speaks OpenAI's protocol: OpenAI itself, vLLM's server, llama.cpp's, TGI, Ollama."""

from __future__ import annotations

import asyncio
import difflib
import logging
import os
from collections.abc import Set
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import openai
from distilabel.mixins.runtime_parameters import RuntimeParameter
from distilabel.models.llms.base import AsyncLLM
from distilabel.models.mixins.magpie import MagpieChatTemplateMixin
from pydantic import Field, PrivateAttr, SecretStr, field_validator

from distilabel_selfinstruct.errors import ConfigError, EndpointError, RequestFailed
from distilabel_selfinstruct.secrets import clean_key, remember, remember_named, shown

if TYPE_CHECKING:
    from distilabel.typing import FormattedInput, GenerateOutput

_LOGGER = logging.getLogger("distilabel.llm.openai")
CONNECT_SECONDS = 10.0
CHECK_SECONDS = 20.0
MODELS_SHOWN = 20
OPENAI_STOP_LIMIT = 4
"""OpenAI's own endpoint refuses a request with more stop sequences; other servers take any number."""
LLAMA_BEGIN = "<|begin_of_text|>"
"""Stands in distilabel's pre-query template; servers put it before every raw prompt themselves."""
FINISH_REASONS = {"eos_token": "stop", "stop_sequence": "stop", "max_tokens": "length"}
"""TGI's words, and those of some gateways, in OpenAI's."""
DISPENSABLE = ("temperature", "top_p", "frequency_penalty", "presence_penalty", "stop", "seed")
"""Parameters that some models refuse and that a request makes sense without."""
SCHEMA_WORDS = ("response_format", "json_schema", "guided", "structured")


class OpenAICompatibleLLM(AsyncLLM, MagpieChatTemplateMixin):
    """Completions from any endpoint that speaks OpenAI's protocol, one attempt a request.

    A chat goes to `/chat/completions`, a raw string to `/completions`, for base models, with its stop sequences.
    Parameters left at `None` are not sent. What a model refuses although the request makes sense without it (a
    temperature, a JSON schema) is left out from then on, with one warning; `max_tokens` becomes
    `max_completion_tokens` where a model wants that. Errors of the `openai` library pass as they are, for whoever
    wraps this class to wait and try again; answers nobody can use raise `RequestFailed`.

    Attributes:
        model: the model's id, as the endpoint lists it.
        base_url: the endpoint, up to and with its `/v1`. Defaults to the environment variable `OPENAI_BASE_URL`, or
            OpenAI's.
        api_key: the key, if the endpoint wants one. Defaults to the environment variable `OPENAI_API_KEY`. It is part
            of no dump, signature or message.
        timeout: the seconds a completion may take. Defaults to `600`, since a busy server queues; connecting may
            take 10 in any case.
        check_endpoint: whether `load` asks the endpoint for its models, to find a refused key or a missing model
            before any work. Defaults to `True`.

    Runtime parameters:
        - `base_url`: the endpoint, up to and with its `/v1`.
        - `api_key`: the key, if the endpoint wants one.
        - `timeout`: the seconds a completion may take. Defaults to `600`.
        - `check_endpoint`: whether `load` asks the endpoint for its models. Defaults to `True`.

    Examples:
        Continue a text with a base model behind vLLM's server:

        ```python
        from distilabel_selfinstruct.models.openai import OpenAICompatibleLLM

        llm = OpenAICompatibleLLM(model="meta-llama/Llama-3.1-8B", base_url="http://localhost:8000/v1")
        llm.load()
        llm.generate_outputs(inputs=["Come up with a series of tasks:\\n1."], stop=["\\n\\n"], max_new_tokens=256)
        ```

        Ask a chat model for JSON:

        ```python
        from distilabel_selfinstruct.models.openai import OpenAICompatibleLLM

        schema = {"type": "object", "properties": {"is_classification": {"type": "boolean"}},
                  "required": ["is_classification"], "additionalProperties": False}
        llm = OpenAICompatibleLLM(model="gpt-4o-mini")
        llm.load()
        chat = [{"role": "user", "content": "Is this a classification task? Name the capital of France."}]
        llm.generate_outputs(inputs=[(chat, {"format": "json", "schema": schema})])
        ```
    """

    model: str
    base_url: RuntimeParameter[str] | None = Field(
        default_factory=lambda: os.getenv("OPENAI_BASE_URL") or "https://api.openai.com/v1",
        description="The endpoint, up to and with its `/v1`.",
    )
    api_key: RuntimeParameter[SecretStr] | None = Field(
        default_factory=lambda: os.getenv("OPENAI_API_KEY"),
        exclude=True,
        repr=False,
        description="The key, if the endpoint wants one.",
    )
    timeout: RuntimeParameter[float] = Field(default=600.0, description="The seconds a completion may take.")
    check_endpoint: RuntimeParameter[bool] = Field(
        default=True,
        description="Whether `load` asks the endpoint for its models.",
    )

    _aclient: openai.AsyncOpenAI | None = PrivateAttr(None)
    _used_loop: Any = PrivateAttr(None)
    _refused: set[str] = PrivateAttr(default_factory=set)
    _warned: set[str] = PrivateAttr(default_factory=set)

    @field_validator("api_key", mode="before")
    @classmethod
    def _usable_key(cls, key: str | SecretStr | None) -> SecretStr | None:
        """The key without what was copied along with it; none where it is empty."""
        given = key.get_secret_value() if isinstance(key, SecretStr) else key
        cleaned = clean_key(given or "", "The key of the endpoint (OPENAI_API_KEY or api_key)")
        remember(cleaned)
        return SecretStr(cleaned) if cleaned else None

    def __del__(self) -> None:
        """As of any LLM, but not of one that was half made when its key turned out to be unusable."""
        if getattr(self, "__pydantic_private__", None) is not None:
            super().__del__()

    @property
    def model_name(self) -> str:
        return self.model

    def load(self) -> None:
        """Makes the client and checks the endpoint.

        Raises:
            EndpointError: the endpoint cannot be reached, refuses the key or lacks the model.
        """
        super().load()
        remember_named({"base_url": self.base_url, "api_key": self.api_key})
        for name in ("httpx", "httpx2", "httpcore", "httpcore2"):
            logging.getLogger(name).setLevel(logging.WARNING)
        if self.check_endpoint:
            with openai.OpenAI(**self._access(CHECK_SECONDS)) as client:
                self._check_models(client)
        self._aclient = openai.AsyncOpenAI(**self._access(self.timeout))

    def unload(self) -> None:
        """Closes the connections, where the event loop they belong to still can."""
        loop = self._used_loop
        if loop is not None and not loop.is_running() and not loop.is_closed():
            loop.run_until_complete(self.aclose())
        self._aclient = None
        super().unload()

    async def aclose(self) -> None:
        """Closes the connections; for a caller with an event loop of its own, which must be the one that used them."""
        if self._aclient is not None:
            await self._aclient.close()
            self._aclient = None

    async def agenerate(
        self,
        input: FormattedInput,
        num_generations: int = 1,
        max_new_tokens: int = 128,
        temperature: float | None = None,
        top_p: float | None = None,
        frequency_penalty: float | None = None,
        presence_penalty: float | None = None,
        stop: list[str] | None = None,
        seed: int | None = None,
        response_format: dict[str, Any] | None = None,
        extra_body: dict[str, Any] | None = None,
    ) -> GenerateOutput:
        """Asks for completions of one input.

        Where a server returns fewer choices than asked, the missing ones are asked for one request after the other, so
        that never more than one is in flight for an input.

        Args:
            input: a chat, a raw string, or a chat with the JSON schema that the answer has to follow. An empty chat
                is the pre-query template as a raw string, where Magpie's template is used.
            num_generations: the number of completions. Defaults to `1`.
            max_new_tokens: the most tokens a completion may have. Defaults to `128`.
            temperature: the sampling temperature. Defaults to the server's.
            top_p: the probability mass sampled from. Defaults to the server's.
            frequency_penalty: the penalty of frequent tokens. Defaults to the server's.
            presence_penalty: the penalty of tokens used before. Defaults to the server's.
            stop: sequences that end a completion and are no part of it. What a server does not heed of them (OpenAI
                takes four, some models none, some servers leave the sequence in the text) is cut here.
            seed: the seed of the sampling; further requests for missing choices count on from it.
            response_format: OpenAI's parameter of that name, where no schema comes with the input.
            extra_body: further fields of the request, as the server calls them.

        Returns:
            `generations`, `finish_reason` and, under `statistics`, `input_tokens` and `output_tokens`, each with one
            entry a completion. The prompt's tokens stand at the first completion of each request and 0 at the others;
            the output tokens, which a server reports per request, are divided by the lengths of the texts. Both
            sum up to what the server reports.

        Raises:
            RequestFailed: the answer cannot be used: `invalid_response` or `content_filter`.
        """
        prompt, response_format = _split_input(input, response_format)
        if self.use_magpie_template and not prompt:
            prompt = str(self.magpie_pre_query_template).removeprefix(LLAMA_BEGIN)
        stop = stop or []
        body = {
            "max_tokens": max_new_tokens,
            "temperature": temperature,
            "top_p": top_p,
            "stop": self._sent_stop(stop),
            "frequency_penalty": frequency_penalty,
            "presence_penalty": presence_penalty,
            "response_format": response_format,
            **(extra_body or {}),
        }
        completions: list[_Completion] = []
        while (missing := num_generations - len(completions)) > 0:
            body["n"] = missing if missing > 1 else None
            body["seed"] = seed + len(completions) if seed is not None else None
            received = _completions(await self._post(prompt, body), stop)
            if not received[0].input_tokens:
                self._warn_once("usage", f"{self.base_url} reports no token counts: no budget can include it")
            completions += received
        return _output(completions[:num_generations])

    def _access(self, seconds: float) -> dict[str, Any]:
        return {
            "base_url": self.base_url,
            # The library refuses to work without a key; servers that need none ignore it.
            "api_key": self.api_key.get_secret_value() if self.api_key else "none",
            "timeout": openai.Timeout(seconds, connect=CONNECT_SECONDS),
            "max_retries": 0,
        }

    def _sent_stop(self, stop: list[str]) -> list[str] | None:
        limited = urlsplit(str(self.base_url)).hostname == "api.openai.com"
        return stop[: OPENAI_STOP_LIMIT if limited else None] or None

    async def _post(self, prompt: str | list[dict[str, Any]], body: dict[str, Any]) -> object:
        """Sends one request, again without a parameter that the model turns out to refuse."""
        assert self._aclient is not None, "call load() first"
        self._used_loop = asyncio.get_running_loop()
        path, key = ("/completions", "prompt") if isinstance(prompt, str) else ("/chat/completions", "messages")
        refusals: dict[str, str] = {}
        while True:
            sent = {"model": self.model, key: prompt, **_accepted(body, self._refused | refusals.keys())}
            try:
                # The library's typed methods cost 0.3 ms more a request and fail on a body that is not a completion.
                reply: object = await self._aclient.post(path, body=sent, cast_to=object)
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                if not (parameter := _refused_parameter(error, sent)):
                    raise
                refusals[parameter] = str(error)
            except ValueError as error:
                raise _invalid(f"no JSON: {error}") from None
            else:
                self._remember(refusals)
                return reply

    def _remember(self, refusals: dict[str, str]) -> None:
        """Leaves out from now on what a model refused and answered without."""
        self._refused |= refusals.keys()
        for parameter in refusals.keys() - {"max_tokens"}:
            self._warn_once(
                parameter, f"{self.model} refuses `{parameter}`, which is left out from now on ({refusals[parameter]})"
            )

    def _warn_once(self, subject: str, message: str) -> None:
        if subject not in self._warned:
            self._warned.add(subject)
            _LOGGER.warning(shown(message))

    def _check_models(self, client: openai.OpenAI) -> None:
        """Raises EndpointError unless the endpoint answers and offers the model, as far as it can tell."""
        try:
            offered = _model_ids(client.get("/models", cast_to=object))
        except openai.OpenAIError as error:
            if getattr(error, "status_code", None) not in (404, 405, 429, 501):
                raise _endpoint_error(self._unusable(error)) from None
            _LOGGER.debug(shown(f"{self.base_url} does not list its models: {error}"))
            return
        except ValueError:
            raise _endpoint_error(
                f"The endpoint {self.base_url} does not answer with a list of models but with "
                "something else, such as a web page. Is base_url right (most end in /v1), is a proxy "
                f"in between? Model asked for: {self.model}."
            ) from None
        if not _offers(offered, self.model):
            nearest = difflib.get_close_matches(self.model, offered, MODELS_SHOWN, cutoff=0.0)
            raise _endpoint_error(
                f"The endpoint {self.base_url} does not offer the model {self.model}. It offers "
                f"{len(offered)}{', the nearest first' if offered else ''}: {', '.join(nearest)}."
            )

    def _unusable(self, error: openai.OpenAIError) -> str:
        detail = str(error.__cause__ or error)
        if isinstance(error, openai.APIConnectionError):
            problem, advice = "cannot be reached", "Is the server running, is base_url (or OPENAI_BASE_URL) right?"
        elif isinstance(error, (openai.AuthenticationError, openai.PermissionDeniedError)):
            problem = "refuses the key" if self.api_key else "wants a key"
            advice = "Set OPENAI_API_KEY or api_key; check_endpoint=False if the key may not list models."
        else:
            problem, advice = "cannot list its models", "Is it up, is base_url (or OPENAI_BASE_URL) right?"
        return f"The endpoint {self.base_url} {problem}: {detail}. Model asked for: {self.model}. {advice}"


@dataclass(frozen=True)
class _Completion:
    text: str
    finish_reason: str | None
    input_tokens: int
    output_tokens: int


def _split_input(
    input: FormattedInput, response_format: dict[str, Any] | None
) -> tuple[str | list[dict[str, Any]], dict[str, Any] | None]:
    """The prompt, and the response format that stands for the schema distilabel sends along with a chat."""
    if not isinstance(input, tuple):
        return input, response_format
    prompt, structure = input
    if structure is None:
        return prompt, response_format
    schema = structure["schema"]
    if structure.get("format", "json") != "json" or isinstance(schema, str):
        raise ConfigError("OpenAICompatibleLLM takes JSON schemas for structured output, as a dict or pydantic model")
    if hasattr(schema, "model_json_schema"):
        schema = schema.model_json_schema()
    return prompt, {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}


def _completions(reply: object, stop: list[str]) -> list[_Completion]:
    """One entry a choice of a reply's body; raises RequestFailed where that is no completion."""
    try:
        texts = [_text(choice) for choice in reply["choices"]]  # type: ignore[index]
        reasons = [choice.get("finish_reason") for choice in reply["choices"]]  # type: ignore[index]
        usage = reply.get("usage") or {}  # type: ignore[attr-defined]
    except (KeyError, TypeError, AttributeError):
        raise _invalid(f"no completion: {shown(repr(reply)):.300}") from None
    if not texts:
        raise _invalid("no choices")
    read = [usage.get("prompt_tokens") or 0] + [0] * (len(texts) - 1)
    written = _divide(usage.get("completion_tokens") or 0, [len(text) for text in texts])
    return [
        _Completion(*_cut(text, FINISH_REASONS.get(reason, reason), stop), *tokens)
        for text, reason, *tokens in zip(texts, reasons, read, written, strict=True)
    ]


def _cut(text: str, finish_reason: str | None, stop: list[str]) -> tuple[str, str | None]:
    found = [at for sequence in stop if (at := text.find(sequence)) >= 0]
    return (text[: min(found)], "stop") if found else (text, finish_reason)


def _text(choice: dict[str, Any]) -> str:
    text = choice["message"]["content"] if "message" in choice else choice["text"]
    if text is None and choice.get("finish_reason") == "length":
        return ""  # a reasoning model that was cut before it began to answer
    if text is None or choice.get("finish_reason") == "content_filter":
        refusal = choice.get("message", {}).get("refusal") or f"finish reason {choice.get('finish_reason')}"
        raise RequestFailed(shown(f"the model gave no text: {refusal}"), reason="content_filter", retryable=False)
    return str(text)


def _divide(total: int, weights: list[int]) -> list[int]:
    """Splits a count in proportion to the weights, to the nearest integers that sum up to it."""
    weights = weights if any(weights) else [1] * len(weights)
    bounds = [0, *(round(total * weight / sum(weights)) for weight in accumulate(weights))]
    return [end - start for start, end in pairwise(bounds)]


def _output(completions: list[_Completion]) -> GenerateOutput:
    return {
        "generations": [c.text for c in completions],
        "statistics": {
            "input_tokens": [c.input_tokens for c in completions],
            "output_tokens": [c.output_tokens for c in completions],
        },
        "finish_reason": [c.finish_reason for c in completions],
    }


def _accepted(body: dict[str, Any], refused: Set[str]) -> dict[str, Any]:
    accepted = {name: value for name, value in body.items() if value is not None and name not in refused}
    if "max_tokens" in refused:
        accepted["max_completion_tokens"] = body["max_tokens"]
    return accepted


def _refused_parameter(error: openai.OpenAIError, sent: dict[str, Any]) -> str | None:
    """The parameter that an endpoint turned a request down for, if the request makes sense without it."""
    message, code, parameter = str(error).lower(), getattr(error, "code", None), getattr(error, "param", None)
    if "response_format" in sent and any(word in message for word in SCHEMA_WORDS):
        return "response_format"
    # The code matters: vLLM speaks of max_completion_tokens, too, where a prompt is too long.
    if code not in ("unsupported_parameter", "unsupported_value") or parameter not in sent:
        return None
    if parameter in DISPENSABLE or (parameter == "max_tokens" and "max_completion_tokens" in message):
        return str(parameter)
    return None


def _model_ids(listing: object) -> list[str]:
    """The ids of a model list; some endpoints send the bare list. Raises ValueError for anything else."""
    entries = listing.get("data") or [] if isinstance(listing, dict) else listing
    if not isinstance(entries, list):
        raise ValueError("not a model list")
    return [str(entry["id"]) for entry in entries if isinstance(entry, dict) and "id" in entry]


def _offers(offered: list[str], model: str) -> bool:
    """Whether a model list contains the model, under the liberties that servers take with its name."""
    if model in offered or f"{model}:latest" in offered:  # Ollama
        return True
    if model.partition(":")[0] in offered:  # a router's "model:provider"
        return True
    if len(offered) != 1:
        return False
    return "tgi" in (model, offered[0]) or _file_name(offered[0]) == _file_name(model)  # TGI; llama.cpp


def _file_name(model: str) -> str:
    return model.replace("\\", "/").rstrip("/").rpartition("/")[2].lower().removesuffix(".gguf")


def _endpoint_error(message: str) -> EndpointError:
    """An error that may be shown: some servers repeat the key they refuse, and addresses hold passwords."""
    return EndpointError(shown(message))


def _invalid(what: str) -> RequestFailed:
    return RequestFailed(f"the endpoint's answer cannot be used, {what}", reason="invalid_response", retryable=True)
