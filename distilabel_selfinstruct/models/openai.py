"""Any endpoint that speaks OpenAI's protocol: OpenAI itself, vLLM's server, llama.cpp's, TGI, Ollama."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

from distilabel.mixins.runtime_parameters import RuntimeParameter
from distilabel.models.llms.base import AsyncLLM
from distilabel.models.mixins.magpie import MagpieChatTemplateMixin
from pydantic import Field, PrivateAttr, SecretStr, field_validator

from distilabel_selfinstruct.errors import ConfigError, RequestFailed
from distilabel_selfinstruct.models.batches.batcher import Batcher
from distilabel_selfinstruct.models.batches.files import FileBatches
from distilabel_selfinstruct.models.batches.openai import OpenAIBatches
from distilabel_selfinstruct.models.batches.protocol import Batches, Batching
from distilabel_selfinstruct.models.completion import Completion, ReplyError, error_in, no_completion, read_reply
from distilabel_selfinstruct.models.connection import Connection, StatusError
from distilabel_selfinstruct.models.ending_early import DETECTED, STREAMED, StreamedAnswer
from distilabel_selfinstruct.models.endpoint import (
    Served,
    check_address,
    check_models,
    count_tokens,
    tokens_of,
    what_it_is,
    without_route,
)
from distilabel_selfinstruct.models.likelihood import read_echo, read_forced, split
from distilabel_selfinstruct.models.parameters import LEAVE_OUT, NEUTRAL, THINKS, Learned, Lesson, as_sent, lessons
from distilabel_selfinstruct.secrets import clean_key, mask_url, remember, remember_named, shown
from distilabel_selfinstruct.text.endings import CUTS

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from distilabel.typing import FormattedInput, GenerateOutput

_LOGGER = logging.getLogger("distilabel.llm.openai")
OPENAI_URL = "https://api.openai.com/v1"
OPENAI_STOP_LIMIT = 4
_CERTAIN = 10_000.0  # added to the logit of a token that llama.cpp has to write; what it tells is from before
"""OpenAI's own endpoint refuses a request with more stop sequences; what others refuse is learned."""
LLAMA_BEGIN = "<|begin_of_text|>"
"""Stands in distilabel's pre-query template; servers put it before every raw prompt themselves."""
REFUSING = (400, 405, 406, 415, 422, 500, 501)
"""Statuses with which servers refuse a parameter."""
CUT_WHILE_THINKING = "max_tokens or model output limit was reached"
"""With these words OpenAI refuses a request whose answer would have been cut before it began."""

T = TypeVar("T")
_IT_THINKS = Lesson(THINKS, True, "an answer came with thoughts")


class _Ends(NamedTuple):
    """The sequences that end an answer: always, and in a chat with a model that does not think."""

    always: list[str]
    of_chats: list[str]


class OpenAICompatibleLLM(AsyncLLM, MagpieChatTemplateMixin):
    """Completions from any endpoint that speaks OpenAI's protocol, one attempt a request.

    A chat goes to `/chat/completions`, a raw string to `/completions`, for base models, with its stop sequences.
    Parameters left at `None` are not sent, nor values that mean nothing (a penalty of 0, a `top_p` of 1). What a model
    refuses although the request makes sense without it (a temperature, a JSON schema) is left out from then on, with
    one warning; `max_tokens` becomes `max_completion_tokens` where a model wants that. An answer whose status says that
    it failed raises `StatusError`, none at all an error of `aiohttp`, for whoever wraps this class to wait and try
    again; an error in the body of an answer raises `ReplyError`, an answer nobody can use `RequestFailed`.

    Attributes:
        model: the model's id, as the endpoint lists it.
        base_url: the endpoint, up to and with its `/v1`. Defaults to the environment variable `OPENAI_BASE_URL`, or
            OpenAI's. A route such as `/chat/completions` at its end is cut.
        api_key: the key, if the endpoint wants one. Defaults to the environment variable `OPENAI_API_KEY`. It is part
            of no dump, signature or message.
        timeout: the seconds a whole request may take, to the last byte of its answer. Defaults to `600`, since a busy
            server queues; connecting may take 10 in any case.
        check_endpoint: whether `load` asks the endpoint for its models, to find a refused key or a missing model
            before any work. Defaults to `True`.
        outage: the seconds for which `load` asks an endpoint again that is not up yet. Defaults to `0`.
        memory: path of a file in which the processes of a run keep what a model refuses, so that it is learned once.
        batching: how requests are put in batches; by default each goes by itself.

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
    outage: float = Field(default=0.0, exclude=True)
    memory: str | None = Field(default=None, exclude=True)
    batching: Batching | None = Field(default=None, exclude=True)

    _batcher: Batcher | None = PrivateAttr(None)
    _connection: Connection | None = PrivateAttr(None)
    _used_loop: Any = PrivateAttr(None)
    _served: Served = PrivateAttr(default_factory=Served)
    _learned: Learned = PrivateAttr(default_factory=lambda: Learned(""))
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

    @property
    def turn_begin(self) -> str:
        """What is sent of an empty chat, where Magpie's template is used."""
        return str(self.magpie_pre_query_template).removeprefix(LLAMA_BEGIN)

    @property
    def window(self) -> int | None:
        """Tokens that the model's context holds, if the endpoint has said so when it was loaded."""
        return self._served.window

    def count_tokens(self, text: str) -> int | None:
        """How many tokens a text has, where the endpoint can be asked (llama.cpp's can)."""
        if not self._served.is_llama_cpp:
            return None
        return count_tokens(self._connected(), self._url(), text)

    @property
    def last_headers(self) -> Iterable[tuple[str, str]]:
        """Those of the last answer, whichever request it was to: an endpoint tells of its limits there."""
        return self._connection.last_headers if self._connection else ()

    @property
    def learned(self) -> dict[str, Any]:
        """What the model has turned out to refuse: what becomes of each parameter."""
        return {name: value for name, value in self._learned.values.items() if name != THINKS}

    def load(self) -> None:
        """Checks the endpoint.

        Raises:
            EndpointError: the endpoint cannot be reached, refuses the key or lacks the model.
        """
        super().load()
        url = self._url()
        remember_named({"base_url": url, "api_key": self.api_key})
        check_address(url)
        self._connection = Connection(url, self.api_key.get_secret_value() if self.api_key else None)
        if self.check_endpoint:
            self._served = check_models(self._connection, url, self.model, self.outage, _LOGGER)
        self._learned = Learned(f"{self.model} at {mask_url(url)}", Path(self.memory) if self.memory else None)
        self._make_batcher()

    def _make_batcher(self) -> None:
        if (how := self.batching) is not None:
            self._batcher = Batcher(self._batches(how), Path(how.folder), how.stage, how.outage)

    def _batches(self, how: Batching) -> Batches:
        """Where batches are answered."""
        if how.protocol == "file":
            return FileBatches(self.model, how.command)
        return OpenAIBatches(self._connected())

    @property
    def batcher(self) -> Batcher | None:
        """What puts its requests in batches."""
        return self._batcher

    @property
    def gives_one(self) -> bool:
        """Whether a request has one completion whatever it asks for."""
        return False

    def unload(self) -> None:
        """Closes the connections, where the event loop they belong to still can."""
        loop = self._used_loop
        if loop is not None and not loop.is_running() and not loop.is_closed():
            loop.run_until_complete(self.aclose())
        self._connection = None
        super().unload()

    async def aclose(self) -> None:
        """Closes the connections; for a caller with an event loop of its own, which must be the one that used them."""
        if self._batcher is not None:
            await self._batcher.aclose()
        if self._connection is not None:
            await self._connection.aclose()
            self._connection = None

    async def agenerate(
        self,
        input: FormattedInput,
        num_generations: int = 1,
        max_new_tokens: int = 128,
        temperature: float | None = None,
        top_p: float | None = None,
        frequency_penalty: float | None = None,
        presence_penalty: float | None = None,
        repetition_penalty: float | None = None,
        top_k: int | None = None,
        min_p: float | None = None,
        stop: list[str] | None = None,
        chat_stop: list[str] | None = None,
        seed: int | None = None,
        response_format: dict[str, Any] | None = None,
        extra_body: dict[str, Any] | None = None,
        end_early: bool = False,
        chat_form: str | None = None,
        likelihood: bool = False,
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
            repetition_penalty: the factor against repeated tokens, of servers that have it. Defaults to the server's.
            top_k: the number of tokens sampled from, of servers that have it. Defaults to the server's.
            min_p: the least probability sampled, relative to the most likely token's, of servers that have it. Defaults
                to the server's.
            stop: sequences that end a completion and are no part of it. What a server does not heed of them (OpenAI
                takes four, some models none, some servers leave the sequence in the text) is cut here.
            chat_stop: as `stop`, but for chats alone, and not sent to a model that has shown thoughts: a server looks
                for them there too, and would end the answer before it began.
            seed: the seed of the sampling; further requests for missing choices count on from it.
            response_format: OpenAI's parameter of that name, where no schema comes with the input.
            extra_body: further fields of the request, as the server calls them.
            end_early: whether an answer that comes to nothing is ended before its limit. One that goes round has the
                finish reason `repetition`: llama.cpp's server streams it, vLLM's ends it itself, others go on.
                Defaults to `False`.
            chat_form: a regular expression that is found where the answer of a chat begins its form; one of llama.cpp's
                without it in the first 1,000 characters is ended early too, with the finish reason `off_form`, unless
                its chat template has thoughts.
            likelihood: whether the input is a pair of texts, and the answer says how likely the second is after the
                first; all other parameters mean nothing then. Defaults to `False`.

        Returns:
            `generations`, `finish_reason`, `reasoning` (what the model thought before it answered, if it shows that)
            and, under `statistics`, `input_tokens`, `cached_tokens` (those of the former that a cache of the server
            held) and `output_tokens`, each with one entry a completion. The prompt's tokens stand at the first
            completion of each request and 0 at the others; the output tokens, which a server reports per request, are
            divided by the lengths of the texts. Both sum up to what the server reports.

        Raises:
            RequestFailed: the answer cannot be used: `invalid_response`, `content_filter`, `server_error` (broken off),
                `reasoning_only`; there is none in time: `timeout`; or a parameter cannot be sent as the model wants it:
                `bad_request`.
            ReplyError: the answer is an error, with status 200.
        """
        if likelihood:
            return _output([await self._likelihood(*input)])
        prompt, response_format = _split_input(input, response_format)
        if self.use_magpie_template and not prompt:
            prompt = self.turn_begin
        ends = _Ends(stop or [], (chat_stop or []) if not isinstance(prompt, str) else [])
        body = {
            "max_tokens": max_new_tokens,
            **_telling(
                temperature=temperature,
                top_p=top_p,
                frequency_penalty=frequency_penalty,
                presence_penalty=presence_penalty,
                repetition_penalty=repetition_penalty,
                top_k=top_k,
                min_p=min_p,
                response_format=response_format,
            ),
            **({"repetition_detection": DETECTED} if end_early and self._served.software == "vllm" else {}),
            **(extra_body or {}),
        }
        form = None if isinstance(prompt, str) or self._served.may_think else chat_form
        is_watched = end_early and self._served.is_llama_cpp and self._batcher is None
        watched = partial(StreamedAnswer, form) if is_watched else None
        completions: list[Completion] = []
        while (missing := num_generations - len(completions)) > 0:
            wanted = 1 if watched else missing  # there is one text to watch
            again = _telling(n=wanted, seed=None if seed is None else seed + len(completions))
            received = await self._complete(prompt, {**body, **again}, ends, watched)
            if not received[0].input_tokens:
                self._warn_once("usage", f"{self._url()} reports no token counts: no budget can include it")
            completions += received
        return _output(completions[:num_generations])

    async def _likelihood(self, context: str, continuation: str) -> Completion:
        """How likely a text is after another: the server repeats both, or, llama.cpp's, has to write the second."""
        text, context = context + continuation, context.rstrip()
        sent = {"model": self.model, "max_tokens": 1, "temperature": 0, "logprobs": 1}
        if not self._served.is_llama_cpp:
            reply = await self._post("/completions", {**sent, "prompt": text, "echo": True})
            return read_echo(reply, text, len(context))
        before, whole = [await tokens_of(self._connected(), self._url(), each) for each in (context, text)]
        if not before:
            before = await tokens_of(self._connected(), self._url(), self._served.begin)
            whole = before + whole
        before, those = split(before, whole)
        replies = []  # a token each: a grammar of tokens holds none that is a part of a character
        for at, token in enumerate(those):
            sent |= {"prompt": before + those[:at], "logit_bias": [[token, _CERTAIN]]}
            replies.append(await self._post("/completions", sent))
        return read_forced(replies, those)

    def _url(self) -> str:
        """The endpoint's address, without the route that some copy along with it."""
        given = (self.base_url or "").strip() or os.getenv("OPENAI_BASE_URL", "").strip() or OPENAI_URL
        url, route = without_route(given)
        if route:
            self._warn_once("route", f"base_url ends in {route}, which is cut: the endpoint is {mask_url(url)}")
        return url

    def _connected(self) -> Connection:
        assert self._connection is not None, "call load() first"
        return self._connection

    def _sent_stop(self, stop: list[str]) -> list[str] | None:
        limited = urlsplit(self._url()).hostname == "api.openai.com"
        return stop[: OPENAI_STOP_LIMIT if limited else None] or None

    async def _complete(
        self,
        prompt: str | list[dict[str, Any]],
        body: dict[str, Any],
        ends: _Ends,
        watched: Callable[[], StreamedAnswer] | None,
    ) -> list[Completion]:
        """The answer to one request, asked again without what the model turns out not to stand."""
        path, key = ("/completions", "prompt") if isinstance(prompt, str) else ("/chat/completions", "messages")
        new: list[Lesson] = []
        thinks = False
        self._learned.read()
        while True:
            learned = {**self._learned.values, **{lesson.parameter: lesson.value for lesson in new}}
            of_chats = [] if thinks or THINKS in learned else ends.of_chats
            stop = self._sent_stop([*ends.always, *of_chats])
            sent = {"model": self.model, key: prompt, **as_sent({**body, "stop": stop}, learned)}
            try:
                reply = await (self._streamed(path, sent, watched()) if watched else self._post(path, sent))
                completions = read_reply(reply, [*ends.always, *ends.of_chats])
            except RequestFailed as failure:
                if failure.reason != "reasoning_only" or not of_chats:
                    raise
                thinks = True
            except (StatusError, ReplyError) as error:
                if CUT_WHILE_THINKING in str(error):
                    return [Completion("", "length")]
                found = _lessons_of(error, sent)
                fresh = [lesson for lesson in found if lesson not in new]
                if found and not fresh:  # whatever is sent instead is refused too: so is every request
                    raise RequestFailed(f"{error.status_code}: {found[0].said}", "bad_request", kind="setup") from None
                if not fresh:
                    raise
                new += fresh
            else:
                if of_chats and any(not each.text and each.finish_reason not in CUTS for each in completions):
                    thinks = True  # perhaps: if it was a thought that was ended, the same question shows it
                    continue
                if THINKS not in learned and any(completion.reasoning for completion in completions):
                    new.append(_IT_THINKS)
                last = {lesson.parameter: lesson for lesson in new}
                for lesson in self._learned.learn(list(last.values())):
                    self._tell(lesson)
                return completions

    async def _post(self, path: str, sent: dict[str, Any]) -> object:
        """The parsed body of the response to one request."""
        self._used_loop = asyncio.get_running_loop()
        if self._batcher is not None:
            return await self._batcher.post(path, sent)
        return _parsed(await self._in_time(self._connected().ask(path, sent)))

    async def _streamed(self, path: str, sent: dict[str, Any], answer: StreamedAnswer) -> object:
        """As `_post`, of an answer that is watched as it is written."""
        self._used_loop = asyncio.get_running_loop()
        content = await self._in_time(self._connected().stream(path, {**sent, **STREAMED}, answer.take))
        if content is not None:
            return _parsed(content)
        if not answer.is_through:
            raise no_completion("a stream that ends before the answer does")
        return answer.reply()

    async def _in_time(self, asking: Coroutine[Any, Any, T]) -> T:
        try:  # a time-out of reading would begin anew with every byte
            return await asyncio.wait_for(asking, float(self.timeout))
        except asyncio.TimeoutError:
            raise RequestFailed(
                f"no whole answer within {self.timeout:g} s", "timeout", retryable=True, kind="service"
            ) from None

    def _tell(self, lesson: Lesson) -> None:
        """Warns of what is sent otherwise than it was asked for, from now on."""
        name, value = lesson.parameter, lesson.value
        if name in ("max_tokens", THINKS):
            return  # another name for the same; nothing that anybody misses
        if value == LEAVE_OUT:
            what = f"refuses `{name}`, which is left out from now on"
        elif name == "stop":
            what = f"takes {value} sequences as `stop`; from now on answers are cut here at the others"
        elif name == "response_format":
            what = f"refuses `{name}` with a schema; from now on it is asked for {value} instead"
        else:
            what = f"wants `{name}` to be {json.dumps(value)}, which is sent from now on"
        _LOGGER.warning(shown(f"{self.model} {what} ({lesson.said:.300})"))

    def _warn_once(self, subject: str, message: str) -> None:
        if subject not in self._warned:
            self._warned.add(subject)
            _LOGGER.warning(shown(message))


def _parsed(content: bytes) -> object:
    try:
        return json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise no_completion(what_it_is(content.decode("utf-8", "replace"))) from None


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


def _telling(**parameters: Any) -> dict[str, Any]:
    """Those that mean something."""
    return {
        name: value
        for name, value in parameters.items()
        if value is not None and not (name in NEUTRAL and value == NEUTRAL[name])
    }


def _lessons_of(error: StatusError | ReplyError, sent: dict[str, Any]) -> list[Lesson]:
    """What a refused request teaches about its parameters."""
    if error.status_code not in REFUSING:
        return []
    found = error if isinstance(error, ReplyError) else error_in({"error": error.body})
    return lessons(error.body, str(found or error), error.param, sent)


def _output(completions: list[Completion]) -> GenerateOutput:
    return {
        "generations": [c.text for c in completions],
        "statistics": {
            "input_tokens": [c.input_tokens for c in completions],
            "output_tokens": [c.output_tokens for c in completions],
            "cached_tokens": [c.cached_tokens for c in completions],
            "reasoning_tokens": [c.reasoning_tokens for c in completions],
        },
        "finish_reason": [c.finish_reason for c in completions],
        "reasoning": [c.reasoning for c in completions],
    }  # type: ignore[typeddict-unknown-key]
